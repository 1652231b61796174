package scenarios

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/source"
)

// Pos is a place in a file. The zero Pos is unknown.
type Pos struct {
	File      string // as the user typed it
	Line, Col int    // 1-based; Col counts characters
}

// String is "file:line:col".
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

func posOf(n *source.Node) Pos {
	if n == nil {
		return Pos{}
	}
	return Pos{File: n.File.Path, Line: n.Line, Col: n.Col}
}

// Env is what expressions can see, by top-level name.
type Env map[string]any

// Text is a scalar that may hold ${{ expressions }}. The zero Text is one that was not given.
type Text struct{ t *template }

// NewText is a Text that stands for s as it is; expressions in it are not evaluated.
func NewText(s string) Text {
	return Text{&template{raw: s, literal: s}}
}

// IsZero says whether the value was not given.
func (t Text) IsZero() bool { return t.t == nil }

// Raw is the value as written, with its expressions.
func (t Text) Raw() string {
	if t.t == nil {
		return ""
	}
	return t.t.raw
}

// Pos is where the value is written.
func (t Text) Pos() Pos { return t.t.pos() }

// Eval is the value. One that is exactly one expression has the expression's type, one without
// expressions has its type in YAML (nil, bool, int, float64, string), any other is a string.
func (t Text) Eval(env Env) (any, error) {
	if t.t == nil {
		return nil, nil //nolint:nilnil // no value is a value here, as in YAML
	}
	return t.t.eval(env)
}

// String is the value as a string; "" when it was not given. An expression in it that comes out as
// nil is an error, and so are lists, maps and bytes.
func (t Text) String(env Env) (string, error) {
	if t.t == nil {
		return "", nil
	}
	return t.t.string(env)
}

func (t Text) expressions() []*expression { return t.t.expressions() }

// Expr is a bare expression, such as: status == 200. A surrounding ${{ }} is allowed in the file.
type Expr struct {
	e *expression
}

// Source is the expression as written.
func (e Expr) Source() string {
	if e.e == nil {
		return ""
	}
	return e.e.source
}

// Pos is where the expression is written.
func (e Expr) Pos() Pos {
	if e.e == nil {
		return Pos{}
	}
	return e.e.at
}

// Eval is the expression's value.
func (e Expr) Eval(env Env) (any, error) {
	if e.e == nil {
		return nil, nil //nolint:nilnil // no expression has no value
	}
	return e.e.eval(env)
}

// Bool is the value of an expression that must be true or false.
func (e Expr) Bool(env Env) (bool, error) {
	v, err := e.Eval(env)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("%s: %q is %s, not true or false", e.Pos(), e.Source(), describe(v))
	}
	return b, nil
}

func (e Expr) expressions() []*expression {
	if e.e == nil {
		return nil
	}
	return []*expression{e.e}
}

// Int is a whole number, or one expression for it.
type Int struct{ t *template }

// NewInt is an Int that stands for n.
func NewInt(n int) Int {
	return Int{&template{raw: strconv.Itoa(n), literal: n, low: math.MinInt, high: math.MaxInt}}
}

// IsZero says whether the value was not given.
func (i Int) IsZero() bool { return i.t == nil }

// Pos is where the value is written.
func (i Int) Pos() Pos { return i.t.pos() }

// Value is the number; 0 when it was not given.
func (i Int) Value(env Env) (int, error) {
	if i.t == nil {
		return 0, nil
	}
	v, err := i.t.eval(env)
	if err != nil {
		return 0, err
	}
	n, ok := wholeNumber(v)
	if !ok {
		return 0, fmt.Errorf("%s: %q is %s, not a whole number", i.Pos(), i.t.raw, describe(v))
	}
	if n < i.t.low || n > i.t.high {
		return 0, fmt.Errorf("%s: %q is %d, not %s", i.Pos(), i.t.raw, n, bounds(i.t.low, i.t.high))
	}
	return n, nil
}

func (i Int) written() *template { return i.t }

func (i Int) expressions() []*expression { return i.t.expressions() }

// bounds words a range of whole numbers.
func bounds(low, high int) string {
	switch {
	case high == math.MaxInt:
		return fmt.Sprintf("%d or more", low)
	case low == math.MinInt:
		return fmt.Sprintf("%d or less", high)
	}
	return fmt.Sprintf("from %d to %d", low, high)
}

// wholeNumber also takes numbers in text, as --param and the environment give them.
func wholeNumber(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case int64:
		return int(v), true
	case uint64:
		return int(v), v <= math.MaxInt //nolint:gosec // the second result says whether it fits
	case float64:
		return int(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case string:
		n, err := strconv.Atoi(strings.TrimSpace(v))
		return n, err == nil
	}
	return 0, false
}

// Duration is a time span such as 800ms or 2m, or one expression for it.
type Duration struct{ t *template }

// NewDuration is a Duration that stands for span.
func NewDuration(span time.Duration) Duration {
	return Duration{&template{raw: span.String(), literal: span.String()}}
}

// IsZero says whether the value was not given.
func (d Duration) IsZero() bool { return d.t == nil }

// Pos is where the value is written.
func (d Duration) Pos() Pos { return d.t.pos() }

// Value is the duration; 0 when it was not given.
func (d Duration) Value(env Env) (time.Duration, error) {
	if d.t == nil {
		return 0, nil
	}
	v, err := d.t.eval(env)
	if err != nil {
		return 0, err
	}
	var span time.Duration
	switch v := v.(type) {
	case time.Duration:
		span = v
	case string:
		if span, err = time.ParseDuration(v); err != nil {
			return 0, fmt.Errorf("%s: %q is %q, not a duration such as 800ms", d.Pos(), d.t.raw, v)
		}
	default:
		return 0, fmt.Errorf("%s: %q is %s, not a duration such as 800ms", d.Pos(), d.t.raw, describe(v))
	}
	if span < 0 && !d.t.signed {
		return 0, fmt.Errorf("%s: %q is %s: a duration cannot be negative here", d.Pos(), d.t.raw, span)
	}
	return span, nil
}

func (d Duration) written() *template { return d.t }

func (d Duration) expressions() []*expression { return d.t.expressions() }

// describe names a value's type the way users know it.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return fmt.Sprintf("the text %q", clip(v))
	case int, int64, uint64, float64:
		return fmt.Sprintf("the number %v", v)
	case []byte:
		return "bytes"
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return fmt.Sprintf("a %T", v)
}

// clip shortens a text for a message.
func clip(s string) string {
	const most = 40
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
