package source

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/passrig/passrig/internal/diag"
)

// Bounds of a file. They are far above what people write and far below what would hurt.
const (
	MaxBytes = 4 << 20
	MaxDepth = 100
	maxNodes = 200_000 // after aliases are replaced by what they stand for
)

// Read parses one YAML document. Mistakes are added to errs; the node is nil when there is nothing
// to go on with. Aliases and merge keys are already replaced by what they stand for, with the
// places of the original.
func Read(file *File, data []byte, errs *diag.Errors) *Node {
	if len(data) > MaxBytes {
		errs.Add(file.Diagnostic(1, 1, 1, diag.KindFile, fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), MaxBytes), ""))
		return nil
	}
	if line, col, what := badText(data); what != "" {
		errs.Add(file.Diagnostic(line, col, 1, diag.KindFile, what, "save the file as UTF-8 text"))
		return nil
	}
	loader, err := yaml.NewLoader(strings.NewReader(string(data)), yaml.WithV4Defaults(),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(MaxDepth))))
	if err != nil {
		errs.Add(syntaxError(file, err))
		return nil
	}
	var doc, second yaml.Node
	err = loader.Load(&doc)
	if errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || empty(doc.Content[0])) {
		errs.Add(file.Diagnostic(1, 1, 1, diag.KindFile, "the file is empty", ""))
		return nil
	}
	if err != nil {
		errs.Add(syntaxError(file, err))
		return nil
	}
	switch err := loader.Load(&second); {
	case err == nil:
		errs.Add(file.Diagnostic(second.Line, 1, 3, diag.KindSyntax, "a second document begins here", "put it into a file of its own"))
	case !errors.Is(err, io.EOF):
		errs.Add(syntaxError(file, err))
	}
	b := &builder{file: file, errs: errs, open: map[*yaml.Node]bool{}}
	root := b.node(doc.Content[0], 0)
	if b.full { // half a tree would only make more mistakes
		return nil
	}
	return root
}

// ReadScalar reads a text as one YAML scalar: a number, true, quoted text and so on. A text that is
// anything else, such as a list or a text with a comment, is taken as it stands.
func ReadScalar(path, text string) *Node {
	file := NewFile(path, []byte(text))
	asIs := &Node{File: file, Line: 1, Col: 1, Kind: String, Value: text}
	list := Read(file, []byte("["+text+"]"), &diag.Errors{})
	if list == nil || len(list.Items) != 1 {
		return asIs
	}
	n := list.Items[0]
	quoted := n.style == singleQuoted || n.style == doubleQuoted
	if !n.Kind.Scalar() || n.Value != text && !(quoted && strings.HasSuffix(text, text[:1])) {
		return asIs
	}
	n.Col, n.Line = 1, 1
	return n
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// badText finds the first byte that is not UTF-8 text.
func badText(data []byte) (line, col int, what string) {
	line, col = 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return line, col, fmt.Sprintf("the byte 0x%02x is not UTF-8", data[i])
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r >= 0x7f && r < 0xa0 && r != 0x85,
			r == 0xfffe, r == 0xffff, r == 0xfeff && i > 0:
			return line, col, fmt.Sprintf("the character U+%04X may not stand in YAML", r)
		case r == '\n', r == '\r' && (i+1 >= len(data) || data[i+1] != '\n'):
			line, col = line+1, 1
		case i > 0 || r != 0xfeff:
			col++
		}
		i += size
	}
	return 0, 0, ""
}

// syntaxError words the YAML library's error. Its wording is of the grammar; ours is of the cause.
func syntaxError(file *File, err error) diag.Diagnostic {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return file.Diagnostic(1, 1, 1, diag.KindSyntax, "not YAML: "+err.Error(), "")
	}
	mark := e.Mark
	if mark.Line == 0 {
		mark = e.ContextMark
	}
	message, hint := e.Message, ""
	if e.ContextMsg != "" {
		message += " " + e.ContextMsg
		if e.ContextMark.Line > 0 && e.ContextMark.Line != mark.Line {
			message += fmt.Sprintf(" that begins on line %d", e.ContextMark.Line)
		}
	}
	if strings.Contains(e.Message, "unexpected end of stream") && e.ContextMark.Line > 0 {
		mark, message = e.ContextMark, "what begins here is not closed"
	}
	text := file.Line(mark.Line)
	switch at := charAt(text, mark.Column); {
	case strings.Contains(e.Message, "cannot start any token") && at == '\t':
		message, hint = "a tab is used for indentation", "YAML is indented with spaces"
	case strings.Contains(e.Message, "cannot start any token"):
		message, hint = fmt.Sprintf("text cannot begin with %q", at), "put the text in quotes"
	case strings.Contains(e.Message, "mapping values are not allowed"):
		message, hint = "a second \": \" on the line", "put the text in quotes, or check the indentation"
	case strings.HasPrefix(e.Message, "exceeded max depth"):
		message = fmt.Sprintf("nested more than %d levels deep", MaxDepth)
	case strings.HasPrefix(e.Message, "unknown anchor"):
		hint = "an anchor (&name) must stand before its aliases (*name)"
	}
	return file.Diagnostic(mark.Line, mark.Column, 1, diag.KindSyntax, message, hint)
}

func charAt(s string, col int) rune {
	if runes := []rune(s); col >= 1 && col <= len(runes) {
		return runes[col-1]
	}
	return ' '
}
