// Package checks is the catalogue of what a relying party has to verify, and what performs it: every check is one
// row of data with a function that acts it out on a relying party and a verdict that follows from what happened
// afterwards.
//
// Three rules keep verdicts honest. A legal ceremony on the same account comes right before every hostile one, which
// differs from it by one change. The answer is not believed: who is signed in and which passkeys are listed decides.
// And what could not be seen is a skip or an error with its reason, never a pass.
package checks
