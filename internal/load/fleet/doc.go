// Package fleet holds the users of a load: up to millions of them, each with a passkey, and makes their parts of
// ceremonies at a cost that a load test does not notice.
//
// A user is derived from one seed by index: names, password, credential ID and private key are computed whenever they
// are needed and kept nowhere. What cannot be derived, because the relying party decides it or it changes, is in the
// state file: who is enrolled, with which user handle, and the signature counter. Users can be imported as well; then
// their keys are in memory.
//
// A fleet assembles client data, authenticator data, attestation objects and signatures by hand, into buffers of the
// caller. They are the bytes that a [virtual.SoftwareDevice] with the same passkey and the same provider makes. How
// the provider's authenticator answers to options is asked of such a device once, when the fleet is made.
//
// # Security
//
// Everything here is for test keys that passrig itself derived. Whoever knows the seed, which is in every report and
// at the head of the state file, has all private keys. ES256 signatures of derived users may be made with nonces from
// a pool: each is independent and random, is used once, and is wiped from the pool when it is taken. But it waits in
// memory until then, and the arithmetic, its inversion above all, is not made to take constant time. Imported keys may
// be worth something: they are used with crypto/ecdsa only.
package fleet
