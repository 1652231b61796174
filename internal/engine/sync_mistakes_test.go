package engine_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// What providers do not know or do is said before anything is sent, all of it at once, with its place.
func TestMistakesAboutProviders(t *testing.T) {
	t.Parallel()
	file := load(t, `passrig: 1
params: {never: {default: false}}
accounts:
  alice:
    provider: microsoft-password-manager@152
    type: work
    policies: {passkyes: off, PasswordManagerPasskeysEnabled: on}
    pin: "12345"
    devices: {laptop: {}}
  carol: {policies: {any: off}, devices: {pc: {}}}
steps:
  - policy: {account: alice, set: {paskeys: off, passkeys: on}}
  - sync: pc
  - repeat:
      times: 2
      steps:
        - unlock: carol/pc
  - fabric: {account: carol, do: audit}
  - wipe: {account: carol}
  - {sync: pc, when: params.never}
  - {policy: {account: alice, set: {paskeys: off}}, when: params.never}
`, "http://localhost:1")
	_, err := engine.Run(t.Context(), engine.Config{
		Files: []*scenarios.File{file}, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile,
	})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(strings.TrimPrefix(err.Error(), "test.yaml: "), "\n")
	want := []string{
		`test.yaml:4:3: unknown policy "passkyes"`,
		`test.yaml:8:10: alice cannot have this PIN at Microsoft Password Manager: a PIN of 5 characters is too short`,
		`test.yaml:10:3: unknown policy "any"`,
		`test.yaml:12:5: unknown policy "paskeys"`,
		`test.yaml:13:5: sync: the passkeys of carol's account stay on its devices`,
		`test.yaml:17:11: unlock: the passkeys of carol's account stay`,
		`test.yaml:18:5: fabric: the passkeys of carol's account stay`,
		`test.yaml:19:5: wipe: the passkeys of carol's account stay`,
	}
	if len(lines) != len(want) {
		t.Fatalf("got\n%s", err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("got %s\nwant %s", lines[i], want[i])
		}
	}
}

// Where only the run shows that a step makes no sense, the step says what to do.
func TestConditionalStepsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for step, want := range map[string][2]string{
		"{sync: pc, when: 1 < 2}":                                      {"does not sync", "passrig list providers"},
		"{policy: {account: alice, set: {paskeys: off}}, when: 1 < 2}": {`unknown policy "paskeys"`, `did you mean "passkeys"?`},
	} {
		result := travel(t, "", "  - "+step+"\n")
		expectLast(t, result, report.VerdictError, want[0])
		if hint := result.Steps[0].Hint; !strings.Contains(hint, want[1]) {
			t.Errorf("%s: hint %q", step, hint)
		}
	}
}

// A wait that ended says what was under way: nobody said no.
func TestLateIsNotNo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ step, says string }{
		"within":  {"  - sync: {to: phone, within: 20ms}\n", "within 20ms not everything has come to phone: 1 change is on the way"},
		"timeout": {"  - {sync: phone, timeout: 20ms}\n", "the step's timeout ended its wait: 1 change is still on the way to phone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := travel(t, "sync: {delay: {constant: 3s}}\n", "  - register: {user: alice, on: laptop}\n  - unlock: phone\n  - register: {user: carol, on: alice/laptop}\n"+test.step)
			expectLast(t, result, report.VerdictFail, test.says)
			last := result.Steps[len(result.Steps)-1]
			if strings.Contains(last.Message+last.Actual, "said no") || strings.Contains(last.Actual, "rejected") || last.Hint == "" {
				t.Errorf("%+v", last)
			}
		})
	}
}

// A login where the user's passkey has not come to says where it is, and what brings it.
func TestWhatALoginTooEarlySays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ head, steps, message, hint string }{
		"nothing travels":     {"", "  - register: {user: alice, on: laptop}\n  - login: {user: alice, on: phone}\n", "phone does not have alice's passkey yet: it is on laptop", "put a step before this one: sync: phone"},
		"of this name":        {"", "  - {id: first, register: {user: bob, on: desktop}}\n  - login: {user: bob, on: mobile, credential: first}\n", `passkey "first" is on desktop, not on mobile`, "put a step before this one: sync: mobile"},
		"not enrolled":        {"sync: {}\n", "  - register: {user: alice, on: laptop}\n  - login: {user: alice, on: phone}\n", "phone has not been unlocked", "sync: phone"},
		"on its way":          {"sync: {delay: 1h}\n", "  - register: {user: alice, on: laptop}\n  - unlock: phone\n  - register: {user: carol, on: alice/laptop}\n  - login: {user: carol, on: alice/phone}\n", "phone does not have carol's passkey yet: it is on laptop", "sync: phone"},
		"offline":             {"sync: {}\n", "  - register: {user: alice, on: laptop}\n  - unlock: phone\n  - go-offline: phone\n  - register: {user: carol, on: alice/laptop}\n  - login: {user: carol, on: alice/phone}\n", "phone does not have carol's passkey yet: it is on laptop", "go-online: phone"},
		"nobody to consent":   {"", "  - register: {user: alice, on: laptop}\n  - device: {on: phone, present: false}\n  - login: {user: alice, on: phone}\n", "nobody is there to consent", ""},
		"it is there no more": {"", "  - {id: first, register: {user: bob, on: desktop}}\n  - sync: mobile\n  - delete: {user: bob, credential: first, at: provider, on: desktop}\n  - sync: mobile\n  - login: {user: bob, on: mobile}\n", "no credential on this device", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := travel(t, test.head, test.steps)
			last := result.Steps[len(result.Steps)-1]
			if !strings.Contains(last.Message, test.message) || !strings.Contains(last.Hint, test.hint) || test.hint == "" && strings.Contains(last.Hint, "sync") {
				t.Errorf("hint %q%s", last.Hint, explain(result))
			}
		})
	}
}

// What a device refuses is among what happened to it, with the reason.
func TestRefusalsLeaveAMark(t *testing.T) {
	t.Parallel()
	result := run(t, 5, load(t, `passrig: 1
accounts:
  alice:
    provider: microsoft-password-manager@142
    devices: {laptop: {os: windows 11, client: edge 142}, old: {os: windows 11, client: edge 141}}
steps:
  - register: {user: alice, on: old}
    expect: {outcome: refused}
  - register: {user: alice, on: laptop}
  - sync: old
    expect: {outcome: refused}
  - unlock: old
    expect: {outcome: refused}
`, demorptest.Start(t, nil)))
	if result.Verdict() != report.VerdictPass {
		t.Fatal(explain(result))
	}
	marks := make(map[string]string)
	for _, e := range result.Fabric.Accounts[0].Events {
		if e.Kind == "refused" && e.To == "old" {
			marks[e.Step] = e.Text
		}
	}
	for _, step := range []string{"test/1", "test/3", "test/4"} {
		if !strings.HasPrefix(marks[step], "Edge 141 cannot") {
			t.Errorf("%s: %q among %v", step, marks[step], marks)
		}
	}
	if len(marks) != 3 {
		t.Errorf("marks %v", marks)
	}
}
