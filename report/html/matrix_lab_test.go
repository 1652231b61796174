package html_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/report"
)

// labRun is a matrix as a lab has it: all providers at five relying parties, with the failures that real ones have.
func labRun() *report.Run {
	m := &report.Matrix{Providers: labProviders(), Parties: labParties(), Jobs: 4}
	for _, f := range [][2]string{
		{"signup", "Sign up with a passkey"},
		{"login", "Sign in with it"},
		{"second-device", "Sign in on a second device"},
		{"roam", "Sign in on another system"},
		{"flags", "Flags are taken as they are"},
		{"algorithms", "The algorithm wanted most"},
		{"counters", "Signature counters"},
		{"attestation", "Attestation"},
		{"exclude", "No second passkey on one device"},
		{"deletion", "A deleted passkey opens nothing"},
		{"signals", "Signals about passkeys"},
	} {
		m.Facets = append(m.Facets, report.MatrixFacet{ID: f[0], Title: f[1], File: "builtin:matrix/" + f[0]})
	}
	now := 0.0
	for i := range m.Providers {
		for j := range m.Parties {
			if m.Parties[j].Problem != "" && i > 0 {
				continue
			}
			c := report.MatrixCell{Provider: m.Providers[i].ID, Party: m.Parties[j].ID, Seed: uint64(1000*i + j), StartMS: now}
			for k := range m.Facets {
				r := report.MatrixResult{Facet: m.Facets[k].ID, Verdict: report.VerdictPass, DurationMS: float64(9 + (i+j+k)%17), File: m.Facets[k].File, Line: 12 + k}
				for _, title := range []string{"sign up alice on first", "log out alice", "log in alice on first", "who is signed in"} {
					r.Steps = append(r.Steps, report.Step{ID: r.Facet, Title: title, Verdict: report.VerdictPass})
				}
				judgeLab(&m.Providers[i], &m.Parties[j], &r)
				c.DurationMS += r.DurationMS
				c.Facets = append(c.Facets, r)
			}
			now += c.DurationMS / 4
			m.Cells = append(m.Cells, c)
		}
	}
	run := &report.Run{
		Schema: report.Schema, Name: "Every provider at five relying parties", Driver: "api", Seed: 20261122, DurationMS: now,
		Tool:    report.Tool{Name: "passrig", Version: "0.1.0", Commit: "3f9c2a1", Go: "go1.26.8", OS: "linux", Arch: "amd64"},
		Started: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC), Matrix: m,
	}
	run.Summary = run.Summarize()
	return run
}

func labProviders() []report.MatrixProvider {
	var list []report.MatrixProvider
	for _, p := range []string{
		"1password|1Password||s|windows 11, chrome 141;android 16", "apple-passwords|Apple Passwords (iCloud Keychain)|26|s|ios 26;macos 26, safari 26", "bitwarden|Bitwarden||s|windows 11, chrome 141;android 16",
		"chrome-profile-mac|Chrome profile on macOS|||macos 26, chrome 141", "dashlane|Dashlane||s|windows 11, chrome 141;ios 26", "device-bound|Passkeys that stay on the device|||linux, chrome 141",
		"enpass|Enpass||s|macos 26, chrome 141;android 16", "google-password-manager|Google Password Manager|2026-indexing|s|android 16;windows 11, chrome 141",
		"keepassdx|KeePassDX|||android 16", "keepassxc|KeePassXC|2.7.12|s|linux, firefox 144;windows 11, firefox 144", "keeper|Keeper||s|windows 11, chrome 141;ios 26", "lastpass|LastPass||s|windows 11, chrome 141;android 16",
		"microsoft-authenticator|Microsoft Authenticator|||android 16", "microsoft-password-manager|Microsoft Password Manager|152|s|windows 11, edge 152;ios 18, edge 152", "nordpass|NordPass||s|windows 11, chrome 141;ios 26",
		"proton-pass|Proton Pass||s|linux, firefox 144;android 16", "samsung-pass|Samsung Pass|2025.1|s|android 16", "security-key-generic|Passkeys on a security key|||linux, firefox 144", "strongbox|Strongbox||s|ios 26;macos 26, safari 26",
		"synced-generic|Passkeys that a provider syncs||s|windows 11, chrome 141;android 16", "thales-sdk|Thales in-app passkeys|||android 16", "windows-hello|Windows Hello|||windows 11, edge 152", "yubikey-5|YubiKey 5|5.7||linux, firefox 144;windows 11, edge 152",
	} {
		f := strings.Split(p, "|")
		mp := report.MatrixProvider{ID: strings.TrimSuffix(f[0]+"@"+f[2], "@"), Title: f[1], Version: f[2], Syncs: f[3] == "s", Devices: strings.Split(f[4], ";")}
		switch len(list) % 4 {
		case 0:
			mp.Unverified = []string{"aaguid", "signals.unknown", "counter"}
		case 2:
			mp.Unverified = []string{"attestation"}
		}
		list = append(list, mp)
	}
	list[16].Assumes = "the phone is a Samsung with One UI 7"
	return list
}

