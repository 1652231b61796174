package fleet

import (
	"encoding/base64"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

const (
	testOrigin    = "https://example.org"
	testRPID      = "example.org"
	testChallenge = "AAECAwQFBgcICQoLDA0ODw"
)

// every has users of each algorithm.
var every = []Weighted{{"ES256", 2}, {"EdDSA", 1}, {"RS256", 1}}

// synced is the manner of most passkeys.
var synced = virtual.Config{BackupEligible: true, BackedUp: true, Transports: []string{"hybrid", "internal"}}

func newFleet(tb testing.TB, cfg Config) *Fleet {
	tb.Helper()
	if cfg.Count == 0 && cfg.Import == nil {
		cfg.Count = 1000
	}
	if cfg.PoolSize == 0 {
		cfg.PoolSize = batchSize
	}
	if cfg.State == "" {
		cfg.State = filepath.Join(tb.TempDir(), "state")
	}
	cfg.Origin, cfg.RPID, cfg.Adapter = testOrigin, testRPID, "test"
	f, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := f.Close(); err != nil {
			tb.Error(err)
		}
	})
	return f
}

// handle is the user handle that the tests' relying party gives a user.
func handle(user int64) []byte {
	return []byte("handle-" + strings.Repeat("x", int(user%30)) + string(rune('0'+user%10)))
}

func enroll(tb testing.TB, f *Fleet, user int64) *User {
	tb.Helper()
	if err := f.Enroll(user, handle(user), true); err != nil {
		tb.Fatal(err)
	}
	u := &User{}
	f.User(user, u)
	return u
}

func options() *Options {
	return &Options{Challenge: []byte(testChallenge), RPID: []byte(testRPID)}
}

func creationOptions() *CreationOptions {
	return &CreationOptions{
		Options:    *options(),
		Algorithms: []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.RS256},
	}
}

