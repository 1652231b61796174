package pace_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/pace"
)

func TestClockWakesNeitherEarlyNorNever(t *testing.T) {
	clock := pace.NewClock(time.Now())
	var sleepers sync.WaitGroup
	for range 100 { // more than there are descriptors for
		sleepers.Go(func() {
			for _, d := range []time.Duration{-ms, 0, 50 * time.Microsecond, 3 * ms, 70 * ms} {
				until := clock.Now() + d
				if err := clock.SleepUntil(t.Context(), until); err != nil || clock.Now() < until {
					t.Errorf("slept until %v after %v: %v", until-clock.Now(), d, err)
				}
			}
		})
	}
	sleepers.Wait()
}

func TestClockStopsWithItsContext(t *testing.T) {
	clock := pace.NewClock(time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*ms, cancel)
	if err := clock.SleepUntil(ctx, time.Hour); !errors.Is(err, context.Canceled) || clock.Now() > time.Minute {
		t.Errorf("woke after %v with %v", clock.Now(), err)
	}
	if err := clock.SleepUntil(ctx, clock.Now()+ms); !errors.Is(err, context.Canceled) {
		t.Errorf("a short sleep ends with %v", err)
	}
}

// freezer is a relying party on a real connection: it answers a byte with a byte, unless it is frozen.
type freezer struct {
	net.Listener
	zero    time.Time
	freezes []freeze
	thawed  []atomic.Int64 // when the first answer after each freeze was on its way, in ns since zero
}

func (f *freezer) serve() {
	for {
		conn, err := f.Accept()
		if err != nil {
			return
		}
		go f.answer(conn)
	}
}

func (f *freezer) answer(conn net.Conn) {
	defer conn.Close()
	for one := []byte{0}; ; {
		if _, err := conn.Read(one); err != nil {
			return
		}
		now := time.Since(f.zero)
		for i, z := range f.freezes {
			if now >= z.from && now < z.to {
				<-time.After(z.to - now)
				f.thawed[i].CompareAndSwap(0, int64(time.Since(f.zero)))
			}
		}
		if _, err := conn.Write(one); err != nil {
			return
		}
	}
}

// On a machine that has the time for it, the figures of a server that freezes are right on a real clock too; on one that has
// not, that is said.
func TestRealClock(t *testing.T) {
	const rate, length, slots = 200, 7 * time.Second, 16
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	zero := time.Now().Add(100 * ms)
	f := &freezer{Listener: listener, zero: zero, freezes: freezes(2*time.Second, 500*ms, length)}
	f.thawed = make([]atomic.Int64, len(f.freezes))
	go f.serve()
	var lines [slots]net.Conn
	for i := range lines {
		if lines[i], err = net.Dial("tcp", listener.Addr().String()); err != nil {
			t.Fatal(err)
		}
		defer lines[i].Close()
	}
	r := newRecorder(&party{})
	r.clock = pace.NewClock(zero)
	open := &pace.Open{Clock: r.clock, Schedule: steady(rate, length), MaxInFlight: slots, Drain: time.Minute}
	tally := open.Run(t.Context(), nil, func(_ context.Context, worker int, a pace.Arrival) {
		r.ledger.Start(a.At)
		s := ledger.Sample{Expected: true, Ceremony: true, Intended: a.At, Started: r.clock.Now()}
		one := []byte{1}
		_, err := lines[worker].Write(one)
		if err == nil {
			_, err = lines[worker].Read(one)
		}
		if err != nil {
			s.Class, s.Expected = ledger.Closed, false
		}
		s.Finished = r.clock.Now()
		s.Optioned, s.Signed = s.Finished, s.Finished
		r.ledger.Record([]ledger.Sample{s}, ledger.Iteration{Intended: a.At, Started: s.Started, Finished: s.Finished, Failed: err != nil})
	})
	o := r.outcome(t, tally)

	// The truth is what a server with these freezes does to the schedule; when it thawed late itself, that is part of it.
	m := o.metrics["login.total"]
	truth := &party{freezes: slices.Clone(f.freezes), result: time.Duration(o.metrics["login.options"].P50)}
	for i := range truth.freezes {
		truth.freezes[i].to = max(truth.freezes[i].to, time.Duration(f.thawed[i].Load()))
	}
	_, totals := simulated(truth, rate, int(rate*length.Seconds()), slots)
	figures := percentiles("total", m, totals)
	deviation(t, figures)
	late := time.Duration(tally.Late.P99)
	t.Logf("generator late: p50 %v, p99 %v, max %v; %s", time.Duration(tally.Late.P50), late, time.Duration(tally.Late.Max), tally.Bound())
	limited := tally.Limited(truth.result)
	if late > 5*ms {
		if limited == "" {
			t.Errorf("late by %v, and nothing is said about it", late)
		}
		return
	}
	for _, f := range figures[1:4] {
		if off := f.got - f.want; max(off, -off) > max(0.03*f.want, 5e6) {
			t.Errorf("%s is off by %v", f.name, time.Duration(off))
		}
	}
	if want := int64(3 * (100 - slots)); tally.Queued < want-20 || tally.Queued > want+60 {
		t.Errorf("%d arrivals found no slot, about %d had to", tally.Queued, want)
	}
}
