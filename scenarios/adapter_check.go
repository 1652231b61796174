package scenarios

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/scenarios/internal/shape"
)

// Uses says whether any expression of the operation's requests, or of a fragment they use, mentions a
// top-level name, such as entry. See [PageSpec.Uses] for its page.
func (o *Operation) Uses(name string) bool { return o.roots[name] }

// Offers lists the operations the adapter has, in alphabetical order.
func (a *Adapter) Offers() []string { return slices.Sorted(maps.Keys(a.Operations)) }

// adapter reads and checks an adapter. named is the node that names it, if a file does; a path is
// relative to from.
func (l *loader) adapter(name, from string, named *source.Node) *Adapter {
	var root *source.Node
	a := &Adapter{}
	if isPath(name) {
		a.Path = beside(from, name)
		root = l.read(a.Path, kindAdapter, named)
	} else {
		a.Path = builtinPrefix + name
		data, err := adapterFiles.ReadFile("adapters/" + name + ".yaml")
		if err != nil {
			d := diag.Diagnostic{File: name}
			if named != nil {
				d = named.Diagnostic(diag.KindMeaning, "", "")
			}
			d.Kind, d.Message = diag.KindMeaning, fmt.Sprintf("no built-in adapter is called %q", name)
			d.Hint = diag.Suggest(name, embeddedNames(adapterFiles, "adapters"))
			if !strings.HasPrefix(d.Hint, "did you mean") {
				d.Hint += ", or a path such as ./my-rp.yaml"
			}
			l.errs.Add(d)
			return nil
		}
		root = source.Read(source.NewFile(a.Path, data), data, l.errs)
	}
	if root == nil {
		return nil
	}
	l.decode(a, root)
	(&adapterChecker{loader: l, adapter: a, root: root}).check()
	return a
}

// adapterChecker finds what is wrong with an adapter beyond its shape.
type adapterChecker struct {
	*loader
	adapter *Adapter
	root    *source.Node
	base    *scope // what every expression of the adapter sees
}

func (c *adapterChecker) check() {
	a := c.adapter
	if a.Origin != "" {
		if problem, hint := OriginProblem(a.Origin); problem != "" {
			c.fail(c.root.At("origin"), hint, "%q %s", a.Origin, problem)
		}
	}
	c.base = c.newScope()
	early := &scope{names: map[string]namespace{"target": c.base.names["target"], "params": c.base.names["params"], "run": c.base.names["run"]}}
	paramScope := &scope{names: map[string]namespace{"target": c.base.names["target"], "run": c.base.names["run"]}}
	c.compile(&a.Params, c.root.Get("params"), paramScope)
	c.compile(&a.Bases, c.root.Get("bases"), early)
	c.compile(&a.RPID, c.root.Get("rp-id"), early)
	identity := maps.Clone(early.names)
	identity["user"] = c.base.names["user"]
	c.compile(&a.Identity, c.root.Get("identity"), &scope{names: identity})
	c.compile(&a.Headers, c.root.Get("headers"), c.base)

	c.checkFragments()
	for _, m := range c.root.Get("operations").Sorted() {
		if op, ok := a.Operations[m.Key.Value]; ok {
			c.checkOperation(m.Key.Value, &op, m)
			a.Operations[m.Key.Value] = op
		}
	}
	c.resolveSame()
	c.checkEntries()
}

// newScope is what every expression of the adapter sees.
func (c *adapterChecker) newScope() *scope {
	var saved []string
	c.walk(c.adapter, c.root, func(v reflect.Value, _ *source.Node, _ shape.Field) bool {
		if m, ok := reflect.TypeAssert[map[string]Save](v); ok {
			saved = slices.AppendSeq(saved, maps.Keys(m))
			return false
		}
		if e, ok := reflect.TypeAssert[PageEvaluate](v); ok && e.Save != "" {
			saved = append(saved, e.Save)
		}
		_, leaf := holds(v)
		return !leaf
	})
	params := only(slices.Collect(maps.Keys(c.adapter.Params))...)
	params.hint = "declare it under params"
	savedNames := only(saved...)
	savedNames.hint = "save it in a step of this adapter"
	return &scope{
		names: map[string]namespace{
			"user": only("name", "username", "displayName", "email", "password"), "target": targetNames(), "params": params,
			"saved": savedNames, "run": runNames(), "signedIn": only(),
		},
		extra: map[string][]string{"response": responseNames(), "entry": {"entry"}},
	}
}

func targetNames() namespace { return only("origin", "rpId", "baseUrl", "adapter", "operations") }
func runNames() namespace    { return only("id", "seed") }
func responseNames() []string {
	return []string{"status", "headers", "body", "text", "url", "cookies"}
}

// operationScope is what the expressions of one operation see.
func (c *adapterChecker) operationScope(name string, args namespace) *scope {
	names := maps.Clone(c.base.names)
	names["args"] = args
	add := func(n ...string) {
		for _, name := range n {
			names[name] = anything()
		}
	}
	switch name {
	case OpRegister:
		add("label", "options", "credential")
	case OpLogin, OpLoginDiscoverable:
		add("options", "credential")
	case OpRename, OpDelete:
		names["passkey"] = only("id", "name", "device")
		names["entry"] = only("id", "credential", "name", "raw")
		if name == OpRename {
			add("name")
		}
	}
	return &scope{names: names, extra: c.base.extra}
}

