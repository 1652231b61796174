package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// syncChecks are about passkeys that are on several devices: WebAuthn L3 §6.1.3, §7.2 steps 17 to 24, §5.1.10, §5.11.
func syncChecks() []*Check {
	return slices.Concat(backupChecks(), deviceChecks(), originChangeChecks(), accountSyncChecks(), signalChecks())
}

// syncRow is a row of the sync checks that wants acceptance.
func syncRow(id, title string, level Level, severity Severity, basis, sends, fix string, faults []string, perform func(context.Context, *Rig) Finding) *Check {
	c := &Check{
		ID: "sync-" + id, Title: title, Ceremony: Sync, Level: level, Severity: severity, Basis: []string{basis}, Sends: sends,
		Expects: "acceptance", Fix: fix, Faults: faults, Perform: perform,
	}
	if level == Info {
		c.Expects = "either: it is the relying party's choice"
	}
	return c
}

// backup is a device whose passkeys have these flags.
func backup(eligible, backedUp bool) func(*virtual.Config) {
	return func(cfg *virtual.Config) { cfg.BackupEligible, cfg.BackedUp = eligible, backedUp }
}

func backupChecks() []*Check {
	basis := "WebAuthn L3 §6.1.3"
	accepted := syncRow("flags-accepted", "Passkeys of every backup state", Accept, High, basis,
		"registrations and logins with BE and BS 00, 10 and 11", "Take passkeys that sync and those that do not, unless you mean to have but one kind.",
		[]string{"backup-eligible-refused", "device-bound-refused", "counter-zero-refused"}, everyBackupState)
	accepted.Gates = []Gate{gate("backup-policy", "any")}
	const update = "Keep backup state as a value that every login updates, and compare backup eligibility at most."
	persisted := syncRow("flags-persisted", "A synced passkey after signing out", Accept, High, basis,
		"a login of a passkey registered with BE and BS, after its user has signed out", "Store the flags of the registration with the credential.",
		[]string{"flags-lost-at-logout"}, flagsPersisted)
	return []*Check{
		accepted,
		syncRow("bs-rises", "A passkey that begins to sync", Accept, High, basis, "BS 0 at the registration, 1 at a login", update,
			[]string{"backup-state-fixed"}, withOnePasskey(backup(true, false), flags("backed up", map[string]any{"bs": true}))),
		syncRow("bs-falls", "A passkey that no longer syncs", ShouldAccept, Medium, basis, "BS 1 at the registration, 0 at a login", update,
			[]string{"backup-state-fixed", "backup-state-lost"}, withOnePasskey(backup(true, true), flags("not backed up", map[string]any{"bs": false}))),
		syncRow("be-dropped", "A passkey that was backup eligible", Info, Low, basis+", §7.2 step 19", "BE 1 at the registration, 0 at a login",
			"Nothing has to be done. A provider that gets it wrong locks its users out where this is refused.", nil,
			withOnePasskey(backup(true, true), flags("not eligible", map[string]any{"be": false, "bs": false}))),
		syncRow("be-gained", "A passkey that becomes backup eligible", Info, Medium, basis+", §7.2 step 19", "BE 0 at the registration, 1 at a login",
			"Nothing has to be done. Providers have done so on upgrades and imports: where this is refused, their users are locked out.", nil,
			withOnePasskey(backup(false, false), flags("eligible", map[string]any{"be": true, "bs": true}))),
		persisted,
	}
}

func everyBackupState(ctx context.Context, r *Rig) Finding {
	var findings []named
	for _, state := range []struct {
		name               string
		eligible, backedUp bool
	}{{"00", false, false}, {"10", true, false}, {"11", true, true}} {
		u, err := r.Prove(ctx, opRegister)
		if err != nil {
			return untold("%v", err)
		}
		f := r.judge(ctx, u, Act{Name: state.name, Authenticator: backup(state.eligible, state.backedUp)}, toBeTaken)
		findings = append(findings, named{state.name, f})
	}
	return sum(findings)
}

func flagsPersisted(ctx context.Context, r *Rig) Finding {
	u, k, err := r.passkeyOf(ctx, backup(true, true))
	if err != nil {
		return notMade(err)
	}
	if r.Offers(scenarios.OpLogout) {
		s, err := r.signedInAs(ctx, u)
		if err != nil {
			return untold("%v", err)
		}
		defer r.cfg.Driver.Release(s)
		if out := r.Do(ctx, scenarios.OpLogout, s, rp.Input{User: u.User, SignedIn: true}); out.Outcome != rp.OutcomeAccepted {
			return untold("control: signing out did not work: %s", out.Reason)
		}
	}
	return r.judge(ctx, u, Act{Name: "after signing out", Operation: r.loginOperation(), Passkey: k}, toBeTaken)
}

