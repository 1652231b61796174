// Package report holds the result of a run and what can be computed from it.
//
// A run writes one [Run]; every output (terminal, HTML, JUnit, JSON, …) is a pure
// function of it, so an old result file can be rendered again in any format. The
// model is already redacted when a writer sees it: see [Redactor].
package report

import (
	"encoding/json"
	"time"
)

// Schema names the version of the result file. Within one version members are only added.
const Schema = "passrig/run/1"

// Verdict says how one check, step or threshold ended.
type Verdict string

// The verdicts. VerdictError means "could not tell" and is never mixed with VerdictFail.
const (
	VerdictPass  Verdict = "pass"
	VerdictFail  Verdict = "fail"
	VerdictWarn  Verdict = "warn"
	VerdictInfo  Verdict = "info"
	VerdictSkip  Verdict = "skip"
	VerdictError Verdict = "error"
)

// Run is one execution, as written to a result file. Members tagged redact:"-" have a fixed
// vocabulary, or are encoded: no secret gets into them, and none is looked for.
type Run struct {
	Schema     string            `json:"schema" redact:"-"`
	Tool       Tool              `json:"tool"`
	Name       string            `json:"name,omitempty"`
	Driver     string            `json:"driver" redact:"-"` // "api" or "browser"
	Browser    string            `json:"browser,omitempty"` // its name and version
	Target     Target            `json:"target"`
	Seed       uint64            `json:"seed"`
	Params     map[string]string `json:"params,omitempty"` // what was given for the files' params, without secret ones
	Started    time.Time         `json:"started"`
	DurationMS float64           `json:"durationMs"`
	Partial    bool              `json:"partial"`           // interrupted or aborted: some steps did not run
	Aborted    string            `json:"aborted,omitempty"` // why, in one sentence
	Scenarios  []Scenario        `json:"scenarios"`
	Checks     []Check           `json:"checks"`
	Steps      []Step            `json:"steps"` // in the order they ran, all scenarios
	Metrics    map[string]Metric `json:"metrics"`
	Thresholds []Threshold       `json:"thresholds"`
	Suite      *Suite            `json:"suite,omitempty"`  // when checks ran
	Load       *LoadRun          `json:"load,omitempty"`   // when a load was offered
	Fabric     *Fabric           `json:"fabric,omitempty"` // when passkeys traveled
	Matrix     *Matrix           `json:"matrix,omitempty"` // when providers were held against relying parties
	Shards     []Shard           `json:"shards,omitempty"` // when it was merged from other runs: see [Merge]
	Summary    Summary           `json:"summary"`
}

// Tool identifies the program that made the result.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go,omitempty"`
	OS      string `json:"os,omitempty"`
	Arch    string `json:"arch,omitempty"`
}

// Target is the relying party that was driven.
type Target struct {
	Adapter string `json:"adapter" redact:"-"`
	Origin  string `json:"origin"`
	BaseURL string `json:"baseUrl,omitempty"` // where requests went, if not to the origin
	RPID    string `json:"rpId,omitempty"`
}

// Scenario is one scenario file that was part of the run.
type Scenario struct {
	ID          string   `json:"id"` // unique in the run, derived from the file name
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	File        string   `json:"file"`
	Tags        []string `json:"tags,omitempty"`
	Target      Target   `json:"target"`
	Verdict     Verdict  `json:"verdict"`
	StartMS     float64  `json:"startMs"` // since Run.Started
	DurationMS  float64  `json:"durationMs"`
}

