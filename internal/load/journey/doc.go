// Package journey plays what one user of a load does: the steps of a scenario, compiled once.
//
// A step means what it means in a single run, with these differences. All devices of a user hold one synced passkey, so
// that a login on another device is a login in another session, on another connection. A load believes the answers: it
// does not look afterwards at whoami or the list, unless a step says so, by being whoami or by expecting a user. An
// answer of 429, or of 503 with Retry-After, is no decision, even if the adapter takes every 4xx for a no: a login that
// is put off is not a no.
package journey
