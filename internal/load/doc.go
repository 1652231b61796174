// Package load plays a scenario many times at once and says how the relying party bore it.
//
// The package itself is the order of things: who is enrolled first, what is tried out, which phases follow, when to
// stop, and what the result says. What is below it does the work: pace says when an iteration begins, journey what it
// does, fleet who does it, wire how its requests travel, ledger what came of it, and live shows that meanwhile.
package load
