package virtual_test

import (
	"testing"

	"github.com/passrig/passrig/virtual"
)

func BenchmarkAssertion(b *testing.B) {
	device := newDevice(b, virtual.Config{})
	create(b, device, nil)
	req := virtual.GetRequest{Origin: testOrigin, Options: requestOptions(nil)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := device.Get(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
