package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// DefaultTimeout is how long a step may take when neither the step nor the command line says.
const DefaultTimeout = 30 * time.Second

// Config is what a run needs from outside.
type Config struct {
	Files     []*scenarios.File
	Tool      report.Tool
	Seed      uint64
	Params    map[string]string // what was given for the files' params, for the result; it leaves out secret ones
	Timeout   time.Duration     // per step; 0: DefaultTimeout
	Clock     func() time.Time
	LookupEnv func(string) (string, bool) // for the variables a file allows
	ReadFile  func(string) ([]byte, error)
	Transport func(rp.TransportConfig) (http.RoundTripper, error) // nil: rp.NewTransport
	Events    Events

	Unmeasured bool // the result needs no metrics: making them costs as much as a short scenario

	Providers *providers.Catalogue // nil: the built-in ones
	// OpenState opens the file in which a scenario keeps what the providers' clouds know, by the path that it names.
	// Nil: no scenario can.
	OpenState func(path string) (State, error)
	KDF       fabric.KDF // what a PIN costs whoever guesses; zero: [fabric.DefaultKDF]

	Driver  string // its name, for the result; empty: api
	Browser string // the browser's name and version, for the result
	// Drive puts a driver on top of a relying party that can be spoken to; nil: the party itself. It
	// must not send anything yet.
	Drive func(p *rp.Party) (Driver, error)
	// Authenticators says who plays the devices, with a driver that has pages: [AuthenticatorsPassrig] or
	// [AuthenticatorsChrome]. Empty: passrig.
	Authenticators string
}

// Run runs the scenarios one after the other. The result is complete even when the context ends: it is
// then marked partial. An error means that the run could not start, and that nothing was sent.
func Run(ctx context.Context, cfg Config) (*report.Run, error) {
	if len(cfg.Files) == 0 {
		return nil, errors.New("no scenario to run")
	}
	e, err := newEngine(cfg)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]bool)
	worlds := make([]*world, 0, len(cfg.Files))
	for _, file := range cfg.Files {
		w, err := newWorld(e, file, uniqueID(file.Path, ids)) //nolint:contextcheck // what devices are told by pages comes without a context
		if err != nil {
			return nil, e.redacted(&mistake{file.Path, err})
		}
		worlds = append(worlds, w)
	}
	for _, w := range worlds {
		e.play(ctx, w)
	}
	return e.finish(ctx), nil
}

// mistake is what is wrong with a file, where that shows only once its values are known.
type mistake struct {
	path string
	err  error
}

// Error has the place in front.
func (m *mistake) Error() string {
	text := m.err.Error()
	if strings.HasPrefix(text, m.path+":") {
		return text
	}
	return m.path + ": " + text
}

func (m *mistake) Unwrap() error { return m.err }

// Hint says what would be right; it may be empty.
func (m *mistake) Hint() string { return hintIn(m.err) }

