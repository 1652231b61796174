package html_test

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
)

func TestGoldenSync(t *testing.T) {
	for _, name := range golden.SyncRuns() {
		t.Run(name, func(t *testing.T) {
			out := write(t, golden.Load(t, name))
			golden.Check(t, *update, name+".html", out)
			checkDocument(t, out)
		})
	}
}

// kinds of events, and one that is not known yet.
func kinds() []string {
	return strings.Fields("pushed queued arrived lost duplicated conflict hidden unhidden deleted trashed restored renamed shadowed " +
		"resurrected undecryptable founded unlocked refused locked enrolled revoked wiped rotated offline online register login melted")
}

func accountOf(events ...report.FabricEvent) *report.Run {
	return &report.Run{Fabric: &report.Fabric{Accounts: []report.FabricAccount{{
		Account: "alice", Provider: "p@1", Devices: []report.FabricDevice{{Name: "laptop"}, {Name: "phone"}}, Events: events,
	}}}}
}

var (
	drawnWords = regexp.MustCompile(`<text class="words( roomy)?" x="[^"]*" y="[^"]*" dx="[^"]*" dy="[^"]*" text-anchor="[a-z]+">(?:(\d+) × )?`)
	gaps       = regexp.MustCompile(`>⋮ (\d+) not drawn<`)
)

// drawn counts the events of a page's lanes, and those that they say are not drawn.
func drawn(t failer, page []byte) (events, left, rows int) {
	number := func(s []byte) int {
		if len(s) == 0 {
			return 1
		}
		n, err := strconv.Atoi(string(s))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	words := drawnWords.FindAllSubmatch(page, -1)
	for _, m := range words {
		events += number(m[2])
	}
	for _, m := range gaps.FindAllSubmatch(page, -1) {
		left += number(m[1])
	}
	return events, left, len(words)
}

// Whatever happened, and however often: every event is drawn, alone or with its like, or counted as not drawn.
func TestEveryEventIsDrawnOrCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		device := rapid.SampledFrom([]string{"", "laptop", "phone", "tablet", "watch", "tv", "car", "fridge", "a device with quite a long name"})
		kind := rapid.SampledFrom(kinds())
		var events []report.FabricEvent
		ms := 0.0
		for range rapid.IntRange(1, 40).Draw(t, "runs") {
			e := report.FabricEvent{Kind: kind.Draw(t, "kind"), From: device.Draw(t, "from"), To: device.Draw(t, "to"), Passkey: "first"}
			for range rapid.SampledFrom([]int{1, 1, 1, 2, 9}).Draw(t, "times") {
				ms += rapid.SampledFrom([]float64{0, .1, 7, 90_000}).Draw(t, "later")
				e.AtMS, e.SentMS = ms, ms*rapid.Float64Range(-1, 2).Draw(t, "sent")
				events = append(events, e)
			}
		}
		page := write(t, accountOf(events...))
		checkDocument(t, page)
		got, left, rows := drawn(t, page)
		if got+left != len(events) {
			t.Errorf("%d drawn and %d not drawn, of %d", got, left, len(events))
		}
		if rows > 60 {
			t.Errorf("%d rows are too many to be read", rows)
		}
		if said := fmt.Sprintf("%d are not drawn", left); left > 0 && !bytes.Contains(page, []byte(said)) {
			t.Errorf("it does not say %q", said)
		}
		if len(events) <= 60 && left > 0 && !bytes.Contains(page, []byte("because their device has no lane")) {
			t.Errorf("%d of few events are not drawn", left)
		}
	})
}

