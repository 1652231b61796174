package cdp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual"
)

// outcomeOf gives "ok" or an exception's name.
const outcomeOf = `.then(() => "ok", e => e.name)`

func getWith(request, options string) string {
	return fmt.Sprintf(`navigator.credentials.get({%s publicKey: {challenge: new Uint8Array(16), timeout: 3000, %s}})`, request, options) + outcomeOf
}

// What pages ask for beside the ordinary ends on both roads as in Chrome.
func TestRequestRules(t *testing.T) {
	const listed = `allowCredentials: [{type: "public-key", id: new Uint8Array(16)}]`
	const waiting = `globalThis.given = new AbortController(); globalThis.first = ` +
		`navigator.credentials.get({mediation: "conditional", signal: given.signal, publicKey: {challenge: new Uint8Array(16), ` + listed + `}})` + outcomeOf + `; `
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			p := newDevice(t, chrome(t), cfg).Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			if got := evaluate[string](t, p, getWith(`uiMode: "immediate",`, "")); got != "NotAllowedError" {
				t.Errorf("immediate, nothing at hand: %s", got)
			}
			evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			must(t, p.Goto(t.Context(), html(t, `<output id=out></output><script>`+getWith(`uiMode: "immediate",`, "")+`.then(s => { out.textContent = s })</script>`)))
			must(t, p.ExpectText(t.Context(), "#out", "NotAllowedError")) // without a gesture
			for _, c := range []struct{ what, script, want string }{
				{"immediate", getWith(`uiMode: "immediate",`, ""), "ok"},
				{"immediate, of a list", getWith(`uiMode: "immediate",`, listed), "NotAllowedError"},
				{"immediate and conditional", getWith(`uiMode: "immediate", mediation: "conditional",`, ""), "NotSupportedError"},
				{"conditional, foreign rp id", getWith(`mediation: "conditional",`, `rpId: "unknown.localhost"`), "SecurityError"},
				{"a get beside one that waits", waiting + getWith("", ""), "OperationError"},
				{"a conditional get beside one that waits", getWith(`mediation: "conditional",`, ""), "OperationError"},
				{"the first one, aborted", `given.abort(), first`, "AbortError"},
				{"the next", getWith("", ""), "ok"},
				{"aborted with a reason", `given = new AbortController(), setTimeout(() => given.abort(new RangeError("enough")), 20), ` +
					strings.Replace(getWith(`mediation: "conditional", signal: given.signal,`, listed), "timeout: 3000, ", "", 1), "RangeError"},
				{"is there autofill?", `PublicKeyCredential.isConditionalMediationAvailable().then(String)`, "true"},
				{"a platform authenticator?", `PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().then(String)`, "true"},
			} {
				if got := evaluate[string](t, p, c.script); got != c.want {
					t.Errorf("%s: %s, want %s", c.what, got, c.want)
				}
			}
		})
	}
}

// What a road says it can, it can.
func TestCapabilities(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			p := newDevice(t, chrome(t), cfg).Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			got := evaluate[map[string]bool](t, p, `PublicKeyCredential.getClientCapabilities()`)
			want := map[string]bool{
				"conditionalCreate": true, "conditionalGet": true, "hybridTransport": false, "immediateGet": true, "passkeyPlatformAuthenticator": true,
				"relatedOrigins": true, "userVerifyingPlatformAuthenticator": true, "signalAllAcceptedCredentials": true,
				"signalCurrentUserDetails": true, "signalUnknownCredential": true, "extension:prf": true, "extension:largeBlob": true,
				"extension:appid": name == "chrome", "extension:credentialProtectionPolicy": name == "chrome",
			}
			for capability := range got {
				if _, asked := want[capability]; !asked {
					delete(got, capability)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	p := newDevice(t, chrome(t), DeviceConfig{Software: software(t, virtual.Config{})}).Page()
	must(t, p.Goto(t.Context(), html(t, "")))
	if evaluate[bool](t, p, `PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()`) {
		t.Error("a software device that is no platform authenticator passes for one")
	}
}

// A passkey upgrade is answered on road (b); on road (a) Chrome never does.
func TestConditionalCreate(t *testing.T) {
	for name, want := range map[string]string{"chrome": "NotAllowedError", "software": "ok"} {
		t.Run(name, func(t *testing.T) {
			p := newDevice(t, chrome(t), roads(t)[name]).Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			got := evaluate[outcome](t, p, strings.NewReplacer("create({", `create({mediation: "conditional", `, "timeout: 5000", "timeout: 300").
				Replace(createScript("localhost", "alice", "")))
			if got.Error != strings.TrimPrefix(want, "ok") || (got.ID != "") != (want == "ok") {
				t.Errorf("%+v, want %s", got, want)
			}
			list, err := p.Ceremonies(t.Context())
			must(t, err)
			if len(list) != 1 || list[0].Mediation != "conditional" || list[0].Kind != "create" {
				t.Errorf("evidence %+v", list)
			}
		})
	}
}

// Whoever is asked for a security key and has none says no, in place of the wait that Chrome would make of it.
func TestAuthenticatorOfAnotherKind(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			p := newDevice(t, chrome(t), cfg).Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			for options, want := range map[string]string{
				`allowCredentials: [{type: "public-key", id: new Uint8Array(20), transports: ["usb", "nfc"]}]`:                 "NotAllowedError",
				`allowCredentials: [{type: "public-key", id: new Uint8Array(20), transports: ["usb"]}], rpId: "other.example"`: "SecurityError",
			} {
				started := time.Now()
				got := evaluate[string](t, p, `navigator.credentials.get({publicKey: {challenge: new Uint8Array(16), timeout: 60000, `+options+`}})`+outcomeOf)
				if got != want || time.Since(started) > 20*time.Second {
					t.Errorf("%s: %s after %s, want %s", options, got, time.Since(started), want)
				}
			}
		})
	}
}

