package fabric

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/passrig/passrig/virtual/providers"
)

// PINFormatError says that a PIN cannot be one, by the provider's rules. It costs no try: the device sees it.
type PINFormatError struct {
	Problem string
	Advice  string // what to do about it
}

// Error implements error.
func (e *PINFormatError) Error() string { return e.Problem }

// Hint is what to do about it.
func (e *PINFormatError) Hint() string { return e.Advice }

// CheckPIN returns a [*PINFormatError] for a PIN that breaks the rules.
func CheckPIN(pin string, rules providers.PINRules) error {
	length := utf8.RuneCountInString(pin)
	what := "characters"
	if rules.Digits {
		what = "digits"
	}
	var want string
	switch {
	case rules.MinLength > 0 && rules.MinLength == rules.MaxLength:
		want = fmt.Sprintf("use %d %s", rules.MinLength, what)
	case rules.MaxLength > 0:
		want = fmt.Sprintf("use %d to %d %s", rules.MinLength, rules.MaxLength, what)
	default:
		want = fmt.Sprintf("use %d %s or more", rules.MinLength, what)
	}
	other := func(c rune) bool { return c < '0' || c > '9' }
	switch {
	case length < rules.MinLength:
		return &PINFormatError{Problem: fmt.Sprintf("a PIN of %d characters is too short", length), Advice: want}
	case rules.MaxLength > 0 && length > rules.MaxLength:
		return &PINFormatError{Problem: fmt.Sprintf("a PIN of %d characters is too long", length), Advice: want}
	case rules.Digits && slices.ContainsFunc([]rune(pin), other):
		return &PINFormatError{Problem: "the PIN has something else than digits in it", Advice: want}
	}
	return nil
}

// Found makes the account's vault on this device, with the PIN that unlocks it on others; where devices join by
// approval the PIN is not looked at. The error wraps [ErrFounded] when there is a vault, [*PINFormatError], [ErrSplitView],
// [ErrOffline].
func (r *Replica) Found(ctx context.Context, pin string) error {
	_, err := r.do(ctx, "found vault", func() error {
		if !r.reachable() {
			return ErrOffline
		}
		if r.account.Founded() {
			return ErrFounded
		}
		if err := r.checkLog(); err != nil {
			return err
		}
		unlock := r.cfg.Provider.Unlock
		byPIN := unlock.Method != providers.UnlockDeviceApproval
		if byPIN {
			if err := CheckPIN(pin, unlock.PIN); err != nil {
				return err
			}
		}
		secret, err := newSecret(r.cfg.Random)
		if err != nil {
			return err
		}
		epoch := r.account.Epoch() + 1
		secrets := map[int][]byte{epoch: secret}
		m, err := r.member(secrets)
		if err != nil {
			return err
		}
		var recovery Recovery
		if byPIN {
			if recovery, err = r.newRecovery(ctx, pin, secrets); err != nil {
				return err
			}
		}
		if err := r.account.Found(m, recovery); err != nil {
			return err
		}
		r.note(EventFounded, nil, "")
		return r.enter(ctx, secrets)
	})
	return err
}

// newRecovery makes a recovery for a PIN with these vault secrets.
func (r *Replica) newRecovery(ctx context.Context, pin string, secrets map[int][]byte) (recovery Recovery, err error) {
	cloud := r.account.cloud
	err = cloud.derive(ctx, func() error {
		recovery, err = newRecovery(pin, cloud.cfg.KDF, secrets, r.cfg.Random)
		return err
	})
	return recovery, err
}

// member is this device as the cloud gets to know it.
func (r *Replica) member(secrets map[int][]byte) (Member, error) {
	if err := r.makeKey(); err != nil {
		return Member{}, err
	}
	m := Member{Device: r.cfg.Device, PublicKey: r.public, Secrets: make(map[int][]byte, len(secrets))}
	return m, sealAll(m, secrets)
}

// sealAll seals vault secrets to a member's key.
func sealAll(m Member, secrets map[int][]byte) error {
	for epoch, secret := range secrets {
		sealed, err := sealSecret(m.PublicKey, m.Device, epoch, secret)
		if err != nil {
			return err
		}
		m.Secrets[epoch] = sealed
	}
	return nil
}

func (r *Replica) makeKey() (err error) {
	if r.private == nil {
		r.private, r.public, err = newKeyPair(r.cfg.Random)
	}
	return err
}

// enter begins the device's part, with the vault secrets, and pulls.
func (r *Replica) enter(ctx context.Context, secrets map[int][]byte) error {
	if err := r.exchangeKeys(ctx, secrets); err != nil {
		return err
	}
	r.ended, r.asked, r.leaving = endingNone, false, false
	r.cfg.Network.receive(r.box, true)
	r.note(EventEnrolled, nil, "")
	if err := r.reopen(ctx, arrival{at: r.now()}); err != nil {
		return err
	}
	return r.pull(ctx, r.now())
}

