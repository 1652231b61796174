package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shard is a run that another one was merged from.
type Shard struct {
	Name       string    `json:"name,omitempty"`
	Seed       uint64    `json:"seed"`
	Started    time.Time `json:"started"`
	DurationMS float64   `json:"durationMs"`
	Segment    string    `json:"segment,omitempty" redact:"-"` // of a load, such as "2/4"
	Partial    bool      `json:"partial,omitempty"`
	Scenarios  []string  `json:"scenarios"` // their ids in the merged run
}

// MergeError says why runs cannot be merged, and what to do about it. Index is the run that does not fit, from 0.
type MergeError struct {
	Index         int
	Message, Hint string
}

// Error returns the message.
func (e *MergeError) Error() string { return e.Message }

// Merge joins the runs of the shards of one test, at least one, into the run that it would have been: scenarios of which
// each ran some, or the segments of a load. Histograms and counters are added without loss, thresholds of a load are
// judged anew, scenarios and steps whose ids occur twice get new ones, and the summary is counted anew. The runs stay as
// they are. The error is a [*MergeError].
func Merge(runs ...*Run) (*Run, error) {
	runs = slices.Clone(runs)
	for i, run := range runs {
		if err := fits(runs[0], run); err != nil {
			err.Index = i
			return nil, err
		}
	}
	out := *runs[0]
	for _, run := range runs {
		if run.Started.Before(out.Started) {
			out.Started = run.Started
		}
	}
	out.Partial, out.Aborted, out.DurationMS = false, "", 0
	out.Scenarios, out.Checks, out.Steps, out.Thresholds, out.Shards = nil, nil, nil, nil, nil
	out.Suite, out.Load, out.Fabric, out.Matrix = nil, nil, nil, nil
	var err error
	if out.Metrics, err = mergeMetrics(runs); err != nil {
		return nil, err
	}
	if out.Load, err = mergeLoads(runs, out.Started, out.Metrics); err != nil {
		return nil, err
	}
	if out.Matrix, err = mergeMatrices(runs, out.Started); err != nil {
		return nil, err
	}
	m := merging{out: &out, ids: make(map[string]bool)}
	for i, run := range runs {
		if err := m.add(run); err != nil {
			err.Index = i
			return nil, err
		}
	}
	m.judge()
	out.Summary = out.Summarize()
	return &out, nil
}

// fits says why a run is of another test than the first.
func fits(first, run *Run) *MergeError {
	differ := func(what, a, b, hint string) *MergeError {
		return &MergeError{Message: fmt.Sprintf("%s is %q, and that of the first run %q", what, b, a), Hint: hint}
	}
	a, b := first, run
	version := func(r *Run) string { return strings.TrimSpace(r.Tool.Version + " " + r.Tool.Commit) }
	study := func(r *Run) bool { return r.Fabric != nil && r.Fabric.Study != nil }
	switch {
	case a != b && study(a) && study(b):
		return &MergeError{Message: "it is a simulation like one before it", Hint: "simulate all accounts in one run: passrig sync FILE --simulate --accounts N"}
	case version(a) != version(b):
		return differ("its passrig", version(a), version(b), "run all shards with the same version")
	case a.Target.Adapter != b.Target.Adapter:
		return differ("its adapter", a.Target.Adapter, b.Target.Adapter, "shards are of one relying party; compare looks at two")
	case a.Target.Origin != b.Target.Origin:
		return differ("its origin", a.Target.Origin, b.Target.Origin, "shards are of one relying party; compare looks at two")
	case a.Matrix != nil && b.Matrix != nil: // whose columns have drivers and browsers of their own
		return nil
	case a.Driver != b.Driver:
		return differ("its driver", a.Driver, b.Driver, "run all shards with the same --driver")
	case a.Browser != b.Browser:
		return differ("its browser", a.Browser, b.Browser, "run all shards with the same browser")
	}
	return nil
}

// merging puts runs one after the other into a run.
type merging struct {
	out *Run
	ids map[string]bool // of scenarios
}

func (m *merging) add(run *Run) *MergeError {
	out := m.out
	later := float64(run.Started.Sub(out.Started)) / 1e6
	shard := Shard{Name: run.Name, Seed: run.Seed, Started: run.Started, DurationMS: run.DurationMS, Partial: run.Partial, Scenarios: []string{}}
	if run.Load != nil {
		shard.Segment = run.Load.Segment
	}
	renamed := m.rename(run)
	for i := range run.Scenarios {
		sc := run.Scenarios[i]
		sc.ID, sc.StartMS = renamed.scenario(sc.ID), sc.StartMS+later
		if shard.Segment != "" {
			sc.Name += " (segment " + shard.Segment + ")"
		}
		shard.Scenarios, out.Scenarios = append(shard.Scenarios, sc.ID), append(out.Scenarios, sc)
	}
	for i := range run.Steps {
		s := run.Steps[i]
		s.Message = renamed.quoted(s.Message, s.Scenario)
		s.ID, s.Scenario, s.StartMS = renamed.step(s.ID), renamed.scenario(s.Scenario), s.StartMS+later
		out.Steps = append(out.Steps, s)
	}
	for _, t := range run.Thresholds {
		again := shard.Segment != "" && slices.ContainsFunc(out.Thresholds, func(o Threshold) bool {
			return o.Text == t.Text && o.File == t.File && o.Line == t.Line
		})
		if !again { // of a load there is one for all segments
			t.Scenario = renamed.scenario(t.Scenario)
			out.Thresholds = append(out.Thresholds, t)
		}
	}
	if err := m.checks(run); err != nil {
		return err
	}
	if err := m.fabric(run.Fabric, renamed, later); err != nil {
		return err
	}
	out.Shards = append(out.Shards, shard)
	out.DurationMS = max(out.DurationMS, later+run.DurationMS)
	if run.Partial {
		out.Partial = true
		out.Aborted = strings.TrimPrefix(out.Aborted+"; "+cmp.Or(run.Aborted, "a shard did not reach its end"), "; ")
	}
	if out.Name != run.Name {
		out.Name = strconv.Itoa(len(out.Shards)) + " shards"
	}
	return nil
}

