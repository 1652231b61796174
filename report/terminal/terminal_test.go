package terminal_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/terminal"
)

var update = flag.Bool("update", false, "rewrite golden files")

var sgr = regexp.MustCompile("\x1b\\[[0-9]+m")

func write(t interface{ Fatal(...any) }, run *report.Run, opts terminal.Options) string {
	var out bytes.Buffer
	if err := terminal.Write(&out, run, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	for _, name := range golden.All() {
		run := golden.Load(t, name)
		for variant, opts := range map[string]terminal.Options{
			"plain":   {Width: 100, Reports: []string{"out.html", "junit.xml"}},
			"color":   {Width: 100, Color: true, Reports: []string{"out.html", "junit.xml"}},
			"narrow":  {Width: 48},
			"verbose": {Verbose: true},
			"quiet":   {Width: 100, Quiet: true, Reports: []string{"out.html"}},
		} {
			t.Run(name+"/"+variant, func(t *testing.T) {
				golden.Check(t, *update, name+"."+variant+".txt", []byte(write(t, run, opts)))
			})
		}
	}
}

func TestNothingIsWiderThanTheTerminal(t *testing.T) {
	for _, name := range golden.All() {
		run := golden.Load(t, name)
		if l := run.Load; l != nil { // a soak of a day
			l.Counts.Scheduled, l.Counts.Started, l.Counts.Finished = 1_728_000_000, 1_728_000_000, 1_728_000_000
			l.Phases[len(l.Phases)-1].Counts = l.Counts
		}
		for columns := 40; columns <= 120; columns += 4 {
			lines := strings.Split(strings.TrimSpace(write(t, run, terminal.Options{Width: columns, Verbose: true})), "\n")
			for _, line := range lines[:len(lines)-1] { // the last is one line whatever the width
				if w := (&runewidth.Condition{StrictEmojiNeutral: true}).StringWidth(line); w > columns {
					t.Errorf("%s: %d columns wide, limit %d: %q", name, w, columns, line)
				}
			}
		}
	}
}

func TestColorSaysNothingOfItsOwn(t *testing.T) {
	for _, name := range golden.All() {
		run := golden.Load(t, name)
		bare := write(t, run, terminal.Options{Width: 80})
		colored := write(t, run, terminal.Options{Width: 80, Color: true})
		if diff := cmp.Diff(bare, sgr.ReplaceAllString(colored, "")); diff != "" {
			t.Error(diff)
		}
		if bare == colored {
			t.Error("no color was used")
		}
	}
}

// What never came back took no time at all, least of all none.
func TestARateWithoutAnswersHasNoLatency(t *testing.T) {
	limit := &report.LoadLimit{Points: []report.LoadPoint{{Rate: 50, FailedRate: 1, Verdict: report.VerdictFail, Message: "no iteration ended"}}}
	out := write(t, &report.Run{Load: &report.LoadRun{Model: report.LoadOpen, Limit: limit}}, terminal.Options{Width: 100})
	at := strings.Index(out, "✗ 50/s")
	if at < 0 {
		t.Fatal(out)
	}
	row, _, _ := strings.Cut(out[at:], "\n")
	if strings.Contains(row, "0ms") || strings.Count(row, "–") != 3 {
		t.Errorf("got %q", row)
	}
}

func TestLastLine(t *testing.T) {
	tests := []struct {
		run  report.Run
		want string
	}{
		{report.Run{Summary: report.Summary{Passed: 12, Failed: 1, Skipped: 2}, DurationMS: 3400}, "12 passed, 1 failed, 2 skipped in 3.4s"},
		{report.Run{Summary: report.Summary{Errored: 1, Warned: 2}, DurationMS: 12}, "1 errored, 2 warned in 12ms"},
		{report.Run{Summary: report.Summary{Passed: 1}, DurationMS: 5, Partial: true}, "1 passed in 5ms (partial)"},
		{report.Run{}, "nothing was judged in 0ms"},
	}
	for _, tt := range tests {
		for _, quiet := range []bool{false, true} {
			lines := strings.Split(strings.TrimSpace(write(t, &tt.run, terminal.Options{Quiet: quiet})), "\n")
			if got := lines[len(lines)-1]; got != tt.want {
				t.Errorf("quiet %v: got %q, want %q", quiet, got, tt.want)
			}
		}
	}
}

func TestHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nasty := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"\x1b]0;owned\x07", "\x1b[2J", "\r\x1b[A", "a\nb", "\u202Eevil", "\u009b31m", "\xff", strings.Repeat("長", 70), "tab\there",
		}))
		opts := terminal.Options{Width: rapid.IntRange(40, 120).Draw(t, "width"), Verbose: rapid.Bool().Draw(t, "verbose")}
		run := &report.Run{
			Name: nasty.Draw(t, "name"), Aborted: nasty.Draw(t, "aborted"), Partial: true,
			Target:    report.Target{Origin: nasty.Draw(t, "origin"), Adapter: nasty.Draw(t, "adapter")},
			Scenarios: []report.Scenario{{ID: "s", Name: nasty.Draw(t, "scenario"), File: nasty.Draw(t, "file")}},
			Metrics:   map[string]report.Metric{nasty.Draw(t, "metric"): {Unit: "ns", Count: 1}},
			Steps: []report.Step{{
				Scenario: "s", Title: nasty.Draw(t, "title"), Verdict: report.VerdictFail, Message: nasty.Draw(t, "message"),
				Actual: nasty.Draw(t, "actual"), Notes: []string{nasty.Draw(t, "note")}, File: nasty.Draw(t, "file"),
			}},
			Thresholds: []report.Threshold{{Text: nasty.Draw(t, "text"), Verdict: report.VerdictError, Actual: nasty.Draw(t, "actual")}},
		}
		if rapid.Bool().Draw(t, "load") {
			run.Load = hostileLoad(t, nasty)
		}
		if rapid.Bool().Draw(t, "fabric") {
			run.Fabric = hostileFabric(t, nasty)
			run.Steps[0].Outcome = nasty.Draw(t, "outcome")
			run.Steps[0].Cell = &report.Cell{Row: nasty.Draw(t, "row"), Column: nasty.Draw(t, "column")}
		}
		lines := strings.Split(strings.TrimSpace(write(t, run, opts)), "\n")
		for _, line := range lines[:len(lines)-1] { // the last is one line whatever the width
			if strings.ContainsAny(line, "\x1b\r\x07\t\u009b\u202e") {
				t.Fatalf("control character in %q", line)
			}
			if w := (&runewidth.Condition{StrictEmojiNeutral: true}).StringWidth(line); w > opts.Width {
				t.Fatalf("line is %d columns wide, limit %d: %q", w, opts.Width, line)
			}
		}
	})
}

