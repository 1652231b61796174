package virtual_test

import (
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/passrig/passrig/virtual"
)

func TestFullSignatures(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		d, err := virtual.NewSoftwareDevice(virtual.Config{Algorithms: []string{"ES256"}, FullSignatures: full})
		if err != nil {
			t.Fatal(err)
		}
		made, err := d.Create(t.Context(), virtual.CreateRequest{Origin: "https://a.example", Options: []byte(`{"rp":{"name":"a"},"user":{"id":"AA","name":"n","displayName":"n"},"challenge":"AA","pubKeyCredParams":[{"type":"public-key","alg":-7}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		short := 0
		for i := range 2000 { // none of which is short once in ten million
			signature, err := d.Sign(made.CredentialID, []byte{byte(i >> 8), byte(i)})
			if err != nil {
				t.Fatal(err)
			}
			var numbers struct{ R, S *big.Int }
			if _, err := asn1.Unmarshal(signature, &numbers); err != nil {
				t.Fatal(err)
			}
			if min(numbers.R.BitLen(), numbers.S.BitLen()) <= 31*8 {
				short++
			}
		}
		if (short == 0) != full {
			t.Errorf("full %t: %d of 2000 signatures have a short number", full, short)
		}
	}
}
