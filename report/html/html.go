// Package html writes a run as one HTML file that opens anywhere: no scripts, no network, light
// and dark, on paper too.
//
// The order is the reader's: the verdict, what makes it worth less than it looks, what went
// wrong with everything needed to understand and repeat it, and only then all the rest.
package html

import (
	"bufio"
	"embed"
	"fmt"
	"html/template"
	"io"

	"github.com/passrig/passrig/report"
)

//go:embed page.tmpl parts.tmpl load.tmpl checks.tmpl sync.tmpl style.css
var files embed.FS

// Write writes the run as a complete HTML document. Everything in it is escaped for where it
// stands, and the document's own content security policy forbids scripts and requests, so what
// an RP answered cannot act in the reader's browser.
func Write(w io.Writer, run *report.Run) error {
	style, err := files.ReadFile("style.css")
	if err != nil {
		return fmt.Errorf("read embedded style: %w", err)
	}
	tmpl, err := template.ParseFS(files, "*.tmpl")
	if err != nil {
		return fmt.Errorf("parse embedded template: %w", err)
	}
	out := bufio.NewWriter(w)
	p := newPage(run)
	p.Style = template.CSS(style) //nolint:gosec // our own file
	if err := tmpl.ExecuteTemplate(out, "page.tmpl", p); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	return nil
}
