package scenarios

import (
	"slices"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// settleAccounts evaluates what has to be known of accounts and devices before anything runs: who may be asked to keep a
// passkey depends on it. Only params are known by then.
func (c *fileChecker) settleAccounts() {
	env := Env{"params": c.file.paramValues()}
	for name, account := range c.file.Accounts {
		n := c.root.At("accounts", name)
		account.Provider = c.settle(account.GivenProvider, env, n.Get("provider"))
		account.Type = c.settle(account.GivenType, env, n.Get("type"))
		_, literal := account.GivenType.literal()
		if kinds := accountTypes(); account.Type != "" && !literal && !slices.Contains(kinds, account.Type) {
			c.fail(n.Get("type"), diag.Suggest(account.Type, kinds), "unknown value %q", account.Type)
		}
		for name, device := range account.Devices {
			at := n.At("devices", name)
			device.OS = c.settle(device.GivenOS, env, at.Get("os"))
			device.Client = c.settle(device.GivenClient, env, at.Get("client"))
			account.Devices[name] = device
		}
		c.file.Accounts[name] = account
		if known := c.options.Providers; account.Provider != "" && known != nil && !slices.Contains(known, account.Provider) {
			c.fail(n.Get("provider"), suggestProvider(account.Provider, known), "unknown provider %q", account.Provider)
		}
	}
}

// accountTypes are those that an account can have.
func accountTypes() []string { return []string{"personal", "work"} }

// settle is the value of a text that can hold params. It is empty when it cannot be told, which is a mistake unless
// values of params are still to come.
func (c *fileChecker) settle(t Text, env Env, n *source.Node) string {
	value, err := t.String(env)
	if err != nil && !c.options.Partial {
		c.fail(n, "it has to be known when the file is read: use params that have a value of their own", "%v", err)
	}
	return value
}
