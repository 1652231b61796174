package github_test

import (
	"bytes"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/github"
	"github.com/passrig/passrig/report/internal/golden"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestGolden(t *testing.T) {
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := github.Write(&out, run); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, *update, name+".md", out.Bytes())
			text, _ := annotations(t, run)
			golden.Check(t, *update, name+".txt", []byte(text))
		})
	}
}

// annotation is what the runner of GitHub Actions reads from a line.
type annotation struct {
	level, message string
	properties     map[string]string
}

var (
	commandLine = regexp.MustCompile(`^::(error|warning) ([^:]*)::([^\r\n]*)$`)
	escape      = regexp.MustCompile(`%(25|0D|0A|3A|2C)`)
)

// annotations parses the commands as the runner does, and more strictly.
func annotations(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, run *report.Run,
) (string, []annotation) {
	var out bytes.Buffer
	if err := github.WriteAnnotations(&out, github.Annotations(run)); err != nil {
		t.Fatal(err)
	}
	unescape := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace
	var list []annotation
	for line := range strings.Lines(out.String()) {
		m := commandLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil || strings.Contains(escape.ReplaceAllString(line, ""), "%") {
			t.Fatalf("not a command: %q", line)
		}
		a := annotation{level: m[1], message: unescape(m[3]), properties: make(map[string]string)}
		for pair := range strings.SplitSeq(m[2], ",") {
			name, value, ok := strings.Cut(pair, "=")
			if _, twice := a.properties[name]; !ok || twice || !slices.Contains([]string{"file", "line", "title"}, name) {
				t.Fatalf("property %q in %q", pair, line)
			}
			a.properties[name] = unescape(value)
		}
		list = append(list, a)
	}
	for _, level := range []string{"error", "warning"} {
		if n := len(slices.DeleteFunc(slices.Clone(list), func(a annotation) bool { return a.level != level })); n > 10 {
			t.Fatalf("%d annotations of level %s", n, level)
		}
	}
	return out.String(), list
}

func TestAnnotationSaysWhereAndWhat(t *testing.T) {
	_, list := annotations(t, golden.Load(t, "mixed"))
	i := slices.IndexFunc(list, func(a annotation) bool { return a.properties["line"] == "16" })
	if i < 0 {
		t.Fatalf("nothing at line 16 in %v", list)
	}
	a := list[i]
	if a.level != "error" || a.properties["file"] != "examples/quickstart/login.yaml" || a.properties["title"] != "fail: quickstart/2 login alice on phone" {
		t.Errorf("got %+v", a)
	}
	for _, want := range []string{"rejected a login", "\nexpected: outcome accepted", "\nactual: outcome rejected", "\nhint: the RP knows"} {
		if !strings.Contains(a.message, want) {
			t.Errorf("%q is missing in %q", want, a.message)
		}
	}
	for _, a := range list {
		if told := strings.HasPrefix(a.properties["title"], "could not tell: "); told && a.level != "warning" {
			t.Errorf("what could not be told is an %s: %+v", a.level, a)
		}
	}
}

func TestAnnotationIsEscaped(t *testing.T) {
	var out bytes.Buffer
	list := []github.Annotation{
		{Level: github.LevelError, File: "a,b:c%.yaml", Line: 3, Col: 4, Title: "a: b,\nc", Message: "50% of a:b,c\r\nhint: try"},
		{Level: github.LevelError, Line: 7, Message: "gone"},
	}
	if err := github.WriteAnnotations(&out, list); err != nil {
		t.Fatal(err)
	}
	const want = "::error file=a%2Cb%3Ac%25.yaml,line=3,col=4,title=a%3A b%2C c::50%25 of a:b,c%0Ahint: try\n::error ::gone\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestMoreThanTenAreCounted(t *testing.T) {
	run := &report.Run{}
	for i := range 14 {
		run.Checks = append(run.Checks,
			report.Check{ID: fmt.Sprintf("f%d", i), Verdict: report.VerdictFail}, report.Check{ID: fmt.Sprintf("w%d", i), Verdict: report.VerdictWarn},
			report.Check{ID: fmt.Sprintf("e%d", i), Verdict: report.VerdictError}, report.Check{ID: "known", Verdict: report.VerdictFail, Tolerated: "known"})
	}
	run.Summary = run.Summarize()
	text, list := annotations(t, run)
	if len(list) != 20 || !strings.Contains(list[9].message, "5 more") || !strings.Contains(list[19].message, "19 more") || strings.Contains(text, "known") {
		t.Errorf("got\n%s", text)
	}
}

func TestHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := golden.DrawShape(t)
		_, hostile := annotations(t, golden.Hostile(shape, golden.Nasty(t)))
		_, harmless := annotations(t, golden.Hostile(shape, func() string { return "ax" }))
		if len(hostile) != len(harmless) {
			t.Fatalf("%d annotations from hostile texts, %d from harmless ones", len(hostile), len(harmless))
		}
		for i := range hostile {
			if a, b := hostile[i], harmless[i]; a.level != b.level || len(a.properties) != len(b.properties) || a.properties["line"] != b.properties["line"] {
				t.Fatalf("%+v from hostile texts, %+v from harmless ones", a, b)
			}
		}
	})
}

func TestSummaryStaysBelowOneMebibyte(t *testing.T) {
	run := golden.Load(t, "mixed")
	for range 2000 {
		run.Steps = append(run.Steps, report.Step{ID: "s", Scenario: "s", Verdict: report.VerdictFail, Message: strings.Repeat("é", 100_000)})
	}
	run.Summary = run.Summarize()
	var out bytes.Buffer
	if err := github.Write(&out, run); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if len(text) > 1<<20 || len(text) < 1<<19 {
		t.Errorf("the summary has %d bytes", len(text))
	}
	if !strings.Contains(text, "as much as fits here") || strings.Count(text, "<details>") != strings.Count(text, "</details>") {
		t.Errorf("it ends %q", text[len(text)-200:])
	}
}

func TestWriteErrors(t *testing.T) {
	run := golden.Load(t, "mixed")
	if github.Write(golden.FullDisk(0), run) == nil || github.WriteAnnotations(golden.FullDisk(0), github.Annotations(run)) == nil {
		t.Error("no error from a full disk")
	}
}