// Unlock opens the vault on this device with the PIN: one try. The error wraps [*UnlockError] when the cloud refuses it,
// [*PINFormatError], [ErrSplitView] (no try is made), [ErrNotFounded], [ErrNoRecovery] where devices join by approval, [ErrOffline].
func (r *Replica) Unlock(ctx context.Context, pin string) error {
	_, err := r.do(ctx, "unlock", func() error {
		if !r.reachable() {
			return ErrOffline
		}
		if err := CheckPIN(pin, r.cfg.Provider.Unlock.PIN); err != nil {
			return err
		}
		if err := r.checkLog(); err != nil {
			return err
		}
		for {
			secrets, ticket, err := r.try(ctx, pin)
			if err != nil {
				return r.refusedTry(err)
			}
			m, err := r.member(secrets)
			if err != nil {
				return err
			}
			switch err := r.account.Enroll(m, ticket); {
			case errors.Is(err, ErrEpoch):
				continue // the keys were changed in between: once more, with the new ones
			case err != nil:
				return err
			}
			r.note(EventUnlocked, nil, "")
			return r.enter(ctx, secrets)
		}
	})
	return err
}

// try makes one try with a PIN and returns the vault secrets by epoch.
func (r *Replica) try(ctx context.Context, pin string) (map[int][]byte, Ticket, error) {
	var proof, wrap []byte
	params, err := r.account.Recovery()
	_, over := errors.AsType[*UnlockError](err)
	if err != nil && !over {
		return nil, Ticket{}, err
	}
	if !over { // else the proof is not looked at, but the audit log has the try
		err := r.account.cloud.derive(ctx, func() (err error) {
			proof, wrap, err = proofOf(pin, params)
			return err
		})
		if err != nil {
			return nil, Ticket{}, err
		}
	}
	recovered, err := r.account.Try(r.cfg.Device, proof)
	if err != nil {
		return nil, Ticket{}, err
	}
	secrets, err := openRecovery(wrap, params, &recovered)
	return secrets, recovered.Ticket, err
}

// refusedTry tells of a try that did not unlock, and returns the error.
func (r *Replica) refusedTry(err error) error {
	if refusal, ok := errors.AsType[*UnlockError](err); ok {
		kind := EventRefused
		if refusal.Counted && refusal.Remaining == 0 {
			kind = EventLocked
		}
		r.note(kind, nil, refusal.Error())
		err = errors.Join(err, r.checkLog())
	}
	return err
}

// checkLog makes sure that the cloud's audit log goes on from what this device has seen of it.
func (r *Replica) checkLog() error {
	head := r.account.Head()
	if r.head.Seq > 0 && head != r.head {
		entries, err := r.account.EntriesSince(r.head)
		if err != nil {
			return err
		}
		later := func(e LedgerEntry) bool { return e.Seq > head.Seq }
		if err := CheckExtension(r.head, slices.DeleteFunc(entries, later), head); err != nil {
			return err
		}
	}
	r.head = head
	return nil
}

// Ask asks the devices of the account to let this one in; see [Replica.Approve]. The next Advance or Pull after that has
// the vault open.
func (r *Replica) Ask(ctx context.Context) error {
	_, err := r.do(ctx, "ask for approval", func() error {
		if !r.reachable() {
			return ErrOffline
		}
		if err := r.makeKey(); err != nil {
			return err
		}
		if err := r.checkLog(); err != nil {
			return err
		}
		if err := r.account.Request(r.cfg.Device, r.public); err != nil {
			return err
		}
		r.asked = true
		return nil
	})
	return err
}

// join takes part if the device that asked was approved by now.
func (r *Replica) join(ctx context.Context) error {
	sealed, err := r.account.Secrets(r.cfg.Device)
	if err != nil || len(sealed) == 0 {
		return knows(err) // not yet
	}
	if err := r.checkLog(); err != nil {
		return err
	}
	secrets := map[int][]byte{}
	if _, err := r.openKeys(sealed, secrets); err != nil {
		return err
	}
	return r.enter(ctx, secrets)
}

// Approve lets in a device that has asked. The error wraps [ErrNoRequest] when it has not.
func (r *Replica) Approve(ctx context.Context, device string) error {
	return r.govern(ctx, "approve", func() error {
		requests := r.account.Requests()
		i := slices.IndexFunc(requests, func(q JoinRequest) bool { return q.Device == device })
		if i < 0 {
			return fmt.Errorf("%q: %w", device, ErrNoRequest)
		}
		m := Member{Device: device, PublicKey: requests[i].PublicKey, Secrets: map[int][]byte{}}
		if err := sealAll(m, r.secrets); err != nil {
			return err
		}
		return r.account.Approve(r.cfg.Device, m)
	})
}

// govern does what only an enrolled device with the newest keys may.
func (r *Replica) govern(ctx context.Context, what string, act func() error) error {
	_, err := r.do(ctx, what, func() error {
		if err := r.connected(); err != nil {
			return err
		}
		if err := r.checkLog(); err != nil {
			return err
		}
		if err := r.compareKeys(ctx); err != nil {
			return err
		}
		if err := r.fetchKeys(ctx, arrival{at: r.now()}); err != nil {
			return err
		}
		return r.turnedAway(act())
	})
	return err
}
