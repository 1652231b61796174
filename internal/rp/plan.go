package rp

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/passrig/passrig/scenarios"
)

// Planner compiles operations of one relying party into plans, for loads that do them very often. What a plan sends,
// and how it takes the answers, is what [Party.Do] sends and takes; a template is used only where that has been proven.
// It is safe for concurrent use.
type Planner struct {
	party  *Party
	names  map[string]int // of saved values: the number among all that the adapter saves
	saved  []string       // the same by number
	secret []bool         // by number: some save calls it secret
	shapes shapes
}

// NewPlanner makes a planner.
func (p *Party) NewPlanner() *Planner {
	pl := &Planner{party: p, names: make(map[string]int)}
	secret := make(map[string]bool)
	collect := func(steps []scenarios.HTTPStep) {
		for i := range steps {
			for name, spec := range steps[i].Save {
				secret[name] = secret[name] || spec.Secret
			}
		}
	}
	for _, op := range p.target.Adapter.Operations {
		collect(op.Steps)
	}
	for _, fragment := range p.target.Adapter.Fragments {
		collect(fragment)
	}
	pl.saved = slices.Sorted(maps.Keys(secret))
	for i, name := range pl.saved {
		pl.names[name] = i
		pl.secret = append(pl.secret, secret[name])
	}
	return pl
}

// Plan is an operation compiled. It is safe for concurrent use.
type Plan struct {
	Operation string
	Steps     []*PlanStep
	Ceremony  bool // whether it has options and a credential

	planner *Planner
	op      *scenarios.Operation
	with    PlanInput
	result  *scenarios.Place // of whoami: where the user is, if it is a place
	outer   bool             // a request of the scenario itself
	spec    *scenarios.CredentialSpec
}

// PlanStep is one request of a plan, or the condition of several.
type PlanStep struct {
	// Skip is how far to go on when [PlanStep.Runs] says no: the steps that depend on it.
	Skip int
	// Asks is false for a step that is a condition only.
	Asks       bool
	Options    bool // its answer holds the options
	Credential bool // the client's part comes before it, and it carries the credential
	Follow     bool // redirects are followed
	Poll       *PlanPoll

	plan   *Plan
	shaped bool // it has the credential in it
	spec   *scenarios.HTTPStep
	when   *scenarios.Expr // evaluated each time; nil: known
	known  [2]bool         // without when: whether it runs, signed out and signed in
	judge  judge
	saves  []savePlan
	simple bool             // the saves can be taken without the interpreter
	at     *scenarios.Place // of options
	reader bool             // the options can be read without the interpreter

	requests [2]*request // signed out, signed in; often the same
}

// PlanPoll says for how long, and how often, a request is repeated that is not accepted.
type PlanPoll struct{ For, Every time.Duration }

// PlanInput is what is the same each time an operation is done.
type PlanInput struct {
	User  string         // what the scenario calls the user: user.name in expressions
	Args  map[string]any // given by the scenario
	Label string         // register: a name for the new passkey
}

// Plan compiles an operation.
func (pl *Planner) Plan(operation string, in PlanInput) (*Plan, error) {
	op, ok := pl.party.target.Adapter.Operations[operation]
	if !ok {
		return nil, fmt.Errorf("adapter %q offers no %s", pl.party.target.Adapter.Name, operation)
	}
	p := &Plan{Operation: operation, planner: pl, op: &op, with: in}
	var err error
	if p.Steps, err = p.flatten(op.Steps); err != nil {
		return nil, err
	}
	for _, s := range p.Steps {
		p.Ceremony = p.Ceremony || s.Credential
	}
	if op.Result != nil && op.Result.User != nil {
		if place, simple := op.Result.User.Place(); simple && place.Root == "body" {
			p.result = &place
		}
	}
	return p, nil
}

// RequestPlan compiles a request of the scenario itself. Its expressions see what [Values.Outer] gives.
func (pl *Planner) RequestPlan(req *scenarios.Request) (*Plan, error) {
	p := &Plan{Operation: "request", planner: pl, op: &scenarios.Operation{}, outer: true}
	step := scenarios.HTTPStep{HTTP: req.HTTP, Accept: req.Accept, Reject: req.Reject, Save: req.Save}
	var err error
	p.Steps, err = p.flatten([]scenarios.HTTPStep{step})
	return p, err
}

