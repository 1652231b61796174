package journey_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/load/journey"
	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// What an answer is counted as: as the adapter says, except that a login that is put off is no decision.
func TestClasses(t *testing.T) {
	t.Parallel()
	const options, result = "GET /generate-authentication-options", "POST /verify-authentication"
	get := plays()["simplewebauthn"][options]
	tests := map[string]struct {
		path, answer string
		expect       string // of the step; empty: accepted
		want         ledger.Class
		expected     bool
		example      string // a part of it
	}{
		"yes":                      {result, "\n" + `{"verified":true}`, "", ledger.Accepted, true, ""},
		"no":                       {result, "\n" + `{"verified":false}`, "", ledger.Rejected, false, "answered 200 OK"},
		"no as expected":           {result, "\n" + `{"verified":false}`, "{outcome: rejected}", ledger.Rejected, true, ""},
		"another status":           {result, "\n" + `{"verified":false}`, "{outcome: rejected, status: 400}", ledger.Rejected, false, "answered 200 OK"},
		"yes, unexpectedly":        {result, "\n" + `{"verified":true}`, "{outcome: rejected}", ledger.Accepted, false, "answered 200 OK"},
		"neither":                  {result, "\n" + `{"token":"s3cret"}`, "", ledger.Unexpected, false, "answered 200 OK"},
		"throttled":                {result, "Status: 429\n\nslow down", "{outcome: rejected}", ledger.Throttled, false, "slow down"},
		"throttled options":        {options, "Status: 429\n\n", "{outcome: rejected}", ledger.Throttled, false, "429"},
		"put off":                  {result, "Status: 503\nRetry-After: 1\n\n", "", ledger.Throttled, false, "503"},
		"unavailable":              {result, "Status: 503\n\n<html>", "", ledger.ServerError, false, "503"},
		"broken":                   {result, "Status: 500\n\n" + `{"verified":0}`, "", ledger.ServerError, false, "500"},
		"bad gateway":              {options, "Status: 502\n\n<html>bad gateway</html>", "", ledger.ServerError, false, "bad gateway"},
		"a page":                   {result, "Content-Type: text/html\n\n<html>log in</html>", "", ledger.NotJSON, false, "answered 200 OK"},
		"no options":               {options, "\n" + `{"error":"x"}`, "", ledger.NoOptions, false, "no-options"},
		"options are a page":       {options, "\n<html>", "", ledger.NotJSON, false, ""},
		"a bad challenge":          {options, strings.Replace(get, "Y2hhbGxlbmdl", "!", 1), "", ledger.NoOptions, false, ""},
		"left out":                 {options, strings.Replace(get, "CREDENTIAL", "AQID", 1), "", ledger.Refused, false, "leaves the user's passkey out"},
		"left out, rejected":       {options, strings.Replace(get, "CREDENTIAL", "AQID", 1), "{outcome: rejected}", ledger.Refused, true, ""},
		"left out, error":          {options, strings.Replace(get, "CREDENTIAL", "AQID", 1), "{error: NotAllowedError}", ledger.Refused, true, ""},
		"another site's":           {options, strings.Replace(get, `"localhost"`, `"evil.test"`, 1), "{error: SecurityError}", ledger.Refused, true, ""},
		"another error":            {options, strings.Replace(get, `"localhost"`, `"evil.test"`, 1), "{error: NotAllowedError}", ledger.Refused, false, "evil.test"},
		"of another type":          {options, strings.Replace(get, "public-key", "password", 1), "{error: NotAllowedError}", ledger.Refused, true, ""},
		"unusual extensions":       {options, strings.Replace(get, `"timeout"`, `"extensions":{"prf":{"eval":{"first":"AAAA"}}},"timeout"`, 1), "", ledger.Accepted, true, ""},
		"nothing there":            {options, "Status: 404\n\n", "", ledger.Rejected, false, "404"},
		"redirected, not followed": {result, "Status: 302\nLocation: /\n\n", "", ledger.Unexpected, false, "302"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users := newFleet(t, &cast{algorithm: "EdDSA"})
			if err := users.Enroll(0, []byte("handle"), true); err != nil {
				t.Fatal(err)
			}
			var user fleet.User
			users.User(0, &user)
			answers := map[string]string{options: get, result: "\n" + `{"verified":true}`}
			answers[test.path] = test.answer
			for path, answer := range answers {
				answers[path] = strings.ReplaceAll(answer, "CREDENTIAL", string(user.CredentialID.Text))
			}
			step := "        - login: {user: alice, on: laptop}\n"
			if test.expect != "" {
				step += "          expect: " + test.expect + "\n"
			}
			_, sample := playOne(t, users, newTheater(t, answers).origin, "simplewebauthn", step)
			if sample.Class != test.want || sample.Expected != test.expected || !strings.Contains(sample.Example, test.example) {
				t.Errorf("%s, expected %t, %q; want %s, %t, %q", sample.Class, sample.Expected, sample.Example, test.want, test.expected, test.example)
			}
			if strings.Contains(sample.Example, "s3cret") || sample.Expected != (sample.Example == "") {
				t.Errorf("example %q", sample.Example)
			}
		})
	}
}

