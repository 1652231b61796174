package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/passrig/passrig/report"
)

var update = flag.Bool("update", false, "rewrite testdata/runs")

// TestRunFiles keeps testdata/runs, the input of every writer's golden tests, equal to what the
// functions below build, and readable by Load. Histograms are left out of the comparison: their
// compression may differ between Go releases.
func TestRunFiles(t *testing.T) {
	for name, run := range map[string]*report.Run{
		"pass": passRun(), "mixed": mixedRun(), "partial": partialRun(),
		"load": loadRun(), "load-mixed": loadMixedRun(), "load-limited": loadLimitedRun(), "load-limit": loadLimitRun(),
		"sync": syncRun(), "sync-study": syncStudyRun(), "sync-cells": syncCellsRun(),
		"matrix": matrixRun(), "matrix-pass": matrixPassRun(),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "runs", name+".json")
			var want bytes.Buffer
			enc := json.NewEncoder(&want)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(run); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(path, want.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, err := report.Load(f)
			if err != nil {
				t.Fatal(err)
			}
			built, err := report.Load(&want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(built, got, cmpopts.IgnoreFields(report.Metric{}, "Histogram")); diff != "" {
				t.Error("run again with -update:", diff)
			}
		})
	}
}

func TestRunFilesMeanWhatTheirNamesSay(t *testing.T) {
	tests := []struct {
		run     *report.Run
		verdict report.Verdict
		exit    int
		caveats int
	}{
		{passRun(), report.VerdictPass, report.ExitPassed, 0},
		{mixedRun(), report.VerdictFail, report.ExitFailed, 2},
		{partialRun(), report.VerdictPass, report.ExitPassed, 3},
		{loadRun(), report.VerdictPass, report.ExitPassed, 2},
		{loadMixedRun(), report.VerdictFail, report.ExitFailed, 2},
		{loadLimitedRun(), report.VerdictError, report.ExitCouldNot, 6},
		{loadLimitRun(), report.VerdictPass, report.ExitPassed, 2},
		{syncRun(), report.VerdictFail, report.ExitFailed, 0},
		{syncStudyRun(), report.VerdictFail, report.ExitFailed, 0},
		{syncCellsRun(), report.VerdictFail, report.ExitFailed, 1},
		{matrixRun(), report.VerdictFail, report.ExitFailed, 7},
		{matrixPassRun(), report.VerdictPass, report.ExitPassed, 0},
	}
	for _, tt := range tests {
		if got := tt.run.Verdict(); got != tt.verdict {
			t.Errorf("%s: verdict %q, want %q", tt.run.Name, got, tt.verdict)
		}
		if got := report.ExitCode(tt.run); got != tt.exit {
			t.Errorf("%s: exit %d, want %d", tt.run.Name, got, tt.exit)
		}
		if got := tt.run.Caveats(); len(got) != tt.caveats {
			t.Errorf("%s: caveats %q, want %d", tt.run.Name, got, tt.caveats)
		}
	}
	if got := (&report.Run{}).Caveats(); len(got) != 1 {
		t.Errorf("an empty run has caveats %q, want one", got)
	}
}

const (
	quickstart = "examples/quickstart/login.yaml"
	lifecycle  = "examples/interop/lifecycle.yaml"
	credID     = "k3Vn0x2hTzWmQ8pYcR1uLw"
	challenge  = "5pV0wU7n2Zq4jH8sXcB1mD3kF6gL9aTe"
)

// scribe builds a run one step after another.
type scribe struct {
	run      *report.Run
	recorder *report.Recorder
	now      float64 // ms since the start
	scenario string
	file     string
	number   int
}

func newScribe(name string, seed uint64) *scribe {
	target := report.Target{Adapter: "simplewebauthn", Origin: "http://localhost:8080", RPID: "localhost"}
	return &scribe{
		run: &report.Run{
			Schema: report.Schema, Name: name, Driver: "api", Target: target, Seed: seed,
			Tool:    report.Tool{Name: "passrig", Version: "0.1.0", Commit: "3f9c2a1", Go: "go1.26.8", OS: "linux", Arch: "amd64"},
			Started: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC),
			Checks:  []report.Check{}, Steps: []report.Step{}, Thresholds: []report.Threshold{},
		},
		recorder: report.NewRecorder(),
	}
}

func (s *scribe) begin(id, name, file, description string, tags ...string) {
	s.scenario, s.file, s.number = id, file, 0
	s.run.Scenarios = append(s.run.Scenarios, report.Scenario{
		ID: id, Name: name, File: file, Description: description, Tags: tags,
		Target: s.run.Target, Verdict: report.VerdictPass, StartMS: s.now,
	})
}

