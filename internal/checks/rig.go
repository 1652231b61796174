package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

const (
	opRegister = scenarios.OpRegister
	opLogin    = scenarios.OpLogin

	// keysPerUser is how many passkeys a user collects before another one takes over: relying parties may
	// limit them, and lists of hundreds are slow.
	keysPerUser = 8
	// patience is how long all checks together wait for a relying party that limits their rate.
	patience = 20 * time.Second
)

// subject is the relying party under test, as all rigs share it.
type subject struct {
	cfg   *Config
	party *rp.Party

	mu      sync.Mutex
	users   int // how many were made
	devices int
	waited  time.Duration
	next    time.Time // when the next ceremony may begin
	trouble error     // why no check can be performed any more
	oneKey  bool      // a user can register but one passkey
}

// Rig is what one check is performed with: users, their devices and sessions at the relying party, and the notes of
// what was done. It is used from one goroutine, unless a method says otherwise.
type Rig struct {
	*subject
	user  *User // the one that checks of this worker share
	other *User

	check *Check
	cases []report.CheckCase
	seen  any

	beyond bool        // the check wanted what a page cannot do, and is over
	busy   *rp.Session // whose page is in the middle of an operation

	// What checks of options have looked at already.
	guest *User
	views []*view
	draws []draw
}

// See keeps what a check looked at that is no ceremony.
func (r *Rig) See(what any) { r.seen = what }

// Profile is what the target declares, completed by what its options tell.
func (r *Rig) Profile() Profile { return r.cfg.Profile }

// Offers reports whether the adapter has an operation.
func (r *Rig) Offers(operation string) bool { return r.party.Offers(operation) }

// Origin is the origin that the client claims.
func (r *Rig) Origin() string { return r.party.Origin() }

// loginOperation is the adapter's login, username-first if it has that.
func (r *Rig) loginOperation() string {
	if r.Offers(opLogin) {
		return opLogin
	}
	return scenarios.OpLoginDiscoverable
}

// NewSession is a browser without cookies.
func (r *Rig) NewSession() *rp.Session { return r.party.NewSession() }

// Do performs an operation, at the pace that was asked for.
func (r *Rig) Do(ctx context.Context, operation string, s *rp.Session, in rp.Input) *rp.Result {
	if err := r.pace(ctx); err != nil {
		return &rp.Result{
			Operation: operation, Outcome: rp.OutcomeError, Reason: "interrupted",
			Fault: &rp.Fault{Kind: rp.FaultInterrupted, Sentence: "the checks were interrupted", Err: err},
		}
	}
	if !r.byPage(operation) {
		return r.cfg.Driver.Do(ctx, operation, s, in)
	}
	if in.NoOptions || in.Rewrite != nil || in.Args != nil || r.busy == s {
		r.beyond = true
	}
	if r.beyond {
		return &rp.Result{Operation: operation, Outcome: rp.OutcomeError, Reason: beyondPage, Fault: &rp.Fault{Kind: rp.FaultPage, Sentence: beyondPage}}
	}
	ctx, cancel := context.WithTimeout(ctx, limitPerCheck)
	defer cancel()
	before := r.busy
	r.busy = s
	defer func() { r.busy = before }()
	return r.cfg.Driver.Do(ctx, operation, s, in)
}

// beyondPage is why a check is not performed where the page makes the requests: it leaves one out, changes one, or
// sends one in the middle of a ceremony.
const beyondPage = "not run: it needs the api driver, because a page makes its requests itself"

// byPage reports whether an operation is done by page steps.
func (r *Rig) byPage(operation string) bool {
	return r.cfg.Where == Browser && r.party.Adapter().Operations[operation].Page != nil
}

// pace waits until the next request may be sent.
func (r *Rig) pace(ctx context.Context) error {
	if r.cfg.Pace <= 0 {
		return ctx.Err()
	}
	r.mu.Lock()
	now := r.cfg.Clock()
	at := r.next
	if at.Before(now) {
		at = now
	}
	r.next = at.Add(r.cfg.Pace)
	r.mu.Unlock()
	return sleep(ctx, at.Sub(now))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// errOnlyOptions ends a ceremony after its options.
var errOnlyOptions = errors.New("only the options were wanted")

// Options asks for a ceremony's options and goes no further. Without options the error says why.
func (r *Rig) Options(ctx context.Context, operation string, s *rp.Session, u *User) (map[string]any, *rp.Result, error) {
	return r.OptionsWith(ctx, operation, s, rp.Input{User: u.User, SignedIn: r.signedIn(u, s)})
}

// OptionsWith is Options with an input of its own.
func (r *Rig) OptionsWith(ctx context.Context, operation string, s *rp.Session, in rp.Input) (map[string]any, *rp.Result, error) {
	in.OptionsOnly = true
	in.Authenticate = func(context.Context, rp.Ceremony) (json.RawMessage, error) { return nil, errOnlyOptions } // for a page
	result := r.Do(ctx, operation, s, in)
	for limited(result) && r.wait(ctx, result) {
		result = r.Do(ctx, operation, s, in)
	}
	if result.Outcome != rp.OutcomeRefused || len(result.Options) == 0 { // a page's client refuses in words of its own
		return nil, result, fmt.Errorf("%s gave no options: %s", operation, result.Reason)
	}
	var options map[string]any
	err := json.Unmarshal(result.Options, &options)
	return options, result, err
}

// Whoami is who the relying party says is signed in: an identity as in [User.Identity], "" for nobody. known is false
// if the adapter has no whoami, or its answer said nothing, or only that somebody is signed in.
func (r *Rig) Whoami(ctx context.Context, s *rp.Session) (who string, known bool, result *rp.Result) {
	if !r.Offers(scenarios.OpWhoami) {
		return "", false, nil
	}
	result = r.Do(ctx, scenarios.OpWhoami, s, rp.Input{})
	switch result.Outcome {
	case rp.OutcomeAccepted:
		return result.User, !result.Somebody, result
	case rp.OutcomeRejected:
		return "", !limited(result), result
	case rp.OutcomeRefused, rp.OutcomeError:
	}
	return "", false, result
}

// limited reports whether an answer only says that too much was asked.
func limited(result *rp.Result) bool {
	return result != nil && (result.Status == http.StatusTooManyRequests || result.Status == http.StatusServiceUnavailable)
}

// device makes a device that nobody has used. change may be nil.
func (r *Rig) device(purpose string, change func(*virtual.Config)) (*virtual.SoftwareDevice, error) {
	cfg := virtual.Config{
		Algorithms: []string{"ES256", "EdDSA", "RS256"}, UserVerification: virtual.VerificationWhenAsked, BackupEligible: true, BackedUp: true,
		FullSignatures: true, // what is legal must not fail by chance: auth-sig-short is about the others
		Random:         r.random(purpose), Clock: r.cfg.Clock,
	}
	if change != nil {
		change(&cfg)
	}
	return virtual.NewSoftwareDevice(cfg)
}

// random is a stream of random bytes for one purpose, different in every run unless the seed is given.
func (r *Rig) random(purpose string) *rand.ChaCha8 {
	return rand.NewChaCha8(derive(r.cfg.Seed, purpose))
}