// A long run is drawn in a fixed number of rows, with what went wrong in it, and says what it leaves out.
func TestDenseRun(t *testing.T) {
	var events []report.FabricEvent
	for i := range 4000 {
		e := report.FabricEvent{AtMS: float64(i) * 250, Kind: "pushed", From: "laptop", Passkey: "p" + strconv.Itoa(i)}
		switch {
		case i == 3333:
			e = report.FabricEvent{AtMS: e.AtMS, Kind: "login", To: "phone", Passkey: "needle", Verdict: report.VerdictFail}
		case i%2 == 1:
			e = report.FabricEvent{AtMS: e.AtMS, SentMS: e.AtMS - 200, Kind: "arrived", To: "phone", Passkey: e.Passkey}
		}
		events = append(events, e)
	}
	begin := time.Now()
	page := write(t, accountOf(events...))
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	checkDocument(t, page)
	if len(page) > 400<<10 {
		t.Errorf("%d bytes", len(page))
	}
	for _, want := range []string{"60 of 4000 events are drawn, those alike in one row; 3940 are not drawn.", ">login needle<", "3,700 events more are in the JSON report only."} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// A run of events alike is one row; a row says how many it stands for.
func TestEventsAlikeShareARow(t *testing.T) {
	var events []report.FabricEvent
	for i := range 100 {
		events = append(events, report.FabricEvent{AtMS: float64(i), Kind: "refused", To: "phone"})
	}
	page := write(t, accountOf(append(events, report.FabricEvent{AtMS: 200, Kind: "locked", To: "phone"})...))
	if !strings.Contains(string(page), ">100 × refused<") || !strings.Contains(string(page), "All 101 events are drawn") {
		t.Error("a hundred wrong PINs are not one row")
	}
}

// An arrow begins where the cloud got the change, and one that would cross too much says so by its dashes.
func TestArrows(t *testing.T) {
	events := []report.FabricEvent{
		{AtMS: 10, Kind: "pushed", From: "laptop", Passkey: "near"},
		{AtMS: 30, SentMS: 10, Kind: "arrived", To: "phone", Passkey: "near"},
	}
	for i := range 8 {
		events = append(events, report.FabricEvent{AtMS: 40 + float64(i), Kind: "refused", To: "phone"})
	}
	events = append(events, report.FabricEvent{AtMS: 60, SentMS: 10, Kind: "arrived", To: "phone", Passkey: "far"}, report.FabricEvent{AtMS: 70, Kind: "lost", To: "phone", Passkey: "gone"})
	page := string(write(t, accountOf(events...)))
	for _, want := range []string{
		`<line class="arrow sent" x1="16.67%" y1="49.0" x2="50.00%" y2="49.0"/>`, // to the cloud, in the first row
		`<line class="arrow sent" x1="50.00%" y1="49.0" x2="83.33%" y2="79.0"/>`, // from where it got there
		`<line class="arrow far" x1="50.00%" y1="349.0" x2="83.33%" y2="349.0"/>`,
		`<line class="arrow lost" x1="50.00%" y1="379.0" x2="61.67%" y2="379.0"/>`,
		">near &#43;20ms<", ">far &#43;50ms<", ">lost gone<",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

// What holds for a while is a stretch of a lane, to the end if nothing ends it.
func TestSpans(t *testing.T) {
	page := string(write(t, accountOf(
		report.FabricEvent{AtMS: 1, Kind: "offline", To: "laptop"},
		report.FabricEvent{AtMS: 2, Kind: "hidden", To: "phone", Passkey: "a"},
		report.FabricEvent{AtMS: 3, Kind: "deleted", To: "phone", Passkey: "b"},
		report.FabricEvent{AtMS: 4, Kind: "online", To: "laptop"},
		report.FabricEvent{AtMS: 5, Kind: "unhidden", To: "phone", Passkey: "a"},
		report.FabricEvent{AtMS: 6, Kind: "locked", To: "phone"},
	)))
	for _, want := range []string{
		`<rect class="span offline" x="16.67%" y="49.0" width="12" height="90.0" transform="translate(-6 0)"/>`,
		`<rect class="span hidden" x="83.33%" y="79.0" width="5" height="90.0" transform="translate(12 0)"/>`,
		`<rect class="span deleted" x="83.33%" y="109.0" width="5" height="109.0" transform="translate(19 0)"/>`, // beside the other
		`<rect class="span locked" x="50.00%" y="199.0" width="12" height="19.0" transform="translate(-6 0)"/>`,  // of the account
	} {
		if !strings.Contains(page, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

// Of many accounts those stand open of which there is something to see.
func TestManyAccounts(t *testing.T) {
	run := golden.Load(t, "sync")
	run.Scenarios[0].Verdict = report.VerdictPass
	for range 20 {
		run.Fabric.Accounts = append(run.Fabric.Accounts, run.Fabric.Accounts[0])
	}
	page := write(t, run)
	checkDocument(t, page)
	if got := bytes.Count(page, []byte(`<details class="account" id="account-`)); got != 22 {
		t.Errorf("%d accounts are folded, want 22", got)
	}
	if !bytes.Contains(page, []byte(`<details class="account" id="account-2" open>`)) || bytes.Count(page, []byte("\" open>\n  <summary><h3>")) != 1 {
		t.Error("not only the one with a damaged log is open")
	}
}

// When no PIN is accepted is what the audit log says: a reset is no event of a device.
func TestLockedSpanEndsWithTheReset(t *testing.T) {
	run := accountOf(
		report.FabricEvent{AtMS: 100, Kind: "locked", To: "phone"},
		report.FabricEvent{AtMS: 200, Kind: "login", To: "laptop"},
		report.FabricEvent{AtMS: 300, Kind: "login", To: "laptop"},
	)
	run.Fabric.Accounts[0].Unlock = &report.FabricUnlock{Attempts: 1, Path: []report.UnlockMark{{AtMS: 100, Action: "locked", Failures: 1}, {AtMS: 200, Action: "pin-reset"}}}
	if want := `<rect class="span locked" x="50.00%" y="49.0" width="12" height="30.0"`; !strings.Contains(string(write(t, run)), want) {
		t.Errorf("there is no %s", want)
	}
}

// The path of PINs: every transition that was taken is drawn with how often it was.
func TestUnlockStates(t *testing.T) {
	run := accountOf()
	mark := func(action string, failures int) report.UnlockMark {
		return report.UnlockMark{Device: "phone", Action: action, Failures: failures}
	}
	run.Fabric.Accounts[0].Unlock = &report.FabricUnlock{Method: "provider-pin", Attempts: 3, Path: []report.UnlockMark{
		mark("pin-set", 0), mark("refused", 1), mark("unlocked", 0), mark("refused", 1), mark("refused", 2), mark("locked", 3), mark("refused", 3), mark("pin-reset", 0),
	}}
	page := string(write(t, run))
	checkDocument(t, []byte(page))
	for _, want := range []string{
		"open, 0 of 3 to open, 1 of 3: refused ×2; open, 1 of 3 to open, 0 of 3: unlocked; open, 1 of 3 to open, 2 of 3: refused; " +
			"open, 2 of 3 to locked: locked; locked to locked: refused; locked to open, 0 of 3: pin reset",
		"It ended in the state open, 0 of 3.", ">refused ×2<", ">pin reset<", ">unlocked<", `class="state final"`,
		"Provider PIN: 6 tries, 5 refused, 1 lockout.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// Without a limit, states are those that were reached; with a long path there still is an end to the drawing.
func TestUnlockWithoutLimit(t *testing.T) {
	run := accountOf()
	u := &report.FabricUnlock{Method: "account-password"}
	for i := range 500 {
		u.Path = append(u.Path, report.UnlockMark{AtMS: float64(i), Action: "refused", Failures: i + 1})
	}
	run.Fabric.Accounts[0].Unlock = u
	page := write(t, run)
	checkDocument(t, page)
	for _, want := range []string{"open, 13 or more", "refused ×487", "300 transitions more are in the JSON report only."} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// The distribution is drawn where there is one, and no percentile is named for which there are too few samples.
func TestLagDistribution(t *testing.T) {
	for _, tt := range []struct {
		n           int
		drawn, tail bool
	}{{0, false, false}, {4, false, false}, {5, true, false}, {19, true, false}, {20, true, true}, {5000, true, true}} {
		recorder := report.NewRecorder()
		for i := range tt.n {
			recorder.Observe("sync.lag", time.Duration(i+1)*time.Millisecond)
		}
		page := write(t, &report.Run{Fabric: &report.Fabric{}, Metrics: recorder.Metrics()})
		checkDocument(t, page)
		section, _, _ := strings.Cut(after(t, string(page), `<h2 id="sync">`), "</section>")
		if got := strings.Contains(section, `id="sync-lag-title"`); got != tt.drawn {
			t.Errorf("%d arrivals: drawn %v", tt.n, got)
		}
		if got := strings.Contains(section, ">p95 "); got != tt.tail {
			t.Errorf("%d arrivals: a line at p95 %v", tt.n, got)
		}
		if got := strings.Contains(section, "<code>sync.lag</code>"); got != (tt.n > 0) {
			t.Errorf("%d arrivals: in the table %v", tt.n, got)
		}
	}
}

// The verdicts of cells lead to their steps.
func TestCells(t *testing.T) {
	run := golden.Load(t, "sync-cells")
	section := after(t, string(write(t, run)), `<h2 id="cells">`)
	section, _, _ = strings.Cut(section, "</section>")
	for i := range run.Steps {
		if link := fmt.Sprintf(`href="#step-%d"`, i+1); strings.Contains(section, link) != (run.Steps[i].Cell != nil) {
			t.Errorf("step %d has a cell: %v; its link is there: %v", i+1, run.Steps[i].Cell != nil, strings.Contains(section, link))
		}
	}
	if got := strings.Count(section, "not tried"); got != 2 {
		t.Errorf("%d empty cells, want 2", got)
	}
	for _, want := range []string{
		`<span class="mark" role="img" aria-label="fail">✗</span>accepted</span>`, `<span class="mark" role="img" aria-label="skipped">–</span>skipped</span>`,
		`(<span aria-hidden="true">–</span> skipped, <span aria-hidden="true">✓</span> pass, <span aria-hidden="true">!</span> warning, <span aria-hidden="true">✗</span> fail)`,
	} {
		if !strings.Contains(section, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

// Of many scenarios those that passed are a line each.
func TestManyScenarios(t *testing.T) {
	run := golden.Load(t, "pass")
	page := string(write(t, run))
	if strings.Contains(page, `class="fold scenario"`) {
		t.Error("few scenarios are folded")
	}
	for i := range 9 {
		id := fmt.Sprintf("more-%d", i)
		run.Scenarios = append(run.Scenarios, report.Scenario{ID: id, Name: id, Verdict: report.VerdictPass})
		run.Steps = append(run.Steps, report.Step{ID: id + "/1", Scenario: id, Verdict: report.VerdictPass}, report.Step{ID: id + "/2", Scenario: id, Verdict: report.VerdictSkip})
	}
	run.Scenarios[0].Verdict = report.VerdictFail
	page = string(write(t, run))
	checkDocument(t, []byte(page))
	if got, want := strings.Count(page, `<details class="fold scenario" data-group>`), len(run.Scenarios)-1; got != want {
		t.Errorf("%d scenarios are folded, want %d", got, want)
	}
	if !strings.Contains(page, `<h3>more-3</h3> <span class="where"><span>2 steps, 1 skipped</span>`) {
		t.Error("it is not said how many steps there are, and that one was skipped")
	}
}

// A ceremony that was not accepted says so beside its mark, which is the verdict.
func TestRefusedCeremony(t *testing.T) {
	run := accountOf(
		report.FabricEvent{AtMS: 1, Kind: "login", To: "phone", Step: "s/1", Verdict: report.VerdictPass, Text: "refused"},
		report.FabricEvent{AtMS: 2, Kind: "login", To: "phone", Step: "s/2", Verdict: report.VerdictPass, Text: "accepted"},
	)
	run.Steps = []report.Step{{ID: "s/1", Title: "too early", Outcome: "refused"}, {ID: "s/2", Outcome: "accepted"}}
	page := string(write(t, run))
	checkDocument(t, []byte(page))
	for want, times := range map[string]int{">login refused<": 2, ">login<": 3, `<a href="#step-1">too early</a>`: 1, ">accepted<": 0} {
		if got := strings.Count(page, want); got != times {
			t.Errorf("%s is there %d times, want %d", want, got, times)
		}
	}
}

func TestHostileFabric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nasty := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"<script>alert(1)</script>", `"/><rect onload="x`, "</title></desc></svg><script>", "]]>", "<!--", "{{.}}", "\x00", "\xff\xfe", strings.Repeat("長", 90), "javascript:x",
		}))
		odd := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, -1, 1, 5e3, 1e300, -1e300, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64}))
		whole := rapid.OneOf(rapid.Int(), rapid.SampledFrom([]int{0, 1, -1, 3, math.MaxInt, math.MinInt}))
		text := func() string { return nasty.Draw(t, "text") }
		number := func() float64 { return odd.Draw(t, "number") }
		kind := rapid.OneOf(nasty, rapid.SampledFrom(kinds()))
		action := rapid.OneOf(nasty, rapid.SampledFrom(strings.Fields("pin-set unlock-tried unlocked refused locked destroyed pin-reset wiped")))
		may := func() report.Eligibility {
			return report.Eligibility{Allowed: rapid.Bool().Draw(t, "allowed"), Reason: text(), Rule: text(), Assumed: text()}
		}
		run := &report.Run{Fabric: &report.Fabric{}, Metrics: map[string]report.Metric{
			"sync.lag": {Unit: "ns", Count: int64(whole.Draw(t, "count")), P50: number(), P99: number(), Max: number(), Histogram: text()},
		}}
		for range rapid.IntRange(0, 3).Draw(t, "accounts") {
			a := report.FabricAccount{Scenario: text(), Account: text(), Provider: text(), Title: text(), Type: text(), Audit: &report.FabricAudit{Head: text(), Problem: text(), File: text()}}
			for range rapid.IntRange(0, 8).Draw(t, "devices") {
				a.Devices = append(a.Devices, report.FabricDevice{Name: text(), OS: text(), Client: text(), Verification: text(), Save: may(), Use: may()})
			}
			for range rapid.IntRange(0, 9).Draw(t, "events") {
				a.Events = append(a.Events, report.FabricEvent{
					AtMS: number(), SentMS: number(), Kind: kind.Draw(t, "kind"), From: text(), To: text(), Passkey: text(), Step: "id", Text: text(), Verdict: report.Verdict(text()),
				})
			}
			a.Unlock = &report.FabricUnlock{Method: text(), Attempts: whole.Draw(t, "attempts")}
			for range rapid.IntRange(0, 9).Draw(t, "path") {
				a.Unlock.Path = append(a.Unlock.Path, report.UnlockMark{AtMS: number(), Device: text(), Action: action.Draw(t, "action"), Failures: whole.Draw(t, "failures")})
			}
			run.Fabric.Accounts = append(run.Fabric.Accounts, a)
		}
		if rapid.Bool().Draw(t, "study") {
			run.Scenarios = []report.Scenario{{File: text()}}
			run.Fabric.Study = &report.Study{
				Accounts: int64(whole.Draw(t, "accounts")), Devices: whole.Draw(t, "each"), EventsEach: whole.Draw(t, "events"), VirtualMS: number(),
				Provider: text(), Delay: text(), Loss: number(), Kinds: []report.StudyCount{{Kind: text(), Count: 3}},
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "cells") {
			run.Steps = append(run.Steps, report.Step{ID: "id", Title: text(), Scenario: "s", Verdict: report.Verdict(text()), Cell: &report.Cell{Row: text(), Column: text()}})
		}
		checkDocument(t, write(t, run))
	})
}

// Whatever a device, a passkey, a reason or a cell is called, the page stays one.
func FuzzFabricLabels(f *testing.F) {
	for _, seed := range []string{"first", "<svg onload=x>", `"><script>`, "\u202eevil", "\x00\xff", strings.Repeat("長", 60), "]]>", "3 × arrived"} {
		f.Add(seed, "laptop")
		f.Add("first", seed)
	}
	f.Fuzz(func(t *testing.T, label, device string) {
		run := golden.Load(t, "sync")
		a := &run.Fabric.Accounts[0]
		a.Account, a.Title, a.Scenario = label, label, label
		a.Devices[0].Name, a.Devices[2].Save.Reason, a.Devices[2].Use.Rule = device, label, label
		for i := range a.Events {
			a.Events[i].Passkey, a.Events[i].To = label, device
		}
		a.Unlock.Path[0].Action, a.Unlock.Path[1].Device = label, device
		run.Steps[0].Cell = &report.Cell{Row: label, Column: device}
		checkDocument(t, write(t, run))
	})
}
