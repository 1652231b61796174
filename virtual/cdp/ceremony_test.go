package cdp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual"
)

// An autofill request is answered once the person picks, and waits when there is nothing to pick from.
func TestConditionalGet(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			cfg.ThinkTime = 20 * time.Millisecond
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(t.Context(), html(t, "conditional")))
			waiting := `window.got = undefined; window.controller = new AbortController();
				navigator.credentials.get({mediation: "conditional", signal: controller.signal, publicKey: {rpId: "localhost", challenge: new Uint8Array(16)}})
				.then(c => { got = c.id }, e => { got = e.name }); 1`
			evaluate[int](t, p, waiting)
			evaluate[int](t, p, `new Promise(r => setTimeout(r, 150, 0))`)
			if got := evaluate[*string](t, p, `window.got ?? null`); got != nil {
				t.Fatalf("without a passkey: %q, want it to wait", *got)
			}
			evaluate[int](t, p, `controller.abort(); 0`)
			must(t, p.ExpectText(t.Context(), "", "conditional"))
			if got := evaluate[string](t, p, `new Promise(r => setTimeout(r, 10)).then(() => got)`); got != "AbortError" {
				t.Fatalf("aborted: %q", got)
			}
			made := evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			if made.Error != "" {
				t.Fatal(made)
			}
			evaluate[int](t, p, waiting)
			if got := evaluate[string](t, p, `(async () => { while (!got) await new Promise(r => setTimeout(r, 5)); return got })()`); got != made.ID {
				t.Errorf("got %q, want %q", got, made.ID)
			}
		})
	}
}

func TestIgnoreAutofill(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			cfg.IgnoreAutofill = true
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			got := evaluate[string](t, p, `navigator.credentials.get({mediation: "conditional", signal: AbortSignal.timeout(100),
				publicKey: {rpId: "localhost", challenge: new Uint8Array(16)}}).then(() => "answered", e => e.name)`)
			if got != "TimeoutError" {
				t.Errorf("%q, want to wait until the page gives up", got)
			}
		})
	}
}

// What ends badly ends with the browser's own names, on both roads.
func TestFailures(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			made := evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			exclude := fmt.Sprintf(`excludeCredentials: [{type: "public-key", id: Uint8Array.from(atob(%q.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0))}],`, made.ID)
			for want, script := range map[string]string{
				"InvalidStateError": createScript("localhost", "bob", exclude),
				"SecurityError":     getScript("elsewhere.localhost", ""),
				"NotAllowedError":   getScript("localhost", `allowCredentials: [{type: "public-key", id: new Uint8Array(32)}]`),
				"AbortError":        `{ const c = new AbortController(); c.abort(); navigator.credentials.get({signal: c.signal, publicKey: {challenge: new Uint8Array(16)}}).then(c => c.toJSON(), e => ({error: e.name})) }`,
				"TypeError":         `navigator.credentials.get({publicKey: {}}).then(c => c.toJSON(), e => ({error: e.name}))`,
			} {
				if got := evaluate[outcome](t, p, script); got.Error != want {
					t.Errorf("%s: got %+v", want, got)
				}
			}
			must(t, d.SetUserPresent(t.Context(), false))
			got := evaluate[outcome](t, p, `navigator.credentials.get({publicKey: {timeout: 200, challenge: new Uint8Array(16)}}).then(c => c.toJSON(), e => ({error: e.name}))`)
			if got.Error != "NotAllowedError" {
				t.Errorf("nobody there: %+v", got)
			}
			twice := `Promise.allSettled([0, 1].map(() => navigator.credentials.get({publicKey: {timeout: 300, challenge: new Uint8Array(16)}}))).then(l => l.map(r => r.reason.name).sort().join())`
			if got := evaluate[string](t, p, twice); got != "NotAllowedError,OperationError" {
				t.Errorf("two at once: %s", got)
			}
			failed, err := p.Ceremonies(t.Context())
			must(t, err)
			if len(failed) != 9 {
				t.Errorf("%d ceremonies, want 9", len(failed))
			}
		})
	}
}