// newIDs are the ids of scenarios that were taken.
type newIDs map[string]string

// rename finds ids for the scenarios of a run that nobody has.
func (m *merging) rename(run *Run) newIDs {
	renamed := make(newIDs)
	for i := range run.Scenarios {
		id := run.Scenarios[i].ID
		fresh := id
		for n := 2; m.ids[fresh]; n++ {
			fresh = id + "-" + strconv.Itoa(n)
		}
		m.ids[fresh] = true
		if fresh != id {
			renamed[id] = fresh
		}
	}
	return renamed
}

func (n newIDs) scenario(id string) string { return cmp.Or(n[id], id) }

func (n newIDs) step(id string) string {
	scenario, rest, ok := strings.Cut(id, "/")
	if !ok {
		return id
	}
	return n.scenario(scenario) + "/" + rest
}

// quoted renames the steps of a scenario that a sentence names.
func (n newIDs) quoted(sentence, scenario string) string {
	if n[scenario] == "" {
		return sentence
	}
	return strings.ReplaceAll(sentence, `"`+scenario+"/", `"`+n[scenario]+"/")
}

// checks adds those of a run. An id names a row of the catalogue and cannot be changed, so every check is in one run only.
func (m *merging) checks(run *Run) *MergeError {
	for i := range run.Checks {
		id := run.Checks[i].ID
		if slices.ContainsFunc(m.out.Checks, func(c Check) bool { return c.ID == id }) {
			return &MergeError{
				Message: fmt.Sprintf("it has the check %q, which a run before it has too", id),
				Hint:    "give each shard checks of its own, with --only and --skip; compare takes several runs of the same",
			}
		}
	}
	m.out.Checks = append(m.out.Checks, run.Checks...)
	s := run.Suite
	switch {
	case s == nil:
	case m.out.Suite == nil:
		suite := *s
		m.out.Suite = &suite
	case m.out.Suite.Tier != s.Tier || m.out.Suite.FailOn != s.FailOn || m.out.Suite.Strict != s.Strict:
		return &MergeError{Message: "its checks were judged in another way", Hint: "use the same --tier, --fail-on and --strict in all shards"}
	default:
		m.out.Suite.Whole, m.out.Suite.Grade = false, "" // whether nothing is missing cannot be told
		m.out.Suite.Fixed = slices.Concat(m.out.Suite.Fixed, s.Fixed)
		profile := make(map[string][]string)
		maps.Copy(profile, s.Profile)
		maps.Copy(profile, m.out.Suite.Profile)
		m.out.Suite.Profile = profile
	}
	return nil
}

func (m *merging) fabric(f *Fabric, renamed newIDs, later float64) *MergeError {
	if f == nil {
		return nil
	}
	if m.out.Fabric == nil {
		m.out.Fabric = &Fabric{}
	}
	if f.Study != nil {
		if m.out.Fabric.Study != nil {
			return &MergeError{Message: "it is a simulation like one before it", Hint: "simulate all accounts in one run: passrig sync FILE --simulate --accounts N"}
		}
		m.out.Fabric.Study = f.Study
	}
	for _, a := range f.Accounts {
		a.Scenario, a.Events = renamed.scenario(a.Scenario), slices.Clone(a.Events)
		for i := range a.Events {
			e := &a.Events[i]
			e.AtMS, e.Step = e.AtMS+later, renamed.step(e.Step)
			if e.SentMS > 0 {
				e.SentMS += later
			}
		}
		if a.Unlock != nil {
			unlock := *a.Unlock
			unlock.Path = slices.Clone(unlock.Path)
			for i := range unlock.Path {
				unlock.Path[i].AtMS += later
			}
			a.Unlock = &unlock
		}
		m.out.Fabric.Accounts = append(m.out.Fabric.Accounts, a)
	}
	return nil
}

// judge holds the thresholds of a load against the figures of all segments. One that ended the load stays crossed.
func (m *merging) judge() {
	if m.out.Load == nil || len(m.out.Shards) < 2 {
		return
	}
	segments := make(map[string]bool)
	for _, s := range m.out.Shards {
		for _, id := range s.Scenarios {
			segments[id] = s.Segment != ""
		}
	}
	for i := range m.out.Thresholds {
		t := &m.out.Thresholds[i]
		if rule, err := ParseThreshold(t.Text); err == nil && segments[t.Scenario] {
			judged := rule.Judge(m.out)
			t.Actual, t.Verdict, t.Hint = judged.Actual, judged.Verdict, judged.Hint
		}
	}
}
