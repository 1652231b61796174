// Package virtual plays the passkey side of WebAuthn: a client with its authenticator, in
// software, for testing relying parties.
//
// A [SoftwareDevice] takes the options JSON an RP sends and returns the response JSON a browser
// would post back. It keeps the duties of both parts: the client checks the origin against the
// RP ID, builds clientDataJSON and anonymizes attestation (WebAuthn L3 §5.1.3, §5.1.4, §5.8.1);
// the authenticator makes keys, keeps credentials, counts, sets flags and signs (§6). What is
// refused is refused as in a browser, with an [Error] that carries the name of the DOMException.
//
// Not played: the network (a list of related origins, §5.11, comes with the request), the appid and
// enterprise attestation features, timeouts, and the person: user gestures always succeed as configured.
// What relying parties signal about their credentials, a device heeds ([SoftwareDevice.Heed]).
package virtual
