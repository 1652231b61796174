package virtual_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"

	"github.com/passrig/passrig/virtual"
)

// A device answers the options an RP hands to the browser. The JSON of its answers is what the
// page would post back to the RP.
func Example() {
	device, err := virtual.NewSoftwareDevice(virtual.Config{
		BackupEligible: true,
		BackedUp:       true,
		Transports:     []string{"hybrid", "internal"},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	registration, err := device.Create(ctx, virtual.CreateRequest{
		Origin: "http://localhost:8080",
		Options: json.RawMessage(`{
			"rp": {"id": "localhost", "name": "Shop"},
			"user": {"id": "YWxpY2U", "name": "alice", "displayName": "Alice"},
			"challenge": "Zm9yIHRoZSByZWdpc3RyYXRpb24",
			"pubKeyCredParams": [{"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -7}]
		}`),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("algorithm:", registration.Algorithm)

	assertion, err := device.Get(ctx, virtual.GetRequest{
		Origin:  "http://localhost:8080",
		Options: json.RawMessage(`{"rpId": "localhost", "challenge": "Zm9yIHRoZSBsb2dpbg"}`),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("user: %s\n", assertion.UserHandle)

	body, err := json.Marshal(assertion) // AuthenticationResponseJSON
	if err != nil {
		log.Fatal(err)
	}
	var response struct{ Type string }
	if err := json.Unmarshal(body, &response); err != nil {
		log.Fatal(err)
	}
	fmt.Println("response:", response.Type)
	// Output:
	// algorithm: -8
	// user: alice
	// response: public-key
}

// What a browser would reject, the device rejects with the same name.
func ExampleError() {
	device, err := virtual.NewSoftwareDevice(virtual.Config{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = device.Get(context.Background(), virtual.GetRequest{
		Origin:  "https://login.example.org",
		Options: json.RawMessage(`{"rpId": "example.com", "challenge": "AAAA"}`),
	})
	if failure, ok := errors.AsType[*virtual.Error](err); ok {
		fmt.Println(failure.Name)
		fmt.Println(failure.Message)
	}
	// Output:
	// SecurityError
	// rp id "example.com" is neither the host "login.example.org" nor a parent domain of it
}
