package scenarios

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// AtProvider is what [Rename.At] and [Delete.At] say of a change that is not one at the RP.
const AtProvider = "provider"

// atProvider says whether the step changes a passkey at its provider, and not at the RP.
func (s *Step) atProvider() bool {
	return s.Rename != nil && s.Rename.At == AtProvider || s.Delete != nil && s.Delete.At == AtProvider
}

// Syncs says whether the step is about a passkey's provider, or a device's connection with it, and sends the relying
// party nothing.
func (s *Step) Syncs() bool {
	return s.atProvider() || s.Sync != nil || s.Unlock != nil || s.EnrolDevice != nil || s.RevokeDevice != nil ||
		s.SignOut != nil || s.GoOffline != nil || s.GoOnline != nil || s.Wipe != nil || s.Policy != nil || s.ResetPIN != nil ||
		s.RotateKeys != nil || s.Restore != nil || s.Signal != nil || s.Export != nil || s.Import != nil || s.Fabric != nil
}

// Syncs says whether passkeys travel in the scenario: it has a sync section, or a step that [Step.Syncs], in what it
// repeats and includes, too.
func (f *File) Syncs() bool {
	if f.Sync != nil {
		return true
	}
	for s := range every(f.Steps) {
		if s.Syncs() {
			return true
		}
	}
	return false
}

// every is all steps, with those that are repeated and included.
func every(steps []Step) iter.Seq[*Step] {
	return func(yield func(*Step) bool) {
		visit(steps, yield)
	}
}

func visit(steps []Step, yield func(*Step) bool) bool {
	for i := range steps {
		s := &steps[i]
		if !yield(s) || s.Repeat != nil && !visit(s.Repeat.Steps, yield) || s.Include != nil && !visit(s.Include.Steps, yield) {
			return false
		}
	}
	return true
}

// checkSync finds what is wrong with the sync section beyond its shape.
func (c *fileChecker) checkSync() {
	s, n := c.file.Sync, c.root.Get("sync")
	if s == nil || n.Kind != source.Map {
		return
	}
	c.compile(s, n, c.base.narrow("users", "vars", "steps"))
	values := &valueChecker{static: true}
	values.checkSync(s)
	for _, p := range values.problems {
		c.fail(p.at, p.hint, "%s", p.message)
	}
	if c.file.Load != nil {
		c.fail(c.root.Key("sync"), "leave it out: every device of a user of a load has the user's passkey", "no passkeys travel in a load")
	}
	if s.Delay != nil || s.Study != nil {
		return
	}
	for _, name := range []string{"loss", "duplicates", "retry"} {
		if n.Get(name) != nil {
			c.fail(n.Key(name), "add delay, such as delay: 2s", "without a delay passkeys travel at sync steps only, where nothing is lost or doubled")
		}
	}
}

// checkSyncStep finds what is wrong with a step that is about the provider. key is the action's node, n its value.
func (c *stepChecker) checkSyncStep(s *Step, key, n *source.Node) {
	switch {
	case s.Sync != nil && s.Sync.Account != "":
		c.checkOwner(s.Sync, n)
	case s.EnrolDevice != nil:
		c.sameAccount(s.EnrolDevice.On, s.EnrolDevice.ApprovedBy, n.Get("approved-by"))
	case s.RevokeDevice != nil:
		c.sameAccount(s.RevokeDevice.On, s.RevokeDevice.By, n.Get("by"))
	case s.Signal != nil && n.Get("display-name") != nil && firstOf(n, "unknown", "accepted") != "" && s.Signal.Name.IsZero():
		c.fail(n.Key("display-name"), "a page signals them in one call", "display-name goes with name only")
	case s.Export != nil && s.Export.As != "":
		c.export(s.Export.As, n.Get("as"))
	case s.Import != nil && s.Import.From != "":
		c.imported(s.Import.From, n.Get("from"))
	case s.Fabric != nil:
		c.fabric(s.Fabric, n)
	case s.atProvider():
		c.checkAtProvider(key, n)
	}
}

