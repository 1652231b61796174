package scenarios

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/scenarios/internal/shape"
)

// Uses says whether any expression of the page's steps and selectors mentions a top-level name, such as entry.
func (p *PageSpec) Uses(name string) bool { return p.roots[name] }

// PageOnly says whether the operation is done on the page only: there are no requests for it.
func (o *Operation) PageOnly() bool { return o.Page != nil && len(o.Steps) == 0 }

// Action is the name of the step's action, such as "click"; "" when it has none.
func (s *PageStep) Action() string {
	for _, a := range []struct {
		name  string
		given bool
	}{
		{"goto", !s.Goto.IsZero()},
		{"fill", s.Fill != nil},
		{"click", !s.Click.IsZero()},
		{"press", !s.Press.IsZero()},
		{"select", s.Select != nil},
		{"wait-for", !s.WaitFor.IsZero()},
		{"expect-text", s.ExpectText != nil},
		{"evaluate", s.Evaluate != nil},
	} {
		if a.given {
			return a.name
		}
	}
	return ""
}

// checkPage checks how an operation is done on the page.
func (c *adapterChecker) checkPage(name string, op *Operation, m source.Member) {
	page, n := op.Page, m.Value.Get("page")
	if page == nil {
		return
	}
	switch {
	case name == OpList:
		c.fail(m.Value.Key("page"), "leave it out: the browser driver sends the steps, in the page's session", "%s is not done on a page", name)
		return
	case name == OpWhoami && page.Reject.IsZero():
		c.fail(m.Value.Key("page"), "add reject: what it shows then, such as the button for signing in", "the page does not tell when nobody is signed in")
	case name != OpWhoami && !page.User.IsZero():
		c.fail(n.Key("user"), "only whoami says who is signed in", "%s has no user to read", name)
	}
	s := c.pageScope(name, c.args(*op))
	c.compile(page, n, s)
	page.roots = map[string]bool{}
	c.addRoots(page.roots, page, n)

	c.checkPageSteps(page, page.Steps, n)
	if !page.Reject.IsZero() && page.Accept.Raw() == page.Reject.Raw() {
		c.fail(n.At("reject"), "", "a yes and a no look the same")
	}
}

// checkPageSteps checks the steps and every selector in root, which holds them and was read from n.
func (l *loader) checkPageSteps(root any, steps []PageStep, n *source.Node) {
	l.walk(root, n, func(v reflect.Value, n *source.Node, f shape.Field) bool {
		if t, ok := reflect.TypeAssert[Text](v); ok && f.Selector && !t.IsZero() {
			if problem, hint := selectorProblem(t); problem != "" {
				l.fail(n, hint, "%s", problem)
			}
		}
		_, leaf := holds(v)
		return !leaf
	})
	for i := range steps {
		l.checkPageStep(&steps[i], n.Get("steps").Item(i))
	}
}

// pageScope is what the expressions of an operation's page see. The ceremony is the page's own, so that its options
// and credential are not among it.
func (c *adapterChecker) pageScope(name string, args namespace) *scope {
	s := c.operationScope(name, args)
	names := maps.Clone(s.names)
	delete(names, "options")
	delete(names, "credential")
	return &scope{names: names, extra: s.extra}
}

func (l *loader) checkPageStep(s *PageStep, n *source.Node) {
	if path, ok := literal(s.Goto); ok {
		if problem, hint := gotoProblem(path); problem != "" {
			l.fail(n.At("goto"), hint, "%s", problem)
		}
	}
	if !s.Goto.IsZero() && !s.Frame.IsZero() {
		l.fail(n.Key("frame"), "frame goes with what is done inside it", "goto opens the whole page")
	}
	if key, ok := literal(s.Press); ok && utf8.RuneCountInString(key) != 1 && !slices.Contains(keys(), key) {
		hint := diag.Suggest(key, keys())
		if !strings.HasPrefix(hint, "did you mean") {
			hint += ", or one character"
		}
		l.fail(n.At("press"), hint, "no key is called %q", key)
	}
	if s.Evaluate != nil {
		if script, ok := literal(s.Evaluate.Script); ok && strings.TrimSpace(script) == "" {
			l.fail(n.At("evaluate", "script"), "", "the script is empty")
		}
	}
}

// literal is a text without expressions.
func literal(t Text) (string, bool) {
	return t.Raw(), !t.IsZero() && len(t.t.parts) == 0
}

// gotoProblem says why a page cannot be opened by this address.
func gotoProblem(address string) (problem, hint string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || address == "":
	case strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//"), (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return "", ""
	case u.Scheme == "" && u.Host == "":
		return "a path begins with /", "write /" + address
	}
	return fmt.Sprintf("%q is not an address", address), "write a path such as /login, or a whole URL"
}

// keys are the keys with names (UI Events KeyboardEvent key Values) that press takes, besides any single character.
func keys() []string {
	return []string{
		"Enter", "Tab", "Escape", "Backspace", "Delete", "Insert", "Space", "Home", "End", "PageUp", "PageDown",
		"ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight",
	}
}
