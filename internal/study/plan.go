package study

import (
	"fmt"
	"time"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// The defaults of a study.
const (
	DefaultAccounts  = 1000
	DefaultDevices   = 2
	DefaultEvents    = 10
	DefaultFor       = 24 * time.Hour
	DefaultPINErrors = 0.01

	defaultMedian = 3 * time.Second
	defaultP99    = time.Minute
)

// The limits of a study.
const (
	MaxDevices = 64            // of an account
	MaxEvents  = 1_000_000_000 // of all accounts
)

// DefaultDelay is what passkeys take when nobody says it. There is no published measurement: it is an assumption.
func DefaultDelay() fabric.Distribution { return fabric.LogNormal(defaultMedian, defaultP99) }

// Plan is a study whose every value is known.
type Plan struct {
	Accounts int64
	Devices  int           // of each account
	Events   int           // in each account
	For      time.Duration // virtual time in which the events happen

	PINErrors float64 // the share of PINs that are typed wrong, 0 to 1
	Offline   float64 // the share of its time that a device is offline, 0 to 1
	Mix       Mix

	Delay            fabric.Distribution
	Loss, Duplicates float64       // shares of deliveries, 0 to 1
	Retry            time.Duration // 0: the network's default

	Owners []Owner // whom the accounts are like, in turn

	Scenario   report.Scenario // the file
	Thresholds []Limit
}

// Owner is an account of the file, which the simulated ones are like.
type Owner struct {
	Name     string
	Type     string // "personal" or "work"
	Provider *providers.Provider
	PIN      string    // empty: one of its own for every account
	Devices  []Machine // which the simulated devices are like, in turn
}

// Machine is a device of the file.
type Machine struct {
	Name, OS, Client, Verification string
	Skew                           time.Duration // of its clock
	Save, Use                      providers.Eligibility
}

// Limit is a threshold of the file.
type Limit struct {
	Rule report.ThresholdRule
	File string
	Line int
}

// PlanError is a study that cannot be played.
type PlanError struct{ Problem, Advice string }

// Error implements error.
func (e *PlanError) Error() string { return e.Problem }

// Hint says what would be right.
func (e *PlanError) Hint() string { return e.Advice }

// Check says what keeps the plan from being played. The error is a [*PlanError].
func (p *Plan) Check() error {
	weights := 0
	for _, weight := range p.Mix {
		if weight < 0 {
			return &PlanError{"a weight of the study's mix is negative", "give kinds of events that are not to happen the weight 0"}
		}
		weights += weight
	}
	switch {
	case p.Accounts < 1:
		return &PlanError{fmt.Sprintf("%d accounts: nobody to study", p.Accounts), "ask for 1 or more"}
	case p.Devices < 1 || p.Devices > MaxDevices:
		return &PlanError{fmt.Sprintf("%d devices for each account", p.Devices), fmt.Sprintf("ask for 1 to %d", MaxDevices)}
	case p.Events < 1:
		return &PlanError{fmt.Sprintf("%d events in each account: nothing to study", p.Events), "ask for 1 or more"}
	case p.Accounts > MaxEvents/int64(p.Events):
		return p.tooLong()
	case p.For <= 0:
		return &PlanError{fmt.Sprintf("virtual time of %s", p.For), "ask for more than 0s, such as 24h"}
	case weights == 0:
		return &PlanError{"every weight of the study's mix is 0: nothing to do", "give at least one kind of event a weight"}
	case len(p.Owners) == 0:
		return &PlanError{"the file has no account whose passkeys travel", "give an account a provider that syncs: passrig list providers"}
	}
	return nil
}

// pace is how many events of the default mix are played in a second of one processor.
const pace = 10_000

// tooLong says how long the study would take.
func (p *Plan) tooLong() error {
	events := float64(p.Accounts) * float64(p.Events)
	return &PlanError{
		fmt.Sprintf("%d accounts with %d events each are %.3g events, more than %d", p.Accounts, p.Events, events, MaxEvents),
		fmt.Sprintf("ask for %d accounts or fewer: all of them would take some %.0f hours of a processor, and percentiles are sharp with 100000",
			MaxEvents/int64(p.Events), events/pace/3600),
	}
}
