package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
)

func TestMatrixViews(t *testing.T) {
	run := matrixRun()
	m := run.Matrix
	if c := m.Cell("own-vault@1", "demo/browser"); c != nil || c.Works() || c.Tally() != (report.Tally{}) || m.Result(c, "login") != nil {
		t.Errorf("a cell that was not played is %+v", c)
	}
	key := m.Cell("yubikey-5@5.7", "demo/api")
	if r := m.Result(key, "counters"); r == nil || r.Verdict != report.VerdictWarn {
		t.Errorf("counters of the key are %+v", r)
	}
	if key.Verdict() != report.VerdictWarn || !key.Works() || m.Result(key, "nothing") != nil {
		t.Errorf("the key's cell is %s", key.Verdict())
	}
	if none := (&report.MatrixCell{Facets: []report.MatrixResult{{Verdict: report.VerdictSkip, NotApplicable: true}}}); none.Verdict() != report.VerdictSkip || none.Works() {
		t.Errorf("where nothing applies the verdict is %s", none.Verdict())
	}
	for what, tt := range map[string]struct{ got, want report.Tally }{
		"provider": {m.OfProvider("own-vault@1"), report.Tally{Passed: 16, Failed: 1, Skipped: 1, NotApplicable: 4}},
		"party":    {m.OfParty("keycloak"), report.Tally{Errored: 11}},
		"facet":    {m.OfFacet("counters"), report.Tally{Passed: 1, Failed: 1, Warned: 1, Errored: 1, NotApplicable: 14}},
		"both":     {m.OfPartyFacet("passport", "algorithms"), report.Tally{Passed: 1, Failed: 5}},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %+v, want %+v", what, tt.got, tt.want)
		}
	}
	names := []string{m.ProviderName("bitwarden@2026.3"), m.ProviderName("yubikey-5@5.7"), m.PartyName("demo/api"), m.PartyName("keycloak"), m.PartyName("x")}
	if diff := cmp.Diff([]string{"Bitwarden 2026.3", "YubiKey 5", "passrig demo (api)", "Keycloak", "x"}, names); diff != "" {
		t.Error(diff)
	}
	if works := []int{m.WorksAt("demo/api"), m.WorksAt("demo/browser"), m.WorksWith("yubikey-5@5.7")}; !slices.Equal(works, []int{6, 1, 2}) {
		t.Errorf("works with %v", works)
	}
}

func TestFacetName(t *testing.T) {
	for id, want := range map[string]string{"signup": "sign-up", "second-device": "second device", "login": "login", "lab/own-check.yaml": "own check", `lab\x.yml`: "x", "": ""} {
		if got := report.FacetName(id); got != want {
			t.Errorf("%q is %q, want %q", id, got, want)
		}
	}
}

