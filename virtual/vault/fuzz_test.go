package vault_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/vault"
)

func FuzzCXF(f *testing.F) {
	small := of(of(passkey(f, "a"), setAlgorithm(f, webauthn.EdDSA)), func(p *virtual.StoredCredential) {
		p.ID, p.UserHandle, p.UserDisplayName, p.LargeBlob = []byte{1}, []byte{2}, "", []byte("large")
	})
	data, _ := exported(f, vault.CXF, vault.ExportOptions{AccountOnly: true}, small)
	seed(f, data)
	f.Add([]byte(`{"version":{"major":1},"accounts":[{"items":[{"creationAt":1,"credentials":[{"type":"passkey","fido2Extensions":{"hmacCredentials":{"algorithm":"hmac-sha256","credWithUV":"AA"}}}]}]}]}`))
	f.Add([]byte(`{"version":0,"exporter":"x","accounts":[{"id":"AA","items":[{"credentials":[{"type":"totp"},{"type":"passkey","userName":"x","fido2Extensions":{"hmacSecret":{"secret":"AA"},"largeBlob":{"size":3,"data":"AAAA"}}}]}]}]}`))
	fuzz(f, vault.CXF)
}

func FuzzBitwarden(f *testing.F) {
	for _, password := range []string{"", "open sesame"} {
		data, _ := exported(f, vault.Bitwarden, vault.ExportOptions{Now: made, Password: password}, passkey(f, "one"))
		seed(f, data)
	}
	f.Add([]byte(`{"encrypted":true,"items":[]}`))
	f.Add([]byte(`{"encrypted":false,"items":[{"type":2},{"type":1,"login":{"password":"x","fido2Credentials":[{"credentialId":"b64.AA","counter":7,"discoverable":true,"creationDate":"x"}]}}]}`))
	fuzz(f, vault.Bitwarden)
}

func FuzzKeePassXC(f *testing.F) {
	data, _ := exported(f, vault.KeePassXC, vault.ExportOptions{}, of(passkey(f, "ed"), setAlgorithm(f, webauthn.EdDSA)))
	seed(f, data)
	f.Add([]byte(`{"relyingParty":"example.com","privateKey":"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}`))
	fuzz(f, vault.KeePassXC)
}

// seed adds a document without its spaces: the fuzzer takes long to make big inputs smaller.
func seed(f *testing.F, data []byte) {
	f.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		f.Fatal(err)
	}
	f.Add(compact.Bytes())
}

// fuzz reads anything: no panic, errors with a place, and what was read survives being written and read again. It
// gives no password: there is nothing to find behind a MAC.
func fuzz(f *testing.F, format vault.Format) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := vault.Detect(data); err != nil {
			checkPlace(t, err, len(data))
		}
		once, _, err := vault.Import(format, data, vault.ImportOptions{Now: made})
		if err != nil {
			checkPlace(t, err, len(data))
			return
		}
		again, lost, err := vault.Export(format, once, vault.ExportOptions{Now: made})
		if err != nil {
			t.Fatal(err)
		}
		if again == nil {
			return
		}
		twice, _, err := vault.Import(format, again, vault.ImportOptions{Now: made})
		if err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
		if len(lost) == len(twice) { // the backup state of each, and nothing else
			if diff := cmp.Diff(once, twice); diff != "" {
				t.Fatalf("the second time:\n%s", diff)
			}
		}
	})
}

func checkPlace(t *testing.T, err error, size int) {
	t.Helper()
	failed, ok := errors.AsType[*vault.FormatError](err)
	if !ok || failed.Path == "" || failed.Offset < 0 || failed.Offset > int64(size) || failed.Problem == "" {
		t.Fatalf("an error without a place: %#v", err)
	}
}
