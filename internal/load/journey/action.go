package journey

import (
	"time"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/forge"
)

// action is one step of a journey.
type action struct {
	plan    *rp.Plan // nil: a wait
	number  int      // of the operation
	think   time.Duration
	timeout time.Duration

	device  int // the session of the named device; noDevice if none is named
	session int // register: the session of another device; noDevice if none is named
	keep    bool
	tamper  []forge.Change
	ignore  bool // allowCredentials
	expect  expectation
	alone   bool          // a request in no session
	env     scenarios.Env // what it sees beside users and vars

	follows bool // only done if the action before it was as expected: it belongs to the same step
	always  bool
	goOn    bool // after it was not as expected
}

// noDevice is the session of a browser of no device.
const noDevice = 0

// expectation is what a step has to bring about.
type expectation struct {
	outcome ledger.Class // Accepted, Rejected or Refused
	name    string       // of the exception the client refuses with; empty: any
	status  int          // 0: any
	user    who
}

// who is whom whoami has to name.
type who int

// The expectations.
const (
	anybody who = iota // not looked at
	thisUser
	nobody
)

func (a *action) registers() bool { return a.plan.Operation == scenarios.OpRegister }

func (a *action) signsIn() bool {
	return a.plan.Operation == scenarios.OpLogin || a.plan.Operation == scenarios.OpLoginDiscoverable
}
