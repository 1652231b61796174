package webauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"

	"github.com/fxamacker/cbor/v2"
)

// Algorithm is a COSE algorithm identifier.
type Algorithm int64

// The algorithms this package encodes, decodes and verifies.
const (
	ES256 Algorithm = -7
	EdDSA Algorithm = -8 // with Ed25519 only, WebAuthn L3 §5.8.5
	ES384 Algorithm = -35
	ES512 Algorithm = -36
	PS256 Algorithm = -37
	RS256 Algorithm = -257
)

// Algorithms lists the supported algorithms, the ones most RPs offer first.
func Algorithms() []Algorithm {
	return []Algorithm{ES256, EdDSA, RS256, ES384, ES512, PS256}
}

// ErrUnsupportedAlgorithm is wrapped by errors about an algorithm outside [Algorithms].
var ErrUnsupportedAlgorithm = errors.New("unsupported algorithm")

// String returns the registered name, or the number of an algorithm this package does not know.
func (a Algorithm) String() string {
	switch a {
	case ES256:
		return "ES256"
	case EdDSA:
		return "EdDSA"
	case ES384:
		return "ES384"
	case ES512:
		return "ES512"
	case PS256:
		return "PS256"
	case RS256:
		return "RS256"
	default:
		return strconv.FormatInt(int64(a), 10)
	}
}

// ParseAlgorithm returns the supported algorithm of that name.
func ParseAlgorithm(name string) (Algorithm, error) {
	for _, a := range Algorithms() {
		if a.String() == name {
			return a, nil
		}
	}
	return 0, fmt.Errorf("algorithm %q: %w", name, ErrUnsupportedAlgorithm)
}

// ecParams returns curve, COSE curve number and coordinate size in bytes of an ECDSA algorithm.
func (a Algorithm) ecParams() (curve elliptic.Curve, id int64, size int, ok bool) {
	switch a {
	case ES256:
		return elliptic.P256(), 1, 32, true
	case ES384:
		return elliptic.P384(), 2, 48, true
	case ES512:
		return elliptic.P521(), 3, 66, true
	case EdDSA, PS256, RS256:
	}
	return nil, 0, 0, false
}

// Curve returns the curve of an ECDSA algorithm, nil for the others.
func (a Algorithm) Curve() elliptic.Curve {
	curve, _, _, _ := a.ecParams()
	return curve
}

// COSE_Key labels and values (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4).
const (
	labelKty = 1
	labelAlg = 3
	labelCrv = -1 // EC2 and OKP
	labelX   = -2
	labelY   = -3
	labelN   = -1 // RSA
	labelE   = -2

	ktyOKP = 1
	ktyEC2 = 2
	ktyRSA = 3

	crvEd25519 = 6
)

// COSEKey is a credential public key.
type COSEKey struct {
	Algorithm Algorithm
	Public    crypto.PublicKey // *ecdsa.PublicKey, ed25519.PublicKey or *rsa.PublicKey
	// Extra lists the labels of members beyond the required ones, which WebAuthn L3 §6.5.1
	// forbids; a private key part would show up here too.
	Extra []string
}

type ec2Wire struct {
	Kty int64  `cbor:"1,keyasint"`
	Alg int64  `cbor:"3,keyasint"`
	Crv int64  `cbor:"-1,keyasint"`
	X   []byte `cbor:"-2,keyasint"`
	Y   []byte `cbor:"-3,keyasint"`
}

type okpWire struct {
	Kty int64  `cbor:"1,keyasint"`
	Alg int64  `cbor:"3,keyasint"`
	Crv int64  `cbor:"-1,keyasint"`
	X   []byte `cbor:"-2,keyasint"`
}

type rsaWire struct {
	Kty int64  `cbor:"1,keyasint"`
	Alg int64  `cbor:"3,keyasint"`
	N   []byte `cbor:"-1,keyasint"`
	E   []byte `cbor:"-2,keyasint"`
}

// EncodeCOSEKey returns the COSE_Key of a public key in CTAP2 canonical CBOR: the required
// members only, coordinates left-padded to the size of the field.
func EncodeCOSEKey(alg Algorithm, public crypto.PublicKey) ([]byte, error) {
	mismatch := func() error { return fmt.Errorf("cose key: %s does not go with a %T", alg, public) }
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		curve, id, size, ok := alg.ecParams()
		if !ok || key.Curve != curve {
			return nil, mismatch()
		}
		point, err := key.Bytes()
		if err != nil {
			return nil, fmt.Errorf("cose key: %w", err)
		}
		return EncodeCBOR(ec2Wire{Kty: ktyEC2, Alg: int64(alg), Crv: id, X: point[1 : 1+size], Y: point[1+size:]})
	case ed25519.PublicKey:
		if alg != EdDSA {
			return nil, mismatch()
		}
		return EncodeCBOR(okpWire{Kty: ktyOKP, Alg: int64(alg), Crv: crvEd25519, X: key})
	case *rsa.PublicKey:
		if alg != RS256 && alg != PS256 {
			return nil, mismatch()
		}
		return EncodeCBOR(rsaWire{Kty: ktyRSA, Alg: int64(alg), N: key.N.Bytes(), E: big.NewInt(int64(key.E)).Bytes()})
	default:
		return nil, mismatch()
	}
}

