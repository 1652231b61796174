package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// outcome is what a step's action brought about, before it is judged.
type outcome struct {
	action   string
	result   *rp.Result       // nil for a step that does not speak to the RP
	ceremony *report.Ceremony // of a registration or authentication
	after    []report.Exchange
	duration time.Duration // of the action alone, without the looks afterwards
	user     string        // who whoami says is signed in afterwards: a user's name, "nobody", "somebody", or "" if not known
	actor    string        // whose session that was; empty: no user's
	entries  []rp.Entry    // of a list, or of what a device holds
	findings []finding
	judged   bool // the findings say all there is about the outcome
	notes    []string
	seen     map[string]any // what expressions see as result
	own      report.Verdict // verdict of a step that needs no expectation, such as set
	message  string

	decider    string // who says yes or no; empty: the relying party
	hint       string // what to do about a no
	unmeasured bool   // its time is not a metric
	late       bool   // nobody said no: what was waited for did not come in time, which the reason says
}

// finding is something wrong that was seen after the action, or an expectation that was not met.
type finding struct {
	verdict  report.Verdict
	message  string
	expected string
	actual   string
	hint     string
}

// run performs steps in order. Their ids are the prefix and their number.
func (w *world) run(ctx context.Context, steps []scenarios.Step, prefix string) {
	for i := range steps {
		w.step(ctx, &steps[i], fmt.Sprintf("%s/%d", prefix, i+1))
	}
}

func (w *world) step(ctx context.Context, s *scenarios.Step, id string) {
	steps := inside(s)
	if steps == nil || w.runs(ctx, s) != "" && !slices.ContainsFunc(steps, runsAlways) {
		w.leaf(ctx, s, id)
		return
	}
	stopped := w.stopped
	if s.Always {
		w.stopped = ""
	}
	if err := w.block(ctx, s, id); err != nil {
		w.broken(s, id, err)
	}
	// What happened before an always block still counts after it, and with on-failure: continue what
	// happened inside does not.
	if stopped != "" || s.GoesOn() {
		w.stopped = stopped
	}
}

// inside are the steps that an include or a repeat consists of; nil for any other step.
func inside(s *scenarios.Step) []scenarios.Step {
	switch {
	case s.Include != nil:
		return s.Include.Steps
	case s.Repeat != nil:
		return s.Repeat.Steps
	default:
		return nil
	}
}

func runsAlways(s scenarios.Step) bool {
	return s.Always || slices.ContainsFunc(inside(&s), runsAlways)
}

// block performs the steps inside an include or repeat. An error is a mistake in the block itself.
func (w *world) block(ctx context.Context, s *scenarios.Step, id string) error {
	if s.When != nil {
		yes, err := s.When.Bool(w.env)
		if err != nil {
			return err
		}
		if !yes {
			w.leaf(ctx, s, id)
			return nil
		}
	}
	if s.Include != nil {
		return w.include(ctx, s, id)
	}
	return w.repeat(ctx, s, id)
}

// broken records a block that could not be begun.
func (w *world) broken(s *scenarios.Step, id string, err error) {
	step := report.Step{
		ID: id, Scenario: w.id, Action: s.Action(), Title: w.title(s), File: s.Pos.File, Line: s.Pos.Line,
		StartMS: w.since(w.cfg.Clock()), Verdict: report.VerdictError, Message: err.Error(),
	}
	w.record(step)
	if w.stopped == "" {
		w.stopped = fmt.Sprintf("step %s did not pass", id)
	}
}

// runs says why a step does not run, or nothing if it does.
func (w *world) runs(ctx context.Context, s *scenarios.Step) string {
	switch {
	case ctx.Err() != nil:
		return "not run: interrupted"
	case w.stopped != "" && !s.Always:
		return "not run: " + w.stopped
	}
	return ""
}

