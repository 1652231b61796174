package browser_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// withoutAPI is an adapter of the demo relying party that has pages only, those of the built-in one.
func withoutAPI(t *testing.T, user string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "scenarios", "adapters", "passrig-demo.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	operations := regexp.MustCompile(`(?ms)^  [a-z-]+:\n.*?(?:\n\n|\z)`).FindAllString(string(data[strings.Index(string(data), "\noperations:\n"):]), -1)
	var b strings.Builder
	b.WriteString("passrig-adapter: 1\nname: pages\nidentity: ${{ user.displayName }}\noperations:\n")
	for _, op := range operations {
		name, _, _ := strings.Cut(op, "\n")
		page := strings.Index(op, "    page:\n")
		if page < 0 || strings.Contains(op, "entry.id") {
			continue
		}
		b.WriteString(name + "\n" + op[page:])
	}
	fmt.Fprintf(&b, `  whoami:
    page:
      steps: [goto: /?autofill=off]
      accept: text=Signed in as
      reject: role=button[name="Sign in with a passkey"]
%s`, user)
	return b.String()
}

func playPages(t *testing.T, adapter, steps, origin string) *report.Run {
	t.Helper()
	file, err := scenarios.Load("test.yaml", scenarios.Options{
		Adapter: "pages.yaml", Origin: origin,
		ReadFile: func(name string) ([]byte, error) {
			if strings.HasSuffix(name, "pages.yaml") {
				return []byte(adapter), nil
			}
			return []byte("passrig: 1\naccounts: {alice: {devices: {laptop: {}}}, bob: {devices: {tablet: {}}}}\nsteps:\n" + steps), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return drive(t, chrome(t, 5*time.Second), file)
}

// Without any API, the page tells who is signed in, or at least that somebody is.
func TestWhoamiOnThePage(t *testing.T) {
	t.Parallel()
	const steps = `
  - register: {user: alice, on: laptop}
    expect: {user: alice}
  - login: {user: alice, on: laptop, tamper: [signature-flip]}
    expect: {outcome: rejected, user: nobody}
  - login: {user: alice, on: laptop}
    expect: {user: alice}
  - login-discoverable: {on: laptop}
  - whoami: {user: alice, on: laptop}
    expect: {that: ['result.user == "%s"']}
  - logout: {user: alice, on: laptop}
    expect: {user: nobody}
  - whoami: {user: alice, on: laptop}
    expect: {user: nobody}
`
	for name, test := range map[string]struct {
		user, seen string
		notes      int
	}{
		"by name": {"      user: \"#who\"\n", "alice", 0},
		"at all":  {"", "somebody", 5}, // after sign-up, registration and two logins, and whoami
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := playPages(t, withoutAPI(t, test.user), fmt.Sprintf(steps, test.seen), demorptest.Start(t, nil))
			notes := 0
			for _, s := range run.Steps {
				if s.Verdict != report.VerdictPass {
					t.Errorf("%s: %s %s", s.Title, s.Verdict, s.Message)
				}
				notes += strings.Count(strings.Join(s.Notes, "\n"), "who is signed in "+report.NotVerified)
			}
			if notes != test.notes {
				t.Errorf("%d notes that it was not verified, want %d", notes, test.notes)
			}
		})
	}
}

// What a page without names cannot tell is neither a pass nor a failure; what it does tell is believed.
func TestWhatAPageWithoutNamesTells(t *testing.T) {
	t.Parallel()
	const setUp = "  - register: {user: alice, on: laptop}\n"
	for name, test := range map[string]struct {
		step, message string
		verdict       report.Verdict
	}{
		"somebody else": {"  - whoami: {user: alice, on: laptop}\n    expect: {user: bob}\n", "could not be told", report.VerdictError},
		"nobody":        {"  - whoami: {user: alice, on: laptop}\n    expect: {user: nobody}\n", "somebody else is signed in", report.VerdictFail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := last(playPages(t, withoutAPI(t, ""), setUp+test.step, demorptest.Start(t, nil)))
			if step.Verdict != test.verdict || !strings.Contains(step.Message, test.message) {
				t.Errorf("%s %q", step.Verdict, step.Message)
			}
		})
	}
}

// A relying party that says no and signs in all the same is caught by its page, too.
func TestAPageThatSignsInAfterItsNo(t *testing.T) {
	t.Parallel()
	origin := demorptest.Start(t, func(inner http.Handler) http.Handler {
		var cookie *http.Cookie
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := r.Cookie("passrig_session"); err == nil && r.URL.Path == "/api/register/result" {
				cookie = c
			}
			if r.URL.Path == "/api/login/result" && cookie != nil {
				w.Header().Set("Set-Cookie", cookie.Name+"="+cookie.Value+"; Path=/")
			}
			inner.ServeHTTP(w, r)
		})
	})
	const steps = "  - register: {user: alice, on: laptop}\n  - login: {user: alice, on: laptop, tamper: [signature-flip]}\n    expect: {outcome: rejected}\n"
	step := last(playPages(t, withoutAPI(t, ""), steps, origin))
	if step.Verdict != report.VerdictFail || !strings.Contains(step.Message, "yet the session is signed in") || step.Actual != "whoami says somebody" {
		t.Errorf("%s %q, actual %q", step.Verdict, step.Message, step.Actual)
	}
}
