package browser_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/browser"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const travelers = `passrig: 1
accounts:
  alice:
    provider: microsoft-password-manager@152
    devices:
      laptop: {os: windows 11, client: edge 152, verification: windows-hello}
      phone: {os: ios 26, client: edge 152}
      old: {os: windows 11, client: edge 141}
  bob:
    provider: google-password-manager
    devices: {desktop: {}, mobile: {}}
  carol:
    provider: synced-generic
    devices: {pc: {}, tab: {}}
steps:
`

// A keychain of Chrome's authenticators is in step with the account like any other: what is made in one browser signs in
// from another, and what a page signals is done as the provider does it.
func TestPasskeysTravelBetweenBrowsers(t *testing.T) {
	t.Parallel()
	b := chrome(t, 5*time.Second)
	scripts := map[string]string{
		"roam": `
  - {id: first, register: {user: alice, on: laptop}, expect: {that: ["'BE' in result.authenticatorData.flags", "'BS' in result.authenticatorData.flags"]}}
  - login: {user: alice, on: laptop}
  - login: {user: alice, on: phone}
    expect: {error: NotAllowedError, that: ["result.reason contains 'has not been unlocked'"]}
  - sync: phone
  - passkeys: phone
    expect: {count: 1, that: ["result.entries[0].raw.backupEligible", "result.entries[0].raw.userHandle != ''"]}
  - login: {user: alice, on: phone, credential: first}
    expect: {user: alice}
  - login: {user: alice, on: laptop, discoverable: true}
    expect: {user: alice}
  - login: {user: alice, on: phone, discoverable: true}
    expect: {user: alice}
  - register: {user: alice, on: phone}
    expect: {error: InvalidStateError}
  - login: {user: alice, on: old}
    expect: {error: NotAllowedError, that: ["result.reason contains 'Edge 141'"]}
`,
		"signals": `
  - {id: first, register: {user: bob, on: desktop}}
  - sync: mobile
  - login: {user: bob, on: mobile}
  - page:
      on: mobile
      user: bob
      steps:
        - goto: /a-page-of-its-own
        - evaluate: |
            const id = "${{ steps.first.credential }}";
            await PublicKeyCredential.signalUnknownCredential({rpId: location.hostname, credentialId: id});
  - passkeys: mobile
    expect: {count: 0}
  - sync: desktop
  - passkeys: desktop
    expect: {count: 0}
  - login: {user: bob, on: desktop}
    expect: {outcome: refused}
  - signal: {on: mobile, user: bob, accepted: [first]}
  - passkeys: mobile
    expect: {count: 1}
  - login: {user: bob, on: mobile}
    expect: {user: bob}
`,
		"deleted, and signaled by that page": `
  - {id: first, register: {user: bob, on: desktop}}
  - sync: mobile
  - delete: {user: bob, credential: first}
  - passkeys: desktop
    expect: {count: 0}
  - sync: mobile
  - passkeys: mobile
    expect: {count: 0}
thresholds: [sync.zombie.count == 2, sync.zombie.left == 0, sync.zombie.left.rate == 0%]
`,
		"overwritten": `
  - repeat:
      times: 2
      steps:
        - page:
            on: pc
            user: carol
            steps:
              - goto: /a-page-of-its-own
              - evaluate: |
                  await navigator.credentials.create({publicKey: {
                    rp: {name: "self"}, user: {id: new Uint8Array([7]), name: "carol", displayName: "Carol"}, challenge: new Uint8Array(32),
                    pubKeyCredParams: [{type: "public-key", alg: -7}], authenticatorSelection: {residentKey: "required"},
                  }});
  - id: before
    passkeys: pc
    expect: {count: 1}
  - page:
      on: pc
      user: carol
      steps:
        - goto: /a-page-of-its-own
        - evaluate: |
            await PublicKeyCredential.signalUnknownCredential({rpId: location.hostname, credentialId: "AAAA"});
  - passkeys: pc
    expect: {count: 1, that: ["result.entries[0].credential == steps.before.entries[0].credential"]}
  - sync: tab
  - passkeys: tab
    expect: {count: 1, that: ["result.entries[0].credential == steps.before.entries[0].credential"]}
`,
	}
	for name, steps := range scripts {
		for _, authenticators := range []string{engine.AuthenticatorsChrome, engine.AuthenticatorsPassrig} {
			t.Run(name+" with "+authenticators, func(t *testing.T) {
				t.Parallel()
				file, err := scenarios.Load("test.yaml", scenarios.Options{
					Adapter: "passrig-demo", Origin: demorptest.Start(t, nil),
					ReadFile: func(string) ([]byte, error) { return []byte(travelers + strings.TrimPrefix(steps, "\n")), nil },
				})
				if err != nil {
					t.Fatal(err)
				}
				run, err := engine.Run(t.Context(), engine.Config{
					Files: []*scenarios.File{file}, Seed: 1, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile,
					Driver: engine.DriverBrowser, Drive: browser.Drive(b, time.Now, nil), Authenticators: authenticators,
				})
				if err != nil {
					t.Fatal(err)
				}
				for i := range run.Steps {
					if s := &run.Steps[i]; s.Verdict != report.VerdictPass {
						t.Error(explain(s))
					}
				}
				for _, limit := range run.Thresholds {
					if limit.Verdict != report.VerdictPass {
						t.Errorf("%s: %s %s", limit.Text, limit.Actual, limit.Hint)
					}
				}
			})
		}
	}
}
