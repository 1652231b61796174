package forge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// A registration claims to come from another site. In a test, creation options come from the
// relying party, and the forged response goes back to it.
func Example() {
	device, err := virtual.NewSoftwareDevice(virtual.Config{Random: rand.NewChaCha8([32]byte{1})})
	if err != nil {
		panic(err)
	}
	legal, err := device.Create(context.Background(), virtual.CreateRequest{
		Origin: "https://example.org",
		Options: json.RawMessage(`{
			"rp": {"id": "example.org", "name": "Example"},
			"user": {"id": "YWxpY2U", "name": "alice", "displayName": "Alice"},
			"challenge": "AAECAwQFBgcICQoLDA0ODw",
			"pubKeyCredParams": [{"type": "public-key", "alg": -7}]
		}`),
	})
	if err != nil {
		panic(err)
	}
	forged, err := forge.Registration(legal, device, forge.Change{Name: "clientdata-origin", Value: "suffix"})
	if err != nil {
		panic(err)
	}
	response, err := webauthn.ParseRegistrationResponse(forged)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(response.Response.ClientDataJSON))
	// Output: {"type":"webauthn.create","challenge":"AAECAwQFBgcICQoLDA0ODw","origin":"https://evilexample.org","crossOrigin":false}
}
