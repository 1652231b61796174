package engine_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
)

const tamperSetUp = "passrig: 1\nparams: {site: {default: \"https://evil.example\"}}\naccounts: {alice: {devices: {laptop: {authenticator: {algorithms: [ES256]}}}}}\nsteps:\n"

// A response with one thing wrong is refused, and the report shows what was sent and what was changed.
func TestTamperedResponses(t *testing.T) {
	t.Parallel()
	const register = "  - register: {user: alice, on: laptop}\n"
	for name, test := range map[string]struct {
		steps, note, shown string
	}{
		"origin":       {register + "  - login: {user: alice, on: laptop, tamper: [{clientdata-origin: \"${{ params.site }}\"}]}\n", `clientdata-origin "https://evil.example"`, "https://evil.example"},
		"signature":    {register + "  - login: {user: alice, on: laptop, discoverable: true, tamper: [signature-flip]}\n", "signature-flip", ""},
		"two changes":  {register + "  - login-discoverable: {on: laptop, tamper: [clientdata-type: swap, signature-flip]}\n", `clientdata-type "swap", signature-flip`, "webauthn.create"},
		"garbage":      {register + "  - login: {user: alice, on: laptop, tamper: [envelope-set: {response.clientDataJSON: 7}]}\n", `envelope-set {"response.clientDataJSON":7}`, ""},
		"registration": {"  - register: {user: alice, on: laptop, tamper: [clientdata-challenge: flip, key-off-curve]}\n", `clientdata-challenge "flip", key-off-curve`, "webauthn.create"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := run(t, 1, load(t, tamperSetUp+test.steps+"    expect: {outcome: rejected, user: "+after(name)+"}\n", demorptest.Start(t, nil)))
			expectLast(t, result, report.VerdictPass, "")
			step := result.Steps[len(result.Steps)-1]
			if want := "the response was changed before it was sent: " + test.note; len(step.Notes) != 1 || step.Notes[0] != want {
				t.Errorf("notes %q, want %q", step.Notes, want)
			}
			shown, _ := step.Ceremony.ClientData.(map[string]any)
			if origin, kind := shown["origin"], shown["type"]; test.shown != "" && origin != test.shown && kind != test.shown {
				t.Errorf("shown client data %v, want one with %s", shown, test.shown)
			}
			if step.Ceremony.Response == nil {
				t.Error("the report does not show what was sent")
			}
			if !strings.Contains(step.Title, strings.Fields(test.note)[0]) {
				t.Errorf("title %q", step.Title)
			}
		})
	}
}

// after is who is signed in after the last step: a registration needs a session.
func after(name string) string {
	if name == "registration" {
		return "alice"
	}
	return "nobody"
}

// A relying party that takes a changed response is caught by the author's expectation.
func TestATamperedLoginThatIsAccepted(t *testing.T) {
	t.Parallel()
	const steps = "  - register: {user: alice, on: laptop}\n  - login: {user: alice, on: laptop, tamper: [signature-flip]}\n    expect: {outcome: rejected}\n"
	var gullible http.Handler
	origin := serve(t, func(w http.ResponseWriter, r *http.Request) { gullible.ServeHTTP(w, r) })
	party, err := demorp.New(demorp.Config{Origins: []string{origin}, Faults: []string{"signature-unchecked"}})
	if err != nil {
		t.Fatal(err)
	}
	gullible = party.Handler()
	expectLast(t, run(t, 1, load(t, tamperSetUp+steps, origin)), report.VerdictFail, "where a no was expected")
}

// An accepted registration leaves the device with what was sent: a legal login with it works.
func TestATamperedRegistrationThatIsAccepted(t *testing.T) {
	t.Parallel()
	const steps = `  - id: odd
    register: {user: alice, on: laptop, tamper: [credential-id: AAECAwQFBgcICQoLDA0ODxAREhM, key-algorithm: EdDSA]}
  - passkeys: laptop
    expect: {count: 1, that: ['result.entries[0].id == "AAECAwQFBgcICQoLDA0ODxAREhM"', 'result.entries[0].raw.algorithm == -8']}
  - login: {user: alice, on: laptop, credential: odd}
    expect: {that: ['result.credential == "AAECAwQFBgcICQoLDA0ODxAREhM"']}
  - delete: {user: alice, credential: odd}
  - list: {user: alice}
    expect: {count: 0}
`
	result := run(t, 1, load(t, tamperSetUp+steps, demorptest.Start(t, nil)))
	if result.Verdict() != report.VerdictPass {
		t.Error(explain(result))
	}
}

// What never was sent tells nothing, whatever the relying party says.
func TestTamperingThatDidNotHappen(t *testing.T) {
	t.Parallel()
	const register = "  - register: {user: alice, on: laptop}\n"
	noOptions := func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login/options" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			inner.ServeHTTP(w, r)
		})
	}
	for name, test := range map[string]struct {
		around         func(http.Handler) http.Handler
		steps, message string
	}{
		"no options":          {noOptions, register + "  - login: {user: alice, on: laptop, tamper: [signature-flip]}\n    expect: {outcome: rejected}\n", "no changed response was sent, and yet"},
		"a deleted passkey":   {nil, register + "  - delete: {user: alice, credential: laptop}\n  - login: {user: alice, on: laptop, tamper: [signature-flip]}\n    expect: {outcome: rejected}\n", "no changed response was sent, and yet"},
		"no room":             {nil, register + "  - login: {user: alice, on: laptop, tamper: [signature-algorithm: RS256]}\n    expect: {outcome: refused}\n", "the response could not be changed"},
		"a value that is not": {nil, register + "  - login: {user: alice, on: laptop, tamper: [{authdata-truncate: \"${{ params.site }}\"}]}\n    expect: {outcome: rejected}\n", `change "authdata-truncate": "https://evil.example" does not fit`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectLast(t, run(t, 1, load(t, tamperSetUp+test.steps, demorptest.Start(t, test.around))), report.VerdictError, test.message)
		})
	}
}

// A client that refuses by itself has refused, tampering or not.
func TestARefusalIsNotTamperedWith(t *testing.T) {
	t.Parallel()
	const steps = "  - register: {user: alice, on: laptop}\n  - register: {user: alice, on: laptop, tamper: [clientdata-bom]}\n    expect: {error: InvalidStateError}\n"
	expectLast(t, run(t, 1, load(t, tamperSetUp+steps, demorptest.Start(t, nil))), report.VerdictPass, "")
}

// Over requests alone, a whoami on the page is no whoami.
func TestWhoamiOnThePageOnly(t *testing.T) {
	t.Parallel()
	const adapter = `  signup: {steps: [{path: /join}]}
  whoami: {page: {steps: [{goto: /}], accept: text=Hello, reject: text=Bye}}
`
	origin := serve(t, func(http.ResponseWriter, *http.Request) {})
	result := run(t, 1, loadWith(t, adapter, "  - signup: {user: alice}\n", origin))
	expectLast(t, result, report.VerdictPass, "")
	if notes := strings.Join(result.Steps[0].Notes, "\n"); !strings.Contains(notes, "was not verified: the adapter does whoami on its page only") {
		t.Errorf("notes %q", notes)
	}
}
