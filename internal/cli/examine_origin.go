package cli

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

const (
	lookTimeout     = 10 * time.Second
	skewLimit       = 30 * time.Second
	certificateSoon = 14 * 24 * time.Hour
	relatedPath     = "/.well-known/webauthn"
	wellKnownLimit  = 256 << 10 // bytes
)

// originAllowed asks a device whether a page of the origin may use WebAuthn, and with which RP ID.
func (o *doctorOptions) originAllowed(ctx context.Context) examination {
	u, err := url.Parse(o.origin)
	if err != nil {
		return failing("such as https://login.example.test", "%q is not an origin", o.origin)
	}
	rpID, from := u.Hostname(), "the origin's host"
	if id := o.adapterRPID(); id != "" {
		rpID, from = id, "of the adapter"
	}
	device, err := virtual.NewSoftwareDevice(virtual.Config{Clock: o.env.Now})
	if err != nil {
		return failing("", "no authenticator: %v", err)
	}
	options, err := json.Marshal(map[string]any{
		"rp": map[string]string{"id": rpID, "name": "doctor"}, "challenge": "AAAAAAAAAAAAAAAAAAAAAA", "pubKeyCredParams": []any{},
		"user": map[string]string{"id": "AA", "name": "doctor", "displayName": "doctor"},
	})
	if err != nil {
		return failing("", "%v", err)
	}
	if _, err = device.Create(ctx, virtual.CreateRequest{Origin: o.origin, Options: options}); err != nil {
		fix := "passrig explain SecurityError"
		if ip := u.Hostname(); loopback(ip) && ip != "localhost" {
			fix = "use " + strings.Replace(o.origin, u.Hostname(), "localhost", 1)
		}
		return failing(fix, "browsers would refuse: %v", err)
	}
	return healthy("may use passkeys, with RP ID %s (%s)", rpID, from)
}

// adapterRPID is the RP ID that the adapter states, if it does.
func (o *doctorOptions) adapterRPID() string {
	if o.adapter == "" {
		return ""
	}
	adapter, err := scenarios.LoadAdapter(o.adapter, scenarios.Options{ReadFile: o.env.readFile, Partial: true})
	if err != nil {
		return "" // said by another line
	}
	id, err := adapter.RPID.String(scenarios.Env{"target": map[string]any{"origin": o.origin}})
	if err != nil {
		return "" // it depends on what only a run knows
	}
	return id
}

// sight is what an answer looked like.
type sight struct {
	code        int
	status      string // "200 OK"
	header      http.Header
	body        []byte            // its beginning
	certificate *x509.Certificate // nil without TLS
}

// look sends a GET request and follows no redirects.
func (o *doctorOptions) look(ctx context.Context, path string) (*sight, error) {
	client := &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableKeepAlives: true}, Timeout: lookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.origin+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	seen := &sight{code: resp.StatusCode, status: resp.Status, header: resp.Header}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		seen.certificate = resp.TLS.PeerCertificates[0]
	}
	seen.body, err = io.ReadAll(io.LimitReader(resp.Body, wellKnownLimit))
	return seen, err
}

// connection looks at whether the relying party answers, at its certificate, at its clock, and at
// whom it shares its RP ID with.
func (o *doctorOptions) connection(ctx context.Context) []examination {
	begin := o.env.Now()
	seen, err := o.look(ctx, "/")
	if err != nil {
		return []examination{unreachable(err)}
	}
	took := o.env.Now().Sub(begin)
	list := []examination{healthy("GET / answered %s in %s", seen.status, took.Round(100*time.Microsecond))}
	if seen.code >= http.StatusInternalServerError {
		list[0] = worrying("its log should say why", "GET / answered %s", seen.status)
	}
	if seen.certificate != nil {
		list = append(list, o.certificate(seen.certificate))
	}
	return append(list, clock(seen.header.Get("Date"), begin.Add(took/2)), o.relatedOrigins(ctx))
}

func unreachable(err error) examination {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	cause := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		cause = u.Err
	}
	switch {
	case errors.As(err, &unknown):
		return failing("SSL_CERT_FILE=authority.pem for this command, target.ca in a scenario", "%v", cause)
	case errors.As(err, &invalid), errors.As(err, &wrongName):
		return failing("renew the certificate, or use the name that is in it", "%v", cause)
	case errors.Is(err, syscall.ECONNREFUSED):
		return failing("start the relying party, or correct the address", "nothing listens there")
	}
	return failing("check that the relying party runs, the address, and the network between", "%v", cause)
}

func (o *doctorOptions) certificate(cert *x509.Certificate) examination {
	e := healthy("valid until %s", cert.NotAfter.UTC().Format(time.DateOnly))
	if left := cert.NotAfter.Sub(o.env.Now()); left < certificateSoon {
		e = worrying("renew it", "valid for %s more", left.Round(time.Hour))
	}
	e.Name = "certificate"
	return e
}

// clock compares the Date header, which has whole seconds, with the middle of the exchange.
func clock(date string, middle time.Time) examination {
	e := worrying("", "the answer has no usable Date header, so the clocks cannot be compared")
	if theirs, err := http.ParseTime(date); err == nil {
		skew := middle.Sub(theirs).Round(time.Second)
		direction := "behind"
		if skew < 0 {
			skew, direction = -skew, "ahead"
		}
		e = healthy("the relying party's clock agrees")
		if skew > skewLimit {
			e = worrying("set both clocks: cookies, challenges and tokens expire by them", "the relying party's clock is %s %s", skew, direction)
		}
	}
	e.Name = "clock"
	return e
}

// relatedOrigins reads the document by which other origins may use the RP ID (WebAuthn L3 §5.11).
func (o *doctorOptions) relatedOrigins(ctx context.Context) examination {
	e := o.wellKnown(ctx)
	e.Name = "related origins"
	return e
}

func (o *doctorOptions) wellKnown(ctx context.Context) examination {
	seen, err := o.look(ctx, relatedPath)
	switch {
	case err != nil:
		return worrying("", "%s could not be read", relatedPath)
	case seen.code == http.StatusNotFound:
		return healthy("no %s: only origins under the RP ID may use it", relatedPath)
	case seen.code != http.StatusOK:
		return worrying("answer 404, or 200 with JSON", "%s answered %s", relatedPath, seen.status)
	}
	var document struct {
		Origins []string `json:"origins"`
	}
	if kind := seen.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		return worrying("browsers want application/json; a page for unknown paths does no harm", "%s is %q", relatedPath, kind)
	}
	if err := json.Unmarshal(seen.body, &document); err != nil || document.Origins == nil {
		return worrying(`it must look like {"origins": ["https://example.test"]}`, "%s is not such a document", relatedPath)
	}
	return healthy("%s names %s", relatedPath, strings.Join(document.Origins, ", "))
}
