// Package demorp is the relying party that ships inside passrig: a small, correct passkey site with a JSON API, the
// FIDO conformance REST shape and a web page, used by demos, tests, checks and load runs.
//
// It answers a ceremony in the order the specification gives. Options handlers issue a challenge and remember, on the
// server and bound to the visitor's session, what was promised with it; result handlers spend that challenge first and
// only then look at the answer. Every expectation a relying party has of an answer is one named step of the verifier
// (WebAuthn L3 §7.1 and §7.2), and everything that has to survive a restart goes through a [Store].
//
// Where the specification leaves the choice to the relying party, this one decides:
//
//   - Origins are compared byte for byte with the configured list; only configured sites may embed /embed-me.
//   - User verification is preferred and passkeys are discoverable, without attestation, unless configured otherwise.
//   - A self attestation, or one whose root nobody vouches for, is accepted when its own signature holds, unless roots
//     are configured: then every registration has to lead to one.
//   - The backup eligibility of a passkey never changes (§6.1.3); its backup state may.
//   - A signature counter that fails to grow marks the passkey with a clone warning. The sign-in is refused only when
//     both the stored and the received counter are non-zero, because many synced passkeys report zero.
//   - Asking for the passkeys of a username that has none is answered with decoys (§14.6.2).
package demorp
