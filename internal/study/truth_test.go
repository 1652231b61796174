package study

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// The tests in this file compare figures of studies with what they have to be by calculation. Each study is as simple as
// the calculation wants it; the seeds are fixed, so that a test that passes does so always.

// simple is a study with events of one kind, after the first passkey was made.
func simple(accounts int64, devices, events int, kind Kind, delay fabric.Distribution) *Plan {
	p := usual(accounts, like(plain()))
	p.Devices, p.Events, p.For, p.PINErrors, p.Mix, p.Delay = devices, events, time.Hour, 0, Mix{}, delay
	p.Mix[kind] = 1
	return p
}

// near fails the test unless n of so many independent cases, each with a probability, are within four standard deviations
// of what is to be expected.
func near(t *testing.T, what string, n, of int64, probability float64) {
	t.Helper()
	want := probability * float64(of)
	if deviation := math.Sqrt(want * (1 - probability)); math.Abs(float64(n)-want) > 4*deviation {
		t.Errorf("%s: %d of %d, want %.1f ± %.1f", what, n, of, want, 4*deviation)
	}
}

// within is the probability that two moments drawn from a study's time are less than d apart.
func within(d, whole time.Duration) float64 {
	return 1 - math.Pow(1-float64(d)/float64(whole), 2)
}

func exactly(t *testing.T, what string, m report.Metric, d time.Duration) {
	t.Helper()
	if m.Count == 0 || m.Min != float64(d) || m.Max != float64(d) || m.Mean != float64(d) {
		t.Errorf("%s: %d times, %s to %s, mean %s; want always %s", what, m.Count, report.FormatDuration(m.Min), report.FormatDuration(m.Max), report.FormatDuration(m.Mean), d)
	}
}

func kindOf(run *report.Run, kind Kind) report.StudyCount {
	for _, k := range run.Fabric.Study.Kinds {
		if k.Kind == kind.String() {
			return k
		}
	}
	return report.StudyCount{}
}

// TestEarlyLogins has one passkey made and one sign-in on the other device, at moments drawn from an hour. With a constant
// delay d the sign-in fails if they are less than d apart.
func TestEarlyLogins(t *testing.T) {
	t.Parallel()
	const accounts, delay = 1000, 15 * time.Minute
	for _, refreshes := range []bool{false, true} {
		plan := simple(accounts, 2, 2, Login, fabric.Constant(delay))
		plan.Owners[0].Provider.Sync.RefreshWhenMissing = refreshes
		run := play(t, plan, 1)
		early, logins := run.Metrics[MetricEarly], run.Metrics[MetricLogins]
		near(t, "early logins", early.Of, accounts, within(delay, time.Hour))
		want := early.Of
		if refreshes { // the provider looks once more, and the passkey is there
			want = 0
		}
		if early.Count != want || logins.Count != want || logins.Of != accounts || kindOf(run, Login).Failed != want {
			t.Errorf("refresh %t: %d of %d early logins failed, %d of %d logins, want %d", refreshes, early.Count, early.Of, logins.Count, logins.Of, want)
		}
		if created := kindOf(run, Create); created.Count != accounts || created.Failed != 0 {
			t.Errorf("created: %+v", created)
		}
	}
}

