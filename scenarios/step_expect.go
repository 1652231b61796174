package scenarios

import (
	"strings"

	"github.com/passrig/passrig/internal/source"
)

// Action is the name of the step's action, such as "login"; "" when it has none.
func (s *Step) Action() string {
	for _, a := range []struct {
		name  string
		given bool
	}{
		{OpSignup, s.Signup != nil},
		{OpRegister, s.Register != nil},
		{OpLogin, s.Login != nil},
		{OpLoginDiscoverable, s.LoginDiscoverable != nil},
		{OpLogout, s.Logout != nil},
		{OpWhoami, s.Whoami != nil},
		{OpList, s.List != nil},
		{OpRename, s.Rename != nil},
		{OpDelete, s.Delete != nil},
		{"request", s.Request != nil},
		{"wait", s.Wait != nil},
		{"repeat", s.Repeat != nil},
		{"assert", s.Assert != nil},
		{"page", s.Page != nil},
		{"device", s.Device != nil},
		{"passkeys", s.Passkeys != nil},
		{"set", s.Set != nil},
		{"include", s.Include != nil},
		{"sync", s.Sync != nil},
		{"unlock", s.Unlock != nil},
		{"enrol-device", s.EnrolDevice != nil},
		{"revoke-device", s.RevokeDevice != nil},
		{"sign-out", s.SignOut != nil},
		{"go-offline", s.GoOffline != nil},
		{"go-online", s.GoOnline != nil},
		{"wipe", s.Wipe != nil},
		{"policy", s.Policy != nil},
		{"reset-pin", s.ResetPIN != nil},
		{"rotate-keys", s.RotateKeys != nil},
		{"restore", s.Restore != nil},
		{"signal", s.Signal != nil},
		{"export", s.Export != nil},
		{"import", s.Import != nil},
		{"fabric", s.Fabric != nil},
	} {
		if a.given {
			return a.name
		}
	}
	return ""
}

// Operation is the adapter's operation that the step performs, or "" for an action of the scenario
// itself and one at the provider. It is the action's name, except for a login that is to be discoverable.
func (s *Step) Operation() string {
	switch action := s.Action(); action {
	case OpSignup, OpRegister, OpLoginDiscoverable, OpLogout, OpWhoami, OpList:
		return action
	case OpRename, OpDelete:
		if s.atProvider() {
			return ""
		}
		return action
	case OpLogin:
		if s.Login.Discoverable {
			return OpLoginDiscoverable
		}
		return action
	default:
		return ""
	}
}

// offered checks that the adapter has the operation, and the arguments it is given.
func (c *stepChecker) offered(s *Step, action string, n *source.Node) {
	name := s.Operation()
	if c.file == nil || c.file.Adapter == nil || name == "" {
		return
	}
	a := c.file.Adapter
	op, ok := a.Operations[name]
	if !ok && s.When != nil && strings.Contains(s.When.Source(), "target.operations") {
		return // it asks itself what is offered
	}
	if !ok {
		at := n.Key(action)
		if name != action {
			at = n.Get(action).Key("discoverable")
		}
		c.fail(at, "it offers "+strings.Join(a.Offers(), ", "), "the adapter %q offers no %s", a.Name, name)
		return
	}
	if !op.PageOnly() || !c.options.WithoutPages || !c.lack(s, name) {
		c.checkOperationDriver(n.Key(action), a, name)
	}
	for _, m := range n.Get(action).Get("with").Sorted() {
		if _, ok := op.Args[m.Key.Value]; !ok {
			c.fail(m.Key, suggestOr(m.Key.Value, op.Args, "it takes none"), "%s of the adapter %q takes no argument %q", name, a.Name, m.Key.Value)
		}
	}
}