// publicKey is the user's, by way of the registration.
func publicKey(tb testing.TB, f *Fleet, u *User) *webauthn.COSEKey {
	tb.Helper()
	var r Registration
	if err := f.Register(&r, u, testOrigin, creationOptions()); err != nil {
		tb.Fatal(err)
	}
	data, err := webauthn.ParseAuthenticatorData(r.AuthenticatorData.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := webauthn.ParseCOSEKey(data.Attested.PublicKey)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func TestUsersAreDerived(t *testing.T) {
	f := newFleet(t, Config{Seed: 42, Algorithms: every[:2]})
	u := &User{}
	f.User(17, u)
	// These values must never change: relying parties have been prepared with them.
	for what, pair := range map[string][2]string{
		"username":      {string(u.Username), "load-oprqv-17"},
		"email":         {string(u.Email), "load-oprqv-17@example.test"},
		"display name":  {string(u.DisplayName), "User-oprqv-17"},
		"password":      {string(u.Password), "Pw-1XLfUfzKYL1AlK1F0luk59awc"},
		"credential id": {string(u.CredentialID.Text), "KTC1piT7Ene5O5JAG8cgU2kl-untkBncrZEoIWciRgU"},
		"algorithm":     {u.Algorithm.String(), "ES256"},
		"public key":    {base64.RawURLEncoding.EncodeToString(publicKeyDER(t, f, u)), "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEC3CtlvlEQbkSq7ip4Aq1j7zBkVg_dAQvit2zKh-jDfHBtPXGGXlYSUanyXBjMa1nNGp-BJZ3gJe8e7Sws61ukA"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", what, pair[0], pair[1])
		}
	}
}

func publicKeyDER(tb testing.TB, f *Fleet, u *User) []byte {
	tb.Helper()
	var r Registration
	if err := f.Register(&r, u, testOrigin, creationOptions()); err != nil {
		tb.Fatal(err)
	}
	return r.PublicKey.Bytes
}

func TestUsersDiffer(t *testing.T) {
	seen := map[string]string{}
	add := func(kind, value string) {
		if before := seen[value]; before != "" {
			t.Fatalf("%s %q was a %s before", kind, value, before)
		}
		seen[value] = kind
	}
	for _, cfg := range []Config{{Seed: 1}, {Seed: 2}, {Seed: 1, Prefix: "other-"}} {
		f := newFleet(t, cfg)
		u := &User{}
		for i := range int64(300) {
			f.User(i, u)
			add("username", string(u.Username))
			add("password", string(u.Password))
			add("credential id", string(u.CredentialID.Bytes))
			raw := f.keys.raw(u)
			add("key", string(raw[:]))
			add("Ed25519 seed", string(first(f.root.block(forEd25519, i, 0))))
		}
	}
}

func first(b [32]byte) []byte { return b[:] }

func TestUserTextsFitAnywhere(t *testing.T) {
	f := newFleet(t, Config{Seed: 3, Prefix: "a-1", Device: virtual.Config{CredentialIDLength: 71}})
	u := &User{}
	for i := range f.Count() {
		f.User(i, u)
		if strings.Trim(string(u.Username), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || !strings.HasPrefix(string(u.Username), "a-1") {
			t.Errorf("username %q", u.Username)
		}
		for _, text := range [][]byte{u.Email, u.DisplayName, u.Password} {
			if strings.ContainsFunc(string(text), notPlain) {
				t.Errorf("text %q", text)
			}
		}
		if p := string(u.Password); len(p) < 20 || !strings.ContainsAny(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") || !strings.ContainsAny(p, "0123456789") || !strings.ContainsAny(p, "-_") {
			t.Errorf("password %q", p)
		}
		if len(u.CredentialID.Bytes) != 71 || !u.Plain || u.Imported {
			t.Errorf("user %d: credential id of %d bytes, plain %v, imported %v", i, len(u.CredentialID.Bytes), u.Plain, u.Imported)
		}
	}
}

func TestAlgorithmsByWeight(t *testing.T) {
	f := newFleet(t, Config{Count: 20000, Algorithms: []Weighted{{"ES256", 8}, {"EdDSA", 1}, {"RS256", 1}}})
	counts := map[webauthn.Algorithm]int{}
	u := &User{}
	for i := range f.Count() {
		f.User(i, u)
		counts[u.Algorithm]++
	}
	for alg, want := range map[webauthn.Algorithm]int{webauthn.ES256: 16000, webauthn.EdDSA: 2000, webauthn.RS256: 2000} {
		if got := counts[alg]; got < want-300 || got > want+300 { // 5 standard deviations are 280
			t.Errorf("%d of 20000 users have %s, want about %d", got, alg, want)
		}
	}
}

func TestScalarsOutsideTheRangeMakeWay(t *testing.T) {
	one := [32]byte{31: 1}
	below := p256Order
	below[31]--
	for name, blocks := range map[string][][32]byte{
		"zero": {{}, one}, "n": {p256Order, one}, "all ones": {[32]byte([]byte(strings.Repeat("\xff", 32))), {}, one},
	} {
		if got := firstScalar(func(n uint32) [32]byte { return blocks[n] }); got != one {
			t.Errorf("%s: took %x", name, got)
		}
	}
	if !isScalar(&one) || !isScalar(&below) {
		t.Error("1 or n-1 is refused")
	}
}

func TestRSAKeysComeFromTheSeed(t *testing.T) {
	cfg := Config{Seed: 5, Algorithms: []Weighted{{"RS256", 1}}}
	f, again := newFleet(t, cfg), newFleet(t, cfg)
	for i, key := range f.keys.shared {
		if !key.Equal(again.keys.shared[i]) {
			t.Errorf("key %d differs", i)
		}
		if key.N.BitLen() != 2048 {
			t.Errorf("key %d has %d bits", i, key.N.BitLen())
		}
		for _, other := range f.keys.shared[:i] {
			if key.Equal(other) {
				t.Errorf("key %d is there twice", i)
			}
		}
	}
	if f.pool != nil || f.Pool() != (PoolStats{}) {
		t.Error("a fleet without ES256 has a nonce pool")
	}
	if err := f.Fill(t.Context(), 100, nil); err != nil {
		t.Error(err)
	}
}

func TestConfigMistakes(t *testing.T) {
	for want, cfg := range map[string]Config{
		"count 0":                            {},
		"count -1":                           {Count: -1},
		`prefix "Load"`:                      {Count: 1, Prefix: "Load"},
		`prefix "` + strings.Repeat("a", 33): {Count: 1, Prefix: strings.Repeat("a", 33)},
		`signing "fast"`:                     {Count: 1, Signing: "fast"},
		`algorithm "ES384"`:                  {Count: 1, Algorithms: []Weighted{{"ES384", 1}}},
		"weight -1":                          {Count: 1, Algorithms: []Weighted{{"ES256", 2}, {"EdDSA", -1}}},
		"all zero":                           {Count: 1, Algorithms: []Weighted{{"ES256", 0}}},
		"pool of -1":                         {Count: 1, PoolSize: -1},
		"backed up without":                  {Count: 1, Device: virtual.Config{BackedUp: true}},
		"counter policy":                     {Count: 1, Device: virtual.Config{Counter: virtual.Counter{Policy: "odd"}}},
	} {
		f, err := New(cfg)
		if err == nil {
			_ = f.Close()
			t.Errorf("%s: accepted", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to say %q", err, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	for want, cfg := range map[string]Config{
		"ES256, pooled nonces":                            {},
		"ES256, signed with the standard library":         {Signing: SigningFresh},
		"ES256, EdDSA, pooled nonces":                     {Algorithms: []Weighted{{"ES256", 1}, {"EdDSA", 1}, {"RS256", 0}}},
		"imported keys, signed with the standard library": {Import: strings.NewReader(line(t, "alice"))},
	} {
		if got := newFleet(t, cfg).Describe(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// seeded returns a repeatable random source.
func seeded(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }
