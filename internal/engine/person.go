package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// Behavior is how a device and the person at it behave.
type Behavior struct {
	Absent     bool          // nobody is there to consent
	Unverified bool          // somebody is, but not the user
	ThinkTime  time.Duration // how long they take to consent
	Autofill   bool          // they pick a passkey that a form field offers (mediation conditional)

	BogusSignature, BadUV, BadUP bool // the authenticator lies so in every answer
}

// consent waits for the person where no page does. Nobody gives none.
func (b Behavior) consent(ctx context.Context) error {
	if b.Absent {
		return &virtual.Error{Name: virtual.NotAllowedError, Message: "nobody is there to consent"}
	}
	return sleep(ctx, b.ThinkTime)
}

// changeDevice changes how a device and its person behave.
func (w *world) changeDevice(ctx context.Context, spec *scenarios.DeviceStep) (*outcome, error) {
	d, err := w.device(spec.On, "")
	if err != nil {
		return nil, err
	}
	b := d.behavior
	if spec.Present != nil {
		b.Absent = !*spec.Present
	}
	if spec.Verified != nil {
		b.Unverified = !*spec.Verified
	}
	if !spec.ThinkTime.IsZero() {
		if b.ThinkTime, err = spec.ThinkTime.Value(w.env); err != nil {
			return nil, err
		}
	}
	if spec.Autofill != "" {
		b.Autofill = spec.Autofill == "pick"
	}
	if spec.Answers != nil {
		b.BogusSignature, b.BadUV, b.BadUP = false, false, false
	}
	for _, lie := range spec.Answers {
		switch lie {
		case "bogus-signature":
			b.BogusSignature = true
		case "bad-uv":
			b.BadUV = true
		case "bad-up":
			b.BadUP = true
		}
	}
	if w.pages != nil {
		if err := w.pages.Behave(ctx, d.Device, b); err != nil {
			return nil, fmt.Errorf("device %s: %w", d.name, err)
		}
	}
	d.behavior = b
	return &outcome{own: report.VerdictPass, message: d.name + ": " + b.describe()}, nil
}

func (b Behavior) describe() string {
	words := []string{"somebody is there"}
	if b.Absent {
		words[0] = "nobody is there"
	}
	for _, w := range []struct {
		text string
		is   bool
	}{
		{"not the user", b.Unverified},
		{fmt.Sprintf("takes %s to consent", b.ThinkTime), b.ThinkTime > 0},
		{"picks from autofill", b.Autofill},
		{"answers with a bogus signature", b.BogusSignature},
		{"answers without UV", b.BadUV},
		{"answers without UP", b.BadUP},
	} {
		if w.is {
			words = append(words, w.text)
		}
	}
	return strings.Join(words, ", ")
}

// passkeys looks at what a device itself holds.
func (w *world) passkeys(ctx context.Context, spec *scenarios.Passkeys) (*outcome, error) {
	d, err := w.device(spec.On, "")
	if err != nil {
		return nil, err
	}
	held := d.Credentials()
	o := &outcome{own: report.VerdictPass}
	for _, c := range held {
		id := webauthn.Base64URL(c.ID).String()
		o.entries = append(o.entries, rp.Entry{ID: id, Credential: id, Name: c.UserName, Raw: map[string]any{
			"rpId": c.RPID, "userHandle": webauthn.Base64URL(c.UserHandle).String(), "displayName": c.UserDisplayName,
			"algorithm": c.Algorithm, "signCount": int(c.SignCount), "discoverable": c.Discoverable,
			"backupEligible": c.BackupEligible, "backedUp": c.BackedUp, "aaguid": c.AAGUID, "transports": c.Transports,
			"prf": d.prfOf(ctx, c.ID),
		}})
	}
	o.message = d.name + " holds " + describeEntries(o.entries)
	return o, nil
}

// prfOf is a short fingerprint of what a passkey's prf outputs are made from (WebAuthn L3 §10.1.4), in base64url: equal
// ones give equal outputs. Empty for a passkey without any, and where only Chrome has it, which does not give it away.
func (d *device) prfOf(ctx context.Context, id []byte) string {
	stored, err := d.keychain().Export(ctx, id)
	if err != nil || stored.PRFSecret == nil {
		return ""
	}
	const size = 6
	sum := sha256.Sum256(append([]byte("passrig prf fingerprint"), stored.PRFSecret...))
	return webauthn.Base64URL(sum[:size]).String()
}
