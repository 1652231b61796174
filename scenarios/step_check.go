package scenarios

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/scenarios/internal/shape"
)

// maxIncludes bounds how many files a scenario includes, counting one that is included twice twice.
const maxIncludes = 200

// stepChecker checks steps in their order, so that each sees what the earlier ones define.
type stepChecker struct {
	*loader
	file  *File // nil for a step list on its own
	alone bool
	path  string
	scope *scope

	ids map[string]int // line of each id in this file

	journey *iteration // nil outside of a load

	// Shared with the checkers of included files:
	defined *definitions
	inside  []string // the files being included, outermost first
}

// definitions is what steps have defined so far, over all included files.
type definitions struct {
	steps      []string // ids
	vars       []string
	registered []string       // ids of register steps
	exported   map[string]Pos // where each export has its name
	copied     []string       // accounts whose cloud's state was copied
	includes   int
}

func (l *loader) newStepChecker(f *File, root *source.Node) *stepChecker {
	c := &stepChecker{loader: l, file: f, ids: map[string]int{}, defined: &definitions{exported: map[string]Pos{}}}
	if root != nil {
		c.path = root.File.Path
		c.inside = []string{clean(c.path)}
	}
	return c
}

func clean(path string) string {
	if strings.HasPrefix(path, builtinPrefix) {
		return path
	}
	return filepath.Clean(path)
}

// included checks a step list: on its own, or as part of the file that includes it.
func (c *stepChecker) included(list *StepList, root *source.Node) {
	params := only(slices.Collect(maps.Keys(list.Params))...)
	params.hint = "declare it under params of this step list"
	if c.alone {
		c.scope = &scope{
			names: map[string]namespace{
				"env": anything(), "users": anything(), "vars": anything(), "steps": anything(), "run": runNames(), "target": targetNames(),
			},
			extra: map[string][]string{"response": responseNames(), "result": {"result"}},
		}
	}
	c.compile(&list.Params, root.Get("params"), c.scope.narrow("params"))
	c.scope = c.scope.with("params", params)
	c.steps(list.Steps, root.Get("steps"))
}

func (c *stepChecker) steps(steps []Step, n *source.Node) {
	for i := range steps {
		c.step(&steps[i], n.Item(i))
	}
}

func (c *stepChecker) step(s *Step, n *source.Node) {
	if n == nil || n.Kind != source.Map {
		return
	}
	action := s.Action()
	at := n.Get(action)
	c.compile(s, n, c.during(s))
	c.refs(s, action, n)
	c.offered(s, action, n)
	c.checkChromeUse(s, action, n)
	c.checkTamper(s, n.Get(action))
	if c.journey != nil {
		c.checkIteration(s, action, n)
	}
	if s.Page != nil {
		c.checkPagesStep(s.Page, n.Key(action), at)
	}
	if s.Device != nil {
		c.checkDeviceStep(s.Device, at)
	}
	if s.Syncs() {
		c.checkSyncStep(s, n.Key(action), at)
	}
	if s.Request != nil {
		c.request(s.Request, at)
	}
	if s.Wait != nil {
		c.wait(s.Wait, n)
	}
	if s.Repeat != nil {
		outer := c.scope
		c.scope = c.scope.with("loop", only("index"))
		c.steps(s.Repeat.Steps, at.Get("steps"))
		c.scope = outer
	}
	if s.Include != nil {
		c.include(s.Include, n.Key(action), at)
	}
	c.define(s, action, n)
	if s.Expect != nil {
		c.compile(s.Expect, n.Get("expect"), c.now())
	}
	switch {
	case s.Repeat != nil || s.Include != nil:
		c.holder(s, action, n)
	case s.Expect != nil:
		c.expect(s, action, n)
	}
}

// holder reports members that mean nothing on a step that only holds others.
func (c *stepChecker) holder(s *Step, action string, n *source.Node) {
	if s.OnFailure == Warn {
		c.fail(n.Get("on-failure"), "put it on a step inside", "%s holds steps: what fails is one of them", action)
	}
	for _, name := range []string{"id", "timeout", "expect", "cell"} {
		if n.Get(name) != nil {
			c.fail(n.Key(name), "put it on a step inside", "%s holds steps and has no %s of its own", action, name)
		}
	}
}

// now is the scope with what has been defined so far.
func (c *stepChecker) now() *scope {
	if c.alone {
		return c.scope
	}
	vars := only(c.defined.vars...)
	vars.hint = "define it in an earlier step by set or save"
	steps := only(c.defined.steps...)
	steps.hint = "an earlier step must have it as its id"
	return c.scope.with("vars", vars).with("steps", steps)
}

// during is the scope with what the step itself makes while it goes on.
func (c *stepChecker) during(s *Step) *scope {
	made := s.Page.saves()
	if len(made) == 0 || c.alone {
		return c.now()
	}
	now := c.now()
	vars := now.names["vars"]
	vars.members = slices.Concat(vars.members, made)
	return now.with("vars", vars)
}

// define notes the names that a step defines for later ones.
func (c *stepChecker) define(s *Step, action string, n *source.Node) {
	c.defined.vars = slices.AppendSeq(c.defined.vars, maps.Keys(s.Set))
	c.defined.vars = append(c.defined.vars, s.Page.saves()...)
	for _, r := range []*Request{s.Request, s.polled()} {
		if r != nil {
			c.defined.vars = slices.AppendSeq(c.defined.vars, maps.Keys(r.Save))
		}
	}
	if s.ID == "" {
		return
	}
	id := n.Get("id")
	if line, ok := c.ids[s.ID]; ok {
		c.fail(id, "ids are unique in a file", "the id %q is already that of the step on line %d", s.ID, line)
		return
	}
	c.ids[s.ID] = id.Line
	c.defined.steps = append(c.defined.steps, s.ID)
	if action == OpRegister || s.Page != nil {
		c.defined.registered = append(c.defined.registered, s.ID)
	}
}

