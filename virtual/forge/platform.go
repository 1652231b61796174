package forge

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
)

// platformKinds are the statements of the platforms' own formats, under the forge's root instead of
// theirs. An RP that insists on the right root refuses them all.
func platformKinds() []Kind {
	return []Kind{
		formatKind("attestation-tpm", "the statement is tpm under the forge's own root: rightly, or with a broken signature, or certifying something else", tpmVariants()),
		formatKind("attestation-android-key", "the statement is android-key under the forge's own root: rightly, or with a broken signature, or for another challenge", androidVariants()),
		formatKind("attestation-apple", "the statement is apple under the forge's own root: rightly, or for another nonce", appleVariants()),
	}
}

// registeredKey returns the public key that is being registered.
func (r *response) registeredKey() (*webauthn.COSEKey, error) {
	return webauthn.ParseCOSEKey(r.auth.publicKey())
}

// withExtension adds an extension to a certificate; object is its value before DER encoding.
func withExtension(oid asn1.ObjectIdentifier, object any) func(*response, *x509.Certificate) error {
	return func(_ *response, c *x509.Certificate) error {
		value, err := asn1.Marshal(object)
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oid, Value: value})
		return err
	}
}

// apple makes the statement of WebAuthn L3 §8.8 with a nonce.
func (r *response) apple(nonce [32]byte) (statement, error) {
	key, err := r.registeredKey()
	if err != nil {
		return nil, err
	}
	value := struct {
		Nonce []byte `asn1:"tag:1,explicit"`
	}{nonce[:]}
	leaf, err := r.issue(certificate{
		public: key.Public,
		change: withExtension(asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}, value),
	})
	if err != nil {
		return nil, err
	}
	return statement{"x5c": [][]byte{leaf.der}}, nil
}

func appleVariants() []variant {
	return []variant{
		{word: "valid", attest: func(r *response) (string, []byte, error) {
			s, err := r.apple(sha256.Sum256(r.signedMessage()))
			return s.of("apple", err)
		}},
		{word: "wrong-nonce", attest: func(r *response) (string, []byte, error) {
			s, err := r.apple([32]byte(r.bytes("nonce", sha256.Size)))
			return s.of("apple", err)
		}},
	}
}

// authorizations is the part of AuthorizationList that matters here (WebAuthn L3 §8.4).
type authorizations struct {
	Purpose []int `asn1:"tag:1,explicit,set"`
	Origin  int   `asn1:"tag:702,explicit"`
}

// android makes the statement of WebAuthn L3 §8.4 for a challenge.
func (r *response) android(challenge []byte) (statement, error) {
	key, err := r.registeredKey()
	if err != nil {
		return nil, err
	}
	const (
		signing = 2
		trusted = 1 // TrustedEnvironment
	)
	level := asn1.RawValue{Tag: asn1.TagEnum, Bytes: []byte{trusted}}
	// KeyDescription of the Android key attestation extension (WebAuthn L3 §8.4.1).
	description := struct {
		Version           int
		SecurityLevel     asn1.RawValue
		KeymasterVersion  int
		KeymasterSecurity asn1.RawValue
		Challenge         []byte
		UniqueID          []byte
		SoftwareEnforced  struct{}
		HardwareEnforced  authorizations
	}{3, level, 4, level, challenge, []byte{}, struct{}{}, authorizations{Purpose: []int{signing}}}
	leaf, err := r.issue(certificate{
		public: key.Public,
		change: withExtension(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}, description),
	})
	if err != nil {
		return nil, err
	}
	signature, err := r.signWithCredential(r.signedMessage())
	return statement{"alg": int64(key.Algorithm), "sig": signature, "x5c": [][]byte{leaf.der}}, err
}

func androidVariants() []variant {
	return []variant{
		{word: "valid", attest: func(r *response) (string, []byte, error) {
			s, err := r.android(r.clientDataHash())
			return s.of("android-key", err)
		}},
		{word: "bad-signature", attest: func(r *response) (string, []byte, error) {
			s, err := r.android(r.clientDataHash())
			return s.broken().of("android-key", err)
		}},
		{word: "wrong-challenge", attest: func(r *response) (string, []byte, error) {
			s, err := r.android(r.bytes("challenge", sha256.Size))
			return s.of("android-key", err)
		}},
	}
}

