package scenarios

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html/atom"

	"github.com/passrig/passrig/internal/diag"
)

// Selector is what the text of a page step's selector says. Exactly one of Role, Label, Text and CSS is set.
// It means the first element that fits and is visible, in the order of the page.
type Selector struct {
	Role  string // an ARIA role, such as "button"
	Name  string // with Role: the element's whole accessible name; "" for any
	Label string // the whole label of a field
	Text  string // a part of the text that an element shows; of elements in each other, the innermost is meant
	CSS   string
}

const selectorHint = `a selector is role=button[name="Sign in"], label=Username, text=Welcome, or CSS`

// ParseSelector takes a selector apart, after its expressions have been evaluated. A name ends with the
// last quote, so that it can hold any text. White space is collapsed. CSS is left as it is.
func ParseSelector(s string) (Selector, error) {
	sel, problem, _ := parseSelector(s)
	if problem != "" {
		return Selector{}, errors.New(problem)
	}
	return sel, nil
}

// parseSelector is ParseSelector with a hint for whoever wrote the selector.
func parseSelector(s string) (sel Selector, problem, hint string) {
	kind, rest, prefixed := strings.Cut(s, "=")
	if !prefixed || !matches(`^[A-Za-z-]+$`, kind) { // in CSS, = stands in brackets
		if s = strings.TrimSpace(s); s == "" {
			return sel, "the selector is empty", selectorHint
		}
		return Selector{CSS: s}, "", ""
	}
	what := strings.Join(strings.Fields(rest), " ")
	switch {
	case !slices.Contains([]string{"role", "label", "text"}, kind):
		return sel, fmt.Sprintf("elements cannot be found by %q", kind+"="), selectorHint
	case what == "":
		return sel, fmt.Sprintf("nothing follows %q", kind+"="), selectorHint
	case kind == "label":
		return Selector{Label: what}, "", ""
	case kind == "text":
		return Selector{Text: what}, "", ""
	}
	return roleSelector(what)
}

func roleSelector(what string) (sel Selector, problem, hint string) {
	role, name, named := strings.Cut(what, "[")
	if !slices.Contains(roles(), role) {
		return sel, fmt.Sprintf("no role is called %q", role), diag.Suggest(role, roles())
	}
	if named {
		inner, opened := strings.CutPrefix(name, `name="`)
		inner, closed := strings.CutSuffix(inner, `"]`)
		if name = strings.TrimSpace(inner); !opened || !closed || name == "" {
			return sel, "after the role, only a name is understood", "write role=" + role + `[name="…"], with the whole name in double quotes`
		}
	}
	return Selector{Role: role, Name: name}, "", ""
}

// roles are the roles an element can have (WAI-ARIA 1.2 §5.4, without those that no author uses).
func roles() []string {
	return []string{
		"alert", "alertdialog", "application", "article", "banner", "blockquote", "button", "caption", "cell", "checkbox", "code",
		"columnheader", "combobox", "complementary", "contentinfo", "definition", "deletion", "dialog", "directory", "document",
		"emphasis", "feed", "figure", "form", "generic", "grid", "gridcell", "group", "heading", "img", "insertion", "link", "list",
		"listbox", "listitem", "log", "main", "marquee", "math", "menu", "menubar", "menuitem", "menuitemcheckbox", "menuitemradio",
		"meter", "navigation", "note", "option", "paragraph", "progressbar", "radio", "radiogroup", "region", "row", "rowgroup",
		"rowheader", "scrollbar", "search", "searchbox", "separator", "slider", "spinbutton", "status", "strong", "subscript",
		"superscript", "switch", "tab", "table", "tablist", "tabpanel", "term", "textbox", "time", "timer", "toolbar", "tooltip",
		"tree", "treegrid", "treeitem",
	}
}

// selectorProblem says what is wrong with a selector as it stands in a file, with a hint.
func selectorProblem(t Text) (problem, hint string) {
	if len(t.t.parts) > 0 {
		return templateProblem(t)
	}
	sel, problem, hint := parseSelector(t.Raw())
	if problem != "" || sel.CSS == "" {
		return problem, hint
	}
	return cssProblem(sel.CSS)
}

// templateProblem looks at a selector with expressions in it: its role is checked if it is written out. The rest
// is known only when it runs.
func templateProblem(t Text) (problem, hint string) {
	first := t.t.parts[0].text
	if !strings.HasPrefix(first, "role=") || !strings.Contains(first, "[") {
		return "", ""
	}
	var sample strings.Builder
	for _, p := range t.t.parts {
		if p.expr != nil {
			sample.WriteString("x")
		}
		sample.WriteString(p.text)
	}
	_, problem, hint = parseSelector(sample.String())
	return problem, hint
}

// cssProblem finds what no browser takes. The parser knows fewer pseudo-classes than browsers do, and some of its own;
// in :has, it knows no leading combinator.
func cssProblem(css string) (problem, hint string) {
	if word := regexp.MustCompile(`^(\pL+)( \pL+)*$`).FindStringSubmatch(css); word != nil && atom.Lookup([]byte(strings.ToLower(word[1]))) == 0 {
		return fmt.Sprintf("no element is called %q", word[1]), fmt.Sprintf(`by what it shows: text=%s, or role=button[name=%q]`, css, css)
	}
	known := regexp.MustCompile(`:has\(\s*[>+~]`).ReplaceAllString(css, ":has(")
	_, err := cascadia.ParseGroupWithPseudoElements(known)
	switch {
	case err != nil && strings.HasPrefix(err.Error(), "unknown pseudo"):
		return "", ""
	case err != nil:
		return "not a CSS selector: " + err.Error(), selectorHint
	}
	if own := regexp.MustCompile(`:(contains|containsown|matches|matchesown|haschild|input)\b`).FindString(css); own != "" {
		return fmt.Sprintf("browsers have no %q", own), "to find an element by what it shows, use text=…"
	}
	return "", ""
}