// The person at a device can change: pick from the form after all, come back, take their time.
func TestPerson(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			cfg.IgnoreAutofill = true
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(ctx, html(t, "<output id=out></output>")))
			evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			const autofill = `out.textContent = "waits"; navigator.credentials.get({mediation: "conditional", publicKey: {challenge: new Uint8Array(16)}})` + outcomeOf + `.then(s => { out.textContent = s }); 0`
			evaluate[int](t, p, autofill)
			list, err := p.Ceremonies(ctx)
			must(t, err)
			if len(list) != 2 || !list[1].Pending || list[1].Mediation != "conditional" || !list[1].End.IsZero() || list[0].Pending {
				t.Errorf("while it waits: %+v", list)
			}
			d.SetIgnoreAutofill(false)
			must(t, p.ExpectText(ctx, "#out", "ok"))
			list, err = p.Ceremonies(ctx)
			must(t, err)
			if len(list) != 1 || list[0].Pending || list[0].Response == nil || list[0].End.Before(list[0].Start) {
				t.Errorf("when it was picked: %+v", list)
			}
			must(t, d.SetUserPresent(ctx, false))
			evaluate[int](t, p, autofill)
			must(t, p.ExpectText(ctx, "#out", "waits"))
			must(t, d.SetUserPresent(ctx, true))
			must(t, p.ExpectText(ctx, "#out", "ok"))
			if name == "software" { // with Chrome's authenticators only autofill notices
				must(t, d.SetUserPresent(ctx, false))
				evaluate[int](t, p, `out.textContent = "waits"; `+getWith("", "")+`.then(s => { out.textContent = s }); 0`)
				must(t, d.SetUserPresent(ctx, true))
				must(t, p.ExpectText(ctx, "#out", "ok"))
			}
			d.SetThinkTime(ctx, 150*time.Millisecond)
			evaluate[outcome](t, p, getScript("localhost", ""))
			list, err = p.Ceremonies(ctx)
			must(t, err)
			if last := list[len(list)-1]; last.End.Sub(last.Start) < 150*time.Millisecond {
				t.Errorf("a person who thinks for 150 ms took %v", last.End.Sub(last.Start))
			}
		})
	}
}

// A ceremony that was pending when its page was left is told as that.
func TestLeftPending(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			address := html(t, `<button onclick="navigator.credentials.get({publicKey: {challenge: new Uint8Array(16), timeout: 60000}}); setTimeout(() => { location.href = '/next' }, 30)">Go</button>`)
			must(t, p.Goto(t.Context(), address))
			must(t, d.SetUserPresent(t.Context(), false))
			must(t, p.Click(t.Context(), "role=button"))
			eventually(t, func() bool { return strings.HasSuffix(p.URL(), "/next") })
			must(t, p.WaitFor(t.Context(), "role=button"))
			list, err := p.Ceremonies(t.Context())
			must(t, err)
			if len(list) != 1 || !list[0].Pending || list[0].Kind != "get" || list[0].ErrorName != "" {
				t.Errorf("%+v", list)
			}
			if again, err := p.Ceremonies(t.Context()); err != nil || len(again) > 0 {
				t.Errorf("asked again: %+v, %v", again, err)
			}
		})
	}
}

