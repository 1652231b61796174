package demorp

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	defaultRPName       = "passrig demo"
	defaultChallengeTTL = 5 * time.Minute
	defaultSessionTTL   = 12 * time.Hour
	defaultMaxSessions  = 1 << 20
)

// enum lists the values of one WebAuthn enumeration, separated by spaces.
type enum string

const (
	userVerificationValues enum = "required preferred discouraged"
	residentKeyValues      enum = "required preferred discouraged"
	attestationValues      enum = "none indirect direct enterprise"
	attachmentValues       enum = "platform cross-platform"
	hintValues             enum = "security-key client-device hybrid"
	mediationValues        enum = "conditional"
)

// check reports a value that is not one of the enumeration's; name says where it was found.
func (e enum) check(name, value string) error {
	for allowed := range strings.FieldsSeq(string(e)) {
		if value == allowed {
			return nil
		}
	}
	return fmt.Errorf("%s %q: want one of %s", name, value, strings.ReplaceAll(string(e), " ", ", "))
}

// Config says what kind of relying party a [Server] is. Only Origins is required.
type Config struct {
	// RPID is the relying party id (WebAuthn L3 §4), a domain name. Default: the host of the first origin.
	RPID string
	// RPName is the name shown by clients. Default: "passrig demo".
	RPName string
	// Origins lists every origin answers are accepted from, as browsers serialize them: "http://localhost:8080",
	// "https://example.com", "android:apk-key-hash:…". The first one must be a web origin. A web origin outside the
	// RP ID's domain is a related origin (WebAuthn L3 §5.11) and gets listed at /.well-known/webauthn.
	Origins []string
	// Embedders lists the web origins whose pages may show /embed-me in a frame and have ceremonies done there
	// (WebAuthn L3 §5.10). Default: nobody embeds this relying party.
	Embedders []string
	// Store keeps users and passkeys. Default: a new in-memory store. The caller closes it.
	Store Store
	// Clock tells the time. Default: the system's clock.
	Clock func() time.Time
	// Random feeds challenges, session tokens, ids and the decoy key. Default: crypto/rand.
	Random io.Reader
	// Faults are the mistakes to make, by name; see [Faults]. Default: none.
	Faults []string
	// Logger hears why a ceremony was refused and about internal errors. Default: silence.
	Logger *slog.Logger
	// UserVerification is "required", "preferred" (default) or "discouraged". When it is "required", a request
	// cannot lower it.
	UserVerification string
	// ResidentKey is "required" (default), "preferred" or "discouraged".
	ResidentKey string
	// Attestation is "none" (default), "indirect", "direct" (default with AttestationRoots) or "enterprise".
	Attestation string
	// AttestationRoots are certificates, DER encoded. If there are any, every registration has to carry an attestation
	// statement with a certificate that leads to one of them. Default: attestation is verified but not required.
	AttestationRoots [][]byte
	// ChallengeTTL is how long an issued challenge can be answered, and the timeout told to clients. Default: 5 min.
	ChallengeTTL time.Duration
	// SessionTTL is how long a sign-in lasts. Default: 12 h.
	SessionTTL time.Duration
	// MaxSessions bounds memory, of about 500 bytes each, when visitors come faster than their sessions end; the oldest
	// make room. Default: 1048576.
	MaxSessions int
}

// withDefaults returns a copy with every unset field filled in.
func (c Config) withDefaults() (Config, error) {
	if len(c.Origins) == 0 {
		return c, errors.New("demo relying party: no origins configured")
	}
	if c.RPID == "" {
		first, err := url.Parse(c.Origins[0])
		if err != nil {
			return c, fmt.Errorf("demo relying party: origin %q: %w", c.Origins[0], err)
		}
		c.RPID = first.Hostname()
	}
	setDefault(&c.RPName, defaultRPName)
	setDefault(&c.UserVerification, "preferred")
	setDefault(&c.ResidentKey, "required")
	if len(c.AttestationRoots) > 0 {
		setDefault(&c.Attestation, "direct")
	}
	setDefault(&c.Attestation, "none")
	setDefault(&c.ChallengeTTL, defaultChallengeTTL)
	setDefault(&c.SessionTTL, defaultSessionTTL)
	setDefault(&c.MaxSessions, defaultMaxSessions)
	if c.Store == nil {
		c.Store = NewMemoryStore()
	}
	if c.Clock == nil {
		c.Clock = time.Now //nolint:forbidigo // the one real clock
	}
	if c.Random == nil {
		c.Random = rand.Reader
	} else {
		c.Random = &lockedReader{r: c.Random}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// validate reports every mistake in a configuration with its defaults filled in.
func (c Config) validate() error {
	errs := []error{
		userVerificationValues.check("user verification", c.UserVerification),
		residentKeyValues.check("resident key", c.ResidentKey),
		attestationValues.check("attestation", c.Attestation),
	}
	if err := validateRPID(c.RPID); err != nil {
		errs = append(errs, err)
	}
	for i, origin := range c.Origins {
		if err := validateOrigin(origin, i == 0); err != nil {
			errs = append(errs, err)
		}
	}
	for _, origin := range c.Embedders {
		if err := validateOrigin(origin, true); err != nil {
			errs = append(errs, fmt.Errorf("embedder: %w", err))
		}
	}
	if c.ChallengeTTL < 0 || c.SessionTTL < 0 {
		errs = append(errs, errors.New("challenge and session lifetimes must be positive"))
	}
	if c.MaxSessions < 0 {
		errs = append(errs, fmt.Errorf("most sessions %d: must be positive", c.MaxSessions))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("demo relying party: %w", err)
	}
	return nil
}

// relatedOrigins returns the configured web origins when at least one of them is outside the RP ID's domain, and
// nothing otherwise: the document is only meaningful then (WebAuthn L3 §5.11).
func (c Config) relatedOrigins() []string {
	var web []string
	related := false
	for _, origin := range c.Origins {
		u, ok := parseWebOrigin(origin)
		if !ok {
			continue
		}
		web = append(web, origin)
		if host := u.Hostname(); host != c.RPID && !strings.HasSuffix(host, "."+c.RPID) {
			related = true
		}
	}
	if !related {
		return nil
	}
	return web
}

func validateRPID(id string) error {
	switch {
	case id == "" || id != strings.ToLower(id) || strings.ContainsAny(id, "/:@?# "):
		return fmt.Errorf("rp id %q: want a lower case domain name without scheme or port", id)
	case net.ParseIP(id) != nil:
		return fmt.Errorf("rp id %q: an IP address cannot be one, want a domain name such as \"localhost\"", id)
	}
	return nil
}

// validateOrigin insists on the browser's own serialization, since origins are compared byte for byte.
func validateOrigin(origin string, mustBeWeb bool) error {
	u, ok := parseWebOrigin(origin)
	if !ok {
		if mustBeWeb || origin == "" || origin == "null" {
			return fmt.Errorf("origin %q: want an http or https origin", origin)
		}
		return nil
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); (u.Scheme == "http" && port == "80") || (u.Scheme == "https" && port == "443") {
		host = strings.TrimSuffix(host, ":"+port)
	}
	if want := u.Scheme + "://" + host; want != origin {
		return fmt.Errorf("origin %q: want %q", origin, want)
	}
	return nil
}

func parseWebOrigin(origin string) (*url.URL, bool) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, false
	}
	return u, true
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// lockedReader lets handlers share a random source that was not made for concurrent use.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return io.ReadFull(l.r, p)
}