func newEngine(cfg Config) (*engine, error) {
	if cfg.Providers == nil {
		var err error
		if cfg.Providers, err = providers.Builtin(); err != nil {
			return nil, err
		}
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Driver == "" {
		cfg.Driver = DriverAPI
	}
	if cfg.Drive == nil {
		cfg.Drive = func(p *rp.Party) (Driver, error) { return p, nil }
	}
	if cfg.Transport == nil {
		cfg.Transport = func(c rp.TransportConfig) (http.RoundTripper, error) { return rp.NewTransport(c) }
	}
	e := &engine{
		cfg: cfg, redactor: report.NewRedactor(), recorder: report.NewRecorder(), counted: make(shares), started: cfg.Clock(),
		out: &report.Run{
			Schema: report.Schema, Tool: cfg.Tool, Driver: cfg.Driver, Browser: cfg.Browser, Seed: cfg.Seed, Params: shownParams(cfg.Params, cfg.Files),
			Scenarios: []report.Scenario{}, Checks: []report.Check{}, Steps: []report.Step{}, Thresholds: []report.Threshold{},
		},
	}
	e.out.Started = e.started
	return e, nil
}

// shownParams are the given params that a result may show; nil without any.
func shownParams(given map[string]string, files []*scenarios.File) map[string]string {
	var shown map[string]string
	for name, value := range given {
		if slices.ContainsFunc(files, func(f *scenarios.File) bool { return f.Params[name].Secret }) {
			continue
		}
		if shown == nil {
			shown = make(map[string]string)
		}
		shown[name] = value
	}
	return shown
}

// engine is one run under way.
type engine struct {
	cfg      Config
	out      *report.Run
	started  time.Time
	redactor *report.Redactor
	recorder *report.Recorder
	counted  shares // of counters: among how many
}

func (e *engine) since(t time.Time) float64 { return millis(t.Sub(e.started)) }

func (e *engine) finish(ctx context.Context) *report.Run {
	out := e.out
	out.Name = out.Scenarios[0].Name
	if n := len(out.Scenarios); n > 1 {
		out.Name = fmt.Sprintf("%d scenarios", n)
	}
	out.Target = out.Scenarios[0].Target
	out.DurationMS = e.since(e.cfg.Clock())
	if !e.cfg.Unmeasured {
		out.Metrics = e.counted.in(e.recorder.Metrics())
	}
	if ctx.Err() != nil {
		out.Partial = true
		out.Aborted = "interrupted: the steps after that did not run"
	}
	out.Summary = out.Summarize()
	e.redactor.Apply(out)
	return out
}

// play runs one scenario.
func (e *engine) play(ctx context.Context, w *world) {
	file := w.file
	name := file.Name
	if name == "" {
		name = w.id
	}
	begin := e.cfg.Clock()
	record := report.Scenario{
		ID: w.id, Name: name, Description: file.Description, File: file.Path, Tags: file.Tags, StartMS: e.since(begin),
		Target: report.Target{Adapter: file.Adapter.Name, Origin: w.origin, BaseURL: w.baseURL, RPID: w.party.RPID()},
	}
	e.scenarioStarted(record, countSteps(file.Steps))
	first := len(e.out.Steps)
	w.connect(ctx)
	w.run(ctx, file.Steps, w.id)
	w.concludeSync(ctx)
	w.close()
	thresholds := w.thresholds()
	e.out.Thresholds = append(e.out.Thresholds, thresholds...)
	record.DurationMS = millis(e.cfg.Clock().Sub(begin))
	judged := report.Run{Steps: e.out.Steps[first:], Thresholds: thresholds}
	judged.Summary = judged.Summarize()
	record.Verdict = judged.Verdict()
	e.out.Scenarios = append(e.out.Scenarios, record)
}

// thresholds holds the file's limits against what this scenario measured.
func (w *world) thresholds() []report.Threshold {
	if len(w.file.Thresholds) == 0 {
		return nil
	}
	metrics := w.counted.in(w.measured.Metrics())
	list := make([]report.Threshold, 0, len(w.file.Thresholds))
	for _, t := range w.file.Thresholds {
		result := report.Threshold{Text: t.Text, Verdict: report.VerdictError}
		rule, err := report.ParseThreshold(t.Text)
		if err != nil {
			result.Actual = err.Error()
		} else {
			result = rule.Evaluate(metrics)
		}
		result.Scenario, result.File, result.Line = w.id, t.Pos.File, t.Pos.Line
		list = append(list, result)
	}
	return list
}

// countSteps counts what will show up as steps, as far as that is known beforehand.
func countSteps(steps []scenarios.Step) int {
	n := 0
	for i := range steps {
		switch s := &steps[i]; {
		case s.Repeat != nil:
			times, err := s.Repeat.Times.Value(nil)
			if err != nil {
				times = 1
			}
			n += times * countSteps(s.Repeat.Steps)
		case s.Include != nil:
			n += countSteps(s.Include.Steps)
		default:
			n++
		}
	}
	return n
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// uniqueID makes a scenario's id from its file name.
func uniqueID(path string, taken map[string]bool) string {
	base := strings.TrimPrefix(path, "builtin:")
	base = strings.TrimSuffix(filepath.Base(base), filepath.Ext(base))
	name := strings.Trim(notInID.ReplaceAllString(strings.ToLower(base), "-"), "-")
	if name == "" {
		name = "scenario"
	}
	id := name
	for n := 2; taken[id]; n++ {
		id = fmt.Sprintf("%s-%d", name, n)
	}
	taken[id] = true
	return id
}

// derive makes 32 bytes for one purpose from the run's seed.
func derive(seed uint64, purpose string) [32]byte {
	h := sha256.New()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seed)
	h.Write(b[:])
	h.Write([]byte(purpose))
	return [32]byte(h.Sum(nil))
}

// runID is the short text that makes user names different in every run and scenario.
func runID(seed uint64, scenario string) string {
	d := derive(seed, "run "+scenario)
	return hex.EncodeToString(d[:4])
}

// Username is what a user is called at the relying party when the scenario does not say. scenario is
// the id that it has in the run.
func Username(seed uint64, scenario, user string) string {
	return user + "-" + runID(seed, scenario)
}

// random is a repeatable stream of random bytes for one purpose.
func random(seed uint64, purpose string) *rand.ChaCha8 {
	return rand.NewChaCha8(derive(seed, purpose))
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
