package scenarios

import (
	"fmt"
	"maps"
	"net"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/scenarios/internal/shape"
)

// fileChecker finds what is wrong with a scenario beyond its shape.
type fileChecker struct {
	*loader
	file *File
	root *source.Node
	base *scope // what every expression of the file sees

	column *source.Node // of a matrix: the relying party whose target is checked; nil: it is the file's
}

func (l *loader) fail(n *source.Node, hint, format string, args ...any) {
	l.errs.Add(n.Diagnostic(diag.KindMeaning, fmt.Sprintf(format, args...), hint))
}

func (l *loader) checkFile(f *File, root *source.Node) {
	c := &fileChecker{loader: l, file: f, root: root}
	l.giveParams(f.Params, root)
	c.base = c.newScope()
	c.checkEnv()
	if f.Matrix != nil {
		c.checkMatrix()
		return
	}
	c.checkTarget()
	c.checkPeople()
	metrics := c.checkSteps()
	c.checkLoad()
	c.checkSync()
	c.checkThresholds(metrics)
	c.checkChecks()
}

// checkChecks reports ids that no check has.
func (c *fileChecker) checkChecks() {
	if c.file.Checks == nil || c.options.CheckIDs == nil {
		return
	}
	for name, patterns := range map[string][]string{"only": c.file.Checks.Only, "skip": c.file.Checks.Skip} {
		for i, pattern := range patterns {
			fits := func(id string) bool {
				ok, err := path.Match(pattern, id)
				return ok && err == nil
			}
			if !slices.ContainsFunc(c.options.CheckIDs, fits) {
				c.fail(c.root.At("checks", name).Item(i), diag.Suggest(pattern, c.options.CheckIDs), "no check is called %q", pattern)
			}
		}
	}
}

// newScope is what every expression of the file sees.
func (c *fileChecker) newScope() *scope {
	params := only(slices.Collect(maps.Keys(c.file.Params))...)
	params.hint = "declare it under params"
	env := only(c.file.Env...)
	env.hint = "list it under env"
	users := only(c.file.userNames()...)
	users.below = []string{"name", "username", "displayName", "email", "password"}
	users.hint = "declare it under accounts or users"
	return &scope{
		names: map[string]namespace{
			"params": params, "env": env, "users": users, "run": runNames(), "target": targetNames(),
			"vars": only(), "steps": only(),
		},
		extra: map[string][]string{"response": responseNames(), "result": {"result"}},
	}
}

// userNames lists the users: every account is one, too.
func (f *File) userNames() []string {
	return slices.AppendSeq(slices.Collect(maps.Keys(f.Accounts)), maps.Keys(f.Users))
}

// narrow is the scope without some names, for values that are needed before there are such.
func (s *scope) narrow(names ...string) *scope {
	out := maps.Clone(s.names)
	for _, n := range names {
		delete(out, n)
	}
	return &scope{names: out, extra: s.extra}
}

// giveParams puts the values of the command line in place of the params' defaults.
func (l *loader) giveParams(params map[string]Param, root *source.Node) {
	const file = "--param"
	for _, name := range slices.Sorted(maps.Keys(l.options.Params)) {
		p, ok := params[name]
		if !ok {
			hint := "the file declares no params"
			if len(params) > 0 {
				hint = diag.Suggest(name, slices.Collect(maps.Keys(params)))
			}
			l.errs.Add(diag.Diagnostic{File: file, Message: fmt.Sprintf("unknown param %q", name), Hint: hint, Kind: diag.KindMeaning})
			continue
		}
		n := source.ReadScalar(file, l.options.Params[name])
		p.Default = &Tree{&treeNode{node: n, scalar: &template{node: n, raw: n.Value, literal: literalValue(n)}}}
		params[name] = p
	}
	if l.options.Partial {
		return
	}
	for _, m := range root.Get("params").Sorted() {
		if p, ok := params[m.Key.Value]; ok && p.Default == nil {
			l.fail(m.Key, fmt.Sprintf("give it by --param %s=VALUE, or give it a default", m.Key.Value), "the param %q has no value", m.Key.Value)
		}
	}
}

