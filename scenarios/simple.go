package scenarios

import (
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// Member is one step of a [Place]: the member of a mapping.
type Member struct {
	Name     string
	Optional bool // written ?. : of nothing it is nothing, instead of an error
}

// Place is a name and the members that are looked up below it, as in body.data?.token.
type Place struct {
	Root    string
	Members []Member
}

// Test is what a [Condition] does.
type Test string

// The tests. And and Or have two conditions in Of, Not has one; the others look at a Place.
const (
	TestAnd      Test = "and"
	TestOr       Test = "or"
	TestNot      Test = "not"
	TestTrue     Test = "true"     // what is there is true
	TestEqual    Test = "=="       // it is Value
	TestType     Test = "type"     // the name of its type is Value, a string
	TestContains Test = "contains" // it is text with Value, a string, in it
	TestFrom     Test = "from"     // it is a number of at least Value, an int
	TestTo       Test = "to"       // it is a number of at most Value, an int
)

// Condition is an expression that only compares what is at places with constants. It can be judged without the
// expression language, as long as what is at its places is of a kind that the comparison has room for.
type Condition struct {
	Test  Test
	Of    []Condition
	Place Place
	Value any // nil, bool, int or string
}

// Place is the expression as a place, if it is nothing else.
func (e Expr) Place() (Place, bool) {
	root := e.root()
	if root == nil {
		return Place{}, false
	}
	return placeOf(root)
}

// Condition is the expression as a condition, if it is no more than that.
func (e Expr) Condition() (Condition, bool) {
	root := e.root()
	if root == nil {
		return Condition{}, false
	}
	return conditionOf(root)
}

// root is the expression's tree as it is written; nil if it has none.
func (e Expr) root() ast.Node {
	if e.e == nil {
		return nil
	}
	return e.e.tree()
}

func (e *expression) tree() ast.Node {
	tree, err := parser.Parse(e.source)
	if err != nil {
		return nil
	}
	return tree.Node
}

func placeOf(node ast.Node) (Place, bool) {
	switch n := node.(type) {
	case *ast.ChainNode:
		return placeOf(n.Node)
	case *ast.IdentifierNode:
		return Place{Root: n.Value}, n.Value != "null"
	case *ast.MemberNode:
		name, constant := n.Property.(*ast.StringNode)
		place, ok := placeOf(n.Node)
		if !ok || !constant || n.Method {
			return Place{}, false
		}
		// Where a chain ends, what follows is looked up in nothing.
		if _, inner := n.Node.(*ast.ChainNode); inner {
			return Place{}, false
		}
		place.Members = append(place.Members, Member{Name: name.Value, Optional: n.Optional})
		return place, true
	}
	return Place{}, false
}

func conditionOf(node ast.Node) (Condition, bool) {
	switch n := node.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return negated(conditionOf(n.Node))
		}
		return Condition{}, false
	case *ast.BinaryNode:
		return binaryCondition(n)
	}
	place, ok := placeOf(node)
	return Condition{Test: TestTrue, Place: place}, ok
}

func negated(c Condition, ok bool) (Condition, bool) {
	return Condition{Test: TestNot, Of: []Condition{c}}, ok
}

func joined(test Test, left, right Condition) Condition {
	return Condition{Test: test, Of: []Condition{left, right}}
}

func binaryCondition(n *ast.BinaryNode) (Condition, bool) {
	switch n.Operator {
	case "and", "&&", "or", "||":
		left, ok := conditionOf(n.Left)
		right, also := conditionOf(n.Right)
		test := TestAnd
		if n.Operator == "or" || n.Operator == "||" {
			test = TestOr
		}
		return joined(test, left, right), ok && also
	case "==":
		return equality(n)
	case "!=":
		return negated(equality(n))
	case "contains":
		place, ok := placeOf(n.Left)
		text, constant := n.Right.(*ast.StringNode)
		if !ok || !constant {
			return Condition{}, false
		}
		return Condition{Test: TestContains, Place: place, Value: text.Value}, true
	}
	return statusCondition(n)
}

func equality(n *ast.BinaryNode) (Condition, bool) {
	value, constant := constantOf(n.Right)
	if !constant {
		return Condition{}, false
	}
	if call, ok := n.Left.(*ast.BuiltinNode); ok && call.Name == "type" && len(call.Arguments) == 1 {
		place, ok := placeOf(call.Arguments[0])
		_, text := value.(string)
		return Condition{Test: TestType, Place: place, Value: value}, ok && text
	}
	place, ok := placeOf(n.Left)
	return Condition{Test: TestEqual, Place: place, Value: value}, ok
}

