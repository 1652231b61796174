package providers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// facts reads groups of facts that have a certainty and a source in common.
func (r *reader) facts(list *source.Node) []statement {
	var all []statement
	said := map[string]int{}
	for _, n := range r.list(list) {
		if n.Kind != source.Map {
			r.fail(n, "", "expected facts with their certainty and source, got %s", n.Kind)
			continue
		}
		g := &group{reader: r, said: said}
		g.certainty = r.required(n, "certainty", r.certainty)
		g.source = string(r.required(n, "source", func(n *source.Node) Certainty { return Certainty(r.text(n)) }))
		if surer(g.certainty, r.cap) {
			r.fail(n.Get("certainty"), fmt.Sprintf("write %s, or raise the certainty of the row", r.cap), "nothing here can be surer than %q", r.cap)
		}
		g.members("", n, "certainty", "source")
		all = append(all, g.list...)
	}
	return all
}

// required reads a member that has to be there.
func (r *reader) required(n *source.Node, name string, read func(*source.Node) Certainty) Certainty {
	member := n.Get(name)
	if member == nil {
		r.fail(n, "every fact says how certain it is, and who says so", "facts need %q", name)
		return ""
	}
	return read(member)
}

// group is facts with one certainty and source.
type group struct {
	*reader
	certainty Certainty
	source    string
	said      map[string]int // the line on which something was said before
	list      []statement
}

// members reads the members of a group, or of a mapping in it whose name is the prefix.
func (g *group) members(prefix string, n *source.Node, except ...string) {
	for _, m := range n.Members {
		name := prefix + m.Key.Value
		if slices.Contains(except, m.Key.Value) {
			continue
		}
		i := slices.IndexFunc(g.table, func(member Member) bool { return member.Name == name })
		switch {
		case i >= 0:
			g.member(g.table[i], m)
		case name == "rules":
			for _, item := range g.reader.list(m.Value) {
				g.rule(item)
			}
		case name == "notes":
			g.notes(m.Value)
		case prefix == "" && len(inside(name, g.table)) > 0:
			if g.mapping(m.Value, name, nil, inside(name, g.table)...) {
				g.members(name+".", m.Value)
			}
		case prefix == "": // inside a mapping it has been reported
			g.fail(m.Key, diag.Suggest(m.Key.Value, words(g.table)), "unknown field %q in facts", m.Key.Value)
		}
	}
}

func (g *group) member(member Member, m source.Member) {
	v, ok := g.value(member, m.Value)
	if ok && g.once(member.Name, m.Key) {
		g.say(statement{key: member.Name, text: member.shown(v), value: v, own: member.own, at: m.Value})
	}
}

func (g *group) say(s statement) {
	s.certainty, s.source = g.certainty, g.source
	g.list = append(g.list, s)
}

// once reports what is said a second time.
func (g *group) once(key string, n *source.Node) bool {
	if line, ok := g.said[key]; ok {
		g.fail(n, "keep one of the two", "%q is already said on line %d", key, line)
		return false
	}
	g.said[key] = n.Line
	return true
}

func (g *group) notes(n *source.Node) {
	if n.Kind != source.Map {
		g.fail(n, "write NAME: what there is to know", "expected a mapping, got %s", n.Kind)
		return
	}
	for _, m := range n.Members {
		if text := g.text(m.Value); g.once("notes."+m.Key.Value, m.Key) {
			g.say(statement{key: "notes." + m.Key.Value, text: text})
		}
	}
}

// inside are the names of the members in a mapping; a name that is none's has none.
func inside(name string, table []Member) []string {
	var names []string
	for _, m := range table {
		if rest, ok := strings.CutPrefix(m.Name, name+"."); ok {
			names = append(names, rest)
		}
	}
	return names
}

// words are the names that can stand in facts.
func words(table []Member) []string {
	list := []string{"certainty", "source", "rules", "notes"}
	for _, m := range table {
		first, _, _ := strings.Cut(m.Name, ".")
		list = append(list, first)
	}
	return list
}
