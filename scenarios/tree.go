package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// Tree is any YAML value, with ${{ expressions }} in its scalars. The zero Tree is one that was not
// given.
type Tree struct{ n *treeNode }

type treeNode struct {
	node   *source.Node
	scalar *template
	keys   []string // of a map, in the order of the file
	values []*treeNode
}

func newTree(n *source.Node, errs *diag.Errors) Tree {
	return Tree{newTreeNode(n, errs)}
}

func newTreeNode(n *source.Node, errs *diag.Errors) *treeNode {
	t := &treeNode{node: n}
	switch n.Kind {
	case source.Map:
		for _, m := range n.Members {
			t.keys = append(t.keys, m.Key.Value)
			t.values = append(t.values, newTreeNode(m.Value, errs))
		}
	case source.List:
		for _, item := range n.Items {
			t.values = append(t.values, newTreeNode(item, errs))
		}
	case source.Float:
		if f, ok := n.Scalar().(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
			errs.Add(n.Diagnostic(diag.KindShape, "expected a number that JSON can hold", ""))
		}
		t.scalar = newTemplate(n, errs)
	case source.Null, source.Bool, source.Int, source.String:
		t.scalar = newTemplate(n, errs)
	}
	return t
}

// IsZero says whether the value was not given.
func (t Tree) IsZero() bool { return t.n == nil }

// Pos is where the value is written.
func (t Tree) Pos() Pos {
	if t.n == nil {
		return Pos{}
	}
	return posOf(t.n.node)
}

// Eval is the value: map[string]any, []any, or a scalar as [Text.Eval] has it.
func (t Tree) Eval(env Env) (any, error) {
	if t.n == nil {
		return nil, nil //nolint:nilnil // no value is a value here, as in YAML
	}
	return t.n.eval(env)
}

func (t *treeNode) eval(env Env) (any, error) {
	switch t.node.Kind {
	case source.Map:
		m := make(map[string]any, len(t.keys))
		for i, k := range t.keys {
			v, err := t.values[i].eval(env)
			if err != nil {
				return nil, err
			}
			m[k] = v
		}
		return m, nil
	case source.List:
		list := make([]any, len(t.values))
		for i, child := range t.values {
			v, err := child.eval(env)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case source.Null, source.Bool, source.Int, source.Float, source.String:
	}
	return t.scalar.eval(env)
}

// JSON is the value as compact JSON. Members keep the order of the file; whole numbers stay whole;
// <, > and & are not escaped. Bytes are an error, as JSON has no form for them.
func (t Tree) JSON(env Env) ([]byte, error) {
	var b bytes.Buffer
	if t.n == nil {
		return []byte("null"), nil
	}
	err := t.n.writeJSON(&b, env)
	return b.Bytes(), err
}

func (t *treeNode) writeJSON(b *bytes.Buffer, env Env) error {
	switch t.node.Kind {
	case source.Map:
		b.WriteByte('{')
		for i, k := range t.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := appendJSON(b, k); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := t.values[i].writeJSON(b, env); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case source.List:
		b.WriteByte('[')
		for i, v := range t.values {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := v.writeJSON(b, env); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case source.Null, source.Bool, source.Int, source.Float, source.String:
	}
	v, err := t.scalar.eval(env)
	if err != nil {
		return err
	}
	if err := appendJSON(b, v); err != nil {
		return fmt.Errorf("%s: %q %w", posOf(t.node), t.scalar.raw, err)
	}
	return nil
}

// appendJSON writes a value as compact JSON. The error continues the sentence "X …".
func appendJSON(b *bytes.Buffer, v any) error {
	if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		b.WriteString(strconv.FormatFloat(f, 'f', -1, 64))
		return nil
	}
	if holdsBytes(v) {
		return errBytes
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("has no JSON form: %w", err)
	}
	b.Truncate(b.Len() - 1) // Encode ends with a line break
	return nil
}

func holdsBytes(v any) bool {
	switch v := v.(type) {
	case []byte:
		return true
	case []any:
		return slices.ContainsFunc(v, holdsBytes)
	case map[string]any:
		for _, item := range v {
			if holdsBytes(item) {
				return true
			}
		}
	}
	return false
}

func (t Tree) expressions() []*expression {
	var list []*expression
	if t.n != nil {
		t.n.each(func(x *template) { list = append(list, x.expressions()...) })
	}
	return list
}

func (t *treeNode) each(visit func(*template)) {
	if t.scalar != nil {
		visit(t.scalar)
	}
	for _, v := range t.values {
		v.each(visit)
	}
}