// Step is one executed step of a scenario.
type Step struct {
	ID         string     `json:"id"`                // unique in the run: "quickstart/3" or "quickstart/5.2/1"
	Scenario   string     `json:"scenario"`          // Scenario.ID
	Action     string     `json:"action" redact:"-"` // "register", "login", …
	Title      string     `json:"title"`             // "login alice on phone"
	File       string     `json:"file,omitempty"`
	Line       int        `json:"line,omitempty"`
	Verdict    Verdict    `json:"verdict"`
	Message    string     `json:"message,omitempty"`  // one sentence: what happened
	Hint       string     `json:"hint,omitempty"`     // what to do about it
	Expected   string     `json:"expected,omitempty"` // filled when not a plain pass
	Actual     string     `json:"actual,omitempty"`
	Outcome    string     `json:"outcome,omitempty" redact:"-"` // accepted, rejected, refused or error
	User       string     `json:"user,omitempty"`
	Device     string     `json:"device,omitempty"`
	StartMS    float64    `json:"startMs"` // since Run.Started
	DurationMS float64    `json:"durationMs"`
	Ceremony   *Ceremony  `json:"ceremony,omitempty"`
	Exchanges  []Exchange `json:"exchanges,omitempty"`
	Notes      []string   `json:"notes,omitempty"` // e.g. an implied sign-up

	Page *PageEvidence `json:"page,omitempty"` // what the page showed when a page step failed
	Cell *Cell         `json:"cell,omitempty"` // its place in the scenario's table, if it has one
}

// PageEvidence is what a page looked like when a step on it failed.
type PageEvidence struct {
	URL        string   `json:"url"`
	Screenshot string   `json:"screenshot,omitempty"` // PNG, base64
	DOM        string   `json:"dom,omitempty"`        // an excerpt, as HTML
	Log        []string `json:"log,omitempty"`        // console, exceptions, dialogs, what Chrome logged
}

// Ceremony is what a registration or authentication looked like, decoded.
type Ceremony struct {
	Kind         string  `json:"kind" redact:"-"` // "registration" or "authentication"
	Phases       []Phase `json:"phases"`
	Options      any     `json:"options,omitempty"`    // the RP's options as the client saw them (JSON)
	ClientData   any     `json:"clientData,omitempty"` // decoded clientDataJSON
	AuthData     any     `json:"authenticatorData,omitempty"`
	Attestation  any     `json:"attestation,omitempty"`
	Response     any     `json:"response,omitempty"` // the credential as sent (JSON, before the adapter's encoding)
	CredentialID string  `json:"credentialId,omitempty"`
	ClientError  string  `json:"clientError,omitempty" redact:"-"` // DOMException name when the client refused
}

// The phases of a ceremony; the drivers use the same names.
const (
	PhaseOptions = "options" // asking the RP for options
	PhaseClient  = "client"  // client and authenticator: collect, sign
	PhaseResult  = "result"  // sending the credential, up to the RP's verdict
	PhaseTotal   = "total"   // from the first request to the verdict; on a page, from the last click
	PhasePage    = "page"    // what is left of the total on a page: its scripts, drawing, the browser
)

// Phase is one timed part of a ceremony.
type Phase struct {
	Name       string  `json:"name" redact:"-"`
	StartMS    float64 `json:"startMs"` // since the step's start
	DurationMS float64 `json:"durationMs"`
}

// Exchange is one HTTP request and its answer, redacted.
type Exchange struct {
	Purpose  string    `json:"purpose"` // "options", "result", "whoami", …
	Phase    string    `json:"phase,omitempty" redact:"-"`
	StartMS  float64   `json:"startMs"` // since the step's start
	Timing   Timing    `json:"timing"`
	Request  Request   `json:"request"`
	Response *Response `json:"response,omitempty"` // nil when none arrived
	Error    string    `json:"error,omitempty"`    // transport error, in one sentence
	Curl     string    `json:"curl,omitempty"`     // a command that sends the same request
}

// Timing splits an exchange as net/http/httptrace saw it. Zero where it did not happen (a reused connection).
type Timing struct {
	DNSMS      float64 `json:"dnsMs,omitempty"`
	ConnectMS  float64 `json:"connectMs,omitempty"`
	TLSMS      float64 `json:"tlsMs,omitempty"`
	TTFBMS     float64 `json:"ttfbMs,omitempty"` // request written to first byte
	TotalMS    float64 `json:"totalMs"`
	ReusedConn bool    `json:"reusedConn,omitempty"`
}

