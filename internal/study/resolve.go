package study

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// Wishes are what the command line wants instead of what the file says; 0 leaves it to the file.
type Wishes struct {
	Accounts        int64
	Devices, Events int
	For             time.Duration
}

// Source is where a plan comes from.
type Source struct {
	File      *scenarios.File
	Env       scenarios.Env // what expressions of the file see
	Catalogue *providers.Catalogue
	ReadFile  func(string) ([]byte, error) // for a file of measured delays
	Wishes    Wishes
	Scenario  report.Scenario
}

// Resolve makes the plan of a file's study: expressions evaluated, defaults filled in. Errors have the place of what came
// out wrong, or are a [*PlanError] or a [*fabric.SampleError].
func Resolve(from Source) (*Plan, error) {
	travel, err := from.File.SyncPlan(from.Env)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Scenario: from.Scenario, Loss: travel.Loss, Duplicates: travel.Duplicates, Retry: travel.Retry}
	if plan.Delay = DefaultDelay(); travel.Delay != nil {
		if plan.Delay, err = fabric.Delay(*travel.Delay).Distribution(from.ReadFile); err != nil {
			return nil, fmt.Errorf("%s: sync.delay: %w", from.File.Sync.Delay.Pos, err)
		}
	}
	if plan.Owners, err = from.owners(); err != nil {
		return nil, err
	}
	if err := plan.fill(from.File.Sync, from.Env); err != nil {
		return nil, err
	}
	from.Wishes.apply(plan)
	for _, t := range from.File.Thresholds {
		rule, err := t.Rule()
		if err != nil {
			return nil, err
		}
		plan.Thresholds = append(plan.Thresholds, Limit{Rule: rule, File: t.Pos.File, Line: t.Pos.Line})
	}
	return plan, plan.Check()
}

// apply puts what is wished in place of what the file says.
func (w Wishes) apply(p *Plan) {
	p.Accounts = cmp.Or(w.Accounts, p.Accounts)
	p.Devices = cmp.Or(w.Devices, p.Devices)
	p.Events = cmp.Or(w.Events, p.Events)
	p.For = cmp.Or(w.For, p.For)
}

// valued is a member of a file that may be an expression.
type valued[T any] interface {
	IsZero() bool
	Value(env scenarios.Env) (T, error)
}

// given is a member's value, or the default when it was not given; an error is added to errs.
func given[T any](member valued[T], env scenarios.Env, otherwise T, errs *error) T {
	if member.IsZero() {
		return otherwise
	}
	value, err := member.Value(env)
	*errs = errors.Join(*errs, err)
	return value
}

func (p *Plan) fill(section *scenarios.SyncSection, env scenarios.Env) (err error) {
	study := &scenarios.Study{}
	if section != nil && section.Study != nil {
		study = section.Study
	}
	p.Accounts = int64(given(study.Accounts, env, DefaultAccounts, &err))
	p.Devices = given(study.Devices, env, max(DefaultDevices, p.mostDevices()), &err)
	p.Events = given(study.Events, env, DefaultEvents, &err)
	p.For = given(study.For, env, DefaultFor, &err)
	p.PINErrors = given(study.PINErrors, env, DefaultPINErrors, &err)
	p.Offline = given(study.Offline, env, 0, &err)
	p.Mix = DefaultMix()
	if len(study.Mix) > 0 {
		p.Mix = Mix{}
		for k, name := range Kinds() {
			p.Mix[k] = given(study.Mix[name], env, 0, &err)
		}
	}
	return err
}

// mostDevices is the most devices that an account of the file has.
func (p *Plan) mostDevices() int {
	most := 0
	for _, o := range p.Owners {
		most = max(most, len(o.Devices))
	}
	return most
}

// owners are the file's accounts whose passkeys travel, by name.
func (s *Source) owners() ([]Owner, error) {
	var owners []Owner
	for _, name := range slices.Sorted(maps.Keys(s.File.Accounts)) {
		account := s.File.Accounts[name]
		provider, err := s.Catalogue.Find(account.Provider)
		if err != nil {
			return nil, err
		}
		if provider.Sync == nil {
			continue
		}
		owner := Owner{Name: name, Type: cmp.Or(account.Type, "personal"), Provider: provider}
		if owner.PIN, err = account.PIN.String(s.Env); err != nil {
			return nil, err
		}
		for _, device := range slices.Sorted(maps.Keys(account.Devices)) {
			m, err := s.machine(&account, provider, device)
			if err != nil {
				return nil, err
			}
			owner.Devices = append(owner.Devices, m)
		}
		if len(owner.Devices) == 0 {
			owner.Devices = []Machine{newMachine("device", &account, scenarios.Device{}, provider)}
		}
		owners = append(owners, owner)
	}
	return owners, nil
}

func (s *Source) machine(account *scenarios.Account, provider *providers.Provider, name string) (Machine, error) {
	device := account.Devices[name]
	m := newMachine(name, account, device, provider)
	var err error
	m.Skew, err = device.ClockSkew.Value(s.Env)
	return m, err
}

func newMachine(name string, account *scenarios.Account, device scenarios.Device, provider *providers.Provider) Machine {
	circumstances := providers.Circumstances{
		AccountType: account.Type, OS: providers.ParseRelease(device.OS), Client: providers.ParseRelease(device.Client),
		Policies: account.Policies, Verification: device.Verification,
	}
	return Machine{
		Name: name, OS: device.OS, Client: device.Client, Verification: device.Verification,
		Save: provider.Eligible(providers.Save, circumstances), Use: provider.Eligible(providers.Use, circumstances),
	}
}
