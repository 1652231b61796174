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
	label string
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
	p.task = p.shown.Start(p.title, p.total)
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
	p.title, p.total, p.done, p.label = title, total, 0, ""
	if p.shown != nil {
		p.task = p.shown.Start(title, total)
	}
}

// next names the step that begins.
func (p *lateProgress) next(label string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.label = label
}

// step counts a step as done.
func (p *lateProgress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
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
