package virtual_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// Each signal touches the credentials of its user at its relying party, and no other.
func TestHeed(t *testing.T) {
	device := newDevice(t, virtual.Config{})
	alice := create(t, device, options{"user": userNamed("alice")}).CredentialID
	bob := create(t, device, options{"user": userNamed("bob")}).CredentialID
	elsewhere, err := device.Create(t.Context(), virtual.CreateRequest{
		Origin: "https://example.com", Options: creationOptions(options{"rp": options{"id": "example.com", "name": ""}, "user": userNamed("alice")}),
	})
	if err != nil {
		t.Fatal(err)
	}
	names := func() string {
		var list []string
		for _, c := range device.Credentials() {
			list = append(list, c.RPID, c.UserName, c.UserDisplayName)
		}
		return strings.Join(list, " ")
	}
	list := device.Credentials()
	rpID, user := list[0].RPID, list[0].UserHandle
	before := names()
	for _, c := range []struct {
		signal  virtual.Signal
		touched [][]byte
		left    int
	}{
		{virtual.Signal{Type: virtual.SignalUnknownCredential, RPID: rpID, CredentialID: elsewhere.CredentialID}, nil, 3},
		{virtual.Signal{Type: virtual.SignalUnknownCredential, RPID: rpID, CredentialID: []byte("never heard of")}, nil, 3},
		{virtual.Signal{Type: virtual.SignalAllAcceptedCredentials, RPID: rpID, UserHandle: user, Accepted: [][]byte{alice}}, nil, 3},
		{virtual.Signal{Type: virtual.SignalAllAcceptedCredentials, RPID: rpID, UserHandle: []byte("nobody")}, nil, 3},
		{virtual.Signal{Type: virtual.SignalCurrentUserDetails, RPID: rpID, UserHandle: user, Name: "alice2", DisplayName: "Alice II"}, [][]byte{alice}, 3},
		{virtual.Signal{Type: virtual.SignalCurrentUserDetails, RPID: rpID, UserHandle: user, Name: "alice2", DisplayName: "Alice II"}, nil, 3},
		{virtual.Signal{Type: virtual.SignalAllAcceptedCredentials, RPID: rpID, UserHandle: user}, [][]byte{alice}, 2},
		{virtual.Signal{Type: virtual.SignalUnknownCredential, RPID: rpID, CredentialID: bob}, [][]byte{bob}, 1},
	} {
		if diff := cmp.Diff(c.touched, device.Heed(c.signal)); diff != "" {
			t.Errorf("%+v touched (-want +got):\n%s", c.signal, diff)
		}
		if n := len(device.Credentials()); n != c.left {
			t.Errorf("%+v left %d credentials, want %d", c.signal, n, c.left)
		}
		if c.left == 3 && c.touched == nil && c.signal.Type != virtual.SignalCurrentUserDetails && names() != before {
			t.Errorf("%+v changed %s to %s", c.signal, before, names())
		}
	}
	if last := device.Credentials()[0]; !bytes.Equal(last.ID, elsewhere.CredentialID) || last.UserName == "alice2" {
		t.Errorf("the other relying party's credential: %+v", last)
	}
}

// A renamed credential keeps its place: it does not become the newest.
func TestHeedKeepsOrder(t *testing.T) {
	device := newDevice(t, virtual.Config{})
	create(t, device, options{"user": userNamed("alice")})
	bob := create(t, device, options{"user": userNamed("bob")}).CredentialID
	c := device.Credentials()[0]
	device.Heed(virtual.Signal{Type: virtual.SignalCurrentUserDetails, RPID: c.RPID, UserHandle: c.UserHandle, Name: "x", DisplayName: "y"})
	if got := device.Credentials(); got[0].UserName != "x" || !bytes.Equal(got[1].ID, bob) {
		t.Errorf("%+v", got)
	}
}

