package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
)

// COSE algorithm ids that relying parties ask for (IANA COSE Algorithms).
const (
	algES256 = -7
	algEdDSA = -8
	algRS256 = -257
	algRS1   = -65535
)

// algorithmsOf are the algorithms that creation options offer. listed is false if there is no list: then clients take
// ES256 and RS256, and that the list is missing is another check's matter.
func algorithmsOf(v *view) (ids []int64, listed bool) {
	list, _ := v.options["pubKeyCredParams"].([]any)
	for _, entry := range list {
		if p, ok := entry.(map[string]any); ok && p["type"] == "public-key" {
			if alg, ok := p["alg"].(float64); ok {
				ids = append(ids, int64(alg))
			}
		}
	}
	return ids, len(list) > 0
}

// offered is a row for an algorithm that ought to be offered.
func offered(id, name string, alg int64, severity Severity, why, fault string) *Check {
	return &Check{
		ID: "opt-alg-" + id, Title: name + " is offered", Level: Should, Severity: severity,
		Basis: []string{"WebAuthn L3 §5.4"}, Sends: "a request for creation options",
		Expects: fmt.Sprintf("%d among pubKeyCredParams", alg),
		Fix:     fmt.Sprintf("Offer %s (%d): %s", name, alg, why),
		Faults:  []string{fault},
		Perform: inCreation(func(_ *Rig, v *view) (any, string) {
			ids, ok := algorithmsOf(v)
			if !ok {
				return nil, ""
			}
			if !slices.Contains(ids, alg) {
				return ids, fmt.Sprintf("%s (%d) is not among %v", name, alg, ids)
			}
			return ids, ""
		}),
	}
}

func algorithmChecks() []*Check {
	return []*Check{
		offered("es256", "ES256", algES256, High, "it is the one that almost every authenticator has.", "es256-not-offered"),
		offered("rs256", "RS256", algRS256, Medium, "many Windows computers with a TPM have nothing else.", "rs256-not-offered"),
		offered("eddsa", "EdDSA", algEdDSA, Low, "it is among the three that every relying party is advised to take.", "eddsa-not-offered"),
		{
			ID: "opt-alg-unsafe", Title: "No algorithm that is none for signatures, or broken", Level: Should, Severity: Medium,
			Basis:   []string{"WebAuthn L3 §5.4", "IANA COSE Algorithms"},
			Sends:   "a request for creation options",
			Expects: "no SHA-1 signatures, MACs, hashes, or numbers that nobody registered",
			Fix:     "Offer signature algorithms only: -8, -7 and -257 are enough for all authenticators.",
			Faults:  []string{"sha1-offered"},
			Perform: inCreation(func(r *Rig, v *view) (any, string) {
				ids, _ := algorithmsOf(v)
				var unsafe []int64
				for _, id := range ids {
					if !signs(id) && !(id == algRS1 && slices.Contains(r.Profile()["preset"], "fido")) {
						unsafe = append(unsafe, id)
					}
				}
				if len(unsafe) > 0 {
					return ids, fmt.Sprintf("offers %v", unsafe)
				}
				return ids, ""
			}),
		},
		{
			ID: "opt-alg-fully-specified", Title: "Older names of algorithms next to newer ones", Level: Should, Severity: Low,
			Basis:   []string{"WebAuthn L3 §5.4, §5.8.5"},
			Sends:   "a request for creation options",
			Expects: "-7, -35, -36 or -8 wherever -9, -51, -52 or -19 is offered",
			Fix:     "Offer the older numbers too: authenticators and clients do not know the fully specified ones.",
			Faults:  []string{"fully-specified-only"},
			Perform: inCreation(func(_ *Rig, v *view) (any, string) {
				ids, _ := algorithmsOf(v)
				for _, pair := range [][2]int64{{-9, algES256}, {-51, -35}, {-52, -36}, {-19, algEdDSA}} {
					if slices.Contains(ids, pair[0]) && !slices.Contains(ids, pair[1]) {
						return ids, fmt.Sprintf("offers %d without %d", pair[0], pair[1])
					}
				}
				return ids, ""
			}),
		},
	}
}

