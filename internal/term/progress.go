package term

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// plainInterval is how often a line is written where bars cannot be drawn.
const plainInterval = 10 * time.Second

// Progress shows how far tasks are. On a terminal every task is a bar; elsewhere every task
// on which something was done is a line each 10 seconds and one when it ends. It is safe for concurrent use, and does
// nothing once Wait has been called.
type Progress struct {
	clock func() time.Time
	bars  *mpb.Progress // nil when lines are written

	mu      sync.Mutex
	out     io.Writer
	tasks   []*Task
	closed  bool
	stop    chan struct{}
	stopped sync.WaitGroup
}

// NewProgress starts showing progress on w, which should be standard error. tty says whether w
// is a terminal that bars can be drawn on. A nil clock is the real one.
func NewProgress(w io.Writer, tty bool, clock func() time.Time) *Progress {
	if clock == nil {
		clock = time.Now //nolint:forbidigo // the one real clock
	}
	p := &Progress{out: w, clock: clock, stop: make(chan struct{})}
	if tty {
		p.bars = mpb.New(mpb.WithOutput(w), mpb.ForceTTY(), mpb.WithAutoRefresh())
		return p
	}
	p.stopped.Go(p.tick)
	return p
}

// Task is one thing of known or unknown length that is being done.
type Task struct {
	progress *Progress
	title    string
	total    int
	began    time.Time
	bar      *mpb.Bar // nil when lines are written

	mu       sync.Mutex
	done     int
	label    string
	ended    bool
	foretold bool // how long it will take is shown
	skipped  int  // steps that were done when it began
	told     int  // steps that were done when a line was last written; -1: none was
}

// Start shows a task of total steps that begins now; total 0 means that nobody knows how many.
func (p *Progress) Start(title string, total int) *Task { return p.StartedAt(title, total, p.clock()) }

// StartedAt is Start for a task that began before it is shown.
func (p *Progress) StartedAt(title string, total int, began time.Time) *Task {
	t := &Task{progress: p, title: title, total: total, began: began, told: -1}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		t.ended = true
		return t
	}
	p.tasks = append(p.tasks, t)
	if p.bars == nil {
		return t
	}
	filler := mpb.NopStyle().Build() // of an unknown number no share can be drawn
	if total > 0 {
		filler = mpb.BarStyle().Build()
	}
	bar, err := p.bars.Add(int64(total), filler,
		mpb.BarWidth(30), mpb.BarFillerClearOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return t.title + " " + t.count() + " " })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return t.tail() })),
	)
	if err == nil { // only after Wait, which closed guards
		t.bar = bar
	}
	return t
}

// Foretell has the task show how long it will still take, going by the steps that have been done since it began. Steps
// that were done before, skipped of them, took no time.
func (t *Task) Foretell(skipped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.foretold, t.skipped = true, skipped
}

// left is how long the task will still take, in words; empty when nobody knows, or asked. The caller holds the lock.
func (t *Task) left() string {
	played := t.done - t.skipped
	if !t.foretold || t.ended || played <= 0 || t.done >= t.total {
		return ""
	}
	each := t.progress.clock().Sub(t.began) / time.Duration(played)
	return "ETA " + short(max(each*time.Duration(t.total-t.done), time.Second).Round(time.Second)).String()
}

// Grow adds steps to a task's total, if it has one.
func (t *Task) Grow(steps int) {
	t.mu.Lock()
	if t.ended || t.total <= 0 {
		t.mu.Unlock()
		return
	}
	t.total += steps
	bar, total := t.bar, int64(t.total)
	t.mu.Unlock()
	if bar != nil {
		bar.SetTotal(total, false) // outside of the lock: the bar's decorators take it
	}
}

// Step counts one step as done and shows what is next, or was last, as label.
func (t *Task) Step(label string) { t.advance(func(done int) int { return done + 1 }, label) }

// Set says how many steps are done, with what is to be said about it: for tasks with many steps at a time.
func (t *Task) Set(done int, label string) { t.advance(func(int) int { return done }, label) }

