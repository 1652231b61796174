package scenarios

import (
	"slices"

	"github.com/passrig/passrig/internal/source"
)

const browserHint = "run it with --driver browser"

// needsBrowser reports what cannot be done without the relying party's pages, if the file is to run so.
func (l *loader) needsBrowser(n *source.Node, format string, args ...any) {
	if l.options.WithoutPages {
		l.fail(n, browserHint, format, args...)
	}
}

// checkDeviceStep checks what is changed about a device.
func (c *stepChecker) checkDeviceStep(s *DeviceStep, n *source.Node) {
	changes := []string{"present", "think-time", "autofill", "verified", "answers"}
	if n.Kind == source.Map && firstOf(n, changes...) == "" {
		c.fail(n.Key("on"), "give one of present, verified, think-time, autofill, answers", "nothing is changed")
	}
	if n.Get("autofill") != nil {
		c.needsBrowser(n.Key("autofill"), "autofill is about forms on pages")
	}
	if c.file == nil {
		return
	}
	account, name, ok := c.file.Device(s.On, "")
	if !ok {
		return // reported as a reference
	}
	d := c.file.Accounts[account].Devices[name]
	if d.usesChrome() {
		return
	}
	if n.Get("verified") != nil {
		c.fail(n.Key("verified"), "give the device chrome: [{}], or authenticator: {user-verification: never} from the start", "passrig's authenticator cannot change how it verifies its user")
	}
	if n.Get("answers") != nil {
		c.fail(n.Key("answers"), "give the device chrome: [{}]", "only Chrome's authenticators give wrong answers in a scenario")
	}
}

// checkChromeUse reports what a step asks of Chrome's authenticators that they cannot do.
func (c *stepChecker) checkChromeUse(s *Step, action string, n *source.Node) {
	at := n.Get(action)
	if c.file == nil || !isCeremony(action) || at.Get("ignore-allow-list") == nil && at.Get("tamper") == nil {
		return
	}
	account, name, ok := c.file.Device(at.Get("on").Text(), at.Get("user").Text())
	if d := c.file.Accounts[account].Devices[name]; !ok || !d.usesChrome() {
		return
	}
	if s.Login != nil && s.Login.IgnoreAllowList {
		c.fail(at.Key("ignore-allow-list"), "leave it out, or give the device no chrome", "Chrome asks its authenticators only for passkeys that the relying party lists")
	}
	if at.Get("tamper") != nil {
		c.fail(at.Key("tamper"), "leave it out, or give the device no chrome", "Chrome's authenticators sign with keys of their own, and only what Chrome gives them")
	}
}

// checkPagesStep checks page steps of the scenario itself.
func (c *stepChecker) checkPagesStep(p *Page, key, n *source.Node) {
	c.needsBrowser(key, "page steps need the relying party's pages")
	c.checkPageSteps(p, p.Steps, n)
}

// checkOperationDriver reports an operation that is done on the page only.
func (l *loader) checkOperationDriver(at *source.Node, adapter *Adapter, name string) {
	if op := adapter.Operations[name]; op.PageOnly() {
		l.needsBrowser(at, "the adapter %q does %s on its page only", adapter.Name, name)
	}
}

// saves are the variables that page steps make.
func (p *Page) saves() []string {
	if p == nil {
		return nil
	}
	var names []string
	for i := range p.Steps {
		if e := p.Steps[i].Evaluate; e != nil && e.Save != "" {
			names = append(names, e.Save)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