func labParties() []report.MatrixParty {
	at := func(port int) report.Target {
		return report.Target{Origin: fmt.Sprintf("http://localhost:%d", port), RPID: "localhost"}
	}
	list := []report.MatrixParty{
		{ID: "demo", Title: "passrig demo", Driver: "api", Target: at(8080), Asks: []report.Asked{{Name: "algorithms", Value: "ES256, EdDSA, RS256"}, {Name: "attestation", Value: "none"}, {Name: "UV", Value: "required"}}},
		{ID: "simplewebauthn", Title: "SimpleWebAuthn", Driver: "api", Target: at(8082), Asks: []report.Asked{{Name: "algorithms", Value: "EdDSA, ES256, RS256"}, {Name: "attestation", Value: "none"}, {Name: "UV", Value: "preferred"}}},
		{ID: "passport", Title: "Passport", Driver: "api", Target: at(8084), Asks: []report.Asked{{Name: "algorithms", Value: "RS256"}, {Name: "attestation", Value: "direct"}, {Name: "UV", Value: "preferred"}}},
		{ID: "better-auth", Title: "Better Auth", Driver: "browser", Browser: "Chromium 156", Target: at(8085), Asks: []report.Asked{{Name: "algorithms", Value: "ES256, RS256"}, {Name: "attestation", Value: "none"}, {Name: "UV", Value: "required"}}},
		{ID: "authjs", Title: "Auth.js", Driver: "api", Target: at(8086), Problem: "GET http://localhost:8086/: connection refused", Hint: "see whether it is running, and whether the origin is right"},
	}
	for i, adapter := range []string{"passrig-demo", "simplewebauthn", "passport", "better-auth", "authjs"} {
		list[i].Target.Adapter = adapter
	}
	return list
}

// judgeLab is how the pairs of the lab fare.
func judgeLab(provider *report.MatrixProvider, party *report.MatrixParty, r *report.MatrixResult) {
	without := func(reason string) {
		r.Verdict, r.NotApplicable, r.Reason, r.DurationMS, r.Steps = report.VerdictSkip, true, reason, 0, nil
	}
	key := strings.Contains(provider.ID, "key-") || provider.ID == "windows-hello"
	onlyES256 := slices.Contains(strings.Fields("bitwarden dashlane enpass keeper lastpass proton-pass strongbox nordpass keepassdx"), provider.ID)
	switch {
	case r.Facet == "second-device" && !provider.Syncs:
		without("its passkeys stay on the device that made them")
	case r.Facet == "counters" && !key:
		without("its passkeys have no counter that moves")
	case r.Facet == "attestation" && !key:
		without("it attests nothing")
	case r.Facet == "signals" && len(provider.Unverified) == 1:
		without("it takes no signals")
	case party.Problem != "":
		r.Verdict, r.Reason, r.Hint = report.VerdictError, party.Problem, party.Hint
	case party.ID == "passport" && onlyES256 && (r.Facet == "login" || r.Facet == "second-device" || r.Facet == "roam" || r.Facet == "flags" || r.Facet == "exclude" || r.Facet == "deletion" || r.Facet == "signals"):
		r.Verdict, r.Reason = report.VerdictSkip, "there is no passkey to do it with"
	case party.ID == "passport" && onlyES256:
		fail(r, "the relying party offers only RS256: the client refused with NotSupportedError", "offer ES256 (-7) too: every authenticator can make it", "accepted", "refused: NotSupportedError")
	case party.ID == "passport" && r.Facet == "deletion":
		fail(r, "a passkey that was deleted still signed its owner in", "delete the credential's row, not only its name", "rejected", "accepted, signed in as alice")
	case party.ID == "passport" && r.Facet == "signals", party.ID == "better-auth" && r.Facet == "signals":
		r.Verdict, r.Reason, r.Steps = report.VerdictSkip, "not offered by the adapter", nil
	case party.ID == "better-auth" && r.Facet == "attestation":
		fail(r, "the relying party said no: status 400, unsupported attestation format tpm", "take the attestation formats of WebAuthn L3 §8, or ask for none", "accepted", "rejected: status 400")
	case party.ID == "simplewebauthn" && r.Facet == "counters":
		fail(r, "a counter that went back was accepted, and nothing was logged", "compare signCount with the stored one (WebAuthn L3 §7.2 step 22)", "rejected or flagged", "accepted")
		r.Verdict, r.Steps[1].Verdict = report.VerdictWarn, report.VerdictWarn
	case party.ID == "better-auth" && r.Facet == "roam" && provider.ID == "samsung-pass@2025.1":
		fail(r, "the page showed no button within 10s", "see the screenshot in the evidence", "accepted", "could not tell")
		r.Verdict, r.Steps[1].Verdict = report.VerdictError, report.VerdictError
	}
}

