package comparison_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/comparison"
)

// latency draws one duration in nanoseconds.
type latency func(*rand.Rand) float64

func logNormal(r *rand.Rand) float64 { return 8e6 * math.Exp(0.5*r.NormFloat64()) }

// bimodal is what a cache in front of something slow gives; the 95th percentile is in the slow part.
func bimodal(r *rand.Rand) float64 {
	if r.Float64() < 0.2 {
		return 40e6 * math.Exp(0.2*r.NormFloat64())
	}
	return 6e6 * math.Exp(0.25*r.NormFloat64())
}

// simulated is a run like that of a load: an operation with its phases, the whole iteration, failures. Everything takes
// factor times as long, and fails with the probability failing.
func simulated(r *rand.Rand, draw latency, n int, factor, failing float64) *report.Run {
	recorder := report.NewRecorder()
	observe := func(name string, ns float64) { recorder.Observe(name, time.Duration(ns*factor)) }
	failed := int64(0)
	for range n {
		total := draw(r)
		options := total * (0.2 + 0.2*r.Float64())
		observe("login.total", total)
		observe("login.all", total)
		observe("login.options", options)
		observe("login.client", 40e3*math.Exp(0.1*r.NormFloat64()))
		observe("login.result", total-options)
		observe("iteration.total", total+3e6*math.Exp(0.3*r.NormFloat64()))
		if r.Float64() < failing {
			failed++
		}
	}
	metrics := recorder.Metrics()
	for name, k := range map[string]int64{"login.failed": failed, "login.accepted": int64(n) - failed, "load.failed": failed} {
		metrics[name] = report.Metric{Unit: report.UnitCount, Count: k, Of: int64(n)}
	}
	return &report.Run{Metrics: metrics}
}

func compared(t *testing.T, old, recent []*report.Run, margin float64) *comparison.Comparison {
	t.Helper()
	inputs := func(runs []*report.Run) (list []comparison.Input) {
		for _, run := range runs {
			list = append(list, comparison.Input{Name: "run.json", Run: run})
		}
		return list
	}
	c, err := comparison.Compare(inputs(old), inputs(recent), comparison.Options{Confidence: comparison.DefaultConfidence, Margin: margin})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// differs says whether any figure changed, and whether that of the metric got worse.
func differs(c *comparison.Comparison, metric string) (anything, worse bool) {
	for _, m := range c.Metrics {
		for _, s := range m.Statistics {
			anything = anything || s.Verdict != comparison.Same && s.Verdict != comparison.Unknown
			worse = worse || m.Name == metric && s.Regression
		}
	}
	return anything, worse
}

// TestNoiseIsNoChange and the one below it are the promise of the command. Without a margin the method has to keep it by
// itself.
func TestNoiseIsNoChange(t *testing.T) {
	t.Parallel()
	const repeats = 100
	for _, tt := range []struct {
		name   string
		draw   latency
		n      int
		runs   int
		spread float64 // between runs, as a share
		margin float64
	}{
		{"log-normal, 10000 samples, no margin", logNormal, 10_000, 1, 0, 0},
		{"bimodal, 10000 samples, no margin", bimodal, 10_000, 1, 0, 0},
		{"log-normal, 10000 samples", logNormal, 10_000, 1, 0, comparison.DefaultMargin},
		{"log-normal, 200 samples, no margin", logNormal, 200, 1, 0, 0},
		{"log-normal, 3 runs of 2000 each, which differ by 8%, no margin", logNormal, 2000, 3, .08, 0},
		{"bimodal, 3 runs of 500 each, no margin", bimodal, 500, 3, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(7, 11))
			side := func() (runs []*report.Run) {
				for range tt.runs {
					runs = append(runs, simulated(r, tt.draw, tt.n, math.Exp(tt.spread*r.NormFloat64()), 0.01))
				}
				return runs
			}
			same, figures := 0, 0
			for range repeats {
				c := compared(t, side(), side(), tt.margin)
				if figures = c.Intervals; figures < 20 {
					t.Fatalf("only %d figures", figures)
				}
				if changed, _ := differs(c, ""); !changed {
					same++
				}
			}
			t.Logf("%s: no change in any of %d figures in %d of %d repeats", tt.name, figures, same, repeats)
			if same*100 < 95*repeats {
				t.Errorf("no change in only %d of %d repeats", same, repeats)
			}
		})
	}
}

func TestShiftIsFound(t *testing.T) {
	t.Parallel()
	const repeats = 100
	for _, tt := range []struct {
		name           string
		draw           latency
		n, runs        int
		factor, failed float64
		metric         string
	}{
		{"log-normal, 10% slower, 10000 samples", logNormal, 10_000, 1, 1.1, .01, "login.total"},
		{"bimodal, 10% slower, 10000 samples", bimodal, 10_000, 1, 1.1, .01, "login.total"},
		{"bimodal, 10% slower, 4 runs of 2500 each", bimodal, 2500, 4, 1.1, .01, "login.total"},
		{"failures from 1% to 2%, 10000 samples", logNormal, 10_000, 1, 1, .02, "login.failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(5, 13))
			side := func(factor, failing float64) (runs []*report.Run) {
				for range tt.runs {
					runs = append(runs, simulated(r, tt.draw, tt.n, factor, failing))
				}
				return runs
			}
			found := 0
			for range repeats {
				if _, worse := differs(compared(t, side(1, .01), side(tt.factor, tt.failed), comparison.DefaultMargin), tt.metric); worse {
					found++
				}
			}
			t.Logf("%s: found in %d of %d repeats", tt.name, found, repeats)
			if found*100 < 95*repeats {
				t.Errorf("found in only %d of %d repeats", found, repeats)
			}
		})
	}
}
