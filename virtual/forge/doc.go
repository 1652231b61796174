// Package forge makes responses that are wrong in one named way, to see whether a relying party
// notices.
//
// [Registration] and [Assertion] take a legal response apart, make the named changes, and put it
// together again: whatever signs a changed part is signed anew, and the convenience copies of a
// registration follow its attestation object, so that nothing is wrong but what was named. [Kinds]
// is the table of changes.
//
// Everything the forge makes up (keys, other credential IDs, certificates) is derived from the
// legal response: the same response and changes give the same bytes, as far as the [Signer]'s
// signatures do. Its private keys are as public as the responses, and [RootDER] is good for tests only.
package forge
