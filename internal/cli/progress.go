package cli

import (
	"fmt"
	"sync"
	"time"

	"github.com/passrig/passrig/internal/term"
)

// patience is how long a run may take before progress is shown.
const patience = 2 * time.Second

// lateProgress shows progress on standard error once a run turns out not to be a short one.
type lateProgress struct {
	env   *Env
	timer *time.Timer

	mu    sync.Mutex
	shown *term.Progress // nil before patience ends
	task  *term.Task
	title string
	began time.Time
	open  []string // titles of the steps that have begun: a step can take another before it
	label string   // of the last step that is done
	total int
	done  int
}

func newLateProgress(env *Env) *lateProgress {
	p := &lateProgress{env: env}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(patience, p.show)
	return p
}

func (p *lateProgress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		return // finished in the meantime
	}
	p.shown = term.NewProgress(p.env.Stderr, p.env.StderrTTY, p.env.Now)
	if p.title == "" {
		return
	}
	p.task = p.shown.StartedAt(p.title, p.total, p.began)
	for range p.done {
		p.task.Step(p.label)
	}
}

// start begins a scenario.
func (p *lateProgress) start(title string, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.task != nil {
		p.task.Done()
		p.task = nil
	}
	p.title, p.began, p.total, p.done, p.open, p.label = title, p.env.Now(), total, 0, nil, ""
	if p.shown != nil {
		p.task = p.shown.Start(title, total)
	}
}

// next names the step that begins. Nobody foresaw it if another is under way.
func (p *lateProgress) next(label string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.open) > 0 {
		p.grow()
	}
	p.open = append(p.open, label)
}

// grow makes room for a step more than was known.
func (p *lateProgress) grow() {
	p.total++
	if p.task != nil {
		p.task.Grow(1)
	}
}

// step counts the step that began last as done.
func (p *lateProgress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.open); n > 0 {
		p.label, p.open = p.open[n-1], p.open[:n-1]
	}
	if p.done++; p.done > p.total {
		p.grow()
	}
	if p.task != nil {
		p.task.Step(p.label)
	}
}

// log writes a line to standard error without tearing what is drawn there.
func (p *lateProgress) log(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown != nil {
		_, _ = fmt.Fprintln(p.shown, line)
		return
	}
	_, _ = fmt.Fprintln(p.env.Stderr, line)
}

func (p *lateProgress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	p.timer = nil
	if p.task != nil {
		p.task.Done()
	}
	if p.shown != nil {
		p.shown.Wait()
	}
}