func TestIncompatibilities(t *testing.T) {
	want := []string{
		"fail Passport: two of six providers fail at everything (Bitwarden 2024.1 and YubiKey 5): the client refused: no algorithm in common",
		"fail Passport: two of six providers fail at algorithms (Apple Passwords (iCloud Keychain) and Bitwarden 2026.3): the passkey was not made with the algorithm that the provider wants most",
		"fail Passport: one of six providers fails at algorithms (鍵 <b>Vault</b> | \"=cmd()\"\x1b[31m): the relying party said no: status 400: user p-8c1f7e22 <script>alert(1)</script>",
		"fail Passport: two of six providers fail at deletion (Apple Passwords (iCloud Keychain) and Bitwarden 2026.3): the relying party said yes, where a no was expected: credential k3Vn0x2hTzWm",
		"error passrig demo (browser): four of five providers tried could not be judged at roam (all but YubiKey 5): the page showed no button within 10s",
		"error Keycloak: no provider could be judged: GET https://login.staging.example/: connection refused",
		"warn passrig demo (api): the only provider tried has a warning at counters: a counter that went back is only logged",
	}
	var got []string
	for _, i := range matrixRun().Matrix.Incompatibilities() {
		got = append(got, string(i.Verdict)+" "+i.Sentence)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if none := matrixPassRun().Matrix.Incompatibilities(); len(none) != 0 {
		t.Errorf("a matrix that passed has %v", none)
	}
}

// One cause is one sentence however its cells put it, and whatever is all or none is said as such.
func TestSentences(t *testing.T) {
	const anyID = "user u-%: status 400 after 41ms at http://127.0.0.1:80801 for 3f2b8c9d-1111"
	fails := func(reason string, providers ...int) func(int, int, int, *report.MatrixResult) {
		return func(p, party, f int, r *report.MatrixResult) {
			if slices.Contains(providers, p) && party == 0 && f == 0 {
				r.Verdict, r.Reason = report.VerdictFail, strings.ReplaceAll(reason, "%", string(rune('a'+p))+"8f3b7c1d")
			}
		}
	}
	all := func(n int) (list []int) {
		for i := range n {
			list = append(list, i)
		}
		return list
	}
	for name, tt := range map[string]struct {
		providers, facets int
		result            func(int, int, int, *report.MatrixResult)
		want              []string
	}{
		"one of many": {23, 2, fails("no.", 4), []string{"Party 0: one of 23 providers fails at f0 (Provider 4): no"}},
		"nine":        {23, 2, fails("no", all(9)...), []string{"Party 0: nine of 23 providers fail at f0 (Provider 0, Provider 1, Provider 2, Provider 3, Provider 4, Provider 5, Provider 6, Provider 7 and Provider 8): no"}},
		"all":         {23, 2, fails(anyID, all(23)...), []string{"Party 0: all 23 providers fail at f0: " + strings.ReplaceAll(anyID, "%", "a8f3b7c1d")}},
		"both":        {2, 2, fails("", 0, 1), []string{"Party 0: both providers fail at f0"}},
		"statuses": {2, 2, func(p, q, f int, r *report.MatrixResult) {
			fails([]string{"status 400", "status 500"}[p], 0, 1)(p, q, f, r)
		}, []string{"Party 0: one of two providers fails at f0 (Provider 0): status 400", "Party 0: one of two providers fails at f0 (Provider 1): status 500"}},
		"everything": {2, 3, func(_, _, _ int, r *report.MatrixResult) { r.Verdict, r.Reason = report.VerdictFail, "no" }, []string{"Party 0: no provider works: no"}},
		"untold":     {2, 3, func(_, _, _ int, r *report.MatrixResult) { r.Verdict, r.Reason = report.VerdictError, "no" }, []string{"Party 0: no provider could be judged: no"}},
		"not all apply": {3, 2, func(p, q, f int, r *report.MatrixResult) {
			if fails("no", 1)(p, q, f, r); p == 2 && f == 0 {
				r.Verdict, r.NotApplicable = report.VerdictSkip, true
			}
		}, []string{"Party 0: one of two providers tried fails at f0 (Provider 1): no"}},
		"no reason": {1, 2, func(_, _, f int, r *report.MatrixResult) {
			if f == 1 {
				r.Verdict, r.Expected, r.Actual = report.VerdictWarn, "accepted", "rejected"
			}
		}, []string{"Party 0: the only provider has a warning at f1: expected accepted, but rejected"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, i := range golden.Matrix(tt.providers, 1, tt.facets, tt.result).Matrix.Incompatibilities() {
				got = append(got, i.Sentence)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every cell that did not pass has a sentence, and no other has one.
func TestEveryCauseIsSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reasons := rapid.SampledFrom([]string{"", "no", "status 400", "user 8f3b7c1d", "user 9e4a8b2c", "after 3ms"})
		run := golden.Matrix(rapid.IntRange(0, 4).Draw(t, "providers"), rapid.IntRange(0, 3).Draw(t, "parties"), rapid.IntRange(0, 3).Draw(t, "facets"),
			func(_, _, _ int, r *report.MatrixResult) {
				r.Verdict, r.Reason = golden.Verdicts().Draw(t, "verdict"), reasons.Draw(t, "reason")
				r.NotApplicable = r.Verdict == report.VerdictSkip && rapid.Bool().Draw(t, "not applicable")
			})
		m := run.Matrix
		list := m.Incompatibilities()
		for i := range m.Cells {
			c := &m.Cells[i]
			for j := range c.Facets {
				r := &c.Facets[j]
				said := 0
				for _, in := range list {
					if in.Party == c.Party && in.Verdict == r.Verdict && (in.Facet == r.Facet || in.Facet == "") && slices.Contains(in.Providers, c.Provider) {
						said++
					}
				}
				want := 0
				if r.Verdict == report.VerdictFail || r.Verdict == report.VerdictError || r.Verdict == report.VerdictWarn {
					want = 1
				}
				if said != want {
					t.Fatalf("%s at %s, %s is %s, and is said %d times in %+v", c.Provider, c.Party, r.Facet, r.Verdict, said, list)
				}
			}
		}
		for _, in := range list {
			if len(in.Providers) == 0 || len(in.Providers) > in.Of || in.Of > len(m.Providers) || m.Example(&in) == nil {
				t.Fatalf("%+v of %d providers", in, len(m.Providers))
			}
		}
		if !slices.IsSortedFunc(list, func(a, b report.Incompatibility) int {
			switch {
			case a.Verdict.Worse(b.Verdict):
				return -1
			case b.Verdict.Worse(a.Verdict):
				return 1
			}
			return 0
		}) {
			t.Fatalf("not the worst first: %+v", list)
		}
		total := report.Summary{}
		for i := range m.Providers {
			tally := m.OfProvider(m.Providers[i].ID)
			total.Passed, total.Failed, total.Warned = total.Passed+tally.Passed, total.Failed+tally.Failed, total.Warned+tally.Warned
			total.Skipped, total.Errored = total.Skipped+tally.Skipped, total.Errored+tally.Errored
		}
		if diff := cmp.Diff(run.Summarize(), total); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestMatrixHeadline(t *testing.T) {
	problem := func(run *report.Run) *report.Run {
		run.Matrix.Parties[0].Problem = "connection refused"
		run.Matrix.Cells = slices.DeleteFunc(run.Matrix.Cells, func(c report.MatrixCell) bool { return c.Party == "r0" })
		run.Summary = run.Summarize()
		return run
	}
	failing := func(n int) func(int, int, int, *report.MatrixResult) {
		return func(p, party, _ int, r *report.MatrixResult) {
			if p < n && party == 0 {
				r.Verdict = report.VerdictFail
			}
		}
	}
	for name, tt := range map[string]struct {
		run              *report.Run
		head, standfirst string
	}{
		"one party": {golden.Matrix(23, 1, 2, failing(4)), "Party 0 fully works with 19 of 23 providers", "The relying party did not do what was required of it."},
		"all of it": {golden.Matrix(5, 1, 2, nil), "Party 0 fully works with all five providers", "The relying party did everything that was asked of it."},
		"two": {
			golden.Matrix(5, 2, 2, failing(4)), "One of five providers fully works at every relying party",
			"All five providers fully work with Party 1; one of five providers fully works with Party 0.",
		},
		"none": {
			golden.Matrix(5, 2, 2, failing(5)), "None of five providers fully works at every relying party",
			"All five providers fully work with Party 1; none fully works with Party 0.",
		},
		"down": {
			problem(golden.Matrix(5, 2, 2, nil)), "All five providers fully work at every relying party that could be judged",
			"All five providers fully work with Party 1; Party 0 could not be judged.",
		},
	} {
		if head, standfirst := tt.run.Headline(); head != tt.head || standfirst != tt.standfirst {
			t.Errorf("%s: got %q and %q", name, head, standfirst)
		}
	}
	if run := problem(golden.Matrix(5, 2, 2, nil)); run.Verdict() != report.VerdictError || run.Summary.Errored != 1 {
		t.Errorf("a column of which nothing could be told leads to %s", run.Verdict())
	}
	if run := golden.Matrix(0, 0, 0, nil); report.ExitCode(run) != report.ExitCouldNot {
		t.Error("an empty matrix has passed")
	}
}

// What is not known of many providers is said in one short sentence.
func TestMatrixCaveats(t *testing.T) {
	run := golden.Matrix(5, 1, 1, nil)
	for i := range run.Matrix.Providers {
		p := &run.Matrix.Providers[i]
		p.Unverified, p.Assumes = [][]string{{"counter"}, {"counter", "aaguid"}, {"flags", "transports", "counter"}, {"aaguid"}, nil}[i], "it is so."
	}
	want := []string{
		"Nobody has confirmed all of the data of four providers; what is open most often: counter, aaguid and flags.", "It is assumed that it is so.",
	}
	if diff := cmp.Diff(want, run.Caveats()); diff != "" {
		t.Error(diff)
	}
}

func TestMatrixResults(t *testing.T) {
	run := matrixRun()
	results := run.Results()
	i := slices.IndexFunc(results, func(r report.Result) bool { return r.ID == "bitwarden@2026.3/passport/deletion" })
	want := report.Result{
		Kind: report.ResultCell, ID: "bitwarden@2026.3/passport/deletion", Title: "Bitwarden 2026.3 at Passport: deletion", Group: "passport", Facet: "deletion",
		Verdict: report.VerdictFail, Message: "the relying party said yes, where a no was expected: credential Qm81xZpLw03d",
		Hint: "delete the credential's row, not only its name", Expected: "rejected", Actual: "accepted", File: "builtin:matrix/deletion", Line: 38, DurationMS: 7,
	}
	if diff := cmp.Diff(want, results[i]); diff != "" {
		t.Error(diff)
	}
	last := results[len(results)-2:]
	if last[0].ID != "keycloak" || last[0].Verdict != report.VerdictError || last[1].Kind != report.ResultRun {
		t.Errorf("ends with %+v", last)
	}
	if n := len(run.Findings()); n != 8 {
		t.Errorf("%d findings, want seven causes and that the run is partial", n)
	}
}

// Two cells never have one anchor, and it is an ID that needs no escaping anywhere.
func TestMatrixAnchor(t *testing.T) {
	if got := report.MatrixAnchor("yubikey-5@5.7", "demo/api", "login"); got != "cell-yubikey-5_405.7__demo_2fapi__login" {
		t.Errorf("got %q", got)
	}
	texts := rapid.OneOf(rapid.StringOf(rapid.SampledFrom([]rune("a_@/-. ü"))), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		a, b := [3]string{}, [3]string{}
		for i := range 3 {
			a[i], b[i] = texts.Draw(t, "a"), texts.Draw(t, "b")
		}
		one, other := report.MatrixAnchor(a[0], a[1], a[2]), report.MatrixAnchor(b[0], b[1], b[2])
		if (a == b) != (one == other) {
			t.Fatalf("%q and %q have %q and %q", a, b, one, other)
		}
		if strings.ContainsFunc(one, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._", c)
		}) {
			t.Fatalf("%q is no plain ID", one)
		}
	})
}