// A passkey travels from one device to the other and signs in there, on each road and between them.
func TestCopy(t *testing.T) {
	address := html(t, "")
	for from, fromCfg := range roads(t) {
		for to, toCfg := range roads(t) {
			t.Run(from+" to "+to, func(t *testing.T) {
				a, b := newDevice(t, chrome(t), fromCfg), newDevice(t, chrome(t), toCfg)
				must(t, a.Page().Goto(t.Context(), address))
				must(t, b.Page().Goto(t.Context(), address))
				made := evaluate[outcome](t, a.Page(), createScript("localhost", "alice", ""))
				list := a.Credentials()
				stored, err := a.Export(list[len(list)-1].ID)
				must(t, err)
				must(t, b.Import(t.Context(), stored))
				got := evaluate[outcome](t, b.Page(), getScript("localhost", ""))
				if got.ID != made.ID || got.Response.UserHandle != base64.RawURLEncoding.EncodeToString([]byte("alice")) {
					t.Errorf("made %+v, got %+v", made, got)
				}
				gone, err := b.Remove(t.Context(), stored.ID)
				must(t, err)
				if again := evaluate[outcome](t, b.Page(), getScript("localhost", `allowCredentials: [{type: "public-key", id: new Uint8Array(16)}]`)); !gone || again.Error != "NotAllowedError" {
					t.Errorf("after removal: %+v", again)
				}
			})
		}
	}
}

// Chrome's authenticator holds three discoverable credentials; a device holds any number, and the
// person can pick each.
func TestManyCredentials(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			var made []outcome
			for i := range 8 {
				o := evaluate[outcome](t, p, createScript("localhost", fmt.Sprintf("user%d", i), ""))
				if o.Error != "" {
					t.Fatalf("credential %d: %+v", i+1, o)
				}
				made = append(made, o)
			}
			if n := len(d.Credentials()); n != 8 {
				t.Errorf("%d credentials, want 8", n)
			}
			if got := evaluate[outcome](t, p, getScript("localhost", "")); got.ID != made[7].ID {
				t.Errorf("no choice: got %+v, want the newest", got)
			}
			d.SetChoice(t.Context(), d.Credentials()[2].ID, nil)
			if got := evaluate[outcome](t, p, getScript("localhost", "")); got.ID != made[2].ID {
				t.Errorf("choice by id: got %+v", got)
			}
			d.SetChoice(t.Context(), nil, []byte("user5"))
			if got := evaluate[outcome](t, p, getScript("localhost", "")); got.ID != made[5].ID {
				t.Errorf("choice by user: got %+v", got)
			}
			d.SetChoice(t.Context(), nil, nil)
			// The same user again: the old credential is replaced (CTAP 2.1 §6.1.2).
			evaluate[outcome](t, p, createScript("localhost", "user0", ""))
			if n := len(d.Credentials()); n != 8 {
				t.Errorf("%d credentials after one was replaced, want 8", n)
			}
		})
	}
}

// A window that a page opens has the device's passkeys too, and what is made there is on the device.
func TestPopup(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(t.Context(), html(t, `<button onclick="window.open(location.href + 'popup', '_blank', 'width=400,height=300')">Open</button>`)))
			first := evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			must(t, p.Click(t.Context(), `role=button[name="Open"]`))
			popup, err := d.Popup(t.Context())
			must(t, err)
			must(t, popup.WaitFor(t.Context(), "role=button"))
			if got := evaluate[outcome](t, popup, getScript("localhost", "")); got.ID != first.ID {
				t.Errorf("in the popup: %+v", got)
			}
			second := evaluate[outcome](t, popup, createScript("localhost", "bob", ""))
			if n := len(d.Credentials()); n != 2 {
				t.Errorf("%d credentials, want 2", n)
			}
			done, err := popup.Ceremonies(t.Context())
			must(t, err)
			if len(done) != 2 {
				t.Errorf("%d ceremonies in the popup, want 2", len(done))
			}
			evaluate[int](t, popup, `setTimeout(close); 0`)
			if got := evaluate[outcome](t, p, getScript("localhost", "")); got.ID != second.ID {
				t.Errorf("after the popup: %+v, want %s", got, second.ID)
			}
		})
	}
}

