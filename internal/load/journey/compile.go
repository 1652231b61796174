package journey

import (
	"fmt"
	"maps"
	"slices"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/forge"
)

// maxActions bounds what repeat can make of a journey.
const maxActions = 10_000

// compiler compiles one journey.
type compiler struct {
	program  *Program
	file     *scenarios.File
	name     string
	user     string // who does the journey; empty until a step says it
	env      scenarios.Env
	slots    map[string]int // sessions by "account/device"
	actions  []*action
	signedUp bool // a signup or register comes before
	began    bool // an operation that needs an account comes before
	newcomer bool
}

func newCompiler(p *Program, file *scenarios.File, name string) *compiler {
	return &compiler{program: p, file: file, name: name, env: maps.Clone(p.cfg.Env), slots: map[string]int{"": noDevice}}
}

func (c *compiler) finish() error {
	c.program.journeys = append(c.program.journeys, journey{
		name: c.name, user: c.user, newcomer: c.newcomer, actions: c.actions, sessions: len(c.slots),
	})
	return nil
}

func (c *compiler) steps(steps []scenarios.Step) error {
	for i := range steps {
		if err := c.step(&steps[i]); err != nil {
			return err
		}
		if len(c.actions) > maxActions {
			return refuse(&steps[i], fmt.Sprintf("the journey has more than %d steps", maxActions), "repeat less, or let the load repeat it")
		}
	}
	return nil
}

func refuse(s *scenarios.Step, message, hint string) error {
	return &StepError{Pos: s.Pos, Message: message, hint: hint}
}

// constant refuses a value that is not known before the load begins.
func (c *compiler) constant(s *scenarios.Step, what string, v interface {
	Relies(...string) scenarios.Reliance
},
) error {
	if v.Relies("users", "steps", "vars", "result") == scenarios.Constant {
		return nil
	}
	return refuse(s, what+" depends on what is another value for every user", "a load knows params, env, run and target before it begins")
}

func (c *compiler) step(s *scenarios.Step) error {
	if s.When != nil {
		if err := c.constant(s, "when", s.When); err != nil {
			return err
		}
		yes, err := s.When.Bool(c.env)
		if err != nil || !yes {
			return err
		}
	}
	switch {
	case s.Signup != nil:
		return c.signup(s, s.Signup)
	case s.Register != nil:
		return c.register(s, s.Register)
	case s.Login != nil:
		l := s.Login
		return c.login(s, login{operation: s.Operation(), user: l.User, on: l.On, keep: l.KeepSession, ignore: l.IgnoreAllowList, tamper: l.Tamper, with: l.With})
	case s.LoginDiscoverable != nil:
		l := s.LoginDiscoverable
		return c.login(s, login{operation: s.Operation(), user: l.User, on: l.On, keep: l.KeepSession, tamper: l.Tamper, with: l.With})
	case s.Logout != nil:
		return c.visit(s, s.Logout, scenarios.OpLogout)
	case s.Whoami != nil:
		return c.visit(s, s.Whoami, scenarios.OpWhoami)
	case s.Request != nil:
		return c.request(s)
	case s.Wait != nil:
		return c.wait(s)
	case s.Repeat != nil:
		return c.repeat(s)
	case s.Include != nil:
		return c.include(s)
	}
	return refuse(s, s.Action()+" cannot be part of a load", "") // the file was refused for it before
}

func (c *compiler) repeat(s *scenarios.Step) error {
	if err := c.constant(s, "times", s.Repeat.Times); err != nil {
		return err
	}
	times, err := s.Repeat.Times.Value(c.env)
	if err != nil {
		return err
	}
	outer := c.env
	for i := range times {
		c.env = maps.Clone(outer)
		c.env["loop"] = map[string]any{"index": i}
		if err := c.steps(s.Repeat.Steps); err != nil {
			return err
		}
	}
	c.env = outer
	return nil
}

func (c *compiler) include(s *scenarios.Step) error {
	given, err := c.args(s, s.Include.With)
	if err != nil {
		return err
	}
	params := make(map[string]any, len(s.Include.Params))
	for name, p := range s.Include.Params {
		v, ok := given[name]
		if !ok && p.Default == nil {
			return refuse(s, fmt.Sprintf("include %s: param %q has no value", s.Include.File, name), "")
		}
		if !ok {
			if v, err = p.Default.Eval(c.env); err != nil {
				return fmt.Errorf("include %s: param %q: %w", s.Include.File, name, err)
			}
		}
		params[name] = v
	}
	outer := c.env
	c.env = maps.Clone(outer)
	c.env["params"] = params
	err = c.steps(s.Include.Steps)
	c.env = outer
	return err
}

// args are a step's arguments for the adapter's operation.
func (c *compiler) args(s *scenarios.Step, with map[string]scenarios.Tree) (map[string]any, error) {
	args := make(map[string]any, len(with))
	for name, tree := range with {
		if err := c.constant(s, "with "+name, tree); err != nil {
			return nil, err
		}
		v, err := tree.Eval(c.env)
		if err != nil {
			return nil, fmt.Errorf("with %s: %w", name, err)
		}
		args[name] = v
	}
	return args, nil
}

// actor takes note of who acts, which is the same user in all of a journey.
func (c *compiler) actor(s *scenarios.Step, user string) error {
	if user == "" {
		return nil
	}
	c.user = user
	u := c.file.Users[user]
	if !u.Username.IsZero() || !u.Email.IsZero() || !u.DisplayName.IsZero() || !u.Password.IsZero() {
		return refuse(s, fmt.Sprintf("user %q has names of their own", user), "a load makes up another user each time; leave the names out, or import users with load.users.import")
	}
	return nil
}

