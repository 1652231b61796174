// Package webauthn holds the wire types of WebAuthn Level 3 and their codecs: client data,
// authenticator data, COSE keys, attestation objects, and the JSON forms of options and responses.
//
// Every decoder returns an error on malformed input, never panics, and returns a nil or zero value
// together with an error. Decoders do no verification beyond the shape of the bytes, so the same
// code reads honest and forged messages.
package webauthn
