package demorp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// Flags of authenticator data (WebAuthn L3 §6.1).
const (
	flagUP = 0x01
	flagUV = 0x04
	flagBE = 0x08
	flagBS = 0x10
	flagAT = 0x40
)

// forger is an authenticator and client that does as the test says. It makes registrations with attestation "none".
type forger struct {
	key     crypto.Signer
	options crypto.SignerOpts
	cose    map[int]any

	id         []byte
	userHandle []byte
	flags      byte
	rpID       string
	clientData map[string]any
	attestation
	envelopeID []byte
	signature  func([]byte) []byte
}

// attestation is what a registration's attestation object is made of.
type attestation struct {
	format    string
	statement any
	rawKey    []byte              // instead of the encoded COSE key
	object    func([]byte) []byte // edits the encoded attestation object
}

func newForger(t *testing.T, algorithm int64) *forger {
	t.Helper()
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	f := &forger{
		id: id, envelopeID: id, flags: flagUP | flagUV, rpID: testRPID,
		clientData:  map[string]any{"origin": testOrigin, "crossOrigin": false},
		attestation: attestation{format: "none", statement: map[string]any{}},
	}
	switch algorithm {
	case -7:
		f.ec(t, elliptic.P256(), 1, crypto.SHA256)
	case -35:
		f.ec(t, elliptic.P384(), 2, crypto.SHA384)
	case -36:
		f.ec(t, elliptic.P521(), 3, crypto.SHA512)
	case -8:
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		f.key, f.options, f.cose = private, crypto.Hash(0), map[int]any{1: 1, -1: 6, -2: []byte(public)}
	case -257, -37:
		f.rsa(t, 2048)
		if algorithm == -37 {
			f.options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		}
	default:
		t.Fatalf("algorithm %d", algorithm)
	}
	f.cose[3] = algorithm
	return f
}

func (f *forger) ec(t *testing.T, curve elliptic.Curve, cose int, hash crypto.Hash) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	size := len(point) / 2
	f.key, f.options = key, hash
	f.cose = map[int]any{1: 2, -1: cose, -2: point[1 : 1+size], -3: point[1+size:]}
}

func (f *forger) rsa(t *testing.T, bits int) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	f.key, f.options = key, crypto.SHA256
	f.cose = map[int]any{1: 3, 3: -257, -1: key.N.Bytes(), -2: big.NewInt(int64(key.E)).Bytes()}
}

