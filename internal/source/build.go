package source

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/passrig/passrig/internal/diag"
)

// builder turns the YAML library's nodes into ours.
type builder struct {
	file  *File
	errs  *diag.Errors
	open  map[*yaml.Node]bool // aliases being followed, to find one that contains itself
	count int
	full  bool
}

func (b *builder) fail(n *yaml.Node, width int, message, hint string) {
	b.errs.Add(b.file.Diagnostic(n.Line, n.Column, width, diag.KindSyntax, message, hint))
}

// node never returns nil: what cannot be read becomes null, and has been reported.
func (b *builder) node(y *yaml.Node, depth int) *Node {
	n := &Node{File: b.file, Line: y.Line, Col: y.Column, prefixed: y.Anchor != "" || y.Style&yaml.TaggedStyle != 0}
	b.count++
	if b.count > maxNodes || depth > MaxDepth {
		if !b.full {
			b.fail(y, 1, "the file's aliases stand for too much", fmt.Sprintf("at most %d values, %d levels deep", maxNodes, MaxDepth))
		}
		b.full = true
		return n
	}
	switch y.Kind {
	case yaml.AliasNode:
		return b.alias(y, depth)
	case yaml.MappingNode:
		n.Kind = Map
		b.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.Kind = List
		for _, item := range y.Content {
			n.Items = append(n.Items, b.node(item, depth+1))
			if b.full {
				break
			}
		}
	case yaml.ScalarNode:
		b.scalar(n, y)
	case yaml.DocumentNode, yaml.StreamNode:
		b.fail(y, 1, "a document inside a document", "")
	}
	return n
}

func (b *builder) alias(y *yaml.Node, depth int) *Node {
	if y.Alias == nil || b.open[y.Alias] {
		b.fail(y, 1+len(y.Value), fmt.Sprintf("the alias %q stands for something that contains it", y.Value), "")
		return &Node{File: b.file, Line: y.Line, Col: y.Column}
	}
	b.open[y.Alias] = true
	defer delete(b.open, y.Alias)
	return b.node(y.Alias, depth)
}

func (b *builder) scalar(n *Node, y *yaml.Node) {
	n.Value = y.Value
	switch {
	case y.Style&yaml.SingleQuotedStyle != 0:
		n.style = singleQuoted
	case y.Style&yaml.DoubleQuotedStyle != 0:
		n.style = doubleQuoted
	case y.Style&yaml.LiteralStyle != 0:
		n.style = literal
	case y.Style&yaml.FoldedStyle != 0:
		n.style = folded
	}
	switch tag := y.ShortTag(); tag {
	case "!!null":
		n.Kind = Null
	case "!!bool":
		n.Kind = Bool
	case "!!int":
		n.Kind = Int
	case "!!float":
		n.Kind = Float
	case "!!str", "!!timestamp", "!!merge":
		n.Kind = String
	default:
		n.Kind = String
		b.fail(y, len(tag), fmt.Sprintf("the tag %s is not supported", tag), "leave it out, or put the text in quotes")
	}
	if _, text := n.Scalar().(string); text { // tagged as a number, but not one
		n.Kind = String
	}
}

func (b *builder) mapping(n *Node, y *yaml.Node, depth int) {
	own := map[string]int{} // name → index into n.Members
	var merged []*yaml.Node
	for i := 0; i+1 < len(y.Content) && !b.full; i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.AliasNode && k.Alias != nil {
			k = k.Alias
		}
		if k.ShortTag() == "!!merge" {
			merged = append(merged, v)
			continue
		}
		if k.Kind != yaml.ScalarNode {
			b.fail(k, 1, "a member's name must be text", "")
			continue
		}
		key := b.node(k, depth+1)
		if strings.Contains(key.Value, "${{") {
			b.errs.Add(key.Diagnostic(diag.KindSyntax, "an expression cannot be a member's name", ""))
		}
		if first, ok := own[key.Value]; ok {
			b.errs.Add(key.Diagnostic(diag.KindShape, fmt.Sprintf("%q is already given on line %d", key.Value, n.Members[first].Key.Line), "keep one of the two"))
			b.node(v, depth+1)
			continue
		}
		own[key.Value] = len(n.Members)
		n.Members = append(n.Members, Member{Key: key, Value: b.node(v, depth+1)})
	}
	for _, m := range merged {
		b.merge(n, m, own, depth)
	}
}

// merge adds the members of a merge key's value that the map does not have itself.
func (b *builder) merge(n *Node, y *yaml.Node, own map[string]int, depth int) {
	from := b.node(y, depth+1)
	sources := from.Items
	if from.Kind == Map {
		sources = []*Node{from}
	}
	if from.Kind.Scalar() && !b.full {
		b.errs.Add(from.Diagnostic(diag.KindSyntax, "<< takes a mapping or a list of mappings", "write <<: *name"))
	}
	for _, source := range sources {
		if source.Kind != Map {
			b.errs.Add(source.Diagnostic(diag.KindSyntax, "<< takes a mapping or a list of mappings", "write <<: *name"))
			continue
		}
		for _, m := range source.Members {
			if _, ok := own[m.Key.Value]; !ok {
				own[m.Key.Value] = len(n.Members)
				n.Members = append(n.Members, m)
			}
		}
	}
}