// signs reports whether a COSE algorithm is registered, is for signatures, and is not broken.
func signs(alg int64) bool {
	switch {
	case alg <= -7 && alg >= -9, alg == -19, alg <= -35 && alg >= -39, alg <= -46 && alg >= -53, alg <= -257 && alg >= -268:
		return true
	}
	return false
}

func policyChecks() []*Check {
	return append(requirementChecks(), []*Check{
		{
			ID: "opt-attestation-value", Title: "What attestation is asked for", Level: Info, Severity: Note, Basis: []string{"WebAuthn L3 §5.4.7"},
			Sends: "a request for creation options", Expects: "none, indirect, direct, enterprise, or nothing",
			Fix: "Nothing has to be done. Ask for attestation only if you do something with it: clients may ask people for their consent.",
			Perform: inCreation(func(_ *Rig, v *view) (any, string) {
				value := memberOrAbsent(v.options, "attestation")
				switch value {
				case "absent", "none", "indirect":
					return value, ""
				}
				return value, fmt.Sprintf("asks for %v", value)
			}),
		},
		{
			ID: "opt-hints", Title: "Hints at the kind of authenticator", Level: Info, Severity: Note, Basis: []string{"WebAuthn L3 §5.8.8"},
			Sends: "requests for options", Expects: "security-key, client-device, hybrid, and for older clients the attachment that fits",
			Fix:     "Nothing has to be done. Clients ignore hints that they do not know.",
			Perform: inOptions(hints),
		},
		{
			ID: "opt-extensions", Title: "Extensions that are asked for", Level: Info, Severity: Note, Basis: []string{"WebAuthn L3 §9, §10"},
			Sends: "requests for options", Expects: "registered extensions, each in its ceremony",
			Fix:     "Nothing has to be done. Clients ignore extensions that they do not know.",
			Perform: inOptions(extensions),
		},
	}...)
}

func requirementChecks() []*Check {
	return []*Check{
		{
			ID: "opt-resident-key", Title: "Discoverable passkeys, asked for in one voice", Level: Should, Severity: Medium,
			Basis:   []string{"WebAuthn L3 §5.4.4"},
			Sends:   "a request for creation options",
			Expects: "requireResidentKey true with residentKey required only; and required or preferred where login needs no user name",
			Fix:     "Set residentKey, and requireResidentKey to true exactly if that is required.",
			Faults:  []string{"resident-key-contradicts", "resident-key-discouraged"},
			Perform: inCreation(residentKey),
		},
		{
			ID: "opt-uv-value", Title: "User verification where the passkey is all there is", Level: Should, Severity: High,
			Gates: []Gate{unless("factor", "second")}, Basis: []string{"WebAuthn L3 §5.8.6, §6.2.3"},
			Sends: "requests for options", Expects: "required or preferred, or nothing, which is preferred",
			Fix:    "Ask for user verification: without it a found security key signs in. Declare factor: second if a password comes first.",
			Faults: []string{"uv-discouraged"},
			Perform: inOptions(func(_ *Rig, v *view) (any, string) {
				switch uv := uvOf(v.options); uv {
				case "required", "preferred":
					return uv, ""
				default:
					return uv, fmt.Sprintf("userVerification is %q", uv)
				}
			}),
		},
		{
			ID: "opt-uv-echo", Title: "Options as they were asked for", Level: Must, Severity: Low, Where: API,
			Gates: []Gate{gate("preset", "fido")}, Basis: []string{"FIDO MC-Req-1 P-2, P-4, GA-Req-1 (1.9.2)"},
			Sends:   "requests for options that name user verification, attestation and an extension",
			Expects: "the same values in the options",
			Fix:     "Copy userVerification, attestation and extensions of the request into the options.",
			Faults:  []string{"uv-wish-ignored"}, Perform: echoes,
		},
	}
}

func residentKey(r *Rig, v *view) (seen any, wrong string) {
	selection, _ := v.options["authenticatorSelection"].(map[string]any)
	wish, stated := selection["residentKey"].(string)
	must, mustStated := selection["requireResidentKey"].(bool)
	seen = map[string]any{"residentKey": memberOrAbsent(selection, "residentKey"), "requireResidentKey": memberOrAbsent(selection, "requireResidentKey")}
	if stated && mustStated && must != (wish == "required") {
		return seen, fmt.Sprintf("residentKey is %q, and requireResidentKey is %t", wish, must)
	}
	discoverable := slices.Contains(r.Profile()["discoverable"], "yes")
	if discoverable && wish != "required" && wish != "preferred" && (stated || !must) {
		return seen, "login without a user name needs discoverable passkeys, which are not asked for"
	}
	return seen, ""
}