// TestLagIsTheDelay compares the distribution of the lag with the one that delays are drawn from, by the test of Kolmogorov
// and Smirnov. Where a bucket of the histogram ends, both are known exactly.
func TestLagIsTheDelay(t *testing.T) {
	t.Parallel()
	const accounts, devices = 1500, 3
	const median, p99 = 3 * time.Second, time.Minute
	lag := play(t, simple(accounts, devices, 1, Create, fabric.LogNormal(median, p99)), 2).Metrics[MetricLag]
	if lag.Count != accounts*(devices-1) {
		t.Fatalf("%d lags, want one for each device but the maker", lag.Count)
	}
	sigma := math.Log(float64(p99)/float64(median)) / 2.3263478740408408
	cumulative := func(ns float64) float64 {
		return 0.5 * math.Erfc(-math.Log(ns/float64(median))/sigma/math.Sqrt2)
	}
	distribution, err := lag.Distribution()
	if err != nil {
		t.Fatal(err)
	}
	below, worst := int64(0), 0.0
	for _, bucket := range distribution {
		below += bucket.Count
		worst = max(worst, math.Abs(float64(below)/float64(lag.Count)-cumulative(bucket.To)))
	}
	if limit := 1.63 / math.Sqrt(float64(lag.Count)); worst > limit { // 1 %
		t.Errorf("the distributions are %.4f apart, want %.4f at most", worst, limit)
	}
	for _, q := range []struct{ got, share float64 }{{lag.P50, 0.5}, {lag.P90, 0.9}, {lag.P99, 0.99}} {
		if share := cumulative(q.got); math.Abs(share-q.share) > 4*math.Sqrt(q.share*(1-q.share)/float64(lag.Count))+0.001 {
			t.Errorf("p%.0f is %s, which %.4f of the delays are below", q.share*100, report.FormatDuration(q.got), share)
		}
	}
}

func TestConstantLag(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{0, time.Second, 20 * time.Hour} {
		run := play(t, simple(100, 3, 1, Create, fabric.Constant(delay)), 3)
		lag := run.Metrics[MetricLag]
		exactly(t, "lag", lag, delay)
		if math.Abs(lag.P99-float64(delay)) > float64(delay)/1000 || lag.Clamped != 0 {
			t.Errorf("p99 %s, want %s; %d clamped", report.FormatDuration(lag.P99), delay, lag.Clamped)
		}
		if n := run.Metrics[MetricLagAbsent].Count; n != 0 {
			t.Errorf("%d devices were offline, want none", n)
		}
	}
}

// TestLosses has deliveries lost with probability q, and sent again after r until they arrive: k times with probability
// q^k(1-q).
func TestLosses(t *testing.T) {
	t.Parallel()
	const accounts, delay, retry = 1000, time.Second, time.Minute
	for _, loss := range []float64{0, 0.2} {
		plan := simple(accounts, 2, 1, Create, fabric.Constant(delay))
		plan.Loss, plan.Retry = loss, retry
		run := play(t, plan, 4)
		lag, losses := run.Metrics[MetricLag], run.Metrics[MetricLosses]
		if lag.Count != accounts || losses.Of != accounts+losses.Count {
			t.Fatalf("loss %g: %d arrived, %d of %d lost", loss, lag.Count, losses.Count, losses.Of)
		}
		if loss == 0 {
			exactly(t, "lag", lag, delay)
			if losses.Count != 0 {
				t.Errorf("%d lost without losses", losses.Count)
			}
			continue
		}
		near(t, "lost", losses.Count, losses.Of, loss)
		distribution, err := lag.Distribution()
		if err != nil {
			t.Fatal(err)
		}
		left := lag.Count
		for k, bucket := range distribution[:3] {
			near(t, "lost so often and no more", bucket.Count, left, 1-loss)
			if want := float64(delay + time.Duration(k)*retry); math.Abs(bucket.To-want) > want/1000 {
				t.Errorf("lost %d times: arrived after %s, want %s", k, report.FormatDuration(bucket.To), report.FormatDuration(want))
			}
			left -= bucket.Count
		}
	}
}

// TestRepeats has deliveries come twice with a probability.
func TestRepeats(t *testing.T) {
	t.Parallel()
	const accounts = 500
	plan := simple(accounts, 2, 1, Create, fabric.Constant(time.Second))
	if n := play(t, plan, 5).Metrics[MetricRepeats].Count; n != 0 {
		t.Errorf("%d repeats, want none", n)
	}
	plan.Duplicates = 0.3
	run := play(t, plan, 5)
	near(t, "repeats", run.Metrics[MetricRepeats].Count, accounts, 0.3)
	if n := run.Metrics[MetricLag].Count; n != accounts {
		t.Errorf("%d lags, want %d: what comes twice arrives once", n, accounts)
	}
}

