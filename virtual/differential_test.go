package virtual_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/go-webauthn/webauthn/protocol"
	gowebauthn "github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// difference is one way in which this package and the reference implementation are known to
// differ when given the same options and settings.
type difference struct {
	Ceremony, Field, Ours, Theirs string
}

// knownDifferences is complete: the test fails for a difference that is not listed and for a
// listed one that is gone.
var knownDifferences = []difference{
	// We write crossOrigin always, as WebAuthn L3 §5.8.1.1 has it; they leave it out.
	{"authentication", "clientData members", "type challenge origin crossOrigin", "type challenge origin"},
	// We return all members of toJSON() (WebAuthn L3 §5.1); they return those of older clients.
	{
		"authentication", "response members",
		"authenticatorAttachment clientExtensionResults id rawId response.authenticatorData response.clientDataJSON response.signature response.userHandle type",
		"clientExtensionResults id rawId response.authenticatorData response.clientDataJSON response.signature response.userHandle type",
	},
	{"registration", "clientData members", "type challenge origin crossOrigin", "type challenge origin"},
	{
		"registration", "response members",
		"authenticatorAttachment clientExtensionResults id rawId response.attestationObject response.authenticatorData response.clientDataJSON response.publicKey response.publicKeyAlgorithm response.transports type",
		"clientExtensionResults id rawId response.attestationObject response.clientDataJSON response.transports type",
	},
}

// setting is one configuration both implementations are given.
type setting struct {
	name       string
	verified   bool
	eligible   bool
	backedUp   bool
	rpRequires protocol.UserVerificationRequirement
}

// TestAgainstReference runs the same ceremonies with descope/virtualwebauthn: an independent
// library accepts both, and what they send is the same but for the known differences.
func TestAgainstReference(t *testing.T) {
	t.Parallel()
	for _, alg := range []webauthn.Algorithm{webauthn.ES256, webauthn.RS256} {
		for _, s := range []setting{
			{"verified", true, false, false, protocol.VerificationRequired},
			{"present only", false, false, false, protocol.VerificationDiscouraged},
			{"backup eligible", true, true, false, protocol.VerificationPreferred},
			{"backed up", true, true, true, protocol.VerificationPreferred},
		} {
			t.Run(alg.String()+" "+s.name, func(t *testing.T) {
				t.Parallel()
				ours, theirs := runOurs(t, alg, s), runTheirs(t, alg, s)
				var found []difference
				for _, ceremony := range []string{"authentication", "registration"} {
					a, b := ours[ceremony], theirs[ceremony]
					for _, field := range slices.Sorted(maps.Keys(a)) {
						if a[field] != b[field] {
							found = append(found, difference{ceremony, field, a[field], b[field]})
						}
					}
					if len(a) != len(b) || len(a) < 8 {
						t.Errorf("%s: compared %d fields with %d", ceremony, len(a), len(b))
					}
				}
				if diff := cmp.Diff(knownDifferences, found); diff != "" {
					t.Errorf("differences (-known +found):\n%s", diff)
				}
			})
		}
	}
}

const (
	referenceAAGUID = "7ab6a68e-4d01-4d21-9ce4-b6b48cb575d4"
	challengeText   = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
)

func referenceOptions(alg webauthn.Algorithm, s setting) []registrationOption {
	return []registrationOption{
		onlyAlgorithm(alg),
		gowebauthn.WithConveyancePreference(protocol.PreferDirectAttestation),
		gowebauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{UserVerification: s.rpRequires}),
		func(o *protocol.PublicKeyCredentialCreationOptions) error {
			return json.Unmarshal([]byte(`"`+challengeText+`"`), &o.Challenge)
		},
	}
}

func referenceLogin(s setting) []gowebauthn.LoginOption {
	return []gowebauthn.LoginOption{
		gowebauthn.WithUserVerification(s.rpRequires),
		func(o *protocol.PublicKeyCredentialRequestOptions) error {
			return json.Unmarshal([]byte(`"`+challengeText+`"`), &o.Challenge)
		},
	}
}

func runOurs(t *testing.T, alg webauthn.Algorithm, s setting) map[string]map[string]string {
	t.Helper()
	cfg := virtual.Config{
		Algorithms: []string{alg.String()}, AAGUID: referenceAAGUID, Attestation: virtual.AttestationPackedSelf,
		BackupEligible: s.eligible, BackedUp: s.backedUp,
	}
	if !s.verified {
		cfg.UserVerification = virtual.VerificationNever
	}
	device, rp := newDevice(t, cfg), newRP(t)
	creation, session := rp.beginRegistration(t, referenceOptions(alg, s)...)
	registration, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: creation})
	if err != nil {
		t.Fatal(err)
	}
	response := marshal(t, registration)
	rp.finishRegistration(t, session, response)
	request, session := rp.beginLogin(t, referenceLogin(s)...)
	assertion, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: request})
	if err != nil {
		t.Fatal(err)
	}
	answer := marshal(t, assertion)
	rp.finishLogin(t, session, answer)
	return map[string]map[string]string{"registration": registrationView(t, response), "authentication": assertionView(t, answer)}
}

