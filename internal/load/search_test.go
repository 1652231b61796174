package load

import (
	"fmt"
	"math"
	"testing"

	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// tried plays a search against a relying party that bears every rate up to a limit. unlucky are probes, counted from 1,
// that break for no reason.
func tried(plan scenarios.LimitPlan, limit float64, unlucky map[int]bool) (*search, int) {
	s := &search{load: &Load{}, plan: &plan, limit: &report.LoadLimit{}, broken: map[float64]int{}, why: map[float64]string{}}
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
