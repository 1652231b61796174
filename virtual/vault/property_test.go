package vault_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/vault"
)

// TestRoundTrip moves random passkeys through every format: what arrives has the same key, ID and user handle, and what
// is different afterwards is what was reported, no more and no less.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, format := range vault.Formats() {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				before := rapid.SliceOfNDistinct(passkeys(t), 0, 4, func(p virtual.StoredCredential) string { return string(p.ID) }).Draw(rt, "passkeys")
				o := vault.ExportOptions{
					Account: rapid.String().Draw(rt, "account"), Now: made.Add(time.Hour),
					AccountOnly: rapid.Bool().Draw(rt, "account only"),
				}
				data, lost, err := vault.Export(format, before, o)
				if err != nil {
					rt.Fatal(err)
				}
				var after []virtual.StoredCredential
				if data != nil {
					if found, err := vault.Detect(data); err != nil || found != format {
						rt.Fatalf("detected %q, %v", found, err)
					}
					var more []vault.Loss
					if after, more, err = vault.Import("", data, vault.ImportOptions{AAGUID: other, Transports: []string{"internal"}}); err != nil {
						rt.Fatal(err)
					}
					if len(more) > 0 {
						rt.Fatalf("what was exported is lost at the import: %v\n%s", more, data)
					}
				}
				for _, b := range before {
					reported := slices.DeleteFunc(slices.Clone(lost), func(l vault.Loss) bool { return !bytes.Equal(l.CredentialID, b.ID) })
					i := slices.IndexFunc(after, func(a virtual.StoredCredential) bool { return bytes.Equal(a.ID, b.ID) })
					if i < 0 {
						if diff := cmp.Diff([]string{vault.LossPasskey}, memberNames(reported)); diff != "" {
							rt.Errorf("a passkey that does not arrive:\n%s", diff)
						}
						continue
					}
					if diff := cmp.Diff(differences(b, after[i]), memberNames(reported)); diff != "" {
						rt.Errorf("what differs (-) and what is reported (+):\n%s", diff)
					}
					if a := after[i]; !bytes.Equal(a.PrivateKey, b.PrivateKey) || !bytes.Equal(a.UserHandle, b.UserHandle) || a.RPID != b.RPID {
						rt.Errorf("another key, user handle or RP ID: %v, was %v", a, b)
					}
				}
			})
		})
	}
}

// other is the AAGUID of the importing provider.
const other = "99999999-8888-7777-6666-555555555555"

// differences names the parts that are not what they were. A time is the same within the second, as CXF has it, and
// a part that was not there cannot be lost.
func differences(before, after virtual.StoredCredential) []string {
	var names []string
	note := func(name string, same bool) {
		if !same {
			names = append(names, name)
		}
	}
	sameBytes := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	note(vault.LossPRF, sameBytes(before.PRFSecret, after.PRFSecret))
	note(vault.LossCredBlob, sameBytes(before.CredBlob, after.CredBlob))
	note(vault.LossLargeBlob, sameBytes(before.LargeBlob, after.LargeBlob))
	note(vault.LossCounter, before.SignCount == after.SignCount)
	note(vault.LossAlgorithm, before.Algorithm == after.Algorithm)
	note(vault.LossDiscoverable, before.Discoverable == after.Discoverable)
	note(vault.LossUserName, before.UserName == after.UserName)
	note(vault.LossDisplayName, before.UserDisplayName == after.UserDisplayName)
	age := before.Created.Sub(after.Created)
	note(vault.LossCreated, before.Created.IsZero() || age >= 0 && age < time.Second)
	note(vault.LossAAGUID, before.AAGUID == "")
	note(vault.LossTransports, len(before.Transports) == 0)
	note(vault.LossBackupState, false) // the format says nothing of it, whatever the importing provider makes of it
	slices.Sort(names)
	return names
}

func passkeys(tb testing.TB) *rapid.Generator[virtual.StoredCredential] {
	tb.Helper()
	name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\xff", "<b>&\u2028", "naïve 🔑"}))
	blob := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 300))
	return rapid.Custom(func(rt *rapid.T) virtual.StoredCredential {
		seed := rapid.StringN(1, 8, -1).Draw(rt, "seed")
		alg := rapid.SampledFrom(webauthn.Algorithms()).Draw(rt, "algorithm")
		p := virtual.StoredCredential{
			Credential: virtual.Credential{
				ID: rapid.OneOf(
					rapid.SliceOfN(rapid.Byte(), 16, 16), rapid.SliceOfN(rapid.Byte(), 1, webauthn.MaxCredentialID),
				).Draw(rt, "id"),
				RPID:            rapid.SampledFrom([]string{"example.com", "login.example.org", "localhost"}).Draw(rt, "rp"),
				UserHandle:      rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(rt, "user handle"),
				UserName:        name.Draw(rt, "user name"),
				UserDisplayName: name.Draw(rt, "display name"),
				Algorithm:       int(alg),
				SignCount:       rapid.SampledFrom([]uint32{0, 0, 0, 1, 1<<32 - 1}).Draw(rt, "counter"),
				Discoverable:    rapid.Bool().Draw(rt, "discoverable"),
				BackupEligible:  rapid.Bool().Draw(rt, "be"),
				AAGUID:          rapid.SampledFrom([]string{"", "11111111-2222-3333-4444-555555555555"}).Draw(rt, "aaguid"),
				Transports:      rapid.SampledFrom([][]string{nil, {"usb"}, {"hybrid", "internal"}}).Draw(rt, "transports"),
				Created: rapid.SampledFrom([]time.Time{
					{},
					made, made.Add(123456789), time.Unix(0, 0), time.Unix(-1, 0), made.AddDate(8000, 0, 0),
					made.In(time.FixedZone("east", 3*3600)),
				}).Draw(rt, "created"),
			},
			PrivateKey: pkcs8(tb, alg, seed),
			CredBlob:   blob.Draw(rt, "credBlob"),
			LargeBlob:  blob.Draw(rt, "largeBlob"),
		}
		switch rapid.SampledFrom([]string{"", "", "32", "31", "key", "rp"}).Draw(rt, "special") {
		case "32":
			p.PRFSecret = secret(7)
		case "31":
			p.PRFSecret = secret(7)[1:]
		case "key":
			p.PrivateKey = []byte("garbage")
		case "rp":
			p.RPID = ""
		}
		return p
	})
}