// TestLockouts has one device in each account unlocked, with PINs that are wrong with probability p: n in a row, which is
// when the provider locks, with p^n.
func TestLockouts(t *testing.T) {
	t.Parallel()
	const accounts = 600
	for _, c := range []struct {
		attempts int
		errors   float64
		want     float64
	}{
		{3, 0.5, 0.125},
		{1, 0.2, 0.2},
		{5, 0, 0},
		{2, 1, 1},
		{0, 0.5, 0}, // any number
	} {
		plan := simple(accounts, 2, 1, Create, fabric.Constant(0))
		plan.Owners[0].Provider.Unlock.Attempts, plan.PINErrors = c.attempts, c.errors
		run := play(t, plan, 6)
		locked, unusable := run.Metrics[MetricLockouts], run.Metrics[MetricUnusable]
		if locked.Of != accounts {
			t.Errorf("%d unlocks, want one for each account", locked.Of)
		}
		near(t, "lockouts", locked.Count, accounts, c.want)
		if unusable.Count != locked.Count || unusable.Of != 2*accounts {
			t.Errorf("%d of %d devices are unusable, but %d are locked out", unusable.Count, unusable.Of, locked.Count)
		}
		if v := run.Verdict(); v != report.VerdictPass {
			t.Errorf("verdict %s: %+v", v, run.Steps)
		}
	}
}

// TestLockedAlready has the first of two new devices lock the account: the other one is no lockout of its own.
func TestLockedAlready(t *testing.T) {
	t.Parallel()
	plan := simple(50, 3, 1, Create, fabric.Constant(0))
	plan.Owners[0].Provider.Unlock.Attempts, plan.PINErrors = 2, 1
	run := play(t, plan, 18)
	if l, u := run.Metrics[MetricLockouts], run.Metrics[MetricUnusable]; l.Count != 50 || l.Of != 50 || u.Count != 100 {
		t.Errorf("lockouts %+v, unusable devices %+v", l, u)
	}
}

// TestSkew looks at how a device with a wrong clock dates what it changes.
func TestSkew(t *testing.T) {
	t.Parallel()
	late := permitted("late")
	late.Skew = -time.Hour
	plan := simple(1, 1, 1, Create, fabric.Constant(0))
	plan.Owners = []Owner{like(plain(), late)}
	a, err := newAccount(plan, 1, 0, newTally())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []Kind{Create, Rename} {
		if ok, err := a.act(t.Context(), kind); !ok || err != nil {
			t.Fatalf("%s: %t, %v", kind, ok, err)
		}
	}
	records, _, err := a.vault.Pull(a.devices[0].name, 0)
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if r, want := &records[0], begin().Add(-time.Hour); !r.Created.Equal(want) || !r.Meta.Changed.Equal(want) {
		t.Errorf("created %s, changed %s, want %s", r.Created, r.Meta.Changed, want)
	}
}

// TestZombies has a passkey made, and then deleted at the relying party. Signaled on the device that made it, or on the
// other one that has it by now, it goes there at once and on the other device after the delay. Signaled on a device that
// does not have it yet, it stays for ever; and so it does unsignaled.
func TestZombies(t *testing.T) {
	t.Parallel()
	const accounts, delay = 800, 15 * time.Minute
	run := play(t, simple(accounts, 2, 2, DeleteSignaled, fabric.Constant(delay)), 7)
	exactly(t, "zombie", run.Metrics[MetricZombie], delay)
	exactly(t, "zombie, signaled", run.Metrics[MetricSignaled], delay)
	left := run.Metrics[MetricZombiesLeft]
	near(t, "left", left.Count, accounts, within(delay, time.Hour)/2)
	if left.Of != accounts || run.Metrics[MetricUnsignaled].Count != 0 || run.Metrics[MetricZombie].Count != accounts-left.Count {
		t.Errorf("left %+v, ended %d, unsignaled %d", left, run.Metrics[MetricZombie].Count, run.Metrics[MetricUnsignaled].Count)
	}
	if left := play(t, simple(100, 2, 2, Delete, fabric.Constant(delay)), 7).Metrics[MetricZombiesLeft]; left.Count != 100 || left.Of != 100 {
		t.Errorf("unsignaled: %d of %d left, want all", left.Count, left.Of)
	}
	alone := play(t, simple(100, 1, 2, DeleteSignaled, fabric.Constant(delay)), 7)
	exactly(t, "zombie on the only device", alone.Metrics[MetricSignaled], 0)
}