// step adds a step that begins where the last one ended.
func (s *scribe) step(action, title string, ms float64, edit func(*report.Step)) {
	s.number++
	step := report.Step{
		ID: fmt.Sprintf("%s/%d", s.scenario, s.number), Scenario: s.scenario, Action: action, Title: title,
		File: s.file, Line: 12 + 2*s.number, Verdict: report.VerdictPass, StartMS: s.now, DurationMS: ms,
	}
	if edit != nil {
		edit(&step)
	}
	s.now += step.DurationMS
	if c := step.Ceremony; c != nil {
		op := map[string]string{"registration": "register", "authentication": "login"}[c.Kind]
		for _, p := range c.Phases {
			s.recorder.Observe(op+"."+p.Name, time.Duration(p.DurationMS*1e6))
		}
	}
	sc := &s.run.Scenarios[len(s.run.Scenarios)-1]
	sc.DurationMS = s.now - sc.StartMS
	if step.Verdict == report.VerdictFail || step.Verdict == report.VerdictError && sc.Verdict != report.VerdictFail {
		sc.Verdict = step.Verdict
	}
	s.run.Steps = append(s.run.Steps, step)
}

func (s *scribe) threshold(text string, line int) {
	rule, err := report.ParseThreshold(text)
	if err != nil {
		panic(err)
	}
	result := rule.Evaluate(s.recorder.Metrics())
	result.Scenario, result.File, result.Line = s.scenario, s.file, line
	s.run.Thresholds = append(s.run.Thresholds, result)
}

func (s *scribe) end() *report.Run {
	s.run.DurationMS = s.now
	s.run.Metrics = s.recorder.Metrics()
	redactor := report.NewRedactor()
	redactor.Add("csrf", "c5f1a9b2e47d4e0c")
	redactor.Apply(s.run)
	s.run.Summary = s.run.Summarize()
	return s.run
}

// ceremony fills a step with an accepted ceremony of the given kind. Its phases are 40, 4 and 56
// hundredths of the step.
func ceremony(kind, user, device string) func(*report.Step) {
	return func(step *report.Step) {
		op := map[string]string{"registration": "register", "authentication": "login"}[kind]
		typ := map[string]string{"registration": "webauthn.create", "authentication": "webauthn.get"}[kind]
		total := step.DurationMS
		options, client, result := total*.4, total*.04, total*.56
		step.User, step.Device, step.Outcome = user, device, "accepted"
		step.Ceremony = &report.Ceremony{
			Kind: kind, CredentialID: credID,
			Phases: []report.Phase{
				{Name: report.PhaseOptions, DurationMS: options},
				{Name: report.PhaseClient, StartMS: options, DurationMS: client},
				{Name: report.PhaseResult, StartMS: options + client, DurationMS: result},
				{Name: report.PhaseTotal, DurationMS: total},
			},
			ClientData: map[string]any{"type": typ, "challenge": challenge, "origin": "http://localhost:8080", "crossOrigin": false},
			AuthData: map[string]any{
				"length": 37, "rpIdHash": "49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d9763", "signCount": 0,
				"flags": []string{"UP", "UV", "BE", "BS"},
			},
			Options: map[string]any{"challenge": challenge, "rpId": "localhost", "timeout": 60000, "userVerification": "required"},
			Response: map[string]any{"id": credID, "type": "public-key", "response": map[string]any{
				"clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0", "userHandle": "dXNlci0x",
			}},
		}
		if kind == "registration" {
			step.Ceremony.Attestation = map[string]any{"fmt": "none", "attStmt": map[string]any{}}
			step.Ceremony.AuthData = map[string]any{
				"length": 148, "rpIdHash": "49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d9763", "signCount": 0,
				"flags": []string{"UP", "UV", "BE", "BS", "AT"}, "aaguid": "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "credentialId": credID,
				"publicKey": map[string]any{"alg": "ES256", "algId": -7},
			}
		}
		first := exchange("options", report.PhaseOptions, "/"+op+"/options", `{"username":"`+user+`"}`, 0, options, true)
		first.Response = answer(200, `{"challenge":"`+challenge+`","rpId":"localhost","timeout":60000,"userVerification":"required"}`)
		second := exchange("result", report.PhaseResult, "/"+op+"/verify", `{"id":"`+credID+`","type":"public-key","response":{}}`,
			options+client, result, false)
		second.Response = answer(200, `{"verified":true}`)
		step.Exchanges = []report.Exchange{first, second}
	}
}