// echoes is about relying parties that speak the FIDO conformance API, whose requests say what the options have to be.
func echoes(ctx context.Context, r *Rig) Finding {
	u, err := r.onlooker(ctx)
	if err != nil {
		return untold("%v", err)
	}
	extension := map[string]any{"credProps": true}
	seen := make(map[string]any)
	var wrongs []string
	for _, operation := range []string{opRegister, opLogin} {
		result := r.tamper(ctx, operation, u, func(body any) any {
			members, ok := body.(map[string]any)
			if !ok {
				return body
			}
			members["extensions"] = extension
			if operation == opRegister {
				members["attestation"] = "direct"
				members["authenticatorSelection"] = map[string]any{"userVerification": "discouraged"}
			} else {
				members["userVerification"] = "discouraged"
			}
			return members
		})
		options, err := optionsOf(result)
		if err != nil {
			return untold("%v", err)
		}
		seen[operation] = map[string]any{"userVerification": uvOf(options), "extensions": options["extensions"]}
		if uv := uvOf(options); uv != "discouraged" {
			wrongs = append(wrongs, fmt.Sprintf("%s: userVerification is %q instead of %q", operation, uv, "discouraged"))
		}
		if member(options, "extensions", "credProps") != true {
			wrongs = append(wrongs, operation+": the extension is not there")
		}
		if attestation := options["attestation"]; operation == opRegister && attestation != "direct" {
			wrongs = append(wrongs, fmt.Sprintf("%s: attestation is %v instead of %q", operation, attestation, "direct"))
		}
	}
	r.See(seen)
	if len(wrongs) > 0 {
		return deviates("%s", strings.Join(wrongs, "; "))
	}
	return conforms("what was asked for is in the options")
}

// optionsOf are the options of a result, or why there are none.
func optionsOf(result *rp.Result) (map[string]any, error) {
	if len(result.Options) == 0 {
		return nil, fmt.Errorf("%s gave no options: %s", result.Operation, result.Reason)
	}
	var options map[string]any
	err := json.Unmarshal(result.Options, &options)
	return options, err
}

func hints(_ *Rig, v *view) (seen any, wrong string) {
	list, ok := v.options["hints"].([]any)
	if !ok || len(list) == 0 {
		return "none", ""
	}
	fits := map[any]string{"security-key": "cross-platform", "hybrid": "cross-platform", "client-device": "platform"}
	attachment := member(v.options, "authenticatorSelection", "authenticatorAttachment")
	for _, hint := range list {
		if fits[hint] == "" {
			return list, fmt.Sprintf("%v is no hint", hint)
		}
		if attachment != nil && attachment != fits[hint] {
			return list, fmt.Sprintf("hint %v, but authenticatorAttachment %v", hint, attachment)
		}
	}
	return list, ""
}

// extensions looks at the names of extensions (IANA WebAuthn Extension Identifiers, WebAuthn L3 §10, CTAP 2.2 §12).
func extensions(_ *Rig, v *view) (seen any, wrong string) {
	asked, _ := v.options["extensions"].(map[string]any)
	names := slices.AppendSeq([]string{}, maps.Keys(asked))
	slices.Sort(names)
	creation := "appidExclude credProps credProtect credentialProtectionPolicy enforceCredentialProtectionPolicy minPinLength credBlob"
	request := "appid getCredBlob"
	either := "prf largeBlob hmac-secret hmacCreateSecret hmacGetSecret uvm payment thirdPartyPayment txAuthSimple txAuthGeneric authnSel exts uvi loc"
	here := creation
	if !v.creation() {
		here = request
	}
	var odd []string
	for _, name := range names {
		if !slices.Contains(strings.Fields(here+" "+either), name) {
			odd = append(odd, name)
		}
	}
	if len(odd) > 0 {
		return names, "not registered, or of the other ceremony: " + strings.Join(odd, ", ")
	}
	return names, ""
}
