package load

import (
	"fmt"
	"math"
	"testing"

	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

func newSearch(plan scenarios.LimitPlan) *search {
	return &search{load: &Load{stop: newStop()}, plan: &plan, limit: &report.LoadLimit{}, broken: map[float64]int{}, why: map[float64]string{}}
}

// tried plays a search against a relying party that bears every rate up to a limit. unlucky are probes, counted from 1,
// that break for no reason.
func tried(plan scenarios.LimitPlan, limit float64, unlucky map[int]bool) (*search, int) {
	s := newSearch(plan)
	for n := 1; ; n++ {
		rate, more := s.next()
		if !more || n > maxProbes {
			return s, n - 1
		}
		p := &probe{point: report.LoadPoint{Rate: rate, Verdict: report.VerdictPass}}
		if rate > limit || unlucky[n] {
			p.point.Verdict, p.point.Message = report.VerdictFail, "too much"
		}
		s.take(p)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	plan := scenarios.LimitPlan{From: 50, To: 20000, Precision: 0.05}
	for _, limit := range []float64{49, 50, 51, 99, 1234, 3199, 3201, 19999, 20000, 1e6} {
		for name, unlucky := range map[string]map[int]bool{"": nil, "bad luck at first": {1: true}, "bad luck in between": {3: true, 6: true}} {
			t.Run(fmt.Sprintf("%g %s", limit, name), func(t *testing.T) {
				t.Parallel()
				s, probes := tried(plan, limit, unlucky)
				want := limit
				switch {
				case limit < plan.From:
					want = 0
				case limit > plan.To:
					want = plan.To
				}
				if s.kept > want || s.kept < want*(1-plan.Precision)-1e-9 {
					t.Errorf("found %g after %d probes, want %g", s.kept, probes, want)
				}
				if probes > 30 {
					t.Errorf("%d probes", probes)
				}
				if hi := s.upper(); want > 0 && want < plan.To && (hi == 0 || s.broken[hi] < convinced) {
					t.Errorf("%g was too much only %d times", hi, s.broken[hi])
				}
			})
		}
	}
}

// TestInterruptedSearch interrupts one in the probe after some, about whose rate nothing may be claimed.
func TestInterruptedSearch(t *testing.T) {
	t.Parallel()
	const pass, fail = report.VerdictPass, report.VerdictFail
	for _, tt := range []struct {
		before []report.Verdict
		want   string
	}{
		{nil, "Whether it bears even the lowest rate could not be told. The search ended early: interrupted."},
		{[]report.Verdict{fail}, "Whether it bears even the lowest rate could not be told. The search ended early: interrupted."},
		{[]report.Verdict{pass, pass}, "It bears 100/s. The search ended early: interrupted."},
		{[]report.Verdict{pass, fail}, "It bears 50/s. The search ended early: interrupted."},
	} {
		s := newSearch(scenarios.LimitPlan{From: 50, To: 20000, Precision: 0.05})
		for _, verdict := range append(tt.before, report.VerdictSkip) {
			rate, _ := s.next()
			p := &probe{point: report.LoadPoint{Rate: rate, Verdict: verdict, Message: "too much"}}
			if verdict == report.VerdictSkip {
				s.load.stop.ask(interrupted)
				p.point.Message = "ended early: interrupted"
			}
			s.take(p)
		}
		s.bound()
		if got := (&report.LoadRun{Limit: s.limit}).Verdict(); got != tt.want {
			t.Errorf("after %v:\ngot  %s\nwant %s", tt.before, got, tt.want)
		}
		if last := s.limit.Points[len(s.limit.Points)-1]; s.broken[last.Rate] > 0 && s.why[last.Rate] == last.Message {
			t.Errorf("after %v: %g/s counts as too much", tt.before, last.Rate)
		}
	}
}

func TestProbesWithoutAnswersHaveNoLatency(t *testing.T) {
	t.Parallel()
	p := &probe{point: report.LoadPoint{Rate: 50, Message: "no iteration ended"}}
	if got, want := p.sentence(), "50/s: 0/s done: no iteration ended"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.point.P50, p.point.P95, p.point.P99 = 1e6, 2e6, 3e6
	if got, want := p.sentence(), "50/s: 0/s done, p50 1ms, p95 2ms, p99 3ms: no iteration ended"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLimitsOnFailures(t *testing.T) {
	t.Parallel()
	metrics := map[string]report.Metric{
		"load.failed": {Unit: report.UnitCount, Of: 9}, "a.login.failed": {Unit: report.UnitCount, Of: 5}, "b.login.failed": {Unit: report.UnitCount, Of: 4},
		"b.login.accepted": {Unit: report.UnitCount, Of: 4}, "c.login.failed": {Unit: report.UnitCount}, "prepare.register.failed": {Unit: report.UnitCount, Of: 10},
	}
	for _, tt := range []struct {
		limits []string
		want   bool
	}{
		{nil, false},
		{[]string{"a.login.total"}, false},
		{[]string{"a.login.failed"}, false},
		{[]string{"a.login.failed", "prepare.register.failed"}, false},
		{[]string{"a.login.failed", "b.login.failed"}, true},
		{[]string{"load.failed"}, true},
	} {
		limits := make(map[string]bool)
		for _, name := range tt.limits {
			limits[name] = true
		}
		if got := limitFailures(limits, metrics); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.limits, got, tt.want)
		}
	}
	if limitFailures(nil, map[string]report.Metric{"load.failed": {Unit: report.UnitCount}}) {
		t.Error("where nothing was measured there is no limit on failures")
	}
}

func TestSegmentsShareVirtualUsers(t *testing.T) {
	t.Parallel()
	for _, vus := range []int{1, 2, 7, 100} {
		for _, of := range []int{1, 2, 3, 8} {
			total := 0
			for i := range of {
				total += share(vus, pace.Segment{Index: i, Of: of})
			}
			if total != vus {
				t.Errorf("%d of %d segments: %d", vus, of, total)
			}
		}
	}
	if share(5, pace.Segment{}) != 5 {
		t.Error("the whole is not the whole")
	}
}

func TestMixSpreads(t *testing.T) {
	t.Parallel()
	var ones [64]int
	const n = 1 << 14
	for i := range uint64(n) {
		x := mix(i)
		for b := range ones {
			ones[b] += int(x >> b & 1)
		}
	}
	for b, count := range ones {
		if math.Abs(float64(count)/n-0.5) > 0.03 {
			t.Errorf("bit %d is set in %d of %d", b, count, n)
		}
	}
}
