package webauthn

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const creationJSON = `{"rp":{"id":"example.org","name":"Example"},"user":{"id":"AQID","name":"al","displayName":""},` +
	`"challenge":"AAAA","pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"other","alg":-8}],"timeout":60000,` +
	`"excludeCredentials":[{"type":"public-key","id":"AQ","transports":["usb","x-new"]}],` +
	`"authenticatorSelection":{"authenticatorAttachment":"x-new","residentKey":"required","requireResidentKey":true,"userVerification":"preferred"},` +
	`"hints":["hybrid"],"attestation":"direct","attestationFormats":["packed"],"extensions":{"credProps":true}}`

const requestJSON = `{"challenge":"AAAA","timeout":1,"rpId":"example.org","allowCredentials":[{"type":"public-key","id":"AQ"}],` +
	`"userVerification":"x-new","hints":["hybrid"],"extensions":{"prf":{}}}`

func TestOptionsRoundTrip(t *testing.T) {
	creation, err := ParseCreationOptions([]byte(creationJSON))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(creation); err != nil || string(got) != creationJSON {
		t.Errorf("got %s (%v)\nwant %s", got, err, creationJSON)
	}
	request, err := ParseRequestOptions([]byte(requestJSON))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(request); err != nil || string(got) != requestJSON {
		t.Errorf("got %s (%v)\nwant %s", got, err, requestJSON)
	}
}

func TestCreationOptionsErrors(t *testing.T) {
	for _, tt := range []struct{ name, member, value, wantErr string }{
		{"good", "x-unknown", `[1]`, ""},
		{"null is absent", "timeout", `null`, ""},
		{"float timeout", "timeout", `6e4`, ""},
		{"no challenge", "challenge", `null`, "options: no challenge"},
		{"padding", "challenge", `"AAAAAA=="`, "options: challenge: illegal base64url at byte 6"},
		{"standard alphabet", "challenge", `"AAAA+AAA"`, "options: challenge: illegal base64url at byte 4"},
		{"challenge type", "challenge", `1`, "options: challenge: want a base64url string"},
		{"no rp", "rp", `null`, "options: no rp"},
		{"rp type", "rp", `"example.org"`, "options: rp: want a JSON object"},
		{"rp name", "rp", `{"id":"example.org"}`, "options: rp: no name"},
		{"user id", "user", `{"id":"!","name":"","displayName":""}`, "options: user: id: illegal base64url at byte 0"},
		{"no user id", "user", `{"name":"","displayName":""}`, "options: user: no id"},
		{"params", "pubKeyCredParams", `{}`, "options: pubKeyCredParams: want a list of objects"},
		{"param", "pubKeyCredParams", `[{"type":"public-key","alg":"ES256"}]`, "options: pubKeyCredParams[0]: alg: want an integer"},
		{"fraction", "timeout", `1.5`, "options: timeout: want an integer"},
		{"beyond all integers", "timeout", `1e17`, "options: timeout: want an integer"},
		{"exclude", "excludeCredentials", `[{"type":"public-key","id":"AQ"},{"id":"AQ"}]`, "options: excludeCredentials[1]: no type"},
		{"hints", "hints", `"hybrid"`, "options: hints: want a list of strings"},
		{"selection", "authenticatorSelection", `{"requireResidentKey":"true"}`, "options: authenticatorSelection: requireResidentKey: want true or false"},
		{"extensions", "extensions", `[]`, "options: extensions: want an object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var members map[string]json.RawMessage
			if err := json.Unmarshal([]byte(creationJSON), &members); err != nil {
				t.Fatal(err)
			}
			members[tt.member] = json.RawMessage(tt.value)
			data, err := json.Marshal(members)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseCreationOptions(data)
			if message(err) != tt.wantErr || (got == nil) != (err != nil) {
				t.Errorf("got %v, error %q, want %q", got, message(err), tt.wantErr)
			}
		})
	}
	for in, want := range map[string]string{"": "options: unexpected end of JSON input", "null": "options: want a JSON object, got null", "[]": "options: want a JSON object"} {
		if _, err := ParseRequestOptions([]byte(in)); message(err) != want {
			t.Errorf("%q: error %q, want %q", in, message(err), want)
		}
	}
}

const registrationJSON = `{"id":"AQ","rawId":"AQ","response":{"clientDataJSON":"e30","authenticatorData":"AA","transports":["usb"],` +
	`"publicKey":"AA","publicKeyAlgorithm":-7,"attestationObject":"oA"},"authenticatorAttachment":"platform",` +
	`"clientExtensionResults":{"credProps":{"rk":true}},"type":"public-key"}`

