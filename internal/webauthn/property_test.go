package webauthn

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestClientDataRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &ClientData{
			Type:        rapid.String().Draw(t, "type"),
			Challenge:   Base64URL(rapid.SliceOf(rapid.Byte()).Draw(t, "challenge")).String(),
			Origin:      rapid.String().Draw(t, "origin"),
			CrossOrigin: rapid.Bool().Draw(t, "crossOrigin"),
		}
		if c.CrossOrigin {
			c.TopOrigin = rapid.String().Draw(t, "topOrigin")
		}
		for _, name := range rapid.SliceOfDistinct(rapid.StringMatching(`x[a-z"<é]*`), rapid.ID[string]).Draw(t, "extra") {
			c.Extra = append(c.Extra, Member{Name: name, Value: json.RawMessage(`{"a": [1, "<"]}`)})
		}
		got, err := ParseClientData(c.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAuthenticatorDataRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &AuthenticatorData{
			Flags:     Flags(rapid.Byte().Draw(t, "flags")),
			SignCount: rapid.Uint32().Draw(t, "signCount"),
		}
		copy(a.RPIDHash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		if a.Flags.Has(FlagAT) {
			seed := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed")
			key, err := EncodeCOSEKey(EdDSA, ed25519.NewKeyFromSeed(seed).Public())
			if err != nil {
				t.Fatal(err)
			}
			a.Attested = &AttestedCredentialData{CredentialID: rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "id"), PublicKey: key}
			copy(a.Attested.AAGUID[:], seed)
		}
		if a.Flags.Has(FlagED) {
			extensions, err := EncodeCBOR(rapid.MapOf(rapid.String(), rapid.Bool()).Draw(t, "extensions"))
			if err != nil {
				t.Fatal(err)
			}
			a.Extensions = extensions
		}
		data, err := a.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseAuthenticatorData(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, got); diff != "" {
			t.Fatal(diff)
		}
		cut := rapid.IntRange(0, len(data)-1).Draw(t, "cut")
		if got, err := ParseAuthenticatorData(data[:cut]); err == nil || got != nil {
			t.Fatalf("cut to %d of %d bytes it still parses", cut, len(data))
		}
	})
}

func TestAttestationObjectRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statement, err := EncodeCBOR(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Byte())).Draw(t, "statement"))
		if err != nil {
			t.Fatal(err)
		}
		o := &AttestationObject{
			Format:    rapid.String().Draw(t, "format"),
			Statement: statement,
			AuthData:  rapid.SliceOf(rapid.Byte()).Draw(t, "authData"),
		}
		data, err := o.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if !CanonicalCBOR(data) {
			t.Fatalf("%x is not canonical", data)
		}
		got, err := ParseAttestationObject(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, got); diff != "" {
			t.Fatal(diff)
		}
	})
}
