// Package source reads YAML text into a tree in which every value knows its place, so that any
// later mistake can be shown where it was made. It is the only package that knows a YAML library.
package source

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/passrig/passrig/internal/diag"
)

// File is one file's text, split into lines.
type File struct {
	Path   string
	lines  []string
	counts []int // of each line's characters plus one, as far as asked for

	recent      []rune // the line that was asked for last, as some files are a single long line
	recentIndex int
}

// NewFile splits data, which should be UTF-8, into lines.
func NewFile(path string, data []byte) *File {
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	lines := strings.Split(text, "\n")
	return &File{Path: path, lines: lines, counts: make([]int, len(lines))}
}

// Line is the text of a 1-based line, or empty when there is no such line.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	return f.lines[n-1]
}

// Diagnostic makes a diagnostic for a place in the file, moved into the file when it is behind its end.
func (f *File) Diagnostic(line, col, width int, kind diag.Kind, message, hint string) diag.Diagnostic {
	line = min(max(line, 1), len(f.lines))
	text := f.Line(line)
	n := f.length(line)
	col = min(max(col, 1), n+1)
	return diag.Diagnostic{
		File: f.Path, Line: line, Col: col, Width: min(max(width, 1), max(n-col+1, 1)),
		Message: message, Hint: hint, Source: text, Kind: kind,
	}
}

// runes are a 1-based line's characters. They must not be changed.
func (f *File) runes(line int) []rune {
	if f.recent == nil || f.recentIndex != line {
		f.recent, f.recentIndex = []rune(f.Line(line)), line
	}
	return f.recent
}

// length is how many characters a line has.
func (f *File) length(line int) int {
	if f.counts[line-1] == 0 {
		f.counts[line-1] = utf8.RuneCountInString(f.lines[line-1]) + 1
	}
	return f.counts[line-1] - 1
}

// Kind is the kind of a node.
type Kind int

// The kinds of nodes. A scalar's kind is that of its value after YAML's rules.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Map
)

// String names the kind as a message does.
func (k Kind) String() string {
	return [...]string{"nothing", "true or false", "a whole number", "a number", "text", "a list", "a mapping"}[k]
}

// Scalar says whether the node is neither a list nor a map.
func (k Kind) Scalar() bool { return k < List }

// style is how a scalar is written.
type style int

const (
	plain style = iota
	singleQuoted
	doubleQuoted
	literal
	folded
)

// Node is one value of a file.
type Node struct {
	File      *File
	Line, Col int // where the value begins, 1-based, in characters
	Kind      Kind
	Value     string // a scalar's text, without quotes and escapes
	Members   []Member
	Items     []*Node

	style    style
	prefixed bool    // an anchor or tag stands before the value
	places   []place // of each character of Value, made when asked for
}

// Member is one member of a map.
type Member struct {
	Key   *Node
	Value *Node
}

// Get returns the value of a map's member, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Members {
		if n.Members[i].Key.Value == key {
			return n.Members[i].Value
		}
	}
	return nil
}

// Text is a scalar's text, or empty when there is no node.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	return n.Value
}

// Key returns the key node of a map's member, or n itself when there is no such member.
func (n *Node) Key(key string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Members {
		if n.Members[i].Key.Value == key {
			return n.Members[i].Key
		}
	}
	return n
}

// At follows member names and returns the deepest node that exists: a value given in a short form
// is found at the value that stands for it.
func (n *Node) At(path ...string) *Node {
	for _, name := range path {
		next := n.Get(name)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// Item returns a list's item. A value that stands for a list of one is its only item.
func (n *Node) Item(i int) *Node {
	if n == nil {
		return nil
	}
	if n.Kind == List && i < len(n.Items) {
		return n.Items[i]
	}
	return n
}

// Keys returns a map's member names in the order of the file.
func (n *Node) Keys() []string {
	if n == nil {
		return nil
	}
	keys := make([]string, len(n.Members))
	for i, m := range n.Members {
		keys[i] = m.Key.Value
	}
	return keys
}

// Scalar is the value of a scalar: nil, bool, int64, uint64, float64 or string.
func (n *Node) Scalar() any {
	switch n.Kind {
	case Null:
		return nil
	case Bool:
		return strings.EqualFold(n.Value, "true")
	case Int:
		return integer(n.Value)
	case Float:
		return float(n.Value)
	case String, List, Map:
	}
	return n.Value
}

func integer(s string) any {
	s = strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(s, 0, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(s, 0, 64); err == nil {
		return u
	}
	return float(s)
}

func float(s string) any {
	s = strings.ReplaceAll(strings.ToLower(s), "_", "")
	switch strings.TrimPrefix(s, "+") {
	case ".inf":
		return math.Inf(1)
	case "-.inf":
		return math.Inf(-1)
	case ".nan":
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrSyntax) { // tagged as a number, but not one
		return s
	}
	return f
}

// Width is how many characters the value covers on its first line.
func (n *Node) Width() int {
	if !n.Kind.Scalar() {
		return 1
	}
	line := n.File.runes(n.Line)
	if n.Col < 1 || n.Col > len(line) {
		return 1
	}
	rest := line[n.Col-1:]
	switch n.style {
	case plain:
		first, _, _ := strings.Cut(n.Value, "\n")
		if width := utf8.RuneCountInString(first); width <= len(rest) && string(rest[:width]) == first {
			return width
		}
	case singleQuoted, doubleQuoted:
		return quotedWidth(rest, n.style)
	case literal, folded:
	}
	return 1
}

// quotedWidth is the length of the quoted text at the beginning of s, up to the end of the line.
func quotedWidth(s []rune, how style) int {
	for i := 1; i < len(s); i++ {
		switch {
		case how == doubleQuoted && s[i] == '\\', how == singleQuoted && s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case how == doubleQuoted && s[i] == '"', how == singleQuoted && s[i] == '\'':
			return i + 1
		}
	}
	return len(s)
}

// Diagnostic is a diagnostic about the whole value.
func (n *Node) Diagnostic(kind diag.Kind, message, hint string) diag.Diagnostic {
	return n.File.Diagnostic(n.Line, n.Col, n.Width(), kind, message, hint)
}

// DiagnosticIn is a diagnostic about width characters of a scalar's text from offset on.
func (n *Node) DiagnosticIn(offset, width int, kind diag.Kind, message, hint string) diag.Diagnostic {
	places := n.alignment()
	if len(places) == 0 {
		return n.Diagnostic(kind, message, hint)
	}
	offset = min(max(offset, 0), len(places))
	var from place
	if offset == len(places) {
		from = places[offset-1]
		from.col++
	} else {
		from = places[offset]
	}
	to := from
	for _, p := range places[min(offset, len(places)-1):min(offset+width, len(places))] {
		if p.line == from.line {
			to = p
		}
	}
	return n.File.Diagnostic(from.line, from.col, to.col-from.col+1, kind, message, hint)
}

// Sorted returns a map's members by name.
func (n *Node) Sorted() []Member {
	if n == nil {
		return nil
	}
	members := slices.Clone(n.Members)
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.Key.Value, b.Key.Value) })
	return members
}