// expect finds expectations that contradict each other, that the step can never meet, or that nothing
// would look at.
func (c *stepChecker) expect(s *Step, action string, step *source.Node) {
	e, n := s.Expect, step.Get("expect")
	if s.Syncs() {
		c.expectOfProvider(action, n)
		return
	}
	if s.Signup != nil && c.file != nil && c.file.Adapter != nil && c.file.Adapter.Operations[OpSignup].With == OpRegister {
		c.fail(step.Key("expect"), "expect it of the register step: the account is made there",
			"nothing is sent by signup, so there is nothing to expect: with the adapter %q it comes with register", c.file.Adapter.Name)
		return
	}
	if e.Error != "" && e.Outcome != "" && e.Outcome != "refused" {
		c.fail(n.Key("error"), "an error is thrown by the client, which is outcome: refused", "error contradicts outcome: %s", e.Outcome)
	}
	if (e.Outcome == "refused" || e.Error != "") && action != "" && !isCeremony(action) && s.Page == nil {
		c.fail(n.Key(firstOf(n, "error", "outcome")), "only register, login, login-discoverable and page ask a client", "%s cannot be refused by the client", action)
	}
	if s.Page != nil && e.Outcome == "rejected" {
		c.fail(n.At("outcome"), "wait for what the page shows then, by wait-for or expect-text", "what a page shows is neither a yes nor a no by itself")
	}
	if s.Page != nil && n.Get("status") != nil {
		c.fail(n.Key("status"), "", "page sends no request of its own, so there is no status to expect")
	}
	if action != OpList && s.Passkeys == nil && action != "" {
		for _, name := range []string{"count", "names"} {
			if n.Get(name) != nil {
				c.fail(n.Key(name), "", "%s is for list and passkeys only", name)
			}
		}
	}
	if s.local() {
		c.expectLocally(s, action, n)
		return
	}
	if n.Get("user") != nil && action != "" && !tellsUser(action) {
		c.fail(n.Key("user"), "expect it of a whoami step after this one", "who is signed in is not asked after %s", action)
		return
	}
	if e.User != "" && c.file != nil && c.file.Adapter != nil && n.Get("user") != nil {
		if _, ok := c.file.Adapter.Operations[OpWhoami]; !ok {
			c.fail(n.Key("user"), "it offers "+strings.Join(c.file.Adapter.Offers(), ", "),
				"who is signed in cannot be told: the adapter %q offers no whoami", c.file.Adapter.Name)
		} else if action != OpWhoami { // where it is told already
			c.checkOperationDriver(n.Key("user"), c.file.Adapter, OpWhoami)
		}
	}
}

// tellsUser says whether whoami is asked after an action.
func tellsUser(action string) bool {
	return isCeremony(action) || action == OpSignup || action == OpLogout || action == OpWhoami || action == "page"
}

// local says whether the step sends nothing itself.
func (s *Step) local() bool {
	return s.Assert != nil || s.Set != nil || s.Device != nil || s.Passkeys != nil || s.Wait != nil && s.Wait.Request == nil
}

// expectLocally reports expectations of an answer or its time on a step that gets none.
func (c *stepChecker) expectLocally(s *Step, action string, n *source.Node) {
	for _, name := range []string{"outcome", "user", "status"} {
		if n.Get(name) != nil && (name != "outcome" || s.Expect.Outcome != "refused") {
			c.fail(n.Key(name), "", "%s sends no request, so there is no %s to expect", action, name)
		}
	}
	if n.Get("within") != nil {
		c.fail(n.Key("within"), "", "%s sends no request, so there is no time to measure", action)
	}
	if s.Passkeys != nil {
		return
	}
	for i, e := range s.Expect.That {
		if e != nil && e.e != nil && e.e.roots["result"] {
			c.fail(n.Get("that").Item(i), "", "%s sends no request, so there is no result to look at", action)
		}
	}
}

// firstOf is the first of the names that a mapping has.
func firstOf(n *source.Node, names ...string) string {
	for _, name := range names {
		if n.Get(name) != nil {
			return name
		}
	}
	return ""
}
