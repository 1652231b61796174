package vault_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/vault"
)

// rsaKey is the one RSA key of these tests: Go makes none from a seed.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// pkcs8 makes a key of a seed.
func pkcs8(tb testing.TB, alg webauthn.Algorithm, seed string) []byte {
	tb.Helper()
	var key crypto.PrivateKey
	switch alg {
	case webauthn.EdDSA:
		sum := sha256.Sum256([]byte(seed))
		key = ed25519.NewKeyFromSeed(sum[:])
	case webauthn.RS256, webauthn.PS256:
		key = rsaKey()
	default:
		key = ecdsaKey(tb, alg.Curve(), seed)
	}
	return marshalKey(tb, key)
}

func ecdsaKey(tb testing.TB, curve elliptic.Curve, seed string) *ecdsa.PrivateKey {
	tb.Helper()
	sum := sha512.Sum512([]byte(seed))
	scalar := make([]byte, (curve.Params().BitSize+7)/8)
	copy(scalar[1:], sum[:])
	key, err := ecdsa.ParseRawPrivateKey(curve, scalar)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func marshalKey(tb testing.TB, key crypto.PrivateKey) []byte {
	tb.Helper()
	data, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

var made = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// passkey is a synced one with nothing special, of a seed.
func passkey(tb testing.TB, seed string) virtual.StoredCredential {
	tb.Helper()
	id := sha256.Sum256([]byte("id " + seed))
	return virtual.StoredCredential{
		Credential: virtual.Credential{
			ID: id[:16], RPID: "example.com", UserHandle: []byte("handle of " + seed),
			UserName: seed, UserDisplayName: "Somebody named " + seed,
			Algorithm: int(webauthn.ES256), Discoverable: true,
			BackupEligible: true, BackedUp: true,
			AAGUID: "11111111-2222-3333-4444-555555555555", Transports: []string{"hybrid", "internal"},
			Created: made,
		},
		PrivateKey: pkcs8(tb, webauthn.ES256, seed),
	}
}

// of changes a passkey.
func of(p virtual.StoredCredential, change func(*virtual.StoredCredential)) virtual.StoredCredential {
	change(&p)
	return p
}

func setAlgorithm(tb testing.TB, alg webauthn.Algorithm) func(*virtual.StoredCredential) {
	tb.Helper()
	return func(p *virtual.StoredCredential) {
		p.Algorithm, p.PrivateKey = int(alg), pkcs8(tb, alg, p.UserName)
	}
}

func secret(fill byte) []byte { return bytes.Repeat([]byte{fill}, 32) }

// moved lists what was lost without what every importing provider makes anew.
func moved(lost []vault.Loss) []vault.Loss {
	return slices.DeleteFunc(slices.Clone(lost), func(l vault.Loss) bool { return l.Renewed })
}

func memberNames(lost []vault.Loss) []string {
	var names []string
	for _, l := range lost {
		names = append(names, l.Member)
	}
	slices.Sort(names)
	return names
}

func exported(tb testing.TB, format vault.Format, o vault.ExportOptions, passkeys ...virtual.StoredCredential) ([]byte, []vault.Loss) {
	tb.Helper()
	data, lost, err := vault.Export(format, passkeys, o)
	if err != nil {
		tb.Fatal(err)
	}
	return data, lost
}

func imported(tb testing.TB, format vault.Format, data string, o vault.ImportOptions) ([]virtual.StoredCredential, []vault.Loss) {
	tb.Helper()
	passkeys, lost, err := vault.Import(format, []byte(data), o)
	if err != nil {
		if failed, ok := errors.AsType[*vault.FormatError](err); ok {
			tb.Fatalf("%v (%s)\n%s", err, failed.Hint, data)
		}
		tb.Fatalf("%v\n%s", err, data)
	}
	return passkeys, lost
}