const authenticationJSON = `{"id":"AQ","rawId":"AQ","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AQ","userHandle":""},` +
	`"clientExtensionResults":{},"type":"public-key"}`

func TestResponses(t *testing.T) {
	registration, err := ParseRegistrationResponse([]byte(registrationJSON))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(registration); err != nil || string(got) != registrationJSON {
		t.Errorf("got %s (%v)\nwant %s", got, err, registrationJSON)
	}
	authentication, err := ParseAuthenticationResponse([]byte(authenticationJSON))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(authentication); err != nil || string(got) != authenticationJSON {
		t.Errorf("got %s (%v)\nwant %s", got, err, authenticationJSON)
	}
	for _, tt := range []struct{ in, wantErr string }{
		{`{"id":"AQ","rawId":"AQ","type":"public-key"}`, "response: no response"},
		{`{"id":1,"rawId":"AQ","type":"public-key","response":{}}`, "response: id: want a string"},
		{`{"id":"AQ","rawId":"AQ","type":"public-key","response":{}}`, "response: response: no clientDataJSON"},
		{`{"id":"AQ","rawId":"AQ","type":"public-key","response":[]}`, "response: response: want a JSON object"},
		{`{"id":"AQ","rawId":"AQ","type":"public-key","clientExtensionResults":1,"response":{}}`, "response: clientExtensionResults: want an object"},
	} {
		if got, err := ParseRegistrationResponse([]byte(tt.in)); message(err) != tt.wantErr || got != nil {
			t.Errorf("registration %s: error %q, want %q", tt.in, message(err), tt.wantErr)
		}
		if got, err := ParseAuthenticationResponse([]byte(tt.in)); message(err) != tt.wantErr || got != nil {
			t.Errorf("authentication %s: error %q, want %q", tt.in, message(err), tt.wantErr)
		}
	}
}

func TestDescribe(t *testing.T) {
	file := loadVectors(t)
	v := file.Vectors[5] // packed-es256, with a certificate
	view := DescribeAttestation(v.Registration.AttestationObject.bytes(t))
	statement, ok := view["attStmt"].(map[string]any)
	if !ok || statement["alg"] != "ES256" {
		t.Fatalf("statement is %v", view["attStmt"])
	}
	chain, ok := statement["x5c"].([]map[string]any)
	if !ok || len(chain) == 0 || chain[0]["subject"] == nil {
		t.Errorf("certificates are %v", statement["x5c"])
	}
	authData, ok := view["authData"].(map[string]any)
	if !ok {
		t.Fatalf("authData is %v", view["authData"])
	}
	if diff := cmp.Diff([]string{"UP", "UV", "BE", "AT"}, authData["flags"]); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"rpIdHash", "signCount", "aaguid", "credentialId", "publicKey"} {
		if authData[name] == nil {
			t.Errorf("authData has no %s: %v", name, authData)
		}
	}
	client := DescribeClientData([]byte("\xef\xbb\xbf" + `{"type":"webauthn.get","x":1,"topOrigin":"t"}`))
	data, err := json.Marshal(client)
	if err != nil {
		t.Fatal(err)
	}
	wantJSON := `{"byteOrderMark":true,"challenge":"","crossOrigin":false,"extra":{"x":1},"length":48,"origin":"","topOrigin":"t","type":"webauthn.get"}`
	if diff := cmp.Diff(wantJSON, string(data)); diff != "" {
		t.Error(diff)
	}
	// Keys in another order, and a number beyond 64 bits with its sign.
	loose, err := EncodeCBOR(map[string]any{"fmt": "x", "attStmt": map[string]any{"n": uint64(1<<64 - 1), "f": 1.5}, "authData": []byte{}})
	if err != nil {
		t.Fatal(err)
	}
	if view := DescribeAttestation(loose); view["canonical"] != nil {
		t.Errorf("canonical bytes described as %v", view)
	}
	loose = slices.Concat([]byte{0xa3}, loose[len(loose)-10:], loose[1:len(loose)-10])
	view = DescribeAttestation(loose)
	if diff := cmp.Diff(map[string]any{"n": "18446744073709551615", "f": 1.5}, view["attStmt"]); diff != "" || view["canonical"] != false {
		t.Errorf("described as %v\n%s", view, diff)
	}
	if view := DescribeClientData([]byte("x")); view["error"] == nil || view["hex"] != "78" {
		t.Errorf("malformed client data described as %v", view)
	}
	if view := DescribeAttestation([]byte{1}); view["error"] == nil {
		t.Errorf("malformed attestation described as %v", view)
	}
}