// Request is the request side of an exchange.
type Request struct {
	Method  string   `json:"method" redact:"-"`
	URL     string   `json:"url"`
	Headers []Header `json:"headers,omitempty"`
	Body    string   `json:"body,omitempty"`
}

// Response is the answer side of an exchange. Body is an excerpt; BodyBytes is the size as received.
type Response struct {
	Status    int      `json:"status"`
	Proto     string   `json:"proto,omitempty"`
	Headers   []Header `json:"headers,omitempty"`
	Body      string   `json:"body,omitempty"`
	BodyBytes int64    `json:"bodyBytes"`
	Truncated bool     `json:"truncated,omitempty"`
}

// Header is one header line; order is as sent or received.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Check is one verified expectation of an RP.
type Check struct {
	ID        string   `json:"id" redact:"-"`
	Title     string   `json:"title,omitempty"`
	Ceremony  string   `json:"ceremony,omitempty" redact:"-"`
	Severity  string   `json:"severity,omitempty" redact:"-"`
	Level     string   `json:"level,omitempty" redact:"-"`
	Verdict   Verdict  `json:"verdict"`
	Message   string   `json:"message,omitempty"`
	Hint      string   `json:"hint,omitempty"` // what to do about it
	Expected  string   `json:"expected,omitempty"`
	Actual    string   `json:"actual,omitempty"`
	Basis     []string `json:"basis,omitempty"`
	Tolerated string   `json:"tolerated,omitempty"` // why a failure does not fail the run
	// NotApplicable says of a skipped check that there is nothing to check on this target.
	NotApplicable bool           `json:"notApplicable,omitempty"`
	Evidence      *CheckEvidence `json:"evidence,omitempty"`
	DurationMS    float64        `json:"durationMs"`
}

// ToleratedKnown is the reason in [Check.Tolerated] of a failure that was known before.
const ToleratedKnown = "it is in the baseline"

// Suite is what part of the catalogue of checks a run performed, and under which terms.
type Suite struct {
	Tier      string              `json:"tier"`               // smoke, core or all
	Whole     bool                `json:"whole"`              // every check of the tier came to a verdict
	Grade     string              `json:"grade,omitempty"`    // A to F; only of a whole tier
	FailOn    string              `json:"failOn"`             // the least severity whose failure fails the run
	Strict    bool                `json:"strict"`             // what ought to be counts like what must be
	Profile   map[string][]string `json:"profile,omitempty"`  // what the target declares, and what its options told
	Baseline  string              `json:"baseline,omitempty"` // the file of known failures
	Fixed     []string            `json:"fixed,omitempty"`    // known failures that did not fail any more
	Catalogue int                 `json:"catalogue"`          // how many checks there are
}

// CheckEvidence is what a check did and saw.
type CheckEvidence struct {
	Sent  string      `json:"sent,omitempty"` // in words: what is sent, or looked at
	Cases []CheckCase `json:"cases,omitempty"`
	Seen  any         `json:"seen,omitempty"` // what was looked at, where it is no ceremony
}

// CheckCase is one ceremony of a check: what was sent, what was answered, and what was seen afterwards.
type CheckCase struct {
	Name       string          `json:"name"`
	Changes    []string        `json:"changes,omitempty"`    // to the legal response
	Answer     string          `json:"answer" redact:"-"`    // accepted, rejected, soft-rejected, crashed, …
	Reason     string          `json:"reason,omitempty"`     // one sentence: what the RP answered
	After      string          `json:"after,omitempty"`      // what was seen afterwards
	ClientData any             `json:"clientData,omitempty"` // decoded, as sent
	AuthData   any             `json:"authenticatorData,omitempty"`
	Response   json.RawMessage `json:"response,omitempty" redact:"-"` // the credential as sent, before the adapter's encoding
	Exchanges  []Exchange      `json:"exchanges,omitempty"`
}

