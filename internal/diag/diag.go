// Package diag describes mistakes in files the user wrote, each with its place, and prints them.
package diag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind says which part of reading a file found the mistake.
type Kind string

// The kinds of mistakes, in the order in which a file is read.
const (
	KindFile       Kind = "file"       // it cannot be read, or is not text
	KindSyntax     Kind = "syntax"     // it is not YAML
	KindShape      Kind = "shape"      // a field, type or value the language does not have
	KindExpression Kind = "expression" // an expression that does not compile
	KindMeaning    Kind = "meaning"    // well formed, but contradictory or referring to nothing
)

// Diagnostic is one mistake.
type Diagnostic struct {
	File    string // as the user typed it
	Line    int    // 1-based; 0 when the mistake is about the file as a whole
	Col     int    // 1-based, in characters; 0 when unknown
	Width   int    // characters the caret underlines; 0 counts as 1
	Message string // lower case, one line, no full stop
	Hint    string // what to do about it; may be empty
	Source  string // the line's text without its line break; may be empty
	Kind    Kind
}

// String is the mistake on one line: "file:line:col: message".
func (d Diagnostic) String() string { return d.Place() + ": " + d.Message }

// Place is "file:line:col", with the parts that are known.
func (d Diagnostic) Place() string {
	switch {
	case d.Line == 0:
		return d.File
	case d.Col == 0:
		return fmt.Sprintf("%s:%d", d.File, d.Line)
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Col)
}

// Errors is every mistake found in one or more files.
//
// Only the first [Limit] mistakes are kept: a file with more of them is not what its author thinks.
type Errors struct { //nolint:errname // not one error: the list is the point
	List []Diagnostic
	More int // mistakes that were found but not kept
}

// Limit is how many mistakes an [Errors] keeps.
const Limit = 1000

// Error lists the mistakes, one on each line.
func (e *Errors) Error() string {
	lines := make([]string, len(e.List))
	for i, d := range e.List {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Add appends one mistake.
func (e *Errors) Add(d Diagnostic) {
	if len(e.List) == Limit {
		e.More++
		return
	}
	e.List = append(e.List, d)
}

// Sorted returns nil when there are no mistakes, else e with its mistakes in the order of their
// places and exact repetitions removed. Files keep the order in which they first appear.
func (e *Errors) Sorted() error {
	if len(e.List) == 0 {
		return nil
	}
	rank := map[string]int{}
	for _, d := range e.List {
		if _, ok := rank[d.File]; !ok {
			rank[d.File] = len(rank)
		}
	}
	slices.SortStableFunc(e.List, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(rank[a.File], rank[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	e.List = slices.Compact(e.List)
	return e
}

// From returns the mistakes in err, which may be wrapped; nil when there are none.
func From(err error) *Errors {
	if all, ok := errors.AsType[*Errors](err); ok {
		return all
	}
	return nil
}

// Files counts the files that have mistakes.
func (e *Errors) Files() int {
	seen := map[string]bool{}
	for _, d := range e.List {
		seen[d.File] = true
	}
	return len(seen)
}
