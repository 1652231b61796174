package checks

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// User is a user at the relying party whose legal registration and login have worked.
type User struct {
	rp.User
	Identity string      // what whoami calls them
	Session  *rp.Session // signed in
	Passkeys []*Passkey  // those that were registered legally, in order

	proven map[string]bool // operations whose last ceremony was legal and worked, with nothing hostile since
}

// Passkey is a registered passkey on its device.
type Passkey struct {
	Device *virtual.SoftwareDevice
	ID     []byte
}

// IDText is the credential id in base64url.
func (k *Passkey) IDText() string { return base64.RawURLEncoding.EncodeToString(k.ID) }

// Passkey is the user's first passkey.
func (u *User) Passkey() *Passkey { return u.Passkeys[0] }

// spoil notes that something hostile was done to the user.
func (u *User) spoil() { clear(u.proven) }

// User is the user that checks share.
func (r *Rig) User(ctx context.Context) (*User, error) {
	if r.user == nil {
		u, err := r.NewUser(ctx)
		if err != nil {
			return nil, err
		}
		r.user = u
	}
	return r.user, nil
}

// Other is a second user, somebody else than [Rig.User].
func (r *Rig) Other(ctx context.Context) (*User, error) {
	if r.other == nil {
		u, err := r.NewUser(ctx)
		if err != nil {
			return nil, err
		}
		r.other = u
	}
	return r.other, nil
}

// NewUser makes a user and shows by a legal registration and a legal login that both work. The error says which
// did not, and why: then nothing can be told about anything hostile.
func (r *Rig) NewUser(ctx context.Context) (*User, error) {
	u, err := r.visitor()
	if err != nil {
		return nil, err
	}
	if err := r.enroll(ctx, u); err != nil {
		return nil, err
	}
	t := r.act(ctx, u, Act{Session: u.Session})
	if t.Answer != Accepted {
		return nil, fmt.Errorf("control: a legal registration did not work: %s", t.Result.Reason)
	}
	u.Passkeys = []*Passkey{t.Passkey}
	u.Session = r.NewSession()
	login := r.act(ctx, u, Act{Operation: r.loginOperation(), Session: u.Session})
	if login.Answer != Accepted {
		return nil, fmt.Errorf("control: a legal login did not work: %s", login.Result.Reason)
	}
	if login.WhoKnown && login.Who != u.Identity {
		return nil, fmt.Errorf("control: after a legal login whoami says %q, not %q", login.Who, u.Identity)
	}
	u.proven[opRegister], u.proven[r.loginOperation()] = true, true
	return u, nil
}

// visitor is somebody with a name whom the relying party does not know yet.
func (r *Rig) visitor() (*User, error) {
	r.mu.Lock()
	r.users++
	n := r.users
	r.mu.Unlock()
	seed := derive(r.cfg.Seed, "user "+strconv.Itoa(n))
	name := fmt.Sprintf("check%d-%s", n, hex.EncodeToString(seed[:4]))
	u := &User{proven: make(map[string]bool), Session: r.NewSession()}
	u.User = rp.User{
		Name: name, Username: name, DisplayName: "Check " + strconv.Itoa(n), Email: name + "@example.test",
		Password: base64.RawURLEncoding.EncodeToString(seed[4:22]) + "-A1",
	}
	var err error
	u.Identity, err = r.party.Identity(u.User)
	return u, err
}

// signedIn reports whether the user is signed in in a session, as far as the rig knows.
func (r *Rig) signedIn(u *User, s *rp.Session) bool {
	return s == u.Session && (len(u.Passkeys) > 0 || !r.withSignup())
}

// withSignup reports whether an account is made along with its first passkey.
func (r *Rig) withSignup() bool {
	return r.party.Adapter().Operations[scenarios.OpSignup].With == opRegister
}

// enroll makes the account, if that is not part of the first registration.
func (r *Rig) enroll(ctx context.Context, u *User) error {
	if !r.Offers(scenarios.OpSignup) || r.withSignup() {
		return nil
	}
	result := r.Do(ctx, scenarios.OpSignup, u.Session, rp.Input{User: u.User})
	if limited(result) && r.wait(ctx, result) {
		result = r.Do(ctx, scenarios.OpSignup, u.Session, rp.Input{User: u.User})
	}
	if result.Outcome != rp.OutcomeAccepted {
		return fmt.Errorf("control: the sign-up did not work: %s", result.Reason)
	}
	return nil
}

// Prove has a legal ceremony of the operation work on the user right before something hostile, and gives another
// user where the first can do no more. An error means that nothing hostile can be judged now.
func (r *Rig) Prove(ctx context.Context, operation string) (*User, error) {
	if err := r.troubled(); err != nil {
		return nil, err
	}
	u, err := r.User(ctx)
	if err != nil {
		return nil, r.giveUp(ctx, err)
	}
	if u.proven[operation] {
		return u, nil
	}
	if r.control(ctx, u, operation) {
		return u, nil
	}
	// The account may be full or locked, or the session gone: a new user tells.
	if u, err = r.NewUser(ctx); err != nil {
		return nil, r.giveUp(ctx, err)
	}
	r.user = u
	if !u.proven[operation] && !r.control(ctx, u, operation) {
		return nil, fmt.Errorf("control: a legal %s of a new user did not work", operation)
	}
	return u, nil
}

// control performs a legal ceremony and reports whether it worked.
func (r *Rig) control(ctx context.Context, u *User, operation string) bool {
	act := Act{Operation: operation}
	if operation == opRegister {
		if r.oneKey || len(u.Passkeys) >= keysPerUser {
			return false
		}
		act.Session = u.Session
	}
	t := r.act(ctx, u, act)
	if t.Answer != Accepted || t.WhoKnown && t.Who != u.Identity {
		return false
	}
	if t.Passkey != nil {
		u.Passkeys = append(u.Passkeys, t.Passkey)
	}
	u.proven[operation] = true
	return true
}

// giveUp notes that not even a new user's legal ceremonies work.
func (r *Rig) giveUp(ctx context.Context, err error) error {
	if ctx.Err() == nil && !r.beyond {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.trouble == nil {
			r.trouble = err
		}
	}
	return err
}

// troubled is why no check can be performed any more, or nil.
func (s *subject) troubled() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

// wait waits as a relying party that limits the rate asks for, while there is patience.
func (r *Rig) wait(ctx context.Context, result *rp.Result) bool {
	pause := retryAfter(result)
	r.mu.Lock()
	enough := r.waited+pause > patience
	if !enough {
		r.waited += pause
	}
	r.mu.Unlock()
	return !enough && sleep(ctx, pause) == nil
}

// retryAfter is what the last answer's Retry-After says in seconds (RFC 9110 §10.2.3), else one second.
func retryAfter(result *rp.Result) time.Duration {
	for _, x := range slices.Backward(result.Exchanges) {
		if x.Response == nil {
			continue
		}
		for _, h := range x.Response.Headers {
			if h.Name == "Retry-After" {
				if seconds, err := strconv.Atoi(h.Value); err == nil && seconds > 0 {
					return time.Duration(seconds) * time.Second
				}
			}
		}
		break
	}
	return time.Second
}

// derive makes 32 bytes for one purpose from the run's seed.
func derive(seed uint64, purpose string) [32]byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seed)
	return sha256.Sum256(append(b[:], "check "+purpose...))
}