func exchange(purpose, phase, path, body string, start, total float64, fresh bool) report.Exchange {
	timing := report.Timing{TTFBMS: total * .8, TotalMS: total, ReusedConn: !fresh}
	if fresh {
		timing = report.Timing{DNSMS: total * .05, ConnectMS: total * .1, TTFBMS: total * .65, TotalMS: total}
	}
	url := "http://localhost:8080" + path
	return report.Exchange{
		Purpose: purpose, Phase: phase, StartMS: start, Timing: timing,
		Request: report.Request{Method: "POST", URL: url, Body: body, Headers: []report.Header{
			{Name: "Content-Type", Value: "application/json"},
			{Name: "Origin", Value: "http://localhost:8080"},
			{Name: "Cookie", Value: "sid=8f3b7c1d9e2a4f60; lang=en"},
			{Name: "X-CSRF-Token", Value: "c5f1a9b2e47d4e0c"},
		}},
		Curl: "curl -X POST -H 'Content-Type: application/json' -H 'Origin: http://localhost:8080' \\\n" +
			"  -H 'Cookie: sid=8f3b7c1d9e2a4f60; lang=en' -H 'X-CSRF-Token: c5f1a9b2e47d4e0c' \\\n" +
			"  --data-raw '" + body + "' '" + url + "'",
	}
}

func answer(status int, body string) *report.Response {
	return &report.Response{
		Status: status, Proto: "HTTP/1.1", Body: body, BodyBytes: int64(len(body)),
		Headers: []report.Header{
			{Name: "Content-Type", Value: "application/json; charset=utf-8"},
			{Name: "Set-Cookie", Value: "sid=8f3b7c1d9e2a4f60; Path=/; HttpOnly; SameSite=Lax"},
		},
	}
}

// expecting turns a ceremony step into one that did not go as expected.
func expecting(fill func(*report.Step), edit func(*report.Step)) func(*report.Step) {
	return func(step *report.Step) {
		fill(step)
		edit(step)
	}
}

func passRun() *report.Run {
	s := newScribe("quickstart", 42)
	s.begin("quickstart", "Sign up on the laptop, sign in on the phone", quickstart,
		"The shortest way through a passkey's life: made on one device, used on another.", "quickstart", "sync")
	s.step("signup", "signup alice", 18.4, func(step *report.Step) { step.User, step.Outcome = "alice", "accepted" })
	s.step("register", "register alice on laptop", 41.7, ceremony("registration", "alice", "laptop"))
	s.step("sync", "sync alice to phone", 6.2, func(step *report.Step) { step.Device = "phone" })
	s.step("login", "login alice on phone", 36.9, ceremony("authentication", "alice", "phone"))
	s.step("whoami", "whoami alice", 3.1, func(step *report.Step) { step.User, step.Outcome = "alice", "accepted" })
	s.step("logout", "logout alice", 2.8, func(step *report.Step) { step.User, step.Outcome = "alice", "accepted" })
	s.step("login", "login alice on laptop", 33.0, ceremony("authentication", "alice", "laptop"))
	s.threshold("login.total.p95 < 300ms", 40)
	s.threshold("register.total.max < 1s", 41)
	return s.end()
}