// on is the session of a device.
func (c *compiler) on(s *scenarios.Step, ref, user string) (int, error) {
	if ref == "" {
		return noDevice, nil
	}
	account, name, ok := c.file.Device(ref, user)
	if !ok {
		return 0, refuse(s, fmt.Sprintf("no device %q", ref), "")
	}
	key := account + "/" + name
	slot, ok := c.slots[key]
	if !ok {
		slot = len(c.slots)
		c.slots[key] = slot
	}
	return slot, nil
}

// add adds an operation.
func (c *compiler) add(s *scenarios.Step, a *action) error {
	if c.user == "" {
		return refuse(s, "it is not said whose step this is", "name the user")
	}
	a.number = c.program.operation(c.name, a.plan.Operation)
	if s.OnFailure == scenarios.Warn {
		return refuse(s, "in a load nothing is a warning", "on-failure: continue, and a threshold such as login.failed.rate < 1%")
	}
	a.always, a.goOn = s.Always, s.GoesOn()
	a.timeout = c.program.cfg.Plan.Timeout
	if !s.Timeout.IsZero() {
		if err := c.constant(s, "timeout", s.Timeout); err != nil {
			return err
		}
		var err error
		if a.timeout, err = s.Timeout.Value(c.env); err != nil {
			return err
		}
	}
	if err := c.expect(s, a); err != nil {
		return err
	}
	c.actions = append(c.actions, a)
	if a.expect.user == anybody || a.plan.Operation == scenarios.OpWhoami {
		return nil
	}
	// Who is signed in then is asked for by an operation of its own.
	after := &action{device: a.device, timeout: a.timeout, expect: expectation{user: a.expect.user}, always: a.always, goOn: a.goOn, follows: true}
	a.expect.user = anybody
	var err error
	if after.plan, err = c.plan(s, scenarios.OpWhoami, rp.PlanInput{User: c.user}); err != nil {
		return err
	}
	after.number = c.program.operation(c.name, scenarios.OpWhoami)
	c.actions = append(c.actions, after)
	return nil
}

// plan compiles an operation of the adapter.
func (c *compiler) plan(s *scenarios.Step, operation string, in rp.PlanInput) (*rp.Plan, error) {
	adapter := c.program.party.Adapter()
	op, ok := adapter.Operations[operation]
	switch {
	case !ok:
		return nil, refuse(s, fmt.Sprintf("adapter %q offers no %s", adapter.Name, operation), "")
	case op.PageOnly():
		return nil, refuse(s, fmt.Sprintf("adapter %q does %q on its page only", adapter.Name, operation), "a load speaks to the relying party directly; the adapter has to have steps for it")
	}
	plan, err := c.program.planner.Plan(operation, in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Pos, err)
	}
	return plan, nil
}

// operate compiles a step that is one operation.
func (c *compiler) operate(s *scenarios.Step, a *action, operation string, in rp.PlanInput) error {
	in.User = c.user
	var err error
	if a.plan, err = c.plan(s, operation, in); err != nil {
		return err
	}
	c.began = true
	return c.add(s, a)
}

// expect reads a step's expectations.
func (c *compiler) expect(s *scenarios.Step, a *action) error {
	e := s.Expect
	if e == nil {
		return nil
	}
	if !e.Within.IsZero() {
		return refuse(s, "a load judges no single time", "limit all of them with thresholds, such as login.total.p95 < 300ms")
	}
	if e.Count != nil || len(e.Names) > 0 || len(e.That) > 0 {
		return refuse(s, "a load looks at outcome, error, status and user only", "the other expectations are for passrig run")
	}
	outcomes := map[string]ledger.Class{"": ledger.Accepted, "accepted": ledger.Accepted, "rejected": ledger.Rejected, "refused": ledger.Refused}
	a.expect.outcome, a.expect.name = outcomes[e.Outcome], e.Error
	if e.Error != "" {
		a.expect.outcome = ledger.Refused
	}
	if !e.Status.IsZero() {
		if err := c.constant(s, "status", e.Status); err != nil {
			return err
		}
		var err error
		if a.expect.status, err = e.Status.Value(c.env); err != nil {
			return err
		}
	}
	switch e.User {
	case "":
	case scenarios.Nobody:
		a.expect.user = nobody
	case c.user:
		a.expect.user = thisUser
	default:
		return refuse(s, fmt.Sprintf("the journey is %s's, and another user is expected", c.user), "")
	}
	return nil
}

// tampering reads a step's changes of the response.
func (c *compiler) tampering(s *scenarios.Step, kind string, list []scenarios.Tamper) ([]forge.Change, error) {
	changes := make([]forge.Change, 0, len(list))
	for _, t := range list {
		if err := c.constant(s, "tamper "+t.Name, t.Value); err != nil {
			return nil, err
		}
		value, err := t.Value.Eval(c.env)
		if err != nil {
			return nil, fmt.Errorf("tamper: %s: %w", t.Name, err)
		}
		change := forge.Change{Name: t.Name, Value: value}
		if err := change.Validate(kind); err != nil {
			return nil, fmt.Errorf("%s: tamper: %w", t.Pos, err)
		}
		changes = append(changes, change)
	}
	return slices.Clip(changes), nil
}
