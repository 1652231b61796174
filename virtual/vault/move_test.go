package vault_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/vault"
)

const creation = `{"rp":{"id":"example.com","name":"Example"},"user":{"id":"YW5uYQ","name":"anna","displayName":"Anna"},
	"challenge":"AAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}],"extensions":{"prf":{}}}`

const prf = `"prf":{"eval":{"first":"c2FsdA"}}`

func device(t *testing.T, c virtual.Config) *virtual.SoftwareDevice {
	t.Helper()
	c.Extensions = []string{virtual.ExtensionPRF, virtual.ExtensionLargeBlob}
	d, err := virtual.NewSoftwareDevice(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func create(t *testing.T, d *virtual.SoftwareDevice) *virtual.Registration {
	t.Helper()
	r, err := d.Create(t.Context(), virtual.CreateRequest{Origin: "https://example.com", Options: json.RawMessage(creation)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func get(t *testing.T, d *virtual.SoftwareDevice) *virtual.Assertion {
	t.Helper()
	a, err := d.Get(t.Context(), virtual.GetRequest{Origin: "https://example.com", Options: json.RawMessage(
		`{"rpId":"example.com","challenge":"AAAA","userVerification":"required","extensions":{` + prf + `}}`)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestMove makes a passkey at one provider, moves it to another, and signs in there: the relying party sees the same
// passkey, the flags of another provider, and the prf output that its data was encrypted with, or was told that it is lost.
func TestMove(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		format vault.Format
		lost   []string
	}{
		{vault.CXF, nil},
		{vault.Bitwarden, []string{vault.LossPRF}},
		{vault.KeePassXC, []string{vault.LossCreated, vault.LossDisplayName, vault.LossPRF}},
	} {
		t.Run(string(test.format), func(t *testing.T) {
			t.Parallel()
			from := device(t, virtual.Config{BackupEligible: true, BackedUp: true, CredentialIDLength: 16, AAGUID: "11111111-2222-3333-4444-555555555555"})
			registration := create(t, from)
			before, err := from.ExportCredential(registration.CredentialID)
			if err != nil {
				t.Fatal(err)
			}
			data, lost := exported(t, test.format, vault.ExportOptions{}, before)
			if diff := cmp.Diff(test.lost, memberNames(moved(lost))); diff != "" {
				t.Errorf("lost (-want +got):\n%s", diff)
			}
			passkeys, more := imported(t, "", string(data), vault.ImportOptions{AAGUID: other, BackupEligible: true})
			if len(more) > 0 {
				t.Errorf("lost at the import: %v", more)
			}
			to := device(t, virtual.Config{})
			if err := to.ImportCredential(passkeys[0]); err != nil {
				t.Fatal(err)
			}
			a := get(t, to)
			public, err := x509.ParsePKIXPublicKey(registration.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			clientData := sha256.Sum256(a.ClientDataJSON)
			signed := sha256.Sum256(append(bytes.Clone(a.AuthenticatorData), clientData[:]...))
			if !bytes.Equal(a.CredentialID, registration.CredentialID) || !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), signed[:], a.Signature) {
				t.Error("the moved passkey does not sign in")
			}
			const be, bs = 0x08, 0x10
			if flags := a.AuthenticatorData[32]; flags&(be|bs) != be {
				t.Errorf("flags %08b, want those of the importing provider", flags)
			}
			if same := string(get(t, from).ClientExtensionResults) == string(a.ClientExtensionResults); same != (test.format == vault.CXF) {
				t.Errorf("the same prf output: %v", same)
			}
		})
	}
}

// TestExportCounting leaves passkeys that count out of CXF, and says so.
func TestExportCounting(t *testing.T) {
	t.Parallel()
	d := device(t, virtual.Config{CredentialIDLength: 16, Counter: virtual.Counter{Policy: virtual.CounterPerCredential}})
	id := create(t, d).CredentialID
	get(t, d)
	stored, err := d.ExportCredential(id)
	if err != nil {
		t.Fatal(err)
	}
	data, lost := exported(t, vault.CXF, vault.ExportOptions{}, stored)
	passkeys, _ := imported(t, "", string(data), vault.ImportOptions{})
	want := []vault.Loss{{CredentialID: id, RPID: "example.com", Member: vault.LossPasskey, Why: "its signature counter is 1, and CXF leaves out passkeys that count"}}
	if diff := cmp.Diff(want, lost); diff != "" || len(passkeys) != 0 {
		t.Errorf("%d passkeys; lost (-want +got):\n%s", len(passkeys), diff)
	}
	data, _ = exported(t, vault.Bitwarden, vault.ExportOptions{}, stored)
	passkeys, _ = imported(t, "", string(data), vault.ImportOptions{})
	if len(passkeys) != 1 || passkeys[0].SignCount != 1 {
		t.Errorf("Bitwarden's JSON keeps the counter: %+v", passkeys)
	}
}
