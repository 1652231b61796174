package journey

import (
	"fmt"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// signup compiles a sign-up, if there is anything to be sent for it.
func (c *compiler) signup(s *scenarios.Step, spec *scenarios.Signup) error {
	if err := c.actor(s, spec.User); err != nil {
		return err
	}
	device, err := c.on(s, spec.On, spec.User)
	if err != nil {
		return err
	}
	args, err := c.args(s, spec.With)
	if err != nil {
		return err
	}
	c.newcomer = c.newcomer || !c.began
	c.signedUp = true
	if c.program.party.Adapter().Operations[scenarios.OpSignup].With == scenarios.OpRegister {
		return nil // the account is made along with the first passkey
	}
	return c.operate(s, &action{device: device}, scenarios.OpSignup, rp.PlanInput{Args: args})
}

// register compiles a registration. If the relying party wants an account first, and the user has none, it is made
// before, as an operation of its own.
func (c *compiler) register(s *scenarios.Step, spec *scenarios.Register) error {
	if err := c.actor(s, spec.User); err != nil {
		return err
	}
	a := &action{}
	var err error
	if a.device, err = c.on(s, spec.On, spec.User); err != nil {
		return err
	}
	if a.session, err = c.on(s, spec.Session, spec.User); err != nil {
		return err
	}
	in := rp.PlanInput{Label: spec.On}
	if in.Args, err = c.args(s, spec.With); err != nil {
		return err
	}
	if a.tamper, err = c.tampering(s, rp.KindCreate, spec.Tamper); err != nil {
		return err
	}
	if err := c.constant(s, "label", spec.Label); err != nil {
		return err
	}
	label, err := spec.Label.String(c.env)
	if err != nil {
		return err
	}
	if label != "" {
		in.Label = label
	} else if _, name, ok := c.file.Device(spec.On, spec.User); ok {
		in.Label = name
	}
	c.newcomer = c.newcomer || !c.began
	if op, offered := c.program.party.Adapter().Operations[scenarios.OpSignup]; offered && op.With != scenarios.OpRegister && c.newcomer && !c.signedUp {
		if err := c.signup(&scenarios.Step{Pos: s.Pos, Timeout: s.Timeout, Always: s.Always, OnFailure: s.OnFailure}, &scenarios.Signup{User: spec.User, On: spec.On}); err != nil {
			return err
		}
		a.follows = true
	}
	c.signedUp = true
	return c.operate(s, a, scenarios.OpRegister, in)
}

// login is what the two kinds of login step have in common.
type login struct {
	operation, user, on string
	keep, ignore        bool
	tamper              []scenarios.Tamper
	with                map[string]scenarios.Tree
}

func (c *compiler) login(s *scenarios.Step, l login) error {
	if l.user == "" {
		// Whose passkey it is, is said by the device it is on.
		if account, _, ok := c.file.Device(l.on, c.user); ok && c.user == "" {
			l.user = account
		}
	}
	if err := c.actor(s, l.user); err != nil {
		return err
	}
	a := &action{keep: l.keep, ignore: l.ignore}
	var err error
	if a.device, err = c.on(s, l.on, l.user); err != nil {
		return err
	}
	if a.tamper, err = c.tampering(s, rp.KindGet, l.tamper); err != nil {
		return err
	}
	args, err := c.args(s, l.with)
	if err != nil {
		return err
	}
	return c.operate(s, a, l.operation, rp.PlanInput{Args: args})
}

// visit compiles an operation that only needs a session.
func (c *compiler) visit(s *scenarios.Step, spec *scenarios.Visit, operation string) error {
	if err := c.actor(s, spec.User); err != nil {
		return err
	}
	device, err := c.on(s, spec.On, spec.User)
	if err != nil {
		return err
	}
	args, err := c.args(s, spec.With)
	if err != nil {
		return err
	}
	return c.operate(s, &action{device: device}, operation, rp.PlanInput{Args: args})
}

func (c *compiler) request(s *scenarios.Step) error {
	if err := c.actor(s, s.Request.User); err != nil {
		return err
	}
	device, err := c.on(s, s.Request.On, s.Request.User)
	if err != nil {
		return err
	}
	a := &action{device: device, alone: s.Request.User == "" && s.Request.On == "", env: c.env}
	if a.plan, err = c.program.planner.RequestPlan(s.Request); err != nil {
		return fmt.Errorf("%s: %w", s.Pos, err)
	}
	return c.add(s, a)
}

func (c *compiler) wait(s *scenarios.Step) error {
	if err := c.constant(s, "wait", s.Wait.For); err != nil {
		return err
	}
	think, err := s.Wait.For.Value(c.env)
	if err != nil {
		return err
	}
	c.actions = append(c.actions, &action{think: think, always: s.Always})
	return nil
}
