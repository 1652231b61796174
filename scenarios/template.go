package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// template is a scalar with the expressions in it. Copies of the value that holds it share it.
type template struct {
	node    *source.Node
	raw     string
	literal any    // the value when there are no expressions
	parts   []part // empty when there are none

	low, high int  // bounds of an Int
	signed    bool // whether a Duration may be negative
}

// part is either literal text or an expression.
type part struct {
	text string
	expr *expression
}

func newTemplate(n *source.Node, errs *diag.Errors) *template {
	t := &template{node: n, raw: n.Value}
	if n.Kind != source.String {
		t.literal = literalValue(n)
		return t
	}
	parts := splitTemplate(n, errs)
	if len(parts) == 0 || len(parts) == 1 && parts[0].expr == nil {
		t.literal = ""
		if len(parts) == 1 {
			t.literal = parts[0].text
		}
		return t
	}
	t.parts = parts
	return t
}

// literalValue is a scalar's value with int for whole numbers that fit, as expressions have them.
func literalValue(n *source.Node) any {
	v := n.Scalar()
	if i, ok := v.(int64); ok {
		return int(i)
	}
	return v
}

const (
	opening = "${{"
	closing = "}}"
	escaped = "$${{" // stands for ${{ as text
)

// splitTemplate cuts a scalar into text and expressions.
func splitTemplate(n *source.Node, errs *diag.Errors) []part {
	var parts []part
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			parts = append(parts, part{text: text.String()})
			text.Reset()
		}
	}
	runes := []rune(n.Value)
	for i := 0; i < len(runes); {
		switch {
		case hasPrefix(runes[i:], escaped):
			text.WriteString(opening)
			i += len(escaped)
		case hasPrefix(runes[i:], opening):
			start := i + len(opening)
			size := expressionEnd(runes[start:])
			if size < 0 {
				errs.Add(n.DiagnosticIn(i, len(opening), diag.KindExpression, "${{ without }}", "to write ${{ as text, write $${{"))
				return nil
			}
			flush()
			parts = append(parts, part{expr: newExpression(n, start, string(runes[start:start+size]))})
			i = start + size + len(closing)
		default:
			text.WriteRune(runes[i])
			i++
		}
	}
	flush()
	return parts
}

func hasPrefix(runes []rune, prefix string) bool {
	return len(runes) >= len(prefix) && string(runes[:len(prefix)]) == prefix
}

// expressionEnd finds the }} that ends an expression: the first that is neither in quotes nor needed
// to close a map. It is -1 when there is none.
func expressionEnd(runes []rune) int {
	var quote rune
	depth := 0
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quote != 0:
			switch r {
			case '\\':
				if quote != '`' {
					i++
				}
			case quote:
				quote = 0
			}
		case r == '"' || r == '\'' || r == '`':
			quote = r
		case r == '{':
			depth++
		case r == '}' && depth > 0:
			depth--
		case r == '}' && i+1 < len(runes) && runes[i+1] == '}':
			return i
		}
	}
	return -1
}

func (t *template) pos() Pos {
	if t == nil {
		return Pos{}
	}
	return posOf(t.node)
}

func (t *template) expressions() []*expression {
	if t == nil {
		return nil
	}
	var list []*expression
	for _, p := range t.parts {
		if p.expr != nil {
			list = append(list, p.expr)
		}
	}
	return list
}

func (t *template) eval(env Env) (any, error) {
	switch {
	case len(t.parts) == 0:
		return t.literal, nil
	case len(t.parts) == 1:
		return t.parts[0].expr.eval(env)
	}
	return t.string(env)
}

func (t *template) string(env Env) (string, error) {
	if len(t.parts) == 0 {
		if s, ok := t.literal.(string); ok {
			return s, nil
		}
		return t.raw, nil // as written: 007 and 1.50 keep their digits
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := p.expr.eval(env)
		if err != nil {
			return "", err
		}
		s, err := toString(v)
		if err != nil {
			return "", fmt.Errorf("%s: %q %w", p.expr.at, p.expr.source, err)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// toString is a scalar as text. The error continues the sentence "X …".
func toString(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case time.Duration:
		return v.String(), nil
	case fmt.Stringer:
		return v.String(), nil
	case nil:
		return "", errNoValue
	case []byte:
		return "", errBytes
	}
	return "", fmt.Errorf("is %s, which has no text form: use json()", describe(v))
}
