package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/passrig/passrig/report"
)

// looking is how often a load under way is looked at.
const looking = 250 * time.Millisecond

// watch tells how the measurement goes on, and ends it when a threshold that says so is crossed. The returned function
// ends the watching, after a last look.
func (m *measurement) watch(ctx context.Context) func() {
	w := &watcher{measurement: m, shown: -1}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	w.look()
	watching.Go(func() {
		for n := 1; m.clock.SleepUntil(ctx, time.Duration(n)*looking) == nil; n++ {
			w.look()
			w.count()
			if n%int(time.Second/looking) == 0 {
				w.judge()
			}
		}
	})
	unfollow := m.stop.follow(m.load.stop)
	m.load.live.follow(m)
	return func() {
		unfollow()
		cancel()
		watching.Wait()
		w.look()
		if w.shown >= 0 {
			m.load.cfg.Events.done()
		}
	}
}

type watcher struct {
	*measurement
	shown int // the phase that is shown; -1: none yet
}

// look shows the phase under way.
func (w *watcher) look() {
	current := int(w.entered.Load()) - 1
	if current < 0 {
		return
	}
	events := &w.load.cfg.Events
	if current != w.shown {
		if w.shown >= 0 {
			if total := w.totals[w.shown]; total > 0 {
				events.progress(Progress{Done: total}) // all of them are due, whether they have ended or not
			}
			events.done()
		}
		w.shown = current
		events.started(Phase{Name: w.phase(current).Name, Total: w.totals[current]})
	}
	events.progress(w.progress())
}

func (m *measurement) progress() Progress {
	s := m.ledger.Snapshot()
	return Progress{
		Done: s.Counts.Started, Failed: s.Counts.Failed, InFlight: s.InFlight,
		Asked: m.asked(), Rate: float64(s.Second.Finished + s.Second.Failed), P50: s.P50, P99: s.P99, LagP99: s.LagP99,
	}
}

// count ends a probe that asks for far more than is answered, so that what is waiting need not be waited for.
func (w *watcher) count() {
	r := w.runner.Load()
	if r == nil || w.most == 0 {
		return
	}
	if p := (*r).Progress(); p.Scheduled-p.Ended > w.most {
		w.stop.ask(fmt.Sprintf("a queue grew: after %s, %d iterations were waiting or under way", report.FormatDuration(float64(w.clock.Now())), p.Scheduled-p.Ended))
	}
}

// asked is the rate that is asked for now; 0 of a closed model, and of the drain.
func (m *measurement) asked() float64 {
	current := int(m.entered.Load()) - 1
	if current < 0 || current+1 >= len(m.phases) {
		return 0
	}
	p, next := m.phase(current), m.phase(current+1)
	if next.Start <= p.Start {
		return p.ToRate
	}
	passed := float64(m.clock.Now()-p.Start) / float64(next.Start-p.Start)
	return p.FromRate + (p.ToRate-p.FromRate)*min(max(passed, 0), 1)
}

// judge ends the load, or the probe, when a threshold is crossed that says so.
func (w *watcher) judge() {
	if w.abort == nil {
		return
	}
	var metrics map[string]report.Metric // once for all thresholds, if there are any
	for _, t := range w.load.cfg.File.Thresholds {
		if !t.Abort {
			continue
		}
		after, err := t.After.Value(w.load.target.Env())
		if err != nil || w.clock.Now() < after {
			continue
		}
		rule, err := t.Rule()
		if err != nil {
			continue // it is judged at the end, and said then
		}
		if metrics == nil {
			metrics = w.ledger.Metrics()
		}
		if result := rule.Evaluate(metrics); result.Verdict == report.VerdictFail {
			why := fmt.Sprintf("threshold %q was crossed: %s", t.Text, result.Actual)
			w.abort.ask(why)
			if w.load.stop.reason() == why { // not a probe's, and nothing else was sooner
				w.load.crossed = t.Text
			}
		}
	}
}