// leaf performs a step that is not a list of others, judges and records it.
func (w *world) leaf(ctx context.Context, s *scenarios.Step, id string) {
	w.began = w.cfg.Clock()
	step := report.Step{
		ID: id, Scenario: w.id, Action: s.Action(), Title: w.title(s), File: s.Pos.File, Line: s.Pos.Line,
	}
	step.User, step.Device = whoAndWhere(s)
	w.stepStarted(step.Title)
	w.beforeStep(ctx, id)
	if reason, err := w.skipped(ctx, s); err != nil {
		step.Verdict, step.Message = report.VerdictError, err.Error()
	} else if reason != "" {
		step.Verdict, step.Message = report.VerdictSkip, reason
	} else {
		w.perform(ctx, s, &step)
	}
	if step.Verdict == report.VerdictFail && s.OnFailure == scenarios.Warn {
		step.Verdict = report.VerdictWarn
	}
	step.StartMS, step.DurationMS = w.since(w.began), millis(w.cfg.Clock().Sub(w.began))
	w.trim(s, &step)
	w.record(step)
	if (step.Verdict == report.VerdictFail || step.Verdict == report.VerdictError) && !s.GoesOn() && w.stopped == "" {
		w.stopped = fmt.Sprintf("step %s did not pass", id)
	}
}

func (w *world) skipped(ctx context.Context, s *scenarios.Step) (string, error) {
	if reason := w.runs(ctx, s); reason != "" {
		return reason, nil
	}
	if s.When == nil {
		return "", nil
	}
	yes, err := s.When.Bool(w.env)
	if err != nil || yes {
		return "", err
	}
	return fmt.Sprintf("not run: when %q is false", s.When.Source()), nil
}

