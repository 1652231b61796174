package html_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
)

func TestGoldenLoad(t *testing.T) {
	for _, name := range golden.LoadRuns() {
		t.Run(name, func(t *testing.T) {
			out := write(t, golden.Load(t, name))
			golden.Check(t, *update, name+".html", out)
			checkDocument(t, out)
		})
	}
}

// A run whose generator was limited says so before any figure, and on every picture of latencies.
func TestLimitedClaimsNothing(t *testing.T) {
	page := string(write(t, golden.Load(t, "load-limited")))
	load := after(t, page, `<h2 id="load">`)
	said, offered := strings.Index(load, "No latency is claimed"), strings.Index(load, "Offered:")
	if said < 0 || said > offered {
		t.Errorf("that no latency is claimed is said at %d, the figures begin at %d", said, offered)
	}
	if strings.Contains(load, "Answered:") {
		t.Error("it claims a latency")
	}
	for _, id := range []string{"load-latency", "load-parts", "load-percentiles"} {
		drawing, _, _ := strings.Cut(after(t, load, `aria-labelledby="`+id+`-title`), "</figure>")
		if !strings.Contains(drawing, `class="doubt"`) || !strings.Contains(drawing, ">not claimed: generator-limited<") {
			t.Errorf("%s looks like a result", id)
		}
	}
	for _, name := range []string{"load", "load-mixed", "load-limit"} {
		if bytes.Contains(write(t, golden.Load(t, name)), []byte(`class="doubt"`)) {
			t.Errorf("%s is marked as if nothing was claimed", name)
		}
	}
}

// after is what follows the first mark in a page.
func after(t *testing.T, page, mark string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, mark)
	if !found {
		t.Fatalf("there is no %s", mark)
	}
	return rest
}

// second is a second of a load of which only the latency matters.
func second(n int, ms float64) report.LoadSecond {
	return report.LoadSecond{Second: n, Asked: 10, Started: 10, Finished: 10, P50: ms * 1e6, P90: ms * 1e6, P99: ms * 1e6, Max: ms * 1e6, Options: ms * 4e5, Result: ms * 6e5}
}

func loadOf(seconds ...report.LoadSecond) *report.Run {
	return &report.Run{Load: &report.LoadRun{Model: report.LoadOpen, Series: seconds}}
}

