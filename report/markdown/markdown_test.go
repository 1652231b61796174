package markdown_test

import (
	"bytes"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/markdown"
)

var update = flag.Bool("update", false, "rewrite golden files")

func write(t interface{ Fatal(...any) }, run *report.Run, opts markdown.Options) string {
	var out bytes.Buffer
	if err := markdown.WriteTo(&out, run, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			out := write(t, run, markdown.Options{})
			golden.Check(t, *update, name+".md", []byte(out))
			outline(t, out)
		})
	}
}

var (
	escaped   = regexp.MustCompile(`\\[!-/:-@\[-` + "`" + `{-~]`)
	delimiter = regexp.MustCompile(`^\|( (---|--:) \|)+$`)
	opening   = regexp.MustCompile(`^<details><summary>([^<>]*)</summary>$`)
	label     = regexp.MustCompile(`^\*\*[A-Z][a-z]+:\*\* `)
)

// outline reads a document as strictly as it is written and gives each line its kind: what texts are in it must not matter.
func outline(t interface{ Fatalf(string, ...any) }, doc string) []string {
	if !utf8.ValidString(doc) || strings.ContainsFunc(doc, func(c rune) bool { return c != '\n' && unicode.IsControl(c) }) {
		t.Fatalf("not plain text: %q", doc)
	}
	var kinds []string
	columns, row, open := 0, 0, 0
	for text := range strings.SplitSeq(strings.TrimSuffix(doc, "\n"), "\n") {
		bare := escaped.ReplaceAllString(text, "")
		kind, content := "paragraph", bare
		switch {
		case text == "":
			kind = "blank"
		case strings.HasPrefix(text, "|"):
			kind, content = "row", strings.ReplaceAll(bare, "|", "")
		case strings.HasPrefix(text, "#"):
			kind, content, _ = strings.Cut(bare, " ")
		case strings.HasPrefix(text, "- "):
			kind, content = "item", label.ReplaceAllString(bare[2:], "")
		case opening.MatchString(text):
			kind, content, open = "open", "", open+1
		case text == "</details>":
			kind, content, open = "close", "", open-1
		}
		if strings.ContainsAny(content, "`*[]<|~$#") || kind == "paragraph" && strings.ContainsAny(text[:1], "-+=/>") {
			t.Fatalf("markup in a %s: %q", kind, text)
		}
		if kind != "row" {
			row = 0
		} else if row++; row == 1 {
			columns = strings.Count(bare, "|")
		} else if strings.Count(bare, "|") != columns || row == 2 && !delimiter.MatchString(text) {
			t.Fatalf("row %d is not one of a table of %d columns: %q", row, columns-1, text)
		}
		if len(kinds) > 0 && kinds[len(kinds)-1] != "blank" && kind != "blank" && (kind != "row" && kind != "item" || kinds[len(kinds)-1] != kind) {
			t.Fatalf("%s follows %s without a blank line: %q", kind, kinds[len(kinds)-1], text)
		}
		if open < 0 || open > 1 {
			t.Fatalf("details are nested or closed twice: %q", text)
		}
		kinds = append(kinds, kind)
	}
	if open != 0 {
		t.Fatalf("details stay open")
	}
	return kinds
}

func TestHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := golden.DrawShape(t)
		opts := markdown.Options{Folded: rapid.Bool().Draw(t, "folded")}
		got := outline(t, write(t, golden.Hostile(shape, golden.Nasty(t)), opts))
		want := outline(t, write(t, golden.Hostile(shape, func() string { return "ax" }), opts))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the texts changed the document:\n%s", diff)
		}
	})
}

func TestTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { comesBack(t, golden.Nasty(t)()) })
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"a|b", "@everyone", "1. one", "_i_", "a_b", `\`, "&amp;", "\x1b[31m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { comesBack(t, s) })
}

// comesBack makes sure that a reader sees the text itself, and all of it.
func comesBack(t interface{ Fatalf(string, ...any) }, s string) {
	want := strings.TrimSpace(report.OneLine(report.Shorten(s, 4<<10)))
	shown := escaped.ReplaceAllStringFunc(markdown.Text(s), func(pair string) string { return pair[1:] })
	if !strings.Contains(s, "\u2060") {
		shown = strings.ReplaceAll(shown, "\u2060", "")
	}
	if shown != want {
		t.Fatalf("%q is shown as %q, from %q", want, shown, markdown.Text(s))
	}
}

func TestText(t *testing.T) {
	for s, want := range map[string]string{
		"login.total.p95 < 300ms":          `login.total.p95 \< 300ms`,
		"1.2s":                             "1.2s",
		"1. one":                           `1\. one`,
		"snake_case and _emphasis_":        `snake_case and \_emphasis\_`,
		"R&D &amp; more":                   `R\&D \&amp; more`,
		"@team, microsoft@152, a@b.c":      "@\u2060team, microsoft@152, a@b.c",
		"/close":                           `\/close`,
		" two\r\nlines\x1b ":               `two lines\\u001b`,
		"examples/quickstart/login.yaml:4": "examples/quickstart/login.yaml:4",
	} {
		if got := markdown.Text(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	run := golden.Load(t, "mixed")
	whole := write(t, run, markdown.Options{Folded: true})
	for limit := 2 << 10; limit <= len(whole)+200; limit += 37 {
		out := write(t, run, markdown.Options{Folded: true, Limit: limit})
		outline(t, out)
		if len(out) > limit {
			t.Fatalf("%d bytes, the limit is %d", len(out), limit)
		}
		if cut := out != whole; cut != strings.Contains(out, "as much as fits here") {
			t.Fatalf("limit %d: cut %v, and the note says otherwise", limit, cut)
		}
	}
}

func TestVerdictIsNeverMistaken(t *testing.T) {
	run := golden.Load(t, "pass")
	if out := write(t, run, markdown.Options{}); !strings.HasPrefix(out, "# ✓ ") {
		t.Errorf("a pass begins %.40q", out)
	}
	run.Partial = true
	if out := write(t, run, markdown.Options{}); !strings.HasPrefix(out, "# ? ") || !strings.Contains(out, "Partial run") {
		t.Errorf("a partial run begins %.40q", out)
	}
	run.Partial, run.Steps[0].Verdict = false, report.VerdictError
	run.Summary = run.Summarize()
	out := write(t, run, markdown.Options{})
	if !strings.HasPrefix(out, "# ? ") || !strings.Contains(out, "## What could not be told") || strings.Contains(out, "✗") {
		t.Errorf("what could not be told is shown as something else:\n%s", out)
	}
}

func TestLatencyIsNotClaimedOfALimitedGenerator(t *testing.T) {
	out := write(t, golden.Load(t, "load-limited"), markdown.Options{})
	if !strings.Contains(out, "Not claimed: ") || strings.Contains(out, "| p95 |") {
		t.Errorf("got\n%s", out)
	}
}

func TestWriteErrors(t *testing.T) {
	if err := markdown.Write(golden.FullDisk(0), golden.Load(t, "pass")); err == nil {
		t.Error("no error from a full disk")
	}
}

// However large a matrix is, the document of it is below 1 MiB, and what is incompatible is in it.
func TestALargeMatrixIsCut(t *testing.T) {
	run := golden.Matrix(120, 40, 11, func(p, q, f int, r *report.MatrixResult) {
		if f == 3 {
			r.Verdict, r.Reason = report.VerdictFail, fmt.Sprintf("cause %c%c: %s", 'a'+p%26, 'a'+q%26, strings.Repeat("long ", 100))
		}
	})
	out := write(t, run, markdown.Options{})
	outline(t, out)
	if len(out) >= 1<<20 || len(out) < 1<<19 || !strings.Contains(out, "Party 0: five of 120 providers fail at f3") || !strings.HasSuffix(out, "have the rest._\n") {
		t.Errorf("%d bytes, and ends %q", len(out), out[len(out)-200:])
	}
}
