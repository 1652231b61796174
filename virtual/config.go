package virtual

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
)

// Config says how a [SoftwareDevice] behaves. The zero value is a platform authenticator whose
// passkeys stay on the device: always discoverable, user always present and verified, counter at
// zero, no attestation, the algorithms ES256, EdDSA and RS256.
type Config struct {
	// Algorithms names what the authenticator supports: ES256, ES384, ES512, EdDSA, RS256, PS256.
	// The RP's order decides among them (WebAuthn L3 §6.3.2). Empty means ES256, EdDSA, RS256, or
	// ES256 alone for [AttestationFIDOU2F]. A new RSA key takes a tenth of a second or more.
	Algorithms []string

	UserPresence     UserPresence
	UserVerification UserVerification

	// BackupEligible and BackedUp are the BE and BS flags of new credentials (WebAuthn L3 §6.1.3).
	BackupEligible, BackedUp bool

	Counter Counter

	ResidentKeys ResidentKeys
	// ResidentKeyLimit is how many discoverable credentials fit on the device; 0 is no limit.
	ResidentKeyLimit int

	// CredentialIDLength is the length of new credential IDs in bytes, 16 to 1023; 0 means 32.
	CredentialIDLength int

	// AAGUID is the authenticator model as UUID text; empty means all zeros.
	AAGUID string
	// Attachment is "platform", the default, or "cross-platform".
	Attachment string
	// Transports are reported to the RP; empty means "internal" for a platform authenticator and
	// "usb" for a cross-platform one.
	Transports []string

	Attestation Attestation
	// AttestationCA issues the attestation certificates; nil means one of the device's own, made
	// from Random. Devices of one model share one.
	AttestationCA *AttestationCA
	// UnrequestedAttestation sends the attestation even when the RP did not ask for any, which a
	// browser would replace by "none".
	UnrequestedAttestation bool

	// Extensions names the supported ones: credProps, prf, largeBlob, credBlob, minPinLength. Nil
	// means credProps alone, an empty list none.
	Extensions []string
	// MinPINLength is what the minPinLength extension reports; 0 means 4.
	MinPINLength uint

	// EmptyExtensionMap has registrations without extension outputs carry an empty map of them, with the
	// ED flag set (WebAuthn L3 §6.1).
	EmptyExtensionMap bool

	// FullSignatures leaves out ECDSA signatures with a number that begins with a zero byte, as one in 128 does: a
	// relying party that cannot read those is then not one that fails now and then.
	FullSignatures bool

	// Random is where keys and credential IDs come from; nil means crypto/rand. A repeatable
	// source gives repeatable devices: the same calls in the same order give the same IDs, keys
	// and signatures. RSA is the exception, as Go generates RSA keys from the system's randomness
	// only, and PS256 signatures are salted. The device reads it under its own lock.
	Random io.Reader
	// Clock tells [Credential.Created]; nil means the system clock.
	Clock func() time.Time
}

// UserPresence says when the user present flag (UP) is set.
type UserPresence string

// The user presence behaviors.
const (
	PresenceAlways UserPresence = "always" // the default
	// PresenceUnlessConditional makes a conditional create (a silent passkey upgrade) neither
	// present nor, unless required, verified, as WebAuthn L3 §5.1.3 permits.
	PresenceUnlessConditional UserPresence = "unless-conditional"
	PresenceNever             UserPresence = "never" // an authenticator that answers by itself
)

// UserVerification says when the user verified flag (UV) is set.
type UserVerification string

// The user verification behaviors.
const (
	VerificationAlways    UserVerification = "always"     // the default: even when discouraged
	VerificationWhenAsked UserVerification = "when-asked" // for required and preferred
	VerificationNever     UserVerification = "never"      // the device cannot; required fails
	// VerificationMissing does what is asked and leaves the flag off, even when verification is required.
	VerificationMissing UserVerification = "missing"
)

// ResidentKeys says which new credentials are discoverable (client-side discoverable, "resident").
type ResidentKeys string

// The resident key behaviors.
const (
	ResidentKeysAlways    ResidentKeys = "always"     // the default: even when discouraged
	ResidentKeysWhenAsked ResidentKeys = "when-asked" // for required and preferred
	ResidentKeysNever     ResidentKeys = "never"      // the device cannot; required fails
)

// CounterPolicy says how signature counters move (WebAuthn L3 §6.1.1).
type CounterPolicy string

// The counter policies.
const (
	CounterZero CounterPolicy = "zero" // the default: always 0, as synced passkeys do
	// CounterPerCredential has every credential count its own signatures.
	CounterPerCredential CounterPolicy = "per-credential" //nolint:gosec // G101 takes the name for a password
	CounterGlobal        CounterPolicy = "global"         // one counter for the whole device
	// CounterWhenCounting keeps new credentials at 0, and goes on counting with those that come with a count.
	CounterWhenCounting CounterPolicy = "when-counting"
)

// Counter is the signature counter. A registration reports the start value or, with
// [CounterGlobal], the next one; every assertion goes up by Step.
type Counter struct {
	Policy CounterPolicy
	Start  uint32
	Step   uint32 // 0 means 1
}

