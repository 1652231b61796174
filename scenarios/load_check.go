package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/source"
)

// checkLoad finds what is wrong with the load section beyond its shape.
func (c *fileChecker) checkLoad() {
	l, n := c.file.Load, c.root.Get("load")
	if l == nil || n.Kind != source.Map {
		return
	}
	later := only()
	later.hint = "the load is settled before any of its steps"
	c.compile(l, n, c.base.narrow("users").with("vars", later).with("steps", later))
	values := &valueChecker{static: true}
	values.check(l)
	for _, p := range values.problems {
		c.fail(p.at, p.hint, "%s", p.message)
	}
	key := c.root.Key("load")
	switch {
	case n.Get("journeys") != nil && c.root.Get("steps") != nil:
		c.fail(n.Key("journeys"), "make the steps a journey, too", "the steps of the file are no part of a load with journeys")
	case n.Get("journeys") == nil && c.root.Get("steps") == nil:
		c.fail(key, "give the file steps, or the load journeys", "the load has nothing to do")
	}
	if journeys := n.Get("journeys"); journeys != nil && journeys.Kind == source.Map && len(journeys.Members) == 0 {
		c.fail(n.Key("journeys"), "give at least one, or leave journeys out", "there is no journey")
	}
	if stages := n.At("arrival").Get("stages"); stages != nil && stages.Kind == source.List && len(stages.Items) == 0 {
		c.fail(n.At("arrival").Key("stages"), "give at least one, or rate and hold", "there is no stage")
	}
	c.checkPrepare(l, n)
}

// checkPrepare checks what is to be done before the load.
func (c *fileChecker) checkPrepare(l *LoadSpec, n *source.Node) {
	imports := l.Users != nil && l.Users.Import != ""
	if imports && l.Signing == "pool" {
		c.fail(n.Key("signing"), "leave signing out", "keys that are imported sign with fresh nonces only")
	}
	if l.Prepare == nil {
		return
	}
	if imports {
		c.fail(n.Key("prepare"), "leave out prepare, or import", "users who are imported are registered already")
	}
	with, a := l.Prepare.With, c.file.Adapter
	if a == nil || with == "" {
		return
	}
	at := n.At("prepare", "with")
	if _, ok := a.Operations[with]; !ok {
		c.fail(at, "it offers "+strings.Join(a.Offers(), ", "), "the adapter %q offers no %s", a.Name, with)
		return
	}
	c.checkOperationDriver(at, a, with)
}

// iteration is what the checker of a load's steps knows of the journey it is in, over all included files.
type iteration struct {
	user       string
	operations []string // metric names, each once
}

// iterationActions are what a user can do in an iteration of a load.
func iterationActions() []string {
	return []string{OpSignup, OpRegister, OpLogin, OpLoginDiscoverable, OpWhoami, OpLogout, "request", "wait", "repeat", "include"}
}

// checkIteration checks a step as part of a load.
func (c *stepChecker) checkIteration(s *Step, action string, n *source.Node) {
	at := n.Get(action)
	switch {
	case action == "":
		return
	case !slices.Contains(iterationActions(), action):
		c.fail(n.Key(action), "it can be one of "+strings.Join(iterationActions(), ", "), "%s cannot be part of a load", action)
		return
	case s.Wait != nil && s.Wait.Request != nil:
		c.fail(at.Key("request"), "wait for a time, or send one request", "a load does not ask again and again")
		return
	case s.Repeat != nil || s.Include != nil:
		return // the steps inside are looked at
	}
	if user := at.Get("user").Text(); user != "" {
		if c.journey.user == "" {
			c.journey.user = user
		}
		if user != c.journey.user {
			c.fail(at.Get("user"), fmt.Sprintf("write %s, or make it a journey of its own", c.journey.user),
				"a journey is one user's, and this one is that of %q", c.journey.user)
		}
	}
	if account, name, ok := c.file.Device(at.Get("on").Text(), at.Get("user").Text()); ok {
		if d := c.file.Accounts[account].Devices[name]; d.usesChrome() {
			c.fail(at.Key("on"), "name a device without chrome", "a load is played without Chrome, so %s has no passkeys", name)
		}
	}
	operation := s.Operation()
	if operation == "" {
		operation = action
	}
	if s.Wait == nil && !slices.Contains(c.journey.operations, operation) {
		c.journey.operations = append(c.journey.operations, operation)
	}
}

// checkSteps checks the file's steps or, of a load with journeys, also theirs. It returns the names of the metrics that
// a load records; nil when that cannot be told, as of a file that is none.
func (c *fileChecker) checkSteps() []string {
	before := len(c.errs.List)
	check := func(steps []Step, n *source.Node, journey *iteration) {
		s := c.newStepChecker(c.file, c.root)
		s.scope, s.journey = c.base, journey
		s.steps(steps, n)
	}
	load, journeys := c.file.Load, c.root.At("load", "journeys")
	if load == nil || len(load.Journeys) > 0 {
		check(c.file.Steps, c.root.Get("steps"), nil)
	}
	if load == nil {
		return nil
	}
	played := map[string]*iteration{}
	if len(load.Journeys) == 0 {
		played[""] = new(iteration)
		check(c.file.Steps, c.root.Get("steps"), played[""])
	}
	for _, m := range journeys.Sorted() {
		if j, ok := load.Journeys[m.Key.Value]; ok {
			played[m.Key.Value] = new(iteration)
			check(j.Steps, m.Value.Get("steps"), played[m.Key.Value])
		}
	}
	if len(c.errs.List) > before {
		return nil // what is wrong with a step may be its operation
	}
	return metricNames(played)
}

// metricNames are the metrics a load records, given each journey's operations.
func metricNames(journeys map[string]*iteration) []string {
	names := []string{"iteration.total", "generator.lag", "load.failed", "load.censored"}
	for journey, it := range journeys {
		prefix := ""
		if journey != "" {
			prefix = journey + "."
		}
		for _, operation := range it.operations {
			for _, part := range []string{"total", "options", "client", "result", "all", "accepted", "failed"} {
				names = append(names, prefix+operation+"."+part)
			}
		}
	}
	return names
}