// checkOwner reports a device that is not one of the account.
func (c *stepChecker) checkOwner(s *SyncStep, n *source.Node) {
	if c.file == nil {
		return
	}
	account, known := c.file.Accounts[s.Account]
	owner, device, ok := c.file.Device(s.To, s.Account)
	if !ok || !known || owner == s.Account {
		return // or reported as a reference
	}
	hint := "write account: " + owner
	if _, has := account.Devices[device]; !has && len(account.Devices) > 0 {
		hint += fmt.Sprintf(", or a device of %s: %s", s.Account, strings.Join(slices.Sorted(maps.Keys(account.Devices)), ", "))
	}
	c.fail(n.Get("to"), hint, "%q is a device of %q, not of %q", s.To, owner, s.Account)
}

// sameAccount reports a second device that is not one of the first one's account.
func (c *stepChecker) sameAccount(first, second string, n *source.Node) {
	if c.file == nil || second == "" {
		return
	}
	account, device, ok := c.file.Device(first, "")
	owner, other, both := c.file.Device(second, "")
	switch {
	case !ok || !both: // reported as references
	case account != owner:
		c.fail(n, c.file.othersOf(account, device), "%q is a device of %q, and %q is one of %q", second, owner, first, account)
	case device == other:
		c.fail(n, c.file.othersOf(account, device), "%q is the device itself", second)
	}
}

// othersOf is a hint with an account's devices but one, as they can be written.
func (f *File) othersOf(account, device string) string {
	var others []string
	for _, name := range slices.Sorted(maps.Keys(f.Accounts[account].Devices)) {
		if name == device {
			continue
		}
		if _, _, unique := f.Device(name, ""); !unique {
			name = account + "/" + name
		}
		others = append(others, name)
	}
	if len(others) == 0 {
		return fmt.Sprintf("give %s a second device", account)
	}
	return "write " + strings.Join(others, " or ")
}

// export notes the name of what is exported.
func (c *stepChecker) export(name string, n *source.Node) {
	at := posOf(n)
	if first, ok := c.defined.exported[name]; ok && first != at { // a step list may be included twice
		c.fail(n, "give it another name", "%q is already what another step exports, at %s", name, first)
		return
	}
	c.defined.exported[name] = at
}

// imported reports a name that no earlier step gave what it exported.
func (c *stepChecker) imported(name string, n *source.Node) {
	if _, ok := c.defined.exported[name]; ok || c.alone {
		return
	}
	hint := "export it in an earlier step, with as: " + name
	if near := diag.Nearest(name, slices.Collect(maps.Keys(c.defined.exported))); near != "" {
		hint = diag.Suggest(name, []string{near})
	}
	c.fail(n, hint, "no earlier step exports anything as %q", name)
}

// fabric checks that what is gone back to was copied before.
func (c *stepChecker) fabric(f *FabricStep, n *source.Node) {
	switch f.Do {
	case "snapshot":
		c.defined.copied = append(c.defined.copied, f.Account)
	case "restore":
		if f.Account != "" && !c.alone && !slices.Contains(c.defined.copied, f.Account) {
			c.fail(n.Get("do"), fmt.Sprintf("add fabric: {account: %s, do: snapshot} before it", f.Account), "there is no earlier copy of the state to go back to")
		}
	}
}

// checkAtProvider checks the members of a rename or delete at the provider.
func (c *stepChecker) checkAtProvider(key, n *source.Node) {
	if n.Get("on") == nil {
		c.fail(key, "add on: the device on which the person does that", "what is done at the provider is done on a device")
	}
	if n.Get("with") != nil {
		c.fail(n.Key("with"), "leave it out", "with is for the adapter's operation, and the provider is not asked by one")
	}
}

// expectOfProvider reports what cannot be expected of a step that sends the relying party nothing.
func (c *stepChecker) expectOfProvider(action string, n *source.Node) {
	hints := map[string]string{
		"error":  "write outcome: refused, and look at result.reason under that",
		"user":   "expect it of a login or whoami step after this one",
		"status": "look at result under that",
		"count":  "expect it of a passkeys step after this one",
		"names":  "expect it of a passkeys step after this one",
	}
	for _, name := range slices.Sorted(maps.Keys(hints)) {
		if n.Get(name) == nil {
			continue
		}
		what := action
		if action == OpRename || action == OpDelete {
			what += " at the provider"
		}
		c.fail(n.Key(name), hints[name], "%s asks no client or relying party, so %s cannot be expected of it", what, name)
	}
}
