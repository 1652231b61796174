package demorp

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"
)

const (
	tokenSize     = 32 // bytes of randomness in challenges, session tokens and user handles
	passkeyIDSize = 16 // bytes of randomness in a passkey's own id
)

// Server is the demo relying party. Its methods are safe for concurrent use, it starts no goroutine, and it does not
// close its store.
type Server struct {
	cfg      Config
	store    Store
	log      *slog.Logger
	sessions *sessions
	verifier *verifier
	faults   faults
	lapses   *lapses
	decoys   *decoys
	handler  http.Handler
}

// New makes a relying party, or reports every mistake in its configuration.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	chosen, err := chosenFaults(cfg.Faults)
	if err != nil {
		return nil, fmt.Errorf("demo relying party: %w", err)
	}
	s := &Server{
		faults:   chosen,
		lapses:   newLapses(),
		cfg:      cfg,
		store:    cfg.Store,
		log:      cfg.Logger,
		sessions: newSessions(cfg.Clock, chosen.visitorTTL(&cfg), cfg.SessionTTL, cfg.MaxSessions),
		verifier: newVerifier(cfg.RPID, cfg.Origins, cfg.Embedders),
	}
	if s.verifier.anchors, err = newAnchors(cfg.AttestationRoots, cfg.Clock); err != nil {
		return nil, fmt.Errorf("demo relying party: %w", err)
	}
	proposed, err := s.randomBytes(tokenSize)
	if err != nil {
		return nil, err
	}
	key, err := s.store.DecoyKey(context.Background(), proposed)
	if err != nil {
		return nil, fmt.Errorf("decoy key: %w", err)
	}
	s.decoys = &decoys{key: key}
	if s.handler, err = s.routes(); err != nil {
		return nil, fmt.Errorf("demo relying party: %w", err)
	}
	return s, nil
}

// Handler serves the API, the FIDO conformance shape, the well-known documents and the page.
func (s *Server) Handler() http.Handler { return s.handler }

// routes is the whole HTTP surface.
func (s *Server) routes() (http.Handler, error) {
	api := newRouter(s.log, s.verifier.origins, writeAPIError)
	api.handle(http.MethodPost, "/api/signup", s.signup)
	api.handle(http.MethodPost, "/api/register/options", s.registerOptions)
	api.handle(http.MethodPost, "/api/register/result", s.registerResult)
	api.handle(http.MethodPost, "/api/login/options", s.loginOptions)
	api.handle(http.MethodPost, "/api/login/result", s.loginResult)
	api.handle(http.MethodPost, "/api/logout", s.logout)
	api.handle(http.MethodGet, "/api/whoami", s.whoami)
	api.handle(http.MethodPatch, "/api/user", s.renameUser)
	api.handle(http.MethodDelete, "/api/user", s.deleteUser)
	api.handle(http.MethodPost, "/api/user/lock", s.lockUser)
	api.handle(http.MethodGet, "/api/passkeys", s.listPasskeys)
	api.handle(http.MethodPatch, "/api/passkeys/{id}", s.renamePasskey)
	api.handle(http.MethodDelete, "/api/passkeys/{id}", s.deletePasskey)
	api.handle(http.MethodGet, "/.well-known/webauthn", s.relatedOrigins)
	api.handle(http.MethodGet, "/.well-known/passkey-endpoints", s.passkeyEndpoints)
	api.handle(http.MethodGet, "/healthz", health)

	fido := newRouter(s.log, s.verifier.origins, writeFIDOError)
	for _, prefix := range s.faults.fidoPrefixes() {
		fido.handle(http.MethodPost, prefix+"/attestation/options", s.fidoAttestationOptions)
		fido.handle(http.MethodPost, prefix+"/attestation/result", s.fidoAttestationResult)
		fido.handle(http.MethodPost, prefix+"/assertion/options", s.fidoAssertionOptions)
		fido.handle(http.MethodPost, prefix+"/assertion/result", s.fidoAssertionResult)
	}

	if s.faults.has("body-unlimited") {
		api.maxBody, fido.maxBody = math.MaxInt64, math.MaxInt64
	}

	mux := http.NewServeMux()
	api.mount(mux)
	fido.mount(mux)
	if err := s.mountPages(mux); err != nil {
		return nil, err
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		failure := &apiError{http.StatusNotFound, "not_found", "there is nothing at " + r.URL.Path}
		if strings.HasPrefix(r.URL.Path, "/fido/") {
			writeFIDOError(w, failure)
			return
		}
		writeAPIError(w, failure)
	})
	return mux, nil
}

func (s *Server) relatedOrigins(w http.ResponseWriter, _ *http.Request) error {
	origins := s.listedOrigins(s.cfg.relatedOrigins())
	if origins == nil {
		return &apiError{http.StatusNotFound, "not_found", "this relying party has no related origins"}
	}
	if s.faults.has("related-origins-text") {
		w.Header().Set("Content-Type", "text/plain")
	}
	return writeJSON(w, http.StatusOK, struct {
		Origins []string `json:"origins"`
	}{origins})
}

// passkeyEndpoints tells password managers where passkeys are added and managed (W3C passkey endpoints well-known).
func (s *Server) passkeyEndpoints(w http.ResponseWriter, _ *http.Request) error {
	page := s.cfg.Origins[0] + "/"
	return writeJSON(w, http.StatusOK, struct {
		Enroll string `json:"enroll"`
		Manage string `json:"manage"`
	}{page, page})
}

func health(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// now is the server's time in the precision that stores keep.
func (s *Server) now() time.Time { return s.cfg.Clock().UTC().Truncate(time.Millisecond) }

func (s *Server) randomBytes(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return nil, fmt.Errorf("random source: %w", err)
	}
	return b, nil
}

// randomToken returns n random bytes as unpadded base64url.
func (s *Server) randomToken(n int) (string, error) {
	b, err := s.randomBytes(n)
	return encode(b), err
}

// encode is the unpadded base64url of every binary member in WebAuthn's JSON (L3 §5.1.8).
func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
