package report_test

import (
	"slices"

	"github.com/passrig/passrig/report"
)

// matrixFacets are the built-in ones.
func matrixFacets() []report.MatrixFacet {
	var list []report.MatrixFacet
	for _, f := range [][3]string{
		{"signup", "Sign up with a passkey", "An account is made, and a passkey for it."},
		{"login", "Sign in", "The passkey signs its owner in, on the device that it was made on."},
		{"second-device", "Sign in on a second device", "The passkey signs its owner in after it has traveled."},
		{"roam", "Another kind of device", "The second device has another system."},
		{"flags", "Flags", "The flags of the provider's passkeys are accepted as they are."},
		{"algorithms", "Algorithms", "A passkey is made with the algorithm that the provider wants most."},
		{"counters", "Signature counters", "A counter that moves is accepted, and one that went back is not."},
		{"attestation", "Attestation", "What the provider attests is accepted."},
		{"exclude", "No second passkey on one device", "The relying party lists the passkeys that are there already."},
		{"deletion", "Deletion", "A passkey that was deleted opens nothing."},
		{"signals", "Signals", "The relying party says which passkeys it knows."},
	} {
		list = append(list, report.MatrixFacet{ID: f[0], Title: f[1], Description: f[2], File: "builtin:matrix/" + f[0]})
	}
	return list
}

func matrixProviders() []report.MatrixProvider {
	return []report.MatrixProvider{
		{ID: "microsoft-password-manager@152", Title: "Microsoft Password Manager", Version: "152", Syncs: true, Devices: []string{"windows 11, edge 152", "ios 18, edge 152"}},
		{
			ID: "apple-passwords@26", Title: "Apple Passwords (iCloud Keychain)", Version: "26", Syncs: true, Devices: []string{"ios 26", "macos 26, safari 26"},
			Unverified: []string{"aaguid", "counter"},
		},
		{ID: "bitwarden@2024.1", Title: "Bitwarden", Version: "2024.1", Syncs: true, Devices: []string{"windows 11, chrome 141"}},
		{ID: "bitwarden@2026.3", Title: "Bitwarden", Version: "2026.3", Syncs: true, Devices: []string{"windows 11, chrome 141", "android 16"}, Assumes: "the server is the official one"},
		{ID: "yubikey-5@5.7", Title: "YubiKey 5", Version: "5.7", Devices: []string{"linux, firefox 144"}},
		{
			ID: "own-vault@1", Title: "鍵 <b>Vault</b> | \"=cmd()\"\x1b[31m", Version: "1", Syncs: true, Devices: []string{"=HYPERLINK(\"x\")"},
			Assumes: "</script><!-- ]]> ::error:: `x`",
		},
	}
}

func matrixParties() []report.MatrixParty {
	api, browser := "api", "browser"
	return []report.MatrixParty{
		{
			ID: "passport", Title: "Passport", Driver: api, Target: report.Target{Adapter: "passport", Origin: "http://localhost:8084", RPID: "localhost"},
			Asks: []report.Asked{{Name: "algorithms", Value: "RS256"}, {Name: "attestation", Value: "none"}, {Name: "user verification", Value: "preferred"}},
		},
		{
			ID: "demo/api", Title: "passrig demo", Driver: api, Target: report.Target{Adapter: "passrig-demo", Origin: "http://localhost:8080", RPID: "localhost"},
			Asks: []report.Asked{{Name: "algorithms", Value: "ES256, EdDSA, RS256"}, {Name: "attestation", Value: "direct"}},
		},
		{
			ID: "demo/browser", Title: "passrig demo", Driver: browser, Browser: "Chrome 141.0.7390.37",
			Target: report.Target{Adapter: "passrig-demo", Origin: "http://localhost:8080", RPID: "localhost"},
		},
		{
			ID: "keycloak", Title: "Keycloak", Driver: api, Target: report.Target{Adapter: "./adapters/keycloak.yaml", Origin: "https://login.staging.example"},
			Problem: "GET https://login.staging.example/: connection refused", Hint: "see whether it is running, and whether the origin is right",
		},
	}
}

// matrixGrid plays every cell but those that skip says, with everything passed that judge does not change.
func matrixGrid(m *report.Matrix, skip func(provider, party string) bool, judge func(provider, party string, r *report.MatrixResult)) {
	now := 0.0
	for i := range m.Providers {
		for j := range m.Parties {
			provider, party := m.Providers[i].ID, m.Parties[j].ID
			if skip(provider, party) {
				continue
			}
			c := report.MatrixCell{Provider: provider, Party: party, Seed: uint64(1000 + 10*i + j), StartMS: now}
			for k := range m.Facets {
				f := &m.Facets[k]
				r := report.MatrixResult{Facet: f.ID, Verdict: report.VerdictPass, DurationMS: float64(4 + i + 2*j + k%3), File: f.File, Line: 20 + 2*k}
				judge(provider, party, &r)
				c.DurationMS += r.DurationMS
				c.Facets = append(c.Facets, r)
			}
			now += c.DurationMS
			m.Cells = append(m.Cells, c)
		}
	}
}