// Attestation is the kind of attestation a registration carries.
type Attestation string

// The attestation kinds.
const (
	AttestationNone       Attestation = "none"        // the default
	AttestationPackedSelf Attestation = "packed-self" // signed with the credential's own key
	AttestationPacked     Attestation = "packed"      // signed with a certified attestation key
	AttestationFIDOU2F    Attestation = "fido-u2f"    // of a U2F security key, ES256 only
)

// Extension identifiers of [Config.Extensions].
const (
	ExtensionCredProps    = "credProps"
	ExtensionPRF          = "prf"
	ExtensionLargeBlob    = "largeBlob"
	ExtensionCredBlob     = "credBlob"
	ExtensionMinPINLength = "minPinLength"
)

// Attachments.
const (
	attachmentPlatform      = "platform"
	attachmentCrossPlatform = "cross-platform"
)

// settings is a Config with defaults filled in and everything checked.
type settings struct {
	Config
	algorithms []webauthn.Algorithm
	aaguid     webauthn.AAGUID
}

func (s *settings) supportsExtension(id string) bool {
	return slices.Contains(s.Extensions, id)
}

// Validate reports every mistake at once, as [NewSoftwareDevice] does.
func (c Config) Validate() error {
	_, err := c.settle()
	return err
}

// settle fills in the defaults and reports every mistake at once.
func (c Config) settle() (*settings, error) {
	s := &settings{Config: c.withDefaults()}
	errs := []error{
		oneOf("user presence", s.UserPresence, PresenceAlways, PresenceUnlessConditional, PresenceNever),
		oneOf("user verification", s.UserVerification, VerificationAlways, VerificationWhenAsked, VerificationNever, VerificationMissing),
		oneOf("resident keys", s.ResidentKeys, ResidentKeysAlways, ResidentKeysWhenAsked, ResidentKeysNever),
		oneOf("counter policy", s.Counter.Policy, CounterZero, CounterPerCredential, CounterGlobal, CounterWhenCounting),
		oneOf("attestation", s.Attestation, AttestationNone, AttestationPackedSelf, AttestationPacked, AttestationFIDOU2F),
		oneOf("attachment", s.Attachment, attachmentPlatform, attachmentCrossPlatform),
	}
	for _, id := range s.Extensions {
		errs = append(errs, oneOf("extension", id,
			ExtensionCredProps, ExtensionPRF, ExtensionLargeBlob, ExtensionCredBlob, ExtensionMinPINLength))
	}
	for _, name := range s.Algorithms {
		alg, err := webauthn.ParseAlgorithm(name)
		errs = append(errs, err)
		s.algorithms = append(s.algorithms, alg)
		if s.Attestation == AttestationFIDOU2F && alg != webauthn.ES256 {
			errs = append(errs, fmt.Errorf("attestation %q goes with ES256 only, not with %q", s.Attestation, name))
		}
	}
	if s.AAGUID != "" {
		aaguid, err := webauthn.ParseAAGUID(s.AAGUID)
		errs = append(errs, err)
		s.aaguid = aaguid
	}
	if s.BackedUp && !s.BackupEligible {
		errs = append(errs, errors.New("backed up without being backup eligible is not a legal state (WebAuthn L3 §6.1.3)"))
	}
	if s.CredentialIDLength < 16 || s.CredentialIDLength > webauthn.MaxCredentialID {
		errs = append(errs, fmt.Errorf("credential id length %d: want 16 to %d bytes", s.CredentialIDLength, webauthn.MaxCredentialID))
	}
	if s.ResidentKeyLimit < 0 {
		errs = append(errs, fmt.Errorf("resident key limit %d is negative", s.ResidentKeyLimit))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("device config: %w", err)
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	orDefault(&c.UserPresence, PresenceAlways)
	orDefault(&c.UserVerification, VerificationAlways)
	orDefault(&c.ResidentKeys, ResidentKeysAlways)
	orDefault(&c.Counter.Policy, CounterZero)
	orDefault(&c.Counter.Step, 1)
	orDefault(&c.Attestation, AttestationNone)
	orDefault(&c.Attachment, attachmentPlatform)
	orDefault(&c.CredentialIDLength, 32)
	orDefault(&c.MinPINLength, 4)
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Clock == nil {
		c.Clock = time.Now //nolint:forbidigo // the one real clock
	}
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{"ES256", "EdDSA", "RS256"}
		if c.Attestation == AttestationFIDOU2F {
			c.Algorithms = c.Algorithms[:1]
		}
	}
	if c.Extensions == nil {
		c.Extensions = []string{ExtensionCredProps}
	}
	transports := slices.Clone(c.Transports)
	if len(transports) == 0 {
		transports = []string{"internal"}
		if c.Attachment == attachmentCrossPlatform {
			transports = []string{"usb"}
		}
	}
	// getTransports() returns unique values in lexicographical order (WebAuthn L3 §5.2.1).
	slices.Sort(transports)
	c.Transports = slices.Compact(transports)
	return c
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func oneOf[T ~string](what string, value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s %q: want one of %q", what, value, allowed)
}
