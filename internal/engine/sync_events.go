package engine

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric"
)

// The metrics of passkeys that travel.
const (
	metricLag        = "sync.lag"                  // from the cloud's acknowledgment until a device could use it
	metricOperation  = "sync.operation"            // what the fabric itself took in a step
	metricZombie     = "sync.zombie"               // from the deletion at the relying party until a device stopped offering
	metricConflicts  = "sync.conflicts"            // changes that the cloud refused, and replacements that knew nothing of each other
	metricZombieLeft = "sync.zombie.left"          // still offered in the end, of all that were deleted there
	metricDuplicates = "sync.duplicates"           // users with several passkeys in use at one relying party in the end, of all
	metricEarly      = "sync.early_login.rejected" // logins on devices that did not have the passkey yet
	metricLockouts   = "sync.lockouts"
)

// shares say among how many a counter counts.
type shares map[string]int64

// in adds them to metrics.
func (s shares) in(metrics map[string]report.Metric) map[string]report.Metric {
	for name, of := range s {
		if m, ok := metrics[name]; ok {
			m.Of = of
			metrics[name] = m
		}
	}
	return metrics
}

func (w *world) observe(metric string, d time.Duration) {
	w.measured.Observe(metric, d)
	w.recorder.Observe(metric, d)
}

// count adds to a counter; of is among how many, if that means something.
func (w *world) count(metric string, n, of int64) {
	w.measured.Count(metric, n)
	w.recorder.Count(metric, n)
	if of > 0 {
		w.counted[metric] += of
		w.engine.counted[metric] += of
	}
}

// hear takes in what a replica tells.
func (w *world) hear(a *account, e fabric.Event) {
	w.traveling.heardMu.Lock()
	defer w.traveling.heardMu.Unlock()
	step := ""
	if !e.At.Before(w.traveling.began) {
		step = w.traveling.step
	}
	w.traveling.heard = append(w.traveling.heard, heard{e, a, step})
	switch e.Kind {
	case fabric.EventArrived:
		if !e.Sent.IsZero() {
			w.observe(metricLag, e.At.Sub(e.Sent))
		}
	case fabric.EventConflict:
		race := a.key + " " + string(e.CredentialID)
		if e.From == "" || !w.traveling.races[race] { // every device that hears of a race tells it
			w.count(metricConflicts, 1, 0)
		}
		w.traveling.races[race] = w.traveling.races[race] || e.From != ""
	default:
	}
}

// replicas are the devices whose passkeys travel, by name.
func (w *world) replicas() []*device {
	var list []*device
	for _, d := range w.devices {
		if d.replica != nil {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *device) int { return cmp.Compare(a.key, b.key) })
	return list
}

// beforeStep has what came due since the last step arrive.
func (w *world) beforeStep(ctx context.Context, id string) {
	w.traveling.heardMu.Lock()
	w.traveling.step, w.traveling.began = id, w.began
	w.traveling.heardMu.Unlock()
	w.traveling.mu.Lock()
	defer w.traveling.mu.Unlock()
	w.traveling.spent, w.traveling.trouble = 0, nil
	for _, d := range w.devices {
		d.refusal = refusal{}
	}
	for _, d := range w.replicas() {
		_, _ = d.replica.Advance(ctx) // the ceremony that needs it says what is wrong
	}
}

// foresight is what has to be seen before a step, to measure what comes of it.
type foresight struct {
	early   bool      // a login on a device to which the user's passkey is still under way
	deleted *passkey  // what the step asks the relying party to delete; nil: nothing
	offered []*device // which devices offer that
}

// foresee looks at the devices before a step.
func (w *world) foresee(s *scenarios.Step) foresight {
	if len(w.traveling.clouds) == 0 {
		return foresight{}
	}
	seen := foresight{early: w.early(s)}
	if s.Delete == nil || s.Delete.At == scenarios.AtProvider {
		return seen
	}
	key, err := w.passkey(s.Delete.Credential, s.Delete.User)
	if err != nil {
		return seen // which the step says
	}
	seen.deleted = key
	for _, d := range w.replicas() {
		if d.offers(key.id) {
			seen.offered = append(seen.offered, d)
		}
	}
	return seen
}

