package tap_test

import (
	"bytes"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/tap"
)

var update = flag.Bool("update", false, "rewrite golden files")

// point is a test point as a consumer reads it.
type point struct {
	ok                     bool
	description, directive string // the directive is one of TAP's, or empty
	diagnostics            map[string]string
	untold                 bool // a comment says that it could not be told
}

type parsed struct {
	points []point
	bail   string
}

var (
	testPoint = regexp.MustCompile(`^(ok|not ok) ([1-9][0-9]*) - ((?:[^\\#]|\\[\\#])+?)(?: # (SKIP|TODO) ((?:[^\\#]|\\[\\#])+))?$`)
	entry     = regexp.MustCompile(`^  ([a-z_]+): (".*"|[0-9]+\.[0-9]{3})$`)
	// escapes are those of YAML 1.2 that are Go's too.
	escapes = regexp.MustCompile(`\\([abtnvfr"\\]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})`)
)

// parse reads what the specification of version 14 calls a TAP stream, and refuses what it allows beyond what is written here.
func parse(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, run *report.Run,
) (string, parsed) {
	var out bytes.Buffer
	if err := tap.Write(&out, run); err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(out.Bytes()) || bytes.ContainsAny(out.Bytes(), "\r\x00\x1b") {
		t.Fatalf("not plain text: %q", out.String())
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if lines[0] != "TAP version 14" || !strings.HasPrefix(lines[1], "1..") {
		t.Fatalf("begins %q", lines[:2])
	}
	var p parsed
	for i := 2; i < len(lines); i++ {
		line := lines[i]
		switch m := testPoint.FindStringSubmatch(line); {
		case p.bail != "":
			t.Fatalf("after Bail out!: %q", line)
		case m != nil:
			if m[2] != strconv.Itoa(len(p.points)+1) || lines[i+1] != "  ---" {
				t.Fatalf("point %d is %q, then %q", len(p.points)+1, line, lines[i+1])
			}
			pt := point{ok: m[1] == "ok", description: m[3], directive: m[4], diagnostics: make(map[string]string)}
			for i += 2; lines[i] != "  ..."; i++ {
				key, value := diagnostic(t, lines[i])
				if _, twice := pt.diagnostics[key]; twice {
					t.Fatalf("%q stands twice", key)
				}
				pt.diagnostics[key] = value
			}
			p.points = append(p.points, pt)
		case strings.HasPrefix(line, "# could not tell: "):
			p.points[len(p.points)-1].untold = true
		case strings.HasPrefix(line, "# "):
		case strings.HasPrefix(line, "Bail out! "):
			p.bail = strings.TrimPrefix(line, "Bail out! ")
		default:
			t.Fatalf("neither a point nor a comment: %q", line)
		}
	}
	if lines[1] != "1.."+strconv.Itoa(len(p.points)) {
		t.Fatalf("the plan is %s, and there are %d points", lines[1], len(p.points))
	}
	return out.String(), p
}

func diagnostic(t interface{ Fatalf(string, ...any) }, line string) (key, value string) {
	m := entry.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("not an entry: %q", line)
	}
	if m[2][0] != '"' {
		return m[1], m[2]
	}
	inner := m[2][1 : len(m[2])-1]
	if strings.ContainsAny(escapes.ReplaceAllString(inner, ""), `\"`) {
		t.Fatalf("not a scalar of YAML: %q", line)
	}
	value, err := strconv.Unquote(m[2])
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return m[1], value
}

func TestGolden(t *testing.T) {
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			text, p := parse(t, run)
			golden.Check(t, *update, name+".tap", []byte(text))
			agree(t, run, p)
		})
	}
}

// agree makes sure that a consumer comes to the same counts as the run.
func agree(t interface{ Fatalf(string, ...any) }, run *report.Run, p parsed) {
	want := run.Summarize()
	var failed, untold, skipped, tolerated int
	for _, pt := range p.points {
		if verdict := pt.diagnostics["verdict"]; pt.untold != (verdict == "error") || pt.untold && pt.ok {
			t.Fatalf("what could not be told: %+v", pt)
		}
		switch {
		case pt.directive == "SKIP":
			skipped++
		case pt.directive == "TODO":
			tolerated++
		case pt.untold && pt.diagnostics["kind"] != report.ResultRun:
			untold++
		case !pt.ok && !pt.untold:
			failed++
		}
	}
	if failed != want.Failed || untold != want.Errored || skipped < want.Skipped || tolerated != want.Tolerated {
		t.Fatalf("%d failed, %d untold, %d skipped, %d tolerated; the run has %+v", failed, untold, skipped, tolerated, want)
	}
	green := p.bail == "" && !slices.ContainsFunc(p.points, func(pt point) bool { return !pt.ok && pt.directive != "TODO" })
	if passed := report.ExitCode(run) == report.ExitPassed && !run.Partial; green != passed {
		t.Fatalf("a consumer sees green %v, and the run ends with exit code %d, partial %v", green, report.ExitCode(run), run.Partial)
	}
	if (p.bail != "") != (run.Aborted != "") {
		t.Fatalf("bail out %q of a run aborted by %q", p.bail, run.Aborted)
	}
}

func TestNothingJudgedIsNotGreen(t *testing.T) {
	for name, run := range map[string]*report.Run{
		"empty":   {},
		"skipped": {Steps: []report.Step{{ID: "s/1", Verdict: report.VerdictSkip}}},
		"partial": {Partial: true, Steps: []report.Step{{ID: "s/1", Verdict: report.VerdictPass}}},
		"limited": {Load: &report.LoadRun{Generator: report.LoadGenerator{Limited: "out of CPU"}}, Steps: []report.Step{{ID: "s/1", Verdict: report.VerdictPass}}},
		"unknown": {Steps: []report.Step{{ID: "s/1", Verdict: "marvelous"}}},
	} {
		run.Summary = run.Summarize()
		text, p := parse(t, run)
		if !slices.ContainsFunc(p.points, func(pt point) bool { return !pt.ok }) {
			t.Errorf("%s is green:\n%s", name, text)
		}
	}
}

func TestToleratedFailsNothing(t *testing.T) {
	run := &report.Run{Checks: []report.Check{{ID: "a", Verdict: report.VerdictFail, Tolerated: "known # before"}, {ID: "b", Verdict: report.VerdictPass}}}
	run.Summary = run.Summarize()
	text, p := parse(t, run)
	agree(t, run, p)
	if !strings.Contains(text, `not ok 1 - a # TODO tolerated: known \# before`) {
		t.Errorf("got\n%s", text)
	}
}

func TestHostileText(t *testing.T) {
	outline := func(p parsed) []string {
		var list []string
		for _, pt := range p.points {
			list = append(list, fmt.Sprint(pt.ok, pt.directive, pt.untold, len(pt.diagnostics), pt.diagnostics["kind"], pt.diagnostics["verdict"]))
		}
		return append(list, strconv.FormatBool(p.bail != ""))
	}
	rapid.Check(t, func(t *rapid.T) {
		shape := golden.DrawShape(t)
		run := golden.Hostile(shape, golden.Nasty(t))
		_, hostile := parse(t, run)
		agree(t, run, hostile)
		_, harmless := parse(t, golden.Hostile(shape, func() string { return "ax" }))
		if diff := cmp.Diff(outline(harmless), outline(hostile)); diff != "" {
			t.Fatalf("the texts changed the points:\n%s", diff)
		}
	})
}

func TestWriteErrors(t *testing.T) {
	if err := tap.Write(golden.FullDisk(0), golden.Load(t, "pass")); err == nil {
		t.Error("no error from a full disk")
	}
}
