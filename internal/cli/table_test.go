package cli

import (
	"strings"
	"testing"
)

// TestNarrowList shows a list on terminals of several widths.
func TestNarrowList(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"NAME", "WHAT IT SHOWS", "TAGS"}, {"a", "a long sentence", "x, y"}, {"longer", "", "z"}}
	const (
		table  = "NAME    WHAT IT SHOWS    TAGS\na       a long sentence  x, y\nlonger                   z\n"
		narrow = "NAME    TAGS\n    WHAT IT SHOWS\na       x, y\n    a long sentence\nlonger  z\n"
	)
	for room, want := range map[int]string{0: table, 29: table, 28: narrow} {
		var b strings.Builder
		if err := writeList(&b, rows, room); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("%d columns:\n%swant\n%s", room, b.String(), want)
		}
	}
}
