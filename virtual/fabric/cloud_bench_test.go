package fabric

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual"
)

// benchCloud is a cloud with a vault of some records, with or without a journal.
func benchCloud(b *testing.B, journal Journal, records int) *Account {
	b.Helper()
	p := testProvider()
	p.Unlock.Attempts = 0
	c, err := Open(CloudConfig{Provider: p, Clock: time.Now, Journal: journal, KDF: cheap()})
	if err != nil {
		b.Fatal(err)
	}
	a := c.Account("alice")
	wantErr(b, a.Found(simpleMember("laptop", 1), simpleRecovery("right", 1)), nil)
	for n := range records {
		_, err := a.Push("laptop", []Change{{Record: benchRecord(n)}})
		wantErr(b, err, nil)
	}
	b.ReportAllocs()
	return a
}

// benchRecord has what a real record has in bytes.
func benchRecord(n int) Record {
	r := simpleRecord(n)
	r.SyncID[1], r.CredentialID, r.Sealed = byte(n>>8), make([]byte, 16), make([]byte, 600)
	return r
}

func BenchmarkCloud(b *testing.B) {
	for _, journal := range []string{"none", "memory"} {
		open := func(b *testing.B, records int) *Account {
			b.Helper()
			if journal == "memory" {
				return benchCloud(b, NewMemoryJournal(), records)
			}
			return benchCloud(b, nil, records)
		}
		b.Run("push/journal="+journal, func(b *testing.B) {
			a := open(b, 10)
			r := benchRecord(3)
			for n := int64(11); b.Loop(); n++ {
				r.Meta.SignCount++
				pushed, err := a.Push("laptop", []Change{{Record: r, Base: n}})
				if err != nil || !pushed[0].Accepted {
					b.Fatal(err, pushed)
				}
			}
		})
	}
	b.Run("pull one of 10", func(b *testing.B) {
		a := benchCloud(b, nil, 10)
		for b.Loop() {
			if records, _, err := a.Pull("laptop", 9); err != nil || len(records) != 1 {
				b.Fatal(err)
			}
		}
	})
	b.Run("pull one of 10000", func(b *testing.B) {
		a := benchCloud(b, nil, 10000)
		for b.Loop() {
			if records, _, err := a.Pull("laptop", 9999); err != nil || len(records) != 1 {
				b.Fatal(err)
			}
		}
	})
	b.Run("fetch", func(b *testing.B) {
		a := benchCloud(b, nil, 10)
		ids := []SyncID{benchRecord(3).SyncID}
		for b.Loop() {
			if records, err := a.Fetch("laptop", ids); err != nil || len(records) != 1 {
				b.Fatal(err)
			}
		}
	})
	b.Run("try, right", func(b *testing.B) {
		a := benchCloud(b, nil, 1)
		for b.Loop() {
			wantErr(b, try(a, "right"), nil)
		}
	})
	b.Run("try, wrong", func(b *testing.B) {
		a := benchCloud(b, nil, 1)
		for b.Loop() {
			if try(a, "wrong") == nil {
				b.Fatal("let in")
			}
		}
	})
	b.Run("enroll and sign out", func(b *testing.B) {
		a := benchCloud(b, nil, 1)
		for b.Loop() {
			enroll(b, a, "phone", "right")
			wantErr(b, a.SignOut("phone"), nil)
		}
	})
}

// BenchmarkAccount makes an account as a study does: founded, with three devices and ten records.
func BenchmarkAccount(b *testing.B) {
	p := testProvider()
	c, err := Open(CloudConfig{Provider: p, Clock: time.Now, KDF: cheap()})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for ; b.Loop(); n++ {
		a := c.Account(fmt.Sprint("account-", n))
		wantErr(b, a.Found(simpleMember("laptop", 1), simpleRecovery("right", 1)), nil)
		enroll(b, a, "phone", "right")
		enroll(b, a, "tablet", "right")
		for i := range 10 {
			r := simpleRecord(i)
			r.Meta.UserName = ""
			_, err := a.Push("laptop", []Change{{Record: r}})
			wantErr(b, err, nil)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/account")
	runtime.KeepAlive(c)
}

// BenchmarkCrypto is what devices do with keys.
func BenchmarkCrypto(b *testing.B) {
	private, public, err := newKeyPair(rand.Reader)
	wantErr(b, err, nil)
	secret, err := newSecret(rand.Reader)
	wantErr(b, err, nil)
	sealed, err := sealSecret(public, "laptop", 1, secret)
	wantErr(b, err, nil)
	stored := virtual.StoredCredential{
		Credential: virtual.Credential{ID: make([]byte, 16), RPID: "example.com", UserHandle: make([]byte, 16)},
		PrivateKey: make([]byte, 138), PRFSecret: make([]byte, 32),
	}
	r := simpleRecord(1)
	r.Sealed, err = sealRecord(secret, &r, &stored, rand.Reader)
	wantErr(b, err, nil)
	for name, do := range map[string]func() error{
		"new key pair": func() error { _, _, err := newKeyPair(rand.Reader); return err },
		"seal secret":  func() error { _, err := sealSecret(public, "laptop", 1, secret); return err },
		"open secret":  func() error { _, err := openSecret(private, "laptop", 1, sealed); return err },
		"seal record":  func() error { _, err := sealRecord(secret, &r, &stored, rand.Reader); return err },
		"open record":  func() error { _, err := openRecord(secret, &r); return err },
		"proof of PIN": func() error { _, _, err := proofOf("482915", RecoveryParams{KDF: DefaultKDF()}); return err },
		"cheap proof":  func() error { _, _, err := proofOf("482915", RecoveryParams{KDF: cheap()}); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				wantErr(b, do(), nil)
			}
		})
	}
}