func (t *Task) advance(count func(done int) int, label string) {
	t.mu.Lock()
	if t.ended {
		t.mu.Unlock()
		return
	}
	t.done = count(t.done)
	t.label = label
	bar, done := t.bar, int64(t.done)
	t.mu.Unlock()
	if bar != nil {
		bar.SetCurrent(done) // outside of the lock: the bar's decorators take it
	}
}

// Done ends the task. A task that did not reach its total is shown as stopped where it is.
func (t *Task) Done() {
	if !t.end() {
		return
	}
	if t.bar != nil {
		if t.complete() {
			t.bar.SetTotal(int64(t.steps()), true)
		} else {
			t.bar.Abort(false)
		}
		return
	}
	t.progress.print(t.line())
}

// Drop ends the task and shows nothing more of it: what became of it is told elsewhere.
func (t *Task) Drop() {
	if t.end() && t.bar != nil {
		t.bar.Abort(true)
	}
}

// end marks the task as ended, and returns false if it was already.
func (t *Task) end() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.ended
	t.ended, t.label = true, ""
	return !was
}

func (t *Task) steps() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done
}

func (t *Task) complete() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done >= t.total
}

// moved says whether something was done since it was last asked.
func (t *Task) moved() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.told
	t.told = t.done
	return t.done != was
}

func (t *Task) running() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.ended
}

// count is "3/10", or "3" of an unknown number.
func (t *Task) count() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.total <= 0 {
		return strconv.Itoa(t.done)
	}
	return strconv.Itoa(t.done) + "/" + strconv.Itoa(t.total)
}

// tail is what stands after the bar: the label, and how it ended.
func (t *Task) tail() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch left := t.left(); {
	case left != "":
		return " " + left + " " + t.label
	case !t.ended && t.label != "":
		return " " + t.label
	case t.ended && t.done < t.total:
		return " stopped"
	}
	return ""
}

// line is the plain form: "load 40% 12000/30000 in 1m20s, login alice".
func (t *Task) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	b.WriteString(t.title)
	if t.total > 0 {
		fmt.Fprintf(&b, " %d%% %d/%d", min(t.done*100/t.total, 100), t.done, t.total)
	} else {
		fmt.Fprintf(&b, " %d", t.done)
	}
	fmt.Fprintf(&b, " in %s", short(t.progress.clock().Sub(t.began)))
	if left := t.left(); left != "" {
		b.WriteString(", " + left)
	}
	switch {
	case t.ended && t.done < t.total:
		b.WriteString(", stopped")
	case t.label != "":
		b.WriteString(", " + t.label)
	}
	return b.String()
}

// short drops the digits of a duration that nobody reads.
func short(d time.Duration) time.Duration {
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond)
	case d < time.Minute:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// tick writes a line for every running task, until Wait.
func (p *Progress) tick() {
	ticker := time.NewTicker(plainInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.tell()
		case <-p.stop:
			return
		}
	}
}

// tell writes a line for every running task on which something was done since its last one, or, so that nobody takes the
// program for dead, for every running task where there is no such.
func (p *Progress) tell() {
	var running, moved []*Task
	for _, t := range p.started() {
		if t.running() {
			running = append(running, t)
			if t.moved() {
				moved = append(moved, t)
			}
		}
	}
	if len(moved) > 0 {
		running = moved
	}
	for _, t := range running {
		p.print(t.line())
	}
}

func (p *Progress) started() []*Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.tasks)
}

func (p *Progress) print(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintln(p.out, line) // nobody to tell when standard error is gone
}

// Write puts log lines above the bars, without tearing them. b should hold whole lines.
func (p *Progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars != nil && !p.closed {
		if n, err := p.bars.Write(b); err == nil {
			return n, nil
		}
	}
	n, err := p.out.Write(b)
	if err != nil {
		return n, fmt.Errorf("write log line: %w", err)
	}
	return n, nil
}

// Wait ends the display. Tasks that are not done are shown as stopped, so that an error on the
// way, after which nobody calls Done, cannot make it hang.
func (p *Progress) Wait() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	tasks := p.tasks
	p.mu.Unlock()

	for _, t := range tasks {
		t.Done()
	}
	close(p.stop)
	p.stopped.Wait()
	if p.bars != nil {
		p.bars.Wait()
	}
}