// TestRaces has a passkey made, and then replaced on one of the two devices. Where that is the other one and the first has
// not arrived yet, the new one does not say that it takes its place: there are two. With a true clock the newer one is
// offered, which the relying party knows; with one that is an hour behind, the older one.
func TestRaces(t *testing.T) {
	t.Parallel()
	const accounts, delay = 800, 15 * time.Minute
	plan := simple(accounts, 2, 2, Replace, fabric.Constant(delay))
	raced := within(delay, time.Hour) / 2
	run := play(t, plan, 8)
	near(t, "duplicates", run.Metrics[MetricDuplicates].Count, accounts, raced)
	if c, d := run.Metrics[MetricConflicts].Count, run.Metrics[MetricDuplicates]; c != d.Count || d.Of != accounts {
		t.Errorf("%d conflicts, %d of %d duplicates", c, d.Count, d.Of)
	}
	if m := run.Metrics[MetricMismatches]; m.Count != 0 || m.Of != 2*accounts {
		t.Errorf("%d of %d devices offer a passkey that is not the relying party's, although all clocks are true", m.Count, m.Of)
	}
	late := permitted("late")
	late.Skew = -time.Hour
	plan.Owners = []Owner{like(plain(), permitted("true"), late)}
	m := play(t, plan, 8).Metrics[MetricMismatches]
	if m.Count%2 != 0 {
		t.Errorf("%d mismatches: both devices offer the same", m.Count)
	}
	near(t, "accounts with mismatches", m.Count/2, accounts, raced/2)
}

// TestOffline has a passkey made while each device is offline with probability q. A device that is misses it until it is
// back: an hour on average, as how long it was offline before does not matter.
func TestOffline(t *testing.T) {
	t.Parallel()
	const accounts, q = 1000, 0.3
	plan := simple(accounts, 2, 1, Create, fabric.Constant(0))
	plan.Offline, plan.For = q, 10*time.Minute
	run := play(t, plan, 9)
	absent, present := run.Metrics[MetricLagAbsent], run.Metrics[MetricLag]
	near(t, "nobody online", kindOf(run, Create).Failed, accounts, q*q)
	near(t, "one of two offline", absent.Count, accounts, 2*q*(1-q))
	near(t, "both online", present.Count, accounts, (1-q)*(1-q))
	exactly(t, "lag of those online", present, 0)
	if mean, want := absent.Mean, float64(absence); math.Abs(mean-want) > 4*want/math.Sqrt(float64(absent.Count)) {
		t.Errorf("missed for %s on average, want %s", report.FormatDuration(mean), absence)
	}
	plan.Offline = 1
	if never := play(t, plan, 9); kindOf(never, Create).Failed != accounts {
		t.Errorf("%+v although no device was ever online", kindOf(never, Create))
	}
}

// TestDeletions has a passkey deleted at the provider, which the relying party goes on knowing, and then signed in with.
func TestDeletions(t *testing.T) {
	t.Parallel()
	const accounts = 200
	plan := simple(accounts, 2, 2, DeleteAtProvider, fabric.Constant(0))
	run := play(t, plan, 10)
	if d := kindOf(run, DeleteAtProvider); d.Count != accounts || d.Failed != 0 {
		t.Errorf("deleted: %+v", d)
	}
	if m := run.Metrics[MetricZombiesLeft]; m.Of != 0 {
		t.Errorf("%d deletions at the relying party, want none", m.Of)
	}
	plan.Events, plan.Mix[Login] = 20, 1
	run = play(t, plan, 10)
	if early, logins := run.Metrics[MetricEarly], run.Metrics[MetricLogins]; early.Of != 0 || logins.Count == 0 || run.Verdict() != report.VerdictPass {
		t.Errorf("early %+v, failed logins %+v, verdict %s: what was deleted is not early", early, logins, run.Verdict())
	}
}

