package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/passrig/passrig/internal/webauthn"
)

func newTestMint(tb testing.TB) *mint {
	tb.Helper()
	m, err := newMint(seeded(1))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestNonceIsWhatItSays(t *testing.T) {
	m := newTestMint(t)
	var ks [batchSize][32]byte
	drawn := 0
	if err := m.make(func() { ks[drawn] = m.ks[drawn]; drawn++ }); err != nil {
		t.Fatal(err)
	}
	curve := elliptic.P256()
	n := curve.Params().N
	if new(big.Int).SetBytes(p256Order[:]).Cmp(n) != 0 {
		t.Fatal("the order of P-256 is wrong")
	}
	for i := range ks {
		k := new(big.Int).SetBytes(ks[i][:])
		key, err := ecdsa.ParseRawPrivateKey(curve, ks[i][:])
		if err != nil {
			t.Fatal(err)
		}
		public, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		r := new(big.Int).SetBytes(public[1:33])
		if r.Mod(r, n); r.Cmp(new(big.Int).SetBytes(m.batch[i].r[:])) != 0 {
			t.Errorf("nonce %d: r is %x, want %x", i, m.batch[i].r, r)
		}
		if inverse := k.ModInverse(k, n); inverse.Cmp(new(big.Int).SetBytes(m.batch[i].inverse[:])) != 0 {
			t.Errorf("nonce %d: the inverse is %x, want %x", i, m.batch[i].inverse, inverse)
		}
	}
	if m.ks != [batchSize][32]byte{} {
		t.Error("the mint remembers what it drew")
	}
}

func TestMintDrawsUntilInRange(t *testing.T) {
	m := newTestMint(t)
	zeros, tooMuch := strings.Repeat("\x00", 32), strings.Repeat("\xff", 32)
	m.random = strings.NewReader(zeros + tooMuch + string(p256Order[:]) + zeros[:31] + "\x01")
	if err := m.draw(0); err != nil {
		t.Fatal(err)
	}
	if want := elliptic.P256().Params().Gx; want.Cmp(new(big.Int).SetBytes(m.batch[0].r[:])) != 0 {
		t.Errorf("r is %x, want the generator's x", m.batch[0].r)
	}
	broken := errors.New("no entropy")
	m.random = iotest.ErrReader(broken)
	if err := m.make(func() {}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestDER(t *testing.T) {
	type signature struct{ R, S *big.Int }
	small := func(b ...byte) (x [32]byte) { copy(x[32-len(b):], b); return x }
	full := func(head byte) (x [32]byte) { x = [32]byte([]byte(strings.Repeat("\x5a", 32))); x[0] = head; return x }
	for _, r := range [][32]byte{small(1), small(0x7f), small(0x80), small(0xff, 0), small(1, 0, 0), full(0x7f), full(0x80), full(0xff), full(0), {1: 0x80}, {1: 0x7f}, {}} {
		for _, s := range [][32]byte{small(1), full(0x80), full(0), {31: 0x80}} {
			want, err := asn1.Marshal(signature{new(big.Int).SetBytes(r[:]), new(big.Int).SetBytes(s[:])})
			if err != nil {
				t.Fatal(err)
			}
			if got := appendDER([]byte("before"), &r, &s); string(got) != "before"+string(want) {
				t.Errorf("r %x, s %x: got %x, want %x", r, s, got, want)
			}
		}
	}
}

func TestPooledSignaturesVerify(t *testing.T) {
	f := newFleet(t, Config{PoolSize: 4096, Random: seeded(2)})
	if err := f.Fill(t.Context(), 4096, nil); err != nil {
		t.Fatal(err)
	}
	u := &User{}
	var buffer []byte
	for i := range int64(4096) {
		f.User(i%f.Count(), u)
		raw := f.keys.raw(u)
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:])
		if err != nil {
			t.Fatal(err)
		}
		message := []byte{byte(i), byte(i >> 8)}
		if buffer, err = f.sign(buffer[:0], u, message); err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(message)
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], buffer) {
			t.Fatalf("signature %d is wrong: %x", i, buffer)
		}
	}
	if got, want := f.Pool(), (PoolStats{Size: 4096, Made: 4096, Taken: 4096}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Digests at and above the order, which has to be taken off.
func TestSignEdgeDigests(t *testing.T) {
	m := newTestMint(t)
	if err := m.make(func() {}); err != nil {
		t.Fatal(err)
	}
	one := [32]byte{31: 1}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), one[:])
	if err != nil {
		t.Fatal(err)
	}
	for i, digest := range [][32]byte{{}, one, p256Order, [32]byte([]byte(strings.Repeat("\xff", 32)))} {
		var s [32]byte
		if !m.batch[i].sign(&s, m.order, &one, &digest) {
			t.Errorf("digest %x: not signed", digest)
		}
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], appendDER(nil, &m.batch[i].r, &s)) {
			t.Errorf("digest %x: the signature is wrong", digest)
		}
	}
	// e = -r·d makes s zero, and such a signature must not be given.
	r := new(big.Int).SetBytes(m.batch[9].r[:])
	var digest, s [32]byte
	r.Sub(elliptic.P256().Params().N, r).FillBytes(digest[:])
	if m.batch[9].sign(&s, m.order, &one, &digest) {
		t.Error("a signature with s = 0")
	}
}

