package scenarios

import (
	"fmt"

	"github.com/passrig/passrig/internal/diag"
)

// Mistakes collects what is wrong with a file where the language cannot tell, such as what a provider does not know.
type Mistakes struct{ found diag.Errors }

// Add notes a mistake and its place; the hint says what to do about it, and may be empty.
func (m *Mistakes) Add(at Pos, hint, format string, args ...any) {
	m.found.Add(diag.Diagnostic{
		File: at.File, Line: at.Line, Col: at.Col, Message: fmt.Sprintf(format, args...), Hint: hint, Kind: diag.KindMeaning,
	})
}

// Err is nil without a mistake, else a [*diag.Errors], in the order of their places.
func (m *Mistakes) Err() error { return m.found.Sorted() }

// Suggest is a hint for a word that is none of those known: the one that was probably meant, or what there is.
func Suggest(word string, known []string) string { return diag.Suggest(word, known) }