// TPM 2.0 constants (Trusted Platform Module Library, part 2).
const (
	tpmGenerated      = 0xff544347
	tpmAttestCertify  = 0x8017
	tpmRSA            = 0x0001
	tpmECC            = 0x0023
	tpmSHA256         = 0x000b
	tpmNull           = 0x0010
	tpmKeyAttributes  = 0x00040072 // fixed, made by this TPM, with authorization, for signing
	tpmClockInfoBytes = 8 + 4 + 4 + 1
	tpmFirmwareBytes  = 8
)

// sized is a TPM2B structure: a 16-bit length and as many bytes.
func sized(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) //nolint:gosec // G115: keys and hashes are short
}

// words are 16-bit numbers.
func words(numbers ...uint16) []byte {
	var b []byte
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

// tpmPublic is the TPMT_PUBLIC of a key.
func tpmPublic(key *webauthn.COSEKey) ([]byte, error) {
	head := func(kind uint16) []byte {
		return slices.Concat(words(kind, tpmSHA256), binary.BigEndian.AppendUint32(nil, tpmKeyAttributes), sized(nil), words(tpmNull, tpmNull))
	}
	switch public := key.Public.(type) {
	case *rsa.PublicKey:
		const defaultExponent = 0                                            // 65537
		return slices.Concat(head(tpmRSA), words(uint16(public.N.BitLen())), //nolint:gosec // G115: RSA keys are shorter
			binary.BigEndian.AppendUint32(nil, defaultExponent), sized(public.N.Bytes())), nil
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return nil, err
		}
		curve := map[int]uint16{256: 3, 384: 4, 521: 5}[public.Params().BitSize]
		size := len(point) / 2
		return slices.Concat(head(tpmECC), words(curve, tpmNull), sized(point[1:1+size]), sized(point[1+size:])), nil
	}
	return nil, fmt.Errorf("tpm attestation of a %s key: %w", key.Algorithm, ErrNotApplicable)
}

// tpm makes the statement of WebAuthn L3 §8.3; certified is what the TPM says it is about.
func (r *response) tpm(certified []byte) (statement, error) {
	key, err := r.registeredKey()
	if err != nil {
		return nil, err
	}
	public, err := tpmPublic(key)
	if err != nil {
		return nil, err
	}
	extra, name := sha256.Sum256(certified), sha256.Sum256(public)
	info := slices.Concat(
		binary.BigEndian.AppendUint32(nil, tpmGenerated), words(tpmAttestCertify),
		sized(nil), sized(extra[:]), make([]byte, tpmClockInfoBytes+tpmFirmwareBytes),
		sized(slices.Concat(words(tpmSHA256), name[:])), sized(nil),
	)
	leaf, err := r.issue(certificate{change: identifyTPM})
	if err != nil {
		return nil, err
	}
	signature, err := leaf.key.sign(info)
	return statement{
		"ver": "2.0", "alg": int64(leaf.key.algorithm), "sig": signature,
		"x5c": [][]byte{leaf.der}, "certInfo": info, "pubArea": public,
	}, err
}

// identifyTPM applies the certificate rules of WebAuthn L3 §8.3.1.
func identifyTPM(_ *response, c *x509.Certificate) error {
	c.Subject = pkix.Name{}
	c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{2, 23, 133, 8, 3}}
	attribute := func(last int, text string) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 23, 133, 2, last}, Value: text}
	}
	directory, err := asn1.Marshal(pkix.RDNSequence{{
		attribute(1, "id:FFFFF1D0"), // the vendor of FIDO's own tests
		attribute(2, "passrig"),
		attribute(3, "id:00000001"),
	}})
	if err != nil {
		return err
	}
	const directoryName = 4
	names, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: directoryName, IsCompound: true, Bytes: directory}})
	c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: names})
	return err
}

func tpmVariants() []variant {
	return []variant{
		{word: "valid", attest: func(r *response) (string, []byte, error) {
			s, err := r.tpm(r.signedMessage())
			return s.of("tpm", err)
		}},
		{word: "bad-signature", attest: func(r *response) (string, []byte, error) {
			s, err := r.tpm(r.signedMessage())
			return s.broken().of("tpm", err)
		}},
		{word: "wrong-extra-data", attest: func(r *response) (string, []byte, error) {
			s, err := r.tpm(r.bytes("extra-data", 32))
			return s.of("tpm", err)
		}},
	}
}