// coseMembers is a decoded COSE_Key map; each successful read strikes the label off.
type coseMembers map[any]cbor.RawMessage

func (m coseMembers) integer(label int64, name string) (int64, error) {
	var v int64
	raw, ok := m[label]
	if !ok {
		return 0, fmt.Errorf("cose key: no %s", name)
	}
	if kind := raw[0] >> 5; kind > 1 {
		return 0, fmt.Errorf("cose key: %s: want an integer", name)
	}
	if err := DecodeCBOR(raw, &v); err != nil {
		return 0, fmt.Errorf("cose key: %s: %w", name, err)
	}
	delete(m, label)
	return v, nil
}

func (m coseMembers) bytes(label int64, name string) ([]byte, error) {
	var v []byte
	raw, ok := m[label]
	if !ok {
		return nil, fmt.Errorf("cose key: no %s", name)
	}
	if kind := raw[0] >> 5; kind != cborBytes {
		return nil, fmt.Errorf("cose key: %s: want a byte string", name)
	}
	if err := DecodeCBOR(raw, &v); err != nil {
		return nil, fmt.Errorf("cose key: %s: %w", name, err)
	}
	delete(m, label)
	return v, nil
}

// ParseCOSEKey reads a credential public key (WebAuthn L3 §5.8.5, §6.5.1). Compressed points,
// points off the curve, and key types or curves that do not belong to the algorithm are errors;
// an algorithm outside [Algorithms] is an [ErrUnsupportedAlgorithm].
func ParseCOSEKey(data []byte) (*COSEKey, error) {
	var members coseMembers
	if err := DecodeCBOR(data, &members); err != nil {
		return nil, fmt.Errorf("cose key: %w", err)
	}
	kty, err := members.integer(labelKty, "key type")
	if err != nil {
		return nil, err
	}
	number, err := members.integer(labelAlg, "algorithm")
	if err != nil {
		return nil, err
	}
	key := &COSEKey{Algorithm: Algorithm(number)}
	wantKty := int64(ktyEC2)
	read := members.ecdsaKey
	switch key.Algorithm {
	case ES256, ES384, ES512:
	case EdDSA:
		wantKty, read = ktyOKP, members.ed25519Key
	case RS256, PS256:
		wantKty, read = ktyRSA, members.rsaKey
	default:
		return nil, fmt.Errorf("cose key: algorithm %d: %w", number, ErrUnsupportedAlgorithm)
	}
	if kty != wantKty {
		return nil, fmt.Errorf("cose key: key type %d does not go with %s, want %d", kty, key.Algorithm, wantKty)
	}
	if key.Public, err = read(key.Algorithm); err != nil {
		return nil, err
	}
	for label := range members {
		key.Extra = append(key.Extra, fmt.Sprint(label))
	}
	slices.Sort(key.Extra)
	return key, nil
}

func (m coseMembers) ecdsaKey(alg Algorithm) (crypto.PublicKey, error) {
	curve, id, size, _ := alg.ecParams()
	crv, err := m.integer(labelCrv, "curve")
	if err != nil {
		return nil, err
	}
	if crv != id {
		return nil, fmt.Errorf("cose key: curve %d does not go with %s, want %d", crv, alg, id)
	}
	x, err := m.bytes(labelX, "x")
	if err != nil {
		return nil, err
	}
	if y, ok := m[int64(labelY)]; ok && (y[0] == 0xf4 || y[0] == 0xf5) {
		return nil, errors.New("cose key: y: the point is compressed")
	}
	y, err := m.bytes(labelY, "y")
	if err != nil {
		return nil, err
	}
	if len(x) != size || len(y) != size {
		return nil, fmt.Errorf("cose key: coordinates of %d and %d bytes, want %d", len(x), len(y), size)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, fmt.Errorf("cose key: the point is not on %s", curve.Params().Name)
	}
	return key, nil
}

func (m coseMembers) ed25519Key(alg Algorithm) (crypto.PublicKey, error) {
	crv, err := m.integer(labelCrv, "curve")
	if err != nil {
		return nil, err
	}
	if crv != crvEd25519 {
		return nil, fmt.Errorf("cose key: curve %d does not go with %s, want %d", crv, alg, crvEd25519)
	}
	x, err := m.bytes(labelX, "x")
	if err != nil {
		return nil, err
	}
	if len(x) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("cose key: x of %d bytes, want %d", len(x), ed25519.PublicKeySize)
	}
	return ed25519.PublicKey(x), nil
}

func (m coseMembers) rsaKey(Algorithm) (crypto.PublicKey, error) {
	n, err := m.bytes(labelN, "modulus")
	if err != nil {
		return nil, err
	}
	e, err := m.bytes(labelE, "exponent")
	if err != nil {
		return nil, err
	}
	if len(n) == 0 || n[0] == 0 {
		return nil, errors.New("cose key: modulus: want the shortest form of a positive number")
	}
	exponent := new(big.Int).SetBytes(e)
	if len(e) == 0 || e[0] == 0 || exponent.BitLen() > 31 {
		return nil, errors.New("cose key: exponent: want the shortest form of a positive 31-bit number")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}
