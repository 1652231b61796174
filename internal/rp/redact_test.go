package rp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// secretive is a relying party whose secrets a redactor learns.
func secretive(t *testing.T, adapter string, redactor *report.Redactor, handler http.HandlerFunc) *rp.Party {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	a, err := scenarios.LoadAdapter("test.yaml", scenarios.Options{ReadFile: func(string) ([]byte, error) { return []byte(adapter), nil }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := rp.New(rp.Target{
		Adapter: a, Origin: server.URL, HTTP: server.Client().Transport, Clock: time.Now, Redact: redactor.Text, Learn: redactor.AddValue,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What is cut or put on one line for a sentence would hide a secret from a redactor that comes later.
func TestKnownSecretsGoBeforeTextIsCut(t *testing.T) {
	t.Parallel()
	const secret = "a first line\n\ta second line, which is long enough to be cut somewhere"
	tests := map[string]struct {
		body, want string
	}{
		"folded":             {"no: " + secret, "400 Bad Request: no: [redacted:key]"},
		"cut":                {strings.Repeat("x", 150) + secret, "400 Bad Request: " + strings.Repeat("x", 150) + "[redacted:…"},
		"neither":            {"no: plain", "400 Bad Request: no: plain"},
		"longer than a body": {strings.Repeat(" ", 40<<10) + secret, "400 Bad Request: [redacted:key]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redactor := report.NewRedactor()
			redactor.Add("key", secret)
			p := secretive(t, head+"  logout:\n    steps: [path: /who]\n", redactor, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(test.body))
			})
			r := p.Do(t.Context(), "logout", p.NewSession(), rp.Input{})
			if r.Outcome != rp.OutcomeRejected || !strings.HasSuffix(r.Reason, test.want) {
				t.Errorf("%s: %s", r.Outcome, r.Reason)
			}
		})
	}
}

func TestLongBodiesAreRedactedAndCut(t *testing.T) {
	t.Parallel()
	redactor := report.NewRedactor()
	p := secretive(t, head+"  logout:\n    steps: [path: /who]\n", redactor, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "sid=a-cookie-of-its-own")
		_, _ = w.Write([]byte(strings.Repeat("é", 8<<10-9) + "a-cookie-of-its-own and more"))
	})
	r := p.Do(t.Context(), "logout", p.NewSession(), rp.Input{})
	answer := r.Exchanges[0].Response
	if want := "é[redacted:cookie-s…"; !answer.Truncated || !strings.HasSuffix(answer.Body, want) {
		t.Errorf("truncated %v, ends in %q", answer.Truncated, answer.Body[len(answer.Body)-40:])
	}
}

func TestSessionsTellTheirSecrets(t *testing.T) {
	t.Parallel()
	redactor := report.NewRedactor()
	p := secretive(t, head+"  logout:\n    steps:\n      - {path: /who, save: {all: {json: body, secret: true}}}\n", redactor,
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Set-Cookie", "view=request")
			w.Header().Add("Set-Cookie", "sid=0123456789")
			_, _ = w.Write([]byte(`{"token": "t0ken", "inside": [481516]}`))
		})
	p.Do(t.Context(), "logout", p.NewSession(), rp.Input{})
	got := redactor.Text("request 0123456789 t0ken 481516")
	if diff := cmp.Diff("request [redacted:cookie-sid] [redacted:all] [redacted:all]", got); diff != "" {
		t.Error(diff)
	}
}
