package scenarios

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"

	"github.com/passrig/passrig/internal/diag"
)

// scope is the names an expression can see.
type scope struct {
	names map[string]namespace
	extra map[string][]string // names each value of the scope tag adds
}

// namespace is what stands below a top-level name.
type namespace struct {
	closed  bool     // only members are known; otherwise anything may follow
	members []string // when closed
	below   []string // the members of each member, when known
	hint    string   // how to get a member that is not there
}

// anything is a namespace whose members cannot be known before the scenario runs.
func anything() namespace { return namespace{} }

func only(members ...string) namespace { return namespace{closed: true, members: members} }

// with is a copy of the scope in which one name stands for something else.
func (s *scope) with(name string, n namespace) *scope {
	names := maps.Clone(s.names)
	names[name] = n
	return &scope{names: names, extra: s.extra}
}

// tagged is the scope of a field with a scope tag.
func (s *scope) tagged(tag string) *scope {
	if tag == "" {
		return s
	}
	names := maps.Clone(s.names)
	for _, name := range s.extra[tag] {
		names[name] = anything()
	}
	return &scope{names: names, extra: s.extra}
}

// nameVisitor collects the names an expression mentions.
type nameVisitor struct {
	names    []*ast.IdentifierNode
	members  map[ast.Node]*ast.MemberNode // what is looked up in a node, where that is a constant
	called   map[ast.Node]bool
	declared map[string]bool // by let
}

func newNameVisitor() *nameVisitor {
	return &nameVisitor{members: map[ast.Node]*ast.MemberNode{}, called: map[ast.Node]bool{}, declared: map[string]bool{}}
}

// Visit implements ast.Visitor. Children are visited before their parents.
func (v *nameVisitor) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if n.Value == "null" { // as JSON and YAML have it; the expression language says nil
			ast.Patch(node, &ast.NilNode{})
			return
		}
		v.names = append(v.names, n)
	case *ast.MemberNode:
		if _, constant := n.Property.(*ast.StringNode); constant {
			v.members[n.Node] = n
		}
	case *ast.CallNode:
		v.called[n.Callee] = true
	case *ast.VariableDeclaratorNode:
		v.declared[n.Name] = true
	}
}

// roots is the set of top-level names.
func (v *nameVisitor) roots() map[string]bool {
	roots := map[string]bool{}
	for _, id := range v.names {
		if !v.called[id] && !v.declared[id.Value] {
			roots[id.Value] = true
		}
	}
	return roots
}

// check reports every name that the scope does not have.
func (v *nameVisitor) check(e *expression, s *scope, errs *diag.Errors) {
	for _, id := range v.names {
		at, width := id.Location().From, utf8.RuneCountInString(id.Value)
		if v.called[id] {
			if _, ok := functionTable()[id.Value]; !ok {
				hint, left := leftOut()[id.Value]
				if !left {
					hint = diag.Suggest(id.Value, functionNames())
				}
				errs.Add(e.diagnostic(at, width, "unknown function "+strconv.Quote(id.Value), hint))
			}
			continue
		}
		if v.declared[id.Value] {
			continue
		}
		space, ok := s.names[id.Value]
		if !ok {
			errs.Add(e.diagnostic(at, width, "unknown name "+strconv.Quote(id.Value), s.hint(id.Value)))
			continue
		}
		v.checkMember(e, id, id.Value, space, errs)
	}
}

// checkMember reports a member that a name, reached by the given path, does not have.
func (v *nameVisitor) checkMember(e *expression, of ast.Node, path string, space namespace, errs *diag.Errors) {
	lookup := v.members[of]
	if lookup == nil || !space.closed {
		return
	}
	member := lookup.Property.(*ast.StringNode) //nolint:forcetypeassert // Visit keeps no others
	if !slices.Contains(space.members, member.Value) {
		at := member.Location()
		errs.Add(e.diagnostic(at.From, max(at.To-at.From, 1), "unknown name "+strconv.Quote(path+"."+member.Value), space.suggest(path, member.Value)))
		return
	}
	if space.below != nil {
		v.checkMember(e, lookup, path+"."+member.Value, only(space.below...), errs)
	}
}

// hint says what an unknown top-level name may have meant, or why it is not known here.
func (s *scope) hint(name string) string {
	if where, ok := nameHints()[name]; ok {
		return where
	}
	return diag.Suggest(name, slices.Collect(maps.Keys(s.names)))
}

// nameHints say where names can be used that are not known everywhere.
func nameHints() map[string]string {
	const (
		answer   = "it is known only where there is an answer to look at: in accept, reject, save, options and result"
		ceremony = "it is known only in the requests of an adapter's register, login and login-discoverable"
		change   = "it is known only in an adapter's rename and delete"
	)
	return map[string]string{
		"status": answer, "headers": answer, "body": answer, "text": answer, "url": answer, "cookies": answer,
		"entry":   "it is known only in result: id, credential and name, and in rename and delete",
		"result":  "it is known only in expect: that",
		"loop":    "it is known only inside repeat",
		"label":   "it is known only in an adapter's register",
		"name":    "it is known only in an adapter's rename",
		"args":    "it is known only in an adapter's operations",
		"saved":   "it is known only in an adapter; a scenario has vars",
		"vars":    "it is known only in a scenario; an adapter has saved",
		"options": ceremony, "credential": ceremony, "passkey": change,
	}
}

func (n namespace) suggest(path, member string) string {
	for _, known := range n.members {
		if strings.HasPrefix(known, member+"-") {
			return "a name with a hyphen is written " + path + "[" + strconv.Quote(known) + "]"
		}
	}
	hint := diag.Suggest(member, n.members)
	if n.hint != "" && !strings.HasPrefix(hint, "did you mean") {
		return n.hint
	}
	return hint
}

func functionNames() []string {
	names := slices.Collect(maps.Keys(functionTable()))
	for _, b := range builtin.Builtins {
		if _, left := leftOut()[b.Name]; !left {
			names = append(names, b.Name)
		}
	}
	return names
}
