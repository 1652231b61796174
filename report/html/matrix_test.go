package html_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	nethtml "golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/html"
	"github.com/passrig/passrig/report/internal/golden"
)

func TestMatrixGolden(t *testing.T) {
	for _, name := range []string{"matrix-pass", "matrix"} {
		t.Run(name, func(t *testing.T) {
			out := write(t, golden.Load(t, name))
			golden.Check(t, *update, name+".html", out)
			checkDocument(t, out)
			checkMatrix(t, golden.Load(t, name), out)
		})
	}
}

// largestPage is what a page can have and still be mailed.
const largestPage = 5 << 20

// All providers at five relying parties, with as many failures as there are in earnest, stay one readable file.
func TestMatrixOfAll(t *testing.T) {
	run := labRun()
	out := write(t, run)
	checkDocument(t, out)
	checkMatrix(t, run, out)
	t.Logf("%d cells, %d failed facets: %d bytes", len(run.Matrix.Cells), run.Summary.Failed, len(out))
	if len(out) > largestPage {
		t.Errorf("%d bytes, want at most %d", len(out), largestPage)
	}
}

// A lab in which everything fails is no larger than a file can be.
func TestMatrixOfFailures(t *testing.T) {
	run := labRun()
	for i := range run.Matrix.Cells {
		for j := range run.Matrix.Cells[i].Facets {
			fail(&run.Matrix.Cells[i].Facets[j], fmt.Sprintf("the relying party said no: status %d", 400+j), "", "accepted", "rejected")
		}
	}
	run.Summary = run.Summarize()
	out := write(t, run)
	checkMatrix(t, run, out)
	if len(out) > largestPage {
		t.Errorf("%d bytes, want at most %d", len(out), largestPage)
	}
	if !bytes.Contains(out, []byte("What was sent and answered is like that of")) {
		t.Error("nothing says where the evidence that is left out is shown")
	}
}

// checkMatrix holds the page to the matrix: every pair is there with a word and a link to evidence that is there.
func checkMatrix(t failer, run *report.Run, page []byte) {
	doc, err := nethtml.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, fields, glances := make(map[string]*nethtml.Node), []*nethtml.Node(nil), 0
	for n := range doc.Descendants() {
		if id := attr(n, "id"); id != "" {
			ids[id] = n
		}
		if n.Data == "td" && hasAncestor(n, "mx-rows") && !strings.Contains(attr(n, "class"), "mx-sum") {
			fields = append(fields, n)
		}
		if n.Data == "td" && hasAncestor(n, "mx-glance") && hasAncestor(n, "tbody") && attr(n, "class") != "mx-works" {
			glances++
			if textOf(n) == "" {
				t.Errorf("a field of the picture at the head says nothing")
			}
		}
	}
	m := run.Matrix
	if want := len(m.Providers) * len(m.Parties); len(fields) != want {
		t.Errorf("%d fields, want %d", len(fields), want)
	} else if glances != want {
		t.Errorf("%d fields at the head, want %d", glances, want)
	}
	links := 0
	for _, field := range fields {
		said := textOf(field)
		if !slices.ContainsFunc([]string{"pass", "failed", "warning", "could not tell", "not told", "not played", "skipped"}, func(word string) bool { return strings.Contains(said, word) }) {
			t.Errorf("a field says only %q", said)
		}
		for n := range field.Descendants() {
			if n.Data == "a" {
				switch at := ids[strings.TrimPrefix(attr(n, "href"), "#")]; {
				case at == nil:
					t.Errorf("the link %q leads nowhere", attr(n, "href"))
				case hasAncestor(at, "details"):
					links++
				case !hasAncestor(at, "mx-findings"):
					t.Errorf("the link %q leads to no evidence", attr(n, "href"))
				}
			}
		}
	}
	if links != len(m.Cells) {
		t.Errorf("%d links to evidence, want %d", links, len(m.Cells))
	}
	for i := range m.Cells {
		c := &m.Cells[i]
		for j := range c.Facets {
			r := &c.Facets[j]
			row := ids[report.MatrixAnchor(c.Provider, c.Party, r.Facet)]
			if row == nil {
				t.Errorf("no evidence of %s at %s: %s", c.Provider, c.Party, r.Facet)
				continue
			}
			if said := textOf(row); !strings.Contains(said, strings.Join(strings.Fields(r.Reason), " ")) {
				t.Errorf("%q does not say the reason %q", said, r.Reason)
			}
		}
	}
}

