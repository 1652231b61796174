package checks

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/report"
)

// isBomb reports whether a registration claims to have 2^63-1 of something. The body can be read again.
func isBomb(r *http.Request) bool {
	if r.URL.Path != "/api/register/result" {
		return false
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var in struct {
		Credential struct {
			Response struct {
				AttestationObject webauthn.Base64URL `json:"attestationObject"`
			} `json:"response"`
		} `json:"credential"`
	}
	return json.Unmarshal(body, &in) == nil && bytes.Contains(in.Credential.Response.AttestationObject, []byte("\x7f\xff\xff\xff\xff\xff\xff\xff"))
}

func bombed(t *testing.T, wrap func(http.Handler) http.Handler) report.Check {
	t.Helper()
	for _, r := range around(t, "", wrap) {
		if r.ID == "reg-attobj-bomb" {
			return r
		}
	}
	t.Fatal("the check was not performed")
	return report.Check{}
}

func TestBombThatTakesLoginsDown(t *testing.T) {
	var down atomic.Bool
	got := bombed(t, func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if down.Load() && r.URL.Path == "/api/login/result" {
				answering(http.StatusBadGateway, "")(inner).ServeHTTP(w, r)
				return
			}
			if isBomb(r) {
				down.Store(true)
			}
			inner.ServeHTTP(w, r)
		})
	})
	if got.Verdict != report.VerdictFail || !strings.Contains(got.Actual, "a legal login right after it") {
		t.Errorf("%s: %s", got.Verdict, got.Actual)
	}
}

func TestBombThatIsReadSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := bombed(t, func(inner http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if isBomb(r) {
					time.Sleep(slowMS*time.Millisecond + time.Second) // on the bubble's clock
				}
				inner.ServeHTTP(w, r)
			})
		})
		if got.Verdict != report.VerdictFail || !strings.Contains(got.Actual, "11 s to answer") {
			t.Errorf("%s: %s", got.Verdict, got.Actual)
		}
	})
}