func ctap2(t *testing.T, v any) []byte {
	t.Helper()
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := mode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func (f *forger) authData(flags byte) []byte {
	hash := sha256.Sum256([]byte(f.rpID))
	return append(append(hash[:], flags), 0, 0, 0, 0)
}

func (f *forger) client(t *testing.T, kind, challenge string) []byte {
	t.Helper()
	members := map[string]any{"type": kind, "challenge": challenge}
	maps.Copy(members, f.clientData)
	encoded, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func (f *forger) create(t *testing.T, options creationOptions) any {
	t.Helper()
	key := f.rawKey
	if key == nil {
		key = ctap2(t, f.cose)
	}
	data := append(f.authData(f.flags|flagAT), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(f.id)))
	data = append(append(data, f.id...), key...)
	members := map[string]any{"fmt": f.format, "attStmt": f.statement, "authData": data}
	if f.statement == nil {
		delete(members, "attStmt")
	}
	object := ctap2(t, members)
	if f.object != nil {
		object = f.object(object)
	}
	return f.envelope(map[string]any{
		"clientDataJSON":    encode(f.client(t, "webauthn.create", options.Challenge)),
		"attestationObject": encode(object),
		"transports":        []string{"internal", "x-new"},
	})
}

func (f *forger) get(t *testing.T, options requestOptions) any {
	t.Helper()
	data, client := f.authData(f.flags), f.client(t, "webauthn.get", options.Challenge)
	hash := sha256.Sum256(client)
	signed := append(append([]byte{}, data...), hash[:]...)
	if h := f.options.HashFunc(); h != 0 {
		digest := h.New()
		digest.Write(signed)
		signed = digest.Sum(nil)
	}
	signature, err := f.key.Sign(rand.Reader, signed, f.options)
	if err != nil {
		t.Fatal(err)
	}
	if f.signature != nil {
		signature = f.signature(signature)
	}
	return f.envelope(map[string]any{
		"clientDataJSON":    encode(client),
		"authenticatorData": encode(data),
		"signature":         encode(signature),
		"userHandle":        encode(f.userHandle),
	})
}

func (f *forger) envelope(response map[string]any) any {
	id := encode(f.envelopeID)
	return map[string]any{"credential": map[string]any{
		"id": id, "rawId": id, "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{"x-unsolicited": true}, "x-unknown": 1,
	}}
}

func TestEveryOfferedAlgorithmWorks(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	v.signup("alice")
	for _, algorithm := range offeredAlgorithms() {
		f := newForger(t, algorithm)
		var got passkeyAnswer
		v.do("POST", "/api/register/result", f.create(t, v.creation()), http.StatusCreated, &got)
		if got.Passkey.Algorithm != algorithm || len(got.Passkey.Transports) != 2 {
			t.Errorf("algorithm %d registered as %+v", algorithm, got.Passkey)
		}
		v.do("POST", "/api/login/result", f.get(t, v.request("alice")), http.StatusOK, nil)
	}
}

func TestCredentialIDLengths(t *testing.T) {
	v := newSite(t, nil).visitor(t)
	v.signup("alice")
	for length, status := range map[int]int{1: http.StatusCreated, 16: http.StatusCreated, 1023: http.StatusCreated, 1024: http.StatusBadRequest} {
		f := newForger(t, -7)
		f.id = make([]byte, length)
		_, _ = rand.Read(f.id)
		f.envelopeID = f.id
		v.do("POST", "/api/register/result", f.create(t, v.creation()), status, nil)
		if status == http.StatusCreated {
			v.do("POST", "/api/login/result", f.get(t, v.request("alice")), http.StatusOK, nil)
		}
	}
}

// sharedFaults break what both ceremonies look at.
func sharedFaults() map[string]map[string]func(*forger) {
	return map[string]map[string]func(*forger){
		"type": {"other": func(f *forger) { f.clientData["type"] = "webauthn.other" }},
		"origin": {
			"foreign": func(f *forger) { f.clientData["origin"] = "https://attacker.example" },
			"suffix":  func(f *forger) { f.clientData["origin"] = "http://evillocalhost:8080" },
			"port":    func(f *forger) { f.clientData["origin"] = "http://localhost:8081" },
			"scheme":  func(f *forger) { f.clientData["origin"] = "https://localhost:8080" },
			"user":    func(f *forger) { f.clientData["origin"] = "http://localhost:8080@evil.example" },
			"path":    func(f *forger) { f.clientData["origin"] = testOrigin + "/" },
			"missing": func(f *forger) { delete(f.clientData, "origin") },
		},
		"cross-origin":  {"": func(f *forger) { f.clientData["crossOrigin"] = true }},
		"top-origin":    {"": func(f *forger) { f.clientData["topOrigin"] = testOrigin }},
		"token-binding": {"": func(f *forger) { f.clientData["tokenBinding"] = map[string]string{"status": "what"} }},
		"rp-id-hash":    {"": func(f *forger) { f.rpID = "example.com" }},
		"user-present":  {"": func(f *forger) { f.flags &^= flagUP }},
		"backup-flags":  {"": func(f *forger) { f.flags |= flagBS }},
	}
}

func TestRegistrationSteps(t *testing.T) {
	faults := sharedFaults()
	faults["credential-id"] = map[string]func(*forger){"": func(f *forger) { f.envelopeID = []byte("another") }}
	faults["algorithm"] = map[string]func(*forger){
		"not offered": func(f *forger) { f.cose[3] = -47 },
		"missing":     func(f *forger) { delete(f.cose, 3) },
	}
	faults["public-key"] = map[string]func(*forger){
		"off curve":       func(f *forger) { f.cose[-2] = make([]byte, 32) },
		"other curve":     func(f *forger) { f.cose[-1] = 2 },
		"compressed":      func(f *forger) { f.cose[-3] = true },
		"extra parameter": func(f *forger) { f.cose[2] = []byte("kid") },
		"wrong type":      func(f *forger) { f.cose[1] = 1 },
		"weak RSA":        func(f *forger) { f.rsa(t, 1024) },
		"RSA exponent 1":  func(f *forger) { f.rsa(t, 2048); f.cose[-2] = []byte{1} },
		"RSA as ES256":    func(f *forger) { f.rsa(t, 2048); f.cose[3] = -7 },
		"long form":       func(f *forger) { key := ctap2(t, f.cose); f.rawKey = append([]byte{key[0], 0x18, 1}, key[2:]...) },
	}
	faults["attestation-object"] = map[string]func(*forger){
		"no statement":    func(f *forger) { f.statement = nil },
		"statement array": func(f *forger) { f.format, f.statement = "compound", map[string]any{} },
		"long form": func(f *forger) {
			f.object = func(o []byte) []byte { return append([]byte{0xb8, 3}, o[1:]...) }
		},
	}
	faults["attestation-statement"] = map[string]func(*forger){
		"none with content": func(f *forger) { f.statement = map[string]any{"x": 1} },
		"unknown format":    func(f *forger) { f.format = "x-unknown" },
		"case":              func(f *forger) { f.format = "NONE" },
		"packed without":    func(f *forger) { f.format = "packed" },
		"packed signature": func(f *forger) {
			f.format, f.statement = "packed", map[string]any{"alg": -7, "sig": make([]byte, 70)}
		},
	}
	s := newSite(t, nil)
	v := s.visitor(t)
	v.signup("alice")
	for step, variants := range faults {
		for name, fault := range variants {
			t.Run(step+" "+name, func(t *testing.T) {
				f := newForger(t, -7)
				fault(f)
				got := v.send("POST", "/api/register/result", f.create(t, v.creation()))
				var failure errorAnswer
				if err := json.Unmarshal(got.body, &failure); err != nil {
					t.Fatal(err)
				}
				if got.status != http.StatusBadRequest || (!strings.HasPrefix(failure.Error.Message, step+": ") && failure.Error.Code != "malformed_credential") {
					t.Errorf("status %d: %s, want refused at %q", got.status, got.body, step)
				}
			})
		}
	}
	var left passkeysAnswer
	if v.do("GET", "/api/passkeys", nil, http.StatusOK, &left); len(left.Passkeys) != 0 {
		t.Errorf("refused registrations left %v", left.Passkeys)
	}
}

func TestAuthenticationSteps(t *testing.T) {
	faults := sharedFaults()
	faults["signature"] = map[string]func(*forger){
		"flipped":  func(f *forger) { f.signature = func(sig []byte) []byte { sig[len(sig)-1] ^= 1; return sig } },
		"zero":     func(f *forger) { f.signature = func([]byte) []byte { return []byte{0x30, 6, 2, 1, 0, 2, 1, 0} } },
		"empty":    func(f *forger) { f.signature = func([]byte) []byte { return nil } },
		"trailing": func(f *forger) { f.signature = func(sig []byte) []byte { return append(sig, 0) } },
		"other key": func(f *forger) {
			f.key = newForger(t, -7).key
		},
	}
	faults["backup-eligibility"] = map[string]func(*forger){"gained": func(f *forger) { f.flags |= flagBE }}
	faults["user-handle"] = map[string]func(*forger){"": func(f *forger) { f.userHandle = []byte("somebody else") }}
	faults["allowed-credential"] = map[string]func(*forger){"": nil}
	s := newSite(t, nil)
	for step, variants := range faults {
		for name, fault := range variants {
			t.Run(step+" "+name, func(t *testing.T) {
				v := s.visitor(t)
				username := step + name
				v.signup(username)
				f := newForger(t, -7)
				if fault != nil {
					v.do("POST", "/api/register/result", f.create(t, v.creation()), http.StatusCreated, nil)
				}
				options := v.request(username)
				if fault == nil { // registered only after the options were issued
					v.do("POST", "/api/register/result", f.create(t, v.creation()), http.StatusCreated, nil)
				} else {
					fault(f)
				}
				v.do("POST", "/api/login/result", f.get(t, options), http.StatusUnauthorized, nil)
				if reason := s.lastRefusal(); !strings.Contains(reason, step+": ") {
					t.Errorf("refused for %s, want step %q", reason, step)
				}
			})
		}
	}
}

func TestUserVerification(t *testing.T) {
	for _, test := range []struct {
		policy string
		flags  byte
		ok     bool
	}{
		{"required", flagUP, false},
		{"required", flagUP | flagUV, true},
		{"preferred", flagUP, true},
		{"discouraged", flagUP | flagUV, true},
	} {
		v := newSite(t, func(c *Config) { c.UserVerification = test.policy }).visitor(t)
		v.signup("alice")
		created, asserted := http.StatusCreated, http.StatusOK
		if !test.ok {
			created, asserted = http.StatusBadRequest, http.StatusUnauthorized
		}
		f := newForger(t, -7)
		v.do("POST", "/api/register/result", f.create(t, v.creation()), http.StatusCreated, nil)
		f.flags = test.flags
		v.do("POST", "/api/login/result", f.get(t, v.request("alice")), asserted, nil)
		f = newForger(t, -7)
		f.flags = test.flags
		v.do("POST", "/api/register/result", f.create(t, v.creation()), created, nil)
	}
}

func TestLenience(t *testing.T) {
	v := newSite(t, nil).visitor(t)
	v.signup("alice")
	f := newForger(t, -7)
	delete(f.clientData, "crossOrigin")
	f.clientData["new_keys_may_be_added_here"] = "do not compare"
	f.clientData["tokenBinding"] = map[string]string{"status": "supported"}
	f.flags |= flagBE | flagBS
	v.do("POST", "/api/register/result", f.create(t, v.creation()), http.StatusCreated, nil)
	f.flags &^= flagBS
	v.do("POST", "/api/login/result", f.get(t, v.request("alice")), http.StatusOK, nil)
}