func attr(n *nethtml.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// hasAncestor reports whether a node is in an element of that name or class.
func hasAncestor(n *nethtml.Node, name string) bool {
	for a := range n.Ancestors() {
		if a.Data == name || slices.Contains(strings.Fields(attr(a, "class")), name) {
			return true
		}
	}
	return false
}

func textOf(n *nethtml.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == nethtml.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestMatrixHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := golden.Nasty(t)
		run := labRun()
		m := run.Matrix
		m.Providers, m.Parties, m.Facets, m.Cells = m.Providers[:2], m.Parties[:2], m.Facets[:2], nil
		for i := range m.Providers {
			m.Providers[i] = report.MatrixProvider{ID: fmt.Sprint(i, text()), Title: text(), Version: text(), Assumes: text(), Devices: []string{text()}, Unverified: []string{text()}}
			m.Parties[i] = report.MatrixParty{ID: fmt.Sprint(i, text()), Title: text(), Driver: text(), Browser: text(), Problem: text(), Hint: text(), Asks: []report.Asked{{Name: text(), Value: text()}}}
			m.Facets[i] = report.MatrixFacet{ID: fmt.Sprint(i, text()), Title: text(), Description: text()}
		}
		for _, p := range m.Providers {
			for _, at := range m.Parties {
				c := report.MatrixCell{Provider: p.ID, Party: at.ID}
				for _, f := range m.Facets {
					r := report.MatrixResult{Facet: f.ID}
					fail(&r, text(), text(), text(), text())
					r.Verdict = rapid.SampledFrom([]report.Verdict{report.VerdictPass, report.VerdictFail, report.VerdictWarn, report.VerdictError, report.VerdictSkip, report.VerdictInfo}).Draw(t, "verdict")
					c.Facets = append(c.Facets, r)
				}
				m.Cells = append(m.Cells, c)
			}
		}
		if rapid.Bool().Draw(t, "twice") { // as a file that somebody put together by hand
			m.Providers, m.Cells = append(m.Providers, m.Providers[0]), append(m.Cells, m.Cells[0])
		}
		run.Summary = run.Summarize()
		var out bytes.Buffer
		if err := html.Write(&out, run); err != nil {
			t.Fatal(err)
		}
		checkDocument(t, out.Bytes())
	})
}

// What a field says can be read on its own color.
func TestMatrixContrast(t *testing.T) {
	css, err := os.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, _ := strings.Cut(string(css), "(prefers-color-scheme: dark)")
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		color := func(name string) float64 {
			m := regexp.MustCompile(`--` + name + `: (#[0-9a-f]{6})`).FindStringSubmatch(text)
			if m == nil {
				t.Fatalf("%s: no color %s", scheme, name)
			}
			return luminance(t, m[1])
		}
		for _, back := range []string{"pass", "fail", "error", "warn", "info", "skip"} {
			for _, front := range []string{back, "soft", "ink"} {
				a, b := color(front), color(back+"-bg")
				if ratio := (max(a, b) + .05) / (min(a, b) + .05); ratio < 4.5 {
					t.Errorf("%s: %s on %s-bg has a contrast of %.2f", scheme, front, back, ratio)
				}
			}
		}
	}
}

// Whoever reads of a failure can play that one cell again: with the facets and drivers of the run, and without its other rows and
// columns.
func TestCommandOfACell(t *testing.T) {
	run := golden.Load(t, "matrix")
	m := run.Matrix
	m.File, m.Only, run.Params = "my lab.yaml", []string{"--provider", "x", "--facet", "login", "--relying-party", "y", "--driver", "api"}, map[string]string{"size": "3"}
	page := string(write(t, run))
	failed := 0
	for i := range m.Cells {
		if m.Cells[i].Verdict().Worse(report.VerdictPass) {
			failed++
		}
	}
	if n := strings.Count(page, "passrig matrix &#39;my lab.yaml&#39; --param size=3 --facet login --driver api --provider "); n != failed || n == 0 {
		t.Errorf("%d commands for %d cells that did not pass", n, failed)
	}
}
