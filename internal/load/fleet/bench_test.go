package fleet

import (
	"testing"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// benchFleet has enrolled users and nonces.
func benchFleet(tb testing.TB, cfg Config, users int64, nonces int) *Fleet {
	tb.Helper()
	cfg.Count, cfg.PoolSize = users, nonces
	f := newFleet(tb, cfg)
	for i := range users {
		if err := f.Enroll(i, handle(i), true); err != nil {
			tb.Fatal(err)
		}
	}
	if err := f.Fill(tb.Context(), nonces, nil); err != nil {
		tb.Fatal(err)
	}
	return f
}

// Everything of one login: who, and the response. The bar is 2 us.
func BenchmarkAssert(b *testing.B) {
	for name, device := range map[string]virtual.Config{
		"synced":   synced,
		"counting": {Counter: virtual.Counter{Policy: virtual.CounterPerCredential}},
	} {
		b.Run(name, func(b *testing.B) {
			f := benchFleet(b, Config{Device: device}, 1000, 1<<16)
			u, a, o := &User{}, &Assertion{}, options()
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				if f.Pool().Ready == 0 {
					b.StopTimer()
					if err := f.Fill(b.Context(), 1<<16, nil); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				f.User(i%1000, u)
				if err := f.Assert(a, u, testOrigin, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The same with crypto/ecdsa, for more users than keys are kept, and for fewer.
func BenchmarkAssertFresh(b *testing.B) {
	for name, users := range map[string]int64{"many": 5000, "few": 100} {
		b.Run(name, func(b *testing.B) {
			f := benchFleet(b, Config{Device: synced, Signing: SigningFresh}, users, 256)
			u, a, o := &User{}, &Assertion{}, options()
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				f.User(i%users, u)
				if err := f.Assert(a, u, testOrigin, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The bar is 35 us.
func BenchmarkRegister(b *testing.B) {
	for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
		b.Run(alg, func(b *testing.B) {
			f := newFleet(b, Config{Count: 1 << 30, Device: synced, Algorithms: []Weighted{{alg, 1}}})
			u, r, o := &User{}, &Registration{}, creationOptions()
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				f.User(i, u)
				if err := f.Register(r, u, testOrigin, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEnroll(b *testing.B) {
	f := newFleet(b, Config{Count: 1 << 20})
	for i := int64(0); b.Loop(); i++ {
		if err := f.Enroll(i%(1<<20), handle(1), true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUser(b *testing.B) {
	f := newFleet(b, Config{Count: 1 << 30})
	u := &User{}
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		f.User(i, u)
	}
}

// Deriving the private key, and signing with a nonce of the pool. The bar is 0.6 us.
func BenchmarkSignPooled(b *testing.B) {
	f := newFleet(b, Config{})
	if err := f.Fill(b.Context(), batchSize, nil); err != nil {
		b.Fatal(err)
	}
	var n nonce
	f.pool.take(&n)
	var buffer []byte
	digest := [32]byte{1}
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		key := f.root.p256(i)
		var s [32]byte
		if !n.sign(&s, f.pool.mint.order, &key, &digest) {
			b.Fatal("not signed")
		}
		buffer = appendDER(buffer[:0], &n.r, &s)
	}
}

// The bar is 16 us.
func BenchmarkNonce(b *testing.B) {
	f := newFleet(b, Config{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%batchSize == 0 {
			if err := f.pool.mint.make(func() {}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// A million registrations, each read back by a strict parser: with -benchtime 1x. It fails on the first malformed one.
func BenchmarkMillionRegistrations(b *testing.B) {
	const users = 1_000_000
	f := newFleet(b, Config{Seed: 2026, Count: users, Device: synced})
	for b.Loop() {
		u, r := &User{}, &Registration{}
		for i := range int64(users) {
			f.User(i, u)
			if err := checkRegistration(f, u, r); err != nil {
				b.Fatalf("user %d: %v", i, err)
			}
		}
	}
	b.ReportMetric(0, "malformed")
}

func TestNoAllocations(t *testing.T) {
	f := benchFleet(t, Config{Device: synced}, 10, 1<<12)
	u, a, r := &User{}, &Assertion{}, &Registration{}
	o, c := options(), creationOptions()
	i := int64(0)
	if n := testing.AllocsPerRun(1000, func() {
		i++
		f.User(i%10, u)
		if err := f.Assert(a, u, testOrigin, o); err != nil {
			t.Error(err)
		}
		f.User(i%10, u)
	}); n != 0 {
		t.Errorf("an assertion allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		f.User(i%10, u)
		if err := f.Register(r, u, testOrigin, c); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("a registration allocates %v times", n)
	}
	if u.Algorithm != webauthn.ES256 || f.Pool().Short != 0 {
		t.Errorf("%s, %+v: not what was to be measured", u.Algorithm, f.Pool())
	}
}
