package rp

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/scenarios"
)

// The binary members of the options, by path; a path into a list means each of its elements
// (WebAuthn L3 §5.1.8, §5.1.9).
var optionBinaries = []string{"challenge", "user.id", "excludeCredentials.id", "allowCredentials.id"}

// readOptions takes the ceremony's options out of the last answer and brings them into the standard
// JSON form: flat, standard member names, binary members as unpadded base64url.
func (r *run) readOptions(spec *scenarios.OptionsSpec) error {
	a := r.answer
	found, err := r.locateOptions(spec)
	if err != nil {
		return a.unreadable(err)
	}
	if text, ok := found.(string); ok {
		if !a.isJSON && text == a.body {
			return a.notJSON(nil)
		}
		var parsed any
		if err := json.Unmarshal([]byte(text), &parsed); err != nil {
			return &Fault{Kind: FaultNoOptions, Sentence: fmt.Sprintf("%s answered options that are a string but not JSON: %v", a.what, err), Err: err}
		}
		found = parsed
	}
	options, ok := found.(map[string]any)
	if !ok {
		return &Fault{
			Kind:     FaultNoOptions,
			Sentence: fmt.Sprintf("%s answered %s, which holds no ceremony options", a.what, a.summary()),
			Hint:     "where are the options in the answer? The adapter's options.at says",
		}
	}
	options = maps.Clone(options)
	for from, to := range spec.Rename {
		if v, ok := take(options, from); ok {
			put(options, to, v)
		}
	}
	if err := normalize(options, spec.Encoding); err != nil {
		return &Fault{
			Kind: FaultNoOptions, Sentence: fmt.Sprintf("%s answered options with a bad member: %v", a.what, err), Err: err,
			Hint: "another encoding? The adapter's options.encoding says",
		}
	}
	if s, ok := options["challenge"].(string); !ok || s == "" {
		return &Fault{
			Kind:     FaultNoOptions,
			Sentence: fmt.Sprintf("%s answered options without a challenge; they hold %s", a.what, members(options)),
			Hint:     "a ceremony without a challenge proves nothing; does the relying party report an error in a 200 answer?",
		}
	}
	r.fillRPID(options)
	r.options = options
	r.result.Options, err = json.Marshal(options)
	return err
}

func (r *run) locateOptions(spec *scenarios.OptionsSpec) (any, error) {
	env := r.responseEnv()
	switch {
	case spec.Compose != nil:
		return spec.Compose.Eval(env)
	case spec.At != nil:
		return spec.At.Eval(env)
	}
	if m, ok := r.answer.body.(map[string]any); ok {
		if inner, ok := m["publicKey"]; ok {
			return inner, nil
		}
	}
	return r.answer.body, nil
}

// fillRPID states the RP ID where the options leave it open and the target names one.
func (r *run) fillRPID(options map[string]any) {
	id := r.party.target.RPID
	if id == "" {
		return
	}
	if rp, ok := options["rp"].(map[string]any); ok {
		if _, stated := rp["id"]; !stated {
			rp = maps.Clone(rp)
			rp["id"] = id
			options["rp"] = rp
		}
		return
	}
	if _, creation := options["user"]; creation {
		return
	}
	if _, stated := options["rpId"]; !stated {
		options["rpId"] = id
	}
}

func members(m map[string]any) string {
	if len(m) == 0 {
		return "nothing"
	}
	names := slices.Sorted(maps.Keys(m))
	if len(names) > 12 {
		names = append(names[:12], "…")
	}
	return strings.Join(names, ", ")
}