// playOne plays one iteration of some steps, and gives its last sample.
func playOne(t *testing.T, users *fleet.Fleet, origin, adapter, steps string) (ledger.Iteration, ledger.Sample) {
	t.Helper()
	_, program, err := compile(t, adapter, origin, "  timeout: 300ms\n  journeys:\n    one:\n      steps:\n"+steps)
	if err != nil {
		t.Fatal(err)
	}
	client, err := wire.NewFast(wire.Config{Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	clock := wall{time.Now()}
	player := program.NewPlayer(0, client, users, clock)
	t.Cleanup(player.Close)
	it, samples := player.Play(t.Context(), 0, 0, 0)
	return it, samples[len(samples)-1]
}

// A provider that attests needs a full device, and is enrolled all the same.
func TestAttestation(t *testing.T) {
	t.Parallel()
	users, err := fleet.New(fleet.Config{Seed: 1, Count: 3, Signing: fleet.SigningFresh, Device: virtual.Config{Attestation: virtual.AttestationPackedSelf}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = users.Close() })
	origin := demorptest.Start(t, nil)
	it, sample := playOne(t, users, origin, "passrig-demo", "        - register: {user: alice, on: laptop, with: {attestation: direct}}\n        - login: {user: alice, on: laptop}\n")
	if it.Failed || sample.Class != ledger.Accepted || users.Enrolled() != 1 {
		t.Errorf("%+v, %+v, %d enrolled", it, sample, users.Enrolled())
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(func() { close(release); stuck.Close() })
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := listener.Addr().String()
	listener.Close()
	const step = "        - login: {user: alice, on: laptop}\n"
	it, sample := playOne(t, newFleet(t, &cast{algorithm: "EdDSA"}), strings.Replace(stuck.URL, "127.0.0.1", "localhost", 1), "passrig-demo", step)
	if sample.Class != ledger.Timeout || !it.Failed || sample.Finished-sample.Started < 300*time.Millisecond {
		t.Errorf("%+v", sample)
	}
	_, sample = playOne(t, newFleet(t, &cast{algorithm: "EdDSA"}), "http://"+strings.Replace(gone, "127.0.0.1", "localhost", 1), "passrig-demo", step)
	if sample.Class != ledger.Unreachable || !strings.Contains(sample.Example, "nothing listens") {
		t.Errorf("%+v", sample)
	}
}

// The end of the run censors an iteration, in a request as well as in a think time.
func TestCensored(t *testing.T) {
	t.Parallel()
	for _, steps := range []string{"        - wait: 1h\n", "        - login: {user: alice, on: laptop}\n"} {
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel(); <-ctx.Done() }))
		t.Cleanup(server.Close)
		_, program, err := compile(t, "passrig-demo", strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "  journeys:\n    one:\n      steps:\n"+steps)
		if err != nil {
			t.Fatal(err)
		}
		client, err := wire.NewFast(wire.Config{Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		player := program.NewPlayer(0, client, newFleet(t, &cast{algorithm: "EdDSA"}), wall{time.Now()})
		t.Cleanup(player.Close)
		if strings.Contains(steps, "wait") {
			cancel()
		}
		if it, _ := player.Play(ctx, 0, 0, 0); !it.Censored || it.Failed {
			t.Errorf("%+v", it)
		}
	}
}

// A poll asks again, and redirects end.
func TestPollAndRedirects(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("POST /used", func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	mux.HandleFunc("GET /request", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"challenge":"AAAA","rpId":"localhost"}`))
	})
	mux.HandleFunc("GET /token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Token", "t")
		_, _ = w.Write([]byte(`{"number":1,"deep":2}`))
	})
	mux.HandleFunc("POST /bye", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusSeeOther) })
	mux.HandleFunc("GET /round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	users := newFleet(t, &cast{algorithm: "EdDSA"})
	if err := users.Enroll(0, []byte("handle"), true); err != nil {
		t.Fatal(err)
	}
	it, sample := playOne(t, users, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "odd.yaml", "        - login: {user: alice, on: laptop}\n        - logout: {user: alice}\n          expect: {outcome: rejected}\n")
	if asked.Load() != 3 || sample.Class != ledger.Redirects || !it.Failed {
		t.Errorf("asked %d times; %+v", asked.Load(), sample)
	}
}

// Steps that a load cannot do are told with their place, and what to do.
func TestRefusedSteps(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ step, message, hint string }{
		"own names":         {"- whoami: {user: carol}", "load.yaml:13:11: user \"carol\" has names of their own", "load.users.import"},
		"a time limit":      {"- login: {user: alice, on: laptop}\n          expect: {within: 1s}", "load.yaml:13:11: a load judges no single time", "thresholds"},
		"an expression":     {"- login: {user: alice, on: laptop}\n          expect: {that: [result.status == 200]}", "load.yaml:13:11: a load looks at outcome", "passrig run"},
		"of a user":         {"- register: {user: alice, on: laptop, label: \"${{ users.alice.username }}\"}", "load.yaml:13:11: label depends on", "params"},
		"of an earlier one": {"- login: {user: alice, on: laptop}\n          id: first\n        - logout: {user: alice}\n          when: steps.first.outcome == \"accepted\"", "load.yaml:15:11: when depends on", "params"},
		"another expected":  {"- whoami: {user: alice}\n          expect: {user: bob}", "load.yaml:13:11: the journey is alice's, and another user is expected", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := compile(t, "passrig-demo", "http://localhost:1", "  journeys:\n    one:\n      steps:\n        "+test.step+"\n")
			var refused *journey.StepError
			if !errors.As(err, &refused) {
				t.Fatalf("error %v", err)
			}
			if !strings.HasPrefix(err.Error(), test.message) || !strings.Contains(refused.Hint(), test.hint) {
				t.Errorf("%v (%s), want %s (%s)", err, refused.Hint(), test.message, test.hint)
			}
		})
	}
}

// What is known before the load begins is decided then; blocks are unrolled.
func TestUnrolled(t *testing.T) {
	t.Parallel()
	_, program, err := compile(t, "passrig-demo", "http://localhost:1", "  journeys:\n    one:\n      steps:"+`
        - login: {user: alice, on: laptop}
          when: run.seed == 99
        - repeat:
            times: 3
            steps:
              - login: {user: alice, on: laptop}
                when: loop.index != 1
        - logout: {user: alice}`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range program.Describe() {
		got = append(got, fmt.Sprintf("%s %s %t", d.Operation, d.Request, d.Template))
	}
	want := []string{
		"login POST /api/login/options true", "login POST /api/login/result true", "login POST /api/login/options true", "login POST /api/login/result true",
		"logout POST /api/logout true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]ledger.OperationName{{Journey: "one", Operation: scenarios.OpLogin}, {Journey: "one", Operation: scenarios.OpLogout}}, program.Operations()); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}