func (c *fileChecker) checkEnv() {
	name := regexp.MustCompile(shape.VariablePattern)
	for i, env := range c.file.Env {
		if env != "" && !name.MatchString(env) {
			c.fail(c.root.Get("env").Item(i), "letters, digits and _ only", "%q is not the name of an environment variable", env)
		}
	}
	c.compile(&c.file.Params, c.root.Get("params"), c.base.narrow("params", "users", "vars", "steps", "target"))
	c.compile(&c.file.Users, c.root.Get("users"), c.base.narrow("users", "vars", "steps"))
	c.compile(&c.file.Accounts, c.root.Get("accounts"), c.base.narrow("users", "vars", "steps"))
}

// checkTarget applies the command line's target, reads the adapter and checks what is said to it.
func (c *fileChecker) checkTarget() {
	f, given := c.file, c.root.Get("target")
	from := f.Path
	if c.options.Column != nil {
		c.options.Column.Take(f)
		return
	}
	if c.column != nil {
		given = c.column
	}
	if f.Target == nil && (c.options.Adapter != "" || c.options.Origin != "") {
		f.Target = &Target{Pos: posOf(c.root)}
	}
	if f.Target == nil {
		if !c.options.Partial && given == nil {
			c.fail(c.root, "add target: {adapter: NAME, origin: URL}, or give --adapter and --origin", "the scenario has no target")
		}
		return
	}
	at := given.At("adapter")
	if c.options.Adapter != "" {
		f.Target.Adapter, from, at = c.options.Adapter, "", nil
	}
	if given != nil {
		c.compile(f.Target, given, c.base.narrow("users", "vars", "steps", "target"))
	}
	if f.Target.Adapter != "" {
		f.Adapter = c.adapter(f.Target.Adapter, from, at)
	} else if given == nil && !c.options.Partial {
		c.fail(c.root, "give --adapter NAME", "the scenario has no adapter")
	}
	c.checkOrigin(given)
	c.checkWith(given)
	for _, m := range given.Get("connect-to").Sorted() {
		for _, n := range []*source.Node{m.Key, m.Value} {
			if _, _, err := net.SplitHostPort(n.Value); err != nil {
				c.fail(n, "write host:port", "%q is not a host and port", n.Value)
			}
		}
	}
}

// checkOrigin settles the origin: the command line's, the file's or the adapter's.
func (c *fileChecker) checkOrigin(given *source.Node) {
	t := c.file.Target
	switch {
	case c.options.Origin != "":
		t.Origin = NewText(c.options.Origin)
		if problem, hint := OriginProblem(c.options.Origin); problem != "" {
			c.errs.Add(diag.Diagnostic{File: "--origin", Message: fmt.Sprintf("%q %s", c.options.Origin, problem), Hint: hint, Kind: diag.KindMeaning})
		}
		return
	case t.Origin.IsZero() && c.file.Adapter != nil && c.file.Adapter.Origin != "":
		t.Origin = NewText(c.file.Adapter.Origin)
	case t.Origin.IsZero():
		if !c.options.Partial && c.file.Adapter != nil {
			c.fail(c.heading(), c.adding("origin: URL", "--origin URL"), "the %s has no origin, and neither has the adapter", c.subject())
		}
		return
	}
	origin, known := t.Origin.literal()
	if !known {
		return
	}
	if problem, hint := OriginProblem(origin); problem != "" && given.Get("origin") != nil {
		c.fail(given.At("origin"), hint, "%q %s", origin, problem)
	}
	if t.IMayTest != "" && t.IMayTest != origin {
		c.fail(given.At("i-may-test"), "repeat the origin: "+origin, "i-may-test is not the origin")
	}
}

// literal is the text of a value without expressions.
func (t Text) literal() (string, bool) {
	if t.t == nil || len(t.t.parts) > 0 {
		return "", false
	}
	s, err := t.t.string(nil)
	return s, err == nil
}

// checkWith checks the values the target gives for the adapter's params.
func (c *fileChecker) checkWith(given *source.Node) {
	a := c.file.Adapter
	if a == nil {
		return
	}
	for _, m := range given.Get("with").Sorted() {
		if _, ok := a.Params[m.Key.Value]; !ok {
			c.fail(m.Key, suggestOr(m.Key.Value, a.Params, "it has none"), "the adapter %q has no param %q", a.Name, m.Key.Value)
		}
	}
	if c.options.Partial {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(a.Params)) {
		if _, ok := c.file.Target.With[name]; a.Params[name].Default == nil && !ok {
			c.fail(c.heading(), c.adding(fmt.Sprintf("with: {%s: VALUE}", name), ""), "the adapter %q needs the param %q", a.Name, name)
		}
	}
}

