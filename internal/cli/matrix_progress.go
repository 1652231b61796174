package cli

import (
	"fmt"
	"sync"
	"time"

	"github.com/passrig/passrig/internal/matrix"
	"github.com/passrig/passrig/internal/term"
	"github.com/passrig/passrig/report"
)

// matrixProgress shows how far each column of a matrix is, once it turns out not to be a short one.
type matrixProgress struct {
	env   *Env
	began time.Time
	timer *time.Timer

	mu      sync.Mutex
	shown   *term.Progress // nil before patience ends
	columns []*columnProgress
	ended   bool
}

// columnProgress is how far one column is.
type columnProgress struct {
	id             string
	task           *term.Task // nil before patience ends
	total          int
	recalled, done int
	label          string
	broken         bool
}

func newMatrixProgress(env *Env, lab *matrix.Lab) *matrixProgress {
	p := &matrixProgress{env: env, began: env.Now()}
	for i := range lab.Parties {
		p.columns = append(p.columns, &columnProgress{id: lab.Parties[i].ID, total: len(lab.Providers)})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(patience, p.show)
	return p
}

// show begins to show a bar for each column.
func (p *matrixProgress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.shown = term.NewProgress(p.env.Stderr, p.env.StderrTTY, p.env.Now)
	for _, c := range p.columns {
		if !c.broken && c.done < c.total {
			c.task = p.shown.StartedAt(c.id, c.total, p.began)
			c.draw()
		}
	}
}

func (p *matrixProgress) events() matrix.Events {
	return matrix.Events{
		Recalled: func(party string, cells int) {
			p.update(party, func(c *columnProgress) { c.recalled, c.done, c.label = cells, cells, "from an interrupted run" })
		},
		CellDone: func(party string, cell *report.MatrixCell, done, _ int) {
			p.update(party, func(c *columnProgress) { c.done, c.label = done, cell.Provider })
		},
		Broken: func(party, problem string) {
			p.update(party, func(c *columnProgress) { c.broken = true })
			p.log(fmt.Sprintf("%s: nothing more can be told: %s", party, problem))
		},
		Unkept: func(err error) { p.log(fmt.Sprintf("cells are not kept any more: %v", err)) },
	}
}

// update changes what is known of a column, and shows it.
func (p *matrixProgress) update(party string, change func(*columnProgress)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.columns {
		if c.id == party {
			change(c)
			c.draw()
		}
	}
}

func (c *columnProgress) draw() {
	if c.task == nil {
		return
	}
	c.task.Foretell(c.recalled)
	c.task.Set(c.done, c.label)
	switch {
	case c.broken:
		c.task.Drop() // a line says why
	case c.done == c.total:
		c.task.Done()
	}
}

// log writes a line to standard error without tearing what is drawn there.
func (p *matrixProgress) log(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown != nil {
		_, _ = fmt.Fprintln(p.shown, line) // nobody to tell when standard error is gone
		return
	}
	_, _ = fmt.Fprintln(p.env.Stderr, line)
}

func (p *matrixProgress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.timer.Stop()
	if p.shown != nil {
		p.shown.Wait()
	}
}