// polled is the request that a wait step repeats, or nil.
func (s *Step) polled() *Request {
	if s.Wait == nil {
		return nil
	}
	return s.Wait.Request
}

// refs checks the users, devices and passkeys a step names.
func (c *stepChecker) refs(s *Step, action string, n *source.Node) {
	if c.file == nil {
		return
	}
	user := n.At(action).Get("user").Text()
	if r := s.polled(); r != nil {
		user = r.User
	}
	if s.Sync != nil {
		user = s.Sync.Account
	}
	c.walk(s, n, func(v reflect.Value, n *source.Node, f shape.Field) bool {
		if _, ok := reflect.TypeAssert[[]Step](v); ok {
			return false
		}
		if ref, ok := reflect.TypeAssert[string](v); ok && ref != "" && f.Ref != "" {
			if problem, hint := c.refProblem(f.Ref, ref, user); problem != "" {
				c.fail(n, hint, "%s", problem)
			}
		}
		_, leaf := holds(v)
		return !leaf
	})
}

func (c *stepChecker) refProblem(kind, ref, user string) (problem, hint string) {
	users := c.file.userNames()
	switch kind {
	case "user-or-nobody":
		if ref == Nobody {
			return "", ""
		}
		if !slices.Contains(users, ref) {
			return fmt.Sprintf("no user is called %q", ref), diag.Suggest(ref, append(users, Nobody))
		}
	case "user":
		if !slices.Contains(users, ref) {
			if len(users) == 0 {
				return fmt.Sprintf("no user is called %q", ref), "declare it under accounts, with its devices"
			}
			return fmt.Sprintf("no user is called %q", ref), diag.Suggest(ref, users)
		}
	case "account":
		if _, ok := c.file.Accounts[ref]; !ok {
			return fmt.Sprintf("no account is called %q", ref), suggestOr(ref, c.file.Accounts, "declare it under accounts")
		}
	case "device":
		_, _, problem, hint = c.file.device(ref, user)
	case "credential":
		if slices.Contains(c.defined.registered, ref) {
			return "", ""
		}
		if _, _, problem, _ = c.file.device(ref, user); problem == "" {
			return "", ""
		}
		if strings.Contains(problem, "several") || strings.Contains(ref, "/") {
			_, _, problem, hint = c.file.device(ref, user)
			return problem, hint
		}
		known := slices.Clone(c.defined.registered)
		for _, a := range c.file.Accounts {
			known = slices.AppendSeq(known, maps.Keys(a.Devices))
		}
		return fmt.Sprintf("%q is neither a device nor the id of an earlier register or page step", ref), diag.Suggest(ref, known)
	}
	return problem, hint
}

// request checks a request of the scenario itself.
func (c *stepChecker) request(r *Request, n *source.Node) {
	checkSaves(r.Save, n.Get("save"), c.errs)
	if c.file == nil || c.file.Adapter == nil || r.Base == "" {
		return
	}
	if _, ok := c.file.Adapter.Bases[r.Base]; !ok {
		c.fail(n.At("base"), suggestOr(r.Base, c.file.Adapter.Bases, "it has none"), "the adapter %q has no base %q", c.file.Adapter.Name, r.Base)
	}
}

func (c *stepChecker) wait(w *Wait, n *source.Node) {
	at := n.Get("wait")
	if w.Request != nil {
		c.request(w.Request, at.Get("request"))
	} else if !w.Every.IsZero() {
		c.fail(at.Key("every"), "", "every goes with request only")
	}
}

// include reads the included file and checks its steps as if they stood here.
func (c *stepChecker) include(i *Include, key, n *source.Node) {
	if i.File == "" {
		return
	}
	at := n.At("file")
	path := besideStep(c.path, i.File)
	if slices.Contains(c.inside, clean(path)) {
		c.fail(at, strings.Join(append(c.inside, clean(path)), " includes "), "%q includes itself", i.File)
		return
	}
	if c.defined.includes++; c.defined.includes > maxIncludes {
		if c.defined.includes == maxIncludes+1 {
			c.fail(at, "", "more than %d files are included", maxIncludes)
		}
		return
	}
	list, root := c.stepList(path, at)
	if list == nil {
		return
	}
	i.Steps, i.Params = list.Steps, list.Params
	for _, m := range n.Get("with").Sorted() {
		if _, ok := list.Params[m.Key.Value]; !ok {
			c.fail(m.Key, suggestOr(m.Key.Value, list.Params, "it has none"), "%s has no param %q", i.File, m.Key.Value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(list.Params)) {
		if _, ok := i.With[name]; !ok && list.Params[name].Default == nil {
			c.fail(key, fmt.Sprintf("add with: {%s: VALUE}", name), "%s needs the param %q", i.File, name)
		}
	}
	inner := &stepChecker{
		loader: c.loader, file: c.file, alone: c.alone, path: path, scope: c.scope,
		ids: map[string]int{}, journey: c.journey, defined: c.defined, inside: append(slices.Clone(c.inside), clean(path)),
	}
	inner.included(list, root)
}
