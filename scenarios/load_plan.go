package scenarios

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The defaults of a load.
const (
	DefaultPrepareVUs  = 16
	DefaultMaxInFlight = 1000
	DefaultTimeout     = 10 * time.Second
	DefaultDrain       = 30 * time.Second
	DefaultUserPrefix  = "load-"

	DefaultLimitFrom      = 50.0    // per second
	DefaultLimitTo        = 20000.0 // per second
	DefaultLimitHold      = 10 * time.Second
	DefaultLimitPrecision = 0.05
)

// Patterns of arrival.
const (
	Uniform = "uniform"
	Poisson = "poisson"
)

// LoadPlan is a load whose every value is known: expressions evaluated, defaults filled in. Of Stages, Closed and
// Limit exactly one is set.
type LoadPlan struct {
	Users   LoadUsersPlan
	Prepare *LoadPreparePlan // nil: nothing is prepared

	Stages  []LoadStage // of an open model
	Pattern string      // Uniform or Poisson; of an open model, and of the search
	Closed  *ClosedPlan
	Limit   *LimitPlan

	WarmUp      time.Duration // is in Stages already; for the others to play
	Journeys    []JourneyPlan // sorted by name; one without a name when the file's steps are it
	Connections string        // "keep-alive", "per-user" or "per-ceremony"
	HTTP        string        // "1.1" or "2"
	Resumption  bool          // of TLS sessions
	Curves      []string      // nil: the default ones
	MaxInFlight int
	Timeout     time.Duration // of one operation
	Drain       time.Duration
	Signing     string // "pool" or "fresh"
}

// LoadUsersPlan says who takes part.
type LoadUsersPlan struct {
	Count      int64             // 0: all that are imported
	Import     string            // path of the users' file; empty: they are derived
	Algorithms []AlgorithmWeight // sorted by name, none of weight 0
	Prefix     string
}

// AlgorithmWeight is an algorithm and how often it is taken.
type AlgorithmWeight struct {
	Algorithm string // "ES256"
	Weight    int
}

// LoadPreparePlan is what is done before the load. The operation is register.
type LoadPreparePlan struct {
	VUs   int
	State string // path of the state file; empty: nothing is kept
}

// LoadStage is a stretch of an open model.
type LoadStage struct {
	Name     string  // "ramp", "warm-up", "hold", "stage 1"
	From, To float64 // iterations per second, at its beginning and its end
	For      time.Duration
	Measured bool
}

// ClosedPlan is a closed model; it ends with For or Iterations, whichever comes first. 0 is no end.
type ClosedPlan struct {
	VUs        int
	For        time.Duration
	Iterations int64
}

// LimitPlan is a search for the highest rate that keeps the thresholds.
type LimitPlan struct {
	From, To  float64 // iterations per second
	Hold      time.Duration
	Precision float64 // 0.05: within 5 % of the limit
}

// JourneyPlan is one of the things that users do.
type JourneyPlan struct {
	Name   string // empty for the file's own steps
	Weight int    // 1 or more
	Steps  []Step
}

// LoadPlan evaluates the file's load section. The error has the place of what came out wrong. It is nil, without an
// error, when the file has no load.
func (f *File) LoadPlan(env Env) (*LoadPlan, error) {
	if f.Load == nil {
		return nil, nil //nolint:nilnil // a file without a load has no plan, and that is no mistake
	}
	values := &valueChecker{env: env}
	values.check(f.Load)
	for _, p := range values.problems {
		return nil, p // the first is as good as any: each is a mistake of its own
	}
	e := &evaluator{env: env}
	p := f.Load.plan(e)
	p.Journeys = f.journeys(e)
	return p, e.err
}

// evaluator evaluates values until one comes out wrong.
type evaluator struct {
	env Env
	err error
}

// scalar is a value of the file.
type scalar[T any] interface {
	written() *template // nil when it was not given
	Value(env Env) (T, error)
}

// evaluated is the value, or the other one when it is not given.
func evaluated[T any](e *evaluator, v scalar[T], otherwise T) T {
	if e.err != nil || v.written() == nil {
		return otherwise
	}
	value, err := v.Value(e.env)
	e.err = err
	return value
}

// beside makes the paths of a load relative to where the file is.
func (l *LoadSpec) beside(file string) {
	if l == nil {
		return
	}
	if l.Users.Import != "" {
		l.Users.Import = beside(file, l.Users.Import)
	}
	if l.Prepare != nil && l.Prepare.State != "" {
		l.Prepare.State = beside(file, l.Prepare.State)
	}
}

