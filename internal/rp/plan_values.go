package rp

import (
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/passrig/passrig/scenarios"
)

// hole is a value that is another one at each iteration. Saved values come behind the named ones.
type hole int

const (
	holeUsername hole = iota
	holeDisplayName
	holeEmail
	holePassword
	holeID // from here on in the order of credentialBinaries
	holeRawID
	holeClientData
	holeAttestation
	holeAuthData
	holePublicKey
	holeSignature
	holeUserHandle
	firstSaved

	firstBinary = holeID
)

func (h hole) binary() bool { return h >= firstBinary && h < firstSaved }

// Values are what is filled into the templates of plans: a user, a session, a credential. They keep the slices they
// are given. They are not safe for concurrent use.
type Values struct {
	Session *Memory
	// Outer gives the names that a scenario's own request sees. It may be nil.
	Outer func() scenarios.Env

	planner  *Planner
	text     [firstSaved][]byte
	shape    *Shape
	response json.RawMessage // instead of a shape and its parts
	options  any             // the last ones, if an expression may see them
}

// Memory is what one session at the relying party remembers beside its cookies.
type Memory struct {
	Jar      http.CookieJar // the session's cookies, for reading
	SignedIn bool

	saved []savedValue
}

// savedValue is a value that a save took.
type savedValue struct {
	set   bool
	text  []byte // if other is nil
	other any
}

// NewValues makes values without a user. Set Session before they are used.
func (pl *Planner) NewValues() *Values { return &Values{planner: pl} }

// NewMemory makes the memory of a session that nothing happened in yet.
func (pl *Planner) NewMemory(jar http.CookieJar) *Memory {
	return &Memory{Jar: jar, saved: make([]savedValue, len(pl.saved))}
}

// Reset forgets everything; the cookies are the caller's to forget.
func (m *Memory) Reset() {
	m.SignedIn = false
	for i := range m.saved {
		m.saved[i].set = false
	}
}

// SetUser says who acts.
func (v *Values) SetUser(username, displayName, email, password []byte) {
	v.text[holeUsername], v.text[holeDisplayName], v.text[holeEmail], v.text[holePassword] = username, displayName, email, password
}

// Credential is what a client answers: its binary members in unpadded base64url; those that are nil are not part of it.
type Credential struct {
	ID, ClientDataJSON, AttestationObject, AuthenticatorData, PublicKey, Signature, UserHandle []byte
}

// SetCredential fills in a credential of a shape that is known.
func (v *Values) SetCredential(shape *Shape, c *Credential) {
	v.shape, v.response = shape, nil
	v.text[holeID], v.text[holeRawID] = c.ID, c.ID
	v.text[holeClientData], v.text[holeAttestation], v.text[holeAuthData] = c.ClientDataJSON, c.AttestationObject, c.AuthenticatorData
	v.text[holePublicKey], v.text[holeSignature], v.text[holeUserHandle] = c.PublicKey, c.Signature, c.UserHandle
}

// SetResponse fills in a credential as a client wrote it (WebAuthn L3 §5.1), whatever is in it. What is sent of it is
// interpreted.
func (v *Values) SetResponse(response json.RawMessage) { v.shape, v.response = nil, response }

// Begin forgets the credential and the options of the operation before.
func (v *Values) Begin() { v.shape, v.response, v.options = nil, nil, nil }

// at is the text for a hole; nil if there is none, or none that is a text.
func (v *Values) at(h hole) []byte {
	if h < firstSaved {
		return v.text[h]
	}
	if s := &v.Session.saved[h-firstSaved]; s.set && s.other == nil {
		return s.text
	}
	return nil
}

// saveText keeps a text, copied.
func (m *Memory) saveText(i int, text string) {
	s := &m.saved[i]
	s.set, s.other, s.text = true, nil, append(s.text[:0], text...)
}

// saveAny keeps a value of the interpreter.
func (m *Memory) saveAny(i int, value any) {
	if text, ok := value.(string); ok {
		m.saveText(i, text)
		return
	}
	m.saved[i] = savedValue{set: true, other: value, text: m.saved[i].text}
}

