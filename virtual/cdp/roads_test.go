package cdp

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// seen is what the relying party gets to see of a device: authenticator data and what comes with it.
type seen struct {
	Create, Get          string // flags
	CreateCount          uint32
	GetCount             uint32
	AAGUID, Format       string
	Algorithm            int
	Transports           string
	Attachment           string
	IDLength             int
	CreateExt, GetExt    string // client extension results
	CrossOriginInCreate  bool
	UserHandle           string
	AuthenticatorExtCBOR int
}

func look(tb testing.TB, p *Page, extensions, getExtensions, attestation string) seen {
	tb.Helper()
	var made virtual.Registration
	data, err := p.Evaluate(tb.Context(), createScript("localhost", "alice", fmt.Sprintf(`attestation: %q, extensions: %s`, attestation, extensions)))
	must(tb, err)
	if err := json.Unmarshal(data, &made); err != nil {
		tb.Fatalf("%s: %v", data, err)
	}
	var got virtual.Assertion
	data, err = p.Evaluate(tb.Context(), getScript("localhost", `extensions: `+getExtensions))
	must(tb, err)
	if err := json.Unmarshal(data, &got); err != nil {
		tb.Fatalf("%s: %v", data, err)
	}
	created, err := webauthn.ParseAuthenticatorData(made.AuthenticatorData)
	must(tb, err)
	asserted, err := webauthn.ParseAuthenticatorData(got.AuthenticatorData)
	must(tb, err)
	object, err := webauthn.ParseAttestationObject(made.AttestationObject)
	must(tb, err)
	return seen{
		Create: created.Flags.String(), Get: asserted.Flags.String(), CreateCount: created.SignCount, GetCount: asserted.SignCount,
		AAGUID: created.Attested.AAGUID.String(), Format: object.Format, Algorithm: made.Algorithm, Transports: strings.Join(made.Transports, ","),
		Attachment: made.Attachment, IDLength: len(made.CredentialID), CreateExt: string(made.ClientExtensionResults), GetExt: string(got.ClientExtensionResults),
		CrossOriginInCreate: bytes.Contains(made.ClientDataJSON, []byte(`"crossOrigin":true`)), UserHandle: string(got.UserHandle),
		AuthenticatorExtCBOR: len(created.Extensions),
	}
}

