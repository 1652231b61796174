package providers_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/virtual/providers"
)

// S12 to S16: account types, systems, client versions, policies and verification over the dated rows.
func TestEligibilityOfDatedRows(t *testing.T) {
	c := catalogue(t)
	const (
		mpm      = "Microsoft Password Manager"
		personal = "personal"
		work     = "work"
	)
	for _, tt := range []struct {
		version, account, os, client string
		action                       providers.Action
		policy, verification         string
		rule, reason                 string // empty: allowed
		assumed                      bool
	}{
		// The law-firm article's story, at launch.
		{version: "142", account: personal, os: "windows 11", client: "edge 142", action: providers.Save},
		{version: "142", account: personal, os: "windows 10", client: "edge 142", action: providers.Use},
		{
			version: "142", account: work, os: "windows 11", client: "edge 142", action: providers.Save, rule: "account",
			reason: "a work account cannot save passkeys: " + mpm + " takes personal Microsoft accounts only, not work or school accounts (Microsoft Entra)",
		},
		{version: "142", account: work, os: "windows 11", client: "edge 142", action: providers.Use, rule: "account"},
		{
			version: "142", account: personal, os: "macos 15", client: "edge 142", action: providers.Save, rule: "os",
			reason: "macOS 15 cannot save passkeys: " + mpm + " had passkeys on Windows 10 or later only when Edge 142 came out, not on macOS, iOS or Android",
		},
		{version: "142", account: personal, os: "ios 18", client: "edge 152", action: providers.Use, rule: "os"},
		{version: "142", account: personal, os: "android 16", client: "edge 142", action: providers.Use, rule: "os"},
		{version: "142", account: personal, os: "windows 8.1", client: "edge 142", action: providers.Use, rule: "os"},
		// S14: an old client.
		{
			version: "142", account: personal, os: "windows 11", client: "edge 141", action: providers.Save, rule: "client",
			reason: "Edge 141 cannot save passkeys: " + mpm + " needs Edge 142 or later",
		},
		{
			version: "142", account: personal, os: "windows 11", client: "edge 141", action: providers.Use, rule: "client",
			reason: "Edge 141 cannot use passkeys: " + mpm + " needs Edge 142 or later",
		},
		{version: "142", account: personal, os: "windows 11", client: "chrome 142", action: providers.Use, rule: "client"},
		// S13: what came later. No announcement says so, and the reasons do not claim it.
		{version: "145", account: personal, os: "macos 15", client: "edge 145", action: providers.Save, assumed: true},
		{version: "145", account: personal, os: "windows 11", client: "edge 142", action: providers.Save, assumed: true},
		{
			version: "145", account: personal, os: "macos 15", client: "edge 144", action: providers.Save, rule: "client",
			reason: "Edge 144 on macOS cannot save passkeys: " + mpm + " needs Edge 142 or later on Windows, 145 or later on macOS (unverified)",
		},
		{version: "145", account: personal, os: "ios 18", client: "edge 152", action: providers.Save, rule: "os"},
		{version: "149", account: personal, os: "ios 18", client: "edge 149", action: providers.Save, assumed: true},
		{version: "149", account: personal, os: "ios 18", client: "edge 148", action: providers.Use, rule: "client"},
		{version: "149", account: personal, os: "android 16", client: "edge 152", action: providers.Save, rule: "os"},
		{version: "152", account: personal, os: "android 16", client: "edge 152", action: providers.Save, assumed: true},
		{version: "152", account: personal, os: "android 16", client: "edge 151", action: providers.Save, rule: "client"},
		{version: "152", account: personal, os: "linux", client: "edge 152", action: providers.Save, rule: "os"},
		{
			version: "152", account: work, os: "windows 11", client: "edge 152", action: providers.Save, rule: "account",
			reason: "a work account cannot save passkeys: " + mpm + " is announced for personal Microsoft accounts only, not for work or school accounts (Microsoft Entra) (unverified)",
		},
		// S15: the policy stops saving for work accounts alone.
		{version: "152-work", account: work, os: "windows 11", client: "edge 152", action: providers.Save, assumed: true},
		{
			version: "152-work", account: work, os: "windows 11", client: "edge 152", action: providers.Save, policy: "off", rule: "policy",
			reason: "a work account whose policy PasswordManagerPasskeysEnabled is off cannot save passkeys: with the policy off nothing new is saved, and passkeys that are there go on working",
		},
		{version: "152-work", account: work, os: "windows 11", client: "edge 152", action: providers.Use, policy: "off", assumed: true},
		{version: "152-work", account: work, os: "windows 11", client: "edge 152", action: providers.Save, policy: "on", assumed: true},
		{version: "152", account: personal, os: "windows 11", client: "edge 152", action: providers.Save, policy: "off", assumed: true},
		// S16: no local user verification.
		{version: "142", account: personal, os: "windows 11", client: "edge 142", action: providers.Use, verification: "windows-hello"},
		{
			version: "142", account: personal, os: "windows 11", client: "edge 142", action: providers.Use, verification: "none", rule: "verification",
			reason: "a device that cannot verify its user cannot use passkeys: " + mpm + " wants a local user verification such as Windows Hello each time",
		},
	} {
		p, err := c.Find("microsoft-password-manager@" + tt.version)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Eligible(tt.action, providers.Circumstances{
			AccountType: tt.account, OS: providers.ParseRelease(tt.os), Client: providers.ParseRelease(tt.client),
			Policies: map[string]string{"passkeys": tt.policy}, Verification: tt.verification,
		})
		if got.Allowed != (tt.rule == "") || got.Rule != tt.rule || tt.reason != "" && got.Reason != tt.reason || (got.Assumed != "") != tt.assumed {
			t.Errorf("@%s, %s account, %s, %s, %s, policy %q: got %+v, want rule %q: %s",
				tt.version, tt.account, tt.os, tt.client, tt.action, tt.policy, got, tt.rule, tt.reason)
		}
		if got.Allowed != (got.Reason == "") {
			t.Errorf("a refusal has a reason and a permission none: %+v", got)
		}
	}
}

