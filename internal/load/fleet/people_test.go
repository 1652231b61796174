package fleet

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual"
)

// passkey is a good one.
func passkey(tb testing.TB, user int64) *Passkey {
	tb.Helper()
	f := newFleet(tb, Config{Seed: 8})
	enroll(tb, f, user)
	p, err := f.Passkey(user)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// line is that of a user with the name.
func line(tb testing.TB, name string) string {
	tb.Helper()
	p := passkey(tb, 1)
	p.Username, p.Email, p.DisplayName = name, "", ""
	text, err := ExportLine(nil, p)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// Users that were exported are the same users when they are imported, and the relying party knows them.
func TestExportedUsersAreImported(t *testing.T) {
	rp := newOracle(t)
	device := virtual.Config{Counter: virtual.Counter{Policy: virtual.CounterPerCredential, Start: 5}}
	derived := newFleet(t, Config{Seed: 8, Algorithms: every, Device: device})
	known := map[int64]*oracleUser{}
	var file []byte
	u := &User{}
	for i := range int64(40) {
		derived.User(i, u)
		known[i] = rp.register(t, derived, u)
		rp.login(t, derived, u, known[i])
		p, err := derived.Passkey(i)
		if err != nil {
			t.Fatal(err)
		}
		if file, err = ExportLine(file, p); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{Import: bytes.NewReader(file), Device: device, State: filepath.Join(t.TempDir(), "state")}
	imported := newFleet(t, cfg)
	if imported.Count() != 40 || imported.Enrolled() != 40 || !imported.Imported() || derived.Imported() {
		t.Fatalf("%d users, %d enrolled", imported.Count(), imported.Enrolled())
	}
	if imported.pool != nil {
		t.Error("imported keys may be signed with pooled nonces")
	}
	if len(imported.people.rsa) > rsaKeys {
		t.Errorf("%d RSA keys are in memory, want each once", len(imported.people.rsa))
	}
	v := &User{}
	for i := range int64(40) {
		derived.User(i, u)
		imported.User(i, v)
		want := *u
		want.Imported = true
		if diff := cmp.Diff(want, *v); diff != "" {
			t.Errorf("user %d (-derived +imported):\n%s", i, diff)
		}
		rp.login(t, imported, v, known[i])
	}
	// Again with the same state file: the counters go on.
	if err := imported.state.file.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Import = bytes.NewReader(file)
	again := open(t, Config{Import: cfg.Import, Device: device, State: cfg.State, Origin: testOrigin, RPID: testRPID, Adapter: "test"})
	again.User(0, v)
	rp.login(t, again, v, known[0])
	if got := known[0].credentials[0].Authenticator.SignCount; got != 8 {
		t.Errorf("count %d, want 8", got)
	}
	imported.state = again.state // which the cleanup closes
}

func TestImportFillsIn(t *testing.T) {
	for name, want := range map[string][3]string{
		"alice":          {"alice@example.test", "alice", "plain"},
		"bob@acme.test":  {"bob@acme.test", "bob@acme.test", "plain"},
		"Zoë O'Connor 7": {"Zoë O'Connor 7@example.test", "Zoë O'Connor 7", "not plain"},
	} {
		f := newFleet(t, Config{Import: strings.NewReader("\n  \n" + line(t, name))})
		u := &User{}
		f.User(0, u)
		got := [3]string{string(u.Email), string(u.DisplayName), "not plain"}
		if u.Plain {
			got[2] = "plain"
		}
		if diff := cmp.Diff(want, got); diff != "" || string(u.Username) != name {
			t.Errorf("%s: username %s\n%s", name, u.Username, diff)
		}
	}
}

func TestFewerOfTheImported(t *testing.T) {
	other := passkey(t, 2)
	text, err := ExportLine([]byte(line(t, "alice")), other)
	if err != nil {
		t.Fatal(err)
	}
	if n := newFleet(t, Config{Count: 1, Import: bytes.NewReader(text)}).Count(); n != 1 {
		t.Errorf("%d users, want 1", n)
	}
	_, err = New(Config{Count: 3, Import: bytes.NewReader(text)})
	var hinted interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "3 are wanted, the imported file has 2") || !errors.As(err, &hinted) {
		t.Errorf("got %v", err)
	}
}

func TestImportMistakesNameTheLine(t *testing.T) {
	good := line(t, "alice")
	with := func(old, replacement string) string {
		changed := strings.Replace(good, old, replacement, 1)
		if changed == good {
			t.Fatalf("%q is not in the line", old)
		}
		return strings.Replace(changed, "alice", "bob", 1)
	}
	ecKey := func(curve elliptic.Curve) []byte {
		key, err := ecdsa.GenerateKey(curve, seeded(1))
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	withKey := func(der []byte) string {
		p := passkey(t, 1)
		p.PrivateKey = der
		return string(mustJSON(p))
	}
	for want, second := range map[string]string{
		"users.ndjson:2: not a whole JSON object":           `{"username":`,
		"users.ndjson:2: invalid character":                 `username: bob`,
		"users.ndjson:2: not a whole JSON":                  `[]`,
		"users.ndjson:2: not UTF-8":                         "{\"username\":\"\xff\"}",
		"users.ndjson:2: more than one JSON object":         strings.TrimSpace(good) + "{}",
		`users.ndjson:2: unknown field "signcounter"`:       with(`"signCount"`, `"signcounter"`),
		"users.ndjson:2: no username":                       `{}`,
		`users.ndjson:2: username "alice" is on line 1 too`: good,
		"users.ndjson:2: credentialId \"" + passkey(t, 1).CredentialID.String() + `" is on line 1 too`: strings.Replace(good, "alice", "bob", 1),
		"users.ndjson:2: signCount: a number -1 does not fit":                                          with(`"signCount":0`, `"signCount":-1`),
		"users.ndjson:2: username: a number does not fit":                                              `{"username":1}`,
		"users.ndjson:2: credentialId of 0 bytes":                                                      `{"username":"bob"}`,
		"users.ndjson:2: illegal base64url at byte 1":                                                  `{"username":"bob","credentialId":"A="}`,
		`users.ndjson:2: username "a\x00b" has a control`:                                              `{"username":"a\u0000b"}`,
		"users.ndjson:2: password of 1025 bytes":                                                       `{"username":"bob","password":"` + strings.Repeat("x", 1025) + `"}`,
		"users.ndjson:2: userHandle of 66 bytes":                                                       `{"username":"bob","credentialId":"AAAA","userHandle":"` + strings.Repeat("A", 88) + `"}`,
		`users.ndjson:2: algorithm "ES512"`:                                                            with("ES256", "ES512"),
		"users.ndjson:2: privateKey: not a PKCS #8":                                                    with(`"privateKey":"M`, `"privateKey":"A`),
		"users.ndjson:2: privateKey: a *ecdsa.PrivateKey is not for":                                   with("ES256", "EdDSA"),
		"users.ndjson:2: privateKey: a *ecdsa.PrivateKey is not for ES2":                               withKey(ecKey(elliptic.P384())),
		"users.ndjson:2: longer than 65536 bytes":                                                      strings.Repeat("x", 70000),
	} {
		_, err := New(Config{Import: strings.NewReader(good + second + "\n"), ImportName: "users.ndjson"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := New(Config{Import: strings.NewReader(""), ImportName: "users.ndjson"}); err == nil || !strings.Contains(err.Error(), "no users in it") {
		t.Errorf("got %v", err)
	}
	_, err := New(Config{Import: strings.NewReader(strings.Repeat("{}\n", 100)), ImportName: "users.ndjson"})
	if n := strings.Count(err.Error(), "no username"); n != maxMistakes {
		t.Errorf("%d mistakes are told, want %d", n, maxMistakes)
	}
}

func TestExportRefusesWhatImportWould(t *testing.T) {
	p := passkey(t, 1)
	p.CredentialID = nil
	if out, err := ExportLine([]byte("before"), p); err == nil || string(out) != "before" {
		t.Errorf("got %q, error %v", out, err)
	}
}

// Whatever a line is, it is refused or exported as the same passkey again.
func FuzzPasskey(f *testing.F) {
	f.Add([]byte(line(f, "alice")))
	f.Add([]byte(`{"username":"a","credentialId":"AA","privateKey":"AA","algorithm":"ES256","signCount":4294967295}`))
	f.Add([]byte(`{"username":"a"}{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, _, err := parsePasskey(text)
		if err != nil {
			return
		}
		again, err := ExportLine(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		q, _, err := parsePasskey(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p, q); diff != "" {
			t.Error(diff)
		}
	})
}

// Whatever a state file holds, it is opened or refused, and a refused one is left as it was.
func FuzzStateFile(f *testing.F) {
	h := func() *header { return &header{Seed: 1, Count: 3, Algorithms: []Weighted{{"ES256", 1}}} }
	path := filepath.Join(f.TempDir(), "seed")
	s, err := openState(path, h())
	if err != nil {
		f.Fatal(err)
	}
	if err := s.change(1, func(r *record) { r.enroll([]byte("x"), true, 3) }); err != nil {
		f.Fatal(err)
	}
	if err := s.close(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openState(path, h())
		if err != nil {
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
				t.Errorf("a refused file was changed, error %v", err)
			}
			return
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
}
