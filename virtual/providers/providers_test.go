package providers_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/providers"
)

func sprint(v any) string { return fmt.Sprint(v) }

func catalogue(tb testing.TB) *providers.Catalogue {
	tb.Helper()
	c, err := providers.Builtin()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func find(t *testing.T, id string) *providers.Provider {
	t.Helper()
	p, err := catalogue(t).Find(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryRowIsThere(t *testing.T) {
	names := catalogue(t).Names()
	for _, id := range []string{
		"device-bound", "synced-generic", "security-key-generic",
		"microsoft-password-manager@142", "microsoft-password-manager@145", "microsoft-password-manager@149", "microsoft-password-manager@152",
		"google-password-manager", "apple-passwords", "samsung-pass@4.4", "samsung-pass@2025.1", "1password", "bitwarden", "dashlane",
		"keepassxc@2.7.11", "keepassxc@2.7.12", "keepassdx", "proton-pass", "nordpass", "lastpass", "keeper", "enpass", "strongbox",
		"windows-hello", "chrome-profile-mac", "microsoft-authenticator", "yubikey-5@5.2", "yubikey-5@5.7", "thales-sdk",
	} {
		if !slices.Contains(names, id) {
			t.Errorf("there is no %s", id)
		}
	}
}

func TestRowsAreSound(t *testing.T) {
	seen := map[string]bool{}
	var before *providers.Provider
	for _, p := range catalogue(t).All() {
		if seen[p.ID()] {
			t.Errorf("%s is there twice", p.ID())
		}
		seen[p.ID()] = true
		if p.Title == "" || p.Summary == "" || !strings.HasSuffix(p.Summary, ".") {
			t.Errorf("%s: title %q, summary %q", p.ID(), p.Title, p.Summary)
		}
		if _, err := virtual.NewSoftwareDevice(p.Config); err != nil {
			t.Errorf("%s: %v", p.ID(), err)
		}
		if p.Config.AAGUID == "" && !strings.HasSuffix(p.Name, "-generic") && p.Name != providers.Default {
			t.Errorf("%s has no AAGUID", p.ID())
		}
		if p.Config.BackedUp && p.Sync == nil {
			t.Errorf("%s says BS=1 and does not sync", p.ID())
		}
		for _, f := range p.Facts {
			if f.Source == "" || f.Value == "" && !strings.HasPrefix(f.Member, "export") || !slices.Contains([]providers.Certainty{providers.Read, providers.Documented, providers.Unverified}, f.Certainty) {
				t.Errorf("%s: %+v", p.ID(), f)
			}
		}
		if before != nil && before.Name == p.Name && p.Changed == "" && p.Assumes == "" {
			t.Errorf("%s does not say what it changed", p.ID())
		}
		if strings.HasPrefix(p.Name, "-") || strings.Contains(p.ID(), " ") {
			t.Errorf("%q is no id", p.ID())
		}
		before = p
	}
}

// Numbers and words that the reference marks as memory, inference or disputed are never shown as facts.
func TestWhatIsNotCertain(t *testing.T) {
	for _, id := range []string{"chrome-profile-mac", "dashlane", "nordpass", "lastpass", "keeper", "enpass", "yubikey-5@5.7", "thales-sdk"} {
		p := find(t, id)
		for _, f := range p.Facts {
			if f.Certainty != providers.Unverified || !strings.HasSuffix(f.String(), " (unverified)") {
				t.Errorf("%s says as a fact: %s", id, f)
			}
		}
		for _, r := range slices.Concat(p.Save, p.Use) {
			if r.Certainty != providers.Unverified {
				t.Errorf("%s has a certain rule: %s", id, r.Text)
			}
		}
	}
	for id, members := range map[string][]string{
		"microsoft-password-manager@142": {"unlock.resets-on-success", "unlock.reset", "unlock.min-length", "unlock.digits", "reported", "counter", "signals.unknown", "sync.merge"},
		"microsoft-password-manager@145": {"since", "changed", "rules.os", "rules.client", "rules.account"},
		"microsoft-password-manager@149": {"since", "changed", "rules.os", "rules.client"},
		"microsoft-password-manager@152": {"since", "changed", "rules.os", "rules.client"},
		"google-password-manager":        {"unlock.attempts"},
		"apple-passwords":                {"aaguid", "notes.be-flip"},
		"bitwarden":                      {"sync.trash-for", "claims"},
		"yubikey-5@5.2":                  {"slots", "aaguid", "other-aaguids"},
		"windows-hello":                  {"notes.prf"},
	} {
		for _, member := range members {
			if f, ok := find(t, id).Fact(member); !ok || f.Certainty != providers.Unverified {
				t.Errorf("%s: %s is %+v", id, member, f)
			}
		}
	}
	for id, members := range map[string][]string{
		"microsoft-password-manager@142": {"unlock.attempts", "rules.account", "rules.os", "rules.client", "since", "backed-up"},
		"keepassxc@2.7.12":               {"backup-eligible", "sync.tombstones"},
	} {
		for _, member := range members {
			if f, ok := find(t, id).Fact(member); !ok || f.Certainty == providers.Unverified {
				t.Errorf("%s: %s is %+v", id, member, f)
			}
		}
	}
}

// Zero tries would be none.
func TestNoLimitIsNoNumber(t *testing.T) {
	p := find(t, "bitwarden")
	if f, _ := p.Fact("unlock.attempts"); p.Unlock.Attempts != 0 || f.Value != "any" {
		t.Errorf("%d, shown as %q", p.Unlock.Attempts, f.Value)
	}
}

// What a row takes over from another one is assumed of it.
func TestLikeIsAssumed(t *testing.T) {
	f, ok := find(t, "nordpass").Fact("sync.merge")
	if want := (providers.Fact{Member: "sync.merge", Value: "server-wins", Certainty: providers.Unverified, Source: "assumed, as of synced-generic"}); !ok || f != want {
		t.Errorf("got %+v, want %+v", f, want)
	}
}

func TestGenericKinds(t *testing.T) {
	for id, want := range map[string]virtual.Config{
		"device-bound": {Attachment: "platform", Transports: []string{"internal"}},
		"synced-generic": {
			Attachment: "platform", Transports: []string{"hybrid", "internal"},
			BackupEligible: true, BackedUp: true,
		},
		"security-key-generic": {
			Attachment: "cross-platform", Transports: []string{"nfc", "usb"}, Algorithms: []string{"ES256", "EdDSA"},
			Counter: virtual.Counter{Policy: virtual.CounterGlobal, Start: 1}, Attestation: virtual.AttestationPacked,
			ResidentKeys: virtual.ResidentKeysWhenAsked, ResidentKeyLimit: 100, UserVerification: virtual.VerificationWhenAsked,
			Extensions: []string{"credProps", "prf", "credBlob", "minPinLength"},
		},
	} {
		if want.Counter.Policy == "" {
			want.Counter.Policy, want.Attestation, want.ResidentKeys = virtual.CounterZero, virtual.AttestationNone, virtual.ResidentKeysAlways
			want.UserVerification = virtual.VerificationAlways
		}
		if diff := cmp.Diff(want, find(t, id).Config); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	if find(t, "").Name != "device-bound" || find(t, "device-bound").Sync != nil || find(t, "security-key-generic").Sync != nil {
		t.Error("the default provider is not the one that keeps passkeys on the device")
	}
}

func TestQuirksAreInTheConfig(t *testing.T) {
	if p := find(t, "samsung-pass"); !p.Config.EmptyExtensionMap || p.Version != "2025.1" || !cmp.Equal(p.Quirks, []string{"empty-extension-map"}) {
		t.Errorf("samsung-pass@%s: %+v", p.Version, p.Config)
	}
	if find(t, "bitwarden").Config.Counter.Policy != virtual.CounterWhenCounting {
		t.Error("bitwarden does not go on counting")
	}
	if p := find(t, "microsoft-password-manager@152"); p.Config.UserVerification != virtual.VerificationAlways {
		t.Error("what one report says is played by default")
	}
}

func TestFind(t *testing.T) {
	c := catalogue(t)
	for id, want := range map[string]string{
		"":                           "device-bound",
		"microsoft-password-manager": "microsoft-password-manager@152",
		"google-password-manager":    "google-password-manager@2026",
		"keepassxc":                  "keepassxc@2.7.12",
		"keepassxc@2.7.11":           "keepassxc@2.7.11",
	} {
		if p, err := c.Find(id); err != nil || p.ID() != want {
			t.Errorf("%q: got %v, %v, want %s", id, p, err, want)
		}
	}
	for id, hint := range map[string]string{
		"microsoft-password-manger@152":  `did you mean "microsoft-password-manager@152"?`,
		"microsoft-password-manager@143": "there is microsoft-password-manager@142, microsoft-password-manager@145, microsoft-password-manager@149, microsoft-password-manager@152, microsoft-password-manager@152-reset-wipes, microsoft-password-manager@152-work",
		"bitwarden@3":                    "there is bitwarden",
		"microsoft-password-manager@":    "there is microsoft-password-manager@142, microsoft-password-manager@145, microsoft-password-manager@149, microsoft-password-manager@152, microsoft-password-manager@152-reset-wipes, microsoft-password-manager@152-work",
		"lastpas":                        `did you mean "lastpass"?`,
		"iCloud":                         `did you mean "apple-passwords"?`,
		"microsoft":                      `did you mean "microsoft-authenticator" or "microsoft-password-manager"?`,
		"hello@11":                       `did you mean "windows-hello"?`,
	} {
		_, err := c.Find(id)
		unknown, ok := errors.AsType[*providers.UnknownError](err)
		if !ok || unknown.Hint != hint || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"@", "x@", "@142"} {
		if _, err := c.Find(id); err == nil || !strings.Contains(err.Error(), "expected one of 1password, apple-passwords, ") || strings.Contains(err.Error(), "more)") {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// What a reader of a row would ask about, and nobody has said.
func TestUnknown(t *testing.T) {
	for id, want := range map[string]string{
		"microsoft-password-manager@142": "claims extensions",
		"google-password-manager":        "",
		"windows-hello":                  "credential-id-length slots claims extensions",
		"yubikey-5@5.2":                  "credential-id-length claims",
		"nordpass":                       "credential-id-length claims extensions unlock.attempts unlock.reset",
	} {
		var names []string
		for _, m := range find(t, id).Unknown() {
			names = append(names, m.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

// Code knows behaviors, never vendors.
func TestNoVendorInCode(t *testing.T) {
	words := []string{ // bitwarden and keepassxc are names of formats too
		"microsoft", "entra", "windows", "hello", "edge", "google", "chrome", "android", "apple", "icloud", "safari", "macos", "ios", "samsung",
		"1password", "dashlane", "keepassdx", "proton", "nordpass", "lastpass", "keeper", "enpass", "strongbox", "yubikey", "yubico", "thales",
	}
	pattern := regexp.MustCompile(`(?i)"[^"\n]*\b(` + strings.Join(words, "|") + `)\b[^"\n]*"`)
	files, err := filepath.Glob("../*.go")
	more, err2 := filepath.Glob("*.go")
	fabric, err3 := filepath.Glob("../fabric/*.go")
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Concat(files, more, fabric) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(data), "\n") {
			if code, _, _ := strings.Cut(line, "//"); pattern.MatchString(code) {
				t.Errorf("%s names a vendor: %s", name, line)
			}
		}
	}
}

func TestWithReplacesAndAdds(t *testing.T) {
	c, err := catalogue(t).With(os.DirFS("testdata/mine"), "mine")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Find("bitwarden")
	if err != nil || p.Title != "Bitwarden at work" || p.Config.Counter.Policy != virtual.CounterZero || p.Sync.TrashFor.Hours() != 24 {
		t.Errorf("not replaced: %+v, %v", p, err)
	}
	p, err = c.Find("keyring")
	if err != nil || p.Version != "2" || p.Config.BackupEligible || p.Sync == nil || p.Sync.Tombstones != providers.TombstonesIgnored {
		t.Fatalf("not added: %+v, %v", p, err)
	}
	if e := p.Eligible(providers.Use, providers.Circumstances{OS: providers.ParseRelease("beos 5"), Client: providers.ParseRelease("netpositive")}); e.Reason != "BeOS 5 cannot use passkeys: it needs BeOS 6 (unverified)" {
		t.Errorf("%+v", e)
	}
	if before := catalogue(t); len(before.All()) != len(c.All())-2 {
		t.Errorf("%d rows and two new ones are %d", len(before.All()), len(c.All()))
	}
	if diff := cmp.Diff(find(t, "bitwarden"), find(t, "bitwarden"), cmpopts.IgnoreUnexported(providers.Provider{}), cmpopts.IgnoreUnexported(virtual.AttestationCA{})); diff != "" || find(t, "bitwarden").Title != "Bitwarden" {
		t.Error("the catalogue it came from has changed")
	}
}
