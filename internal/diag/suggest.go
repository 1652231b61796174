package diag

import (
	"fmt"
	"slices"
	"strings"
)

// listed is how many alternatives a hint names at most.
const listed = 24

// Suggest is the hint for a word that is not among the known ones: "did you mean …?" when one is
// close, else which ones are expected. It is empty when nothing is known.
func Suggest(word string, known []string) string {
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	if len(known) == 0 {
		return ""
	}
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 1 {
		return "expected " + known[0]
	}
	if more := len(known) - listed; more > 0 {
		return fmt.Sprintf("expected one of %s, … (%d more)", strings.Join(known[:listed], ", "), more)
	}
	return "expected one of " + strings.Join(known, ", ")
}

// Nearest is the known word that was probably meant: the one with the fewest edits, at most one in three
// bytes; of several the first. It is empty when none is close.
func Nearest(word string, known []string) string {
	best, bestDistance := "", 1+len(word)/3
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, replacements and swaps of neighbors that make b of a.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := [3][]int{make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)}
	for j := range t {
		rows[1][j+1] = j + 1
	}
	for i := range s {
		before, last, row := rows[0], rows[1], rows[2]
		row[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		rows[0], rows[1], rows[2] = last, row, before
	}
	return rows[1][len(t)]
}