func deviceChecks() []*Check {
	attachment := []string{"hybrid-refused"}
	uv := syncRow("uv-differs", "A device that does not verify its user", ShouldAccept, Medium, "WebAuthn L3 §7.2 step 17",
		"UV at the registration on one device, none at a login on another, where it is only preferred",
		"Look at UV only if the options require it.", []string{"user-verification-sticky", "user-verification-always-demanded"}, verificationDiffers)
	return []*Check{
		syncRow("two-devices", "One passkey on two devices, in turn", Accept, High, "WebAuthn L3 §6.1.3, §7.2 step 22",
			"a passkey registered on one device and synced to another, counters 0, logins in turn",
			"Take a credential for what it is: one that may be on many devices, which need not count.", []string{"backup-state-fixed"}, twoDevices),
		syncRow("two-devices-concurrent", "One passkey on two devices, at once", Accept, High, "WebAuthn L3 §13.4.3",
			"two devices that sign in at the same time, each with a challenge of its own",
			"Keep challenges with the session, not with the user.", []string{"challenge-slot-per-user"}, twoDevicesAtOnce),
		syncRow("two-devices-counters", "One passkey on two devices that count", Info, Low, "WebAuthn L3 §7.2 step 22, §6.1.1",
			"logins in turn from two devices with counters of their own", "Nothing has to be done.", nil,
			withOnePasskey(counts(1000), count("first device", 1100), count("second device", 1050))),
		syncRow("attachment-change", "A passkey of this device, used from another", Accept, High, "WebAuthn L3 §5.1, §5.4.5",
			"a passkey registered on a platform authenticator, used from a phone next to the computer",
			"Do not tie a credential to the attachment it was registered with.", attachment, hybrid(false)),
		syncRow("transports-change", "A passkey with one transport, used over another", Accept, Medium, "WebAuthn L3 §5.8.4, §7.1 step 27",
			"a passkey with the transport internal, used over hybrid; the options before and after",
			"Store the transports of the registration, and send them in options as they were.", attachment, hybrid(true)),
		uv,
	}
}

func twoDevices(ctx context.Context, r *Rig) Finding {
	u, first, err := r.passkeyOf(ctx, backup(true, false))
	if err != nil {
		return notMade(err)
	}
	// Once it is synced, it is backed up, on the first device too.
	synced := func(c *virtual.StoredCredential) { c.BackedUp = true }
	second, err := r.onAnother(first, nil, synced)
	if err != nil {
		return untold("%v", err)
	}
	if first, err = first.copyTo(first.Device, synced); err != nil {
		return untold("%v", err)
	}
	var findings []named
	for i, k := range []*Passkey{second, first, second, first} {
		name := fmt.Sprintf("login %d", i+1)
		findings = append(findings, named{name, r.judge(ctx, u, Act{Name: name, Operation: r.loginOperation(), Passkey: k}, toBeTaken)})
	}
	return sum(findings)
}

func twoDevicesAtOnce(ctx context.Context, r *Rig) Finding {
	u, first, err := r.passkeyOf(ctx, nil)
	if err != nil {
		return notMade(err)
	}
	defer u.spoil()
	second, err := r.onAnother(first, nil, nil)
	if err != nil {
		return untold("%v", err)
	}
	line := make([]racer, 2)
	responses := make([]json.RawMessage, len(line))
	for i, k := range []*Passkey{first, second} {
		line[i] = racer{r.loginOperation(), r.NewSession(), rp.Input{
			User: u.User,
			Authenticate: func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
				var err error
				responses[i], err = r.sign(ctx, k, c.Options)
				return responses[i], err
			},
		}}
	}
	var findings []named
	for i, result := range r.race(ctx, line) {
		t := &Trial{Name: fmt.Sprintf("device %d", i+1), Result: result, Answer: answerOf(result), Response: responses[i]}
		f, over := t.unusable()
		if !over {
			r.look(ctx, line[i].session, t)
			f = t.taken(u)
		}
		r.record(t)
		findings = append(findings, named{t.Name, f})
		r.cfg.Driver.Release(line[i].session)
	}
	return sum(findings)
}

