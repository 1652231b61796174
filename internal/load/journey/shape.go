package journey

import (
	"context"
	"encoding/json"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// shape is the kind of a credential, for which templates are made.
func (y *Player) shape(ctx context.Context, key shapeKey) (*rp.Shape, error) {
	c := &y.side
	if s, ok := c.shapes[key]; ok {
		return s, nil
	}
	s, err := y.program.shape(ctx, key, y.users.Behavior())
	if err != nil {
		return nil, err
	}
	if c.shapes == nil {
		c.shapes = make(map[shapeKey]*rp.Shape)
	}
	c.shapes[key] = s
	return s, nil
}

// shape asks a device what such a credential looks like. Once is enough, as only its binary members differ.
func (p *Program) shape(ctx context.Context, key shapeKey, device virtual.Config) (*rp.Shape, error) {
	p.shapes.mu.Lock()
	defer p.shapes.mu.Unlock()
	if s, ok := p.shapes.known[key]; ok {
		return s, nil
	}
	sample, err := sampleResponse(ctx, key, device)
	if err != nil {
		return nil, err
	}
	s, err := p.planner.Shape(sample)
	if err != nil {
		return nil, err
	}
	if p.shapes.known == nil {
		p.shapes.known = make(map[shapeKey]*rp.Shape)
	}
	p.shapes.known[key] = s
	return s, nil
}

// warm finds the kinds of the usual credentials, for [Program.Describe].
func (p *Program) warm() error {
	for i, key := range []shapeKey{{discoverable: true}, {registration: true, algorithm: webauthn.ES256, discoverable: true}} {
		sample, err := sampleResponse(context.Background(), key, virtual.Config{})
		if err != nil {
			return err
		}
		if p.shapes.first[i], err = p.planner.Shape(sample); err != nil {
			return err
		}
	}
	return nil
}

// sampleResponse is a response of that kind.
func sampleResponse(ctx context.Context, key shapeKey, cfg virtual.Config) (json.RawMessage, error) {
	cfg.Algorithms = []string{webauthn.ES256.String()}
	cfg.Random = nil
	device, err := virtual.NewSoftwareDevice(cfg)
	if err != nil {
		return nil, err
	}
	const origin = "http://localhost"
	selection := map[string]any{"residentKey": "discouraged"}
	if key.discoverable {
		selection["residentKey"] = "required"
	}
	extensions := map[string]any{}
	if key.credProps {
		extensions["credProps"] = true
	}
	options, err := json.Marshal(map[string]any{
		"challenge": "AAAA", "rp": map[string]any{"name": "a"}, "user": map[string]any{"id": "AAAA", "name": "a", "displayName": "a"},
		"pubKeyCredParams":       []map[string]any{{"type": webauthn.PublicKeyType, "alg": webauthn.ES256}},
		"authenticatorSelection": selection, "extensions": extensions,
	})
	if err != nil {
		return nil, err
	}
	made, err := device.Create(ctx, virtual.CreateRequest{Origin: origin, Options: options})
	if err != nil {
		return nil, err
	}
	if key.registration {
		made.Algorithm = int(key.algorithm)
		return json.Marshal(made)
	}
	used := &virtual.Assertion{CredentialID: made.CredentialID, ClientDataJSON: []byte{0}, AuthenticatorData: []byte{0}, Signature: []byte{0}, Attachment: made.Attachment}
	if key.discoverable {
		used.UserHandle = []byte{0}
	}
	return json.Marshal(used)
}