// TestIneligible has devices on which the provider does not work.
func TestIneligible(t *testing.T) {
	t.Parallel()
	const accounts = 200
	plan := simple(accounts, 2, 8, Login, fabric.Constant(0))
	plan.Owners = []Owner{like(plain(), permitted("desk"), Machine{Name: "phone"})}
	run := play(t, plan, 11)
	if u := run.Metrics[MetricUnusable]; u.Count != accounts || u.Of != 2*accounts {
		t.Errorf("unusable devices: %d of %d", u.Count, u.Of)
	}
	if l := run.Metrics[MetricLogins]; l.Count != l.Of || l.Of == 0 {
		t.Errorf("%d of %d logins on the other device failed, want all", l.Count, l.Of)
	}
	near(t, "failed creations", kindOf(run, Create).Failed, kindOf(run, Create).Count, 0.5)
	kiosk := permitted("kiosk")
	kiosk.Use.Allowed = false // it can save, and learns nothing of what others have
	saving := simple(accounts, 2, 8, Login, fabric.Constant(2*time.Hour))
	saving.Owners = []Owner{like(plain(), permitted("desk"), kiosk)}
	run = play(t, saving, 11)
	if u := run.Metrics[MetricUnusable]; u.Count != accounts || u.Of != 2*accounts {
		t.Errorf("unusable devices with a kiosk: %d of %d", u.Count, u.Of)
	}
	if l, early := run.Metrics[MetricLogins], run.Metrics[MetricEarly]; l.Count != l.Of || early.Of == 0 || early.Of == l.Of {
		t.Errorf("logins %+v, early %+v: those on the kiosk are none", l, early)
	}
	plan.Owners = []Owner{like(plain(), Machine{Name: "phone"})}
	if c := kindOf(play(t, plan, 11), Create); c.Failed != c.Count || c.Count != 8*accounts {
		t.Errorf("%+v although passkeys cannot be saved anywhere", c)
	}
}

// TestSyncOff has sync turned off again and again: every device is outside in the end.
func TestSyncOff(t *testing.T) {
	t.Parallel()
	plan := simple(200, 2, 12, SyncOff, fabric.Constant(time.Second))
	run := play(t, plan, 12)
	if u := run.Metrics[MetricUnusable]; u.Count < 2*200-8 {
		t.Errorf("%d of %d devices are outside", u.Count, u.Of)
	}
	if v := run.Verdict(); v != report.VerdictPass {
		t.Errorf("verdict %s: %+v", v, run.Steps)
	}
}

// TestDeviceApproval has devices let in by others.
func TestDeviceApproval(t *testing.T) {
	t.Parallel()
	plan := simple(200, 3, 6, Unlock, fabric.Constant(time.Second))
	plan.Owners[0].Provider.Unlock = providers.Unlock{Method: providers.UnlockDeviceApproval}
	plan.Mix[Create], plan.PINErrors = 1, 1
	run := play(t, plan, 13)
	if u := kindOf(run, Unlock); u.Count == 0 || u.Failed != 0 {
		t.Errorf("new devices: %+v", u)
	}
	if u := run.Metrics[MetricUnusable]; u.Count != 0 {
		t.Errorf("%d devices are outside", u.Count)
	}
}

// TestMix draws kinds by their weights.
func TestMix(t *testing.T) {
	t.Parallel()
	const draws = 20_000
	mix := Mix{Create: 1, Login: 5, Rename: 4}
	random := rand.New(stream(1, 0, "mix"))
	var drawn [kinds]int64
	for range draws {
		drawn[mix.pick(random)]++
	}
	for k, weight := range mix {
		near(t, Kind(k).String(), drawn[k], draws, float64(weight)/10)
	}
}

