package cli

import (
	"fmt"
	"sync"

	"github.com/passrig/passrig/internal/matrix"
	"github.com/passrig/passrig/internal/term"
	"github.com/passrig/passrig/report"
)

// matrixProgress shows how far each column of a matrix is.
type matrixProgress struct {
	lab   *matrix.Lab
	shown *term.Progress
	once  sync.Once
	tasks map[string]*term.Task // by column
}

func newMatrixProgress(env *Env, lab *matrix.Lab) *matrixProgress {
	return &matrixProgress{
		lab: lab, shown: term.NewProgress(env.Stderr, env.StderrTTY, env.Now), tasks: make(map[string]*term.Task),
	}
}

// start shows a bar for each column.
func (p *matrixProgress) start() {
	for i := range p.lab.Parties {
		id := p.lab.Parties[i].ID
		p.tasks[id] = p.shown.Start(id, len(p.lab.Providers))
		p.tasks[id].Foretell(0)
	}
}

func (p *matrixProgress) events() matrix.Events {
	return matrix.Events{
		Recalled: func(party string, cells int) {
			p.tasks[party].Foretell(cells)
			p.tasks[party].Set(cells, "from an interrupted run")
		},
		CellDone: func(party string, cell *report.MatrixCell, done, of int) {
			p.tasks[party].Set(done, cell.Provider)
			if done == of {
				p.tasks[party].Done()
			}
		},
		Broken: func(party, problem string) {
			p.tasks[party].Done()
			p.log(fmt.Sprintf("%s: nothing more can be told: %s", party, problem))
		},
	}
}

// log writes a line to standard error without tearing what is drawn there.
func (p *matrixProgress) log(line string) {
	_, _ = fmt.Fprintln(p.shown, line) // nobody to tell when standard error is gone
}

func (p *matrixProgress) finish() { p.once.Do(p.shown.Wait) }
