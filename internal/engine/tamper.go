package engine

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// tampering changes what a device answers in one ceremony, as a step says.
type tampering struct {
	device  *virtual.SoftwareDevice
	changes []forge.Change

	mu     sync.Mutex               // a page asks from goroutines of its own
	legal  *virtual.Registration    // the last one that was changed; nil in a login
	stored virtual.StoredCredential // what it made: a page may make the device forget it
	sent   json.RawMessage          // the last changed response; nil until there is one
	err    error                    // why the last one could not be changed
}

// tampering prepares a step's changes of a ceremony, [rp.KindCreate] or [rp.KindGet]; nil if there are none.
func (w *world) tampering(d *device, kind string, list []scenarios.Tamper) (*tampering, error) {
	if len(list) == 0 {
		return nil, nil //nolint:nilnil // no changes are no mistake
	}
	own, ok := d.Device.(*software)
	if !ok {
		return nil, fmt.Errorf("device %s has Chrome's authenticators, whose answers cannot be changed", d.name)
	}
	t := &tampering{device: own.SoftwareDevice}
	for _, change := range list {
		value, err := change.Value.Eval(w.env)
		if err != nil {
			return nil, fmt.Errorf("tamper: %s: %w", change.Name, err)
		}
		c := forge.Change{Name: change.Name, Value: value}
		if err := c.Validate(kind); err != nil {
			return nil, fmt.Errorf("%s: tamper: %w", change.Pos, err)
		}
		t.changes = append(t.changes, c)
	}
	return t, nil
}

// answer performs the ceremony and changes the response.
func (t *tampering) answer(ctx context.Context, kind string, req virtual.GetRequest) (json.RawMessage, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if kind == rp.KindCreate {
		made, err := t.device.Create(ctx, creation(req))
		if err != nil {
			return nil, err
		}
		if t.stored, err = t.device.ExportCredential(made.CredentialID); err != nil {
			return nil, err
		}
		t.legal = made
		t.sent, t.err = forge.Registration(made, t.device, t.changes...)
	} else {
		used, err := t.device.Get(ctx, req)
		if err != nil {
			return nil, err
		}
		t.sent, t.err = forge.Assertion(used, t.device, t.changes...)
	}
	return t.sent, t.err
}

// tell says what was sent instead of the legal response. Without such, what the relying party decided was about
// something else, and nothing can be told.
func (t *tampering) tell(o *outcome, onPage bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var fault *rp.Fault
	switch r := o.result; {
	case r.Fault != nil && r.Fault.Kind == rp.FaultInterrupted:
		return
	case t.err != nil:
		fault = &rp.Fault{Kind: rp.FaultTamper, Sentence: "the response could not be changed: " + t.err.Error(), Err: t.err}
		if errors.Is(t.err, forge.ErrNotApplicable) {
			fault.Hint = "this change has no room here: take another one, or another algorithm for the device"
		}
	case t.sent == nil && (r.Outcome == rp.OutcomeAccepted || r.Outcome == rp.OutcomeRejected):
		fault = &rp.Fault{
			Kind: rp.FaultTamper, Sentence: "no changed response was sent, and yet: " + r.Reason,
			Hint: "the ceremony ended before its credential; without tamper the step has to be accepted",
		}
	case t.sent == nil:
		return
	}
	if fault != nil {
		o.result.Outcome, o.result.Fault, o.result.Reason = rp.OutcomeError, fault, fault.Sentence
		return
	}
	o.notes = append(o.notes, "the response was changed before it was sent: "+describeChanges(t.changes))
	for _, c := range t.changes {
		if kind, _ := forge.Lookup(c.Name); onPage && kind.Part == forge.PartEnvelope {
			o.notes = append(o.notes, "whether "+c.Name+" reached the relying party "+report.NotVerified+": the page has it, and may write the JSON anew")
		}
	}
	t.describe(o.ceremony)
}

// maxShown is the longest response that a report shows as it is, in bytes.
const maxShown = 64 << 10

// describe shows the changed response, as far as it can be read.
func (t *tampering) describe(c *report.Ceremony) {
	sent := looseResponse(t.sent)
	auth := sent.authData
	if sent.attestation != nil {
		c.Attestation = webauthn.DescribeAttestation(sent.attestation)
		if object, err := webauthn.ParseAttestationObject(sent.attestation); err == nil {
			auth = object.AuthData
		}
	}
	describe(c, sent.id, sent.clientData, auth)
	if len(t.sent) <= maxShown {
		c.Response = plain(t.sent)
	}
}

// describeChanges words changes for a note.
func describeChanges(changes []forge.Change) string {
	words := make([]string, len(changes))
	for i, c := range changes {
		words[i] = c.Name
		if c.Value == nil {
			continue
		}
		if value, err := json.Marshal(c.Value); err == nil {
			words[i] += " " + string(value)
		}
	}
	return strings.Join(words, ", ")
}

// loose are the parts of a response that may be wrong anywhere; nil are those that cannot be read.
type loose struct{ id, clientData, authData, attestation []byte }

func looseResponse(response json.RawMessage) loose {
	var envelope map[string]any
	_ = json.Unmarshal(response, &envelope) // what cannot be read has no parts
	inner, _ := envelope["response"].(map[string]any)
	return loose{
		id: looseBytes(envelope["rawId"]), clientData: looseBytes(inner["clientDataJSON"]),
		authData: looseBytes(inner["authenticatorData"]), attestation: looseBytes(inner["attestationObject"]),
	}
}

// looseBytes reads base64 in any alphabet, padded or not.
func looseBytes(v any) []byte {
	text, ok := v.(string)
	if !ok {
		return nil
	}
	text = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "=")
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return data
}

// registered is the id of what a changed registration registers, if the relying party takes it; nil if nothing was
// made. The device then holds it in place of the legal passkey, if taken says so.
func (t *tampering) registered(o *outcome, taken bool) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.legal == nil {
		return nil
	}
	id := looseResponse(t.sent).id
	if len(id) == 0 {
		id = t.legal.CredentialID
	}
	made, err := forge.Accepted(t.legal, t.stored, t.changes...)
	if err == nil {
		id = made.ID
	}
	if !taken || err == nil && bytes.Equal(made.ID, t.stored.ID) && bytes.Equal(made.PrivateKey, t.stored.PrivateKey) {
		return id
	}
	if err == nil {
		err = t.device.ImportCredential(made)
	}
	if err == nil && !bytes.Equal(made.ID, t.stored.ID) {
		t.device.RemoveCredential(t.stored.ID)
	}
	if err != nil {
		o.notes = append(o.notes, "the device cannot sign in with what was registered: "+err.Error())
	}
	return id
}
