package cdp

import (
	"bytes"
	"context"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
)

// want is what a ceremony needs to find in Chrome.
type want struct {
	create bool
	rpID   string
	// attachment is what a registration asks for: "platform", "cross-platform" or any.
	attachment string
	listed     [][]byte // excludeCredentials or allowCredentials
	pick       []byte   // the credential the person chooses
	user       []byte   // or the user
}

// fits returns the credentials that a ceremony may touch. It runs under the lock.
func (n *native) fits(w want) []*held {
	var fits []*held
	for _, h := range n.credentials {
		isListed := slices.ContainsFunc(w.listed, func(id []byte) bool { return bytes.Equal(id, h.CredentialID) })
		switch {
		case h.RPID != w.rpID:
		case w.create && !(isListed && n.authenticators[h.authenticator].attached(w.attachment)):
		case !w.create && len(w.listed) > 0 && !isListed:
		case !w.create && len(w.listed) == 0 && !h.IsResidentCredential:
		case w.pick != nil && !bytes.Equal(w.pick, h.CredentialID):
		case w.user != nil && !bytes.Equal(w.user, h.UserHandle):
		default:
			fits = append(fits, h)
		}
	}
	// One is enough: any excluded credential ends a registration, and of several that fit a person
	// picks one, the newest unless told otherwise. Chrome would take an arbitrary one.
	return fits[max(0, len(fits)-1):]
}

// prepare brings into Chrome what a ceremony needs, and out what is in its way.
func (n *native) prepare(ctx context.Context, t *target, w want) error {
	n.swapping.Lock()
	defer n.swapping.Unlock()
	n.mu.Lock()
	fits := n.fits(w)
	var leave []*held
	for _, h := range n.credentials {
		rival := !w.create && h.RPID == w.rpID
		if !slices.Contains(fits, h) && (rival || h.IsResidentCredential) {
			leave = append(leave, h)
		}
	}
	n.mu.Unlock()
	for _, h := range leave {
		if err := n.take(ctx, t, h); err != nil {
			return err
		}
	}
	for _, h := range fits {
		if err := n.put(ctx, t, h); err != nil {
			return err
		}
	}
	return n.use(ctx, t, n.chosen(w, fits))
}

// chosen is the authenticator that a person would take for a ceremony, counted from 1: the one that has
// the credential, or else the first of the kind that is asked for. 0 is any.
func (n *native) chosen(w want, fits []*held) int {
	if len(fits) > 0 {
		return fits[0].authenticator + 1
	}
	if !w.create {
		return 0
	}
	return 1 + slices.IndexFunc(n.authenticators, func(a Authenticator) bool {
		return a.attached(w.attachment)
	})
}

// attached reports whether the authenticator is of the attachment that a registration asks for.
func (a Authenticator) attached(attachment string) bool {
	return attachment == "" || (attachment == "platform") == (a.Transport == "internal")
}

// use has one of several authenticators touched: when all are, the first to find nothing ends a ceremony
// that another could have answered.
func (n *native) use(ctx context.Context, t *target, used int) error {
	if len(n.authenticators) < 2 {
		return nil
	}
	n.mu.Lock()
	before, ids := t.native.used, t.native.ids
	t.native.used = used
	authenticators := slices.Clone(n.authenticators)
	n.mu.Unlock()
	for i, id := range ids {
		touched := used == 0 || used == i+1
		if !authenticators[i].UserPresent || touched == (before == 0 || before == i+1) {
			continue
		}
		if err := t.session.call(ctx, "WebAuthn.setAutomaticPresenceSimulation", map[string]any{"authenticatorId": id, "enabled": touched}, nil); err != nil {
			return t.explain(err)
		}
	}
	return nil
}

// wantOf reads what a ceremony needs from its options; host is the page's.
func wantOf(kind string, options []byte, host string) want {
	w := want{create: kind == kindCreate, rpID: host}
	if w.create {
		if o, err := webauthn.ParseCreationOptions(options); err == nil {
			w.rpID = orElse(o.RP.ID, host)
			w.listed = ids(o.ExcludeCredentials)
			if s := o.AuthenticatorSelection; s != nil && (s.AuthenticatorAttachment == "platform" || s.AuthenticatorAttachment == "cross-platform") {
				w.attachment = s.AuthenticatorAttachment
			}
		}
		return w
	}
	if o, err := webauthn.ParseRequestOptions(options); err == nil {
		w.rpID = orElse(o.RPID, host)
		w.listed = ids(o.AllowCredentials)
	}
	return w
}

func ids(list []webauthn.CredentialDescriptor) [][]byte {
	out := make([][]byte, len(list))
	for i, d := range list {
		out[i] = d.ID
	}
	return out
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