// What an RP sees of the two roads differs only as docs/browser.md says.
func TestRoadsDiffer(t *testing.T) {
	const props, none = `{credProps: true}`, `{}`
	want := seen{
		Create: "0x45 UP UV AT", Get: "0x05 UP UV", CreateCount: 1, GetCount: 2, AAGUID: "01020304-0506-0708-0102-030405060708",
		Format: "none", Algorithm: -7, Transports: "internal", Attachment: "platform", IDLength: 32,
		CreateExt: `{"credProps":{"rk":true}}`, GetExt: `{}`, UserHandle: "alice",
	}
	for _, c := range []struct {
		name string
		cfg  DeviceConfig
		want func(*seen)
	}{
		{"chrome", DeviceConfig{}, func(*seen) {}},
		{"software", DeviceConfig{Software: software(t, virtual.Config{})}, func(s *seen) {
			s.CreateCount, s.GetCount, s.AAGUID = 0, 0, "00000000-0000-0000-0000-000000000000"
		}},
		{"software made to look like chrome", DeviceConfig{Software: software(t, virtual.Config{
			AAGUID: "01020304-0506-0708-0102-030405060708", Counter: virtual.Counter{Policy: virtual.CounterPerCredential, Start: 1},
		})}, func(*seen) {}},
		{"chrome, synced", DeviceConfig{Authenticators: []Authenticator{synced()}}, func(s *seen) {
			s.Create, s.Get = "0x5d UP UV BE BS AT", "0x1d UP UV BE BS"
		}},
		{"software, synced", DeviceConfig{Software: software(t, virtual.Config{BackupEligible: true, BackedUp: true})}, func(s *seen) {
			s.Create, s.Get = "0x5d UP UV BE BS AT", "0x1d UP UV BE BS"
			s.CreateCount, s.GetCount, s.AAGUID = 0, 0, "00000000-0000-0000-0000-000000000000"
		}},
		{"chrome, security key", DeviceConfig{Authenticators: []Authenticator{SecurityKey()}}, func(s *seen) {
			s.AAGUID, s.Transports, s.Attachment = "00000000-0000-0000-0000-000000000000", "usb", "cross-platform"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newDevice(t, chrome(t), c.cfg).Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			want := want
			c.want(&want)
			if diff := cmp.Diff(want, look(t, p, props, none, "none")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func synced() Authenticator {
	a := PlatformAuthenticator()
	a.BackupDefault = Backup{Eligible: true, BackedUp: true}
	return a
}

// The options of Chrome's authenticators reach the relying party.
func TestAuthenticatorOptions(t *testing.T) {
	page := html(t, "")
	full := PlatformAuthenticator()
	full.PRF, full.LargeBlob = true, true
	p := newDevice(t, chrome(t), DeviceConfig{Authenticators: []Authenticator{full}}).Page()
	must(t, p.Goto(t.Context(), page))
	s := look(t, p, `{prf: {eval: {first: new Uint8Array(32)}}, largeBlob: {support: "preferred"}}`, `{prf: {eval: {first: new Uint8Array(32)}}}`, "direct")
	if !strings.Contains(s.CreateExt, `"results"`) || !strings.Contains(s.CreateExt, `"supported":true`) || !strings.Contains(s.GetExt, `"first"`) || s.Format != "packed" {
		t.Errorf("prf, large blob, direct attestation: %+v", s)
	}
	u2f := Authenticator{Protocol: "u2f", Transport: "usb", UserPresent: true}
	p = newDevice(t, chrome(t), DeviceConfig{Authenticators: []Authenticator{u2f}}).Page()
	must(t, p.Goto(t.Context(), page))
	var made virtual.Registration
	data, err := p.Evaluate(t.Context(), strings.Replace(createScript("localhost", "alice", `attestation: "direct"`), `"required"`, `"discouraged", userVerification: "discouraged"`, 1))
	must(t, err)
	must(t, json.Unmarshal(data, &made))
	if object, err := webauthn.ParseAttestationObject(made.AttestationObject); err != nil || object.Format != "fido-u2f" {
		t.Errorf("u2f: %+v, %v", object, err)
	}
}

// A credential that moves to another device with two authenticators goes to the one like its own.
func TestImportAmongTwo(t *testing.T) {
	address := html(t, "")
	both := DeviceConfig{Authenticators: []Authenticator{PlatformAuthenticator(), SecurityKey()}}
	for _, transport := range []string{"internal", "usb"} {
		from := PlatformAuthenticator()
		from.Transport = transport
		a, b := newDevice(t, chrome(t), DeviceConfig{Authenticators: []Authenticator{from}}), newDevice(t, chrome(t), both)
		must(t, a.Page().Goto(t.Context(), address))
		evaluate[outcome](t, a.Page(), createScript("localhost", "alice", ""))
		stored, err := a.Export(a.Credentials()[0].ID)
		must(t, err)
		must(t, b.Import(t.Context(), stored))
		must(t, b.Page().Goto(t.Context(), address))
		got := evaluate[struct{ AuthenticatorAttachment, ID string }](t, b.Page(), getScript("localhost", ""))
		want := map[string]string{"internal": "platform", "usb": "cross-platform"}[transport]
		if got.AuthenticatorAttachment != want || len(b.Credentials()) != 1 || b.Credentials()[0].Transports[0] != transport {
			t.Errorf("%s: %+v and %+v, want %s", transport, got, b.Credentials(), want)
		}
	}
}

// Of two authenticators the one that a person would take answers: the one with the passkey, or of the kind
// that the relying party asks for.
func TestTwoAuthenticators(t *testing.T) {
	d := newDevice(t, chrome(t), DeviceConfig{Authenticators: []Authenticator{PlatformAuthenticator(), SecurityKey()}})
	p := d.Page()
	must(t, p.Goto(t.Context(), html(t, "")))
	create := func(user, attachment, more string) string {
		return strings.Replace(createScript("localhost", user, more), `residentKey: "required"`, `residentKey: "required", authenticatorAttachment: `+attachment, 1)
	}
	type made struct{ AuthenticatorAttachment, ID, Error string }
	laptop := evaluate[made](t, p, create("alice", "undefined", ""))
	key := evaluate[made](t, p, create("bob", `"cross-platform"`, ""))
	if laptop.AuthenticatorAttachment != "platform" || key.AuthenticatorAttachment != "cross-platform" {
		t.Fatalf("made %+v and %+v", laptop, key)
	}
	for range 3 {
		for _, want := range []made{laptop, key} {
			listed := fmt.Sprintf(`[{type: "public-key", id: Uint8Array.from(atob(%q.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0))}]`, want.ID)
			if got := evaluate[made](t, p, getScript("localhost", "allowCredentials: "+listed)); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if got := evaluate[made](t, p, create("carol", "undefined", "excludeCredentials: "+listed)); got.Error != "InvalidStateError" {
				t.Errorf("excluded: %+v", got)
			}
		}
		if got := evaluate[made](t, p, getScript("localhost", "")); got != key {
			t.Errorf("of both: %+v, want the newest, %+v", got, key)
		}
		must(t, d.SetUserPresent(t.Context(), false))
		if got := evaluate[made](t, p, strings.Replace(getScript("localhost", ""), "5000", "100", 1)); got.Error != "NotAllowedError" {
			t.Errorf("nobody there: %+v", got)
		}
		must(t, d.SetUserPresent(t.Context(), true))
	}
}

func TestAuthenticatorMistakes(t *testing.T) {
	crash := SecurityKey()
	crash.CTAPVersion, crash.PRF, crash.HMACSecretMC = "2.2", true, true
	blob := SecurityKey()
	blob.CTAPVersion, blob.LargeBlob = "2.0", true
	for want, cfg := range map[string]DeviceConfig{
		"prf together with hmac-secret-mc crashes Chrome": {Authenticators: []Authenticator{crash}},
		"large blobs need":         {Authenticators: []Authenticator{blob}},
		"at most one internal":     {Authenticators: []Authenticator{PlatformAuthenticator(), PlatformAuthenticator()}},
		"exclude each other":       {Authenticators: []Authenticator{SecurityKey()}, Software: software(t, virtual.Config{})},
		"only a software device's": {Tamper: func(_ string, _, r json.RawMessage) (json.RawMessage, error) { return r, nil }},
		`transport "wifi"`:         {Authenticators: []Authenticator{{Protocol: "ctap2", CTAPVersion: "2.1", Transport: "wifi"}}},
	} {
		if _, err := chrome(t).NewDevice(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// False is sent where it means something: to credentials, user verification and override bits.
func TestNativeSwitches(t *testing.T) {
	ctx := t.Context()
	d := newDevice(t, chrome(t), DeviceConfig{Authenticators: []Authenticator{synced()}})
	p := d.Page()
	must(t, p.Goto(ctx, html(t, "")))
	evaluate[outcome](t, p, createScript("localhost", "alice", ""))
	flags := func() string {
		t.Helper()
		var got virtual.Assertion
		data, err := p.Evaluate(ctx, getScript("localhost", ""))
		must(t, err)
		if err := json.Unmarshal(data, &got); err != nil {
			return string(data)
		}
		a, err := webauthn.ParseAuthenticatorData(got.AuthenticatorData)
		must(t, err)
		return fmt.Sprint(a.Flags, " ", a.SignCount, " ", len(got.Signature) > 1)
	}
	id := d.Credentials()[0].ID
	no, count := false, uint32(40)
	must(t, d.SetProperties(ctx, id, Properties{BackedUp: &no, SignCount: &count}))
	if got := flags(); got != "0x0d UP UV BE 41 true" {
		t.Errorf("after BS off and count 40: %s", got)
	}
	if c := d.Credentials()[0]; c.BackedUp || !c.BackupEligible || c.SignCount != 41 {
		t.Errorf("credential: %+v", c)
	}
	must(t, d.SetOverride(ctx, Override{BogusSignature: true, BadUV: true}))
	if got := flags(); got != "0x09 UP BE 42 false" {
		t.Errorf("bogus signature, bad UV: %s", got)
	}
	must(t, d.SetOverride(ctx, Override{}))
	if got := flags(); got != "0x0d UP UV BE 43 true" {
		t.Errorf("honest again: %s", got)
	}
	must(t, d.SetUserVerified(ctx, false))
	if got := flags(); !strings.Contains(got, "NotAllowedError") {
		t.Errorf("not verified: %s", got)
	}
	software := newDevice(t, chrome(t), DeviceConfig{Software: software(t, virtual.Config{})})
	unsupported, ok := errors.AsType[*UnsupportedError](software.SetOverride(ctx, Override{}))
	if !ok || unsupported.Hint() == "" {
		t.Errorf("software: %v", unsupported)
	}
}

// A client outside the browser shares the device's session, and the other way round.
func TestCookies(t *testing.T) {
	ctx := t.Context()
	origin := site(t, nil)
	d := newDevice(t, chrome(t), DeviceConfig{})
	p := d.Page()
	must(t, p.Goto(ctx, origin+"/?autofill=off"))
	must(t, p.Fill(ctx, "label=New username", "alice"))
	must(t, p.Click(ctx, `role=button[name="Sign up"]`))
	must(t, p.WaitFor(ctx, `role=button[name="Sign out"]`))
	cookies, err := d.Cookies(ctx, origin)
	must(t, err)
	jar, err := cookiejar.New(nil)
	must(t, err)
	u, err := url.Parse(origin)
	must(t, err)
	jar.SetCookies(u, cookies)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/api/whoami", nil)
	must(t, err)
	response, err := (&http.Client{Jar: jar}).Do(request)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != http.StatusOK {
		t.Errorf("whoami with %d cookies: status %d", len(cookies), response.StatusCode)
	}
	other := newDevice(t, chrome(t), DeviceConfig{})
	must(t, other.SetCookies(ctx, origin, cookies))
	must(t, other.Page().Goto(ctx, origin+"/?autofill=off"))
	must(t, other.Page().WaitFor(ctx, `role=button[name="Sign out"]`))
	if foreign, err := d.Cookies(ctx, "http://other.localhost/"); err != nil || len(foreign) > 0 {
		t.Errorf("another host's cookies: %v, %v", foreign, err)
	}
}

// The measurements survive a page that leaves after its ceremony.
func TestCeremoniesAcrossPages(t *testing.T) {
	ctx := t.Context()
	origin := site(t, func(c *demorp.Config) { c.Attestation = "direct" })
	p := newDevice(t, chrome(t), DeviceConfig{}).Page()
	must(t, p.Goto(ctx, origin+"/?autofill=off"))
	must(t, p.WaitFor(ctx, `role=button[name="Sign up"]`)) // the page's own first request has ended
	// Not awaited: the answer could come after the page has left.
	evaluate[int](t, p, `void fetch("/healthz").then(r => r.text()).then(() => `+createScript("localhost", "alice", "")+`).then(() => { location.href = "/?autofill=off&next" }), 0`)
	eventually(t, func() bool { return strings.HasSuffix(p.URL(), "&next") })
	must(t, p.WaitFor(ctx, `role=button[name="Sign up"]`))
	done, err := p.Ceremonies(ctx)
	must(t, err)
	if len(done) != 1 {
		t.Fatalf("%+v", done)
	}
	if done[0].OptionsRequest == nil || !strings.HasSuffix(done[0].OptionsRequest.URL, "/healthz") ||
		done[0].ResultRequest == nil || done[0].ResultRequest.Kind != "navigation" || done[0].ResultRequest.Status != 200 {
		t.Errorf("%+v %+v", done[0].OptionsRequest, done[0].ResultRequest)
	}
	if again, err := p.Ceremonies(ctx); err != nil || len(again) > 0 {
		t.Errorf("asked again: %v, %v", again, err)
	}
}

func TestTrace(t *testing.T) {
	ctx := t.Context()
	var traces []Trace
	d := newDevice(t, chrome(t), DeviceConfig{Trace: func(entry Trace) { traces = append(traces, entry) }})
	address := html(t, "<h1>Traced</h1>")
	must(t, d.Page().Goto(ctx, address+"/x"))
	must(t, d.Page().WaitFor(ctx, "role=heading"))
	if len(traces) != 2 || traces[0].Step.Action != ActionGoto {
		t.Fatalf("%+v", traces)
	}
	requests := slices.Concat(traces[0].Requests, traces[1].Requests)
	if len(requests) == 0 || requests[0].URL != address+"/x" || requests[0].Status != 200 || requests[0].Kind != "GET Document" {
		t.Errorf("requests %+v", requests)
	}
}

// Of rod only its protocol types are linked in: its client would read -rod off our command line.
func TestNoRodFlag(t *testing.T) {
	if flag.Lookup("rod") != nil {
		t.Error("rod registered its flag")
	}
}

// Every limit of the documentation is one of the table's.
func TestLimitsDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/browser.md")
	must(t, err)
	for _, l := range Limits() {
		row := fmt.Sprintf("| %s | %s | %s |", l.Topic, l.Chrome, l.Software)
		if !bytes.Contains(document, []byte(row)) {
			t.Errorf("docs/browser.md lacks the row\n%s", row)
		}
	}
}