// The units of a metric.
const (
	UnitNanoseconds = "ns"    // a distribution of durations
	UnitCount       = "count" // a plain counter: only Metric.Count means something
)

// Metric is a named distribution of durations, or a counter.
type Metric struct {
	Unit      string  `json:"unit" redact:"-"` // UnitNanoseconds or UnitCount
	Count     int64   `json:"count"`
	Of        int64   `json:"of,omitempty"` // of a counter: among how many, as login.failed among all logins
	Min       float64 `json:"min"`
	Mean      float64 `json:"mean"`
	P50       float64 `json:"p50"`
	P90       float64 `json:"p90"`
	P95       float64 `json:"p95"`
	P99       float64 `json:"p99"`
	P999      float64 `json:"p999,omitempty"` // 99.9th percentile
	Max       float64 `json:"max"`
	Clamped   int64   `json:"clamped,omitempty"`              // samples beyond the range, counted as its end
	Histogram string  `json:"histogram,omitempty" redact:"-"` // HDR V2, compressed, base64
}

// Threshold is a limit on a metric and how it was met.
type Threshold struct {
	Text     string  `json:"text"`   // "login.total.p95 < 300ms"
	Actual   string  `json:"actual"` // "212ms", or "no samples"
	Verdict  Verdict `json:"verdict"`
	Hint     string  `json:"hint,omitempty"` // what to do when it could not be told
	Scenario string  `json:"scenario,omitempty"`
	File     string  `json:"file,omitempty"`
	Line     int     `json:"line,omitempty"`
}

// Summary counts verdicts over checks, steps, thresholds and the facets of a matrix' cells. Info is counted nowhere,
// because nothing was required, and neither are checks and facets that do not apply. A column of a matrix of which nothing
// could be told counts as one error.
type Summary struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Warned  int `json:"warned"`
	Skipped int `json:"skipped"`
	Errored int `json:"errored"`
	// Tolerated are failed checks that do not fail the run: known ones, and those less severe than asked for.
	Tolerated int `json:"tolerated,omitempty"`
}

// Summarize counts the verdicts of checks, steps, thresholds and cells.
func (r *Run) Summarize() Summary {
	var s Summary
	count := func(v Verdict) {
		switch v {
		case VerdictPass:
			s.Passed++
		case VerdictFail:
			s.Failed++
		case VerdictWarn:
			s.Warned++
		case VerdictSkip:
			s.Skipped++
		case VerdictError:
			s.Errored++
		case VerdictInfo:
		}
	}
	for i := range r.Checks {
		switch c := &r.Checks[i]; {
		case c.NotApplicable:
		case c.Verdict == VerdictFail && c.Tolerated != "":
			s.Tolerated++
		default:
			count(c.Verdict)
		}
	}
	for i := range r.Steps {
		count(r.Steps[i].Verdict)
	}
	for i := range r.Thresholds {
		count(r.Thresholds[i].Verdict)
	}
	if r.Matrix != nil {
		t := r.Matrix.tally(func(*MatrixCell, *MatrixResult) bool { return true })
		s.Passed, s.Failed, s.Warned, s.Skipped = s.Passed+t.Passed, s.Failed+t.Failed, s.Warned+t.Warned, s.Skipped+t.Skipped
		s.Errored += t.Errored + len(r.Matrix.Untold())
	}
	return s
}

// Verdict is the verdict of the whole run. A known failure stays a failure whatever else could not
// be told, so fail comes before error, which a load is too whose generator could not keep up; then warn, pass, and skip when nothing was judged.
func (r *Run) Verdict() Verdict {
	s := r.Summary
	switch {
	case s.Failed > 0:
		return VerdictFail
	case s.Errored > 0 || r.Load.Limited() || r.Load.lost() != 0:
		return VerdictError
	case s.Warned > 0 || s.Tolerated > 0:
		return VerdictWarn
	case s.Passed == 0:
		return VerdictSkip
	default:
		return VerdictPass
	}
}
