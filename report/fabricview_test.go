package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
)

func TestLag(t *testing.T) {
	tests := []struct {
		name  string
		event report.FabricEvent
		ms    float64
		known bool
	}{
		{"arrival", report.FabricEvent{Kind: "arrived", AtMS: 50, SentMS: 20}, 30, true},
		{"at once", report.FabricEvent{Kind: "arrived", AtMS: 20, SentMS: 20}, 0, true},
		{"not told when", report.FabricEvent{Kind: "arrived", AtMS: 50}, 0, false},
		{"before it was sent", report.FabricEvent{Kind: "arrived", AtMS: 10, SentMS: 20}, 0, false},
		{"no arrival", report.FabricEvent{Kind: "pushed", AtMS: 50, SentMS: 20}, 0, false},
	}
	for _, tt := range tests {
		if ms, known := tt.event.Lag(); ms != tt.ms || known != tt.known {
			t.Errorf("%s: %v, %v, want %v, %v", tt.name, ms, known, tt.ms, tt.known)
		}
	}
}

func TestArrivals(t *testing.T) {
	arrivals := func(n int) *report.FabricAccount {
		a := &report.FabricAccount{Events: []report.FabricEvent{{Kind: "pushed"}}}
		for i := range n {
			a.Events = append(a.Events, report.FabricEvent{Kind: "arrived", SentMS: 1, AtMS: 1 + float64(n-i)*10})
		}
		return a
	}
	for n, want := range map[int]string{
		0: "", 1: "1 arrival: lag 10ms", 4: "4 arrivals: lag p50 20ms, at most 40ms",
		100: "100 arrivals: lag p50 500ms, p95 950ms, at most 1s",
	} {
		if got := arrivals(n).Arrivals(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	unknown := &report.FabricAccount{Events: []report.FabricEvent{{Kind: "arrived", AtMS: 3}, {Kind: "arrived", AtMS: 3}}}
	if got := unknown.Arrivals(); got != "2 arrivals" {
		t.Errorf("got %q", got)
	}
}

// marks writes a path as "device action failures".
func marks(lines ...string) []report.UnlockMark {
	path := make([]report.UnlockMark, len(lines))
	for i, line := range lines {
		f := strings.Fields(line)
		path[i] = report.UnlockMark{Device: f[0], Action: f[1], Failures: int(f[2][0] - '0')}
	}
	return path
}

func TestUnlockMoves(t *testing.T) {
	tests := []struct {
		name string
		path []report.UnlockMark
		want []report.UnlockMove
		text string
	}{
		{"nothing", nil, nil, "provider PIN: no tries"},
		{
			"a try is one move", marks("a pin-set 0", "b unlock-tried 1", "b refused 1", "b unlock-tried 2", "b unlocked 0"),
			[]report.UnlockMove{{Action: "pin-set", State: "open"}, {Action: "refused", State: "open", Failures: 1}, {Action: "unlocked", State: "open"}},
			"provider PIN: 2 tries, 1 refused",
		},
		{
			"a crash between entry and outcome", marks("b unlock-tried 1", "b unlock-tried 2", "b refused 2"),
			[]report.UnlockMove{{Action: "unlock-tried", State: "open", Failures: 1}, {Action: "refused", State: "open", Failures: 2}},
			"provider PIN: 2 tries, 1 refused; now 2 of 3 used up",
		},
		{
			"two devices race", marks("a unlock-tried 1", "b unlock-tried 2", "b refused 2", "a refused 1"),
			[]report.UnlockMove{{Action: "refused", State: "open", Failures: 2}, {Action: "refused", State: "open", Failures: 1}},
			"provider PIN: 2 tries, 2 refused; now 1 of 3 used up",
		},
		{
			"locked for good", marks("a refused 1", "a refused 2", "a locked 3", "a refused 3"),
			[]report.UnlockMove{
				{Action: "refused", State: "open", Failures: 1},
				{Action: "refused", State: "open", Failures: 2},
				{Action: "locked", State: "locked", Failures: 3},
				{Action: "refused", State: "locked", Failures: 3},
			},
			"provider PIN: 4 tries, 4 refused, 1 lockout; now locked",
		},
		{
			"the last try has an entry of its own", marks("a unlock-tried 3", "a refused 3", "a destroyed 3", "a pin-reset 0"),
			[]report.UnlockMove{{Action: "destroyed", State: "destroyed", Failures: 3}, {Action: "pin-reset", State: "open"}},
			"provider PIN: 1 try, 1 refused, 1 lockout",
		},
	}
	for _, tt := range tests {
		u := &report.FabricUnlock{Method: "provider-pin", Attempts: 3, Path: tt.path}
		if diff := cmp.Diff(tt.want, u.Moves()); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if got := u.String(); got != tt.text {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.text)
		}
	}
}

// Every step with a cell is in its table once, or counted as left out.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.SampledFrom([]string{"a", "b", "c", ""}), rapid.StringN(0, 3, -1))
		verdict := rapid.SampledFrom([]report.Verdict{"pass", "fail", "warn", "info", "skip", "error", "odd"})
		run := &report.Run{}
		var rows, columns []string
		placed := 0
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			s := report.Step{Scenario: rapid.SampledFrom([]string{"s", "other"}).Draw(t, "scenario"), Verdict: verdict.Draw(t, "verdict"), Outcome: rapid.SampledFrom([]string{"", "accepted", "rejected"}).Draw(t, "outcome")}
			if rapid.IntRange(0, 5).Draw(t, "cell") > 0 {
				s.Cell = &report.Cell{Row: name.Draw(t, "row"), Column: name.Draw(t, "column")}
			}
			run.Steps = append(run.Steps, s)
			if s.Scenario == "s" && s.Cell != nil {
				placed++
				rows, columns = append(rows, s.Cell.Row), append(columns, s.Cell.Column)
			}
		}
		table := run.Table("s")
		if (table == nil) != (placed == 0) {
			t.Fatalf("%d cells, and the table is %v", placed, table)
		}
		if table == nil {
			return
		}
		seen := table.Left
		for i, row := range table.Cells {
			if len(row) != len(table.Columns) {
				t.Fatalf("row %d has %d fields of %d", i, len(row), len(table.Columns))
			}
			for j, c := range row {
				worst := false
				outcomes := map[string]bool{}
				for _, at := range c.Steps {
					seen++
					s := run.Steps[at]
					worst = worst || s.Verdict == c.Verdict
					if s.Verdict == c.Verdict {
						outcomes[s.Outcome] = true
					}
					if s.Cell.Row != table.Rows[i] || s.Cell.Column != table.Columns[j] || s.Verdict == "fail" && c.Verdict != "fail" {
						t.Errorf("step %+v is at %q × %q as %q", s, table.Rows[i], table.Columns[j], c.Verdict)
					}
				}
				if c.Outcome != "" && (len(outcomes) != 1 || !outcomes[c.Outcome]) || c.Outcome == "" && len(outcomes) == 1 && !outcomes[""] {
					t.Errorf("outcome %q of steps with %v", c.Outcome, outcomes)
				}
				if len(c.Steps) > 0 && !worst {
					t.Errorf("no step has the verdict %q", c.Verdict)
				}
			}
		}
		if seen != placed {
			t.Errorf("%d of %d steps", seen, placed)
		}
		if table.Left == 0 && (!slices.Equal(table.Rows, firsts(rows)) || !slices.Equal(table.Columns, firsts(columns))) {
			t.Errorf("rows %q and columns %q, not in the order of %q and %q", table.Rows, table.Columns, rows, columns)
		}
	})
}

// firsts leaves out what was there before.
func firsts(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