func TestParseSignal(t *testing.T) {
	for _, c := range []struct {
		method, options string
		want            virtual.Signal
	}{
		{"signalUnknownCredential", `{"rpId": "example.org", "credentialId": "AQI"}`, virtual.Signal{Type: virtual.SignalUnknownCredential, RPID: "example.org", CredentialID: []byte{1, 2}}},
		{"signalAllAcceptedCredentials", `{"rpId": "example.org", "userId": "AQ", "allAcceptedCredentialIds": ["AQI", "Aw"]}`, virtual.Signal{Type: virtual.SignalAllAcceptedCredentials, RPID: "example.org", UserHandle: []byte{1}, Accepted: [][]byte{{1, 2}, {3}}}},
		{"signalCurrentUserDetails", `{"rpId": "example.org", "userId": "AQ", "name": "a", "displayName": ""}`, virtual.Signal{Type: virtual.SignalCurrentUserDetails, RPID: "example.org", UserHandle: []byte{1}, Name: "a"}},
		{"signalUnknownCredential", `{"rpId": "example.org"}`, virtual.Signal{}},
		{"signalUnknownCredential", `{"rpId": "example.org", "credentialId": "!"}`, virtual.Signal{}},
		{"signalAllAcceptedCredentials", `{"rpId": "example.org", "userId": "AQ"}`, virtual.Signal{}},
		{"signalCurrentUserDetails", `{"rpId": "example.org", "userId": "AQ", "name": "a"}`, virtual.Signal{}},
		{"signalSomething", `{"rpId": "example.org"}`, virtual.Signal{}},
		{"signalUnknownCredential", `[]`, virtual.Signal{}},
	} {
		got, err := virtual.ParseSignal(c.method, json.RawMessage(c.options))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s(%s) (-want +got):\n%s", c.method, c.options, diff)
		}
		want := virtual.ErrorName("")
		if c.want.Type == "" {
			want = virtual.TypeError
		}
		wantError(t, err, want)
	}
}

// A page on a related origin may use the RP ID if the RP's document lists it among its first five labels
// (WebAuthn L3 §5.11.1).
func TestRelatedOrigins(t *testing.T) {
	labels := []string{"https://a.com", "https://b.com", "https://login.b.net", "https://c.com", "https://d.com", "https://e.co.uk"}
	for _, c := range []struct {
		origin  string
		origins []string
		want    bool
	}{
		{"https://other.com", []string{"https://other.com"}, true},
		{"https://other.com", []string{"https://www.other.com", "https://other.com:8443", "http://other.com"}, false},
		{"https://other.com", []string{"nonsense", "https://com", "https://192.0.2.1", "https://other.com/"}, true},
		{"https://other.com", append(labels[:5:5], "https://other.com"), true},
		{"https://other.com", append(labels[:6:6], "https://other.com"), false},
		{"https://b.co.uk", append(labels[:6:6], "https://b.co.uk"), true},
		{"https://other.com", nil, false},
	} {
		err := virtual.CheckRPID(testRPID, c.origin, c.origins)
		if (err == nil) != c.want {
			t.Errorf("%s with %q: %v, want allowed %v", c.origin, c.origins, err, c.want)
		}
		device := newDevice(t, virtual.Config{})
		made, createErr := device.Create(t.Context(), virtual.CreateRequest{Origin: c.origin, RelatedOrigins: c.origins, Options: creationOptions(nil)})
		_, getErr := device.Get(t.Context(), virtual.GetRequest{Origin: c.origin, RelatedOrigins: c.origins, Options: requestOptions(nil)})
		if !c.want {
			wantError(t, createErr, virtual.SecurityError)
			wantError(t, getErr, virtual.SecurityError)
			continue
		}
		wantError(t, createErr, "")
		wantError(t, getErr, "")
		if data, err := webauthn.ParseClientData(made.ClientDataJSON); err != nil || data.Origin != c.origin {
			t.Errorf("client data %s", made.ClientDataJSON)
		}
	}
}

// A page that is framed by itself by way of another is cross-origin too (WebAuthn L3 §5.8.1).
func TestFramedByItself(t *testing.T) {
	device := newDevice(t, virtual.Config{})
	for _, cross := range []bool{false, true} {
		made, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, TopOrigin: testOrigin, CrossOrigin: cross, Options: creationOptions(nil)})
		wantError(t, err, "")
		got, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, TopOrigin: testOrigin, CrossOrigin: cross, Options: requestOptions(nil)})
		wantError(t, err, "")
		for _, data := range [][]byte{made.ClientDataJSON, got.ClientDataJSON} {
			if parsed, err := webauthn.ParseClientData(data); err != nil || parsed.CrossOrigin != cross || (parsed.TopOrigin == testOrigin) != cross {
				t.Errorf("cross origin %v: %s, %v", cross, data, err)
			}
		}
	}
}