// A mistyped name is in the reason why it will not do.
func TestMistypedReleases(t *testing.T) {
	p, err := catalogue(t).Find("microsoft-password-manager@142")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ os, client, want string }{
		{"windws 11", "edge 142", "windws 11 cannot save passkeys: Microsoft Password Manager had passkeys on Windows 10 or later only when Edge 142 came out, not on macOS, iOS or Android (did you mean Windows?)"},
		{"windows 11", "egde 142", "egde 142 cannot save passkeys: Microsoft Password Manager needs Edge 142 or later (did you mean Edge?)"},
		{"windows 11", "microsoft edge 141", "microsoft edge 141 cannot save passkeys: Microsoft Password Manager needs Edge 142 or later"},
		{"macos 15", "edge 142", "macOS 15 cannot save passkeys: Microsoft Password Manager had passkeys on Windows 10 or later only when Edge 142 came out, not on macOS, iOS or Android"},
		{"windows 11", "netscape 4", "netscape 4 cannot save passkeys: Microsoft Password Manager needs Edge 142 or later"},
	} {
		e := p.Eligible(providers.Save, providers.Circumstances{AccountType: "personal", OS: providers.ParseRelease(tt.os), Client: providers.ParseRelease(tt.client)})
		if e.Allowed || e.Reason != tt.want {
			t.Errorf("%s, %s: %+v, want %s", tt.os, tt.client, e, tt.want)
		}
	}
}

// What rests on an unverified rule says which.
func TestUnverifiedPermission(t *testing.T) {
	p, err := catalogue(t).Find("microsoft-password-manager@152")
	if err != nil {
		t.Fatal(err)
	}
	e := p.Eligible(providers.Save, providers.Circumstances{AccountType: "personal", OS: providers.ParseRelease("android 16"), Client: providers.ParseRelease("edge 152")})
	if want := "what is said of account, os, client is so (unverified)"; !e.Allowed || e.Assumed != want {
		t.Errorf("%+v, want assumed %q", e, want)
	}
}

func TestPolicyNames(t *testing.T) {
	p, err := catalogue(t).Find("microsoft-password-manager@152-work")
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string][]string{"passkeys": {"off", "false", "0", "Disabled"}, "passwordmanagerpasskeysenabled": {"no"}} {
		for _, value := range values {
			if e := p.Eligible(providers.Save, providers.Circumstances{AccountType: "work", Policies: map[string]string{name: value}}); e.Rule != "policy" {
				t.Errorf("%s: %s is %+v", name, value, e)
			}
		}
	}
}

func TestAssumptions(t *testing.T) {
	p, err := catalogue(t).Find("microsoft-password-manager@142")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		c    providers.Circumstances
		want string
	}{
		{providers.Circumstances{}, "the account is a personal one; the operating system is one of those that will do; the client is one of those that will do"},
		{
			providers.Circumstances{AccountType: "personal", OS: providers.ParseRelease("windows"), Client: providers.ParseRelease("microsoft edge")},
			"Windows is the current release; microsoft edge is the current release",
		},
	} {
		if e := p.Eligible(providers.Save, tt.c); !e.Allowed || e.Assumed != tt.want {
			t.Errorf("%+v: got %+v, want %q", tt.c, e, tt.want)
		}
	}
}

func TestParseRelease(t *testing.T) {
	for text, want := range map[string]string{
		"windows 11":                   "windows [11]",
		"Windows 11 25H2":              "windows [11 25 2]",
		"ios 26.1":                     "ios [26 1]",
		"iOS18":                        "ios [18]",
		"edge":                         "edge []",
		"  google chrome  142.0.7444 ": "google chrome [142 0 7444]",
		"1password":                    "1password []",
		"1password 8.11":               "1password [8 11]",
		"":                             " []",
		"11":                           "11 []",
		"x 99999999999999999999":       "x []",
	} {
		r := providers.ParseRelease(text)
		if got := r.Name + " " + strings.ReplaceAll(strings.Trim(strings.Join(strings.Fields(sprint(r.Version)), " "), " "), "  ", " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// A newer client never loses what an older one was allowed, and who may save may also use.
func TestNewerIsNoWorse(t *testing.T) {
	c := catalogue(t)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(c.All()).Draw(t, "provider")
		os := rapid.SampledFrom([]string{"windows 11", "macos 15", "ios 18", "android 16", "linux", "chromeos 140", "", "?"}).Draw(t, "os")
		client := rapid.SampledFrom([]string{"edge", "chrome", "safari", "firefox"}).Draw(t, "client")
		version := rapid.IntRange(100, 160).Draw(t, "version")
		at := providers.Circumstances{
			AccountType: rapid.SampledFrom([]string{"", "personal", "work"}).Draw(t, "account"),
			OS:          providers.ParseRelease(os), Client: providers.Release{Name: client, Version: []int{version}, Text: client},
		}
		newer := at
		newer.Client.Version = []int{version + 1}
		for _, action := range []providers.Action{providers.Save, providers.Use} {
			if p.Eligible(action, at).Allowed && !p.Eligible(action, newer).Allowed {
				t.Fatalf("%s: %s %d may %s, and %d may not", p.ID(), client, version, action, version+1)
			}
		}
		if p.Eligible(providers.Save, at).Allowed && !p.Eligible(providers.Use, at).Allowed {
			t.Fatalf("%s: who may save may not use", p.ID())
		}
	})
}
