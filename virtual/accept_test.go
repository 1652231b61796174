package virtual_test

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	gowebauthn "github.com/go-webauthn/webauthn/webauthn"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// TestAcceptedByIndependentLibrary runs both ceremonies, with and without a user name, for every
// algorithm and every attestation that goes with it.
func TestAcceptedByIndependentLibrary(t *testing.T) {
	t.Parallel()
	ca, err := virtual.NewAttestationCA(seeded(1))
	if err != nil {
		t.Fatal(err)
	}
	formats := map[virtual.Attestation]string{
		virtual.AttestationNone:       "none",
		virtual.AttestationPackedSelf: "packed",
		virtual.AttestationPacked:     "packed",
		virtual.AttestationFIDOU2F:    "fido-u2f",
	}
	for _, alg := range webauthn.Algorithms() {
		for attestation, format := range formats {
			if attestation == virtual.AttestationFIDOU2F && alg != webauthn.ES256 {
				continue
			}
			t.Run(alg.String()+" "+string(attestation), func(t *testing.T) {
				t.Parallel()
				rp := newRP(t)
				cfg := virtual.Config{
					Algorithms:    []string{alg.String()},
					Attestation:   attestation,
					AttestationCA: ca,
					Counter:       virtual.Counter{Policy: virtual.CounterPerCredential},
				}
				if attestation == virtual.AttestationPacked {
					cfg.AAGUID = "7ab6a68e-4d01-4d21-9ce4-b6b48cb575d4"
				}
				device := newDevice(t, cfg)
				credential := rp.register(t, device, onlyAlgorithm(alg),
					gowebauthn.WithConveyancePreference(protocol.PreferDirectAttestation))
				if credential.AttestationFormat != format {
					t.Errorf("attestation format %q, want %q", credential.AttestationFormat, format)
				}
				rp.login(t, device)
				if rp.login(t, device).Authenticator.SignCount != 2 {
					t.Error("the second login does not count 2")
				}
				rp.loginDiscoverable(t, device)
			})
		}
	}
}

