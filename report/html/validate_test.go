package html_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	nethtml "golang.org/x/net/html"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
)

// documents are the pages of every recorded run, and of what no recorded run has: checks in all their
// verdicts, pages that were seen, nothing.
func documents(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "runs", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{"checks": write(t, suiteRun()), "page": write(t, pageRun(t)), "empty": write(t, &report.Run{})}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		all[name] = write(t, golden.Load(t, name))
	}
	for _, name := range golden.All() {
		if all[name] == nil {
			t.Fatalf("there is no recorded run %q", name)
		}
	}
	return all
}

// pageRun is a run whose steps failed in a browser.
func pageRun(t *testing.T) *report.Run {
	t.Helper()
	run := golden.Load(t, "mixed")
	var screenshot bytes.Buffer
	if err := png.Encode(&screenshot, image.NewGray(image.Rect(0, 0, 1280, 720))); err != nil {
		t.Fatal(err)
	}
	for i := range run.Steps {
		run.Steps[i].Page = &report.PageEvidence{
			URL: "https://login.example.test/" + strings.Repeat("a-long-path/", 20), Screenshot: base64.StdEncoding.EncodeToString(screenshot.Bytes()),
			DOM: strings.Repeat("<div>"+strings.Repeat("x", 100)+"</div>\n", 60), Log: []string{"error: " + strings.Repeat("y", 200), "dialog: Sure?"},
		}
	}
	return run
}

// validate is what html-validate, and a parser that follows the standard, say against documents, by their names.
func validate(t *testing.T, documents map[string][]byte) map[string]string {
	t.Helper()
	return golden.Validate(t, documents, ".html", "html.mjs")
}

func TestValid(t *testing.T) {
	for name, complaint := range validate(t, documents(t)) {
		t.Errorf("%s: %s", name, complaint)
	}
}

// plants are mistakes by what they are called: what to replace in a page, and by what.
type plants map[string][2]string

// planted is the page of the mixed run with mistakes.
func planted(t *testing.T, mistakes plants) []byte {
	t.Helper()
	page := write(t, golden.Load(t, "mixed"))
	for _, m := range mistakes {
		if !bytes.Contains(page, []byte(m[0])) {
			t.Fatalf("there is no %s", m[0])
		}
		page = bytes.Replace(page, []byte(m[0]), []byte(m[1]), 1)
	}
	return page
}

// The validator notices what it is there for.
func TestValidRefuses(t *testing.T) {
	mistakes := plants{
		"no-dup-id":                 {`<h2 id="steps">`, `<h2 id="attention">`},
		"input-missing-label":       {`</h1>`, `</h1><input type="text">`},
		"element-permitted-content": {`<h1>`, `<h1><div>x</div>`},
		"no-unknown-attributes":     {`<h1>`, `<h1 foo="x">`},
		"close-order":               {`</h1>`, ``},
		"parse5":                    {`<h1>`, `<h1>&ampx`},
		"prefer-native-element":     {`<div class="scroll" role="group"`, `<div class="scroll" role="region"`},
	}
	pages := make(map[string][]byte)
	for rule, m := range mistakes {
		pages[rule] = planted(t, plants{rule: m})
	}
	complaints := validate(t, pages)
	for rule := range mistakes {
		if _, said, _ := strings.Cut(complaints[rule], ".html:"); !strings.Contains(said, rule) {
			t.Errorf("%s: it says %q", rule, complaints[rule])
		}
	}
}

// Beside every drawing there is a table that says the same: in its figure, after it or its row of charts, or around it.
func TestTablesBesideCharts(t *testing.T) {
	documents := documents(t)
	drawings := 0
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		doc, err := nethtml.Parse(bytes.NewReader(documents[name]))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			if n.Data != "svg" || attribute(n, "role") != "img" {
				continue
			}
			drawings++
			if !tabled(n) {
				t.Errorf("%s: the drawing %q has no table", name, attribute(n, "aria-labelledby")+attribute(n, "aria-label"))
			}
		}
	}
	if drawings < 50 {
		t.Errorf("only %d drawings", drawings)
	}
}

// tabled reports whether the drawing is in a table, or in a figure that holds one or is followed by one.
func tabled(drawing *nethtml.Node) bool {
	for n := range drawing.Ancestors() {
		switch n.Data {
		case "table":
			return true
		case "figure":
			return holdsTable(n) || holdsTable(following(n)) || attribute(n.Parent, "class") == "charts" && holdsTable(following(n.Parent))
		}
	}
	return false
}

// following is the next element.
func following(n *nethtml.Node) *nethtml.Node {
	for {
		n = n.NextSibling
		if n == nil || n.Type == nethtml.ElementNode {
			return n
		}
	}
}

// holdsTable reports whether there is a table with rows and headers in n.
func holdsTable(n *nethtml.Node) bool {
	var heads, cells int
	if n == nil {
		return false
	}
	for d := range n.Descendants() {
		switch d.Data {
		case "th":
			heads++
		case "td":
			cells++
		}
	}
	return heads > 0 && cells > 0
}

func attribute(n *nethtml.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
