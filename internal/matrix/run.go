package matrix

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/passrig/passrig/report"
)

// Run plays the lab's cells, [Lab.Jobs] at a time, in turn from each column. The result does not depend on which of them
// was ready first. When the context ends it holds the cells that were ready by then, and is marked partial. The error is
// one of the journal: what was played is in the result all the same, which is nil when the journal could not even be begun.
func (l *Lab) Run(ctx context.Context, play Play) (*report.Run, error) {
	r := &round{Lab: l, Play: play, ctx: ctx, started: l.cfg.Clock(), columns: make([]column, len(l.Parties)), cells: make(map[pair]record)}
	r.wake = sync.NewCond(&r.mu)
	r.recall()
	if r.Journal != nil {
		if err := r.Journal.start(); err != nil {
			return nil, err
		}
	}
	var workers sync.WaitGroup
	for range min(l.Jobs, l.Cells()) {
		workers.Go(r.work)
	}
	stop := context.AfterFunc(ctx, r.wakeAll)
	workers.Wait()
	stop()
	return r.result(), r.failed
}

// pair is a row and a column, by their place.
type pair struct{ provider, party int }

// column is what is known of a relying party while its cells are played.
type column struct {
	next     int  // the row whose cell comes next
	done     int  // cells, with those from the journal
	answered bool // it has answered all that a facet asked
	distrust int  // by what it left unanswered, see mostTrust
	underWay int  // cells
	problem  string
	hint     string
}

// round is one run of a lab.
type round struct {
	*Lab
	Play

	ctx     context.Context //nolint:containedctx // the workers' own, for as long as they work
	started time.Time

	mu      sync.Mutex
	wake    *sync.Cond
	columns []column
	turn    int // the column to look at first
	cells   map[pair]record
	resumed int
	failed  error // of the journal
}

// recall takes the cells of an interrupted run from the journal. Those of which something could not be told are played
// again.
func (r *round) recall() {
	if r.Journal == nil {
		return
	}
	for _, rec := range r.Journal.records {
		at := pair{
			slices.IndexFunc(r.Providers, func(p Row) bool { return p.ID() == rec.Cell.Provider }),
			slices.IndexFunc(r.Parties, func(c Column) bool { return c.ID == rec.Cell.Party }),
		}
		if at.provider < 0 || at.party < 0 {
			continue
		}
		if delete(r.cells, at); !rec.untold() {
			r.cells[at] = rec
		}
	}
	r.resumed = len(r.cells)
	for at := range r.cells {
		r.columns[at.party].done++
	}
	for i := range r.columns {
		if done := r.columns[i].done; done > 0 && r.Events.Recalled != nil {
			r.Events.Recalled(r.Parties[i].ID, done)
		}
	}
}

func (r *round) wakeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wake.Broadcast()
}

// work plays one cell after the other.
func (r *round) work() {
	for {
		at, ok := r.take()
		if !ok {
			return
		}
		rec, complete := r.cell(at)
		r.finish(at, rec, complete)
	}
}

// take finds the next cell: in turn from each column, so that a slow relying party does not hold up the others. Of a
// column that has not answered yet one cell is played alone: where there is nobody, it is enough to find out once.
func (r *round) take() (pair, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.ctx.Err() == nil {
		left := false
		for i := range r.columns {
			party := (r.turn + i) % len(r.columns)
			c := &r.columns[party]
			for c.next < len(r.Providers) && r.done(pair{c.next, party}) {
				c.next++
			}
			if c.next == len(r.Providers) || c.problem != "" {
				continue
			}
			left = true
			if !c.answered && c.underWay > 0 {
				continue
			}
			at := pair{c.next, party}
			c.next++
			c.underWay++
			r.turn = party + 1
			return at, true
		}
		if !left {
			return pair{}, false
		}
		r.wake.Wait()
	}
	return pair{}, false
}

func (r *round) done(at pair) bool {
	_, ok := r.cells[at]
	return ok
}

// broken notes why nothing can be told of a column any more.
func (r *round) broken(party int, problem, hint string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.columns[party]
	if c.problem != "" {
		return
	}
	c.problem, c.hint = problem, hint
	if r.Events.Broken != nil {
		r.Events.Broken(r.Parties[party].ID, problem)
	}
}

// finish keeps a cell that was played to its end.
func (r *round) finish(at pair, rec record, complete bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.columns[at.party].underWay--
	defer r.wake.Broadcast()
	if !complete {
		return
	}
	r.cells[at] = rec
	if r.Journal != nil && r.failed == nil {
		if r.failed = r.Journal.write(rec); r.failed != nil && r.Events.Unkept != nil {
			r.Events.Unkept(r.failed)
		}
	}
	c := &r.columns[at.party]
	c.done++
	if r.Events.CellDone != nil {
		r.Events.CellDone(r.Parties[at.party].ID, &rec.Cell, c.done, len(r.Providers))
	}
}

// seed is that of a cell: another one for each pair, and each time that the run goes on, so that no name is taken.
func (r *round) seed(at pair) uint64 {
	h := sha256.New()
	var run [8]byte
	binary.BigEndian.PutUint64(run[:], r.cfg.Seed)
	h.Write(run[:])
	for _, part := range []string{r.Providers[at.provider].ID(), r.Parties[at.party].ID} {
		h.Write([]byte(part + "\n"))
	}
	if r.Journal != nil && r.Journal.session > 0 {
		fmt.Fprintf(h, "session %d", r.Journal.session)
	}
	return binary.BigEndian.Uint64(h.Sum(nil)) >> seedBits
}

// seedBits are those left out of a seed, so that every JSON reader has it exactly.
const seedBits = 24

// facetSeed is that of a facet in a cell: two of one file name, in different folders, would use the same names.
func facetSeed(cell uint64, facet string) uint64 {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], cell)
	sum := sha256.Sum256(append(seed[:], facet...))
	return binary.BigEndian.Uint64(sum[:]) >> seedBits
}
