package rp_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/rp"
)

func copyBody(w io.Writer, r *http.Request) (int64, error) { return io.Copy(w, r.Body) }

const twoSteps = head + "  login:\n    steps:\n      - {path: /o, options: body, redirects: follow}\n      - {path: /r, credential: {}}\n"

// Every way in which a relying party can fail to answer has its own kind and says where and what.
func TestFaults(t *testing.T) {
	t.Parallel()
	old := time.Now().Add(-3 * time.Hour)
	tests := map[string]struct {
		handler http.HandlerFunc
		kind    rp.FaultKind
		says    []string
	}{
		"hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, rp.FaultTimeout, []string{"GET http://", "/o", "in time"}},
		"closes mid-body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"challenge":`))
			panic(http.ErrAbortHandler)
		}, rp.FaultClosed, []string{"closed before the answer was complete"}},
		"answers HTML": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<h1>Sign in</h1>"))
		}, rp.FaultNotJSON, []string{"200 with text/html where JSON was expected", "<h1>Sign in</h1>"}},
		"answers 10 MB": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat("x", 10<<20)))
		}, rp.FaultTooLarge, []string{"more than 4 MiB"}},
		"redirects for ever": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/o", http.StatusFound) }, rp.FaultRedirects, []string{"more than 10 redirects", "/o"}},
		"no challenge": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"rpId":"localhost","timeout":1}`))
		}, rp.FaultNoOptions, []string{"without a challenge", "rpId, timeout"}},
		"challenge in another alphabet": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"challenge":"a+/="}`))
		}, rp.FaultNoOptions, []string{"challenge", "not base64url"}},
		"a list for options": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`[1]`))
		}, rp.FaultNoOptions, []string{"holds no ceremony options"}},
		"a cookie that expired by skew": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", old.UTC().Format(http.TimeFormat))
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "x", Expires: old.Add(time.Hour)})
			_, _ = w.Write([]byte(`{"challenge":"AAAA"}`))
		}, rp.FaultClock, []string{`cookie "sid"`, "3h0m", "behind"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := party(t, twoSteps, test.handler)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			expectFault(t, p.Do(ctx, "login", p.NewSession(), rp.Input{Authenticate: standardCredential}), test.kind, test.says...)
		})
	}
}

func standardCredential(context.Context, rp.Ceremony) (json.RawMessage, error) {
	return json.RawMessage(standard), nil
}

func expectFault(t *testing.T, r *rp.Result, kind rp.FaultKind, says ...string) {
	t.Helper()
	if r.Outcome != rp.OutcomeError || r.Fault == nil || r.Fault.Kind != kind {
		t.Fatalf("outcome %s, fault %+v; want kind %s", r.Outcome, r.Fault, kind)
	}
	for _, s := range says {
		if !strings.Contains(r.Fault.Sentence, s) {
			t.Errorf("sentence %q does not say %q", r.Fault.Sentence, s)
		}
	}
	if len(r.Exchanges) == 0 {
		t.Error("the exchange that failed is not recorded")
	}
}

func TestFaultsWithoutServer(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	// A port that was free a moment ago has no listener.
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		origin string
		kind   rp.FaultKind
		says   string
	}{
		"down":                {"http://" + closed, rp.FaultUnreachable, "nothing listens there"},
		"TLS spoken to HTTP":  {strings.Replace(plain.URL, "http:", "https:", 1), rp.FaultTLS, "plain HTTP"},
		"unknown certificate": {secure.URL, rp.FaultTLS, "certificate is not valid"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := partyAt(t, twoSteps, test.origin)
			expectFault(t, p.Do(t.Context(), "login", p.NewSession(), rp.Input{Authenticate: standardCredential}), test.kind, test.says)
		})
	}
}