// Signal API calls change what is on the device.
func TestSignals(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			made := evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			evaluate[any](t, p, `PublicKeyCredential.signalCurrentUserDetails({rpId: "localhost", userId: "YWxpY2U", name: "alice2", displayName: "Alice II"}).then(() => 0)`)
			eventually(t, func() bool {
				c := d.Credentials()
				return len(c) == 1 && c[0].UserName == "alice2" && c[0].UserDisplayName == "Alice II"
			})
			evaluate[any](t, p, fmt.Sprintf(`PublicKeyCredential.signalUnknownCredential({rpId: "localhost", credentialId: %q}).then(() => 0)`, made.ID))
			eventually(t, func() bool { return len(d.Credentials()) == 0 })
			evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			evaluate[any](t, p, `PublicKeyCredential.signalAllAcceptedCredentials({rpId: "localhost", userId: "YWxpY2U", allAcceptedCredentialIds: []}).then(() => 0)`)
			eventually(t, func() bool { return len(d.Credentials()) == 0 })
			if n := len(d.Signals()); n != 3 {
				t.Errorf("%d signals, want 3", n)
			}
			if got := evaluate[string](t, p, `PublicKeyCredential.signalUnknownCredential({rpId: "elsewhere.localhost", credentialId: "AAAA"}).then(() => "", e => e.name)`); got != "SecurityError" {
				t.Errorf("foreign rp id: %q", got)
			}
		})
	}
}

// eventually waits for something that the browser reports in its own time.
func eventually(tb testing.TB, condition func() bool) {
	tb.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(5 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatal("it did not happen within 5 s")
		}
	}
}

// The relying party's host name is real to the browser: TLS with its own authority, rp ids of parent
// domains, related origins.
func TestHosts(t *testing.T) {
	tlsSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/webauthn" && r.Host == "example.test" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"origins": ["https://other.test"]}`))
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html>" + r.Host))
	}))
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(t.Context(), "https://login.example.test/"))
			made := evaluate[outcome](t, p, createScript("example.test", "alice", ""))
			if got := evaluate[outcome](t, p, getScript("example.test", "")); got.ID != made.ID || made.ID == "" {
				t.Errorf("made %+v, got %+v", made, got)
			}
			must(t, p.Goto(t.Context(), "https://other.test/"))
			related := evaluate[outcome](t, p, getScript("example.test", ""))
			if related.ID != made.ID {
				t.Errorf("related origin: %+v", related)
			}
			must(t, p.Goto(t.Context(), "https://unlisted.test/"))
			if got := evaluate[outcome](t, p, getScript("example.test", "")); got.Error != "SecurityError" {
				t.Errorf("unlisted origin: %+v", got)
			}
		})
	}
}

// A frame of another origin may use passkeys only if the page around it says so.
func TestFrames(t *testing.T) {
	inner := html(t, `<button id=b onclick="navigator.credentials.get({publicKey: {challenge: new Uint8Array(16), timeout: 3000}}).then(c => { const d = JSON.parse(new TextDecoder().decode(c.response.clientDataJSON)); out.textContent = d.crossOrigin + ' ' + d.topOrigin }, e => { out.textContent = e.name })">Go</button><p id=out></p>`)
	outer := html(t, fmt.Sprintf(`<iframe name=allowed allow="publickey-credentials-get" src=%q></iframe><iframe name=denied src=%q></iframe>`, inner, inner))
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(t.Context(), inner))
			evaluate[outcome](t, p, createScript("localhost", "alice", ""))
			must(t, p.Goto(t.Context(), outer))
			must(t, p.Click(t.Context(), `frame=denied >> role=button[name="Go"]`))
			must(t, p.ExpectText(t.Context(), `frame=denied >> #out`, "NotAllowedError"))
			must(t, p.Click(t.Context(), `frame=allowed >> role=button[name="Go"]`))
			must(t, p.ExpectText(t.Context(), `frame=allowed >> #out`, "true "+outer))
		})
	}
}

