package browser_test

import (
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// people are a person with a device on each road, and another with two authenticators.
const people = `passrig: 1
accounts:
  alice:
    devices:
      laptop: {}
      native: {chrome: [{}]}
      keyed: {chrome: [{transport: internal}, {transport: usb}]}
  bob: {devices: {tablet: {chrome: [{backup-eligible: true, backed-up: true}]}}}
steps:
`

// scenario loads steps for those people.
func scenario(t *testing.T, steps, origin string) *scenarios.File {
	t.Helper()
	file, err := scenarios.Load("test.yaml", scenarios.Options{
		Adapter: "passrig-demo", Origin: origin, ReadFile: func(string) ([]byte, error) { return []byte(people + steps), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func explain(s *report.Step) string {
	text := s.Title + ": " + string(s.Verdict) + " " + s.Message
	if s.Expected != "" {
		text += " (expected " + s.Expected + ", actual " + s.Actual + ")"
	}
	return strings.Join(append([]string{text}, s.Notes...), "\n  ")
}

// What goes on in Chrome, step by step; each line is what a scenario would say of it.
func TestScenariosOfTheBrowser(t *testing.T) {
	t.Parallel()
	b := chrome(t, 5*time.Second)
	for name, steps := range map[string]string{
		"Chrome's own authenticator lives on from session to session": `
  - register: {user: alice, on: native}
  - passkeys: native
    expect: {count: 1, names: ["${{ users.alice.username }}"], that: ['result.entries[0].raw.rpId == "localhost"']}
  - login: {user: alice, on: native}
    expect: {user: alice, that: ['result.clientData.type == "webauthn.get"', 'result.ceremonies[0].outcome == "resolved"']}
  - login: {user: alice, on: native, discoverable: true}
  - register: {user: alice, on: native}
    expect: {error: InvalidStateError}
  - register: {user: bob, on: alice/native}
  - login: {user: alice, on: native}
  - login-discoverable: {on: native, user: bob}
    expect: {user: bob}
  - passkeys: {on: native}
    expect: {count: 2}
  - login: {user: alice, on: laptop}
    expect: {error: NotAllowedError}
  - register: {user: alice, on: laptop, session: native}
  - login: {user: alice, on: laptop}
  - login: {user: alice, on: native}
    expect: {user: alice}
`,
		"backup flags of Chrome's authenticator": `
  - register: {user: bob, on: tablet}
    expect: {that: ["'BE' in result.authenticatorData.flags", "'BS' in result.authenticatorData.flags"]}
`,
		"Chrome's authenticator lies": `
  - register: {user: alice, on: native}
  - device: {on: native, answers: [bogus-signature]}
  - login: {user: alice, on: native}
    expect: {outcome: rejected}
  - device: {on: native, answers: []}
  - login: {user: alice, on: native}
  - device: {on: native, verified: false}
  - page:
      on: native
      fresh: true
      steps:
        - goto: /?autofill=off
        - evaluate: |
            await navigator.credentials.get({publicKey: {challenge: new Uint8Array(16), userVerification: "required", timeout: 2000}}).catch(() => {})
    expect: {error: NotAllowedError}
`,
		"what is asked of the page itself": `
  - page:
      on: native
      steps:
        - goto: /?autofill=off
        - evaluate: {script: "return await PublicKeyCredential.getClientCapabilities()", save: caps}
        - evaluate: {script: "return '${{ vars.caps.conditionalGet }}'", save: again}
  - assert: ["vars.caps.userVerifyingPlatformAuthenticator == true", "vars.again == 'true'"]
`,
		"nobody there": `
  - device: {on: laptop, present: false}
  - page:
      on: laptop
      steps:
        - goto: /?autofill=off
        - evaluate: |
            await navigator.credentials.get({publicKey: {challenge: new Uint8Array(16), timeout: 300}}).catch(() => {})
    expect: {error: NotAllowedError, that: ["result.ceremonies[0].durationMs >= 299", "result.ceremonies[0].kind == 'get'"]}
`,
		"a passkey that a page step makes": `
  - signup: {user: alice, on: laptop}
  - id: made
    page:
      on: laptop
      user: alice
      steps:
        - goto: /?autofill=off
        - click: role=button[name="Add a passkey"]
        - wait-for: text=added
    expect: {user: alice, that: ["result.ceremonies[0].kind == 'create'", "result.ceremonies[0].clientData.origin == target.origin"]}
  - login: {user: alice, on: laptop, credential: made}
    expect: {that: ["result.credential == steps.made.credential"]}
`,
		"the Signal API reaches the device": `
  - id: key
    register: {user: alice, on: laptop}
  - &signal
    page:
      on: laptop
      user: alice
      steps:
        - goto: /?autofill=off
        - evaluate: |
            await PublicKeyCredential.signalUnknownCredential({rpId: "localhost", credentialId: "AAAA"})
    expect: {that: ["len(filter(result.signals, .type == 'unknown-credential' and .credential == 'AAAA')) == 1"]}
  - passkeys: laptop
    expect: {count: 1}
  - page:
      on: laptop
      user: alice
      steps:
        - evaluate: |
            await PublicKeyCredential.signalUnknownCredential({rpId: "localhost", credentialId: "${{ steps.key.credential }}"})
  - passkeys: laptop
    expect: {count: 0}
  - login: {user: alice, on: laptop}
    expect: {error: NotAllowedError}
  - id: native
    register: {user: bob, on: alice/native}
  - page:
      on: alice/native
      user: bob
      steps:
        - goto: /?autofill=off
        - evaluate: |
            await PublicKeyCredential.signalCurrentUserDetails({rpId: "localhost", userId: "${{ steps.native.options.user.id }}", name: "robert", displayName: "Robert"})
  - passkeys: alice/native
    expect: {names: [robert]}
`,
		"autofill is picked when the person is told to": autofill("laptop") + autofill("native"),
		"think time": `
  - device: {on: native, think-time: 300ms}
  - register: {user: alice, on: native}
    expect: {that: ["result.ceremonies[0].durationMs >= 290"]}
  - device: {on: laptop, think-time: 300ms}
  - register: {user: alice, on: laptop}
    expect: {that: ["result.ceremonies[0].durationMs >= 290"]}
`,
		"a device with two authenticators": `
  - page:
      on: keyed
      steps:
        - goto: /?autofill=off
        - evaluate: |
            for (const authenticatorAttachment of ["cross-platform", "platform"]) {
              await navigator.credentials.create({publicKey: {challenge: new Uint8Array(16), rp: {name: "x"}, user: {id: new Uint8Array(4), name: authenticatorAttachment, displayName: ""},
                pubKeyCredParams: [{type: "public-key", alg: -7}], authenticatorSelection: {authenticatorAttachment, residentKey: "required"}}})
            }
  - &look
    passkeys: keyed
    expect: {names: [cross-platform, platform], that: ["result.entries[0].raw.transports == ['usb']", "result.entries[1].raw.transports == ['internal']"]}
  - page: {on: keyed, fresh: true, steps: [goto: /?autofill=off]}
  - *look
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := drive(t, b, scenario(t, steps, demorptest.Start(t, nil)))
			for i := range run.Steps {
				if s := &run.Steps[i]; s.Verdict != report.VerdictPass {
					t.Errorf("%s", explain(s))
				}
			}
		})
	}
}

// autofill leaves a conditional request open, until the person picks.
func autofill(device string) string {
	return strings.ReplaceAll(`
  - register: {user: alice, on: DEVICE}
  - page:
      on: DEVICE
      fresh: true
      steps:
        - goto: /?autofill=off
        - evaluate: |
            window.offered = navigator.credentials.get({mediation: "conditional", publicKey: {challenge: new Uint8Array(16)}})
            return ""
    expect: {that: ["result.ceremonies[0].outcome == 'pending'", "result.ceremonies[0].mediation == 'conditional'"]}
  - device: {on: DEVICE, autofill: pick}
  - page:
      on: DEVICE
      steps:
        - evaluate: {script: "return (await window.offered).id", save: picked}
    expect: {that: ["result.ceremonies[0].outcome == 'resolved'", "result.ceremonies[0].credential == vars.picked"]}
`, "DEVICE", device)
}

// What a page step cannot do is told apart: the page's failure, and what could not be tried.
func TestPageStepsThatDoNotPass(t *testing.T) {
	t.Parallel()
	b := chrome(t, 5*time.Second)
	origin := demorptest.Start(t, nil)
	const get = "await navigator.credentials.get"
	const open = "\n  - page:\n      on: laptop\n      steps:\n        - goto: /?autofill=off\n"
	for name, test := range map[string]struct {
		steps   string
		verdict report.Verdict
		says    string
	}{
		"never shown":        {open + "        - {wait-for: text=Welcome home, timeout: 300ms}", report.VerdictFail, "test.yaml:"},
		"text never shown":   {open + "        - {expect-text: Welcome home, timeout: 300ms}", report.VerdictFail, "gave up after"},
		"nothing to click":   {open + "        - {click: text=Welcome home, timeout: 300ms}", report.VerdictError, "gave up after"},
		"script throws":      {open + "        - evaluate: throw new Error('odd')", report.VerdictError, "odd"},
		"nobody listens":     {"\n  - page: {on: laptop, steps: [{goto: 'http://localhost:1/'}]}", report.VerdictError, "could not be opened"},
		"not refused":        {open + "    expect: {error: NotAllowedError}", report.VerdictFail, "not refused"},
		"somebody else":      {open + "    expect: {user: alice}", report.VerdictFail, "somebody else"},
		"refused":            {open + "        - evaluate: '" + get + "({publicKey: {challenge: new Uint8Array(16), rpId: \"example.org\"}}).catch(() => {})'", report.VerdictError, "SecurityError"},
		"given up by itself": {open + "        - evaluate: '" + get + "({signal: AbortSignal.abort(), publicKey: {challenge: new Uint8Array(16)}}).catch(() => {})'", report.VerdictPass, "gave up"},
		"given up, as meant": {open + "        - evaluate: '" + get + "({signal: AbortSignal.abort(), publicKey: {challenge: new Uint8Array(16)}}).catch(() => {})'\n    expect: {error: AbortError}", report.VerdictPass, "AbortError"},
		"nobody consents":    {"\n  - register: {user: alice, on: laptop}\n  - device: {on: laptop, present: false}\n  - login: {user: alice, on: laptop}\n    timeout: 2s", report.VerdictError, "gave up after"},
		"too few passkeys":   {"\n  - passkeys: laptop\n    expect: {count: 1}", report.VerdictFail, "another number of passkeys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := drive(t, b, scenario(t, test.steps, origin))
			if s := last(run); s.Verdict != test.verdict || !strings.Contains(s.Message, test.says) {
				t.Errorf("%s", explain(&s))
			} else if waits := strings.Contains(test.steps, "present: false"); waits != strings.Contains(s.Hint, "device: present") {
				t.Errorf("hint %q", s.Hint)
			} else if s.Verdict != report.VerdictPass && strings.Contains(test.steps, "timeout") && (s.Page == nil || s.Page.Screenshot == "") {
				t.Errorf("no evidence: %+v", s.Page)
			}
		})
	}
}