// statusCondition is an order or a range of the status. Only that is always a whole number.
func statusCondition(n *ast.BinaryNode) (Condition, bool) {
	place, ok := placeOf(n.Left)
	if !ok || place.Root != "status" || len(place.Members) > 0 {
		return Condition{}, false
	}
	from := func(v int) Condition { return Condition{Test: TestFrom, Place: place, Value: v} }
	to := func(v int) Condition { return Condition{Test: TestTo, Place: place, Value: v} }
	if span, ok := n.Right.(*ast.BinaryNode); ok && n.Operator == "in" && span.Operator == ".." {
		low, ok := constantOf(span.Left)
		high, also := constantOf(span.Right)
		first, whole := low.(int)
		last, too := high.(int)
		return joined(TestAnd, from(first), to(last)), ok && also && whole && too
	}
	if list, ok := n.Right.(*ast.ArrayNode); ok && n.Operator == "in" {
		return oneOf(place, list.Nodes)
	}
	value, _ := constantOf(n.Right)
	limit, whole := value.(int)
	if !whole {
		return Condition{}, false
	}
	switch n.Operator {
	case ">=":
		return from(limit), true
	case ">":
		return negated(to(limit), true)
	case "<=":
		return to(limit), true
	case "<":
		return negated(from(limit), true)
	}
	return Condition{}, false
}

func oneOf(place Place, nodes []ast.Node) (Condition, bool) {
	var any Condition
	for i, node := range nodes {
		value, _ := constantOf(node)
		if _, whole := value.(int); !whole {
			return Condition{}, false
		}
		one := Condition{Test: TestEqual, Place: place, Value: value}
		if any = joined(TestOr, any, one); i == 0 {
			any = one
		}
	}
	return any, len(nodes) > 0
}

func constantOf(node ast.Node) (any, bool) {
	switch n := node.(type) {
	case *ast.NilNode:
		return nil, true
	case *ast.IdentifierNode:
		return nil, n.Value == "null"
	case *ast.BoolNode:
		return n.Value, true
	case *ast.IntegerNode:
		return n.Value, true
	case *ast.StringNode:
		return n.Value, true
	}
	return nil, false
}

// Reliance says how a value relies on names.
type Reliance int

// The kinds of reliance.
const (
	Constant Reliance = iota // it does not mention them
	Carries                  // it has what they stand for somewhere in it, and does not depend on it in any other way
	Computes                 // it may be anything
)

// Relies says how the value relies on any of the names.
func (t Text) Relies(names ...string) Reliance { return relies(t.expressions(), names) }

// Relies says how the value relies on any of the names.
func (t Tree) Relies(names ...string) Reliance { return relies(t.expressions(), names) }

// Relies says how the value relies on any of the names.
func (e Expr) Relies(names ...string) Reliance { return relies(e.expressions(), names) }

// Relies says how the value relies on any of the names.
func (d Duration) Relies(names ...string) Reliance { return relies(d.expressions(), names) }

// Relies says how the value relies on any of the names.
func (i Int) Relies(names ...string) Reliance { return relies(i.expressions(), names) }

func relies(expressions []*expression, names []string) Reliance {
	most := Constant
	for _, e := range expressions {
		node := e.tree()
		if node == nil {
			return Computes
		}
		most = max(most, reliance(node, names))
	}
	return most
}

func reliance(node ast.Node, names []string) Reliance {
	if !mentions(node, names) {
		return Constant
	}
	most := Carries
	each := func(nodes ...ast.Node) Reliance {
		for _, n := range nodes {
			most = max(most, reliance(n, names))
		}
		return most
	}
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return Carries
	case *ast.ChainNode:
		return each(n.Node)
	case *ast.MemberNode:
		if _, constant := n.Property.(*ast.StringNode); constant {
			return each(n.Node)
		}
	case *ast.BinaryNode:
		if n.Operator == "+" {
			return each(n.Left, n.Right)
		}
	case *ast.CallNode:
		return each(n.Arguments...)
	case *ast.ConditionalNode:
		if !mentions(n.Cond, names) {
			return each(n.Exp1, n.Exp2)
		}
	case *ast.ArrayNode:
		return each(n.Nodes...)
	case *ast.MapNode:
		return each(n.Pairs...)
	case *ast.PairNode:
		return each(n.Key, n.Value)
	}
	return Computes
}

// mentions says whether any of the names is in the tree.
func mentions(node ast.Node, names []string) bool {
	v := newNameVisitor()
	ast.Walk(&node, v)
	for name := range maps.Keys(v.roots()) {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}