// A day of load is thinned, says so, and keeps its worst second.
func TestLongLoad(t *testing.T) {
	run := loadOf()
	for i := range 100_000 {
		ms := 5.0
		if i == 77_777 {
			ms = 9876
		}
		run.Load.Series = append(run.Load.Series, second(i, ms))
	}
	begin := time.Now()
	page := write(t, run)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	checkDocument(t, page)
	if len(page) > 400<<10 {
		t.Errorf("%d bytes", len(page))
	}
	for _, want := range []string{
		"Each point stands for 167 seconds: the worst of them.", // 600 points
		"Each line stands for 1667 seconds: the worst of them.", // 60 rows
		"p50 between 5ms and 9.88s",
		"Each point stands for 167 seconds: their mean.",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// What was not measured is a gap and not a zero.
func TestGaps(t *testing.T) {
	page := string(write(t, loadOf(second(0, 4), second(1, 5), report.LoadSecond{Second: 2}, second(3, 6), second(5, 7))))
	line, _, _ := strings.Cut(after(t, page, `class="curve s1" d="`), `"`)
	if got := strings.Count(line, "M"); got != 3 {
		t.Errorf("the line has %d parts, want 3: %s", got, line)
	}
	if !strings.HasSuffix(line, "h0") {
		t.Errorf("a single second is not shown: %s", line)
	}
}

func TestSmallLoads(t *testing.T) {
	for name, run := range map[string]*report.Run{
		"empty":        {Load: &report.LoadRun{}},
		"one second":   loadOf(second(0, 5)),
		"nothing done": loadOf(report.LoadSecond{Second: 3, Asked: 5}),
		"only a phase": {Load: &report.LoadRun{Phases: []report.LoadPhase{{Name: "prepare", DurationMS: 5e3}}}},
		"no histogram": {Load: &report.LoadRun{}, Metrics: map[string]report.Metric{"login.total": {Unit: "ns", Count: 1000, P50: 1e6, P99: 2e6, Max: 3e6}}},
		"bad histogram": {Load: &report.LoadRun{}, Metrics: map[string]report.Metric{
			"login.total": {Unit: "ns", Count: 1000, P50: 1e6, P99: 2e6, Max: 3e6, Histogram: "no"},
		}},
		"one point": {Load: &report.LoadRun{Limit: &report.LoadLimit{Points: []report.LoadPoint{{Rate: 5, Verdict: report.VerdictError}}}}},
	} {
		t.Run(name, func(t *testing.T) { checkDocument(t, write(t, run)) })
	}
}

// A search that was interrupted in its first probe has not shown that a rate is too much.
func TestInterruptedSearch(t *testing.T) {
	limit := &report.LoadLimit{Bounded: "the search ended early: interrupted", Points: []report.LoadPoint{{Rate: 50, Verdict: report.VerdictSkip}}}
	page := string(write(t, &report.Run{Load: &report.LoadRun{Model: report.LoadOpen, Limit: limit}}))
	for _, claim := range []string{"Even the lowest rate", "The highest rate"} {
		if strings.Contains(page, claim) {
			t.Errorf("it says %q", claim)
		}
	}
	if want := "could not be told. The search ended early: interrupted."; strings.Count(page, want) != 2 {
		t.Errorf("above and in its section it should say %q", want)
	}
}

func TestHostileLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nasty := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"<script>alert(1)</script>", `"/><rect onload="x`, "</title></desc></svg><script>", "]]>", "<!--", "{{.}}", "\x00", "\xff\xfe", "M0 0L1 1",
		}))
		odd := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{
			0, -1, 1, 5e6, 1e300, -1e300, 1e-300, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64,
		}))
		whole := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64}))
		text := func() string { return nasty.Draw(t, "text") }
		number := func() float64 { return odd.Draw(t, "number") }
		integer := func() int64 { return whole.Draw(t, "integer") }
		counts := func() report.LoadCounts {
			return report.LoadCounts{Scheduled: integer(), Started: integer(), Finished: integer(), Failed: integer(), Censored: integer()}
		}
		metric := func() report.Metric {
			return report.Metric{Unit: "ns", Count: integer(), Of: integer(), Min: number(), P50: number(), P90: number(), P95: number(), P99: number(), P999: number(), Max: number(), Histogram: text()}
		}
		load := &report.LoadRun{
			Model: text(), Connections: text(), Transport: text(), Signing: text(), Segment: text(), Counts: counts(),
			Users: report.LoadUsers{Count: integer(), Source: text(), Enrolled: integer(), Reused: integer()},
			Generator: report.LoadGenerator{
				Limited: rapid.SampledFrom([]string{"", "<b>", "\xff"}).Draw(t, "limited"), LagP50: number(), LagP99: number(), LagMax: number(),
				Workers: int(integer()), CPUSeconds: number(), PeakRSS: integer(),
			},
		}
		for range rapid.IntRange(0, 4).Draw(t, "phases") {
			load.Phases = append(load.Phases, report.LoadPhase{
				Name: rapid.OneOf(nasty, rapid.Just("prepare")).Draw(t, "phase"), StartMS: number(), DurationMS: number(), FromRate: number(), ToRate: number(), VUs: int(integer()),
				Measured: rapid.Bool().Draw(t, "measured"), Counts: counts(),
			})
		}
		for i := range rapid.IntRange(0, 5).Draw(t, "seconds") {
			load.Series = append(load.Series, report.LoadSecond{
				Second: rapid.OneOf(rapid.Just(i), rapid.Int()).Draw(t, "second"), Asked: integer(), Started: integer(), Finished: integer(), Failed: integer(), InFlight: integer(),
				P50: number(), P90: number(), P99: number(), Max: number(), LagP99: number(), Options: number(), Client: number(), Result: number(),
			})
		}
		for range rapid.IntRange(0, 3).Draw(t, "outcomes") {
			load.Outcomes = append(load.Outcomes, report.LoadOutcome{
				Journey: text(), Operation: text(), Class: text(), Expected: rapid.Bool().Draw(t, "expected"), Count: integer(), P50: number(), P99: number(), Example: text(),
			})
		}
		if rapid.Bool().Draw(t, "limit") {
			load.Limit = &report.LoadLimit{Rate: number(), Bounded: text()}
			for range rapid.IntRange(0, 4).Draw(t, "points") {
				load.Limit.Points = append(load.Limit.Points, report.LoadPoint{
					Rate: number(), Achieved: number(), P50: number(), P95: number(), P99: number(), FailedRate: number(), LagP99: number(),
					Verdict: report.Verdict(text()), Message: text(),
				})
			}
		}
		run := &report.Run{Load: load, Metrics: map[string]report.Metric{}}
		for range rapid.IntRange(0, 8).Draw(t, "metrics") {
			run.Metrics[text()+rapid.SampledFrom([]string{".total", ".all"}).Draw(t, "part")] = metric()
		}
		checkDocument(t, write(t, run))
	})
}

// suiteRun is a run of checks of every kind.
func suiteRun() *report.Run {
	run := &report.Run{Suite: &report.Suite{
		Tier: "core", Grade: "B", FailOn: "high", Baseline: "known.json", Fixed: []string{"auth-replay"}, Catalogue: 289,
		Profile: map[string][]string{"uv": {"preferred"}},
	}}
	for i := range 40 {
		run.Checks = append(run.Checks, report.Check{
			ID: fmt.Sprintf("reg-%d", i), Title: "t", Ceremony: "registration", Verdict: report.VerdictPass, Severity: "high",
		})
	}
	run.Checks[3].Verdict, run.Checks[3].Severity = report.VerdictFail, "low"
	run.Checks[5].Verdict, run.Checks[5].Severity = report.VerdictFail, "critical"
	run.Checks[7].Verdict, run.Checks[7].Tolerated = report.VerdictFail, "known before"
	run.Checks[9].Verdict, run.Checks[9].NotApplicable = report.VerdictSkip, true
	run.Checks[11].Ceremony = "options"
	run.Checks[13].Ceremony = "something new"
	run.Summary = run.Summarize()
	return run
}

// Checks are grouped by ceremony; what failed stands open, what passed is folded away.
func TestChecksAreGrouped(t *testing.T) {
	run := suiteRun()
	out := write(t, run)
	checkDocument(t, out)
	page := string(out)
	if worst, other := strings.Index(page, `id="check-6"`), strings.Index(page, `id="check-4"`); worst > other {
		t.Error("a critical failure is shown after one of low severity")
	}
	section := after(t, page, `<h2 id="checks">`)
	at := -1
	for _, want := range []string{
		">B<", ">Options<", ">Registration<", ">Other checks<", "known.json", "auth-replay", "preferred", ">Options</h3>", ">Registration</h3>", `href="#check-6"`, `href="#check-4"`, `id="check-8"`, "not applicable", "34 checks", `id="check-1"`, ">Other checks</h3>",
	} {
		next := strings.Index(section[at+1:], want)
		if next < 0 {
			t.Fatalf("%q does not follow", want)
		}
		at += 1 + next
	}
	if !strings.Contains(section, "40 of 289") {
		t.Error("it does not say how many checks there are")
	}
}
