// Package badge writes a run as a badge for a README: a picture of its own as SVG, or the JSON from which shields.io makes
// one (https://shields.io/badges/endpoint-badge).
//
// Its words are a fixed few. Nothing of the run but its verdict, counts and grade is in it.
package badge

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/passrig/passrig/report"
)

const label = "passkeys"

// badge is what a badge says, and how.
type badge struct {
	message string
	name    string // of the color, as shields.io knows it
	color   string // the same one for SVG; white text on it can be read
	broken  bool
}

// of gives a run its badge. One that is partial never looks like a pass.
func of(run *report.Run) badge {
	s := run.Summary
	b := badge{"passing", "brightgreen", "#2e7d32", false}
	switch run.Verdict() {
	case report.VerdictFail:
		b = badge{fmt.Sprintf("%d failed", s.Failed), "red", "#c62828", true}
	case report.VerdictError:
		b = badge{"could not tell", "blueviolet", "#6a3fb5", true}
	case report.VerdictSkip:
		b = badge{"not judged", "lightgrey", "#616161", false}
	case report.VerdictWarn:
		b = badge{"passing with warnings", "yellow", "#8d6400", false}
	case report.VerdictPass, report.VerdictInfo:
	}
	if m := run.Matrix; m != nil && !run.Partial && run.Verdict() != report.VerdictError && len(m.Untold()) == 0 {
		b.message = works(m)
	}
	if run.Partial && run.Verdict() != report.VerdictFail {
		b = badge{"incomplete", "lightgrey", "#616161", false}
	}
	if run.Suite != nil && !run.Partial && slices.Contains([]string{"A", "B", "C", "D", "E", "F"}, run.Suite.Grade) {
		b.message += ", grade " + run.Suite.Grade
	}
	return b
}

// works says with how many providers all relying parties of a matrix work.
func works(m *report.Matrix) string {
	n := 0
	for i := range m.Providers {
		if len(m.Parties) > 0 && m.WorksWith(m.Providers[i].ID) == len(m.Parties) {
			n++
		}
	}
	return fmt.Sprintf("%d of %d providers", n, len(m.Providers))
}

// Write writes the badge as SVG, 20 pixels high. It loads nothing, so it shows wherever a picture does, and has no ids, so
// that several can stand in one page.
func Write(w io.Writer, run *report.Run) error {
	b := of(run)
	left, right := width(label), width(b.message)
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="20" viewBox="0 0 %[1]d 20" role="img" aria-label="%[2]s: %[3]s">
<title>%[2]s: %[3]s</title>
<rect width="%[1]d" height="20" rx="3" fill="#424242"/>
<path d="M%[4]d 0h%[5]da3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-%[5]dz" fill="%[6]s"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
<text x="%[7]d" y="14" textLength="%[8]d" lengthAdjust="spacingAndGlyphs">%[2]s</text>
<text x="%[9]d" y="14" textLength="%[10]d" lengthAdjust="spacingAndGlyphs">%[3]s</text>
</g>
</svg>
`, left+right, label, b.message, left, right-3, b.color, margin, left-2*margin, left+margin, right-2*margin)
	if err != nil {
		return fmt.Errorf("write badge: %w", err)
	}
	return nil
}

const margin = 6 // pixels on either side of a text

// width is that of a text with its margins, in pixels. textLength makes the text as wide wherever it is shown.
func width(s string) int {
	tenths := 0
	for _, c := range s {
		switch c {
		case 'i', 'l', ',', 'j', ' ', 't', 'f':
			tenths += 40
		case 'm', 'w':
			tenths += 100
		default:
			tenths += 69
		}
	}
	return (tenths+9)/10 + 2*margin
}

// endpoint is schema 1 of shields.io's endpoint badge.
type endpoint struct {
	SchemaVersion int    `json:"schemaVersion"`
	Label         string `json:"label"`
	Message       string `json:"message"`
	Color         string `json:"color"`
	IsError       bool   `json:"isError,omitempty"` // keeps whoever shows the badge from choosing its color
}

// WriteEndpoint writes the badge as JSON for the endpoint badge of shields.io.
func WriteEndpoint(w io.Writer, run *report.Run) error {
	b := of(run)
	if err := json.NewEncoder(w).Encode(endpoint{1, label, b.message, b.name, b.broken}); err != nil {
		return fmt.Errorf("write badge endpoint: %w", err)
	}
	return nil
}
