package cli

import (
	"fmt"
	"sync"
	"time"

	"github.com/passrig/passrig/internal/load"
	"github.com/passrig/passrig/internal/term"
	"github.com/passrig/passrig/report"
)

// loadProgress shows how a load goes on, from its first moment: a load is never short.
type loadProgress struct {
	shown *term.Progress
	task  *term.Task
	once  sync.Once
}

func newLoadProgress(env *Env) *loadProgress {
	return &loadProgress{shown: term.NewProgress(env.Stderr, env.StderrTTY, env.Now)}
}

func (p *loadProgress) events() load.Events {
	return load.Events{
		PhaseStarted: func(phase load.Phase) { p.task = p.shown.Start(phase.Name, int(phase.Total)) },
		Progress:     func(at load.Progress) { p.task.Set(int(at.Done), loadLabel(at)) },
		PhaseDone:    func() { p.task.Done() },
		Note:         p.log,
	}
}

// loadLabel is what is to be known about a load under way.
func loadLabel(at load.Progress) string {
	if at.P50 == 0 && at.Failed == 0 && at.Asked == 0 {
		return ""
	}
	text := report.FormatRate(at.Rate) + " done"
	if at.Asked > 0 {
		text = fmt.Sprintf("%s of %s", report.FormatRate(at.Rate), report.FormatRate(at.Asked))
	}
	return fmt.Sprintf("%s, %d under way, p50 %s, p99 %s, %d failed, lag p99 %s", text, at.InFlight,
		report.FormatDuration(float64(at.P50)), report.FormatDuration(float64(at.P99)), at.Failed, report.FormatDuration(float64(at.LagP99)))
}

// log writes a line to standard error without tearing what is drawn there.
func (p *loadProgress) log(line string) {
	_, _ = fmt.Fprintln(p.shown, line) // nobody to tell when standard error is gone
}

// announce says what a first signal does, until the returned function is called.
func (p *loadProgress) announce(soft <-chan struct{}, drain time.Duration) func() {
	done := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-soft:
			p.log(fmt.Sprintf("ending: what is under way is waited for, %s at most; once more ends at once", drain))
		case <-done:
		}
	})
	return func() {
		close(done)
		waiting.Wait()
	}
}

func (p *loadProgress) finish() { p.once.Do(p.shown.Wait) }
