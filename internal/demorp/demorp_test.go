package demorp

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
)

const (
	testOrigin = "http://localhost:8080"
	testRPID   = "localhost"
)

// site is a relying party under test on real HTTP, with a clock that tests turn and a log that they read.
type site struct {
	*Server
	url   string
	mu    sync.Mutex
	clock time.Time
	log   bytes.Buffer
}

func newSite(t *testing.T, change func(*Config)) *site {
	t.Helper()
	s := &site{clock: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	cfg := Config{
		Origins: []string{testOrigin},
		Clock:   s.now,
		Logger:  slog.New(slog.NewTextHandler(s, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	server, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server.Handler())
	t.Cleanup(listener.Close)
	s.Server, s.url = server, listener.URL
	return s
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *site) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

func (s *site) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

// lastRefusal returns the latest line of the log.
func (s *site) lastRefusal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	return lines[len(lines)-1]
}

// visitor is one browser's worth of cookies.
type visitor struct {
	t      *testing.T
	url    string
	client *http.Client
}

func (s *site) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, s.url, &http.Client{Jar: jar}}
}

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send makes a request. A body that is not a string is sent as JSON, and headers are name and value in turn.
func (v *visitor) send(method, path string, body any, headers ...string) answer {
	v.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			v.t.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, reader)
	if err != nil {
		v.t.Fatal(err)
	}
	if reader != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := v.client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, read}
}

// do makes a request that must end in a status, and decodes the answer into out unless it is nil.
func (v *visitor) do(method, path string, body any, status int, out any) {
	v.t.Helper()
	got := v.send(method, path, body)
	if got.status != status {
		v.t.Fatalf("%s %s: status %d, want %d: %s", method, path, got.status, status, got.body)
	}
	if out != nil {
		if err := json.Unmarshal(got.body, out); err != nil {
			v.t.Fatalf("%s %s: %v: %s", method, path, err, got.body)
		}
	}
}

type (
	userAnswer struct {
		User    userJSON
		Passkey json.RawMessage
	}
	passkeyAnswer  struct{ Passkey passkeyJSON }
	passkeysAnswer struct{ Passkeys []passkeyJSON }
	errorAnswer    struct {
		Error struct{ Code, Message string }
	}
	creationAnswer struct {
		PublicKey creationOptions `json:"publicKey"`
	}
	requestAnswer struct {
		PublicKey requestOptions `json:"publicKey"`
	}
)

func (v *visitor) signup(username string) userJSON {
	v.t.Helper()
	var got userAnswer
	v.do("POST", "/api/signup", map[string]string{"username": username}, http.StatusCreated, &got)
	return got.User
}

func (v *visitor) creation() creationOptions {
	v.t.Helper()
	var got creationAnswer
	v.do("POST", "/api/register/options", nil, http.StatusOK, &got)
	return got.PublicKey
}

// request asks for sign-in options, without a username when it is empty.
func (v *visitor) request(username string) requestOptions {
	v.t.Helper()
	var got requestAnswer
	v.do("POST", "/api/login/options", map[string]string{"username": username}, http.StatusOK, &got)
	return got.PublicKey
}

func credentialBody(credential string) map[string]json.RawMessage {
	return map[string]json.RawMessage{"credential": json.RawMessage(credential)}
}

// wallet is the oracle's authenticator with one credential, and the site it believes to be at.
type wallet struct {
	rp            virtualwebauthn.RelyingParty
	authenticator virtualwebauthn.Authenticator
	credential    virtualwebauthn.Credential
}

func newWallet(options virtualwebauthn.AuthenticatorOptions) *wallet {
	return &wallet{
		rp:            virtualwebauthn.RelyingParty{ID: testRPID, Name: "test", Origin: testOrigin},
		authenticator: virtualwebauthn.NewAuthenticatorWithOptions(options),
		credential:    virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2),
	}
}

// create answers registration options.
func (w *wallet) create(t *testing.T, options creationOptions) string {
	t.Helper()
	encoded, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := virtualwebauthn.ParseAttestationOptions(string(encoded))
	if err != nil {
		t.Fatal(err)
	}
	w.authenticator.Options.UserHandle = []byte(parsed.UserID)
	return virtualwebauthn.CreateAttestationResponse(w.rp, w.authenticator, w.credential, *parsed)
}

// get answers sign-in options.
func (w *wallet) get(tb testing.TB, options requestOptions) string {
	tb.Helper()
	encoded, err := json.Marshal(options)
	if err != nil {
		tb.Fatal(err)
	}
	parsed, err := virtualwebauthn.ParseAssertionOptions(string(encoded))
	if err != nil {
		tb.Fatal(err)
	}
	return virtualwebauthn.CreateAssertionResponse(w.rp, w.authenticator, w.credential, *parsed)
}

// register adds the wallet's credential to the visitor's user.
func (v *visitor) register(w *wallet) passkeyJSON {
	v.t.Helper()
	var got passkeyAnswer
	v.do("POST", "/api/register/result", credentialBody(w.create(v.t, v.creation())), http.StatusCreated, &got)
	return got.Passkey
}

// login signs in and returns who it was.
func (v *visitor) login(w *wallet, username string) userJSON {
	v.t.Helper()
	var got userAnswer
	v.do("POST", "/api/login/result", credentialBody(w.get(v.t, v.request(username))), http.StatusOK, &got)
	return got.User
}

// whoami returns the signed-in username, or "".
func (v *visitor) whoami() string {
	v.t.Helper()
	got := v.send("GET", "/api/whoami", nil)
	if got.status == http.StatusUnauthorized {
		return ""
	}
	var who userAnswer
	if err := json.Unmarshal(got.body, &who); err != nil {
		v.t.Fatal(err)
	}
	return who.User.Username
}
