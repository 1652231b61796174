package matrix

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// What a facet that passed has shown of the pair is read off its ceremonies. They are free trees of JSON by then: what is
// not as it should be is left out.

// authData is what is looked at of decoded authenticator data.
type authData struct {
	Flags     []string `json:"flags"`
	SignCount *uint32  `json:"signCount"`
	PublicKey *struct {
		Algorithm string `json:"alg"`
	} `json:"publicKey"`
}

// options is what is looked at of a relying party's options.
type options struct {
	Parameters []struct {
		Algorithm int64 `json:"alg"`
	} `json:"pubKeyCredParams"`
	Attestation string `json:"attestation"`
	Selection   *struct {
		ResidentKey      string `json:"residentKey"`
		RequireResident  bool   `json:"requireResidentKey"`
		UserVerification string `json:"userVerification"`
		Attachment       string `json:"authenticatorAttachment"`
	} `json:"authenticatorSelection"`
	Exclude          []any  `json:"excludeCredentials"`
	UserVerification string `json:"userVerification"`
}

// read fills what is looked at from a tree of JSON.
func read[T any](tree any) (out T) {
	text, err := json.Marshal(tree)
	if err == nil {
		_ = json.Unmarshal(text, &out) // what has another type is left out
	}
	return out
}

// seen is what a pair's first passkey was like: "ES256, BE=1 BS=1, UV=1, count 0, attestation none". Counts are those of
// all its ceremonies, where there was more than zeros to be seen.
func seen(steps []report.Step) string {
	var words, counted []string
	var first string // its credential ID
	moves := false
	for i := range steps {
		c := steps[i].Ceremony
		if c == nil || c.AuthData == nil || steps[i].Verdict != report.VerdictPass || steps[i].Outcome != "accepted" {
			continue
		}
		data := read[authData](c.AuthData)
		if first == "" {
			first = c.CredentialID
		}
		if data.SignCount != nil && c.CredentialID == first {
			counted = append(counted, strconv.FormatUint(uint64(*data.SignCount), 10))
			moves = moves || *data.SignCount > 0
		}
		if words != nil || data.PublicKey == nil {
			continue
		}
		words = append(words, data.PublicKey.Algorithm, data.flag("BE")+" "+data.flag("BS"), data.flag("UV"), "count 0")
		if format := read[struct {
			Format string `json:"fmt"`
		}](c.Attestation).Format; format != "" {
			words = append(words, "attestation "+format)
		}
	}
	if words == nil {
		return ""
	}
	if moves {
		words[3] = "count " + counted[0]
		if len(counted) > 1 {
			words[3] = "counts " + strings.Join(counted, " ")
		}
	}
	return strings.Join(words, ", ")
}

// flag is a flag of authenticator data with its value: "BE=1".
func (d *authData) flag(name string) string {
	if slices.Contains(d.Flags, name) {
		return name + "=1"
	}
	return name + "=0"
}

// The things that options ask for, in the order in which they are shown.
const (
	askedAlgorithms   = "algorithms"
	askedAttestation  = "attestation"
	askedVerification = "user verification"
	askedAtLogin      = "user verification at sign-in"
	askedResident     = "resident key"
	askedAttachment   = "attachment"
	askedExclude      = "exclude list"
)

func askedOrder() []string {
	return []string{askedAlgorithms, askedAttestation, askedVerification, askedAtLogin, askedResident, askedAttachment, askedExclude}
}

// asked is what the options of some ceremonies ask for. What options leave out is what the standard takes it for.
func asked(steps []report.Step) []report.Asked {
	var list []report.Asked
	add := func(name, value string) { list = merge(list, []report.Asked{{Name: name, Value: value}}) }
	registered := make(map[string]bool) // users with a passkey
	for i := range steps {
		s := &steps[i]
		if s.Ceremony == nil || s.Ceremony.Options == nil {
			continue
		}
		o := read[options](s.Ceremony.Options)
		if s.Ceremony.Kind == "authentication" {
			add(askedAtLogin, cmp.Or(o.UserVerification, "preferred"))
			continue
		}
		addRegistration(add, &o)
		if registered[s.User] {
			add(askedExclude, excluded(len(o.Exclude)))
		}
		registered[s.User] = registered[s.User] || s.Outcome == "accepted"
	}
	return list
}

// addRegistration adds what the options of a registration ask for.
func addRegistration(add func(name, value string), o *options) {
	var names []string
	for _, p := range o.Parameters {
		names = append(names, algorithm(p.Algorithm))
	}
	add(askedAlgorithms, cmp.Or(strings.Join(names, ", "), "ES256, RS256")) // WebAuthn L3 §5.4: an empty list stands for these
	add(askedAttestation, cmp.Or(o.Attestation, "none"))
	verification, resident := "preferred", "discouraged"
	if selection := o.Selection; selection != nil {
		verification = cmp.Or(selection.UserVerification, verification)
		if selection.RequireResident {
			resident = "required"
		}
		resident = cmp.Or(selection.ResidentKey, resident)
		if selection.Attachment != "" {
			add(askedAttachment, selection.Attachment)
		}
	}
	add(askedVerification, verification)
	add(askedResident, resident)
}

// excluded says what a second registration was told of the first.
func excluded(entries int) string {
	if entries == 0 {
		return "not sent on a second registration"
	}
	return "sent on a second registration"
}

// algorithm is a COSE algorithm's name, or its number.
func algorithm(id int64) string {
	names := map[int64]string{
		-7: "ES256", -8: "EdDSA", -19: "Ed25519", -35: "ES384", -36: "ES512", -37: "PS256", -38: "PS384", -39: "PS512",
		-47: "ES256K", -48: "ML-DSA-44", -49: "ML-DSA-65", -50: "ML-DSA-87", -53: "Ed448", -257: "RS256", -258: "RS384", -259: "RS512", -65535: "RS1",
	}
	return cmp.Or(names[id], fmt.Sprintf("algorithm %d", id))
}

// merge adds what is asked for to a list, in the order of [askedOrder]. A thing that is asked for in several ways has them
// all.
func merge(list, more []report.Asked) []report.Asked {
	values := make(map[string][]string)
	for _, a := range slices.Concat(list, more) {
		for value := range strings.SplitSeq(a.Value, " | ") {
			if !slices.Contains(values[a.Name], value) {
				values[a.Name] = append(values[a.Name], value)
			}
		}
	}
	var merged []report.Asked
	for _, name := range askedOrder() {
		if v := values[name]; v != nil {
			slices.Sort(v)
			merged = append(merged, report.Asked{Name: name, Value: strings.Join(v, " | ")})
		}
	}
	return merged
}
