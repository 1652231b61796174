package providers_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual/providers"
)

func TestHomesAreWhereTheRulesAllow(t *testing.T) {
	t.Parallel()
	for _, p := range catalogue(t).All() {
		t.Run(p.ID(), func(t *testing.T) {
			t.Parallel()
			homes := p.Homes()
			if len(homes) != 2 {
				t.Fatalf("%d homes, want 2", len(homes))
			}
			for _, h := range homes {
				if h.OS.Name == "" || h.Client.Name == "" {
					t.Errorf("a home does not say its system or client: %+v", h)
				}
				for _, action := range []providers.Action{providers.Save, providers.Use} {
					if e := p.Eligible(action, h); !e.Allowed {
						t.Errorf("%s, %s: cannot %s: %s", h.OS.Text, h.Client.Text, action, e.Reason)
					}
				}
			}
		})
	}
}

func TestHomes(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][]string{
		"device-bound":                   {"personal: windows 11, edge 152", "personal: ios 26, safari 26"},
		"apple-passwords":                {"personal: macos 26, safari 26", "personal: ios 26, safari 26"},
		"google-password-manager":        {"personal: windows 11, chrome 152", "personal: ios 26, chrome 152"},
		"chrome-profile-mac":             {"personal: macos 26, chrome 152", "personal: macos 26, chrome 152"},
		"samsung-pass":                   {"personal: android 16, chrome 152", "personal: android 16, chrome 152"},
		"keepassdx":                      {"personal: android 16, chrome 152", "personal: android 16, chrome 152"},
		"keepassxc":                      {"personal: windows 11, edge 152", "personal: macos 26, safari 26"},
		"microsoft-authenticator":        {"work: ios 26, safari 26", "work: android 16, chrome 152"},
		"microsoft-password-manager":     {"personal: windows 11, edge 152", "personal: ios 26, edge 152"},
		"microsoft-password-manager@142": {"personal: windows 11, edge 152", "personal: windows 11, edge 152"},
		"windows-hello":                  {"personal: windows 11, edge 152", "personal: windows 11, edge 152"},
	} {
		p, err := catalogue(t).Find(id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, written(p.Homes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

func TestHomesOfRulesWithNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	const rules = `passrig-provider: 1
name: keyring
title: Keyring
summary: Of our own.
facts:
  - certainty: documented
    source: us
    rules:
      - {id: os, for: [save, use], os: [Haiku >= 5], text: it is on Haiku}
      - {id: client, for: [save, use], client: [WebPositive >= 3 on Haiku], text: it is in WebPositive}
`
	for _, test := range []struct {
		name, rules string
		want        []string
	}{
		{"a system and a client of its own", rules, []string{"personal: haiku 5, webpositive 3", "personal: haiku 5, webpositive 3"}},
		{"nothing is allowed", rules + "      - {id: none, for: [use], client: [Other], text: \"no\"}\n", nil},
	} {
		c, err := catalogue(t).With(fstest.MapFS{"keyring.yaml": {Data: []byte(test.rules)}}, "mine")
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Find("keyring")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, written(p.Homes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func written(homes []providers.Circumstances) []string {
	var all []string
	for _, h := range homes {
		all = append(all, h.AccountType+": "+h.OS.Text+", "+h.Client.Text)
	}
	return all
}
