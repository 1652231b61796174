package virtual

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
)

// maxCredBlob is how many bytes a credBlob may have; CTAP 2.1 §12.2 wants at least 32.
const maxCredBlob = 32

// extensionInputs are the inputs of the supported extensions; the others are ignored, as the
// specification wants it. Absent inputs are zero.
type extensionInputs struct {
	credProps    bool
	minPINLength bool
	credBlob     webauthn.Base64URL // create
	getCredBlob  bool               // get
	prf          *prfInputs
	largeBlob    *largeBlobInputs
}

type prfInputs struct {
	Eval             *prfValues           `json:"eval"`
	EvalByCredential map[string]prfValues `json:"evalByCredential"` // by base64url credential ID
}

type prfValues struct {
	First  webauthn.Base64URL `json:"first"`
	Second webauthn.Base64URL `json:"second,omitzero"`
}

type largeBlobInputs struct {
	Support string             `json:"support"`
	Read    bool               `json:"read"`
	Write   webauthn.Base64URL `json:"write"`
}

// extensionOutputs collects what goes to the page and what goes into authenticator data.
type extensionOutputs struct {
	client        map[string]any
	authenticator map[string]any
}

func newExtensionOutputs() *extensionOutputs {
	return &extensionOutputs{client: map[string]any{}, authenticator: map[string]any{}}
}

// clientJSON returns the clientExtensionResults object.
func (o *extensionOutputs) clientJSON() (json.RawMessage, error) {
	data, err := json.Marshal(o.client)
	if err != nil {
		return nil, fmt.Errorf("client extension results: %w", err)
	}
	return data, nil
}

// cbor returns the extensions part of authenticator data, nil if there is none.
func (o *extensionOutputs) cbor() ([]byte, error) {
	if len(o.authenticator) == 0 {
		return nil, nil
	}
	return webauthn.EncodeCBOR(o.authenticator)
}

// extensionInputs reads the inputs of the extensions this device supports.
func (s *settings) extensionInputs(raw map[string]json.RawMessage) (*extensionInputs, error) {
	in := &extensionInputs{}
	for _, field := range []struct {
		input, extension string
		target           any
	}{
		{"credProps", ExtensionCredProps, &in.credProps},
		{"minPinLength", ExtensionMinPINLength, &in.minPINLength},
		{"credBlob", ExtensionCredBlob, &in.credBlob},
		{"getCredBlob", ExtensionCredBlob, &in.getCredBlob},
		{"prf", ExtensionPRF, &in.prf},
		{"largeBlob", ExtensionLargeBlob, &in.largeBlob},
	} {
		value, ok := raw[field.input]
		if !ok || !s.supportsExtension(field.extension) {
			continue
		}
		if err := json.Unmarshal(value, field.target); err != nil {
			return nil, refuse(TypeError, "options: extensions: %s: %w", field.input, err)
		}
	}
	return in, nil
}

// checkCreate applies the rules for inputs of create().
func (in *extensionInputs) checkCreate() error {
	if in.prf != nil && in.prf.EvalByCredential != nil {
		return refuse(NotSupportedError, "prf.evalByCredential is for get() only")
	}
	if b := in.largeBlob; b != nil && (b.Read || b.Write != nil) {
		return refuse(NotSupportedError, "largeBlob.read and largeBlob.write are for get() only")
	}
	return in.checkPRF()
}

// checkGet applies the rules for inputs of get().
func (in *extensionInputs) checkGet(allow []webauthn.CredentialDescriptor) error {
	if b := in.largeBlob; b != nil {
		switch {
		case b.Support != "":
			return refuse(NotSupportedError, "largeBlob.support is for create() only")
		case b.Read && b.Write != nil:
			return refuse(NotSupportedError, "largeBlob.read and largeBlob.write exclude each other")
		case b.Write != nil && len(allow) != 1:
			return refuse(NotSupportedError, "largeBlob.write with %d allowed credentials, want exactly one", len(allow))
		}
	}
	if in.prf == nil {
		return nil
	}
	if len(in.prf.EvalByCredential) > 0 && len(allow) == 0 {
		return refuse(NotSupportedError, "prf.evalByCredential without allowCredentials")
	}
	for _, key := range slices.Sorted(maps.Keys(in.prf.EvalByCredential)) {
		id, err := webauthn.DecodeBase64URL(key)
		if err != nil || len(id) == 0 {
			return refuse(SyntaxError, "prf.evalByCredential: %q is not a credential id in base64url", key)
		}
		if !listed(allow, id) {
			return refuse(SyntaxError, "prf.evalByCredential: %q is not in allowCredentials", key)
		}
	}
	return in.checkPRF()
}