// Answer does the ceremonies of a device that is kept elsewhere, and Hear has its signals.
func TestAnswer(t *testing.T) {
	mine := software(t, virtual.Config{})
	var asked []virtual.GetRequest
	var heard []virtual.Signal
	d := newDevice(t, chrome(t), DeviceConfig{
		Platform: true,
		Answer: func(ctx context.Context, kind string, req virtual.GetRequest) (json.RawMessage, error) {
			asked = append(asked, req)
			if kind == "get" {
				return nil, &virtual.Error{Name: virtual.ConstraintError, Message: "as the test wants it"}
			}
			made, err := mine.Create(ctx, virtual.CreateRequest{Origin: req.Origin, Options: req.Options})
			if err != nil {
				return nil, err
			}
			return json.Marshal(made)
		},
		Hear: func(s virtual.Signal) { heard = append(heard, s) },
	})
	p := d.Page()
	address := html(t, "")
	must(t, p.Goto(t.Context(), address))
	made := evaluate[outcome](t, p, createScript("localhost", "alice", ""))
	if made.ID == "" || len(mine.Credentials()) != 1 || len(asked) != 1 || asked[0].Origin != address {
		t.Errorf("made %+v, asked %+v", made, asked)
	}
	if got := evaluate[outcome](t, p, getScript("localhost", "")); got.Error != "ConstraintError" {
		t.Errorf("got %+v", got)
	}
	evaluate[any](t, p, fmt.Sprintf(`PublicKeyCredential.signalUnknownCredential({rpId: "localhost", credentialId: %q}).then(() => 0)`, made.ID))
	if len(heard) != 1 || heard[0].Type != virtual.SignalUnknownCredential || len(mine.Heed(heard[0])) != 1 {
		t.Errorf("heard %+v", heard)
	}
	if d.Road() != RoadSoftware || d.Credentials() != nil {
		t.Errorf("%s with %d credentials", d.Road(), len(d.Credentials()))
	}
	if _, err := d.Remove(t.Context(), []byte{1}); err == nil || !strings.Contains(err.Error(), "remove a credential: not possible") {
		t.Errorf("remove: %v", err)
	}
}

// Signals are heard on both roads, and those that the page was refused are in the evidence alone.
func TestHear(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			var heard []string
			cfg.Hear = func(s virtual.Signal) { heard = append(heard, string(s.Type)+" "+s.RPID+" "+s.Name) }
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			address := html(t, "")
			must(t, p.Goto(t.Context(), address))
			for call, want := range map[string]string{
				`signalUnknownCredential({rpId: "elsewhere.localhost", credentialId: "AA"})`: "SecurityError",
				`signalUnknownCredential({rpId: "localhost"})`:                               "TypeError",
				`signalUnknownCredential({})`:                                                "TypeError",
			} {
				if got := evaluate[string](t, p, "PublicKeyCredential."+call+outcomeOf); got != want {
					t.Errorf("%s: %s, want %s", call, got, want)
				}
			}
			if refused := d.Signals(); len(refused) != 3 || len(heard) != 0 || refused[0].ErrorName == "" || refused[0].Origin != address {
				t.Errorf("refused %+v, heard %q", refused, heard)
			}
			evaluate[any](t, p, `PublicKeyCredential.signalCurrentUserDetails({rpId: "localhost", userId: "AA", name: "a", displayName: "A"}).then(() => 0)`)
			evaluate[any](t, p, `PublicKeyCredential.signalAllAcceptedCredentials({rpId: "localhost", userId: "AA", allAcceptedCredentialIds: ["AQ"]}).then(() => 0)`)
			if diff := cmp.Diff([]string{"current-user-details localhost a", "all-accepted-credentials localhost "}, heard); diff != "" {
				t.Errorf("heard (-want +got):\n%s", diff)
			}
			list := d.Signals()
			if len(list) != 2 || list[1].Type != virtual.SignalAllAcceptedCredentials || list[1].ErrorName != "" || len(list[1].Accepted) != 1 || !strings.Contains(string(list[1].Options), `"AQ"`) {
				t.Errorf("evidence %+v", list)
			}
		})
	}
}