func runTheirs(t *testing.T, alg webauthn.Algorithm, s setting) map[string]map[string]string {
	t.Helper()
	rp := newRP(t)
	party := virtualwebauthn.RelyingParty{ID: testRPID, Name: "Example", Origin: testOrigin}
	authenticator := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{
		UserHandle: rp.user.id, UserNotVerified: !s.verified,
		BackupEligible: s.eligible, BackupState: s.backedUp,
	})
	aaguid, err := webauthn.ParseAAGUID(referenceAAGUID)
	if err != nil {
		t.Fatal(err)
	}
	authenticator.Aaguid = aaguid
	kind := virtualwebauthn.KeyTypeEC2
	if alg == webauthn.RS256 {
		kind = virtualwebauthn.KeyTypeRSA
	}
	credential := virtualwebauthn.NewCredential(kind)

	creation, session := rp.beginRegistration(t, referenceOptions(alg, s)...)
	attestationOptions, err := virtualwebauthn.ParseAttestationOptions(string(creation))
	if err != nil {
		t.Fatal(err)
	}
	response := []byte(virtualwebauthn.CreateAttestationResponse(party, authenticator, credential, *attestationOptions))
	rp.finishRegistration(t, session, response)
	request, session := rp.beginLogin(t, referenceLogin(s)...)
	assertionOptions, err := virtualwebauthn.ParseAssertionOptions(string(request))
	if err != nil {
		t.Fatal(err)
	}
	answer := []byte(virtualwebauthn.CreateAssertionResponse(party, authenticator, credential, *assertionOptions))
	rp.finishLogin(t, session, answer)
	return map[string]map[string]string{"registration": registrationView(t, response), "authentication": assertionView(t, answer)}
}

// registrationView decodes what must not depend on the key into comparable text.
func registrationView(t *testing.T, response []byte) map[string]string {
	t.Helper()
	r, err := webauthn.ParseRegistrationResponse(response)
	if err != nil {
		t.Fatal(err)
	}
	object, err := webauthn.ParseAttestationObject(r.Response.AttestationObject)
	if err != nil {
		t.Fatal(err)
	}
	data := authData(t, object.AuthData)
	key, err := webauthn.ParseCOSEKey(data.Attested.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var shape map[int]any
	if err := webauthn.DecodeCBOR(data.Attested.PublicKey, &shape); err != nil {
		t.Fatal(err)
	}
	var statement map[string]any
	if err := webauthn.DecodeCBOR(object.Statement, &statement); err != nil {
		t.Fatal(err)
	}
	view := commonView(t, response, r.Response.ClientDataJSON, data)
	maps.Copy(view, map[string]string{
		"id is rawId":        strconv.FormatBool(r.ID == r.RawID.String()),
		"id is in authData":  strconv.FormatBool(string(r.RawID) == string(data.Attested.CredentialID)),
		"credential id size": strconv.Itoa(len(r.RawID)),
		"transports":         strings.Join(r.Response.Transports, " "),
		"extension results":  string(r.ClientExtensionResults),
		"aaguid":             data.Attested.AAGUID.String(),
		"fmt":                object.Format,
		"attStmt members":    strings.Join(slices.Sorted(maps.Keys(statement)), " "),
		"attStmt alg":        fmt.Sprint(statement["alg"]),
		"canonical":          strconv.FormatBool(webauthn.CanonicalCBOR(r.Response.AttestationObject)),
		"key alg":            key.Algorithm.String(),
		"key labels":         fmt.Sprint(slices.Sorted(maps.Keys(shape))),
		"key size":           strconv.Itoa(len(data.Attested.PublicKey)),
	})
	return view
}

func assertionView(t *testing.T, response []byte) map[string]string {
	t.Helper()
	r, err := webauthn.ParseAuthenticationResponse(response)
	if err != nil {
		t.Fatal(err)
	}
	view := commonView(t, response, r.Response.ClientDataJSON, authData(t, r.Response.AuthenticatorData))
	maps.Copy(view, map[string]string{
		"id is rawId":       strconv.FormatBool(r.ID == r.RawID.String()),
		"userHandle":        string(r.Response.UserHandle),
		"extension results": string(r.ClientExtensionResults),
	})
	return view
}

func commonView(t *testing.T, response, clientData []byte, data *webauthn.AuthenticatorData) map[string]string {
	t.Helper()
	c, err := webauthn.ParseClientData(clientData)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"response members":     memberNames(t, response),
		"clientData members":   clientDataNames(t, clientData),
		"clientData type":      c.Type,
		"clientData challenge": c.Challenge,
		"clientData origin":    c.Origin,
		"cross origin":         strconv.FormatBool(c.CrossOrigin),
		"rpIdHash":             hex.EncodeToString(data.RPIDHash[:]),
		"flags":                data.Flags.String(),
		"signCount":            strconv.FormatUint(uint64(data.SignCount), 10),
	}
}

// clientDataNames lists the member names in the order they are written.
func clientDataNames(t *testing.T, clientData []byte) string {
	t.Helper()
	var names []string
	dec := json.NewDecoder(strings.NewReader(string(clientData)))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprint(name))
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(names, " ")
}

func memberNames(t *testing.T, response []byte) string {
	t.Helper()
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(response, &outer); err != nil {
		t.Fatal(err)
	}
	var inner map[string]json.RawMessage
	if err := json.Unmarshal(outer["response"], &inner); err != nil {
		t.Fatal(err)
	}
	delete(outer, "response")
	names := slices.Collect(maps.Keys(outer))
	for name := range inner {
		names = append(names, "response."+name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
