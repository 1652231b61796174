package sarif_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/sarif"
)

var update = flag.Bool("update", false, "rewrite golden files")

// parsed is what code scanning reads, written down apart from the writer's own types.
type parsed struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Rules []struct {
					ID         string
					Properties struct {
						Severity string `json:"security-severity"`
					}
				}
				Notifications []struct{ ID string }
			}
		}
		Invocations []struct {
			ExecutionSuccessful        bool
			ExitCode                   *int
			ToolExecutionNotifications []struct {
				Level      string
				Message    struct{ Text string }
				Descriptor struct {
					ID    string
					Index int
				}
				AssociatedRule *struct {
					ID    string
					Index int
				}
			}
		}
		OriginalURIBaseIDs map[string]any `json:"originalUriBaseIds"`
		Results            []parsedResult
	}
}

type parsedResult struct {
	RuleID              string
	RuleIndex           int
	Kind, Level         string
	Message             struct{ Text string }
	PartialFingerprints map[string]string
	BaselineState       string
	Suppressions        []struct{ Justification string }
	Locations           []struct {
		PhysicalLocation *struct {
			ArtifactLocation struct{ URI, URIBaseID string }
			Region           struct{ StartLine int }
		}
	}
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// TestTheSchemaIsStrict makes sure that the other tests can fail.
func TestTheSchemaIsStrict(t *testing.T) {
	valid := schema(t)
	for _, text := range []string{
		`{"version":"2.2.0","runs":[]}`, `{"version":"2.1.0"}`, `{"version":"2.1.0","runs":[{"results":[]}]}`,
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","informationUri":"no uri"}}}]}`,
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"message":{"text":"x"},"level":"bad"}]}]}`,
	} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if valid.Validate(doc) == nil {
			t.Errorf("accepted %s", text)
		}
	}
}

// write writes the run, and checks what holds for every log.
func write(t interface{ Fatal(...any) }, valid *jsonschema.Schema, run *report.Run) ([]byte, parsed) {
	var out bytes.Buffer
	if err := sarif.Write(&out, run); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := valid.Validate(doc); err != nil {
		t.Fatal(err, out.String())
	}
	var p parsed
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	checkReferences(t, p)
	return out.Bytes(), p
}

// checkReferences checks what the schema cannot say: that what is referred to is there.
func checkReferences(t interface{ Fatal(...any) }, p parsed) {
	r := p.Runs[0]
	rules := r.Tool.Driver.Rules
	seen := map[string]bool{}
	for _, rule := range rules {
		if seen[rule.ID] {
			t.Fatal("rule twice: ", rule.ID)
		}
		seen[rule.ID] = true
		if s := rule.Properties.Severity; s != "" {
			if score, err := strconv.ParseFloat(s, 64); err != nil || score <= 0 || score > 10 {
				t.Fatal("security-severity ", s)
			}
		}
	}
	for _, n := range r.Invocations[0].ToolExecutionNotifications {
		if r.Tool.Driver.Notifications[n.Descriptor.Index].ID != n.Descriptor.ID {
			t.Fatal("descriptor of ", n)
		}
		if n.AssociatedRule != nil && rules[n.AssociatedRule.Index].ID != n.AssociatedRule.ID {
			t.Fatal("rule of ", n)
		}
	}
	prints := map[string]bool{}
	for _, res := range r.Results {
		if rules[res.RuleIndex].ID != res.RuleID {
			t.Fatal("rule of ", res)
		}
		key := res.PartialFingerprints["passrig/v1"]
		if key == "" || prints[key] {
			t.Fatal("fingerprint of ", res)
		}
		prints[key] = true
		if strings.Contains(res.Message.Text, "](") {
			t.Fatal("a link in ", res.Message.Text)
		}
		for _, l := range res.Locations {
			if l.PhysicalLocation == nil {
				continue
			}
			at := l.PhysicalLocation.ArtifactLocation
			if _, err := url.Parse(at.URI); err != nil || at.URI == "" {
				t.Fatal("location ", at.URI)
			}
			if at.URIBaseID != "" && r.OriginalURIBaseIDs[at.URIBaseID] == nil {
				t.Fatal("no base ", at.URIBaseID)
			}
		}
	}
}

func TestGolden(t *testing.T) {
	valid := schema(t)
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			out, p := write(t, valid, run)
			golden.Check(t, *update, name+".sarif", out)
			checkCounts(t, run, p)
		})
	}
}

// checkCounts makes sure that the log tells the same numbers as the run.
func checkCounts(t interface{ Errorf(string, ...any) }, run *report.Run, p parsed) {
	want := run.Summarize()
	results, untold, suppressed := 0, 0, 0
	for _, r := range p.Runs[0].Results {
		if r.Kind != "fail" {
			t.Errorf("result of kind %q", r.Kind)
		}
		if len(r.Suppressions) > 0 {
			suppressed++
			continue
		}
		results++
	}
	for _, n := range p.Runs[0].Invocations[0].ToolExecutionNotifications {
		if n.Descriptor.ID == "could-not-tell" {
			untold++
		}
	}
	if results != want.Failed+want.Warned || untold != want.Errored || suppressed != want.Tolerated {
		t.Errorf("got %d results, %d notifications, %d suppressed; the run has %+v", results, untold, suppressed, want)
	}
	if p.Runs[0].Invocations[0].ExecutionSuccessful && (run.Partial || want.Failed == 0 && want.Errored > 0) {
		t.Errorf("a run that could not be told is called successful")
	}
}

func TestPlacesAndSeverity(t *testing.T) {
	valid := schema(t)
	_, p := write(t, valid, golden.Load(t, "mixed"))
	r := p.Runs[0]
	step, check := r.Results[0], r.Results[slices.IndexFunc(r.Results, func(r parsedResult) bool { return strings.HasPrefix(r.RuleID, "auth.") })]
	if check.RuleID != "auth.challenge-reuse" || check.Level != "error" || r.Tool.Driver.Rules[check.RuleIndex].Properties.Severity != "9.5" {
		t.Errorf("check %+v", check)
	}
	at := step.Locations[0].PhysicalLocation
	if at.ArtifactLocation.URI != "examples/quickstart/login.yaml" || at.Region.StartLine != 16 || step.RuleID != "step" {
		t.Errorf("step %+v at %+v", step, at)
	}
	for _, want := range []string{"login alice on phone: the RP rejected", "\nexpected: outcome accepted", "\nactual: outcome rejected", "\nhint: the RP knows"} {
		if !strings.Contains(step.Message.Text, want) {
			t.Errorf("%q is missing in %q", want, step.Message.Text)
		}
	}
	if in := r.Invocations[0]; !in.ExecutionSuccessful || in.ExitCode == nil || *in.ExitCode != report.ExitFailed {
		t.Errorf("invocation %+v", in)
	}
	_, p = write(t, valid, golden.Load(t, "partial"))
	if in := p.Runs[0].Invocations[0]; in.ExecutionSuccessful || in.ExitCode != nil || !strings.Contains(in.ToolExecutionNotifications[len(in.ToolExecutionNotifications)-1].Message.Text, "interrupted by the user") {
		t.Errorf("invocation of the partial run %+v", in)
	}
}

func TestWhereAResultIs(t *testing.T) {
	valid := schema(t)
	for _, tt := range []struct{ scenario, adapter, uri, base string }{
		{"a b/ü#1.yaml", "demo", "a%20b/%C3%BC%231.yaml", ""},
		{`tests\passkeys\login.yaml`, "demo", "tests/passkeys/login.yaml", ""},
		{"./x/../login.yaml", "demo", "login.yaml", ""},
		{"a:b.yaml", "demo", "./a:b.yaml", ""},
		{"/srv/login.yaml", "demo", "file:///srv/login.yaml", ""},
		{"//host/login.yaml", "demo", "file:///host/login.yaml", ""},
		{`C:\tests\login.yaml`, "demo", "file:///C:/tests/login.yaml", ""},
		{"builtin:sync/flag-matrix", "demo", "scenarios/builtin/sync/flag-matrix.yaml", "PASSRIG_SOURCE"},
		{"-", "./adapters/staging.yaml", "adapters/staging.yaml", ""},
		{"", "demo", "scenarios/adapters/demo.yaml", "PASSRIG_SOURCE"},
		{"", "scenarios/adapters/own.yaml", "scenarios/adapters/own.yaml", ""},
		{"", "", "", ""},
	} {
		run := &report.Run{Target: report.Target{Adapter: tt.adapter}, Checks: []report.Check{{ID: "x", Verdict: report.VerdictFail}}}
		if tt.scenario != "" {
			run.Scenarios = []report.Scenario{{ID: "s", File: tt.scenario}}
		}
		_, p := write(t, valid, run)
		at := p.Runs[0].Results[0].Locations[0].PhysicalLocation
		if tt.uri == "" {
			if at != nil {
				t.Errorf("%+v: located at %+v", tt, at)
			}
			continue
		}
		if at == nil || at.ArtifactLocation.URI != tt.uri || at.ArtifactLocation.URIBaseID != tt.base || at.Region.StartLine != 1 {
			t.Errorf("%+v: got %+v", tt, at)
		}
	}
}

// TestBaseline makes sure that a known failure is told from a new one, and neither is an alert.
func TestBaseline(t *testing.T) {
	run := &report.Run{
		Checks: []report.Check{
			{ID: "known", Verdict: report.VerdictFail, Tolerated: report.ToleratedKnown},
			{ID: "mild", Verdict: report.VerdictFail, Tolerated: "it is low, less severe than high"},
			{ID: "fresh", Verdict: report.VerdictFail},
		},
		Suite: &report.Suite{Baseline: "known.json"},
	}
	run.Summary = run.Summarize()
	type state struct {
		ID, State  string
		Suppressed bool
	}
	states := func() (got []state) {
		_, p := write(t, schema(t), run)
		for _, r := range p.Runs[0].Results {
			got = append(got, state{r.RuleID, r.BaselineState, len(r.Suppressions) > 0})
		}
		return got
	}
	if diff := cmp.Diff([]state{{"known", "unchanged", true}, {"mild", "new", true}, {"fresh", "new", false}}, states()); diff != "" {
		t.Error(diff)
	}
	run.Suite.Baseline = ""
	if diff := cmp.Diff([]state{{"known", "", true}, {"mild", "", true}, {"fresh", "", false}}, states()); diff != "" {
		t.Error(diff)
	}
}

// TestFingerprintsAreStable makes sure that a port, a line, a figure or a neighbor does not make a finding a new one, and that
// another relying party or another check does.
func TestFingerprintsAreStable(t *testing.T) {
	valid := schema(t)
	prints := func(edit func(*report.Run)) []string {
		run := golden.Load(t, "mixed")
		edit(run)
		_, p := write(t, valid, run)
		var list []string
		for _, r := range p.Runs[0].Results {
			list = append(list, r.PartialFingerprints["passrig/v1"])
		}
		return list
	}
	origin := func(to string) func(*report.Run) {
		return func(run *report.Run) {
			run.Target.Origin = to
			for i := range run.Scenarios {
				run.Scenarios[i].Target.Origin = to
			}
		}
	}
	first := prints(func(*report.Run) {})
	if diff := cmp.Diff(first, prints(origin("http://localhost:41233"))); diff != "" {
		t.Error("the port:", diff)
	}
	if diff := cmp.Diff(first, prints(func(run *report.Run) {
		for i := range run.Steps {
			run.Steps[i].Line += 7
			run.Steps[i].ID += "x"
			run.Steps[i].Actual += " after 3s"
		}
		run.Steps = slices.DeleteFunc(run.Steps, func(s report.Step) bool { return s.Verdict == report.VerdictPass })
	})); diff != "" {
		t.Error("lines and figures:", diff)
	}
	for i, p := range prints(origin("https://login.example")) {
		if p == first[i] {
			t.Errorf("result %d looks the same at another relying party", i)
		}
	}
}

func TestHostileText(t *testing.T) {
	valid := schema(t)
	rapid.Check(t, func(t *rapid.T) {
		run := golden.Drawn(t, golden.Texts("\ufffe", "[x](http://evil)", "{0}", "%zz", "//x", "..", "C:/", strings.Repeat("é", 50_000)))
		_, p := write(t, valid, run)
		checkCounts(t, run, p)
		for _, r := range p.Runs[0].Results {
			if len(r.Message.Text) > 25<<10 {
				t.Errorf("a message of %d bytes", len(r.Message.Text))
			}
		}
	})
}

func TestWriteErrors(t *testing.T) {
	for _, n := range []int{0, 500} {
		if err := sarif.Write(golden.FullDisk(n), golden.Load(t, "pass")); err == nil {
			t.Errorf("no error when the disk is full after %d bytes", n)
		}
	}
}