func TestAttestationChain(t *testing.T) {
	ca, err := virtual.NewAttestationCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(ca.RootDER())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	var leaves [][]byte
	for range 2 {
		device := newDevice(t, virtual.Config{Attestation: virtual.AttestationPacked, AttestationCA: ca, AAGUID: "7ab6a68e-4d01-4d21-9ce4-b6b48cb575d4"})
		r := create(t, device, options{"attestation": "direct"})
		object, err := webauthn.ParseAttestationObject(r.AttestationObject)
		if err != nil {
			t.Fatal(err)
		}
		var statement struct {
			X5C [][]byte `cbor:"x5c"`
		}
		if err := webauthn.DecodeCBOR(object.Statement, &statement); err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(statement.X5C[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Error(err)
		}
		leaves = append(leaves, statement.X5C[0])
	}
	if !bytes.Equal(leaves[0], leaves[1]) {
		t.Error("two devices of one model have different certificates")
	}
}

func TestAttestationConveyance(t *testing.T) {
	const model = "7ab6a68e-4d01-4d21-9ce4-b6b48cb575d4"
	for _, tt := range []struct {
		name       string
		cfg        virtual.Config
		preference any
		want       string
	}{
		{"packed, asked", virtual.Config{Attestation: virtual.AttestationPacked}, "direct", "packed"},
		{"packed, indirect", virtual.Config{Attestation: virtual.AttestationPacked}, "indirect", "packed"},
		{"packed, not asked", virtual.Config{Attestation: virtual.AttestationPacked}, nil, "none"},
		{"packed, none", virtual.Config{Attestation: virtual.AttestationPacked}, "none", "none"},
		{"packed, unknown preference", virtual.Config{Attestation: virtual.AttestationPacked}, "x-new", "none"},
		{"packed, unrequested", virtual.Config{Attestation: virtual.AttestationPacked, UnrequestedAttestation: true}, nil, "packed"},
		{"self without model passes", virtual.Config{Attestation: virtual.AttestationPackedSelf}, nil, "packed"},
		{"self with model", virtual.Config{Attestation: virtual.AttestationPackedSelf, AAGUID: model}, nil, "none"},
		{"none, asked", virtual.Config{}, "direct", "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := create(t, newDevice(t, tt.cfg), options{"attestation": tt.preference})
			object, err := webauthn.ParseAttestationObject(r.AttestationObject)
			if err != nil {
				t.Fatal(err)
			}
			if object.Format != tt.want {
				t.Errorf("format %q, want %q", object.Format, tt.want)
			}
			if got := authData(t, object.AuthData).Attested.AAGUID.String(); tt.cfg.AAGUID != "" && got != tt.cfg.AAGUID {
				t.Errorf("aaguid %s, want %s", got, tt.cfg.AAGUID)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	required, discouraged := options{"userVerification": "required"}, options{"userVerification": "discouraged"}
	const conditional = virtual.MediationConditional
	for _, tt := range []struct {
		name      string
		cfg       virtual.Config
		selection options
		mediation string
		want      webauthn.Flags
	}{
		{"zero config", virtual.Config{}, nil, "", webauthn.FlagUP | webauthn.FlagUV},
		{"verified although discouraged", virtual.Config{}, discouraged, "", webauthn.FlagUP | webauthn.FlagUV},
		{"when asked, preferred", virtual.Config{UserVerification: virtual.VerificationWhenAsked}, nil, "", webauthn.FlagUP | webauthn.FlagUV},
		{"when asked, discouraged", virtual.Config{UserVerification: virtual.VerificationWhenAsked}, discouraged, "", webauthn.FlagUP},
		{"when asked, required", virtual.Config{UserVerification: virtual.VerificationWhenAsked}, required, "", webauthn.FlagUP | webauthn.FlagUV},
		{"never verified", virtual.Config{UserVerification: virtual.VerificationNever}, nil, "", webauthn.FlagUP},
		{"verified and not said, required", virtual.Config{UserVerification: virtual.VerificationMissing}, required, "", webauthn.FlagUP},
		{"never present", virtual.Config{UserPresence: virtual.PresenceNever}, nil, "", webauthn.FlagUV},
		{"conditional, present", virtual.Config{}, nil, conditional, webauthn.FlagUP | webauthn.FlagUV},
		{"conditional, silent", virtual.Config{UserPresence: virtual.PresenceUnlessConditional}, nil, conditional, 0},
		{"conditional, silent, required", virtual.Config{UserPresence: virtual.PresenceUnlessConditional}, required, conditional, webauthn.FlagUV},
		{"not conditional", virtual.Config{UserPresence: virtual.PresenceUnlessConditional}, nil, "", webauthn.FlagUP | webauthn.FlagUV},
		{"eligible", virtual.Config{BackupEligible: true}, nil, "", webauthn.FlagUP | webauthn.FlagUV | webauthn.FlagBE},
		{"backed up", virtual.Config{BackupEligible: true, BackedUp: true}, nil, "", webauthn.FlagUP | webauthn.FlagUV | webauthn.FlagBE | webauthn.FlagBS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			device := newDevice(t, tt.cfg)
			changes := options{}
			if tt.selection != nil {
				changes["authenticatorSelection"] = tt.selection
			}
			r, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: creationOptions(changes), Mediation: tt.mediation})
			if err != nil {
				t.Fatal(err)
			}
			if got := authData(t, r.AuthenticatorData).Flags; got != tt.want|webauthn.FlagAT {
				t.Errorf("registration has flags %v, want %v", got, tt.want|webauthn.FlagAT)
			}
			if tt.mediation != "" {
				return
			}
			if got := authData(t, get(t, device, tt.selection).AuthenticatorData).Flags; got != tt.want {
				t.Errorf("assertion has flags %v, want %v", got, tt.want)
			}
		})
	}
}

// A passkey that has counted elsewhere goes on, one that is made here stays at zero.
func TestWhenCounting(t *testing.T) {
	cfg := virtual.Config{Counter: virtual.Counter{Policy: virtual.CounterWhenCounting, Start: 9, Step: 2}}
	device, other := newDevice(t, cfg), newDevice(t, virtual.Config{})
	made := create(t, device, nil)
	for range 2 {
		if got := authData(t, get(t, device, nil).AuthenticatorData).SignCount; got != 0 {
			t.Errorf("a passkey made here counts %d", got)
		}
	}
	stored, err := device.ExportCredential(made.CredentialID)
	if err != nil {
		t.Fatal(err)
	}
	stored.SignCount = 50
	for name, d := range map[string]*virtual.SoftwareDevice{"counting": device, "zero": other} {
		if err := d.ImportCredential(stored); err != nil {
			t.Fatal(err)
		}
		for _, want := range map[string][]uint32{"counting": {52, 54}, "zero": {0, 0}}[name] {
			if got := authData(t, get(t, d, nil).AuthenticatorData).SignCount; got != want {
				t.Errorf("%s: an imported passkey counts %d, want %d", name, got, want)
			}
		}
	}
}

// Registrations have an empty map of extensions, unless they have something to say; assertions have none.
func TestEmptyExtensionMap(t *testing.T) {
	rp := newRP(t)
	device := newDevice(t, virtual.Config{
		EmptyExtensionMap: true, BackupEligible: true, BackedUp: true, Extensions: []string{virtual.ExtensionMinPINLength},
	})
	rp.register(t, device) // the independent library reads it
	r := create(t, device, nil)
	data := authData(t, r.AuthenticatorData)
	if r.AuthenticatorData[32] != 0xDD || !bytes.Equal(data.Extensions, []byte{0xA0}) {
		t.Errorf("flags %#x, extensions %x, want 0xdd and a0", r.AuthenticatorData[32], data.Extensions)
	}
	data = authData(t, create(t, device, options{"extensions": options{"minPinLength": true}}).AuthenticatorData)
	if bytes.Equal(data.Extensions, []byte{0xA0}) || len(data.Extensions) == 0 {
		t.Errorf("extensions %x where there is something to say", data.Extensions)
	}
	if data := authData(t, get(t, device, nil).AuthenticatorData); data.Flags&webauthn.FlagED != 0 {
		t.Errorf("an assertion has flags %v", data.Flags)
	}
}

func TestValidate(t *testing.T) {
	if err := (virtual.Config{}).Validate(); err != nil {
		t.Error(err)
	}
	if err := (virtual.Config{BackedUp: true, Attestation: "odd"}).Validate(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("not both mistakes: %v", err)
	}
}

func TestClientData(t *testing.T) {
	device := newDevice(t, virtual.Config{})
	const top = "https://shop.example"
	r, err := device.Create(t.Context(), virtual.CreateRequest{Origin: "https://login.example.org:8443", TopOrigin: top, Options: creationOptions(nil)})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"webauthn.create","challenge":"AAECAwQFBgcICQoLDA0ODw","origin":"https://login.example.org:8443","crossOrigin":true,"topOrigin":"https://shop.example"}`
	if string(r.ClientDataJSON) != want {
		t.Errorf("got  %s\nwant %s", r.ClientDataJSON, want)
	}
	a, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, TopOrigin: testOrigin, Options: requestOptions(nil)})
	if err != nil {
		t.Fatal(err)
	}
	want = `{"type":"webauthn.get","challenge":"AAECAwQFBgcICQoLDA0ODw","origin":"https://example.org","crossOrigin":false}`
	if string(a.ClientDataJSON) != want {
		t.Errorf("got  %s\nwant %s", a.ClientDataJSON, want)
	}
}