// Road (b) sends the page anything.
func TestTamper(t *testing.T) {
	var kinds []string
	cfg := DeviceConfig{Software: software(t, virtual.Config{}), Tamper: func(kind string, options, response json.RawMessage) (json.RawMessage, error) {
		kinds = append(kinds, kind)
		if kind == "get" && bytes.Contains(options, []byte("refuse.test")) {
			return nil, &virtual.Error{Name: virtual.ConstraintError, Message: "as the test wants it"}
		}
		return bytes.Replace(response, []byte(`"type":"public-key"`), []byte(`"type":"secret-key","response2":{"x":[1]}`), 1), nil
	}}
	d := newDevice(t, chrome(t), cfg)
	p := d.Page()
	must(t, p.Goto(t.Context(), html(t, "")))
	got := evaluate[struct {
		Type      string
		Response2 struct{ X []int }
	}](t, p, createScript("localhost", "alice", ""))
	if got.Type != "secret-key" || len(got.Response2.X) != 1 {
		t.Errorf("forged: %+v", got)
	}
	facts := evaluate[string](t, p, `navigator.credentials.get({publicKey: {challenge: new Uint8Array(16)}}).then(c => [c instanceof PublicKeyCredential,
		c.response instanceof AuthenticatorAssertionResponse, c.rawId instanceof ArrayBuffer, c.response.signature.byteLength > 60,
		c.response.userHandle.byteLength, c.type, Object.keys(c.getClientExtensionResults()).length].join())`)
	if facts != "true,true,true,true,5,secret-key,0" {
		t.Errorf("as the page sees it: %s", facts)
	}
	if len(kinds) != 2 || kinds[0] != "create" || kinds[1] != "get" {
		t.Errorf("kinds %v", kinds)
	}
}

// The split mode: a ceremony on a made-up page of any origin, without the relying party's page.
func TestSplit(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			options := json.RawMessage(`{"rp": {"id": "example.test", "name": "x"}, "user": {"id": "YWxpY2U", "name": "alice", "displayName": "Alice"},
				"challenge": "AAAAAAAAAAAAAAAAAAAAAA", "pubKeyCredParams": [{"type": "public-key", "alg": -7}], "authenticatorSelection": {"residentKey": "required"}}`)
			made, err := d.Create(t.Context(), virtual.CreateRequest{Origin: "https://login.example.test", Options: options})
			must(t, err)
			if list := d.Credentials(); len(list) != 1 || !bytes.Equal(list[0].ID, made.CredentialID) {
				t.Fatalf("credentials %+v", list)
			}
			second := bytes.Replace(options, []byte("YWxpY2U"), []byte("Ym9i"), 1)
			_, err = d.Create(t.Context(), virtual.CreateRequest{Origin: "https://login.example.test", Options: second})
			must(t, err)
			got, err := d.Get(t.Context(), virtual.GetRequest{
				Origin: "https://login.example.test", Options: json.RawMessage(`{"rpId": "example.test", "challenge": "AAAA"}`), CredentialID: made.CredentialID,
			})
			must(t, err)
			if !bytes.Equal(got.CredentialID, made.CredentialID) || string(got.UserHandle) != "alice" {
				t.Errorf("got %+v", got)
			}
			for range 10 { // pages have heard meanwhile that they have to ask for room
				got, err := d.Get(t.Context(), virtual.GetRequest{
					Origin: "https://login.example.test", Options: json.RawMessage(`{"rpId": "example.test", "challenge": "AAAA"}`), CredentialID: made.CredentialID,
				})
				must(t, err)
				if !bytes.Equal(got.CredentialID, made.CredentialID) {
					t.Fatal("another passkey answered than the one that was picked")
				}
			}
			_, err = d.Get(t.Context(), virtual.GetRequest{Origin: "https://login.example.test", Options: json.RawMessage(`{"rpId": "elsewhere.localhost", "challenge": "AAAA"}`)})
			if failure, ok := errors.AsType[*virtual.Error](err); !ok || failure.Name != virtual.SecurityError {
				t.Errorf("foreign rp id: %v", err)
			}
		})
	}
}