func TestWriteErrors(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := terminal.Write(w, &report.Run{}, terminal.Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

// hostileLoad is a load with nasty text wherever there can be text.
func hostileLoad(t *rapid.T, nasty *rapid.Generator[string]) *report.LoadRun {
	l := &report.LoadRun{
		Model: nasty.Draw(t, "model"), Connections: nasty.Draw(t, "connections"), Transport: nasty.Draw(t, "transport"), Signing: nasty.Draw(t, "signing"),
		Users: report.LoadUsers{Source: nasty.Draw(t, "source")}, Segment: nasty.Draw(t, "segment"),
		Phases: []report.LoadPhase{{Name: nasty.Draw(t, "phase"), Counts: report.LoadCounts{Started: 1}}},
		Outcomes: []report.LoadOutcome{{
			Journey: nasty.Draw(t, "journey"), Operation: nasty.Draw(t, "operation"), Class: nasty.Draw(t, "class"), Count: 1, Example: nasty.Draw(t, "example"),
		}},
	}
	if rapid.Bool().Draw(t, "limited") {
		l.Generator.Limited = nasty.Draw(t, "limited by")
	}
	if rapid.Bool().Draw(t, "search") {
		l.Limit = &report.LoadLimit{Bounded: nasty.Draw(t, "bounded"), Points: []report.LoadPoint{{Rate: 5, Verdict: report.VerdictFail, Message: nasty.Draw(t, "message")}}}
	}
	return l
}

// hostileFabric is a fabric with nasty text wherever there can be text.
func hostileFabric(t *rapid.T, nasty *rapid.Generator[string]) *report.Fabric {
	text := func() string { return nasty.Draw(t, "fabric text") }
	may := func() report.Eligibility {
		return report.Eligibility{Allowed: rapid.Bool().Draw(t, "allowed"), Reason: text(), Rule: text(), Assumed: text()}
	}
	f := &report.Fabric{Accounts: []report.FabricAccount{{
		Scenario: text(), Account: text(), Title: text(), Provider: text(), Type: text(),
		Devices: []report.FabricDevice{{Name: text(), OS: text(), Client: text(), Verification: text(), Save: may(), Use: may()}},
		Events:  []report.FabricEvent{{Kind: "arrived", SentMS: 1, AtMS: 3}},
		Unlock:  &report.FabricUnlock{Method: text(), Attempts: 3, Path: []report.UnlockMark{{Action: text(), Failures: 1}}},
		Audit:   &report.FabricAudit{Intact: rapid.Bool().Draw(t, "intact"), Head: text(), Problem: text()},
	}}}
	if rapid.Bool().Draw(t, "study") {
		f.Study = &report.Study{Provider: text(), Delay: text(), Kinds: []report.StudyCount{{Kind: text(), Count: 1}}}
	}
	return f
}

// A table that does not fit becomes a list; a lockout, a damaged log and a refusal are said whatever the width.
func TestFabricSaysWhatMatters(t *testing.T) {
	for _, columns := range []int{0, 40, 100} {
		out := strings.Join(strings.Fields(write(t, golden.Load(t, "sync"), terminal.Options{Width: columns})), " ")
		for _, want := range []string{
			"✗ save, use: Edge 142 on macOS cannot save passkeys: Microsoft Password Manager needs Windows 10 or later (rule os)",
			"3 arrivals: lag p50 6.8s, at most 7.38s", "14 tries, 13 refused, 1 lockout; now locked", "audit log intact, 29 entries",
			"audit log damaged: line 2: the entry was changed after it was written", "✗ save, use: a work account",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%d columns: it does not say %q", columns, want)
			}
		}
	}
}

// Accounts at one provider share its audit log, which is said once.
func TestSharedLog(t *testing.T) {
	run := golden.Load(t, "sync")
	first := run.Fabric.Accounts[0]
	run.Fabric.Accounts = []report.FabricAccount{first, first}
	if n := strings.Count(write(t, run, terminal.Options{Width: 100}), "audit log intact, 29 entries"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	later := *first.Audit
	later.Head = "30:" + later.Head[3:]
	run.Fabric.Accounts[1].Audit = &later
	if n := strings.Count(write(t, run, terminal.Options{Width: 100}), "audit log intact, 29 entries"); n != 2 {
		t.Errorf("two logs are said %d times", n)
	}
}

// A field says the verdict by its mark, and what happened. Where the heads are too long, their words stand below each
// other; where that is too wide too, each field has a line.
func TestTableOfVerdicts(t *testing.T) {
	const legend = "  the mark is the verdict (– skip, ✓ pass, ! warn, ✗ FAIL), the word what happened\n"
	for columns, want := range map[int]string{
		0:  "             BE=0 BS=0   BE=0 BS=1   BE=1 BS=0   BE=1 BS=1\n  BE=0 BS=0  ✓ accepted  ✓ rejected  ! rejected  ! rejected\n  BE=0 BS=1  – skip      ✓ accepted  – skip      – skip\n",
		90: "  BE=1 BS=0  ✗ accepted  ✗ accepted  ✓ accepted  ✓ accepted\n  BE=1 BS=1  ✗ accepted  ✗ accepted  ✓ accepted  ✓ accepted\n" + legend,
		40: "  BE=1 BS=0\n    ✗ accepted  BE=0 BS=0\n",
	} {
		if out := write(t, golden.Load(t, "sync-cells"), terminal.Options{Width: columns}); !strings.Contains(out, want) {
			t.Errorf("%d columns: it does not say\n%s\n%s", columns, want, out)
		}
	}
	run := golden.Load(t, "sync-cells")
	for i := range run.Steps {
		if c := run.Steps[i].Cell; c != nil && run.Steps[i].Scenario == "flags" {
			c.Row, c.Column = "registered "+c.Row, "then a login "+c.Column
		}
	}
	const folded = `                        then        then        then        then
                        a login     a login     a login     a login
                        BE=0 BS=0   BE=0 BS=1   BE=1 BS=0   BE=1 BS=1
`
	if out := write(t, run, terminal.Options{Width: 80}); !strings.Contains(out, folded) {
		t.Errorf("it does not say\n%s\n%s", folded, out)
	}
}

// Of many accounts only those are shown of which there is something to say.
func TestManyAccounts(t *testing.T) {
	run := golden.Load(t, "sync")
	for range 20 {
		a := run.Fabric.Accounts[0]
		a.Account, a.Devices, a.Unlock = "bob", a.Devices[:2], nil
		run.Fabric.Accounts = append(run.Fabric.Accounts, a)
	}
	out := write(t, run, terminal.Options{Width: 100})
	if strings.Contains(out, "bob,") || !strings.Contains(out, "  20 more in which every device could save") || !strings.Contains(out, "alice-at-work,") {
		t.Error(out)
	}
	if out := write(t, run, terminal.Options{Width: 100, Verbose: true}); strings.Count(out, "bob,") != 20 {
		t.Error(out)
	}
}
