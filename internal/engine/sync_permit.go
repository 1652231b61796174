package engine

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// refusal is why a device does not do what it is asked for, and what to do about it.
type refusal struct{ reason, hint string }

func (r refusal) err() error {
	return &virtual.Error{Name: virtual.NotAllowedError, Message: r.reason}
}

// hintOfRefusal is what to do about a device's refusal in this step, if it was one of those.
func (w *world) hintOfRefusal(reason string) string {
	w.traveling.mu.Lock()
	defer w.traveling.mu.Unlock()
	for _, d := range w.devices {
		if no := d.refusal; no.reason != "" && strings.Contains(reason, no.reason) {
			return no.hint
		}
	}
	return ""
}

// permit says whether a device performs a ceremony for its person, and brings it up to date before. It is called
// when a page asks for one, so that a relying party has given its options by then. An error is a [*virtual.Error].
func (w *world) permit(ctx context.Context, d *device, kind string, req virtual.GetRequest) error {
	w.traveling.mu.Lock()
	defer w.traveling.mu.Unlock()
	no, err := w.prepare(ctx, d, kind, req)
	d.refusal = no
	if err == nil && no.reason != "" {
		err = no.err()
	}
	return err
}

func (w *world) prepare(ctx context.Context, d *device, kind string, req virtual.GetRequest) (refusal, error) {
	action := providers.Use
	if kind == rp.KindCreate {
		action = providers.Save
	}
	if no := d.barred(action); no.reason != "" || d.replica == nil {
		return no, nil
	}
	if no, err := w.admit(ctx, d, action); err != nil || no.reason != "" {
		return no, err
	}
	rpID, listed := asked(req)
	var err error
	w.time(func() { _, err = d.replica.Before(ctx, kind, rpID, listed) })
	if ctx.Err() != nil {
		return refusal{}, context.Cause(ctx)
	}
	if err != nil {
		return w.rejected(err)
	}
	return w.admit(ctx, d, action) // it may have learned that it was shut out
}

// eligible says whether the device's provider lets its person do something there.
func (d *device) eligible(action providers.Action) providers.Eligibility {
	return d.account.provider.Eligible(action, providers.Circumstances{
		AccountType: d.account.kind, OS: providers.ParseRelease(d.spec.OS), Client: providers.ParseRelease(d.spec.Client),
		Policies: d.account.policies, Verification: d.spec.Verification,
	})
}

// barred is why the provider does not let the device's person do something there, if it does not.
func (d *device) barred(action providers.Action) refusal {
	if e := d.eligible(action); !e.Allowed {
		return refusal{reason: e.Reason}
	}
	return refusal{}
}

// admit says whether the device has the account's passkeys open. The first one that is saved makes the vault, with
// the person's PIN.
func (w *world) admit(ctx context.Context, d *device, action providers.Action) (refusal, error) {
	a, status := d.account, d.replica.Status()
	switch {
	case status.Enrolled, d.alone:
		return refusal{}, nil
	case (status.Revoked || status.SignedOut) && action == providers.Use && len(d.Credentials()) > 0:
		return refusal{}, nil // what a device that is out still holds, it can use
	case status.Revoked:
		return refusal{d.name + " was removed from " + a.name + "'s account", "let it in again: enrol-device"}, nil
	case status.SignedOut:
		return refusal{d.name + " is signed out of " + a.name + "'s account", "sign it in again before this step: sync or unlock"}, nil
	case !a.known() && action == providers.Use:
		return refusal{}, nil // there is nothing to open, and nothing to find
	case !status.Online && !a.known():
		return refusal{d.name + " is offline, and the first passkey of an account needs its provider", "go-online: " + d.name}, nil
	case !a.known():
		return w.rejected(d.replica.Found(ctx, a.pin))
	case a.provider.Unlock.Method == providers.UnlockNone && !status.Online:
		return refusal{d.name + " is offline, and has not had the passkeys of " + a.name + "'s account yet", "go-online: " + d.name}, nil
	case a.provider.Unlock.Method == providers.UnlockNone:
		return w.rejected(d.replica.Unlock(ctx, a.pin))
	}
	return refusal{
		fmt.Sprintf("%s has not been unlocked: the passkeys of %s's account open there with %s", d.name, a.name, a.opener()),
		fmt.Sprintf("put a step before this one: sync: %s, unlock: %s or enrol-device", d.name, d.name),
	}, nil
}

