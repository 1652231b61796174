package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// kind is the type of a JSON value.
type kind string

const (
	object  kind = "an object"
	list    kind = "a list"
	text    kind = "text"
	number  kind = "a number"
	boolean kind = "true or false"
	null    kind = "null"
)

// Bounds of documents: far above what people have in a vault, and what a computer can take. Folders of folders are the
// deepest that formats nest.
const (
	maxBytes  = 32 << 20
	maxValues = 1_000_000
	maxDepth  = 128
)

// node is a JSON value that knows where it stands.
type node struct {
	format Format // of a root
	kind   kind
	offset int64
	parent *node
	name   string // its member name, "[3]" for an element; for a root what stands before paths

	value    string // of text and numbers as they read, of booleans "true" or "false"
	members  []*node
	byName   map[string]*node
	elements []*node
}

// parse reads a document; format is for its errors.
func parse(format Format, data []byte) (*node, error) { return parseBelow(format, "", data) }

// parseBelow reads a document whose paths begin with prefix.
func parseBelow(format Format, prefix string, data []byte) (*node, error) {
	root := &node{format: format, name: prefix + "$"}
	if len(data) > maxBytes {
		return nil, root.fail(fmt.Sprintf("the document has %d bytes, want at most %d", len(data), maxBytes), "export fewer items at a time")
	}
	bom := int64(len(data))
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	bom -= int64(len(data))
	// The token reader below is laxer than the grammar.
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		root.offset = bom
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			root.offset += max(0, syntax.Offset-1)
		}
		return nil, root.notJSON(data, err)
	}
	p := &parser{decoder: json.NewDecoder(bytes.NewReader(data)), data: data, bom: bom}
	p.decoder.UseNumber()
	if err := p.fill(root, 0); err != nil {
		return nil, err
	}
	if root.kind != object {
		return nil, root.fail(fmt.Sprintf("want an object, got %s", root.kind), "")
	}
	return root, nil
}

// notJSON is the error for data that does not parse, with a hint of what it may be instead.
func (n *node) notJSON(data []byte, err error) *FormatError {
	hint := "the file is damaged: export it again"
	switch head := bytes.TrimSpace(data); {
	case len(head) == 0:
		hint = "the file is empty: export it again"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		hint = "this is a ZIP archive: unpack it, and import the JSON file inside"
	case bytes.HasPrefix(head, []byte("-----BEGIN")):
		hint = "this is a bare key: a passkey needs its RP ID, user handle and credential ID beside it"
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		hint = "this is UTF-16: save it as UTF-8"
	case strings.Contains(err.Error(), "unexpected end"):
		hint = "the end of the file is missing: copy or export it again"
	}
	failed := n.fail("not JSON: "+err.Error(), hint)
	failed.cause = err
	return failed
}

type parser struct {
	decoder *json.Decoder
	data    []byte
	bom     int64
	values  int // read so far
}

// next returns the next token, and where it begins.
func (p *parser) next() (json.Token, int64, error) {
	from := p.decoder.InputOffset()
	for from < int64(len(p.data)) && strings.IndexByte(" \t\r\n,:", p.data[from]) >= 0 {
		from++
	}
	token, err := p.decoder.Token()
	return token, from + p.bom, err
}

// fill reads the next value into n.
func (p *parser) fill(n *node, depth int) error {
	token, offset, err := p.next()
	n.offset = offset
	if err != nil && !errors.Is(err, io.EOF) {
		return n.fail("not JSON: "+err.Error(), "")
	}
	if depth > maxDepth {
		return n.fail(fmt.Sprintf("nested deeper than %d levels", maxDepth), "")
	}
	if p.values++; p.values > maxValues {
		return n.fail(fmt.Sprintf("there are more than %d values", maxValues), "export fewer items at a time")
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return p.fillObject(n, depth)
		}
		return p.fillList(n, depth)
	case string:
		n.kind, n.value = text, token
	case json.Number:
		n.kind, n.value = number, token.String()
	case bool:
		n.kind, n.value = boolean, strconv.FormatBool(token)
	default:
		n.kind = null
	}
	return nil
}

func (p *parser) fillObject(n *node, depth int) error {
	n.kind, n.byName = object, map[string]*node{}
	for p.decoder.More() {
		token, offset, err := p.next()
		if err != nil {
			return n.fail("not JSON: "+err.Error(), "")
		}
		name, _ := token.(string)
		member := &node{parent: n, name: name, offset: offset}
		if n.byName[name] != nil {
			return member.fail("the member stands here a second time", "readers disagree which of the two counts: keep one")
		}
		if err := p.fill(member, depth+1); err != nil {
			return err
		}
		n.byName[name] = member
		n.members = append(n.members, member)
	}
	_, _, err := p.next()
	return err
}

func (p *parser) fillList(n *node, depth int) error {
	n.kind = list
	for p.decoder.More() {
		element := &node{parent: n, name: "[" + strconv.Itoa(len(n.elements)) + "]"}
		if err := p.fill(element, depth+1); err != nil {
			return err
		}
		n.elements = append(n.elements, element)
	}
	_, _, err := p.next()
	return err
}

// get returns a member, nil if there is none or it is null.
func (n *node) get(name string) *node {
	if m := n.byName[name]; m != nil && m.kind != null {
		return m
	}
	return nil
}

// list returns the elements of a member; a missing one has none. What is no list is an error.
func (n *node) list(name string) ([]*node, error) {
	m := n.get(name)
	if m == nil {
		return nil, nil
	}
	if m.kind != list {
		return nil, m.fail(fmt.Sprintf("want a list, got %s", m.kind), "")
	}
	return m.elements, nil
}

// path is the JSON path of the value.
func (n *node) path() string {
	switch {
	case n.parent == nil:
		return n.name
	case n.parent.kind == list:
		return n.parent.path() + n.name
	default:
		return n.parent.path() + "." + n.name
	}
}

func (n *node) fail(problem, hint string) *FormatError {
	root := n
	for root.parent != nil {
		root = root.parent
	}
	return &FormatError{Format: root.format, Offset: n.offset, Path: n.path(), Problem: problem, Hint: hint}
}
