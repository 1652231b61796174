package vault_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/vault"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden writes down what every format makes of the same passkeys, byte for byte, and what it says is lost.
func TestGolden(t *testing.T) {
	t.Parallel()
	before := []virtual.StoredCredential{
		of(passkey(t, "anna"), func(p *virtual.StoredCredential) {
			p.PRFSecret, p.CredBlob = secret(0xab), []byte("a credBlob")
			p.LargeBlob = bytes.Repeat([]byte("large blob "), 20)
		}),
		of(passkey(t, "bob"), func(p *virtual.StoredCredential) {
			p.ID, p.SignCount, p.Discoverable = []byte("an id of no GUID's length"), 50, false
			p.BackupEligible, p.BackedUp = false, false
		}),
		of(passkey(t, "carl"), setAlgorithm(t, webauthn.EdDSA)),
		of(passkey(t, "dora"), setAlgorithm(t, webauthn.ES384)),
		of(passkey(t, "emil"), func(p *virtual.StoredCredential) { p.PrivateKey = []byte("garbage") }),
	}
	o := vault.ExportOptions{
		ExporterName: "Golden Keys", ExporterRPID: "keys.example", Account: "anna@example.com", Now: made.AddDate(0, 1, 0),
	}
	account, protected := o, o
	account.AccountOnly = true
	protected.Password, protected.Random = "open sesame", bytes.NewReader(bytes.Repeat([]byte{7}, 64))
	for _, test := range []struct {
		name   string
		format vault.Format
		o      vault.ExportOptions
	}{
		{"cxf.json", vault.CXF, o},
		{"cxf-account.json", vault.CXF, account},
		{"bitwarden.json", vault.Bitwarden, o},
		{"bitwarden-protected.json", vault.Bitwarden, protected},
		{"keepassxc.passkey", vault.KeePassXC, o},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data, lost := exported(t, test.format, test.o, before...)
			golden(t, test.name, data)
			var losses bytes.Buffer
			for _, l := range lost {
				fmt.Fprintf(&losses, "%x: %s: %s", l.CredentialID, l.Member, l.Why)
				if l.Renewed {
					losses.WriteString(" (renewed)")
				}
				losses.WriteByte('\n')
			}
			golden(t, test.name+".lost", losses.Bytes())
			again, more := imported(t, "", string(data), vault.ImportOptions{Password: test.o.Password, Now: made})
			if len(again) == 0 || len(more) != 0 {
				t.Errorf("%d passkeys come back, and are lost: %v", len(again), more)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (run with -update to accept):\n%s", path, diff)
	}
}
