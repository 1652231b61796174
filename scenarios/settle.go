package scenarios

import (
	"slices"

	"github.com/passrig/passrig/internal/source"
)

// settleAccounts evaluates what has to be known of accounts and devices before anything runs: who may be asked to keep a
// passkey depends on it. Only params are known by then.
func (c *fileChecker) settleAccounts() {
	params := make(map[string]any, len(c.file.Params))
	for name, p := range c.file.Params {
		if p.Default == nil {
			continue // reported, or not given yet
		}
		if v, err := p.Default.Eval(Env{}); err == nil {
			params[name] = v
		}
	}
	env := Env{"params": params}
	for name, account := range c.file.Accounts {
		n := c.root.At("accounts", name)
		account.Provider = c.settle(account.GivenProvider, env, n.Get("provider"))
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

// settle is the value of a text that can hold params. It is empty when it cannot be told, which is a mistake unless
// values of params are still to come.
func (c *fileChecker) settle(t Text, env Env, n *source.Node) string {
	value, err := t.String(env)
	if err != nil && !c.options.Partial {
		c.fail(n, "it has to be known when the file is read: use params that have a value of their own", "%v", err)
	}
	return value
}
