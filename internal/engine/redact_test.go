package engine_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// echoing is a demo relying party that also says what it was sent, in ways that make secrets hard to find.
func echoing(t *testing.T) string {
	t.Helper()
	return demorptest.Start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var in struct{ K string }
			if strings.HasPrefix(r.URL.Path, "/echo/") {
				body, _ := io.ReadAll(r.Body)
				_ = json.Unmarshal(body, &in)
			}
			switch r.URL.Path {
			case "/echo/refused":
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, "bad key: %s", in.K)
			case "/echo/cut":
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, "%s %s", strings.Repeat("x", 118), in.K)
			case "/echo/long":
				fmt.Fprintf(w, "%s%s", strings.Repeat("x", 16<<10-20), in.K)
			case "/echo/token":
				fmt.Fprint(w, `{"token": "CANARY-late-token-0123456789"}`)
			case "/echo/cookies":
				for _, c := range []string{"view=request", "consent=true", "host=localhost", "origin=" + "http://" + r.Host} {
					w.Header().Add("Set-Cookie", c+"; Path=/")
				}
				fmt.Fprint(w, `{"ok": true, "n": 1}`)
			default:
				next.ServeHTTP(w, r)
			}
		})
	})
}

const pem = "-----BEGIN PRIVATE KEY-----\nCANARYpemline1aaaaaaaaaaaaaaaaaaaaaaaaaa\nCANARYpemline2bbbbbbbbbbbbbbbbbbbbbb\n-----END PRIVATE KEY-----\n"

const leaky = `passrig: 1
target: {adapter: passrig-demo}
accounts: {alice: {devices: {laptop: {}}}}
env: [PRIVATE_KEY, MY_SECRET, MY_PASSPHRASE, MY_PIN, SPINE]
params:
  login: {secret: true, default: {user: bob, pass: CANARY-in-a-mapping}}
  list: {secret: true, default: [CANARY-in-a-list, b]}
steps:
  - {request: {path: /echo/refused, json: {k: "${{ env.PRIVATE_KEY }}"}}, on-failure: continue}
  - {request: {path: /echo/cut, json: {k: "${{ env.MY_SECRET }}"}}, on-failure: continue}
  - {request: {path: /echo/cut, json: {k: "CANARY-late-token-0123456789 and what follows it, up to the cut"}}, on-failure: continue}
  - request: {path: /echo/long, json: {k: "${{ env.MY_SECRET }}"}}
    title: "long ${{ env.MY_SECRET }} ${{ env.SPINE }}"
  - request: {path: /echo/long, json: {k: "${{ params.login.pass }} ${{ params.list[0] }} ${{ env.MY_PASSPHRASE }}"}}
  - {request: {path: /echo/refused, json: {k: "${{ env.MY_PIN }}."}}, on-failure: continue}
  - request: {path: /echo/token, save: {token: {json: body.token, secret: true}}}
`