func matrixRunOf(name string, m *report.Matrix) *report.Run {
	s := newScribe(name, 20261122)
	s.run.Target, s.run.Driver, s.run.Matrix = report.Target{}, "api", m
	for i := range m.Cells {
		s.now += m.Cells[i].DurationMS
	}
	s.run.Scenarios = []report.Scenario{}
	return s.end()
}

// matrixPassRun is of three providers at two relying parties. What does not apply is no pass, and spoils nothing.
func matrixPassRun() *report.Run {
	m := &report.Matrix{Providers: matrixProviders()[2:5], Parties: matrixParties()[1:3], Facets: matrixFacets(), Jobs: 4}
	m.Providers[1].Assumes = ""
	matrixGrid(m, func(string, string) bool { return false }, inapplicable)
	return matrixRunOf("Three providers at the demo", m)
}

// inapplicable is what a provider's data leaves out.
func inapplicable(provider, _ string, r *report.MatrixResult) {
	key := provider == "yubikey-5@5.7"
	if (r.Facet == "counters" || r.Facet == "attestation") && !key || (r.Facet == "second-device" || r.Facet == "signals") && key {
		r.Verdict, r.NotApplicable, r.Reason, r.DurationMS = report.VerdictSkip, true, "the provider has nothing of the kind", 0
	}
}

// matrixRun is of six providers at four relying parties, interrupted, with every verdict there is.
func matrixRun() *report.Run {
	m := &report.Matrix{Providers: matrixProviders(), Parties: matrixParties(), Facets: matrixFacets(), Jobs: 4, Resumed: 3}
	matrixGrid(m, func(provider, party string) bool {
		return party == "keycloak" && provider != m.Providers[0].ID || party == "demo/browser" && provider == "own-vault@1"
	}, judgeMatrix)
	run := matrixRunOf("Every provider at four relying parties", m)
	run.Partial, run.Aborted = true, "interrupted by the user after 1.4s"
	return run
}

func judgeMatrix(provider, party string, r *report.MatrixResult) {
	set := func(v report.Verdict, reason, hint, expected, actual string) {
		r.Verdict, r.Reason, r.Hint, r.Expected, r.Actual = v, reason, hint, expected, actual
		r.Steps = evidenceOf(provider, r)
	}
	inapplicable(provider, party, r)
	switch key := party + " " + r.Facet; {
	case party == "keycloak":
		r.NotApplicable, r.Verdict, r.Reason, r.Hint = false, report.VerdictError, "GET https://login.staging.example/: connection refused", "see whether it is running"
	case r.NotApplicable:
	case party == "passport" && (provider == "yubikey-5@5.7" || provider == "bitwarden@2024.1"):
		set(report.VerdictFail, "the client refused: no algorithm in common", "offer ES256 too", "accepted", "refused: the relying party offers only RS256")
	case key == "passport algorithms" && provider != "microsoft-password-manager@152":
		set(report.VerdictFail, "the passkey was not made with the algorithm that the provider wants most", "list ES256 (-7) first in pubKeyCredParams", "ES256", "RS256")
		if provider == "own-vault@1" {
			set(report.VerdictFail, "the relying party said no: status 400: user p-8c1f7e22 <script>alert(1)</script>", "", "accepted", "rejected after 41ms")
		}
	case key == "passport signals":
		r.Verdict, r.Reason, r.DurationMS = report.VerdictSkip, "not offered by the adapter", 0
	case key == "passport deletion" && slices.Contains([]string{"apple-passwords@26", "bitwarden@2026.3"}, provider):
		id := map[string]string{"apple-passwords@26": "k3Vn0x2hTzWm", "bitwarden@2026.3": "Qm81xZpLw03d"}[provider]
		set(report.VerdictFail, "the relying party said yes, where a no was expected: credential "+id, "delete the credential's row, not only its name", "rejected", "accepted")
	case key == "demo/api counters":
		set(report.VerdictWarn, "a counter that went back is only logged", "", "rejected", "accepted, with a line in the log")
	case key == "demo/browser roam" && provider != "yubikey-5@5.7":
		set(report.VerdictError, "the page showed no button within 10s", "see the screenshot in the evidence", "accepted", "could not tell")
	case key == "demo/api attestation":
		r.Verdict, r.Reason = report.VerdictInfo, "packed, and its chain is not looked at"
	}
}

// evidenceOf is a step that passed and the one that decided.
func evidenceOf(provider string, r *report.MatrixResult) []report.Step {
	step := report.Step{ID: r.Facet + "/2", Scenario: r.Facet, Action: "login", Title: "login alice on first", File: r.File, Line: r.Line, DurationMS: r.DurationMS}
	if slices.Contains([]string{"signup", "algorithms", "deletion", "roam"}, r.Facet) { // enough to see what evidence looks like
		ceremony("authentication", "alice", "first")(&step)
	}
	step.Verdict, step.Message, step.Hint, step.Expected, step.Actual = r.Verdict, r.Reason, r.Hint, r.Expected, r.Actual
	return []report.Step{{
		ID: r.Facet + "/1", Scenario: r.Facet, Action: "register", Title: "register alice on first", Verdict: report.VerdictPass, File: r.File, Line: r.Line - 4,
		Device: "first", User: "alice", Outcome: "accepted", Notes: []string{"made by " + provider},
	}, step}
}