// normalize rewrites the binary members as unpadded base64url.
func normalize(options map[string]any, encodings map[string]string) error {
	for _, path := range optionBinaries {
		encoding := encodings[path]
		if encoding == "" {
			encoding = encodings["*"]
		}
		err := rewrite(options, strings.Split(path, "."), func(s string) (string, error) {
			raw, err := decodeBinary(s, encoding)
			if err != nil {
				return "", fmt.Errorf("%s: %w", path, err)
			}
			return base64.RawURLEncoding.EncodeToString(raw), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rewrite applies change to the string at the path, in every element where the path meets a list.
func rewrite(v any, path []string, change func(string) (string, error)) error {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if err := rewrite(element, path, change); err != nil {
				return err
			}
		}
	case map[string]any:
		inner, ok := v[path[0]]
		if !ok {
			return nil
		}
		if len(path) > 1 {
			return rewrite(inner, path[1:], change)
		}
		s, ok := inner.(string)
		if !ok {
			return nil // left to the client, which says what it wanted
		}
		changed, err := change(s)
		if err != nil {
			return err
		}
		v[path[0]] = changed
	}
	return nil
}

// decodeBinary decodes a binary member. Without an encoding it takes base64url, padded or not.
func decodeBinary(s, encoding string) ([]byte, error) {
	var (
		raw []byte
		err error
	)
	switch encoding {
	case "", scenarios.EncodingBase64URL, scenarios.EncodingBase64URLPadded:
		raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	case scenarios.EncodingBase64, scenarios.EncodingBase64Unpadded:
		raw, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	case scenarios.EncodingHex:
		raw, err = hex.DecodeString(s)
	case scenarios.EncodingText:
		return []byte(s), nil
	default:
		return nil, fmt.Errorf("unknown encoding %q", encoding)
	}
	if err != nil {
		if encoding == "" {
			encoding = scenarios.EncodingBase64URL
		}
		return nil, fmt.Errorf("%q is not %s", cut(fold(s), 40), encoding)
	}
	return raw, nil
}

func encodeBinary(raw []byte, encoding string) (string, error) {
	switch encoding {
	case "", scenarios.EncodingBase64URL:
		return base64.RawURLEncoding.EncodeToString(raw), nil
	case scenarios.EncodingBase64URLPadded:
		return base64.URLEncoding.EncodeToString(raw), nil
	case scenarios.EncodingBase64:
		return base64.StdEncoding.EncodeToString(raw), nil
	case scenarios.EncodingBase64Unpadded:
		return base64.RawStdEncoding.EncodeToString(raw), nil
	case scenarios.EncodingHex:
		return hex.EncodeToString(raw), nil
	default:
		return "", fmt.Errorf("unknown encoding %q", encoding)
	}
}

// The binary members of a credential, by path (WebAuthn L3 §5.1, RegistrationResponseJSON and
// AuthenticationResponseJSON).
var credentialBinaries = []string{
	"id", "rawId", "response.clientDataJSON", "response.attestationObject", "response.authenticatorData",
	"response.publicKey", "response.signature", "response.userHandle",
}

// encodeCredential writes a standard credential the way the adapter says: other encodings, other
// names, members left out.
func encodeCredential(response json.RawMessage, spec *scenarios.CredentialSpec) (map[string]any, error) {
	var credential map[string]any
	if err := json.Unmarshal(response, &credential); err != nil {
		return nil, err
	}
	if credential == nil {
		return nil, errors.New("the client returned no credential")
	}
	if spec.Encoding != "" && spec.Encoding != scenarios.EncodingBase64URL {
		for _, path := range credentialBinaries {
			err := rewrite(credential, strings.Split(path, "."), func(s string) (string, error) {
				raw, err := base64.RawURLEncoding.DecodeString(s)
				if err != nil {
					return s, nil //nolint:nilerr // deliberately malformed: it is sent as it is
				}
				return encodeBinary(raw, spec.Encoding)
			})
			if err != nil {
				return nil, err
			}
		}
	}
	for _, path := range spec.Omit {
		take(credential, path)
	}
	// All moves are read before any is written, so that names can be swapped.
	moved := make(map[string]any, len(spec.Rename))
	for from, to := range spec.Rename {
		if v, ok := take(credential, from); ok {
			moved[to] = v
		}
	}
	for to, v := range moved {
		put(credential, to, v)
	}
	return credential, nil
}

// take removes the member at a dotted path and returns it.
func take(m map[string]any, path string) (any, bool) {
	head, rest, nested := strings.Cut(path, ".")
	v, ok := m[head]
	if !ok || !nested {
		delete(m, head)
		return v, ok
	}
	inner, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	return take(inner, rest)
}

// put sets the member at a dotted path, making objects on the way.
func put(m map[string]any, path string, v any) {
	head, rest, nested := strings.Cut(path, ".")
	if !nested {
		m[head] = v
		return
	}
	inner, ok := m[head].(map[string]any)
	if !ok {
		inner = make(map[string]any)
		m[head] = inner
	}
	put(inner, rest, v)
}