// notThere is why a login found no passkey on a device to which the user's own could have come from another one.
func (w *world) notThere(u *user, d *device, r *rp.Result) refusal {
	w.traveling.mu.Lock()
	defer w.traveling.mu.Unlock()
	if r.Outcome != rp.OutcomeRefused || errorName(r.ClientErr) != string(virtual.NotAllowedError) {
		return refusal{}
	}
	if d.refusal.reason != "" || d.behavior.Absent || d.account.provider.Sync == nil {
		return refusal{}
	}
	var elsewhere *passkey
	listed := allowed(r.Options)
	for _, k := range w.keys {
		switch {
		case k.user != u.Name || k.deleted:
		case d.holds(k.id) || d.replica != nil && d.knows(k.id):
			return refusal{} // it has come, and whatever was wrong is something else
		case k.device != d && k.device.account == d.account && k.device.holds(k.id) && (len(listed) == 0 || slices.Contains(listed, k.idText())):
			elsewhere = k
		}
	}
	if elsewhere == nil {
		return refusal{}
	}
	no := refusal{fmt.Sprintf("%s does not have %s's passkey yet: it is on %s", d.name, u.Name, elsewhere.device.name), syncBefore(d)}
	if d.replica != nil && !d.replica.Status().Online {
		no.hint = "go-online: " + d.name
	}
	return no
}

// syncBefore is what to do where passkeys have not come to a device.
func syncBefore(d *device) string { return "put a step before this one: sync: " + d.name }

// ready opens an account for a ceremony before it begins, where nobody has to be asked: deriving keys takes its time,
// and that is not the relying party's.
func (w *world) ready(ctx context.Context, s *scenarios.Step) {
	action := providers.Use
	switch {
	case s.Register != nil:
		action = providers.Save
	case s.Login == nil && s.LoginDiscoverable == nil:
		return
	}
	user, on := whoAndWhere(s)
	d, err := w.device(on, user)
	if err != nil || d.replica == nil || !d.eligible(action).Allowed {
		return
	}
	w.traveling.mu.Lock()
	defer w.traveling.mu.Unlock()
	_, _ = w.admit(ctx, d, action) // what it refuses, it refuses when it is asked
	w.began = w.cfg.Clock()
}

// known says whether the account has a vault.
func (a *account) known() bool { return a.cloud.account(a.key).Founded() }

// opener names what opens the account's passkeys on a new device.
func (a *account) opener() string {
	switch a.provider.Unlock.Method {
	case providers.UnlockAccountPassword:
		return "the account's password"
	case providers.UnlockDeviceApproval:
		return "the approval of another device"
	case providers.UnlockScreenLock:
		return "the screen lock of a device that has them"
	case providers.UnlockProviderPIN:
		return "the PIN of " + a.provider.Title
	case providers.UnlockNone:
	}
	return "the account"
}

// rejected makes a refusal of an error of the fabric's.
func (w *world) rejected(err error) (refusal, error) {
	if err == nil {
		return refusal{}, nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return refusal{}, err
	}
	return refusal{reason: err.Error(), hint: hintIn(err)}, nil
}

// hintIn is what an error advises, if it does.
func hintIn(err error) string {
	if hinted, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return hinted.Hint()
	}
	return ""
}

// time counts how long the fabric itself is at work.
func (w *world) time(work func()) {
	begin := w.cfg.Clock()
	work()
	w.traveling.spent += w.cfg.Clock().Sub(begin)
}

// asked is the RP ID of a request, and the ids that it lists.
func asked(req virtual.GetRequest) (rpID string, listed [][]byte) {
	var o struct {
		RPID string `json:"rpId"`
		RP   struct {
			ID string `json:"id"`
		} `json:"rp"`
	}
	_ = json.Unmarshal(req.Options, &o) // what is malformed is refused later, with what is wrong with it
	rpID = o.RPID + o.RP.ID
	if rpID == "" {
		rpID = hostOf(req.Origin)
	}
	for _, text := range allowed(req.Options) {
		if id, err := base64.RawURLEncoding.DecodeString(text); err == nil {
			listed = append(listed, id)
		}
	}
	return rpID, listed
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// keepUp has the replicas take in what the step changed on their devices, and what has come due meanwhile. It returns
// what the fabric took in the step, and what went wrong with it.
func (w *world) keepUp(ctx context.Context) (spent time.Duration, trouble []error) {
	w.traveling.mu.Lock()
	defer w.traveling.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepUpTimeout)
	defer cancel()
	for _, d := range w.replicas() {
		w.time(func() {
			_, err := d.replica.Scan(ctx)
			if err == nil {
				_, err = d.replica.Advance(ctx)
			}
			if err != nil && !errors.Is(err, fabric.ErrRevoked) && !errors.Is(err, fabric.ErrNotEnrolled) { // that an event tells
				w.traveling.trouble = append(w.traveling.trouble, err)
			}
		})
	}
	return w.traveling.spent, w.traveling.trouble
}

// keepUpTimeout bounds what is done after a step, also when its time is over.
const keepUpTimeout = 5 * time.Second
