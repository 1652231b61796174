package study

import (
	"fmt"

	"github.com/passrig/passrig/report"
)

// The metrics of a study. Those that a run records too are called the same.
const (
	MetricLag         = "sync.lag"                  // from when the cloud had a new passkey until another device, online all the time, offered it
	MetricLagAbsent   = "sync.lag.absent"           // the same for devices that were offline meanwhile, their absence included
	MetricZombie      = "sync.zombie"               // from the deletion at the relying party until no device offered the passkey
	MetricSignaled    = "sync.zombie.signaled"      // of those whose deletion was signaled
	MetricUnsignaled  = "sync.zombie.unsignaled"    // of the others
	MetricZombiesLeft = "sync.zombie.left"          // still offered at the end, of all that the relying party deleted
	MetricEarly       = "sync.early_login.rejected" // of logins on devices that did not have the passkey yet
	MetricLogins      = "login.failed"              // of all logins on devices with a network
	MetricConflicts   = "sync.conflicts"            // changes that met another one: refused by the cloud, or made without knowing of it; of all changes
	MetricDuplicates  = "sync.duplicates"           // users with several passkeys on offer at a relying party that knows one, of all
	MetricMismatches  = "sync.mismatches"           // users whose device offers another passkey than the one the relying party knows, of all users and devices
	MetricLockouts    = "sync.lockouts"             // of new devices that people unlocked, or tried to
	MetricUnusable    = "sync.unusable_devices"     // devices that can use no passkey at the end, of all
	MetricLosses      = "sync.losses"               // deliveries that were lost and sent again, of all
	MetricRepeats     = "sync.repeats"              // deliveries that came twice, of all
)

// duration is a distribution that a study measures.
type duration int

const (
	lag duration = iota
	lagAbsent
	zombieTime
	zombieSignaled
	zombieUnsignaled
	durations // how many
)

func durationNames() [durations]string {
	return [durations]string{
		lag: MetricLag, lagAbsent: MetricLagAbsent, zombieTime: MetricZombie, zombieSignaled: MetricSignaled, zombieUnsignaled: MetricUnsignaled,
	}
}

// counter is something that a study counts, next to what it is a share of.
type counter int

const (
	zombiesLeft counter = iota
	earlyLogins
	failedLogins
	conflicts
	duplicates
	mismatches
	lockouts
	unusable
	losses
	repeats
	counters // how many
)

func counterNames() [counters]string {
	return [counters]string{
		zombiesLeft: MetricZombiesLeft, earlyLogins: MetricEarly, failedLogins: MetricLogins, conflicts: MetricConflicts,
		duplicates: MetricDuplicates, mismatches: MetricMismatches, lockouts: MetricLockouts, unusable: MetricUnusable,
		losses: MetricLosses, repeats: MetricRepeats,
	}
}

// share counts how many of how many.
type share struct{ n, of int64 }

// tally is what was measured. Adding is commutative: tallies of parts of a study come to the same in any order.
type tally struct {
	accounts  int64
	kinds     [kinds]struct{ done, failed int64 }
	durations [durations]*histogram
	counts    [counters]share

	faults [faults]finding
}

// fault is something that must not be, whatever happens.
type fault int

const (
	diverged  fault = iota // a device has something else in the end than the cloud
	lost                   // the cloud does not have any more what it had acknowledged
	overtried              // more tries to unlock than allowed
	faults                 // how many
)

// finding is in how many accounts a fault was, and in which first.
type finding struct {
	accounts int64
	first    int64  // number of the account
	text     string // what was the matter there
}

func newTally() *tally {
	t := &tally{}
	for i := range t.durations {
		t.durations[i] = newHistogram()
	}
	return t
}

// count adds one to what a counter is a share of, and to the counter itself if it happened.
func (t *tally) count(c counter, happened bool) {
	t.counts[c].of++
	if happened {
		t.counts[c].n++
	}
}

// event counts something that took place, and whether it came to anything.
func (t *tally) event(k Kind, ok bool) {
	t.kinds[k].done++
	if !ok {
		t.kinds[k].failed++
	}
}

// found counts a fault in an account.
func (t *tally) found(f fault, account int64, format string, args ...any) {
	t.faults[f].merge(finding{1, account, fmt.Sprintf(format, args...)})
}

func (f *finding) merge(from finding) {
	if from.accounts > 0 && (f.accounts == 0 || from.first < f.first) {
		f.first, f.text = from.first, from.text
	}
	f.accounts += from.accounts
}

func (t *tally) merge(from *tally) {
	t.accounts += from.accounts
	for i, k := range from.kinds {
		t.kinds[i].done += k.done
		t.kinds[i].failed += k.failed
	}
	for i, h := range from.durations {
		t.durations[i].merge(h)
	}
	for i, s := range from.counts {
		t.counts[i].n += s.n
		t.counts[i].of += s.of
	}
	for i, f := range from.faults {
		t.faults[i].merge(f)
	}
}

// events is how many took place.
func (t *tally) events() int64 {
	var n int64
	for _, k := range t.kinds {
		n += k.done
	}
	return n
}

// metrics are the figures of the result.
func (t *tally) metrics() (map[string]report.Metric, error) {
	metrics := make(map[string]report.Metric, int(durations)+int(counters))
	for i, h := range t.durations {
		m, err := h.metric()
		if err != nil {
			return nil, err
		}
		metrics[durationNames()[i]] = m
	}
	for i, s := range t.counts {
		metrics[counterNames()[i]] = report.Metric{Unit: report.UnitCount, Count: s.n, Of: s.of}
	}
	return metrics, nil
}