func (w *world) perform(ctx context.Context, s *scenarios.Step, step *report.Step) {
	limit := w.cfg.Timeout
	if !s.Timeout.IsZero() {
		var err error
		if limit, err = s.Timeout.Value(w.env); err != nil {
			step.Verdict, step.Message = report.VerdictError, err.Error()
			return
		}
	}
	if s.Wait != nil && s.Timeout.IsZero() {
		limit = 0 // a wait has its own limit
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	w.ready(ctx, s)
	before := w.foresee(s)
	o, err := w.act(ctx, s, step)
	if err != nil {
		step.Verdict, step.Message, step.Hint = report.VerdictError, err.Error(), hintIn(err)
		if errors.Is(err, context.Canceled) {
			step.Verdict, step.Message = report.VerdictSkip, "interrupted"
		}
		return
	}
	o.action = step.Action
	w.afterStep(ctx, before, o)
	w.see(o)
	if s.ID != "" {
		w.steps()[s.ID] = o.seen
	}
	w.judge(s, o, step)
	w.measure(o, step)
	w.markRefusal(s, o, step)
	w.markCeremony(s, o, step)
	w.place(s, step)
}

// place puts the step into the scenario's table, if it has a cell there.
func (w *world) place(s *scenarios.Step, step *report.Step) {
	if s.Cell == nil {
		return
	}
	row, err := s.Cell.Row.String(w.env)
	column, columnErr := s.Cell.Column.String(w.env)
	if err = errors.Join(err, columnErr); err != nil {
		step.Notes = append(step.Notes, "it has no place in the table: "+err.Error())
		return
	}
	step.Cell = &report.Cell{Row: row, Column: column}
}

// act performs the step's action.
func (w *world) act(ctx context.Context, s *scenarios.Step, step *report.Step) (*outcome, error) {
	switch {
	case s.Signup != nil:
		return w.signup(ctx, s.Signup)
	case s.Register != nil:
		return w.register(ctx, s, step)
	case s.Login != nil:
		return w.login(ctx, s)
	case s.LoginDiscoverable != nil:
		return w.loginDiscoverable(ctx, s)
	case s.Logout != nil:
		return w.logout(ctx, s.Logout)
	case s.Whoami != nil:
		return w.whoami(ctx, s.Whoami)
	case s.List != nil:
		return w.list(ctx, s.List)
	case s.Rename != nil && s.Rename.At == scenarios.AtProvider:
		return w.renameAtProvider(ctx, s.Rename)
	case s.Rename != nil:
		return w.rename(ctx, s.Rename)
	case s.Delete != nil && s.Delete.At == scenarios.AtProvider:
		return w.deleteAtProvider(ctx, s.Delete)
	case s.Delete != nil:
		return w.remove(ctx, s.Delete)
	case s.Request != nil:
		return w.request(ctx, s.Request)
	case s.Wait != nil:
		return w.wait(ctx, s.Wait)
	case s.Assert != nil:
		return w.assert(s.Assert)
	case s.Set != nil:
		return w.set(s.Set)
	case s.Page != nil:
		return w.page(ctx, s)
	case s.Device != nil:
		return w.changeDevice(ctx, s.Device)
	case s.Passkeys != nil:
		return w.passkeys(ctx, s.Passkeys)
	default:
		return w.actAtProvider(ctx, s)
	}
}

func (w *world) steps() map[string]any { return w.env["steps"].(map[string]any) }
func (w *world) vars() map[string]any  { return w.env["vars"].(map[string]any) }

// see builds what expressions see as result and steps.ID.
func (w *world) see(o *outcome) {
	seen := map[string]any{"outcome": "", "reason": "", "error": "", "status": 0, "body": nil, "user": o.user, "durationMs": millis(o.duration)}
	if r := o.result; r != nil {
		seen["outcome"], seen["reason"], seen["status"], seen["body"] = string(r.Outcome), r.Reason, r.Status, r.Body
		if r.ClientErr != nil {
			seen["error"] = errorName(r.ClientErr)
		}
		seen["ceremonies"], seen["signals"] = w.seenCeremonies(r.Ceremonies), seenSignals(r.Signals)
	}
	entries := make([]any, 0, len(o.entries))
	for _, e := range o.entries {
		entries = append(entries, map[string]any{"id": e.ID, "credential": e.Credential, "name": e.Name, "raw": e.Raw})
	}
	seen["entries"] = entries
	if c := o.ceremony; c != nil {
		seen["credential"], seen["clientData"], seen["authenticatorData"], seen["options"] = c.CredentialID, c.ClientData, c.AuthData, c.Options
	}
	maps.Copy(seen, o.seen)
	o.seen = seen
}

// measure records the durations of a ceremony or operation that was accepted: the time of a refusal
// is not the time of a login.
func (w *world) measure(o *outcome, step *report.Step) {
	r := o.result
	if r == nil || r.Outcome != rp.OutcomeAccepted || o.unmeasured {
		return
	}
	observe := func(phase string, d time.Duration) {
		w.measured.Observe(step.Action+"."+phase, d)
		w.recorder.Observe(step.Action+"."+phase, d)
	}
	if len(r.Phases) == 0 {
		observe(report.PhaseTotal, o.duration)
	}
	for _, p := range r.Phases {
		observe(p.Name, time.Duration(p.DurationMS*float64(time.Millisecond)))
	}
}

// include performs another file's steps with that file's params.
func (w *world) include(ctx context.Context, s *scenarios.Step, id string) error {
	given, err := w.args(s.Include.With)
	if err != nil {
		return fmt.Errorf("include %s: %w", s.Include.File, err)
	}
	params, err := w.params(s.Include.Params, given)
	if err != nil {
		return fmt.Errorf("include %s: %w", s.Include.File, err)
	}
	outer := w.env["params"]
	w.env["params"] = params
	w.run(ctx, s.Include.Steps, id)
	w.env["params"] = outer
	return nil
}

func (w *world) repeat(ctx context.Context, s *scenarios.Step, id string) error {
	times, err := s.Repeat.Times.Value(w.env)
	if err != nil {
		return err
	}
	outer := w.env["loop"]
	for i := 0; i < times && ctx.Err() == nil && (i == 0 || w.stopped == ""); i++ {
		w.env["loop"] = map[string]any{"index": i}
		w.run(ctx, s.Repeat.Steps, fmt.Sprintf("%s.%d", id, i+1))
	}
	w.env["loop"] = outer
	return nil
}