// afterStep takes in what the step did to devices, and measures it.
func (w *world) afterStep(ctx context.Context, before foresight, o *outcome) {
	if len(w.traveling.clouds) == 0 {
		return
	}
	if before.early && o.result != nil && o.result.Outcome != rp.OutcomeError {
		rejected := int64(0)
		if o.result.Outcome != rp.OutcomeAccepted {
			rejected = 1
		}
		w.count(metricEarly, rejected, 1)
	}
	spent, trouble := w.keepUp(ctx)
	if before.deleted != nil && o.result != nil && o.result.Outcome == rp.OutcomeAccepted {
		for _, d := range before.offered { // also where the page has signaled it by now
			w.traveling.zombies = append(w.traveling.zombies, &zombie{d, before.deleted, w.cfg.Clock()})
			w.count(metricZombieLeft, 0, 1)
		}
	}
	w.layZombies()
	if o.ceremony != nil {
		w.observe(metricOperation, spent)
	}
	for _, err := range trouble {
		o.findings = append(o.findings, finding{
			verdict: report.VerdictError, message: "the fabric failed: " + err.Error(), hint: hintIn(err),
		})
	}
}

// early says whether a login was on a device to which the user's passkey was still under way.
func (w *world) early(s *scenarios.Step) bool {
	var user, on string
	switch {
	case s.Login != nil:
		user, on = s.Login.User, s.Login.On
	case s.LoginDiscoverable != nil:
		user, on = s.LoginDiscoverable.User, s.LoginDiscoverable.On
	default:
		return false
	}
	d, err := w.device(on, user)
	if err != nil || d.replica == nil || !d.replica.Status().Enrolled {
		return false
	}
	underWay := false
	for _, k := range w.keys {
		if k.deleted || user != "" && k.user != user {
			continue
		}
		if d.holds(k.id) {
			return false
		}
		underWay = underWay || k.device != d && k.device.account == d.account && k.device.holds(k.id) && !d.knows(k.id)
	}
	return underWay
}

// knows says whether the device has heard of the passkey: one that it has and does not offer is not under way.
func (d *device) knows(id []byte) bool {
	return slices.ContainsFunc(d.replica.Records(), func(v fabric.View) bool { return bytes.Equal(v.CredentialID, id) })
}

// zombie is a passkey that its relying party does not have any more, on a device that still offers it.
type zombie struct {
	device *device
	key    *passkey
	since  time.Time
}

// offers says whether a device shows the passkey to its person.
func (d *device) offers(id []byte) bool {
	for _, c := range d.Credentials() {
		if bytes.Equal(c.ID, id) {
			return c.Discoverable
		}
	}
	return false
}

// layZombies measures those that are no longer offered.
func (w *world) layZombies() {
	now := w.cfg.Clock()
	w.traveling.zombies = slices.DeleteFunc(w.traveling.zombies, func(z *zombie) bool {
		if z.device.offers(z.key.id) {
			return false
		}
		w.observe(metricZombie, w.goneSince(z, now).Sub(z.since))
		return true
	})
}

// goneSince is when a device stopped offering a passkey, as far as it told.
func (w *world) goneSince(z *zombie, now time.Time) time.Time {
	w.traveling.heardMu.Lock()
	defer w.traveling.heardMu.Unlock()
	for _, e := range slices.Backward(w.traveling.heard) {
		if e.account != z.device.account || e.Device != z.device.name || !bytes.Equal(e.CredentialID, z.key.id) {
			continue
		}
		switch e.Kind {
		case fabric.EventHidden, fabric.EventDeleted, fabric.EventTrashed, fabric.EventShadowed:
			if !e.At.Before(z.since) {
				return e.At
			}
		default:
		}
	}
	return now
}

// waiting tells that a step waits, and for what.
func (w *world) waiting(text string) {
	if w.cfg.Events.Waiting != nil {
		w.cfg.Events.Waiting(w.redactor.Text(text))
	}
}