func (c *adapterChecker) args(op Operation) namespace {
	args := only(slices.Collect(maps.Keys(op.Args))...)
	args.hint = "declare it under the operation's args"
	return args
}

func (c *adapterChecker) checkOperation(name string, op *Operation, m source.Member) {
	n := m.Value
	switch {
	case op.SameAs != "":
		return
	case op.With != "":
		if name != OpSignup {
			c.fail(n.At("with"), "", "only signup can come with another operation")
		} else if _, ok := c.adapter.Operations[op.With]; !ok {
			c.fail(n.At("with"), "", "the adapter has no %s operation", op.With)
		}
		return
	case n.Kind == source.Map && len(op.Steps) == 0 && op.Page == nil:
		c.fail(m.Key, "give steps, a page, or same-as", "%s has no steps", name)
	}
	s := c.operationScope(name, c.args(*op))
	c.compile(&op.Args, n.Get("args"), c.base)
	c.compile(op.Result, n.Get("result"), s)
	c.checkSteps(op.Steps, n.Get("steps"), s)
	c.checkResult(name, op, m)
	flow := c.flow(op.Steps, n.Get("steps"), nil)
	c.checkCeremony(name, flow, m)
	c.checkPage(name, op, m)

	op.roots = map[string]bool{}
	c.addRoots(op.roots, op.Steps, n.Get("steps"))
	c.addRoots(op.roots, op.Result, n.Get("result"))
	c.eachFragment(op.Steps, nil, func(f string) {
		c.addRoots(op.roots, c.adapter.Fragments[f], c.root.At("fragments", f))
	})
}

func (c *adapterChecker) addRoots(roots map[string]bool, v any, n *source.Node) {
	c.walk(v, n, func(v reflect.Value, _ *source.Node, _ shape.Field) bool {
		x, leaf := holds(v)
		if leaf {
			for _, e := range x.expressions() {
				maps.Copy(roots, e.roots)
			}
		}
		return !leaf
	})
}

// flowStep is one request of an operation, with fragments in place.
type flowStep struct {
	step *HTTPStep
	node *source.Node
}

// flow lists an operation's requests with the fragments' in place. Fragments that use each other in
// a circle are reported once, by checkFragments.
func (c *adapterChecker) flow(steps []HTTPStep, n *source.Node, inside []string) []flowStep {
	var list []flowStep
	for i := range steps {
		step := &steps[i]
		if step.Use == "" {
			list = append(list, flowStep{step, n.Item(i)})
			continue
		}
		if fragment, ok := c.adapter.Fragments[step.Use]; ok && !slices.Contains(inside, step.Use) && len(list) < maxFlow {
			list = append(list, c.flow(fragment, c.root.At("fragments", step.Use), append(inside, step.Use))...)
		}
	}
	return list
}

// maxFlow bounds how many requests fragments in fragments can make of one operation.
const maxFlow = 1000

// checkSteps checks what can be said of each request on its own.
func (c *adapterChecker) checkSteps(steps []HTTPStep, n *source.Node, s *scope) {
	for i := range steps {
		step, at := &steps[i], n.Item(i)
		c.compile(step, at, s)
		if step.Use != "" {
			if _, ok := c.adapter.Fragments[step.Use]; !ok {
				c.fail(at.At("use"), suggestOr(step.Use, c.adapter.Fragments, "define it under fragments"), "no fragment is called %q", step.Use)
			}
			continue
		}
		if _, ok := c.adapter.Bases[step.Base]; !ok && step.Base != "" {
			c.fail(at.At("base"), suggestOr(step.Base, c.adapter.Bases, "define it under bases"), "no base is called %q", step.Base)
		}
		checkSaves(step.Save, at.Get("save"), c.errs)
		if step.Options != nil && step.Credential != nil {
			c.fail(at.Key("credential"), "", "one request cannot both carry the credential and give the options for it")
		}
		if step.Credential != nil && hasBody(step.HTTP) {
			roots := map[string]bool{}
			c.addRoots(roots, &step.HTTP, at)
			if !roots["credential"] {
				c.fail(at.Key("credential"), "write ${{ credential }} or ${{ json(credential) }} where it belongs", "the request does not carry the credential")
			}
		}
	}
}

func hasBody(h HTTP) bool {
	return h.JSON != nil || h.Form != nil || h.Multipart != nil || !h.Text.IsZero()
}

// suggestOr is a suggestion when there are names to suggest, else the given hint.
func suggestOr[V any](word string, known map[string]V, hint string) string {
	if len(known) == 0 {
		return hint
	}
	return diag.Suggest(word, slices.Collect(maps.Keys(known)))
}

// checkSaves checks selectors and regular expressions.
func checkSaves(saves map[string]Save, n *source.Node, errs *diag.Errors) {
	for _, m := range n.Sorted() {
		s, at := saves[m.Key.Value], m.Value
		if s.CSS != "" {
			if _, err := cascadia.ParseGroup(s.CSS); err != nil {
				errs.Add(at.At("css").Diagnostic(diag.KindMeaning, "not a CSS selector: "+err.Error(), ""))
			}
		}
		if s.Attr != "" && at.Get("css") == nil {
			errs.Add(at.Key("attr").Diagnostic(diag.KindMeaning, "attr goes with css only", ""))
		}
		if s.Regex != "" {
			if _, err := regexp.Compile(s.Regex); err != nil {
				errs.Add(at.At("regex").Diagnostic(diag.KindMeaning, "not a regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), ""))
			}
		}
	}
}
