package demorp

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// verifier holds every expectation the relying party has of an answer, one named step each. Decoding, COSE keys,
// signatures and attestation statements are go-webauthn's; the decisions are made here.
//
// What a verifier cannot see is decided where the state lives: whether the challenge is this session's, unused and
// fresh in [session.take], and whether the credential id is new in [Store].AddPasskey.
type verifier struct {
	rpIDHash       [sha256.Size]byte
	origins        map[string]bool
	embedders      map[string]bool // origins of pages that may have ceremonies done in a frame
	anchors        *anchors        // nil: nobody has to vouch for an authenticator
	registration   []step
	authentication []step
}

// step is one thing that must hold. Steps run in order and the first failure ends the ceremony.
type step struct {
	name  string
	check func(*verifier, *attempt) error
}

// attempt is one answer under judgement.
type attempt struct {
	ceremony       *ceremony
	rawID          []byte
	clientDataJSON []byte
	client         *protocol.CollectedClientData
	rawAuthData    []byte
	authData       *protocol.AuthenticatorData

	// Registration.
	attestationObject []byte
	attestation       *protocol.AttestationObject

	// Authentication: what was sent, and the stored passkey with that credential id.
	userHandle []byte
	signature  []byte
	passkey    Passkey

	sent *sent // before faults had it misread; nil without faults
}

// refusedError says which step an answer failed, and why.
type refusedError struct {
	step string
	err  error
}

func (e *refusedError) Error() string { return e.step + ": " + e.err.Error() }

func (e *refusedError) Unwrap() error { return e.err }

func newVerifier(rpID string, origins, embedders []string) *verifier {
	v := &verifier{rpIDHash: sha256.Sum256([]byte(rpID)), origins: setOf(origins), embedders: setOf(embedders)}
	shared := []step{
		{"client-data-encoding", (*verifier).clientDataEncoding},
		{"type", (*verifier).ceremonyType},
		{"origin", (*verifier).originExpected},
		{"cross-origin", (*verifier).framingExpected},
		{"top-origin", (*verifier).topOriginExpected},
		{"token-binding", (*verifier).tokenBinding},
		{"rp-id-hash", (*verifier).rpID},
		{"user-present", (*verifier).userPresent},
		{"user-verified", (*verifier).userVerified},
		{"backup-flags", (*verifier).backupFlags},
	}
	v.registration = append(v.registration, shared...)
	v.registration = append(v.registration,
		step{"credential-id", (*verifier).credentialID},
		step{"algorithm", (*verifier).algorithmOffered},
		step{"public-key", (*verifier).publicKey},
		step{"attestation-object", (*verifier).attestationObject},
		step{"attestation-statement", (*verifier).attestationStatement},
		step{"attestation-trust", (*verifier).attestationTrusted},
	)
	v.authentication = append(v.authentication,
		step{"allowed-credential", (*verifier).credentialAllowed},
		step{"owner", (*verifier).owner},
		step{"user-handle", (*verifier).userHandle},
	)
	v.authentication = append(v.authentication, shared...)
	v.authentication = append(v.authentication,
		step{"signature", (*verifier).signature},
		step{"backup-eligibility", (*verifier).backupEligibility},
	)
	return v
}

func setOf(values []string) map[string]bool {
	set := make(map[string]bool, len(values))
	for _, value := range values {
		set[value] = true
	}
	return set
}

// verify runs the steps over an attempt. An error is always a [*refusedError].
func (v *verifier) verify(steps []step, a *attempt) error {
	for _, s := range steps {
		if err := s.check(v, a); err != nil {
			return &refusedError{s.name, err}
		}
	}
	return nil
}

// clientDataEncoding: §7.1 step 5, §7.2 step 8. Go's JSON decoder would repair broken UTF-8 silently.
func (*verifier) clientDataEncoding(a *attempt) error {
	if !utf8.Valid(a.clientDataJSON) {
		return errors.New("client data is not UTF-8")
	}
	return nil
}

// ceremonyType: §7.1 step 7, §7.2 step 10.
func (*verifier) ceremonyType(a *attempt) error {
	if a.client.Type != a.ceremony.kind {
		return fmt.Errorf("type is %q, want %q", a.client.Type, a.ceremony.kind)
	}
	return nil
}

// originExpected: §7.1 step 9, §7.2 step 12, by exact match (§13.4.9).
func (v *verifier) originExpected(a *attempt) error {
	if !v.origins[a.client.Origin] {
		return fmt.Errorf("origin %q is not one of this relying party's", a.client.Origin)
	}
	return nil
}

// framingExpected: §7.1 step 10, §7.2 step 13.
func (v *verifier) framingExpected(a *attempt) error {
	if a.client.CrossOrigin && len(v.embedders) == 0 {
		return errors.New("the ceremony ran in a cross-origin frame")
	}
	return nil
}

