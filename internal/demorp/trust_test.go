package demorp

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/passrig/passrig/virtual"
)

func newAttestationCA(t *testing.T) *virtual.AttestationCA {
	t.Helper()
	ca, err := virtual.NewAttestationCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// registerWith answers creation options with a new device.
func (v *visitor) registerWith(cfg virtual.Config) answer {
	v.t.Helper()
	cfg.UnrequestedAttestation = true
	device, err := virtual.NewSoftwareDevice(cfg)
	if err != nil {
		v.t.Fatal(err)
	}
	options, err := json.Marshal(v.creation())
	if err != nil {
		v.t.Fatal(err)
	}
	made, err := device.Create(v.t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: options})
	if err != nil {
		v.t.Fatal(err)
	}
	return v.send("POST", "/api/register/result", map[string]any{"credential": made})
}

func TestAttestationRoots(t *testing.T) {
	trusted, stranger := newAttestationCA(t), newAttestationCA(t)
	for _, test := range []struct {
		name     string
		device   virtual.Config
		required int // the status where a root is configured
	}{
		{"none", virtual.Config{}, http.StatusBadRequest},
		{"self", virtual.Config{Attestation: virtual.AttestationPackedSelf}, http.StatusBadRequest},
		{"packed under a stranger", virtual.Config{Attestation: virtual.AttestationPacked, AttestationCA: stranger}, http.StatusBadRequest},
		{"packed", virtual.Config{Attestation: virtual.AttestationPacked, AttestationCA: trusted}, http.StatusCreated},
		{"fido-u2f", virtual.Config{Attestation: virtual.AttestationFIDOU2F, AttestationCA: trusted}, http.StatusCreated},
	} {
		t.Run(test.name, func(t *testing.T) {
			strict := newSite(t, func(c *Config) { c.AttestationRoots = [][]byte{trusted.RootDER()} })
			v := strict.visitor(t)
			v.signup("alice")
			if got := v.creation().Attestation; got != "direct" {
				t.Errorf("the options ask for attestation %q", got)
			}
			got := v.registerWith(test.device)
			if got.status != test.required {
				t.Errorf("status %d, want %d: %s", got.status, test.required, got.body)
			}
			if got.status != http.StatusCreated && !strings.Contains(strict.lastRefusal(), "attestation-trust: ") {
				t.Errorf("refused for %s", strict.lastRefusal())
			}
			lenient := newSite(t, nil).visitor(t)
			lenient.signup("alice")
			if got := lenient.registerWith(test.device); got.status != http.StatusCreated {
				t.Errorf("without roots: status %d: %s", got.status, got.body)
			}
		})
	}
}

func TestAttestationRootsAreCertificates(t *testing.T) {
	_, err := New(Config{Origins: []string{testOrigin}, AttestationRoots: [][]byte{[]byte("root")}})
	if err == nil || !strings.Contains(err.Error(), "attestation root 1") {
		t.Errorf("error %v", err)
	}
}
