package fabric_test

import (
	"slices"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
)

// benchPair returns two enrolled devices with purses, and the clock's hand.
func benchPair(tb testing.TB) (laptop, phone *citizen, wait func(time.Duration)) {
	tb.Helper()
	now := noon
	clock := func() time.Time { return now }
	provider := shadowing()
	cloud, err := fabric.Open(fabric.CloudConfig{Provider: provider, Clock: clock, KDF: fabric.KDF{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		tb.Fatal(err)
	}
	network := fabric.NewNetwork(fabric.NetworkConfig{Clock: clock, Delay: fabric.Constant(time.Second)})
	join := func(name string) *citizen {
		c := &citizen{name: name, purse: &purse{}, clock: clock}
		c.Replica, err = fabric.NewReplica(fabric.ReplicaConfig{
			Device: name, Account: cloud.Account("alice"), Provider: provider, Network: network, Keychain: c.purse, Clock: clock,
		})
		if err != nil {
			tb.Fatal(err)
		}
		return c
	}
	laptop, phone = join("laptop"), join("phone")
	if err := laptop.Found(tb.Context(), pin); err != nil {
		tb.Fatal(err)
	}
	if err := phone.Unlock(tb.Context(), pin); err != nil {
		tb.Fatal(err)
	}
	return laptop, phone, func(d time.Duration) { now = now.Add(d) }
}

// A study calls Scan and Advance millions of times with nothing to do.
func TestNothingToDoAllocatesNothing(t *testing.T) {
	laptop, phone, _ := benchPair(t)
	laptop.purse.make(1, "alice", noon)
	if _, err := laptop.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, idle := range map[string]func() ([]fabric.Event, error){
		"scan":    func() ([]fabric.Event, error) { return laptop.Scan(t.Context()) },
		"advance": func() ([]fabric.Event, error) { return phone.Advance(t.Context()) },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if events, err := idle(); err != nil || events != nil {
				t.Errorf("%s: %v, %v", name, events, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// The scan after what the replica itself put into the keychain does not look; the one after a ceremony does.
func TestScanLooksOnlyWhenThereIsSomething(t *testing.T) {
	laptop, phone, wait := benchPair(t)
	if _, err := phone.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	laptop.purse.make(1, "alice", noon)
	if _, err := laptop.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(time.Minute)
	if _, err := phone.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1, func() { _, _ = phone.Scan(t.Context()) }); n != 0 {
		t.Errorf("the scan after an arrival made %v allocations", n)
	}
	phone.purse.make(2, "bob", noon)
	if events, err := phone.Scan(t.Context()); err != nil || len(events) != 1 {
		t.Errorf("%v, %v", events, err)
	}
}

func BenchmarkIdle(b *testing.B) {
	laptop, phone, _ := benchPair(b)
	if _, err := laptop.Scan(b.Context()); err != nil {
		b.Fatal(err)
	}
	for name, idle := range map[string]func() ([]fabric.Event, error){
		"scan":    func() ([]fabric.Event, error) { return laptop.Scan(b.Context()) },
		"advance": func() ([]fabric.Event, error) { return phone.Advance(b.Context()) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := idle(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOperations measures what the fabric adds to a ceremony on software devices, in memory: p99 is to be well
// below a millisecond.
func BenchmarkOperations(b *testing.B) {
	r := newRig(b, fabric.NetworkConfig{Delay: fabric.Constant(time.Second)})
	laptop, phone := r.device("laptop", 0), r.device("phone", 0)
	ctx := b.Context()
	r.must(laptop.Found(ctx, pin))
	r.must(phone.Unlock(ctx, pin))
	spent := map[string][]time.Duration{}
	measure := func(what string, act func() error) {
		start := time.Now()
		err := act()
		spent[what] = append(spent[what], time.Since(start))
		r.must(err)
	}
	for b.Loop() {
		id := laptop.create("alice")
		measure("scan", func() error { _, err := laptop.Scan(ctx); return err })
		r.now = r.now.Add(time.Second)
		measure("advance", func() error { _, err := phone.Advance(ctx); return err })
		signal := virtual.Signal{Type: virtual.SignalUnknownCredential, RPID: rpID, CredentialID: id}
		measure("heed", func() error { _, err := phone.Heed(ctx, signal); return err })
		r.must(laptop.Delete(ctx, id))
		r.now = r.now.Add(time.Second)
		_, err := laptop.Advance(ctx)
		r.must(err)
		_, err = phone.Advance(ctx)
		r.must(err)
	}
	for what, durations := range spent {
		slices.Sort(durations)
		for percent, name := range map[int]string{50: "p50", 99: "p99"} {
			b.ReportMetric(float64(durations[len(durations)*percent/100])/float64(time.Microsecond), what+"-"+name+"-µs")
		}
	}
}

// BenchmarkPair is what one account costs a study: two devices that join, and ten changes that arrive.
func BenchmarkPair(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		laptop, phone, wait := benchPair(b)
		for i := range uint64(10) {
			laptop.purse.make(i, "alice", noon)
			if _, err := laptop.Scan(b.Context()); err != nil {
				b.Fatal(err)
			}
			wait(time.Minute)
			if _, err := phone.Advance(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
