package markdown

import (
	"fmt"
	"html"
	"strings"

	"github.com/passrig/passrig/report"
)

// document collects blocks, as many as it may have.
type document struct {
	text strings.Builder
	opts Options
	full bool // the first block that did not fit was left out, and so is everything after it
	open int  // bytes that are still needed to close what is open
}

const (
	cutNote = "\n_This is as much as fits here. The JSON and HTML reports of the run have the rest._\n"
	closing = "</details>\n\n"
)

// put appends text as it is, or says that it does not fit.
func (d *document) put(text string) bool {
	if d.full || d.opts.Limit > 0 && d.text.Len()+len(text)+d.open+len(cutNote)+len("\n") > d.opts.Limit {
		d.full = true
		return false
	}
	d.text.WriteString(text)
	return true
}

// heading writes one of a level below the document's; 0 is its own.
func (d *document) heading(level int, text string) {
	d.put(strings.Repeat("#", min(max(d.opts.Heading, 1)+level, 6)) + " " + Text(text) + "\n\n")
}

func (d *document) paragraph(text string) {
	if text != "" {
		d.put(Text(text) + "\n\n")
	}
}

// item is an entry of a list; label may be empty.
func item(label, text string) string {
	if text = Text(text); text == "" {
		return ""
	}
	if label != "" {
		label = "**" + label + ":** "
	}
	return "- " + label + text + "\n"
}

func (d *document) items(list []string) {
	for _, text := range list {
		d.put(item("", text))
	}
	if len(list) > 0 {
		d.put("\n")
	}
}

// table writes rows of texts, which are escaped here, below their heads. Columns from figures on are aligned to the right.
func (d *document) table(heads []string, figures int, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	rule := make([]string, len(heads))
	for i := range rule {
		rule[i] = "---"
		if i >= figures {
			rule[i] = "--:"
		}
	}
	if !d.put(line(heads) + "| " + strings.Join(rule, " | ") + " |\n" + line(rows[0])) {
		return
	}
	for _, row := range rows[1:] {
		if !d.put(line(row)) {
			break
		}
	}
	d.text.WriteString("\n") // put keeps room for it
}

func line(cells []string) string {
	var b strings.Builder
	b.WriteString("|")
	for _, cell := range cells {
		b.WriteString(" " + Text(cell) + " |")
	}
	b.WriteString("\n")
	return b.String()
}

// section writes what write does below a heading, or where the document is folded, behind a line that opens it.
func (d *document) section(level int, title string, write func()) {
	if !d.opts.Folded {
		d.heading(level, title)
		write()
		return
	}
	d.open += len(closing)
	title = html.EscapeString(strings.TrimSpace(report.OneLine(report.Shorten(title, longest))))
	opened := d.put(fmt.Sprintf("<details><summary>%s</summary>\n\n", title))
	if opened {
		write()
	}
	d.open -= len(closing)
	if opened {
		d.text.WriteString(closing)
	}
}
