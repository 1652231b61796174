package scenarios

import (
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// Tamper is one named change of a response: its name, or a mapping with the name as its one member and what the
// change takes as the value.
type Tamper struct {
	Pos   Pos
	Name  string
	Value Tree // the zero Tree without one

	name *source.Node
}

// Change is a change of a response that tamper can name.
type Change struct {
	Registration, Login bool // the ceremonies that it is for

	// Fits says why the change does not take a value: one of Go's for YAML, as [Tree.Eval] has it, and nil for
	// none. Nil: it takes any.
	Fits func(value any) error
}

// tamper decodes one change.
func (d *decoder) tamper(n *source.Node, p *Tamper) {
	*p = Tamper{Pos: posOf(n), name: n}
	switch {
	case n.Kind == source.Map && len(n.Members) == 1:
		p.name, p.Value = n.Members[0].Key, newTree(n.Members[0].Value, d.errs)
	case n.Kind == source.Map:
		d.fail(n, "write each change as an item of its own: - NAME: VALUE", "expected one change, got %d members", len(n.Members))
		return
	case n.Kind != source.String:
		d.fail(n, "write - NAME, or - NAME: VALUE", "expected the name of a change, got %s", n.Kind)
		return
	}
	if p.Name = p.name.Value; p.Name == "" {
		d.fail(p.name, "write - NAME, or - NAME: VALUE", "the name of a change is empty")
	}
}

func (t Tamper) expressions() []*expression { return t.Value.expressions() }

// Tampers are the changes that a step makes of its response.
func (s *Step) Tampers() []Tamper {
	switch {
	case s.Register != nil:
		return s.Register.Tamper
	case s.Login != nil:
		return s.Login.Tamper
	case s.LoginDiscoverable != nil:
		return s.LoginDiscoverable.Tamper
	}
	return nil
}

// checkTamper checks the changes that a step makes of its response.
func (c *stepChecker) checkTamper(s *Step, n *source.Node) {
	list := n.Get("tamper")
	if list == nil {
		return
	}
	if list.Kind == source.List && len(list.Items) == 0 {
		c.fail(list, "leave tamper out, or name a change", "tamper lists no change")
	}
	if c.options.Changes == nil {
		return
	}
	for _, t := range s.Tampers() {
		if t.Name != "" {
			c.checkChange(t, s.Register != nil)
		}
	}
}

func (c *stepChecker) checkChange(t Tamper, registration bool) {
	change, ok := c.options.Changes[t.Name]
	switch {
	case !ok:
		c.fail(t.name, suggestChange(t.Name, c.options.Changes), "no change of a response is called %q", t.Name)
	case registration && !change.Registration:
		c.fail(t.name, "it is for logins", "%s is no change of a registration", t.Name)
	case !registration && !change.Login:
		c.fail(t.name, "it is for registrations", "%s is no change of a login", t.Name)
	case change.Fits == nil || len(t.expressions()) > 0:
	default:
		c.checkFits(t, change)
	}
}

// suggestChange says what may have been meant: a name that is only begun is that of a part of the response.
func suggestChange(name string, known map[string]Change) string {
	names := slices.Collect(maps.Keys(known))
	begun := slices.DeleteFunc(slices.Clone(names), func(k string) bool { return !strings.HasPrefix(k, name+"-") })
	if diag.Nearest(name, names) == "" && len(begun) > 0 {
		names = begun
	}
	return diag.Suggest(name, names)
}

// checkFits checks a value that is known before the scenario runs.
func (c *stepChecker) checkFits(t Tamper, change Change) {
	at := t.name
	if !t.Value.IsZero() {
		at = t.Value.n.node
	}
	value, err := t.Value.Eval(nil)
	if err == nil {
		err = change.Fits(value)
	}
	if err != nil {
		c.errs.Add(at.Diagnostic(diag.KindMeaning, err.Error(), ""))
	}
}