// flatten puts fragments in their place.
func (p *Plan) flatten(steps []scenarios.HTTPStep) ([]*PlanStep, error) {
	var list []*PlanStep
	for i := range steps {
		spec := &steps[i]
		s := &PlanStep{Skip: 1, plan: p, spec: spec, known: [2]bool{true, true}}
		if err := s.resolveWhen(); err != nil {
			return nil, err
		}
		if s.when == nil && s.known == [2]bool{} {
			continue
		}
		if spec.Use == "" {
			if err := s.prepare(); err != nil {
				return nil, err
			}
			list = append(list, s)
			continue
		}
		inner, err := p.flatten(p.planner.party.target.Adapter.Fragments[spec.Use])
		if err != nil {
			return nil, err
		}
		if s.when != nil || s.known != [2]bool{true, true} {
			s.Skip += len(inner)
			list = append(list, s)
		}
		list = append(list, inner...)
	}
	return list, nil
}

// resolveWhen decides a condition that depends on nothing but whether the session is signed in.
func (s *PlanStep) resolveWhen() error {
	s.when = s.spec.When
	if s.when == nil || s.plan.outer || s.when.Relies(s.plan.varying()...) != scenarios.Constant {
		return nil
	}
	for i := range s.known {
		r, err := s.plan.run(s.plan.planner.sample(i == 1))
		if err != nil {
			return err
		}
		if s.known[i], err = s.when.Bool(r.env()); err != nil {
			return err
		}
	}
	s.when = nil
	return nil
}

// prepare compiles the parts of a step that asks.
func (s *PlanStep) prepare() error {
	s.Asks, s.Follow = true, s.spec.Redirects == "follow"
	s.Options, s.Credential = s.spec.Options != nil, s.spec.Credential != nil
	s.shaped = s.Credential || !s.plan.outer && s.relies("credential") != scenarios.Constant
	if s.Credential {
		s.plan.spec = s.spec.Credential
	}
	s.judge = newJudge(s.plan.Operation, s.spec)
	s.prepareSaves()
	if s.Options {
		s.prepareOptions()
	}
	if err := s.preparePoll(); err != nil {
		return err
	}
	signedOut := &request{step: s}
	s.requests = [2]*request{signedOut, signedOut}
	if !s.plan.outer && s.relies("signedIn") != scenarios.Constant {
		s.requests[1] = &request{step: s, signedIn: true}
	}
	if !s.shaped {
		for _, r := range s.requests {
			r.compile(context.Background(), nil)
		}
	}
	return nil
}

func (s *PlanStep) preparePoll() error {
	spec := s.spec.Poll
	if spec == nil {
		return nil
	}
	r, err := s.plan.run(s.plan.planner.sample(false))
	if err != nil {
		return err
	}
	s.Poll = &PlanPoll{Every: DefaultPollEvery}
	if s.Poll.For, err = spec.For.Value(r.env()); err != nil {
		return err
	}
	if !spec.Every.IsZero() {
		s.Poll.Every, err = spec.Every.Value(r.env())
	}
	return err
}

// varying are the names that stand for something else at each iteration.
func (p *Plan) varying() []string {
	names := []string{"user", "saved", "credential", "options"}
	for _, tree := range p.op.Args {
		if tree.Relies(names...) != scenarios.Constant {
			return append(names, "args")
		}
	}
	return names
}

// relies says how what the step sends relies on names.
func (s *PlanStep) relies(names ...string) scenarios.Reliance {
	h := &s.spec.HTTP
	most := max(h.Path.Relies(names...), h.Text.Relies(names...))
	for _, texts := range []map[string]scenarios.Text{h.Query, h.Headers, h.Form, h.Multipart, s.plan.planner.party.target.Adapter.Headers} {
		for _, t := range texts {
			most = max(most, t.Relies(names...))
		}
	}
	if h.JSON != nil {
		most = max(most, h.JSON.Relies(names...))
	}
	return most
}

// Runs says whether the step is to be done, by its when.
func (s *PlanStep) Runs(v *Values) (bool, error) {
	if s.when == nil {
		return s.known[index(v.Session.SignedIn)], nil
	}
	r, err := s.plan.run(v)
	if err != nil {
		return false, err
	}
	return s.when.Bool(r.env())
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Name is what the request is for: its title, else "options", "result" or the operation.
func (s *PlanStep) Name() string {
	if s.spec.Title != "" {
		return s.spec.Title
	}
	return defaultPurpose(s.plan.Operation, s.spec)
}

// run is the interpreter in the state that the values describe.
func (p *Plan) run(v *Values) (*run, error) {
	r := &run{
		party: p.planner.party, op: p.op, result: &Result{Operation: p.Operation}, options: v.options,
		session: &Session{jar: v.Session.Jar, saved: v.savedMap(), learn: func(string, any) {}},
		in:      Input{User: v.user(p.with.User), Args: p.with.Args, Label: p.with.Label, SignedIn: v.Session.SignedIn},
	}
	if p.outer && v.Outer != nil {
		r.outer = v.Outer()
	}
	var err error
	r.args, err = r.arguments()
	return r, err
}
