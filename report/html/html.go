// Package html writes a run as one HTML file that opens anywhere: no network, light and dark, on
// paper too. Its one script narrows the page to what a reader looks for; without it nothing is
// missing but the search.
//
// The order is the reader's: the verdict, what makes it worth less than it looks, what went
// wrong with everything needed to understand and repeat it, and only then all the rest.
package html

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/passrig/passrig/report"
)

//go:embed page.tmpl parts.tmpl load.tmpl checks.tmpl sync.tmpl matrix.tmpl find.tmpl find.js style.css
var files embed.FS

// Write writes the run as a complete HTML document. Everything in it is escaped for where it
// stands, and the document's own content security policy forbids requests and every script and
// style but ours, which it knows by their hashes: what an RP answered cannot act in the reader's browser.
func Write(w io.Writer, run *report.Run) error {
	style, err := files.ReadFile("style.css")
	if err != nil {
		return fmt.Errorf("read embedded style: %w", err)
	}
	script, err := files.ReadFile("find.js")
	if err != nil {
		return fmt.Errorf("read embedded script: %w", err)
	}
	tmpl, err := template.ParseFS(files, "*.tmpl")
	if err != nil {
		return fmt.Errorf("parse embedded template: %w", err)
	}
	out := bufio.NewWriter(w)
	p := newPage(run)
	p.Style, p.Script = template.CSS(style), template.JS(script) //nolint:gosec // our own files
	p.Policy = "default-src 'none'; style-src " + source(style) + "; script-src " + source(script) + "; img-src data:; base-uri 'none'; form-action 'none'"
	if err := tmpl.ExecuteTemplate(characters{out}, "page.tmpl", p); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	return nil
}

// source allows the element with exactly this content (CSP Level 3 §2.3.1, hash-source).
func source(content []byte) string {
	sum := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// characters lets pass what may stand in a document (HTML Standard §13.2.3.5). Every write is whole characters.
type characters struct{ to *bufio.Writer }

func (c characters) Write(p []byte) (int, error) {
	_, err := c.to.Write(bytes.Map(visible, p))
	return len(p), err
}

// visible replaces control characters by their pictures, and what is no character by one that says so.
func visible(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\f' || r == '\r':
		return r
	case r < ' ':
		return '␀' + r
	case r == 0x7f:
		return '␡'
	case unicode.IsControl(r), r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
		return utf8.RuneError
	}
	return r
}
