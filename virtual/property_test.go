package virtual_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// TestCoordinatesArePadded makes enough keys that some have coordinates with leading zeros; each of
// them must still be a COSE key of full length.
func TestCoordinatesArePadded(t *testing.T) {
	const keys = 1200 // about nine of them have a short coordinate
	device := newDevice(t, virtual.Config{Random: seeded(3)})
	short := 0
	for i := range keys {
		r := create(t, device, options{"user": userNamed(fmt.Sprint("user", i))})
		raw := authData(t, r.AuthenticatorData).Attested.PublicKey
		if len(raw) != 77 {
			t.Fatalf("COSE key of %d bytes, want 77: %x", len(raw), raw)
		}
		if _, err := webauthn.ParseCOSEKey(raw); err != nil {
			t.Fatal(err)
		}
		if raw[10] == 0 || raw[45] == 0 {
			short++
		}
	}
	if short == 0 {
		t.Error("no key had a coordinate that needs padding, so nothing was tested")
	}
}

func TestSameSeedSameOutput(t *testing.T) {
	record := func(seed byte) []string {
		cfg := virtual.Config{
			Random: seeded(seed), Algorithms: []string{"ES256", "ES384", "ES512", "EdDSA"}, Attestation: virtual.AttestationPacked,
			Extensions: []string{"prf", "credProps"}, Clock: func() time.Time { return time.Unix(0, 0) },
		}
		device := newDevice(t, cfg)
		var out []string
		for _, alg := range []int{-7, -35, -36, -8} {
			r := create(t, device, options{
				"pubKeyCredParams": []options{{"type": "public-key", "alg": alg}}, "attestation": "direct",
				"user": userNamed(strconv.Itoa(alg)), "extensions": options{"prf": options{"eval": options{"first": "AA"}}},
			})
			out = append(out, string(marshal(t, r)), string(marshal(t, get(t, device, nil))))
		}
		return out
	}
	first := record(1)
	if diff := cmp.Diff(first, record(1)); diff != "" {
		t.Errorf("the same seed gives another output:\n%s", diff)
	}
	for i, other := range record(2) {
		if other == first[i] {
			t.Errorf("another seed gives the same output: %s", other)
		}
	}
}

func TestCountersNeverGoBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := rapid.SampledFrom([]virtual.CounterPolicy{virtual.CounterZero, virtual.CounterPerCredential, virtual.CounterGlobal}).Draw(t, "policy")
		start := rapid.OneOf(rapid.Uint32Max(5), rapid.Uint32Min(1<<32-5)).Draw(t, "start")
		step := rapid.Uint32Range(0, 3).Draw(t, "step")
		device, err := virtual.NewSoftwareDevice(virtual.Config{
			Random: seeded(1), Counter: virtual.Counter{Policy: policy, Start: start, Step: step},
		})
		if err != nil {
			t.Fatal(err)
		}
		last := map[string]uint32{}
		global := uint32(0)
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			user := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "user")
			var id string
			var data []byte
			if rapid.Bool().Draw(t, "create") {
				r := mustCreate(t, device, options{"user": userNamed(user)})
				id, data = string(r.CredentialID), r.AuthenticatorData
			} else if a, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: requestOptions(nil)}); err == nil {
				id, data = string(a.CredentialID), a.AuthenticatorData
			} else {
				continue
			}
			parsed, err := webauthn.ParseAuthenticatorData(data)
			if err != nil {
				t.Fatal(err)
			}
			count := parsed.SignCount
			before, known := last[id]
			switch {
			case policy == virtual.CounterZero && count != 0:
				t.Fatalf("zero policy counts %d", count)
			case policy != virtual.CounterZero && known && count <= before && before != 1<<32-1:
				t.Fatalf("credential counts %d after %d", count, before)
			case policy == virtual.CounterGlobal && count < global:
				t.Fatalf("device counts %d after %d", count, global)
			case !known && policy == virtual.CounterPerCredential && count != start:
				t.Fatalf("first count is %d, want %d", count, start)
			}
			last[id], global = count, count
		}
	})
}

func mustCreate(t *rapid.T, device virtual.Device, changes options) *virtual.Registration {
	t.Helper()
	r, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: creationOptions(changes)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAllowAndExclude compares the device with the plain meaning of the two lists.
func TestAllowAndExclude(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := rapid.SampledFrom([]virtual.ResidentKeys{virtual.ResidentKeysAlways, virtual.ResidentKeysNever}).Draw(t, "residentKeys")
		device, err := virtual.NewSoftwareDevice(virtual.Config{Random: seeded(1), ResidentKeys: policy})
		if err != nil {
			t.Fatal(err)
		}
		var ids [][]byte
		for i := range rapid.IntRange(0, 4).Draw(t, "credentials") {
			ids = append(ids, mustCreate(t, device, options{"user": userNamed(fmt.Sprint("user", i))}).CredentialID)
		}
		list := []options{}
		var want []byte // the most recent of the listed ones
		newest := -1
		for range rapid.IntRange(0, 4).Draw(t, "listed") {
			i := rapid.IntRange(-1, len(ids)-1).Draw(t, "which")
			if i < 0 {
				list = append(list, descriptor([]byte("unknown")))
				continue
			}
			list = append(list, descriptor(ids[i]))
			if i > newest {
				newest, want = i, ids[i]
			}
		}
		if len(list) == 0 && policy == virtual.ResidentKeysAlways && len(ids) > 0 {
			want = ids[len(ids)-1]
		}
		a, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: requestOptions(options{"allowCredentials": list})})
		if (err == nil) != (want != nil) || (err == nil && !bytes.Equal(a.CredentialID, want)) {
			t.Fatalf("get: %v, want credential %x", err, want)
		}
		_, err = device.Create(t.Context(), virtual.CreateRequest{
			Origin: testOrigin, Options: creationOptions(options{"user": userNamed("new"), "excludeCredentials": list}),
		})
		if excluded := newest >= 0; (err != nil) != excluded {
			t.Fatalf("create: %v, excluded %v", err, excluded)
		}
	})
}
