package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// checkMatrix finds what is wrong with a lab beyond its shape.
func (c *fileChecker) checkMatrix() {
	m, n := c.file.Matrix, c.root.Get("matrix")
	if n.Kind != source.Map {
		return
	}
	c.compile(&m.Jobs, n.Get("jobs"), c.base.narrow("env", "users", "vars", "steps", "target", "run"))
	if jobs, err := m.Jobs.Value(Env{"params": c.file.paramValues()}); !m.Jobs.IsZero() && err == nil {
		m.Jobs = NewInt(jobs)
	} else if !m.Jobs.IsZero() && !c.options.Partial && len(m.Jobs.expressions()) > 0 {
		c.fail(n.Get("jobs"), "it has to be known when the file is read", "%v", err)
	}
	for name, list := range map[string][]string{"providers": m.Providers, "drivers": m.Drivers, "facets": m.Facets} {
		if at := n.Get(name); at != nil && len(list) == 0 && at.Kind == source.List {
			c.fail(at, "leave it out, which is what is usual, or name some", "%s is empty", name)
		}
	}
	for i, name := range m.Providers {
		c.checkRow(name, n.Get("providers").Item(i))
	}
	c.different(m.Drivers, n.Get("drivers"), "driver")
	c.checkColumns(m, n)
	c.checkFacets(m, n.Get("facets"))
}

// checkRow reports a provider that nobody knows.
func (c *fileChecker) checkRow(name string, n *source.Node) {
	known := c.options.Providers
	if name == All || known == nil {
		return
	}
	base, version, versioned := strings.Cut(name, "@")
	if slices.Contains(known, name) || versioned && version == All && slices.Contains(known, base) {
		return
	}
	meant := name
	if version == All {
		meant = base
	}
	c.fail(n, suggestProvider(meant, append(slices.Clone(known), All)), "unknown provider %q", name)
}

// different reports words that are in a list twice.
func (c *fileChecker) different(words []string, n *source.Node, what string) {
	for i, word := range words {
		if word != "" && slices.Index(words, word) < i {
			c.fail(n.Item(i), "leave it out", "the %s %q is there twice", what, word)
		}
	}
}

// checkColumns checks each relying party as if it were the target of a file.
func (c *fileChecker) checkColumns(m *Matrix, n *source.Node) {
	taken := make(map[string]int)
	for i := range m.RelyingParties {
		p, at := &m.RelyingParties[i], n.Get("relying-parties").Item(i)
		if at == nil || at.Kind != source.Map {
			continue
		}
		if line, ok := taken[p.Name]; ok && p.Name != "" {
			c.fail(at.Get("name"), "give each a name of its own", "the relying party on line %d is called %q, too", line, p.Name)
		} else if p.Name != "" {
			taken[p.Name] = at.Get("name").Line
		}
		p.Target.Pos = p.Pos
		plain := *c.loader
		plain.options.Adapter, plain.options.Origin = "", ""
		column := &fileChecker{
			loader: &plain, file: &File{Path: c.file.Path, Target: &p.Target}, root: c.root, base: c.base, column: at,
		}
		column.checkTarget()
		p.adapter = column.file.Adapter
		if p.adapter != nil && slices.Contains(m.Drivers, "browser") && !p.adapter.HasPages() {
			c.fail(at.Get("adapter"), "leave browser out of drivers, or put this relying party into another lab",
				"the adapter %q does nothing on pages, so there is nothing for a browser to do", p.adapter.Name)
		}
	}
}

// HasPages says whether any operation is done on a page.
func (a *Adapter) HasPages() bool {
	for _, op := range a.Operations {
		if op.Page != nil {
			return true
		}
	}
	return false
}

// checkFacets looks whether every facet is there, and one.
func (c *fileChecker) checkFacets(m *Matrix, n *source.Node) {
	var known []string
	for _, info := range Facets() {
		known = append(known, info.Name)
	}
	c.different(m.Facets, n, "facet")
	ids := make(map[string]bool)
	for i, name := range m.Facets {
		at := n.Item(i)
		path := c.file.FacetPath(name)
		switch {
		case name == All || name == "" || slices.Index(m.Facets, name) < i:
			continue
		case path == builtinPrefix+facetFolder+name && !slices.Contains(known, name):
			c.fail(at, diag.Suggest(name, append(slices.Clone(known), All)), "no facet is called %q", name)
			continue
		}
		id := FacetID(path)
		if ids[id] || slices.Contains(m.Facets, All) && slices.Contains(known, id) {
			c.fail(at, "give the file another name", "another facet is called %q, too", id)
		}
		ids[id] = true
		root := c.read(path, kindScenario, at)
		if root != nil && root.Get("steps") == nil {
			c.fail(at, "name a scenario with steps", "%q has no steps, and so it asks nothing", name)
		}
	}
}

// heading is where a target's mistakes are put that are those of no member: the target, the column, or the file.
func (c *fileChecker) heading() *source.Node {
	if c.column != nil {
		return c.column
	}
	if key := c.root.Key("target"); key != nil {
		return key
	}
	return c.root
}

// subject is what a target is looked for in.
func (c *fileChecker) subject() string {
	if c.column != nil {
		return "relying party"
	}
	return "scenario"
}

// adding is a hint to give a target's member, by a flag, too, where there is one for it.
func (c *fileChecker) adding(member, flag string) string {
	if c.column != nil {
		return "add " + member
	}
	hint := fmt.Sprintf("add target: {%s}", member)
	if flag != "" {
		hint += ", or give " + flag
	}
	return hint
}

// paramValues are the values of the file's params, as far as they are known before anything runs.
func (f *File) paramValues() map[string]any {
	params := make(map[string]any, len(f.Params))
	for name := range maps.Keys(f.Params) {
		p := f.Params[name]
		if p.Default == nil {
			continue // reported, or not given yet
		}
		if v, err := p.Default.Eval(Env{}); err == nil {
			params[name] = v
		}
	}
	return params
}