// fail gives a result the evidence that the engine keeps of a step that failed.
func fail(r *report.MatrixResult, reason, hint, expected, actual string) {
	r.Verdict, r.NotApplicable, r.Reason, r.Hint, r.Expected, r.Actual = report.VerdictFail, false, reason, hint, expected, actual
	step := report.Step{
		ID: r.Facet + "/2", Scenario: r.Facet, Action: "register", Title: "register alice on first", Verdict: r.Verdict, File: r.File, Line: r.Line,
		Message: reason, Hint: hint, Expected: expected, Actual: actual, DurationMS: 21, Outcome: "rejected",
		Ceremony: &report.Ceremony{
			Kind:       "registration",
			Phases:     []report.Phase{{Name: report.PhaseOptions, DurationMS: 6}, {Name: report.PhaseClient, StartMS: 6, DurationMS: 1}, {Name: report.PhaseResult, StartMS: 7, DurationMS: 14}},
			ClientData: map[string]any{"type": "webauthn.create", "challenge": "5pV0wU7n2Zq4jH8sXcB1mD3kF6gL9aTe", "origin": "http://localhost:8084", "crossOrigin": false},
			AuthData:   map[string]any{"length": 148, "flags": []string{"UP", "UV", "BE", "BS", "AT"}, "aaguid": "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "signCount": 0, "publicKey": map[string]any{"alg": "ES256", "algId": -7}},
			Options: map[string]any{
				"challenge": "5pV0wU7n2Zq4jH8sXcB1mD3kF6gL9aTe", "rp": map[string]any{"id": "localhost", "name": "Passport"}, "user": map[string]any{"id": "dXNlci0x", "name": "alice"},
				"pubKeyCredParams": []any{map[string]any{"type": "public-key", "alg": -257}}, "timeout": 60000, "attestation": "direct",
			},
			Response: map[string]any{"id": "k3Vn0x2hTzWmQ8pYcR1uLw", "type": "public-key", "response": map[string]any{"clientDataJSON": strings.Repeat("eyJ0eXBl", 20), "attestationObject": strings.Repeat("o2NmbXRk", 40)}},
		},
	}
	for i, purpose := range []string{"options", "result", "whoami"} {
		step.Exchanges = append(step.Exchanges, report.Exchange{
			Purpose: purpose, Phase: []string{"options", "result", ""}[i], StartMS: float64(7 * i), Timing: report.Timing{TTFBMS: 5, TotalMS: 6},
			Request: report.Request{Method: "POST", URL: "http://localhost:8084/" + purpose, Body: `{"username":"alice","response":"` + strings.Repeat("o2NmbXRk", 40*i) + `"}`, Headers: []report.Header{
				{Name: "Content-Type", Value: "application/json"}, {Name: "Cookie", Value: "[redacted:cookie]"}, {Name: "Origin", Value: "http://localhost:8084"},
			}},
			Response: &report.Response{Status: 200 + 200*(i%2), Proto: "HTTP/1.1", Body: `{"error":"` + reason + `"}`, BodyBytes: 90, Headers: []report.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "Date", Value: "Sun, 22 Nov 2026 09:30:00 GMT"}}},
			Curl:     "curl -X POST -H 'Content-Type: application/json' --data-raw '{}' http://localhost:8084/" + purpose,
		})
	}
	r.Steps = []report.Step{{ID: r.Facet + "/1", Title: "start alice anew", Verdict: report.VerdictPass}, step}
}
