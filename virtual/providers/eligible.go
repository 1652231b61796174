package providers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
)

// spelling is how names of systems and clients are written, by their lower case, as the rows write them.
type spelling struct{ names map[string]string }

// release is a release as people write it.
func (s *spelling) release(r Release) string {
	name := r.Name
	if s != nil && s.names[name] != "" {
		name = s.names[name]
	} else if len(r.Text) >= len(name) {
		name = r.Text[:len(name)]
	}
	if len(r.Text) < len(r.Name) {
		return name
	}
	return strings.TrimSpace(name + r.Text[len(r.Name):])
}

// name is the release's name alone.
func (s *spelling) name(r Release) string {
	return s.release(Release{Name: r.Name, Text: r.Text[:min(len(r.Name), len(r.Text))]})
}

// meant is the system or client that a name which no row has was probably meant to be; empty when there is none.
func (s *spelling) meant(r Release) string {
	if s == nil {
		return ""
	}
	known := slices.Sorted(maps.Values(s.names))
	if slices.ContainsFunc(known, r.called) {
		return ""
	}
	return diag.Nearest(r.Name, known)
}

// Eligible says whether a passkey can be saved or used under some circumstances. The first rule that does
// not hold gives the reason: "Edge 141 cannot save passkeys: Microsoft Password Manager needs Edge 142 or
// later". What rests on something unverified says so, in the reason or in what is assumed.
func (p *Provider) Eligible(action Action, c Circumstances) Eligibility {
	rules := p.Use
	if action == Save {
		rules = p.Save
	}
	j := &judge{provider: p, action: action, Circumstances: c}
	for _, rule := range rules {
		found := j.broken(rule)
		if found == "" {
			continue
		}
		reason := fmt.Sprintf("%s cannot %s passkeys: %s", found, action, rule.Text)
		if rule.Certainty == Unverified {
			reason += " (unverified)"
		}
		if j.meant != "" {
			reason += fmt.Sprintf(" (did you mean %s?)", j.meant)
		}
		return Eligibility{Reason: reason, Rule: rule.ID, Assumed: j.told()}
	}
	var unverified []string
	for _, rule := range rules {
		if rule.Certainty == Unverified {
			unverified = append(unverified, rule.ID)
		}
	}
	if len(unverified) > 0 {
		j.assume("what is said of %s is so (unverified)", strings.Join(unverified, ", "))
	}
	return Eligibility{Allowed: true, Assumed: j.told()}
}

// judge holds one set of circumstances against rules.
type judge struct {
	provider *Provider
	action   Action
	Circumstances
	assumed []string
	meant   string // what the name that broke a rule was probably meant to be
}

func (j *judge) assume(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(j.assumed, text) {
		j.assumed = append(j.assumed, text)
	}
}

func (j *judge) told() string { return strings.Join(j.assumed, "; ") }

// accountType is the type of the account; nothing said is a personal one.
func (j *judge) accountType() string {
	if j.AccountType == "" {
		return "personal"
	}
	return j.AccountType
}

// broken is what stands in the way of a rule, as the subject of a sentence; empty when it holds.
func (j *judge) broken(r Rule) string {
	if len(r.Account) > 0 {
		if j.AccountType == "" {
			j.assume("the account is a personal one")
		}
		if !slices.Contains(r.Account, j.accountType()) {
			return "a " + j.accountType() + " account"
		}
	}
	if len(r.OS) > 0 && !j.meets(r.OS, j.OS, "operating system") {
		j.meant = j.provider.names.meant(j.OS)
		return j.provider.names.release(j.OS)
	}
	if len(r.Client) > 0 && !j.meets(r.Client, j.Client, "client") {
		j.meant = j.provider.names.meant(j.Client)
		return j.client(r.Client)
	}
	if r.Policy != nil && j.forbids(r.Policy) {
		return fmt.Sprintf("a %s account whose policy %s is off", j.accountType(), r.Policy.Name)
	}
	if r.Verification && j.Verification == "none" {
		return "a device that cannot verify its user"
	}
	return ""
}

// meets reports whether a release meets one of the requirements.
func (j *judge) meets(list []Requirement, r Release, what string) bool {
	if r.Name == "" {
		j.assume("the %s is one of those that will do", what)
		return true
	}
	unsure := false
	for _, want := range list {
		if !r.called(want.Name) || want.On != "" && j.OS.Name != "" && !j.OS.called(want.On) {
			continue
		}
		ok, assumed := r.reaches(want.From)
		if ok && !assumed {
			return true
		}
		unsure = unsure || assumed
	}
	if unsure {
		j.assume("%s is the current release", j.provider.names.release(r))
	}
	return unsure
}

// client names the client, and the system it is on where that makes a difference.
func (j *judge) client(list []Requirement) string {
	text := j.provider.names.release(j.Client)
	if j.OS.Name != "" && slices.ContainsFunc(list, func(want Requirement) bool { return want.On != "" }) {
		text += " on " + j.provider.names.name(j.OS)
	}
	return text
}

// forbids reports whether a policy is off and concerns the account.
func (j *judge) forbids(p *Policy) bool {
	if len(p.Account) > 0 && !slices.Contains(p.Account, j.accountType()) {
		return false
	}
	for name, value := range j.Policies {
		if !strings.EqualFold(name, p.Name) && !strings.EqualFold(name, p.Short) {
			continue
		}
		switch strings.ToLower(value) {
		case "off", "false", "no", "0", "disabled":
			return true
		}
	}
	return false
}
