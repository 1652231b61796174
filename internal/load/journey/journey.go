package journey

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// Config is what a program needs beside the file.
type Config struct {
	Plan *scenarios.LoadPlan
	Env  scenarios.Env // what the file's expressions see before its first step
}

// Program is the journeys of a load, compiled. It is safe for concurrent use.
type Program struct {
	party      *rp.Party
	planner    *rp.Planner
	cfg        Config
	journeys   []journey
	prepare    int
	operations []ledger.OperationName
	shapes     shapes
}

// journey is one of the things that users do.
type journey struct {
	name     string
	user     string // what the scenario calls whoever does it
	newcomer bool
	actions  []*action
	sessions int // how many there may be: one of no device, and one of each device
}

// Compile compiles the journeys of a file's load. The error is a *[StepError] where a step cannot be part of a load.
func Compile(party *rp.Party, file *scenarios.File, cfg Config) (*Program, error) {
	if cfg.Plan == nil {
		return nil, errors.New("there is no load")
	}
	p := &Program{party: party, planner: party.NewPlanner(), cfg: cfg, prepare: -1}
	for _, plan := range cfg.Plan.Journeys {
		if err := p.add(file, plan.Name, plan.Steps); err != nil {
			return nil, err
		}
	}
	if cfg.Plan.Prepare != nil {
		p.prepare = len(p.journeys)
		if err := p.addPrepare(file); err != nil {
			return nil, err
		}
	}
	return p, p.warm()
}

// add compiles one journey.
func (p *Program) add(file *scenarios.File, name string, steps []scenarios.Step) error {
	c := newCompiler(p, file, name)
	if err := c.steps(steps); err != nil {
		return err
	}
	return c.finish()
}

// addPrepare compiles what is done for a user who is not known yet.
func (p *Program) addPrepare(file *scenarios.File) error {
	c := newCompiler(p, file, "")
	c.user = "user"
	for _, j := range p.journeys {
		if j.user != "" {
			c.user = j.user
		}
	}
	spec := &scenarios.Register{User: c.user}
	for _, device := range slices.Sorted(maps.Keys(file.Accounts[c.user].Devices)) {
		spec.On = device // gives the passkey its name
		break
	}
	if err := c.register(&scenarios.Step{}, spec); err != nil {
		return err
	}
	return c.finish()
}

// operation is the number of an operation of a journey.
func (p *Program) operation(journey, name string) int {
	key := ledger.OperationName{Journey: journey, Operation: name}
	if i := slices.Index(p.operations, key); i >= 0 {
		return i
	}
	p.operations = append(p.operations, key)
	return len(p.operations) - 1
}

// Journeys are the names of the journeys: those of the file in the order of the plan, then one without a name if there
// is something to prepare.
func (p *Program) Journeys() []string {
	names := make([]string, len(p.journeys))
	for i, j := range p.journeys {
		names[i] = j.name
	}
	return names
}

// Operations are what [ledger.Sample] numbers.
func (p *Program) Operations() []ledger.OperationName { return slices.Clone(p.operations) }

// Prepare is the journey that enrolls a user; -1 if nothing is to be prepared.
func (p *Program) Prepare() int { return p.prepare }

// Newcomer says whether the journey is for users whom the relying party does not know: it signs up or registers before
// it does anything else.
func (p *Program) Newcomer(journey int) bool { return p.journeys[journey].newcomer }

// Description says how one request of a journey is made.
type Description struct {
	Journey, Operation string
	Request            string // method and path, as the adapter has them
	Template           bool   // made from a template; else the adapter is interpreted each time
	Reason             string // why it is interpreted
}

// Describe says how every request is made, in order.
func (p *Program) Describe() []Description {
	var list []Description
	for i := range p.journeys {
		j := &p.journeys[i]
		for _, a := range j.actions {
			if a.plan == nil {
				continue
			}
			for _, s := range a.plan.Steps {
				if !s.Asks {
					continue
				}
				d := Description{Journey: j.name, Operation: a.plan.Operation, Request: s.What()}
				if len(a.tamper) > 0 && s.Credential {
					d.Reason = "its credential is tampered with"
				} else {
					d.Reason = s.Prepare(p.shapes.usual(a.plan.Operation == scenarios.OpRegister))
				}
				d.Template = d.Reason == ""
				list = append(list, d)
			}
		}
	}
	return list
}

// StepError says that a step cannot be part of a load.
type StepError struct {
	Pos     scenarios.Pos
	Message string
	hint    string
}

func (e *StepError) Error() string { return fmt.Sprintf("%s: %s", e.Pos, e.Message) }

// Hint says what to do about it.
func (e *StepError) Hint() string { return e.hint }

// shapes are the kinds of credentials that were seen.
type shapes struct {
	mu    sync.Mutex
	known map[shapeKey]*rp.Shape
	first [2]*rp.Shape // of an assertion, of a registration
}

// usual is a kind of credential that is likely.
func (s *shapes) usual(registration bool) *rp.Shape {
	if registration {
		return s.first[1]
	}
	return s.first[0]
}
