package docs_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/passrig/passrig/virtual/providers"
)

// TestProviderReference compares docs/providers.md with the rows and the members of provider files.
func TestProviderReference(t *testing.T) {
	known, err := providers.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"the rows": providerTable(known), "the members": memberTable(), "the quirks": quirkTable()} {
		compareGenerated(t, "providers.md", name, want)
	}
}

// providerTable has a line for each row. What is unverified has an asterisk.
func providerTable(known *providers.Catalogue) string {
	columns := []struct{ title, member string }{
		{"since", "since"},
		{"BE", "backup-eligible"},
		{"BS", "backed-up"},
		{"counter", "counter"},
		{"claims", "claims"},
		{"algorithms", "algorithms"},
		{"unlock", "unlock.method"},
		{"tries", "unlock.attempts"},
		{"then", "unlock.on-exhausted"},
		{"replace", "sync.replace"},
		{"delete", "sync.delete"},
		{"signal unknown", "signals.unknown"},
		{"export", "export.formats"},
	}
	var b strings.Builder
	b.WriteString("| provider |")
	for _, c := range columns {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, p := range known.All() {
		fmt.Fprintf(&b, "| `%s` |", p.ID())
		for _, c := range columns {
			b.WriteString(" " + providerCell(p, c.member) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func providerCell(p *providers.Provider, member string) string {
	f, ok := p.Fact(member)
	if !ok {
		return ""
	}
	value := f.Value
	switch value {
	case "true":
		value = "1"
	case "false":
		value = "0"
	}
	if f.Certainty == providers.Unverified {
		value += "*"
	}
	return value
}

func memberTable() string {
	var b strings.Builder
	b.WriteString("| member | value | what it says |\n|---|---|---|\n")
	for _, m := range providers.Members() {
		value := string(m.Kind)
		if m.Values != nil {
			value = "`" + strings.Join(m.Values, "` `") + "`"
			if m.Kind == providers.KindTexts {
				value = "a list of " + value
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, value, m.Doc)
	}
	return b.String()
}

func quirkTable() string {
	var b strings.Builder
	b.WriteString("| quirk | what a relying party sees | how a scenario has it of any device |\n|---|---|---|\n")
	for _, q := range providers.Quirks() {
		play := ""
		if q.Play != "" {
			play = "`" + q.Play + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", q.Name, q.Doc, play)
	}
	return b.String()
}

// TestProviderExample loads the provider file that the document shows.
func TestProviderExample(t *testing.T) {
	known, err := providers.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("providers.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := slices.DeleteFunc(blocks("docs/providers.md", string(data)), func(b block) bool { return !strings.HasPrefix(b.text, "passrig-provider:") })
	if len(shown) != 1 {
		t.Fatalf("%d provider files are shown", len(shown))
	}
	mine, err := known.With(fstest.MapFS{"keyring.yaml": {Data: []byte(shown[0].text)}}, "mine")
	if err != nil {
		t.Fatal(err)
	}
	p, err := mine.Find("keyring")
	if err != nil || p.ID() != "keyring@2" || p.Unlock.Attempts != 8 {
		t.Fatalf("%v, %v", p, err)
	}
	e := p.Eligible(providers.Save, providers.Circumstances{OS: providers.ParseRelease("macos 15"), Client: providers.ParseRelease("keyring 2")})
	if e.Reason != "Keyring 2 on macOS cannot save passkeys: Keyring needs version 1 on Windows, 3 on macOS" {
		t.Errorf("%+v", e)
	}
}