func mixedRun() *report.Run {
	s := newScribe("interop", 20261122)
	s.begin("quickstart", "Sign up on the laptop, sign in on the phone", quickstart, "", "quickstart", "sync")
	s.step("register", "register alice on laptop", 48.3, ceremony("registration", "alice", "laptop"))
	s.step("login", "login alice on phone", 1204.6, expecting(ceremony("authentication", "alice", "phone"), func(step *report.Step) {
		step.Verdict, step.Outcome = report.VerdictFail, "rejected"
		step.Message = "the RP rejected a login it should have accepted"
		step.Expected = "outcome accepted, user alice, within 800ms"
		step.Actual = "outcome rejected after 1.2s: status 400, \"credential k3Vn0x2h… is not registered for this user\""
		step.Hint = "the RP knows this credential under the laptop's transports only; look it up by id, not by id and transports"
		step.Exchanges[1].Response = answer(400, `{"verified":false,"error":"credential k3Vn0x2hTzWmQ8pYcR1uLw is not registered for this user"}`)
	}))
	s.step("whoami", "whoami alice", 0, func(step *report.Step) {
		step.Verdict, step.Message = report.VerdictSkip, `step "quickstart/2" did not pass`
	})
	s.begin("lifecycle", "Löschen: 削除されたパスキー must stop working", lifecycle, "A deleted credential may not open the door again.", "lifecycle")
	s.step("register", "register bob on yubikey (電子鍵)", 52.1, ceremony("registration", "bob", "yubikey"))
	s.step("rename", `rename bob's passkey to "Work 🔑"`, 7.9, func(step *report.Step) {
		step.Verdict, step.User, step.Outcome = report.VerdictWarn, "bob", "accepted"
		step.Message = "the RP accepted the name but lists the old one until the next login"
		step.Expected, step.Actual = `name "Work 🔑"`, `name "Passkey 1"`
	})
	s.step("delete", "delete bob's passkey", 9.4, func(step *report.Step) { step.User, step.Outcome = "bob", "accepted" })
	s.step("login", "login bob on yubikey with the deleted passkey", 39.0, expecting(ceremony("authentication", "bob", "yubikey"), func(step *report.Step) {
		step.Verdict, step.Message = report.VerdictFail, "the RP accepted a credential that had been deleted"
		step.Expected, step.Actual = "outcome rejected", "outcome accepted, signed in as bob"
		step.Hint = "delete the credential's row, not only its name; an attacker with the old key still gets in"
	}))
	s.step("list", "list bob's passkeys", 15.0, func(step *report.Step) {
		step.Verdict, step.User, step.Outcome = report.VerdictError, "bob", "error"
		step.Message = "GET http://localhost:8080/passkeys: connection reset by peer"
		step.Hint = "see whether the RP is still running"
		x := exchange("list", "", "/passkeys", "", 0, 15, true)
		x.Request.Method, x.Curl = "GET", "curl 'http://localhost:8080/passkeys'"
		x.Error = "connection reset by peer"
		step.Exchanges = []report.Exchange{x}
	})
	s.step("logout", "logout bob", 0, func(step *report.Step) {
		step.Verdict, step.Message = report.VerdictSkip, `step "lifecycle/5" could not run`
	})
	s.step("note", "sign counters stay at zero", 0, func(step *report.Step) {
		step.Verdict, step.Message = report.VerdictInfo, "this authenticator keeps no counter"
	})
	s.run.Checks = []report.Check{
		{
			ID: "auth.challenge-reuse", Title: "A challenge is good for one login", Ceremony: "authentication", Severity: "critical", Level: "required",
			Verdict: report.VerdictFail, Message: "the same assertion was accepted twice",
			Expected: "second use rejected", Actual: "accepted, status 200", Basis: []string{"WebAuthn L3 §7.2 step 11", "WebAuthn L3 §13.4.3"},
			Hint: "Spend the challenge when its answer arrives.", DurationMS: 71.2,
			Evidence: &report.CheckEvidence{
				Sent: "the same assertion twice", Seen: map[string]any{"challenge": challenge, "uses": 2},
				Cases: []report.CheckCase{{
					Name: "second time", Changes: []string{"none"}, Answer: "accepted", After: "signed in: alice",
					ClientData: map[string]any{"type": "webauthn.get", "challenge": challenge},
					Exchanges: []report.Exchange{
						exchange("result", "", "/login/result", "{}", 0, 12, true), exchange("after: whoami", "", "/whoami", "", 12, 3, true),
					},
				}},
			},
		},
		{
			ID: "reg.origin", Title: "A foreign origin is refused", Ceremony: "registration", Severity: "critical", Level: "required",
			Verdict: report.VerdictPass, Basis: []string{"WebAuthn L3 §7.1 step 9"}, DurationMS: 33.5,
		},
	}
	s.threshold("login.total.p95 < 300ms", 40)
	s.threshold("register.total.max < 1s", 41)
	s.threshold("sync.lag.p99 < 5s", 42)
	return s.end()
}

func partialRun() *report.Run {
	s := newScribe("quickstart", 7)
	s.run.Partial, s.run.Aborted = true, "interrupted by the user after 62ms"
	s.run.Target.Origin, s.run.Target.BaseURL = "https://login.staging.example", "http://127.0.0.1:9090"
	s.run.Target.RPID, s.run.Target.Adapter = "staging.example", "./adapters/staging.yaml"
	s.begin("quickstart", "Sign up on the laptop, sign in on the phone", quickstart, "")
	s.step("register", "register alice on laptop", 41.7, expecting(ceremony("registration", "alice", "laptop"), func(step *report.Step) {
		step.Notes = []string{"signed up alice first, because the adapter needs an account", "who is signed in " + report.NotVerified + ": the adapter offers no whoami"}
	}))
	s.step("login", "login alice on phone", 20.3, func(step *report.Step) {
		step.Verdict, step.Message = report.VerdictSkip, "interrupted"
	})
	return s.end()
}
