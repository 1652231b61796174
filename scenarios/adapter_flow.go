package scenarios

import (
	"maps"
	"slices"

	"github.com/passrig/passrig/internal/source"
)

// isCeremony says whether an operation gets options and sends a credential.
func isCeremony(op string) bool {
	return op == OpRegister || op == OpLogin || op == OpLoginDiscoverable
}

// checkCeremony checks that a ceremony has one request with the options and, after it, one with the
// credential. Several are fine when each has a condition: then they are alternatives.
func (c *adapterChecker) checkCeremony(name string, flow []flowStep, m source.Member) {
	var options, credential []int
	for i, f := range flow {
		if f.step.Options != nil {
			options = append(options, i)
		}
		if f.step.Credential != nil {
			credential = append(credential, i)
		}
	}
	if !isCeremony(name) {
		for _, i := range slices.Concat(options, credential) {
			c.fail(flow[i].node.Key(markOf(flow[i])), "only register, login and login-discoverable have one", "%s has no ceremony", name)
		}
		return
	}
	c.checkMarked(name, "options", flow, options, m)
	c.checkMarked(name, "credential", flow, credential, m)
	if len(options) > 0 && len(credential) > 0 && credential[0] < options[0] {
		c.fail(flow[credential[0]].node.Key("credential"), "", "the credential is sent before the options are there")
	}
}

func markOf(f flowStep) string {
	if f.step.Options != nil {
		return "options"
	}
	return "credential"
}

// checkMarked checks that one request has a mark, or several that are alternatives.
func (c *adapterChecker) checkMarked(name, mark string, flow []flowStep, marked []int, m source.Member) {
	if len(marked) == 0 && m.Value.Get("steps") != nil {
		hint := map[string]string{
			"options":    "mark the request whose answer holds the options, for example by options: body",
			"credential": "mark the request that carries the credential by credential: {}",
		}
		c.fail(m.Key, hint[mark], "no step of %s has %s", name, mark)
	}
	if len(marked) < 2 {
		return
	}
	for k, i := range marked {
		if k > 0 && (flow[i].step.When == nil || flow[marked[0]].step.When == nil) {
			c.fail(flow[i].node.Key(mark), "several are possible only as alternatives, each with when", "a second step of %s has %s", name, mark)
		}
	}
}

// checkResult checks that whoami and list say how their answer is read, and no other operation.
func (c *adapterChecker) checkResult(name string, op *Operation, m source.Member) {
	n := m.Value.Get("result")
	switch {
	case name == OpWhoami && !op.PageOnly() && (op.Result == nil || op.Result.User == nil):
		c.fail(m.Key, "add result: {user: an expression that gives it}", "whoami does not say who is signed in")
	case name == OpList && (op.Result == nil || op.Result.Entries == nil):
		c.fail(m.Key, "add result: {entries: an expression that gives them}", "list does not say where the passkeys are")
	case name != OpWhoami && name != OpList && op.Result != nil:
		c.fail(m.Value.Key("result"), "only whoami and list have one", "%s has no result", name)
	}
	if n == nil {
		return
	}
	for _, member := range n.Members {
		user := member.Key.Value == "user"
		if name == OpWhoami && !user {
			c.fail(member.Key, "whoami has result: user", "%q belongs to list", member.Key.Value)
		}
		if name == OpList && user {
			c.fail(member.Key, "", `"user" belongs to whoami`)
		}
	}
}

// checkFragments checks each fragment with what the operations that use it know.
func (c *adapterChecker) checkFragments() {
	users := map[string][]string{} // operations by fragment
	for _, name := range c.adapter.Offers() {
		c.eachFragment(c.adapter.Operations[name].Steps, nil, func(f string) { users[f] = append(users[f], name) })
	}
	for _, m := range c.root.Get("fragments").Sorted() {
		steps := c.adapter.Fragments[m.Key.Value]
		c.checkSteps(steps, m.Value, c.fragmentScope(users[m.Key.Value]))
		circular := false
		c.eachFragment(steps, nil, func(f string) { circular = circular || f == m.Key.Value })
		if circular {
			c.fail(m.Key, "", "the fragment %q uses itself", m.Key.Value)
		}
	}
}

// eachFragment visits the fragments that steps use, directly or through others.
func (c *adapterChecker) eachFragment(steps []HTTPStep, seen map[string]bool, visit func(string)) {
	if seen == nil {
		seen = map[string]bool{}
	}
	for _, s := range steps {
		if s.Use != "" && !seen[s.Use] {
			seen[s.Use] = true
			visit(s.Use)
			c.eachFragment(c.adapter.Fragments[s.Use], seen, visit)
		}
	}
}

// fragmentScope is what any of the operations knows. A fragment that none uses knows everything.
func (c *adapterChecker) fragmentScope(operations []string) *scope {
	args := only()
	args.hint = "declare it under the args of an operation that uses this fragment"
	if len(operations) == 0 {
		args = anything()
		operations = []string{OpRegister, OpRename}
	}
	names := map[string]namespace{}
	for _, op := range operations {
		args.members = slices.AppendSeq(args.members, maps.Keys(c.adapter.Operations[op].Args))
		maps.Copy(names, c.operationScope(op, args).names)
	}
	names["args"] = args
	return &scope{names: names, extra: c.base.extra}
}

// resolveSame gives operations that are the same as another one its steps and page.
func (c *adapterChecker) resolveSame() {
	for _, m := range c.root.Get("operations").Sorted() {
		op := c.adapter.Operations[m.Key.Value]
		if op.SameAs == "" {
			continue
		}
		at := m.Value.At("same-as")
		seen := []string{m.Key.Value}
		other := op
		for other.SameAs != "" {
			next, ok := c.adapter.Operations[other.SameAs]
			if !ok {
				c.fail(at, suggestOr(other.SameAs, c.adapter.Operations, ""), "the adapter has no %s operation", other.SameAs)
				break
			}
			if slices.Contains(seen, other.SameAs) {
				c.fail(at, "", "%s is the same as itself", m.Key.Value)
				break
			}
			seen = append(seen, other.SameAs)
			other = next
		}
		if other.SameAs == "" {
			op.Args, op.Steps, op.Result, op.Page, op.roots = other.Args, other.Steps, other.Result, other.Page, other.roots
			c.adapter.Operations[m.Key.Value] = op
		}
	}
}

// checkEntries checks that list gives what rename and delete need of it.
func (c *adapterChecker) checkEntries() {
	list, offered := c.adapter.Operations[OpList]
	for _, name := range []string{OpRename, OpDelete} {
		op, ok := c.adapter.Operations[name]
		if !ok || !op.Uses("entry") && (op.Page == nil || !op.Page.Uses("entry")) {
			continue
		}
		at := c.root.Get("operations").Key(name)
		if !offered {
			c.fail(at, "add a list operation, or use passkey, which is known without", "%s uses entry, but the adapter has no list operation", name)
		} else if list.Result != nil && list.Result.ID == nil && list.Result.Credential == nil && list.Result.Name == nil {
			c.fail(at, "add id, credential or name to list: result", "%s uses entry, but list does not tell entries apart", name)
		}
	}
}
