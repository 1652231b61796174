package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// CheckProviders finds what a file asks of its accounts' providers that they do not know or do: policies, PINs, and steps
// for passkeys that stay where they are. Steps that run only when something holds are left to the run. Env is what
// expressions see before the first step. The error lists all mistakes with their places.
func CheckProviders(file *scenarios.File, catalogue *providers.Catalogue, env scenarios.Env) error {
	c := &providerCheck{file: file, catalogue: catalogue, found: make(map[string]*providers.Provider)}
	for _, name := range slices.Sorted(maps.Keys(file.Accounts)) {
		if err := c.account(name, env); err != nil {
			return fmt.Errorf("%s: account %q: %w", file.Accounts[name].Pos, name, err)
		}
	}
	c.steps(file.Steps)
	return c.mistakes.Err()
}

type providerCheck struct {
	file      *scenarios.File
	catalogue *providers.Catalogue
	found     map[string]*providers.Provider // by account
	mistakes  scenarios.Mistakes
}

func (c *providerCheck) account(name string, env scenarios.Env) error {
	spec := c.file.Accounts[name]
	provider, err := c.catalogue.Find(spec.Provider)
	if err != nil {
		return err
	}
	c.found[name] = provider
	c.policies(name, spec.Policies, spec.Pos)
	pin, err := spec.PIN.String(env)
	if err != nil {
		return fmt.Errorf("pin: %w", err)
	}
	if rules := provider.Unlock; pin != "" && provider.Sync != nil && rules.Method != providers.UnlockDeviceApproval {
		if err := fabric.CheckPIN(pin, rules.PIN); err != nil {
			c.mistakes.Add(spec.PIN.Pos(), hintIn(err), "%s cannot have this PIN at %s: %v", name, provider.Title, err)
		}
	}
	return nil
}

func (c *providerCheck) policies(account string, set map[string]string, at scenarios.Pos) {
	provider := c.found[account]
	if provider == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if err := knowsPolicy(c.catalogue, provider, name); err != nil {
			c.mistakes.Add(at, hintIn(err), "%v", err)
		}
	}
}

// steps finds the mistakes of steps that run in any case.
func (c *providerCheck) steps(steps []scenarios.Step) {
	for i := range steps {
		s := &steps[i]
		if s.When != nil {
			continue
		}
		c.steps(inside(s))
		if s.Policy != nil {
			c.policies(s.Policy.Account, s.Policy.Set, s.Pos)
		}
		for _, account := range c.traveling(s) {
			if provider := c.found[account]; provider != nil && provider.Sync == nil {
				err := staysPut(account, provider)
				c.mistakes.Add(s.Pos, err.hint, "%s: %v", s.Action(), err)
			}
		}
	}
}

// traveling are the accounts of which a step needs that their passkeys travel.
func (c *providerCheck) traveling(s *scenarios.Step) []string {
	var devices []string
	owner := ""
	switch {
	case s.Wipe != nil && s.Wipe.On == "":
		return []string{s.Wipe.Account}
	case s.Fabric != nil:
		return []string{s.Fabric.Account}
	case s.Sync != nil:
		devices, owner = []string{s.Sync.To}, s.Sync.Account
	case s.EnrolDevice != nil:
		devices = []string{s.EnrolDevice.On, s.EnrolDevice.ApprovedBy}
	case s.RevokeDevice != nil:
		devices = []string{s.RevokeDevice.On, s.RevokeDevice.By}
	case s.Unlock != nil, s.SignOut != nil, s.GoOffline != nil, s.GoOnline != nil, s.Wipe != nil, s.ResetPIN != nil, s.RotateKeys != nil, s.Restore != nil:
		_, on := whereAtProvider(s)
		devices = []string{on}
	}
	var accounts []string
	for _, ref := range devices {
		if account, _, ok := c.file.Device(ref, owner); ok && !slices.Contains(accounts, account) {
			accounts = append(accounts, account)
		}
	}
	return accounts
}

// advised is an error that says what to do about it.
type advised struct{ text, hint string }

// Error implements error.
func (e *advised) Error() string { return e.text }

// Hint is what to do.
func (e *advised) Hint() string { return e.hint }

// staysPut is the mistake of a step for which an account's passkeys have to travel.
func staysPut(account string, provider *providers.Provider) *advised {
	return &advised{
		fmt.Sprintf("the passkeys of %s's account stay on its devices: %s does not sync", account, provider),
		fmt.Sprintf("leave the step out, or give %s a provider whose passkeys travel: passrig list providers", account),
	}
}

// knowsPolicy returns an [*advised] for a policy that no rule of the provider asks for, in any of its versions.
func knowsPolicy(catalogue *providers.Catalogue, provider *providers.Provider, name string) error {
	var short, known []string
	for _, p := range catalogue.Versions(provider.Name) {
		for _, rule := range slices.Concat(p.Save, p.Use) {
			if rule.Policy != nil {
				short, known = append(short, rule.Policy.Short), append(known, rule.Policy.Name, rule.Policy.Short)
			}
		}
	}
	if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
		return nil
	}
	if len(known) == 0 {
		return &advised{fmt.Sprintf("unknown policy %q: %s asks for none", name, provider.Title), "leave it out: it would change nothing"}
	}
	hint := scenarios.Suggest(name, known)
	if !strings.HasPrefix(hint, "did you mean") {
		hint = scenarios.Suggest(name, short)
	}
	return &advised{fmt.Sprintf("unknown policy %q: no rule of %s asks for it", name, provider.Title), hint}
}
