package vault_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/vault"
)

func b64(b []byte) string { return webauthn.Base64URL(b).String() }

// credential is CXF's form of a passkey, with members replaced, added, or removed by nil.
func credential(t *testing.T, seed string, changes map[string]any) string {
	t.Helper()
	p := passkey(t, seed)
	return object(t, map[string]any{
		"type": "passkey", "credentialId": b64(p.ID), "rpId": p.RPID, "username": p.UserName,
		"userDisplayName": p.UserDisplayName, "userHandle": b64(p.UserHandle), "key": b64(p.PrivateKey),
	}, changes)
}

func object(t *testing.T, members, changes map[string]any) string {
	t.Helper()
	for name, value := range changes {
		members[name] = value
		if value == nil {
			delete(members, name)
		}
	}
	data, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func account(credentials ...string) string {
	return fmt.Sprintf(`{"id":"AA","username":"","email":"","collections":[],"items":[{"id":"AA","title":"x","creationAt":%d,"credentials":[%s]}]}`,
		made.Unix(), strings.Join(credentials, ","))
}

func extensions(of map[string]any) map[string]any { return map[string]any{"fido2Extensions": of} }

func hmacSecrets(with, without []byte) map[string]any {
	return extensions(map[string]any{
		"hmacCredentials": map[string]any{"algorithm": "hmac-sha256", "credWithUV": b64(with), "credWithoutUV": b64(without)},
	})
}

// TestReadCXF reads what exporters of all kinds may write: every loss is named with its place.
func TestReadCXF(t *testing.T) {
	t.Parallel()
	x25519, err := ecdh.X25519().NewPrivateKey(secret(9))
	if err != nil {
		t.Fatal(err)
	}
	const at = "$.items[0].credentials[0]"
	for _, test := range []struct {
		name  string
		data  string
		o     vault.ImportOptions
		names string   // user names of what arrives
		lost  []string // member @ place
		check func(*testing.T, virtual.StoredCredential)
	}{
		{name: "an account", data: account(credential(t, "a", nil)), names: "a"},
		{name: "a header", data: `{"version":{"major":1,"minor":0},"accounts":[` + account(credential(t, "a", nil)) + `]}`, names: "a"},
		{name: "a minor version to come", data: `{"version":{"major":1,"minor":9},"accounts":[` + account(credential(t, "a", nil)) + `]}`, names: "a"},
		{name: "two accounts", data: `{"accounts":[` + account(credential(t, "a", nil)) + "," + account(credential(t, "b", nil)) + `]}`, names: "a b"},
		{
			name: "a draft of 2024", names: "a",
			data: `{"version":0,"exporter":"x","accounts":[` + account(credential(t, "a", map[string]any{
				"username": nil, "userName": "a",
				"fido2Extensions": map[string]any{
					"hmacSecret": map[string]any{"alias": "x", "hmacSecret": b64(secret(3))},
					"largeBlob":  map[string]any{"size": 5, "alg": "none", "data": b64([]byte("plain"))},
				},
			})) + `]}`,
			check: func(t *testing.T, p virtual.StoredCredential) {
				t.Helper()
				if !bytes.Equal(p.PRFSecret, secret(3)) || string(p.LargeBlob) != "plain" {
					t.Errorf("prf %x, large blob %q", p.PRFSecret, p.LargeBlob)
				}
			},
		},
		{
			name: "other types beside it", names: "a",
			data: account(`{"type":"basic-auth","password":{}}`, credential(t, "a", nil), `{"type":"hologram"}`, `{}`, `7`),
			lost: []string{
				"basic-auth @ $.items[0].credentials[0]", "hologram @ $.items[0].credentials[2]",
				"credential @ $.items[0].credentials[3]", "credential @ $.items[0].credentials[4]",
			},
		},
		{name: "an item of nothing", data: `{"id":"AA","items":[{}]}`, lost: []string{"item @ $.items[0]"}},
		{name: "two of an item", data: account(credential(t, "a", nil), credential(t, "b", nil)), names: "a b"},
		{
			name: "two of an item for a provider of one", data: account(credential(t, "a", nil), credential(t, "b", nil)),
			o: vault.ImportOptions{OnePerItem: true}, names: "a", lost: []string{"passkey @ $.items[0].credentials[1]"},
		},
		{
			name: "the same twice", data: account(credential(t, "a", nil), credential(t, "a", nil)), names: "a",
			lost: []string{"passkey @ $.items[0].credentials[1]"},
		},
		{
			name: "padded standard base64", names: "a",
			data: account(credential(t, "a", map[string]any{"key": base64.StdEncoding.EncodeToString(pkcs8(t, webauthn.ES256, "a"))})),
		},
		{
			name: "names missing", data: account(credential(t, "a", map[string]any{"username": nil, "userDisplayName": nil})), names: "",
			check: func(*testing.T, virtual.StoredCredential) {},
		},
		{
			name: "names that are none", data: account(credential(t, "a", map[string]any{"username": 7, "userDisplayName": []int{}})),
			lost:  []string{"user name @ " + at + ".username", "display name @ " + at + ".userDisplayName"},
			check: func(*testing.T, virtual.StoredCredential) {},
		},
		{name: "Ed25519", data: account(credential(t, "a", map[string]any{"key": b64(pkcs8(t, webauthn.EdDSA, "a"))})), names: "a"},
		{name: "P-384", data: account(credential(t, "a", map[string]any{"key": b64(pkcs8(t, webauthn.ES384, "a"))})), names: "a"},
		{
			name: "P-384 for a provider without", data: account(credential(t, "a", map[string]any{"key": b64(pkcs8(t, webauthn.ES384, "a"))})),
			o: vault.ImportOptions{Algorithms: []string{"ES256"}}, lost: []string{"passkey @ " + at},
		},
		{
			name: "P-224", data: account(credential(t, "a", map[string]any{"key": b64(marshalKey(t, ecdsaKey(t, elliptic.P224(), "a")))})),
			lost: []string{"passkey @ " + at},
		},
		{
			name: "a key that cannot sign", data: account(credential(t, "a", map[string]any{"key": b64(marshalKey(t, x25519))})),
			lost: []string{"passkey @ " + at},
		},
		{name: "a garbage key", data: account(credential(t, "a", map[string]any{"key": "AAAA"})), lost: []string{"passkey @ " + at}},
		{name: "no base64", data: account(credential(t, "a", map[string]any{"credentialId": "%"})), lost: []string{"passkey @ " + at + ".credentialId"}},
		{name: "no user handle", data: account(credential(t, "a", map[string]any{"userHandle": nil})), lost: []string{"passkey @ " + at}},
		{name: "no RP ID", data: account(credential(t, "a", map[string]any{"rpId": ""})), lost: []string{"passkey @ " + at}},
		{name: "an empty ID", data: account(credential(t, "a", map[string]any{"credentialId": ""})), lost: []string{"passkey @ " + at}},
		{
			name: "a long ID", data: account(credential(t, "a", map[string]any{"credentialId": b64(make([]byte, 1024))})),
			lost: []string{"passkey @ " + at},
		},
		{
			name: "extensions kept", names: "a",
			data: account(credential(t, "a", hmacSecrets(secret(1), secret(1)))),
			check: func(t *testing.T, p virtual.StoredCredential) {
				t.Helper()
				if !bytes.Equal(p.PRFSecret, secret(1)) {
					t.Errorf("prf %x", p.PRFSecret)
				}
			},
		},
		{
			name: "another secret without user verification", names: "a",
			data: account(credential(t, "a", hmacSecrets(secret(1), secret(2)))),
			lost: []string{"prf @ " + at + ".fido2Extensions.hmacCredentials.credWithoutUV"},
			check: func(t *testing.T, p virtual.StoredCredential) {
				t.Helper()
				if !bytes.Equal(p.PRFSecret, secret(1)) {
					t.Errorf("prf %x, want the one with user verification", p.PRFSecret)
				}
			},
		},
		{
			name: "a short secret", names: "a", data: account(credential(t, "a", hmacSecrets(secret(1)[1:], secret(1)))),
			lost: []string{"prf @ " + at + ".fido2Extensions.hmacCredentials.credWithUV"},
		},
		{
			name: "another algorithm of the secret", names: "a",
			data: account(credential(t, "a", extensions(map[string]any{"hmacCredentials": map[string]any{"algorithm": "hmac-sha512"}}))),
			lost: []string{"prf @ " + at + ".fido2Extensions.hmacCredentials"},
		},
		{
			name: "extensions that the provider drops", names: "a", o: vault.ImportOptions{Extensions: []string{virtual.ExtensionCredBlob}},
			data: account(credential(t, "a", extensions(map[string]any{
				"credBlob":        b64([]byte("kept")),
				"largeBlob":       map[string]any{"uncompressedSize": 5, "data": b64([]byte("plain"))},
				"hmacCredentials": map[string]any{"algorithm": "hmac-sha256", "credWithUV": b64(secret(1)), "credWithoutUV": b64(secret(1))},
			}))),
			lost: []string{"prf @ " + at, "largeBlob @ " + at},
			check: func(t *testing.T, p virtual.StoredCredential) {
				t.Helper()
				if string(p.CredBlob) != "kept" || p.LargeBlob != nil || p.PRFSecret != nil {
					t.Errorf("%q %q %x", p.CredBlob, p.LargeBlob, p.PRFSecret)
				}
			},
		},
		{
			name: "a large blob of another size", names: "a",
			data: account(credential(t, "a", extensions(map[string]any{"largeBlob": map[string]any{"uncompressedSize": 4, "data": b64([]byte("plain"))}}))),
			lost: []string{"largeBlob @ " + at + ".fido2Extensions.largeBlob"},
		},
		{
			name: "a large blob that would fill the memory", names: "a",
			data: account(credential(t, "a", extensions(map[string]any{"largeBlob": map[string]any{"uncompressedSize": 1 << 31, "data": "AAAA"}}))),
			lost: []string{"largeBlob @ " + at + ".fido2Extensions.largeBlob"},
		},
		{
			name: "members nobody knows", names: "a",
			data: account(credential(t, "a", map[string]any{
				"fido2Extensions": map[string]any{"payments": true, "supplementalKeys": map[string]any{}}, "color": "red", "shape": "",
			})),
			lost: []string{
				"color @ " + at + ".color", "payments @ " + at + ".fido2Extensions.payments",
				"supplementalKeys @ " + at + ".fido2Extensions.supplementalKeys",
			},
		},
		{name: "payments that are none", data: account(credential(t, "a", extensions(map[string]any{"payments": false}))), names: "a"},
		{
			name: "a creation time of nonsense", names: "a",
			data: strings.Replace(account(credential(t, "a", nil)), strconv.FormatInt(made.Unix(), 10), `"yesterday"`, 1),
			lost: []string{"created @ $.items[0].creationAt"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			passkeys, lost := imported(t, "", test.data, test.o)
			compareLosses(t, test.lost, lost)
			var names []string
			for _, p := range passkeys {
				names = append(names, p.UserName)
				if p.SignCount != 0 || !p.Discoverable {
					t.Errorf("counter %d, discoverable %v", p.SignCount, p.Discoverable)
				}
			}
			if got := strings.Join(names, " "); got != test.names {
				t.Errorf("passkeys of %q, want of %q", got, test.names)
			}
			if test.check == nil {
				return
			}
			if len(passkeys) != 1 {
				t.Fatalf("%d passkeys", len(passkeys))
			}
			test.check(t, passkeys[0])
		})
	}
}

func compareLosses(t *testing.T, want []string, lost []vault.Loss) {
	t.Helper()
	var got []string
	for _, l := range lost {
		got = append(got, l.Member+" @ "+l.Place)
		if l.Why == "" || strings.HasSuffix(l.Why, ".") {
			t.Errorf("%s: why is %q", l.Member, l.Why)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lost (-want +got):\n%s\n%+v", diff, lost)
	}
}

// fido2 is Bitwarden's form of a passkey, with members replaced, added, or removed by nil.
func fido2(t *testing.T, seed string, changes map[string]any) string {
	t.Helper()
	p := passkey(t, seed)
	return object(t, map[string]any{
		"credentialId": webauthn.AAGUID(p.ID).String(), "keyType": "public-key", "keyAlgorithm": "ECDSA", "keyCurve": "P-256",
		"keyValue": b64(p.PrivateKey), "rpId": p.RPID, "userHandle": b64(p.UserHandle), "userName": p.UserName, "counter": "0",
		"rpName": "Example", "userDisplayName": p.UserDisplayName, "discoverable": "true", "creationDate": "2026-03-04T05:06:07.000Z",
	}, changes)
}

func TestReadBitwarden(t *testing.T) {
	t.Parallel()
	const at = "$.items[0].login.fido2Credentials[0]"
	for _, test := range []struct {
		name    string
		passkey map[string]any
		items   string // instead of an item with the passkey
		lost    []string
		gone    bool
		check   func(virtual.StoredCredential) bool
	}{
		{name: "as it is", check: func(p virtual.StoredCredential) bool {
			return p.Created.Equal(made) && bytes.Equal(p.ID, passkey(t, "a").ID) && p.Discoverable
		}},
		{
			name: "an ID of another length", passkey: map[string]any{"credentialId": "b64." + b64([]byte("short"))},
			check: func(p virtual.StoredCredential) bool { return string(p.ID) == "short" },
		},
		{name: "an ID of neither form", passkey: map[string]any{"credentialId": "short"}, gone: true, lost: []string{"passkey @ " + at + ".credentialId"}},
		{
			name: "a counter", passkey: map[string]any{"counter": "50"},
			check: func(p virtual.StoredCredential) bool { return p.SignCount == 50 },
		},
		{
			name: "numbers and booleans as such", passkey: map[string]any{"counter": 50, "discoverable": false},
			check: func(p virtual.StoredCredential) bool { return p.SignCount == 50 && !p.Discoverable },
		},
		{
			name: "nonsense", passkey: map[string]any{"counter": "-1", "discoverable": "maybe", "creationDate": "yesterday"},
			lost:  []string{"counter @ " + at + ".counter", "discoverable @ " + at + ".discoverable", "created @ " + at + ".creationDate"},
			check: func(p virtual.StoredCredential) bool { return p.SignCount == 0 && p.Discoverable },
		},
		{
			name: "without what may be missing", passkey: map[string]any{"userHandle": nil, "userName": nil, "userDisplayName": nil},
			check: func(p virtual.StoredCredential) bool { return len(p.UserHandle) == 0 },
		},
		{name: "a garbage key", passkey: map[string]any{"keyValue": "AAAA"}, gone: true, lost: []string{"passkey @ " + at}},
		{name: "a member nobody knows", passkey: map[string]any{"prfSecret": "x"}, lost: []string{"prfSecret @ " + at + ".prfSecret"}},
		{
			name: "what is no passkey", gone: true,
			items: `{"type":2,"secureNote":{}},{"type":3},{"type":4},{"type":5},{"type":99},7,` +
				`{"type":1,"login":{"username":"a","password":"secret","totp":"x","fido2Credentials":null}},{"type":1,"login":{"fido2Credentials":[7]}}`,
			lost: []string{
				"note @ $.items[0]", "credit-card @ $.items[1]", "identity @ $.items[2]", "ssh-key @ $.items[3]", "item @ $.items[4]",
				"item @ $.items[5]", "password @ $.items[6].login.password", "totp @ $.items[6].login.totp",
				"passkey @ $.items[7].login.fido2Credentials[0]",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			items := test.items
			if items == "" {
				items = `{"type":1,"login":{"fido2Credentials":[` + fido2(t, "a", test.passkey) + `]}}`
			}
			passkeys, lost := imported(t, "", `{"encrypted":false,"folders":[],"items":[`+items+`]}`, vault.ImportOptions{})
			compareLosses(t, test.lost, lost)
			if gone := len(passkeys) == 0; gone != test.gone {
				t.Fatalf("%d passkeys", len(passkeys))
			}
			if test.check != nil && !test.check(passkeys[0]) {
				t.Errorf("%+v", passkeys[0])
			}
		})
	}
}

func TestReadKeePassXC(t *testing.T) {
	t.Parallel()
	data, _ := exported(t, vault.KeePassXC, vault.ExportOptions{}, passkey(t, "a"))
	for _, test := range []struct {
		name, from, to string
		lost           []string
	}{
		{name: "as it is"},
		{name: "not PEM", from: "-----BEGIN", to: "BEGIN", lost: []string{"passkey @ $.privateKey"}},
		{name: "another PEM", from: " PRIVATE KEY", to: " ENCRYPTED PRIVATE KEY", lost: []string{"passkey @ $.privateKey"}},
		{name: "something after the key", from: `KEY-----\n"`, to: `KEY-----\nmore"`, lost: []string{"passkey @ $.privateKey"}},
		{name: "no ID", from: "credentialId", to: "id", lost: []string{"passkey @ $"}},
		{name: "a member nobody knows", from: "{", to: `{"flags": 7,`, lost: []string{"flags @ $.flags"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			later := made.Add(time.Hour)
			passkeys, lost := imported(t, "", strings.ReplaceAll(string(data), test.from, test.to), vault.ImportOptions{Now: later})
			if test.from == "" {
				passkeys, lost = imported(t, "", string(data), vault.ImportOptions{Now: later})
			}
			compareLosses(t, test.lost, lost)
			if len(passkeys) == 1 && !passkeys[0].Created.Equal(later) {
				t.Errorf("created %v", passkeys[0].Created)
			}
		})
	}
}

// TestFormatErrors damages files: each error has the place and, where there is something to do, a hint.
func TestFormatErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, data string
		format     vault.Format
		want, hint string
	}{
		{name: "nothing", data: " ", want: "byte 0, $: not JSON: unexpected end of JSON input", hint: "the file is empty"},
		{name: "cut off", data: `{"accounts": [`, want: "byte 13, $: not JSON: unexpected end of JSON input", hint: "the end of the file is missing"},
		{name: "a stray character", data: `{"accounts": x}`, want: "byte 13, $: not JSON: invalid character 'x'", hint: "damaged"},
		{name: "after a byte order mark", data: "\ufeff{x}", want: "byte 4, $: not JSON", hint: "damaged"},
		{name: "two documents", data: `{} {}`, want: "byte 3, $: not JSON: invalid character '{' after top-level value", hint: "damaged"},
		{name: "an archive", data: "PK\x03\x04...", want: "not JSON", hint: "ZIP"},
		{name: "a key", data: "-----BEGIN PRIVATE KEY-----", want: "not JSON", hint: "bare key"},
		{name: "UTF-16", data: "\xff\xfe{\x00", want: "not JSON", hint: "UTF-8"},
		{name: "a list", data: `[]`, want: "byte 0, $: want an object, got a list"},
		{name: "something else", data: `{"name":"x"}`, want: "no format that is known here", hint: ".passkey"},
		{name: "a member twice", data: `{"accounts":[],"accounts":[]}`, want: "byte 15, $.accounts: the member stands here a second time", hint: "keep one"},
		{name: "too deep", data: strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200), want: "nested deeper than 128 levels"},
		{name: "no list of accounts", data: `{"accounts":{}}`, want: "cxf: byte 12, $.accounts: want a list, got an object"},
		{name: "no account", data: `{"accounts":[7]}`, want: "$.accounts[0]: want an account, got a number"},
		{name: "no items", data: `{"accounts":[{"id":"AA"}]}`, want: `$.accounts[0]: the account has no "items"`, hint: "empty list"},
		{name: "credentials of no list", data: `{"accounts":[{"items":[{"credentials":"x"}]}]}`, want: "$.accounts[0].items[0].credentials: want a list, got text"},
		{name: "a later version", data: `{"version":{"major":2},"accounts":[]}`, want: `$.version.major: CXF version "2": want 1`, hint: "version 1"},
		{name: "a version of nothing", data: `{"version":{},"accounts":[]}`, want: `the version has no "major"`},
		{
			name: "the wrong format", format: vault.CXF, data: `{"encrypted":false,"items":[]}`,
			want: "this is not CXF, it is Bitwarden's JSON", hint: `import it as "bitwarden"`,
		},
		{name: "no items of Bitwarden", format: vault.Bitwarden, data: `{"encrypted":false}`, want: `the vault has no "items"`, hint: "empty list"},
		{name: "an account's key", data: `{"encrypted":true,"items":[]}`, want: "$.encrypted: the vault is encrypted by the key of the account", hint: "password protected"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := vault.Import(test.format, []byte(test.data), vault.ImportOptions{})
			failed, ok := errors.AsType[*vault.FormatError](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if text := failed.Error(); !strings.Contains(text, test.want) || !strings.Contains(failed.Hint, test.hint) || (test.hint == "") != (failed.Hint == "") {
				t.Errorf("%s (%s)\nwant %s (%s)", text, failed.Hint, test.want, test.hint)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]vault.ImportOptions{
		"options: backed up without being backup eligible": {BackedUp: true},
		`options: aaguid "x"`:                              {AAGUID: "x"},
		`options: algorithm "x"`:                           {Algorithms: []string{"x"}},
	} {
		if _, _, err := vault.Import(vault.CXF, []byte(account()), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %s", err, name)
		}
	}
	if _, _, err := vault.Import("1pux", nil, vault.ImportOptions{}); err == nil || !strings.Contains(err.Error(), `"cxf" "bitwarden" "keepassxc"`) {
		t.Errorf("an unknown format to read: %v", err)
	}
	if _, _, err := vault.Export("1pux", nil, vault.ExportOptions{}); err == nil || !strings.Contains(err.Error(), `"1pux"`) {
		t.Errorf("an unknown format to write: %v", err)
	}
	if _, _, err := vault.Export(vault.CXF, nil, vault.ExportOptions{Password: "x"}); err == nil {
		t.Error("a password where nothing is protected")
	}
	if _, _, err := vault.Export(vault.Bitwarden, nil, vault.ExportOptions{Password: "x", Random: bytes.NewReader(nil)}); err == nil {
		t.Error("no randomness")
	}
	passkeys, _ := imported(t, vault.CXF, account(credential(t, "a", nil)), vault.ImportOptions{
		AAGUID: strings.ToUpper("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"), BackupEligible: true, BackedUp: true, Transports: []string{"hybrid"},
	})
	got := passkeys[0].Credential
	if got.AAGUID != "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee" || !got.BackupEligible || !got.BackedUp || !cmp.Equal(got.Transports, []string{"hybrid"}) {
		t.Errorf("%+v", got)
	}
}
