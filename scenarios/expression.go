package scenarios

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// Bounds of one expression.
const (
	maxNodes     = 1000
	memoryBudget = 1 << 20 // list and map elements an evaluation may make
)

var (
	errNoValue = errors.New("has no value")
	errBytes   = errors.New("is bytes: use base64url(), base64() or hex()")
)

// expression is one expression of a file, compiled once its scope is known.
type expression struct {
	source  string // without ${{ }} and surrounding space
	node    *source.Node
	offset  int // of source in the node's text, in characters
	at      Pos
	program *vm.Program
	roots   map[string]bool // top-level names it mentions
}

// newExpression makes an expression from the part of a scalar's text that begins at offset.
func newExpression(n *source.Node, offset int, text string) *expression {
	trimmed := strings.TrimLeft(text, " \t\n")
	offset += utf8.RuneCountInString(text) - utf8.RuneCountInString(trimmed)
	e := &expression{source: strings.TrimRight(trimmed, " \t\n"), node: n, offset: offset}
	d := e.diagnostic(0, 1, "", "")
	e.at = Pos{File: d.File, Line: d.Line, Col: d.Col}
	return e
}

// newExpr makes a bare expression, which may stand in ${{ }}.
func newExpr(n *source.Node) *Expr {
	text, offset := n.Value, 0
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, opening) {
		inner := []rune(strings.TrimPrefix(trimmed, opening))
		if end := expressionEnd(inner); end >= 0 && end+len(closing) == len(inner) {
			before, _, _ := strings.Cut(text, opening)
			offset = utf8.RuneCountInString(before) + len(opening)
			text = string(inner[:end])
		}
	}
	return &Expr{newExpression(n, offset, text)}
}

// diagnostic is about width characters of the expression from offset on.
func (e *expression) diagnostic(offset, width int, message, hint string) diag.Diagnostic {
	return e.node.DiagnosticIn(e.offset+offset, width, diag.KindExpression, message, hint)
}

// compile checks the expression against a scope and prepares it for evaluation. A condition must
// come out as true or false.
func (e *expression) compile(s *scope, condition bool, errs *diag.Errors) {
	if e.source == "" {
		errs.Add(e.node.Diagnostic(diag.KindExpression, "the expression is empty", ""))
		return
	}
	v := newNameVisitor()
	options := append(functionOptions(), expr.Env(typedNames()), expr.AllowUndefinedVariables(), expr.MaxNodes(maxNodes), expr.Patch(v))
	if condition {
		options = append(options, expr.AsBool())
	}
	program, err := expr.Compile(e.source, options...)
	e.roots = v.roots()
	before := len(errs.List)
	v.check(e, s, errs)
	if err != nil && len(errs.List) == before {
		errs.Add(e.compileError(err))
	}
	if err == nil {
		e.program = program
	}
}

// typedNames gives the types of names that have one, so that comparing a status with a text is found
// before the scenario runs.
func typedNames() map[string]any {
	return map[string]any{"status": 0, "text": "", "url": ""}
}

func (e *expression) compileError(err error) diag.Diagnostic {
	width := utf8.RuneCountInString(e.source)
	at, ok := errors.AsType[*file.Error](err)
	if !ok {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return e.diagnostic(0, width, conditionMessage(first), "")
	}
	from := min(at.From, max(width-1, 0))
	return e.diagnostic(from, max(at.To-at.From, 1), rewordExpr(at.Message), "")
}

func conditionMessage(message string) string {
	if kind, ok := strings.CutPrefix(message, "expected bool, but got "); ok {
		return "expected a condition that is true or false, but this is " + typeName(kind)
	}
	return "the expression does not compile: " + message
}

// typeName names a Go type as users know it.
func typeName(kind string) string {
	switch {
	case kind == "string":
		return "text"
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "float"):
		return "a number"
	case strings.HasPrefix(kind, "[]"):
		return "a list"
	case strings.HasPrefix(kind, "map"):
		return "a mapping"
	case kind == "unknown", kind == "nil":
		return "nothing"
	}
	return kind
}

func mismatch() *regexp.Regexp {
	return regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types (\S+) and (\S+)\)`)
}

// rewordExpr puts the expression compiler's message into the words of this language.
func rewordExpr(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	if m := mismatch().FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s cannot be used on %s and %s", m[1], typeName(m[2]), typeName(m[3]))
	}
	if strings.Contains(message, "exceeds maximum allowed nodes") {
		return fmt.Sprintf("the expression has more than %d parts", maxNodes)
	}
	switch message {
	case "unexpected token EOF":
		return "the expression ends too early"
	case "literal not terminated":
		return "the quote is not closed"
	}
	return strings.NewReplacer("token Operator(", "(", "token Bracket(", "(", "token Number(", "(",
		"token Identifier(", "(", "token String(", "(", "token EOF", "end").Replace(message)
}

// eval runs the expression. Errors name its place.
func (e *expression) eval(env Env) (any, error) {
	if e.program == nil {
		return nil, fmt.Errorf("%s: %q was not compiled", e.at, e.source)
	}
	machine := vm.VM{MemoryBudget: memoryBudget}
	v, err := machine.Run(e.program, map[string]any(env))
	if err != nil {
		message := err.Error()
		if at, ok := errors.AsType[*file.Error](err); ok {
			message = at.Message
		}
		return nil, fmt.Errorf("%s: %q: %s", e.at, e.source, message)
	}
	return v, nil
}
