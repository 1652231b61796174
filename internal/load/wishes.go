package load

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// The clients, for [Wishes.Client].
const (
	ClientFast    = "fast"    // passrig's own HTTP/1.1
	ClientGeneral = "general" // net/http: HTTP/2, proxies
)

// Wishes change what the file says about a load. Zero values change nothing.
type Wishes struct {
	Rate        float64       // iterations per second of an open model; the highest one where there are stages
	VUs         int           // of a closed model
	For         time.Duration // how long is measured
	Users       int64
	FindLimit   bool // search for the limit instead
	Connections string
	Signing     string
	Nonces      int    // made before the clock starts, 72 bytes each; 0: as many as are needed, at most fleet.DefaultPoolSize
	State       string // path of the state file
	PrepareOnly bool
	Client      string       // ClientFast or ClientGeneral; empty: fast where it can
	Segment     pace.Segment // the zero value is the whole
}

// defaultHold is how long is measured when a model is wished for without a time, and the file has none to take.
const defaultHold = 30 * time.Second

// apply changes a plan.
func (w *Wishes) apply(p *scenarios.LoadPlan) error {
	if err := w.contradiction(p); err != nil {
		return err
	}
	switch {
	case w.FindLimit && p.Limit == nil:
		p.Limit = &scenarios.LimitPlan{
			From: scenarios.DefaultLimitFrom, To: scenarios.DefaultLimitTo, Hold: scenarios.DefaultLimitHold, Precision: scenarios.DefaultLimitPrecision,
		}
		p.Stages, p.Closed = nil, nil
	case w.Rate > 0 && p.Stages == nil:
		p.Stages = open(p, w.Rate)
		p.Closed, p.Limit = nil, nil
	case w.Rate > 0:
		scale(p.Stages, w.Rate)
	case w.VUs > 0 && p.Closed == nil:
		p.Closed = &scenarios.ClosedPlan{For: measured(p)}
		p.Stages, p.Limit = nil, nil
	}
	if p.Pattern == "" {
		p.Pattern = scenarios.Uniform
	}
	if w.VUs > 0 {
		p.Closed.VUs = w.VUs
	}
	if w.For > 0 {
		stretch(p, w.For)
	}
	w.settings(p)
	if c := p.Closed; c != nil && p.Users.Count > 0 && p.Users.Count < int64(c.VUs) {
		return fmt.Errorf("%d are at it at a time, and there are only %d users", c.VUs, p.Users.Count)
	}
	if p.Limit != nil {
		p.Limit.Hold = max(p.Limit.Hold.Truncate(time.Second), time.Second) // whole seconds are judged
	}
	return nil
}

func (w *Wishes) contradiction(p *scenarios.LoadPlan) error {
	switch {
	case w.Rate > 0 && w.VUs > 0:
		return errors.New("a rate and a number of virtual users exclude each other: one is an open model, the other a closed one")
	case w.FindLimit && (w.Rate > 0 || w.VUs > 0):
		return errors.New("a search for the limit finds the rate itself")
	case w.Segment.Of > 0 && p.Prepare != nil && cmp.Or(w.Users, p.Users.Count)%int64(w.Segment.Of) != 0:
		return fmt.Errorf("each of %d segments prepares users of its own: their number has to be a multiple of that", w.Segment.Of)
	case w.PrepareOnly && p.Prepare == nil:
		return errors.New("there is nothing to prepare: the load has no prepare")
	case w.State != "" && p.Prepare == nil:
		return errors.New("a state file is for a load that prepares its users, and this one has no prepare")
	case w.Client == ClientFast && p.HTTP == "2":
		return errors.New("the fast client speaks HTTP/1.1 only, and the load asks for HTTP/2")
	case w.Segment.Of > 0 && (w.FindLimit || p.Limit != nil && w.Rate == 0 && w.VUs == 0):
		return errors.New("a search for the limit cannot be done in segments, as each of its rates depends on how the one before went")
	case w.Signing == "pool" && p.Users.Import != "":
		return errors.New("imported keys never sign with pooled nonces: signing has to be fresh")
	}
	return nil
}

// settings are the wishes that stand for themselves.
func (w *Wishes) settings(p *scenarios.LoadPlan) {
	if w.Users > 0 {
		p.Users.Count = w.Users
	}
	if w.Connections != "" {
		p.Connections = w.Connections
	}
	if w.Signing != "" {
		p.Signing = w.Signing
	}
	if w.State != "" {
		p.Prepare.State = w.State
	}
}

// open is an open model in place of what the plan has: as long, and with its warm-up.
func open(p *scenarios.LoadPlan, rate float64) []scenarios.LoadStage {
	var stages []scenarios.LoadStage
	if p.WarmUp > 0 {
		stages = append(stages, scenarios.LoadStage{Name: "warm-up", From: rate, To: rate, For: p.WarmUp})
	}
	return append(stages, scenarios.LoadStage{Name: "hold", From: rate, To: rate, For: measured(p), Measured: true})
}

// measured is how long the plan measures, as far as it says.
func measured(p *scenarios.LoadPlan) time.Duration {
	var span time.Duration
	for _, s := range p.Stages {
		if s.Measured {
			span += s.For
		}
	}
	if p.Closed != nil {
		span = p.Closed.For
	}
	if span == 0 {
		return defaultHold
	}
	return span
}

// scale makes the highest rate of the stages the one that is wished for.
func scale(stages []scenarios.LoadStage, rate float64) {
	highest := highestRate(stages)
	for i := range stages {
		stages[i].From *= rate / highest
		stages[i].To *= rate / highest
	}
}

func highestRate(stages []scenarios.LoadStage) float64 {
	highest := 0.0
	for _, s := range stages {
		highest = max(highest, s.From, s.To)
	}
	return highest
}

// stretch makes the measured stages together as long as is wished for, and no other one longer than that.
func stretch(p *scenarios.LoadPlan, wished time.Duration) {
	factor := float64(wished) / float64(measured(p))
	for i := range p.Stages {
		s := &p.Stages[i]
		if s.Measured {
			s.For = time.Duration(float64(s.For) * factor)
		} else {
			s.For = min(s.For, wished)
		}
	}
	p.WarmUp = min(p.WarmUp, wished)
	if p.Closed != nil {
		p.Closed.For, p.Closed.Iterations = wished, 0
	}
	if p.Limit != nil {
		p.Limit.Hold = wished
	}
}

// modelOf is what the result calls the plan's model.
func modelOf(p *scenarios.LoadPlan) string {
	if p.Closed != nil {
		return report.LoadClosed
	}
	return report.LoadOpen
}