// hybrid signs in from a phone with a passkey that the computer's own authenticator registered. With echo it also looks
// whether later options still say how the passkey can be reached.
func hybrid(echo bool) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		u, own, err := r.passkeyOf(ctx, nil)
		if err != nil {
			return notMade(err)
		}
		phone, err := r.onAnother(own, func(cfg *virtual.Config) {
			cfg.Attachment, cfg.Transports, cfg.BackupEligible, cfg.BackedUp = "cross-platform", []string{"hybrid"}, true, true
		}, nil)
		if err != nil {
			return untold("%v", err)
		}
		before := r.transports(ctx, u, own)
		f := r.judge(ctx, u, Act{Name: "phone", Operation: r.loginOperation(), Passkey: phone}, toBeTaken)
		if !echo || f.kind != kindConforms {
			return f
		}
		if after := r.transports(ctx, u, own); !reflect.DeepEqual(before, after) {
			return deviates("accepted, but the options that named the transports %v now name %v", before, after)
		}
		return f
	}
}

// transports are what the options of a login say of a passkey; nil if they do not name it.
func (r *Rig) transports(ctx context.Context, u *User, k *Passkey) any {
	s := r.NewSession()
	defer r.cfg.Driver.Release(s)
	options, _, err := r.Options(ctx, r.loginOperation(), s, u)
	if err != nil {
		return nil
	}
	list, _ := options["allowCredentials"].([]any)
	for _, entry := range list {
		if d, ok := entry.(map[string]any); ok && d["id"] == k.IDText() {
			return d["transports"]
		}
	}
	return nil
}

func verificationDiffers(ctx context.Context, r *Rig) Finding {
	u, k, err := r.passkeyOf(ctx, nil)
	if err != nil {
		return notMade(err)
	}
	return r.judge(ctx, u, Act{Name: "not verified", Operation: r.loginOperation(), Passkey: k, Changes: func(s Scene) []forge.Change {
		if uvOf(s.Options) == "required" {
			return nil
		}
		return []forge.Change{{Name: "authdata-flags", Value: map[string]any{"uv": false}}}
	}}, toBeTaken)
}

func originChangeChecks() []*Check {
	app := syncRow("origin-app-and-web", "One passkey in the app and on the web", Accept, High, "WebAuthn L3 §13.4.9",
		"logins with a passkey from the web registered, with each app's origin that is declared",
		"Put the origins of your apps into the list that clientData.origin is compared with, as their platforms write them.",
		[]string{"app-origins-unused"}, fromOrigins("app", func(r *Rig) []string {
			return slices.DeleteFunc(slices.Clone(r.Profile()["origins"]), func(o string) bool {
				return !strings.HasPrefix(o, "android:") && !strings.HasPrefix(o, "ios:")
			})
		}))
	app.Gates = []Gate{gate("origins", "android:", "ios:")}
	related := syncRow("related-origin-login", "One passkey on related sites", Accept, High, "WebAuthn L3 §5.11",
		"logins from each related origin that is declared", "Accept clientData.origin from every origin that /.well-known/webauthn lists.",
		[]string{"related-origins-unused"}, fromOrigins("related", relatedOrigins))
	related.Gates = []Gate{gate("related-origins")}
	return []*Check{app, related}
}

// relatedOrigins are the declared web origins that are not of the RP ID's domain.
func relatedOrigins(r *Rig) []string {
	var related []string
	for _, origin := range slices.Concat(r.Profile()["related-origins"], r.Profile()["origins"]) {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" || u.Host == "" || slices.Contains(related, origin) {
			continue
		}
		if id := r.user.Passkey().rpID(); u.Hostname() != id && !strings.HasSuffix(u.Hostname(), "."+id) {
			related = append(related, origin)
		}
	}
	return related
}

// fromOrigins signs in from other origins than the one that the passkey was registered on.
func fromOrigins(what string, list func(*Rig) []string) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		if _, err := r.Prove(ctx, r.loginOperation()); err != nil {
			return untold("%v", err)
		}
		var findings []named
		for _, origin := range list(r) {
			u, err := r.Prove(ctx, r.loginOperation())
			if err != nil {
				return untold("%v", err)
			}
			f := r.judge(ctx, u, Act{Name: origin, Operation: r.loginOperation(), Changes: change("clientdata-set", map[string]any{"origin": origin})}, toBeTaken)
			findings = append(findings, named{origin, f})
		}
		if len(findings) == 0 {
			return inapplicable("the target's profile names no %s origin; add them to its origins", what)
		}
		return sum(findings)
	}
}
