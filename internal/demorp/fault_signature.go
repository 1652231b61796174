package demorp

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // one fault verifies signatures with it
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// signatureFaults are mistakes in verifying an assertion's signature and in judging its counter.
func signatureFaults() []Fault {
	return slices.Concat([]Fault{
		{Name: "signature-unchecked", Doc: "signatures are not verified", drops: []string{"signature"}},
		{Name: "signature-client-data-loose", Doc: "a signature is taken that covers authenticator data alone", forgives: forgivesSignature(func(a *attempt) bool {
			return signs(a, a.rawAuthData)
		})},
		{Name: "signature-zero", Doc: "ECDSA numbers out of range are taken: with r and s zero everything verifies", forgives: forgivesSignature(func(a *attempt) bool {
			numbers, ok := ecdsaNumbers(a.signature)
			return ok && numbers.R.Cmp(numbers.S) == 0
		})},
		{Name: "signature-raw", Doc: "ECDSA signatures are also taken as two bare numbers", forgives: forgivesSignature(func(a *attempt) bool {
			half := len(a.signature) / 2
			return signsECDSA(a, new(big.Int).SetBytes(a.signature[:half]), new(big.Int).SetBytes(a.signature[half:]))
		})},
		{Name: "signature-der-lenient", Doc: "ECDSA signatures may be followed by bytes, and their numbers padded", forgives: forgivesSignature(func(a *attempt) bool {
			numbers, ok := lenientNumbers(a.signature)
			return ok && signsECDSA(a, numbers.R, numbers.S)
		})},
		{Name: "signature-low-s", Doc: "ECDSA signatures with a high s are refused from authenticators with NFC", minds: func(a *attempt) error {
			numbers, ok := ecdsaNumbers(a.signature)
			if ok && numbers.S.BitLen() == 256 && slices.Contains(a.passkey.Transports, "nfc") { // half the order of P-256 has 255 bits
				return errors.New("s is high")
			}
			return nil
		}},
		{Name: "signature-short-refused", Doc: "ECDSA signatures of smart cards are refused one of whose numbers is a byte shorter than usual", minds: func(a *attempt) error {
			numbers, ok := ecdsaNumbers(a.signature)
			if ok && min(numbers.R.BitLen(), numbers.S.BitLen()) <= 31*8 && slices.Contains(a.passkey.Transports, "smart-card") {
				return errors.New("a number of the signature is short")
			}
			return nil
		}},
		{Name: "signature-algorithm-any", Doc: "an RSA signature is taken with any hash and padding", forgives: forgivesSignature(signsRSA)},
	}, counterFaults())
}

func counterFaults() []Fault {
	refuse := func(bad func(stored, received uint32, backupEligible bool) bool) func(*attempt) error {
		return func(a *attempt) error {
			if a.attestation == nil && bad(a.passkey.SignCount, a.authData.Counter, a.passkey.BackupEligible) {
				return errors.New("the signature counter is not what was expected")
			}
			return nil
		}
	}
	return []Fault{
		{Name: "counter-zero-refused", Doc: "a passkey that stays on its device has to count: zero after zero is refused", minds: refuse(func(stored, received uint32, eligible bool) bool {
			return stored == 0 && received == 0 && !eligible
		})},
		{Name: "counter-signed", Doc: "counters are compared as signed numbers, so that those of 2^31 and more are refused", minds: refuse(func(stored, received uint32, _ bool) bool {
			return int32(received) < int32(stored) //nolint:gosec // G115: this is the mistake
		})},
		{Name: "counter-steps", Doc: "a counter that goes up by more than one is refused", minds: refuse(func(stored, received uint32, _ bool) bool {
			return stored > 0 && received > stored+1
		})},
	}
}

// forgivesSignature forgives the step that verifies the signature.
func forgivesSignature(taken func(a *attempt) bool) func(string, *attempt) bool {
	return func(step string, a *attempt) bool { return step == "signature" && taken(a) }
}

// numbers are an ECDSA signature (RFC 3279 §2.2.3).
type numbers struct{ R, S *big.Int }

func ecdsaNumbers(signature []byte) (numbers, bool) {
	var n numbers
	rest, err := asn1.Unmarshal(signature, &n)
	return n, err == nil && len(rest) == 0
}

// lenientNumbers also reads numbers with leading zeros, and does not mind what follows.
func lenientNumbers(signature []byte) (numbers, bool) {
	var raw struct{ R, S asn1.RawValue }
	if _, err := asn1.Unmarshal(signature, &raw); err != nil {
		return numbers{}, false
	}
	return numbers{new(big.Int).SetBytes(raw.R.Bytes), new(big.Int).SetBytes(raw.S.Bytes)}, true
}

// signsECDSA reports whether the numbers are the attempt's right signature.
func signsECDSA(a *attempt, r, s *big.Int) bool {
	der, err := asn1.Marshal(numbers{r, s})
	if err != nil {
		return false
	}
	right := *a
	right.signature = der
	return (*verifier)(nil).signature(&right) == nil
}

// signs reports whether the attempt's signature is one of the message by the stored key.
func signs(a *attempt, message []byte) bool {
	key, err := webauthncose.ParsePublicKey(a.passkey.PublicKey)
	if err != nil {
		return false
	}
	ok, err := webauthncose.VerifySignature(key, message, a.signature)
	return ok && err == nil
}

// signsRSA reports whether the signature is right for the stored RSA key with some hash and padding.
func signsRSA(a *attempt) bool {
	var stored webauthncose.RSAPublicKeyData
	if err := webauthncbor.Unmarshal(a.passkey.PublicKey, &stored); err != nil || len(stored.Modulus) == 0 {
		return false
	}
	exponent, err := webauthncose.ParseRSAPublicKeyDataExponent(&stored)
	if err != nil {
		return false
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(stored.Modulus), E: exponent}
	clientData := sha256.Sum256(a.clientDataJSON)
	for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		h := hash.New()
		h.Write(a.rawAuthData)
		h.Write(clientData[:])
		sum := h.Sum(nil)
		if rsa.VerifyPKCS1v15(key, hash, sum, a.signature) == nil || rsa.VerifyPSS(key, hash, sum, a.signature, nil) == nil {
			return true
		}
	}
	return false
}
