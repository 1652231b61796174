package engine_test

import (
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
)

// people whose passkeys travel, with a PIN, and others whose passkeys do not.
const travelers = `passrig: 1
accounts:
  alice:
    provider: microsoft-password-manager@152
    pin: "482915"
    devices:
      laptop: {os: windows 11, client: edge 152, verification: windows-hello}
      phone: {os: ios 26, client: edge 152}
      tablet: {os: android 16, client: edge 152}
  bob:
    provider: bitwarden
    devices: {desktop: {}, mobile: {}}
  carol: {devices: {pc: {}}}
  dave:
    provider: google-password-manager
    devices: {chromebook: {}, android: {}}
`

// travel plays steps of travelers on a demo relying party.
func travel(t *testing.T, head, steps string) *report.Run {
	t.Helper()
	return run(t, 5, load(t, travelers+head+"steps:\n"+steps, demorptest.Start(t, nil)))
}

// Each line is what a scenario would say of it; every one has to pass.
func TestScenariosOfSync(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string]string{
		"roam": `
  - {id: first, register: {user: alice, on: laptop}}
  - login: {user: alice, on: phone}
    expect: {error: NotAllowedError, that: ["result.reason contains 'has not been unlocked'"]}
  - sync: {account: alice, to: phone}
  - login: {user: alice, on: phone, credential: first}
    expect: {user: alice}
  - login: {user: alice, on: phone, discoverable: true}
  - login-discoverable: {on: phone, user: alice}
  - passkeys: phone
    expect: {count: 1}
  - list: {user: alice}
    expect: {count: 1}
`,
		"the right and the wrong PIN": `
  - register: {user: alice, on: laptop}
  - unlock: {on: phone, pin: "000000"}
    expect: {outcome: rejected, that: ["result.remaining == 9", "!result.locked", "result.accepted == 1"]}
  - unlock: {on: phone, pin: "12345"}
    expect: {outcome: refused, that: ["result.remaining == 9", "result.accepted == 0"]}
  - unlock: {on: phone}
    expect: {that: ["result.remaining == 10"]}
  - login: {user: alice, on: phone}
    expect: {outcome: accepted}
`,
		"a race for the last tries": `
  - register: {user: alice, on: laptop}
  - unlock: {on: phone, pin: "000000", tries: 20}
    expect: {outcome: rejected, that: ["result.tries == 20", "result.accepted == 10", "result.remaining == 0", "result.locked"]}
  - unlock: {on: tablet}
    expect: {outcome: rejected, that: ["result.locked"]}
  - login: {user: alice, on: laptop}
  - reset-pin: {on: laptop, to: "111111"}
  - unlock: {on: tablet, pin: "482915"}
    expect: {outcome: rejected}
  - unlock: tablet
  - fabric: {account: alice, do: audit}
    expect: {that: ["len(result.entries) > 20"]}
`,
		"a cloud that goes back": `
  - register: {user: alice, on: laptop}
  - fabric: {account: alice, do: snapshot}
  - unlock: {on: phone, pin: "000000"}
    expect: {outcome: rejected}
  - unlock: {on: phone, pin: "000000"}
    expect: {outcome: rejected, that: ["result.remaining == 8"]}
  - fabric: {account: alice, do: restore}
  - unlock: {on: phone, pin: "000000"}
    expect: {outcome: rejected, that: ["result.remaining == 7"]}
  - fabric: {account: alice, do: crash}
  - sync: phone
  - login: {user: alice, on: phone}
  - fabric: {account: alice, do: audit}
    expect: {outcome: accepted}
`,
		"offline": `
  - {id: first, register: {user: alice, on: laptop}}
  - sync: phone
  - go-offline: phone
  - sync: phone
    expect: {outcome: refused}
  - login: {user: alice, on: phone}
  - {id: second, register: {user: alice, on: tablet}, expect: {outcome: refused}}
  - sync: tablet
  - rename: {user: alice, credential: first, to: work, at: provider, on: laptop}
  - sync: tablet
  - passkeys: tablet
    expect: {names: [work]}
  - passkeys: phone
    expect: {names: ["${{ users.alice.username }}"]}
  - go-online: phone
  - passkeys: phone
    expect: {names: [work]}
`,
		"deletion, trash and resurrection": `
  - {id: first, register: {user: bob, on: desktop}}
  - sync: mobile
  - delete: {user: bob, credential: first, at: provider, on: desktop}
  - sync: mobile
  - passkeys: mobile
    expect: {count: 0}
  - login: {user: bob, on: mobile}
    expect: {outcome: refused}
  - restore: {on: mobile, credential: first}
  - login: {user: bob, on: mobile}
  - restore: {on: mobile, credential: first}
    expect: {outcome: rejected}
`,
		"signals": `
  - {id: first, register: {user: dave, on: chromebook}}
  - sync: android
  - delete: {user: dave, credential: first}
  - signal: {on: android, user: dave, unknown: first}
    expect: {that: ["len(result.entries) == 1"]}
  - passkeys: android
    expect: {count: 0}
  - sync: chromebook
  - passkeys: chromebook
    expect: {count: 0}
  - signal: {on: chromebook, user: dave, accepted: [first]}
  - passkeys: chromebook
    expect: {count: 1}
  - signal: {on: chromebook, user: dave, name: david}
  - sync: android
  - passkeys: android
    expect: {names: [david]}
`,
		"devices come and go": `
  - {id: first, register: {user: alice, on: laptop}}
  - enrol-device: {on: phone, approved-by: laptop}
  - login: {user: alice, on: phone}
  - revoke-device: {on: phone, by: laptop}
  - rotate-keys: {on: laptop}
  - sync: phone
    expect: {outcome: rejected}
  - register: {user: alice, on: phone, session: laptop}
    expect: {error: NotAllowedError, that: ["result.reason contains 'removed from'"]}
  - login: {user: alice, on: phone}
  - sign-out: {on: laptop}
  - wipe: {account: alice}
    on-failure: continue
  - passkeys: laptop
`,
		"sync turned off": `
  - {id: first, register: {user: alice, on: laptop}}
  - sync: phone
  - wipe: {on: phone}
  - login: {user: alice, on: laptop}
  - sync: phone
  - login: {user: alice, on: phone}
  - wipe: {account: alice}
  - passkeys: laptop
    expect: {count: 0}
`,
		"moving to another provider": `
  - {id: first, register: {user: bob, on: desktop}}
  - export: {on: desktop, format: cxf, as: moved}
    expect: {that: ["len(result.lost) == 0"]}
  - import: {on: laptop, from: moved}
    expect: {that: ["len(result.entries) == 1"]}
  - login: {user: bob, on: alice/laptop}
  - sync: {account: alice, to: phone}
  - login: {user: bob, on: alice/phone, credential: first}
  - export: {on: pc, format: bitwarden, as: nothing}
  - import: {on: pc, from: moved}
  - login: {user: bob, on: carol/pc}
    expect: {outcome: rejected}
`,
		"too early, where the provider looks once more": `
  - register: {user: bob, on: desktop}
  - sync: mobile
  - register: {user: carol, on: bob/desktop}
  - login: {user: carol, on: bob/mobile}
  - assert: true
thresholds: [sync.early_login.rejected == 0, sync.early_login.rejected.rate == 0%]
`,
		"two devices replace one passkey": `
  - register: {user: alice, on: laptop}
  - sync: phone
  - sync: tablet
  - go-offline: laptop
  - go-offline: phone
  - register: {user: carol, on: alice/laptop}
  - register: {user: carol, on: alice/phone}
  - go-online: laptop
  - go-online: phone
  - sync: laptop
  - sync: tablet
  - sync: phone
thresholds: [sync.conflicts == 1]
`,
		"what stays on its device": `
  - {id: first, register: {user: carol, on: pc}}
  - rename: {user: carol, credential: first, to: other, at: provider, on: pc}
  - passkeys: pc
    expect: {names: [other]}
  - signal: {on: pc, user: carol, name: third}
  - passkeys: pc
    expect: {names: [third]}
  - delete: {user: carol, credential: first, at: provider, on: pc}
  - login: {user: carol, on: pc}
    expect: {outcome: refused}
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := travel(t, "", strings.TrimPrefix(steps, "\n"))
			if result.Verdict() != report.VerdictPass {
				t.Error(explain(result))
			}
			for _, a := range result.Fabric.Accounts {
				if a.Audit != nil && !a.Audit.Intact {
					t.Errorf("%s: %s", a.Account, a.Audit.Problem)
				}
			}
		})
	}
}