// TestAccountsDiffer has accounts draw everything by themselves: no two of them live alike.
func TestAccountsDiffer(t *testing.T) {
	t.Parallel()
	plan := usual(50, like(plain()))
	pins, agendas := make(map[string]bool), make(map[time.Time]bool)
	for number := range plan.Accounts {
		a, err := newAccount(plan, 1, number, newTally())
		if err != nil {
			t.Fatal(err)
		}
		pins[a.pin], agendas[a.agenda[0]] = true, true
		if a.mistyped() == a.pin || len(a.mistyped()) != len(a.pin) {
			t.Errorf("%q mistyped is %q", a.pin, a.mistyped())
		}
		for i, at := range a.agenda {
			if at.Before(begin()) || !at.Before(begin().Add(plan.For)) || i > 0 && at.Before(a.agenda[i-1]) {
				t.Errorf("event %d at %s", i, at)
			}
		}
	}
	if len(pins) != 50 || len(agendas) != 50 {
		t.Errorf("%d PINs and %d agendas of 50 accounts", len(pins), len(agendas))
	}
}

// TestStaleLogins has passkeys replaced and used while nothing arrives before the end: a device has only what it made, and
// the relying party knows only what was made last. Every sign-in is on another device, so that all fail.
func TestStaleLogins(t *testing.T) {
	t.Parallel()
	plan := simple(200, 2, 6, Login, fabric.Constant(2*time.Hour))
	plan.Mix[Replace] = 1
	run := play(t, plan, 15)
	if l, early := run.Metrics[MetricLogins], run.Metrics[MetricEarly]; l.Of == 0 || l.Count != l.Of || early.Count != l.Of || early.Of != l.Of {
		t.Errorf("logins %+v, early %+v: want all failed, and early", l, early)
	}
}

// TestRenames has passkeys renamed, which makes deliveries of its own: the lag is that of the new passkey alone.
func TestRenames(t *testing.T) {
	t.Parallel()
	const accounts = 200
	run := play(t, simple(accounts, 3, 6, Rename, fabric.Constant(time.Second)), 16)
	exactly(t, "lag", run.Metrics[MetricLag], time.Second)
	if n := run.Metrics[MetricLag].Count; n != 2*accounts {
		t.Errorf("%d lags, want one for each passkey and other device", n)
	}
	if r := kindOf(run, Rename); r.Count != 5*accounts || r.Failed != 0 {
		t.Errorf("renamed: %+v", r)
	}
}

// TestNewDevices has devices replaced by new ones, which get at once what there is: that is no lag.
func TestNewDevices(t *testing.T) {
	t.Parallel()
	const accounts = 200
	plan := simple(accounts, 2, 6, Unlock, fabric.Constant(0))
	plan.Mix[Create] = 1
	run := play(t, plan, 17)
	exactly(t, "lag", run.Metrics[MetricLag], 0)
	created, unlocked := kindOf(run, Create), kindOf(run, Unlock)
	if n := run.Metrics[MetricLag].Count; n != created.Count {
		t.Errorf("%d lags of %d passkeys, want one for each", n, created.Count)
	}
	if u := run.Metrics[MetricLockouts]; u.Of != unlocked.Count+accounts || unlocked.Failed != 0 {
		t.Errorf("%d unlocks, want those of %d new devices and one in each account at the beginning", u.Of, unlocked.Count)
	}
}

// TestDeletedEarly has a passkey deleted at its provider before it came to the other device, where the person then wants to
// sign in: that fails, but not because it is too early.
func TestDeletedEarly(t *testing.T) {
	t.Parallel()
	tally := newTally()
	a, err := newAccount(simple(1, 2, 1, Create, fabric.Constant(time.Hour)), 1, 0, tally)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []Kind{Create, DeleteAtProvider, Login} {
		if ok, err := a.act(t.Context(), kind); ok != (kind != Login) || err != nil {
			t.Fatalf("%s: %t, %v", kind, ok, err)
		}
	}
	if early, failed := tally.counts[earlyLogins], tally.counts[failedLogins]; early.of != 0 || failed != (share{1, 1}) {
		t.Errorf("early %+v, failed %+v", early, failed)
	}
}