// topOriginExpected: §7.1 step 11, §7.2 step 14. Clients before Level 3 tell of the frame only, so that a top origin
// may be missing; one beside crossOrigin false is nothing a client sends (§5.8.1).
func (v *verifier) topOriginExpected(a *attempt) error {
	switch {
	case a.client.TopOrigin == "":
		return nil
	case !a.client.CrossOrigin:
		return fmt.Errorf("top origin %q of a ceremony that was not in a cross-origin frame", a.client.TopOrigin)
	case !v.embedders[a.client.TopOrigin]:
		return fmt.Errorf("top origin %q: this relying party does not expect to be embedded there", a.client.TopOrigin)
	}
	return nil
}

// tokenBinding: reserved in Level 3, but clients of earlier levels may still send it and it has to make sense then.
func (*verifier) tokenBinding(a *attempt) error {
	binding := a.client.TokenBinding //nolint:staticcheck // deprecated because Level 3 dropped it, see above
	if binding == nil {
		return nil
	}
	switch binding.Status {
	case protocol.Present, protocol.Supported, protocol.NotSupported:
		return nil
	default:
		return fmt.Errorf("token binding status %q is not a known one", binding.Status)
	}
}

// rpID: §7.1 step 14, §7.2 step 15.
func (v *verifier) rpID(a *attempt) error {
	if subtle.ConstantTimeCompare(a.authData.RPIDHash, v.rpIDHash[:]) != 1 {
		return errors.New("the authenticator answered for another relying party id")
	}
	return nil
}

// userPresent: §7.1 step 15, §7.2 step 16. Nobody is asked for presence in a conditional creation; all other steps
// stand for it too.
func (*verifier) userPresent(a *attempt) error {
	if !a.ceremony.conditional && !a.authData.Flags.HasUserPresent() {
		return errors.New("user presence (UP) is not set")
	}
	return nil
}

// userVerified: §7.1 step 16, §7.2 step 17. Without the requirement the flag is ignored, set or not.
func (*verifier) userVerified(a *attempt) error {
	if a.ceremony.userVerification == "required" && !a.authData.Flags.HasUserVerified() {
		return errors.New("user verification (UV) is required and not set")
	}
	return nil
}

// backupFlags: §7.1 step 17, §7.2 step 18.
func (*verifier) backupFlags(a *attempt) error {
	if a.authData.Flags.HasBackupState() && !a.authData.Flags.HasBackupEligible() {
		return errors.New("backed up (BS) without being backup eligible (BE)")
	}
	return nil
}

// credentialAllowed: §7.2 step 5.
func (*verifier) credentialAllowed(a *attempt) error {
	if !a.ceremony.identified {
		return nil
	}
	for _, id := range a.ceremony.allowed {
		if bytes.Equal(id, a.rawID) {
			return nil
		}
	}
	return errors.New("credential is not one of those allowed")
}

// owner: §7.2 step 6, when the user was known before the ceremony.
func (*verifier) owner(a *attempt) error {
	if a.ceremony.identified && !bytes.Equal(a.passkey.UserID, a.ceremony.userID) {
		return errors.New("credential belongs to another user")
	}
	return nil
}

// userHandle: §7.2 step 6. Only a discoverable sign-in has to carry one.
func (*verifier) userHandle(a *attempt) error {
	if len(a.userHandle) == 0 && a.ceremony.identified {
		return nil
	}
	if !bytes.Equal(a.userHandle, a.passkey.UserID) {
		return errors.New("user handle is not the credential owner's")
	}
	return nil
}

// signature: §7.2 steps 20 and 21, always with the stored key and its algorithm.
func (*verifier) signature(a *attempt) error {
	key, err := webauthncose.ParsePublicKey(a.passkey.PublicKey)
	if err != nil {
		return fmt.Errorf("stored public key: %w", err)
	}
	hash := sha256.Sum256(a.clientDataJSON)
	signed := make([]byte, 0, len(a.rawAuthData)+len(hash))
	signed = append(append(signed, a.rawAuthData...), hash[:]...)
	if ok, err := webauthncose.VerifySignature(key, signed, a.signature); err != nil {
		return fmt.Errorf("signature: %w", err)
	} else if !ok {
		return errors.New("signature does not verify")
	}
	return nil
}

// backupEligibility: §7.2 step 19, as backup eligibility is fixed for the life of a credential (§6.1.3).
func (*verifier) backupEligibility(a *attempt) error {
	if got := a.authData.Flags.HasBackupEligible(); got != a.passkey.BackupEligible {
		return fmt.Errorf("backup eligibility (BE) changed to %t since registration", got)
	}
	return nil
}

// counter judges a signature counter against the stored one (§7.2 step 22). A counter that did not grow is suspicious
// unless both are zero; it is refused only when neither is zero, see the package documentation.
func (*verifier) counter(stored, received uint32) (suspicious, refused bool) {
	suspicious = received <= stored && (received != 0 || stored != 0)
	return suspicious, suspicious && received != 0
}
