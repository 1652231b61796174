package scenarios

import (
	"slices"
	"strconv"
	"time"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/scenarios/internal/shape"
)

func (d *decoder) integer(n *source.Node, f shape.Field, p *Int) {
	t := newTemplate(n, d.errs)
	t.low, t.high = f.Low, f.High
	if isExpression(t) && len(f.Enum) == 0 {
		p.t = t
		return
	}
	value, ok := t.literal.(int)
	switch {
	case n.Kind != source.Int || !ok:
		d.expected(n, source.Int.String())
		return
	case len(f.Enum) > 0 && !slices.Contains(f.Enum, strconv.Itoa(value)):
		d.fail(n, diag.Suggest(n.Value, f.Enum), "unknown value %s", n.Value)
	case value < f.Low || value > f.High:
		d.fail(n, "", "%s is %d, not %s", f.Name, value, bounds(f.Low, f.High))
	}
	p.t = t
}

// isExpression says whether the scalar is exactly one expression.
func isExpression(t *template) bool { return len(t.parts) == 1 && t.parts[0].expr != nil }

func (d *decoder) duration(n *source.Node, f shape.Field, p *Duration) {
	const what = "a duration such as 800ms or 2m"
	if n.Kind != source.String {
		d.expected(n, what)
		return
	}
	t := newTemplate(n, d.errs)
	t.signed = f.Signed
	p.t = t
	if isExpression(t) {
		return
	}
	span, err := time.ParseDuration(n.Value)
	switch {
	case err != nil:
		d.fail(n, "units are h, m, s, ms, us and ns", "%q is not %s", n.Value, what)
		p.t = nil
	case span < 0 && !f.Signed:
		d.fail(n, "", "%s cannot be negative", f.Name)
	}
}

// measure reads a value that a function of this package understands, or expressions for it.
func (d *decoder) measure(n *source.Node, what string, read func(any) (float64, string, string)) *template {
	if n.Kind != source.String && n.Kind != source.Int && n.Kind != source.Float {
		d.expected(n, what)
		return nil
	}
	t := newTemplate(n, d.errs)
	if len(t.parts) > 0 {
		return t
	}
	if _, problem, hint := read(t.literal); problem != "" {
		d.fail(n, hint, "%q %s", n.Value, problem)
		return nil
	}
	return t
}