func TestSecretsDoNotShow(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"PRIVATE_KEY": pem, "MY_SECRET": "CANARY-" + strings.Repeat("0123456789", 20), "MY_PASSPHRASE": "CANARY phrase", "MY_PIN": "73519", "SPINE": "shown",
	}
	var shown []string
	result, err := engine.Run(t.Context(), engine.Config{
		Seed: 3, Clock: time.Now, ReadFile: os.ReadFile, Files: []*scenarios.File{load(t, leaky, echoing(t))},
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Events: engine.Events{
			StepStarted: func(title string) { shown = append(shown, title) },
			StepDone:    func(step report.Step) { shown = append(shown, fmt.Sprintf("%+v", step)) },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	// What only the last step made a secret has been told of before.
	told := strings.ReplaceAll(strings.Join(shown, "\n"), "CANARY-late", "")
	for _, in := range []string{string(text), told} {
		for _, secret := range []string{"CANARY", "73519"} {
			if at := strings.Index(in, secret); at >= 0 {
				t.Errorf("...%.200s", in[max(0, at-80):])
			}
		}
	}
	if len(result.Steps) != 7 || !strings.Contains(result.Steps[3].Title, "[redacted:MY_SECRET] shown") {
		t.Errorf("%d steps%s", len(result.Steps), explain(result))
	}
}

func TestTargetAndErrorsAreToldWithoutPasswords(t *testing.T) {
	t.Parallel()
	origin := echoing(t)
	host := strings.TrimPrefix(origin, "http://")
	run := func(text string) (target report.Target, err error) {
		cfg := engine.Config{
			Seed: 3, Clock: time.Now, ReadFile: os.ReadFile, Files: []*scenarios.File{load(t, text, origin)},
			LookupEnv: func(string) (string, bool) { return "CANARY-x", true },
			Events:    engine.Events{ScenarioStarted: func(s report.Scenario, _ int) { target = s.Target }},
		}
		_, err = engine.Run(t.Context(), cfg)
		return target, err
	}
	const head = "passrig: 1\naccounts: {alice: {devices: {laptop: {}}}}\nenv: [MY_SECRET]\nsteps: [wait: 1ms]\n"
	for _, password := range []string{"typed-in", "${{ env.MY_SECRET }}"} {
		target, err := run(head + fmt.Sprintf("target: {adapter: passrig-demo, base-url: \"http://u:%s@%s\"}\n", password, host))
		if want := "http://u:[redacted:password]@" + host; err != nil || target.BaseURL != want {
			t.Errorf("base URL %q, want %q (%v)", target.BaseURL, want, err)
		}
	}
	_, err := run(head + "target: {adapter: passrig-demo, base-url: \"no-url-${{ env.MY_SECRET }}\"}\n")
	if err == nil || strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), "[redacted:MY_SECRET]") {
		t.Errorf("got %v", err)
	}
}

func TestCookiesLeaveTheReportReadable(t *testing.T) {
	t.Parallel()
	origin := echoing(t)
	result := run(t, 5, load(t, `passrig: 1
target: {adapter: passrig-demo}
accounts: {alice: {devices: {laptop: {}}}}
steps:
  - request: {path: /echo/cookies, accept: "body.ok == true"}
thresholds: [request.total.p95 < 10s]
`, origin))
	text, err := json.Marshal(result.Steps[0].Exchanges[0].Response)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "localhost") || !strings.Contains(string(text), "view=[redacted:cookie]") || !strings.Contains(string(text), `\"ok\": true`) {
		t.Errorf("answer %s", text)
	}
	if _, ok := result.Metrics["request.total"]; !ok || result.Target.Origin != origin || result.Steps[0].Action != "request" {
		t.Errorf("metrics %v, target %v, action %s", result.Metrics, result.Target, result.Steps[0].Action)
	}
	if result.Thresholds[0].Text != "request.total.p95 < 10s" {
		t.Errorf("threshold %q", result.Thresholds[0].Text)
	}
}

func TestLongRepeatsAreTrimmed(t *testing.T) {
	t.Parallel()
	result := run(t, 5, load(t, `passrig: 1
target: {adapter: passrig-demo}
accounts: {alice: {devices: {laptop: {}}}}
steps:
  - register: {user: alice, on: laptop}
  - repeat:
      times: 25
      steps:
        - login: {user: alice, on: laptop}
        - {request: {path: /nowhere, accept: "loop.index < 22"}, on-failure: continue}
`, echoing(t)))
	notes, full := 0, 0
	for _, step := range result.Steps {
		notes += len(step.Notes)
		switch {
		case step.Action == "login" && step.Ceremony.CredentialID != "":
			full++
		case step.Action == "login" && (len(step.Exchanges) > 0 || len(step.Ceremony.Phases) == 0 || step.Ceremony.Kind == ""):
			t.Errorf("%s: %+v", step.ID, step)
		case step.Verdict != report.VerdictPass && len(step.Exchanges) == 0:
			t.Errorf("%s did not pass, and has lost its exchanges", step.ID)
		}
	}
	if full != 20 || notes != 1 || result.Summary.Failed != 3 || result.Metrics["login.total"].Count != 25 {
		t.Errorf("%d logins with everything, %d notes, %+v%s", full, notes, result.Summary, explain(result))
	}
}