func TestInterruptedIsNotATimeout(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p := party(t, twoSteps, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	expectFault(t, p.Do(ctx, "login", p.NewSession(), rp.Input{}), rp.FaultInterrupted, "interrupted")
}

func TestMissingCookie(t *testing.T) {
	t.Parallel()
	p := party(t, head+"  login:\n    steps:\n      - {path: /o, save: {sid: {cookie: sid}}, options: body}\n      - {path: /r, credential: {}}\n",
		func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "other", Value: "x"})
			_, _ = w.Write([]byte(`{"challenge":"AAAA"}`))
		})
	r := p.Do(t.Context(), "login", p.NewSession(), rp.Input{Authenticate: standardCredential})
	expectFault(t, r, rp.FaultMissing, `set no cookie "sid"`)
	if !strings.Contains(r.Fault.Hint, "other") {
		t.Errorf("hint %q does not name the cookies that were set", r.Fault.Hint)
	}
}

func TestRedirectsKeepAndFollow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		redirects string
		want      rp.Outcome
		exchanges int
	}{{"follow", rp.OutcomeAccepted, 2}, {"keep", rp.OutcomeError, 1}} {
		t.Run(test.redirects, func(t *testing.T) {
			t.Parallel()
			p := party(t, head+"  logout:\n    steps:\n      - {method: POST, path: /a, form: {x: y}, redirects: "+test.redirects+"}\n",
				func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/a" {
						http.Redirect(w, r, "/b", http.StatusSeeOther)
						return
					}
					if r.Method != http.MethodGet || r.ContentLength > 0 || r.Header.Get("Content-Type") != "" {
						t.Errorf("after a 303 came %s with %d bytes of %s", r.Method, r.ContentLength, r.Header.Get("Content-Type"))
					}
				})
			r := p.Do(t.Context(), "logout", p.NewSession(), rp.Input{})
			if r.Outcome != test.want || len(r.Exchanges) != test.exchanges {
				t.Errorf("outcome %s with %d exchanges, want %s with %d: %s", r.Outcome, len(r.Exchanges), test.want, test.exchanges, r.Reason)
			}
		})
	}
}

func TestRedirectsToStrangersCarryNothing(t *testing.T) {
	t.Parallel()
	type seen struct{ method, key, cookie string }
	var there seen
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		there = seen{r.Method, r.Header.Get("X-API-Key"), r.Header.Get("Cookie")}
	}))
	t.Cleanup(stranger.Close)
	p := party(t, head+"  logout:\n    steps:\n      - {path: /cookie}\n      - {method: DELETE, path: /a, headers: {X-API-Key: canary}, redirects: follow}\n",
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/cookie" {
				http.SetCookie(w, &http.Cookie{Name: "sid", Value: "x", Path: "/a"})
				return
			}
			http.Redirect(w, r, strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1)+"/b", http.StatusFound)
		})
	if r := p.Do(t.Context(), "logout", p.NewSession(), rp.Input{}); r.Outcome != rp.OutcomeAccepted {
		t.Fatalf("outcome %s: %s", r.Outcome, r.Reason)
	}
	// A 302 changes only POST to GET (Fetch §4.4).
	if want := (seen{method: http.MethodDelete}); there != want {
		t.Errorf("the stranger saw %+v, want %+v", there, want)
	}
}

// What the adapter does on the page only cannot be done by requests.
func TestPageOnlyOperation(t *testing.T) {
	t.Parallel()
	p := party(t, head+"  logout:\n    page: {steps: [goto: /], accept: text=Bye}\n", func(http.ResponseWriter, *http.Request) {
		t.Error("a request was sent")
	})
	r := p.Do(t.Context(), "logout", p.NewSession(), rp.Input{})
	if r.Outcome != rp.OutcomeError || r.Fault.Kind != rp.FaultAdapter || !strings.Contains(r.Reason, `"logout" on its page only`) {
		t.Errorf("outcome %s: %s", r.Outcome, r.Reason)
	} else if !strings.Contains(r.Fault.Hint, "--driver browser") {
		t.Errorf("hint %q", r.Fault.Hint)
	}
}