func (v *Values) user(name string) User {
	return User{
		Name: name, Username: string(v.text[holeUsername]), DisplayName: string(v.text[holeDisplayName]),
		Email: string(v.text[holeEmail]), Password: string(v.text[holePassword]),
	}
}

func (v *Values) savedMap() map[string]any {
	m := make(map[string]any)
	for i, s := range v.Session.saved {
		if s.set {
			m[v.planner.saved[i]] = s.value()
		}
	}
	return m
}

func (s *savedValue) value() any {
	if s.other != nil {
		return s.other
	}
	return string(s.text)
}

// Secrets yields what must not be shown, by a name for it: the user's password, and the session's saved values that the
// adapter calls secret.
func (v *Values) Secrets() iter.Seq2[string, any] {
	return func(yield func(name string, secret any) bool) {
		if !yield("password", string(v.text[holePassword])) {
			return
		}
		for i, s := range v.Session.saved {
			if s.set && v.planner.secret[i] && !yield(v.planner.saved[i], s.value()) {
				return
			}
		}
	}
}

// Shape is a kind of credential: all of it but the binary members.
type Shape struct {
	skeleton map[string]any // with no value at the binary members it has
	holes    []hole         // those members
}

// shapes are all that were seen.
type shapes struct {
	mu    sync.Mutex
	known map[string]*Shape // by their JSON
}

// Shape is the kind of a credential in the JSON form of WebAuthn L3 §5.1. Two credentials that differ in binary
// members only have the same one.
func (pl *Planner) Shape(response json.RawMessage) (*Shape, error) {
	s := &Shape{}
	if err := json.Unmarshal(response, &s.skeleton); err != nil {
		return nil, err
	}
	for i, path := range credentialBinaries {
		if text, ok := take(s.skeleton, path); ok {
			if _, ok := text.(string); ok {
				s.holes = append(s.holes, firstBinary+hole(i))
				text = ""
			}
			put(s.skeleton, path, text)
		}
	}
	key, err := json.Marshal(s.skeleton)
	if err != nil {
		return nil, err
	}
	pl.shapes.mu.Lock()
	defer pl.shapes.mu.Unlock()
	if known, ok := pl.shapes.known[string(key)]; ok {
		return known, nil
	}
	if pl.shapes.known == nil {
		pl.shapes.known = make(map[string]*Shape)
	}
	pl.shapes.known[string(key)] = s
	return s, nil
}

// write makes the credential's JSON with binary members filled in.
func (s *Shape) write(v *Values) (json.RawMessage, error) {
	c := maps.Clone(s.skeleton)
	if inner, ok := c["response"].(map[string]any); ok {
		c["response"] = maps.Clone(inner)
	}
	for _, h := range s.holes {
		put(c, credentialBinaries[h-firstBinary], string(v.text[h]))
	}
	return json.Marshal(c)
}

// credential is the credential as the adapter wants it on the wire.
func (v *Values) credential(spec *scenarios.CredentialSpec) (map[string]any, error) {
	response := v.response
	if v.shape != nil {
		var err error
		if response, err = v.shape.write(v); err != nil {
			return nil, err
		}
	}
	return encodeCredential(response, spec)
}

// sample are values of which every text can be told from any other. They stand for those of an iteration.
func (pl *Planner) sample(signedIn bool) *Values {
	v := pl.NewValues()
	v.Session = pl.NewMemory(newJar())
	v.Session.SignedIn = signedIn
	for h := range firstSaved {
		v.text[h] = []byte(sentinel(h))
	}
	for i := range pl.saved {
		v.Session.saveText(i, sentinel(firstSaved+hole(i)))
	}
	return v
}

const sentinelLength = 24 // a multiple of 4, so that it is base64 of all kinds

// sentinel is a text that does not occur by itself.
func sentinel(h hole) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	s := "hOl3" + string([]byte{letters[h/26%26], letters[h%26]}) + "Qz7vXk2mWq9pYt4jRb"
	return s + strings.Repeat("A", sentinelLength-len(s))
}
