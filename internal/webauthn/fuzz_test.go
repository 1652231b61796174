package webauthn

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fuzzBinary checks a decoder of bytes: nil on error, and what it decodes survives being encoded
// and decoded again; canonical input comes back byte for byte.
func fuzzBinary[T any](f *testing.F, parse func([]byte) (*T, error), encode func(*T) ([]byte, error), canonical func([]byte) bool, describe func([]byte) map[string]any) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		if describe != nil {
			if _, err := json.Marshal(describe(data)); err != nil {
				t.Fatalf("description is not JSON: %v", err)
			}
		}
		v, err := parse(data)
		if err != nil {
			if v != nil {
				t.Fatal("a value together with an error")
			}
			return
		}
		again, err := encode(v)
		if err != nil {
			t.Fatalf("decoded but not encodable: %v", err)
		}
		if canonical != nil && canonical(data) && !bytes.Equal(again, data) {
			t.Fatalf("canonical input changed:\n%x\n%x", data, again)
		}
		w, err := parse(again)
		if err != nil {
			t.Fatalf("encoded but not decodable: %v", err)
		}
		if !reflect.DeepEqual(v, w) {
			t.Fatalf("changed by encoding: %s", cmp.Diff(v, w))
		}
	})
}

func always([]byte) bool { return true }

func jsonOf[T any](v *T) ([]byte, error) { return json.Marshal(v) }

func FuzzParseClientData(f *testing.F) {
	for _, v := range loadVectors(f).Vectors {
		f.Add(v.Registration.ClientDataJSON.bytes(f))
		f.Add(v.Authentication.ClientDataJSON.bytes(f))
	}
	f.Add([]byte("\xef\xbb\xbf{}"))
	f.Add([]byte(`{"type":"a","type":"b","x":{"y":[]},"":0}`))
	fuzzBinary(f, func(data []byte) (*ClientData, error) {
		c, err := ParseClientData(data)
		if c != nil && !c.CrossOrigin {
			c.TopOrigin = "" // not written without crossOrigin
		}
		return c, err
	}, func(c *ClientData) ([]byte, error) { return c.Marshal(), nil }, nil, DescribeClientData)
}

func FuzzParseAuthenticatorData(f *testing.F) {
	for _, v := range loadVectors(f).Vectors {
		o, err := ParseAttestationObject(v.Registration.AttestationObject.bytes(f))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(o.AuthData)
		f.Add(v.Authentication.AuthenticatorData.bytes(f))
	}
	fuzzBinary(f, ParseAuthenticatorData, (*AuthenticatorData).Marshal, always, DescribeAuthenticatorData)
}

func FuzzParseAttestationObject(f *testing.F) {
	for _, v := range loadVectors(f).Vectors {
		f.Add(v.Registration.AttestationObject.bytes(f))
	}
	fuzzBinary(f, ParseAttestationObject, (*AttestationObject).Marshal, nil, DescribeAttestation)
}

func FuzzParseCOSEKey(f *testing.F) {
	for _, v := range loadVectors(f).Vectors {
		o, err := ParseAttestationObject(v.Registration.AttestationObject.bytes(f))
		if err != nil {
			f.Fatal(err)
		}
		a, err := ParseAuthenticatorData(o.AuthData)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Attested.PublicKey)
	}
	fuzzBinary(f, func(data []byte) (*COSEKey, error) {
		key, err := ParseCOSEKey(data)
		if key != nil {
			// Whatever parses as a key can be asked to verify.
			if err := key.Verify([]byte("m"), []byte("s")); err == nil {
				panic("a nonsense signature verifies")
			}
			key.Extra = nil // never written
		}
		return key, err
	}, func(k *COSEKey) ([]byte, error) { return EncodeCOSEKey(k.Algorithm, k.Public) }, nil, nil)
}

func FuzzCreationOptions(f *testing.F) {
	f.Add([]byte(creationJSON))
	f.Add([]byte(`{"rp":{"name":""},"user":{"id":"","name":"","displayName":""},"challenge":"","pubKeyCredParams":[]}`))
	fuzzJSON(f, ParseCreationOptions)
}

func FuzzRequestOptions(f *testing.F) {
	f.Add([]byte(requestJSON))
	f.Add([]byte(`{"challenge":"","timeout":1e3,"allowCredentials":[]}`))
	fuzzJSON(f, ParseRequestOptions)
}

func FuzzRegistrationResponse(f *testing.F) {
	f.Add([]byte(registrationJSON))
	fuzzJSON(f, ParseRegistrationResponse)
}

func FuzzAuthenticationResponse(f *testing.F) {
	f.Add([]byte(authenticationJSON))
	fuzzJSON(f, ParseAuthenticationResponse)
}

// fuzzJSON is fuzzBinary for JSON, where an empty list and an absent one are written alike: one
// pass through the encoder settles that, after which nothing may change.
func fuzzJSON[T any](f *testing.F, parse func([]byte) (*T, error)) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parse(data)
		if err != nil {
			if v != nil {
				t.Fatal("a value together with an error")
			}
			return
		}
		first, err := jsonOf(v)
		if err != nil {
			t.Fatalf("decoded but not encodable: %v", err)
		}
		w, err := parse(first)
		if err != nil {
			t.Fatalf("encoded but not decodable: %v\n%s", err, first)
		}
		second, err := jsonOf(w)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("changed by encoding (%v):\n%s\n%s", err, first, second)
		}
	})
}

func FuzzBase64URL(f *testing.F) {
	f.Add("")
	f.Add("AAF")
	f.Add("AA==")
	f.Add("A\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := DecodeBase64URL(text)
		if err != nil {
			if b != nil {
				t.Fatal("a value together with an error")
			}
			return
		}
		again, err := DecodeBase64URL(Base64URL(b).String())
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x became %x (%v)", b, again, err)
		}
	})
}
