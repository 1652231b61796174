package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/checks"
	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/scenarios"
)

func texts[T ~string](list []T) []string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = string(v)
	}
	return words
}

func consents() []checks.Consent {
	return []checks.Consent{checks.Destructive, checks.Slow, checks.Network}
}

func checkWords() []string {
	var words []string
	for _, c := range checks.Catalogue() {
		words = append(words, described(c.ID, c.Title))
	}
	return words
}

func checkIDs() []string {
	var ids []string
	for _, c := range checks.Catalogue() {
		ids = append(ids, c.ID)
	}
	return ids
}

// profileFlag is the repeated flag --profile MEMBER=VALUE.
type profileFlag checks.Profile

// String implements pflag.Value. A default is never shown, because there is none.
func (p profileFlag) String() string { return "" }

// Type implements pflag.Value.
func (p profileFlag) Type() string { return "MEMBER=VALUE" }

// Set implements pflag.Value.
func (p profileFlag) Set(s string) error {
	member, value, ok := strings.Cut(s, "=")
	if !ok || value == "" {
		return &valueError{fmt.Sprintf("%q is not MEMBER=VALUE", s), ""}
	}
	if !slices.Contains(scenarios.ProfileMembers(), member) {
		return &valueError{fmt.Sprintf("a profile has no member %q", member), diag.Suggest(member, scenarios.ProfileMembers())}
	}
	p[member] = append(p[member], value)
	return nil
}

// over is a file's profile with what the flags say instead.
func (p profileFlag) over(file map[string][]string) checks.Profile {
	all := checks.Profile(file)
	maps.Copy(all, p)
	return all
}

func profileWords() []string {
	var words []string
	for _, member := range scenarios.ProfileMembers() {
		words = append(words, member+"=")
	}
	return words
}
