package forge_test

import (
	"testing"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

func BenchmarkAssertion(b *testing.B) {
	r := newRig(b, config("ES256", virtual.AttestationNone))
	for b.Loop() {
		if _, err := forge.Assertion(r.assertion, r.device, change("authdata-sign-count", 7)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPackedAttestation(b *testing.B) {
	r := newRig(b, config("ES256", virtual.AttestationNone))
	for b.Loop() {
		if _, err := forge.Registration(r.registration, r.device, change("attestation-packed", nil)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRSAKey(b *testing.B) {
	r := newRig(b, config("ES256", virtual.AttestationNone))
	for b.Loop() {
		if _, err := forge.Registration(r.registration, r.device, change("key-algorithm", "RS256")); err != nil {
			b.Fatal(err)
		}
	}
}