// Many goroutines sign while others refill a small ring: no nonce may ever be given out twice, and none may be lost.
func TestNoncesAreUsedOnce(t *testing.T) {
	const takers, each = 16, 400
	p := newPool(2*batchSize, newTestMint(t))
	ctx, stop := context.WithCancel(t.Context())
	f := &Fleet{pool: p}
	var refilling, taking sync.WaitGroup
	for range 2 {
		refilling.Go(func() {
			if err := f.Refill(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	taken := make([][]nonce, takers)
	for i := range takers {
		taking.Go(func() {
			for len(taken[i]) < each {
				var n nonce
				if p.take(&n) {
					taken[i] = append(taken[i], n)
				} else {
					runtime.Gosched()
				}
			}
		})
	}
	taking.Wait()
	stop()
	refilling.Wait()
	seen := map[nonce]bool{}
	for _, list := range taken {
		for _, n := range list {
			if seen[n] || n == (nonce{}) {
				t.Fatal("a nonce was given out twice, or an empty one")
			}
			seen[n] = true
		}
	}
	stats := f.Pool()
	if stats.Taken != takers*each || stats.Made != stats.Taken+int64(stats.Ready) {
		t.Errorf("%+v after %d were taken", stats, takers*each)
	}
	left := 0
	for i := range p.slots {
		if p.slots[i].nonce != (nonce{}) {
			left++
		}
	}
	if left != stats.Ready {
		t.Errorf("%d slots hold a nonce, want the %d that are ready: used ones have to be wiped", left, stats.Ready)
	}
}

func TestFillIsBounded(t *testing.T) {
	f := newFleet(t, Config{PoolSize: 1000}) // 1024
	var seen []int
	if err := f.Fill(t.Context(), 1<<20, func(ready int) { seen = append(seen, ready) }); err != nil {
		t.Fatal(err)
	}
	if got := f.Pool(); got.Ready != 1024 || got.Size != 1024 || len(seen) != 4 || seen[0] != 256 {
		t.Errorf("%+v, progress %v", got, seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newFleet(t, Config{}).Fill(ctx, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestEmptyPoolSignsFresh(t *testing.T) {
	f := newFleet(t, Config{})
	u := enroll(t, f, 1)
	for range 3 {
		var a Assertion
		if err := f.Assert(&a, u, testOrigin, options()); err != nil {
			t.Fatal(err)
		}
		verify(t, publicKey(t, f, u), &a)
	}
	if got := f.Pool(); got.Short != 3 || got.Taken != 0 {
		t.Errorf("%+v", got)
	}
}

// verify checks a signature as WebAuthn L3 §7.2 step 21 wants.
func verify(tb testing.TB, key *webauthn.COSEKey, a *Assertion) {
	tb.Helper()
	hash := sha256.Sum256(a.ClientDataJSON.Bytes)
	message := append(append([]byte{}, a.AuthenticatorData.Bytes...), hash[:]...)
	if err := key.Verify(message, a.Signature.Bytes); err != nil {
		tb.Errorf("signature: %v", err)
	}
}
