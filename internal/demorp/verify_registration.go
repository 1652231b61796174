package demorp

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// minRSABits is the smallest RSA modulus accepted. Weaker keys can be forged with moderate means.
const minRSABits = 2048

// credentialID: §7.1 steps 25 and 27. The id outside has to be the attested one, of at most 1023 bytes; the decoder
// sees to the length.
func (*verifier) credentialID(a *attempt) error {
	if !bytes.Equal(a.rawID, a.authData.AttData.CredentialID) {
		return errors.New("credential id differs from the attested one")
	}
	return nil
}

// algorithmOffered: §7.1 step 20.
func (*verifier) algorithmOffered(a *attempt) error {
	var key webauthncose.PublicKeyData
	if err := webauthncbor.Unmarshal(a.authData.AttData.CredentialPublicKey, &key); err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	if !slices.Contains(a.ceremony.offered, key.Algorithm) {
		return fmt.Errorf("algorithm %d was not offered", key.Algorithm)
	}
	return nil
}

// publicKey: the guarantees of §5.8.5 and §6.5.1. A key that breaks them could never sign in, or anyone could.
func (*verifier) publicKey(a *attempt) error {
	raw := a.authData.AttData.CredentialPublicKey
	// go-webauthn hands out the key re-encoded canonically, so any other encoding is not found where the key was.
	const keyOffset = 37 + 16 + 2 // authenticator data header, AAGUID, credential id length (§6.1, §6.5.1)
	if !bytes.HasPrefix(a.rawAuthData[keyOffset+len(a.rawID):], raw) {
		return errors.New("public key is not in CTAP2 canonical form")
	}
	var members map[int64]webauthncbor.RawMessage
	if err := webauthncbor.Unmarshal(raw, &members); err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	key, err := webauthncose.ParsePublicKey(raw)
	if err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	var want int
	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		want = 5 // kty, alg, crv, x, y
	case webauthncose.OKPPublicKeyData:
		want = 4 // kty, alg, crv, x
	case webauthncose.RSAPublicKeyData:
		want = 4 // kty, alg, n, e
		if err := soundRSA(&k); err != nil {
			return err
		}
	default:
		return fmt.Errorf("public key: unexpected type %T", key)
	}
	if len(members) != want {
		return fmt.Errorf("public key has %d parameters, want the %d required ones only", len(members), want)
	}
	return nil
}

func soundRSA(key *webauthncose.RSAPublicKeyData) error {
	switch webauthncose.COSEAlgorithmIdentifier(key.Algorithm) {
	case webauthncose.AlgRS256, webauthncose.AlgPS256:
	default:
		return fmt.Errorf("public key: algorithm %d is not an RSA one", key.Algorithm)
	}
	if bits := new(big.Int).SetBytes(key.Modulus).BitLen(); bits < minRSABits {
		return fmt.Errorf("public key: RSA modulus has %d bits, want at least %d", bits, minRSABits)
	}
	exponent, err := webauthncose.ParseRSAPublicKeyDataExponent(key)
	if err != nil {
		return fmt.Errorf("public key: RSA exponent: %w", err)
	}
	if exponent < 3 || exponent%2 == 0 {
		return fmt.Errorf("public key: RSA exponent %d is not sound", exponent)
	}
	return nil
}

// attestationObject: §7.1 step 13. The decoder tolerates missing members and long-form CBOR, §2.4 and §6.5.4 do not.
// The order of map keys is let through; some authenticators get it wrong and nothing depends on it.
func (*verifier) attestationObject(a *attempt) error {
	var members map[string]webauthncbor.RawMessage
	if err := webauthncbor.Unmarshal(a.attestationObject, &members); err != nil {
		return fmt.Errorf("attestation object: %w", err)
	}
	statement := byte(cborMap)
	if a.attestation.Format == string(protocol.AttestationFormatCompound) {
		statement = cborArray
	}
	for _, member := range []struct {
		name  string
		major byte
	}{{"fmt", cborText}, {"authData", cborBytes}, {"attStmt", statement}} {
		if raw := members[member.name]; len(raw) == 0 || raw[0]>>5 != member.major {
			return fmt.Errorf("attestation object: member %q is missing or of the wrong type", member.name)
		}
	}
	var whole any
	if err := webauthncbor.Unmarshal(a.attestationObject, &whole); err != nil {
		return fmt.Errorf("attestation object: %w", err)
	}
	canonical, err := webauthncbor.Marshal(whole)
	if err != nil {
		return fmt.Errorf("attestation object: %w", err)
	}
	if len(canonical) != len(a.attestationObject) {
		return errors.New("attestation object is not in CTAP2 canonical form")
	}
	return nil
}

// CBOR major types (RFC 8949 §3.1).
const (
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
)

// attestationStatement: §7.1 steps 21 and 22. Who vouches for it is the next step's business. The library takes an x5c
// that is no array for self attestation, so it is read here first.
func (*verifier) attestationStatement(a *attempt) error {
	if _, err := chainOf(a.attestation); err != nil {
		return err
	}
	hash := sha256.Sum256(a.clientDataJSON)
	return a.attestation.VerifyAttestation(hash[:], nil, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
}
