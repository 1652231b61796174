package ndjson_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/ndjson"
)

var update = flag.Bool("update", false, "rewrite golden files")

// write writes the run and reads each line for itself, as a collector does.
func write(t interface{ Fatal(...any) }, run *report.Run) ([]byte, []map[string]any) {
	var out bytes.Buffer
	if err := ndjson.Write(&out, run); err != nil {
		t.Fatal(err)
	}
	body, ended := strings.CutSuffix(out.String(), "\n")
	if !ended || !utf8.ValidString(body) {
		t.Fatal("the last line does not end, or it is not UTF-8")
	}
	var events []map[string]any
	for line := range strings.SplitSeq(body, "\n") {
		var e map[string]any
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err, line)
		}
		if dec.More() || strings.ContainsAny(line, "\r\x00\x1b\u2028\u2029") {
			t.Fatal("more than an object in ", line)
		}
		checkEvent(t, e)
		events = append(events, e)
	}
	return out.Bytes(), events
}

// checkEvent makes sure that a line has all that it needs to be read without the others, and nothing else.
func checkEvent(t interface{ Fatal(...any) }, e map[string]any) {
	kind, _ := e["type"].(string)
	if e["schema"] != ndjson.Schema || len(e) != 5 {
		t.Fatal("event ", e)
	}
	if _, ok := e[kind].(map[string]any); !ok {
		t.Fatal("nothing is named ", kind, e)
	}
	for _, member := range []string{"time", "runStarted"} {
		text, _ := e[member].(string)
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil || !strings.HasSuffix(text, "Z") {
			t.Fatal(member, text)
		}
	}
}

func count(events []map[string]any) map[string]int {
	n := map[string]int{}
	for _, e := range events {
		kind, _ := e["type"].(string)
		n[kind]++
	}
	return n
}

// checkCounts makes sure that the stream has everything once, begins with the run and ends with the summary.
func checkCounts(t interface{ Errorf(string, ...any) }, run *report.Run, events []map[string]any) {
	want := map[string]int{
		"run": 1, "scenario": len(run.Scenarios), "step": len(run.Steps), "check": len(run.Checks), "threshold": len(run.Thresholds),
		"metric": len(run.Metrics), "summary": 1,
	}
	if run.Load != nil {
		want["load"], want["second"] = 1, len(run.Load.Series)
	}
	if run.Fabric != nil {
		want["account"] = len(run.Fabric.Accounts)
		if run.Fabric.Study != nil {
			want["study"] = 1
		}
	}
	if m := run.Matrix; m != nil {
		want["matrix"], want["incompatibility"] = 1, len(m.Incompatibilities())
		for _, c := range m.Cells {
			want["cell"] += len(c.Facets)
		}
	}
	for kind, n := range want {
		if n == 0 {
			delete(want, kind)
		}
	}
	if diff := cmp.Diff(want, count(events)); diff != "" {
		t.Errorf("events: %s", diff)
	}
	last, _ := events[len(events)-1]["summary"].(map[string]any)
	if events[0]["type"] != "run" || last == nil || last["verdict"] != string(run.Verdict()) || last["partial"] != run.Partial {
		t.Errorf("begins with %v and ends with %v", events[0], last)
	}
}

func TestGolden(t *testing.T) {
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			out, events := write(t, run)
			golden.Check(t, *update, name+".ndjson", out)
			checkCounts(t, run, events)
		})
	}
}

// TestEvidenceStaysInTheResultFile makes sure that lines stay short, and that writing does not change the run.
func TestEvidenceStaysInTheResultFile(t *testing.T) {
	run := golden.Load(t, "mixed")
	run.Steps[1].Page = &report.PageEvidence{Screenshot: strings.Repeat("A", 1<<20)}
	out, events := write(t, run)
	for line := range strings.Lines(string(out)) {
		if len(line) > 4<<10 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	for _, e := range events {
		step, ok := e["step"].(map[string]any)
		if ok && (step["exchanges"] != nil || step["page"] != nil) {
			t.Errorf("evidence in %v", step)
		}
	}
	if len(run.Steps[1].Exchanges) == 0 || run.Steps[1].Ceremony.Options == nil || run.Metrics["login.total"].Histogram == "" || run.Checks[0].Evidence == nil {
		t.Error("the run has been changed")
	}
}

// TestStepsFollowTheirScenario reads the order that a person sees.
func TestStepsFollowTheirScenario(t *testing.T) {
	run := &report.Run{
		Scenarios:  []report.Scenario{{ID: "a"}, {ID: "b"}},
		Steps:      []report.Step{{ID: "a/1", Scenario: "a"}, {ID: "b/1", Scenario: "b"}, {ID: "a/2", Scenario: "a"}, {ID: "c/1", Scenario: "c"}},
		Thresholds: []report.Threshold{{Text: "of b", Scenario: "b"}, {Text: "of all"}},
		Checks:     []report.Check{{ID: "check"}},
	}
	_, events := write(t, run)
	var got []string
	for _, e := range events {
		kind, _ := e["type"].(string)
		body, _ := e[kind].(map[string]any)
		for _, name := range []string{"id", "text"} {
			if text, ok := body[name].(string); ok {
				got = append(got, text)
			}
		}
	}
	if diff := cmp.Diff([]string{"a", "a/1", "a/2", "b", "b/1", "of b", "c/1", "of all", "check"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := golden.Drawn(t, golden.Texts("\n{}\n", `"},{`, "\u2028\u2029", strings.Repeat("é", 50_000)))
		for i := range run.Steps {
			run.Steps[i].Ceremony = &report.Ceremony{Options: func() {}} // could not be written
		}
		_, events := write(t, run)
		checkCounts(t, run, events)
	})
}

func TestWriteErrors(t *testing.T) {
	for _, n := range []int{0, 500} {
		if err := ndjson.Write(golden.FullDisk(n), golden.Load(t, "pass")); err == nil {
			t.Errorf("no error when the disk is full after %d bytes", n)
		}
	}
}