// checkPeople checks accounts, devices and users.
func (c *fileChecker) checkPeople() {
	for _, section := range []string{"accounts", "users"} {
		for _, m := range c.root.Get(section).Sorted() {
			switch m.Key.Value {
			case Nobody:
				c.fail(m.Key, "", "nobody is not a name: it says that no one is signed in")
			case Somebody:
				c.fail(m.Key, "", "somebody is not a name: it says that someone is signed in, and not who")
			}
		}
	}
	c.settleAccounts()
	for _, m := range c.root.Get("accounts").Sorted() {
		account := c.file.Accounts[m.Key.Value]
		for _, d := range m.Value.Get("devices").Sorted() {
			device := account.Devices[d.Key.Value]
			if a := device.Authenticator; a != nil {
				c.checkAuthenticator(a, account.Provider, d.Value.Get("authenticator"))
			}
			c.checkChrome(&device, d.Value)
		}
	}
}

// suggestProvider says which provider a name may have meant. One that only has other versions is meant with one of them.
func suggestProvider(name string, known []string) string {
	base, _, _ := strings.Cut(name, "@")
	versions := slices.DeleteFunc(slices.Clone(known), func(k string) bool {
		without, _, _ := strings.Cut(k, "@")
		return without != base
	})
	if len(versions) > 1 {
		return "expected one of " + strings.Join(slices.Sorted(slices.Values(versions)), ", ")
	}
	if len(versions) == 1 {
		known = versions
	}
	return diag.Suggest(name, known)
}

// checkAuthenticator reports what no authenticator can be, as far as that does not depend on what the
// provider's are like.
func (c *fileChecker) checkAuthenticator(a *Authenticator, provider string, n *source.Node) {
	backedUp := a.BackedUp != nil && *a.BackedUp
	switch {
	case !backedUp:
	case a.BackupEligible == nil && provider == "":
		c.fail(n.Key("backed-up"), "add backup-eligible: true, or name a provider that syncs", "only a passkey that may be synced can be backed up (WebAuthn L3 §6.1.3)")
	case a.BackupEligible != nil && !*a.BackupEligible:
		c.fail(n.Key("backed-up"), "write backup-eligible: true", "only a passkey that may be synced can be backed up (WebAuthn L3 §6.1.3)")
	}
	if a.Attestation != "fido-u2f" {
		return
	}
	for i, name := range a.Algorithms {
		if name != "ES256" {
			c.fail(n.Get("algorithms").Item(i), "write algorithms: [ES256]", "fido-u2f attestation is for ES256 keys only, not for %s", name)
		}
	}
}

// Device finds the device that a step of the given user means by ref, which is "laptop" or
// "alice/laptop". A name that several accounts have is the one of the account called like the user.
func (f *File) Device(ref, user string) (account, device string, ok bool) {
	account, device, problem, _ := f.device(ref, user)
	return account, device, problem == ""
}

func (f *File) device(ref, user string) (account, device, problem, hint string) {
	if owner, name, qualified := strings.Cut(ref, "/"); qualified {
		a, ok := f.Accounts[owner]
		if !ok {
			return "", "", fmt.Sprintf("no account is called %q", owner), suggestOr(owner, f.Accounts, "declare it under accounts")
		}
		if _, ok := a.Devices[name]; !ok {
			return "", "", fmt.Sprintf("the account %q has no device %q", owner, name), suggestOr(name, a.Devices, "declare it under the account's devices")
		}
		return owner, name, "", ""
	}
	var owners []string
	known := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(f.Accounts)) {
		for d := range f.Accounts[name].Devices {
			known[d] = true
		}
		if _, ok := f.Accounts[name].Devices[ref]; ok {
			owners = append(owners, name)
		}
	}
	switch {
	case len(owners) == 0:
		return "", "", fmt.Sprintf("no device is called %q", ref), suggestOr(ref, known, "declare it under accounts: NAME: devices")
	case len(owners) == 1:
		return owners[0], ref, "", ""
	case slices.Contains(owners, user):
		return user, ref, "", ""
	}
	return "", "", fmt.Sprintf("%q is a device of several accounts", ref), "write " + strings.Join(owners, "/"+ref+" or ") + "/" + ref
}

// stepList reads an included file. named is the node that names it.
func (l *loader) stepList(path string, named *source.Node) (*StepList, *source.Node) {
	root := l.read(path, kindSteps, named)
	if root == nil {
		return nil, nil
	}
	list := &StepList{Path: path}
	l.decode(list, root)
	return list, root
}