func (l *LoadSpec) plan(e *evaluator) *LoadPlan {
	p := &LoadPlan{
		Users:       l.Users.plan(e),
		WarmUp:      evaluated(e, l.WarmUp, 0),
		Connections: cmp.Or(l.Connections, "keep-alive"),
		HTTP:        cmp.Or(l.HTTP, "1.1"),
		Resumption:  true,
		MaxInFlight: evaluated(e, l.MaxInFlight, DefaultMaxInFlight),
		Timeout:     evaluated(e, l.Timeout, DefaultTimeout),
		Drain:       evaluated(e, l.Drain, DefaultDrain),
		Signing:     cmp.Or(l.Signing, "pool"),
	}
	if l.Users.Import != "" {
		p.Signing = "fresh" // only keys that were made for this are worth no care
	}
	if l.TLS != nil {
		p.Resumption, p.Curves = l.TLS.Resumption == nil || *l.TLS.Resumption, l.TLS.Curves
	}
	if l.Prepare != nil {
		p.Prepare = &LoadPreparePlan{VUs: evaluated(e, l.Prepare.VUs, DefaultPrepareVUs), State: l.Prepare.State}
	}
	switch {
	case l.Arrival != nil:
		p.Stages = l.Arrival.stages(e, p.WarmUp)
		p.Pattern = cmp.Or(l.Arrival.Pattern, Uniform)
	case l.Concurrency != nil:
		p.Closed = &ClosedPlan{
			VUs: evaluated(e, l.Concurrency.VUs, 0), For: evaluated(e, l.Concurrency.For, 0),
			Iterations: int64(evaluated(e, l.Concurrency.Iterations, 0)),
		}
	case l.FindLimit != nil:
		p.Limit = l.FindLimit.plan(e)
		p.Pattern = cmp.Or(l.FindLimit.Pattern, Uniform)
	}
	return p
}

func (u *LoadUsers) plan(e *evaluator) LoadUsersPlan {
	p := LoadUsersPlan{Count: int64(evaluated(e, u.Count, 0)), Import: u.Import, Prefix: cmp.Or(u.Prefix, DefaultUserPrefix)}
	for _, name := range slices.Sorted(maps.Keys(u.Algorithms)) {
		if weight := evaluated(e, u.Algorithms[name], 0); weight > 0 {
			p.Algorithms = append(p.Algorithms, AlgorithmWeight{name, weight})
		}
	}
	if len(u.Algorithms) == 0 {
		p.Algorithms = []AlgorithmWeight{{"ES256", 1}}
	}
	return p
}

// stages are an open model's stages, with the warm-up in its place: at the rate that is measured next.
func (a *Arrival) stages(e *evaluator, warmUp time.Duration) []LoadStage {
	var list []LoadStage
	add := func(name string, from, to float64, span time.Duration, measured bool) {
		if span > 0 {
			list = append(list, LoadStage{Name: name, From: from, To: to, For: span, Measured: measured})
		}
	}
	rate := evaluated(e, a.Rate, 0)
	if len(a.Stages) == 0 {
		add("ramp", 0, rate, evaluated(e, a.Ramp, 0), false)
		add("warm-up", rate, rate, warmUp, false)
		add("hold", rate, rate, evaluated(e, a.Hold, 0), true)
		return list
	}
	add("warm-up", rate, rate, warmUp, false)
	for i := range a.Stages {
		to := evaluated(e, a.Stages[i].To, 0)
		add(fmt.Sprintf("stage %d", i+1), rate, to, evaluated(e, a.Stages[i].For, 0), true)
		rate = to
	}
	return list
}

func (l *FindLimit) plan(e *evaluator) *LimitPlan {
	return &LimitPlan{
		From: evaluated(e, l.From, DefaultLimitFrom), To: evaluated(e, l.To, DefaultLimitTo),
		Hold: evaluated(e, l.Hold, DefaultLimitHold), Precision: evaluated(e, l.Precision, DefaultLimitPrecision),
	}
}

// journeys are what users do, in the order of their names, without those that are never taken.
func (f *File) journeys(e *evaluator) []JourneyPlan {
	if len(f.Load.Journeys) == 0 {
		return []JourneyPlan{{Weight: 1, Steps: f.Steps}}
	}
	var list []JourneyPlan
	for _, name := range slices.Sorted(maps.Keys(f.Load.Journeys)) {
		j := f.Load.Journeys[name]
		if weight := evaluated(e, j.Weight, 1); weight > 0 {
			list = append(list, JourneyPlan{Name: name, Weight: weight, Steps: j.Steps})
		}
	}
	return list
}
