package comparison

import (
	"fmt"
	"maps"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/passrig/passrig/report"
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

// build is how one build of a relying party answers.
type build struct {
	draw            latency
	factor, failing float64 // everything takes so many times as long, and fails with this probability
	spread          float64 // between runs, as a share
	drift           float64 // within a run, as a share, from one second to another
}

// simulated is a run like that of a load: an operation with its phases, the whole iteration, failures. Samples of durations
// are passed to observe. What is passrig's own work is not slower.
func (b build) simulated(r *rand.Rand, n int, observe func(metric string, ns float64)) *report.Run {
	const perSecond = 300
	factor := b.factor * math.Exp(b.spread*r.NormFloat64())
	run := &report.Run{Metrics: make(map[string]report.Metric), Load: &report.LoadRun{Model: report.LoadOpen}}
	failed, off := int64(0), b.drift*r.NormFloat64()
	var ended []float64 // in one second
	for i := range n {
		if i%perSecond == 0 {
			off, ended = .8*off+.6*b.drift*r.NormFloat64(), ended[:0]
		}
		total := b.draw(r) * factor * math.Exp(off)
		options := total * (0.2 + 0.2*r.Float64())
		iteration := total + factor*3e6*math.Exp(0.3*r.NormFloat64())
		observe("login.total", total)
		observe("login.all", total)
		observe("login.options", options)
		observe("login.client", 40e3*math.Exp(0.1*r.NormFloat64()))
		observe("login.result", total-options)
		observe("iteration.total", iteration)
		if r.Float64() < b.failing {
			failed++
		}
		if ended = append(ended, iteration); len(ended) == perSecond {
			slices.Sort(ended)
			run.Load.Series = append(run.Load.Series, report.LoadSecond{Second: i / perSecond, Finished: perSecond, P50: ended[perSecond/2]})
		}
	}
	for name, k := range map[string]int64{"login.failed": failed, "login.accepted": int64(n) - failed, "load.failed": failed} {
		run.Metrics[name] = report.Metric{Unit: report.UnitCount, Count: k, Of: int64(n)}
	}
	run.Load.Phases = []report.LoadPhase{{Measured: true, DurationMS: float64(n) / perSecond * 1000}}
	return run
}

// buckets counts durations as a histogram of a run does, without the cost of writing and reading one.
type buckets struct {
	counts [1 << 14]int64
	sum    float64
	n      int64
	max    int64
}

func (b *buckets) observe(ns float64) {
	d := int64(ns)
	units := d >> 9
	bucket := max(bits.Len64(uint64(units|2047))-11, 0)
	b.counts[bucket<<10+int(units>>bucket)]++
	b.sum, b.n, b.max = b.sum+float64(d), b.n+1, max(b.max, d)
}

func (b *buckets) distribution() report.Distribution {
	d := make(report.Distribution, 0, 2048)
	for i, n := range b.counts {
		if n > 0 {
			bucket := max(i>>10-1, 0)
			d = append(d, report.Bucket{To: math.Min(float64(int64(i-bucket<<10+1)<<(bucket+9)-1), float64(b.max)), Count: n})
		}
	}
	return d
}

// played are the runs of one side, with their histograms.
type played struct {
	inputs     []Input
	histograms []map[string]*buckets
}

func (b build) play(r *rand.Rand, runs, n int) played {
	var p played
	for range runs {
		histograms := make(map[string]*buckets)
		run := b.simulated(r, n, func(metric string, ns float64) {
			if histograms[metric] == nil {
				histograms[metric] = &buckets{}
			}
			histograms[metric].observe(ns)
		})
		p.inputs, p.histograms = append(p.inputs, Input{Name: "run.json", Run: run}), append(p.histograms, histograms)
	}
	return p
}

func (p played) times(metric string) timesOf {
	var runs []sample
	var parts []report.Distribution
	for _, h := range p.histograms {
		d := h[metric].distribution()
		one := newSample(d)
		one.mean = h[metric].sum / float64(h[metric].n)
		runs, parts = append(runs, one), append(parts, d)
	}
	return together(runs, parts)
}

// against compares two sides as Compare does with what it decoded.
func (p played) against(t *testing.T, recent played, noise float64) *Comparison {
	t.Helper()
	c := &Comparison{Confidence: DefaultConfidence, Noise: noise}
	list, err := subjects(p.inputs, recent.inputs) // counters
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range []string{"iteration.total", "login.all", "login.options", "login.result", "login.total"} {
		list = append(list, subject{name: metric, unit: report.UnitNanoseconds, old: p.times(metric), recent: recent.times(metric)})
	}
	c.Unrest = c.unrest(p.inputs, recent.inputs, list)
	c.compareMetrics(list)
	return c
}

// differs says whether any figure changed, and whether that of the metric got worse.
func differs(c *Comparison, metric string) (anything, worse bool) {
	for _, m := range c.Metrics {
		for _, s := range m.Statistics {
			anything = anything || s.Verdict != Same && s.Verdict != Unknown
			worse = worse || m.Name == metric && s.Regression
		}
	}
	return anything, worse
}

// TestNoiseIsNoChange and the one below it are the promise of the command. Without noise that is taken for granted the
// method has to keep it by itself.
func TestNoiseIsNoChange(t *testing.T) {
	t.Parallel()
	const repeats = 100
	for _, tt := range []struct {
		name    string
		build   build
		runs, n int
		noise   float64
	}{
		{"log-normal, 10000 samples", build{draw: logNormal}, 1, 10_000, DefaultNoise},
		{"log-normal, 10000 samples, no noise assumed", build{draw: logNormal}, 1, 10_000, 0},
		{"bimodal, 10000 samples, no noise assumed", build{draw: bimodal}, 1, 10_000, 0},
		{"log-normal, 200 samples, no noise assumed", build{draw: logNormal}, 1, 200, 0},
		{"log-normal, 10000 samples, while the machine drifts by 10%", build{draw: logNormal, drift: .1}, 1, 10_000, DefaultNoise},
		{"log-normal, 3 runs of 1000 each, which differ by 8%, no noise assumed", build{draw: logNormal, spread: .08}, 3, 1000, 0},
		{"bimodal, 3 runs of 500 each, no noise assumed", build{draw: bimodal}, 3, 500, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(7, 11))
			tt.build.factor, tt.build.failing = 1, .01
			same, figures := 0, 0
			for range repeats {
				c := tt.build.play(r, tt.runs, tt.n).against(t, tt.build.play(r, tt.runs, tt.n), tt.noise)
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
		name    string
		recent  build
		spread  float64
		runs, n int
		metric  string
	}{
		{"log-normal, 10% slower, 10000 samples", build{draw: logNormal, factor: 1.1, failing: .01}, 0, 1, 10_000, "login.total"},
		{"bimodal, 10% slower, 10000 samples", build{draw: bimodal, factor: 1.1, failing: .01}, 0, 1, 10_000, "login.total"},
		{"log-normal, 10% slower, 5 runs of 2000 each, which differ by 1%", build{draw: logNormal, factor: 1.1, failing: .01}, .01, 5, 2000, "login.total"},
		{"failures from 1% to 2%, 10000 samples", build{draw: logNormal, factor: 1, failing: .02}, 0, 1, 10_000, "login.failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(5, 13))
			tt.recent.spread = tt.spread
			before := build{draw: tt.recent.draw, factor: 1, failing: .01, spread: tt.spread}
			found := 0
			for range repeats {
				c := before.play(r, tt.runs, tt.n).against(t, tt.recent.play(r, tt.runs, tt.n), DefaultNoise)
				if _, worse := differs(c, tt.metric); worse {
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

// TestWhatIsPlayedIsWhatIsRead: the tests above skip writing and reading histograms, which changes nothing.
func TestWhatIsPlayedIsWhatIsRead(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		sides := func() (played, played) {
			r := rand.New(rand.NewPCG(seed, 3))
			before, after := build{draw: bimodal, factor: 1, failing: .01}, build{draw: bimodal, factor: 1.04, failing: .01}
			return before.play(r, 2, 1000), after.play(r, 1, 1000)
		}
		old, recent := sides()
		direct := old.against(t, recent, DefaultNoise)
		r := rand.New(rand.NewPCG(seed, 3))
		read := func(factor float64) Input {
			recorder := report.NewRecorder()
			run := build{draw: bimodal, factor: factor, failing: .01}.simulated(r, 1000, func(metric string, ns float64) { recorder.Observe(metric, time.Duration(ns)) })
			maps.Copy(run.Metrics, recorder.Metrics())
			return Input{Name: "run.json", Run: run}
		}
		a, b, c := read(1), read(1), read(1.04)
		whole, err := Compare([]Input{a, b}, []Input{c}, Options{Confidence: DefaultConfidence, Noise: DefaultNoise})
		if err != nil {
			t.Fatal(err)
		}
		byName := cmpopts.SortSlices(func(a, b Metric) bool { return a.Name < b.Name })
		if diff := cmp.Diff(whole.Metrics, direct.Metrics, byName, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
			t.Error(fmt.Sprint("seed ", seed), diff)
		}
	}
}