func (in *extensionInputs) checkPRF() error {
	if in.prf == nil {
		return nil
	}
	if v := in.prf.Eval; v != nil && v.First == nil {
		return refuse(TypeError, "options: extensions: prf: eval: no first")
	}
	for _, key := range slices.Sorted(maps.Keys(in.prf.EvalByCredential)) {
		if in.prf.EvalByCredential[key].First == nil {
			return refuse(TypeError, "options: extensions: prf: evalByCredential: %q: no first", key)
		}
	}
	return nil
}

// created processes the extensions of a new credential.
func (s *settings) created(in *extensionInputs, c *credential) *extensionOutputs {
	out := newExtensionOutputs()
	if in.credProps {
		out.client["credProps"] = map[string]any{"rk": c.Discoverable}
	}
	if in.minPINLength {
		out.authenticator["minPinLength"] = s.MinPINLength
	}
	if in.credBlob != nil {
		stored := len(in.credBlob) <= maxCredBlob && c.Discoverable
		if stored {
			c.credBlob = in.credBlob
		}
		out.client["credBlob"], out.authenticator["credBlob"] = stored, stored
	}
	if in.prf != nil {
		prf := map[string]any{"enabled": true}
		if in.prf.Eval != nil {
			prf["results"] = c.evaluatePRF(*in.prf.Eval)
		}
		out.client["prf"] = prf
		if s.Attachment == attachmentCrossPlatform {
			// CTAP 2.1 §12.5: roaming authenticators confirm in signed data.
			out.authenticator["hmac-secret"] = true
		}
	}
	if in.largeBlob != nil {
		out.client["largeBlob"] = map[string]any{"supported": c.Discoverable}
	}
	return out
}

// asserted processes the extensions of an assertion. It may change what c stores.
func asserted(in *extensionInputs, c *credential) *extensionOutputs {
	out := newExtensionOutputs()
	if in.getCredBlob {
		// CTAP 2.1 §12.2: without a stored blob the answer is an empty byte string.
		blob := append([]byte{}, c.credBlob...)
		out.client["getCredBlob"], out.authenticator["credBlob"] = webauthn.Base64URL(blob), blob
	}
	if in.prf != nil {
		prf := map[string]any{}
		values, ok := in.prf.EvalByCredential[webauthn.Base64URL(c.ID).String()]
		if !ok && in.prf.Eval != nil {
			values, ok = *in.prf.Eval, true
		}
		if ok && c.prfSecret != nil {
			prf["results"] = c.evaluatePRF(values)
		}
		out.client["prf"] = prf
	}
	if b := in.largeBlob; b != nil {
		result := map[string]any{}
		switch {
		case b.Write != nil:
			if c.Discoverable {
				c.largeBlob = b.Write
			}
			result["written"] = c.Discoverable
		case b.Read && c.largeBlob != nil:
			result["blob"] = webauthn.Base64URL(c.largeBlob)
		}
		out.client["largeBlob"] = result
	}
	return out
}

// evaluatePRF computes the prf outputs (WebAuthn L3 §10.1.4): the salts are hashed with a context
// string, so that pages cannot reach the salts CTAP hmac-secret is used with elsewhere.
func (c *credential) evaluatePRF(in prfValues) prfValues {
	evaluate := func(input []byte) []byte {
		salt := sha256.Sum256(slices.Concat([]byte("WebAuthn PRF\x00"), input))
		mac := hmac.New(sha256.New, c.prfSecret)
		mac.Write(salt[:])
		return mac.Sum(nil)
	}
	out := prfValues{First: evaluate(in.First)}
	if in.Second != nil {
		out.Second = evaluate(in.Second)
	}
	return out
}
