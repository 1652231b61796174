package browser

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/cdp"
)

// stepTimeout is how long a page step waits for its element when it does not say.
const stepTimeout = 5 * time.Second

// lookTimeout is how long a look at a page may take after its steps have ended, whyever they have.
const lookTimeout = time.Second

// hand does page steps in a session.
type hand struct {
	driver  *Driver
	session *rp.Session
	tab     *tab
	env     scenarios.Env
	save    func(name string, value any) // what an evaluate step returned
	began   time.Time
	acted   time.Time // when the last step began: from there on a person waits
	result  *rp.Result

	ceremonies []cdp.Ceremony // what the page asked of its client so far
}

func (d *Driver) newHand(s *rp.Session, name string) hand {
	return hand{driver: d, session: s, began: d.clock(), result: &rp.Result{Operation: name, Outcome: rp.OutcomeAccepted}}
}

// do does page steps in order.
func (h *hand) do(ctx context.Context, steps []scenarios.PageStep) error {
	for i := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := h.step(ctx, &steps[i]); err != nil {
			return fmt.Errorf("%s: %w", steps[i].Pos, err)
		}
	}
	return nil
}

// step does one page step.
func (h *hand) step(ctx context.Context, s *scenarios.PageStep) error {
	if s.When != nil {
		yes, err := s.When.Bool(h.env)
		if err != nil || !yes {
			return err
		}
	}
	limit := stepTimeout
	if !s.Timeout.IsZero() {
		var err error
		if limit, err = s.Timeout.Value(h.env); err != nil {
			return err
		}
	}
	action, err := h.action(s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	h.acted = h.driver.clock()
	value, err := h.tab.device.Page().Do(ctx, action)
	if err != nil {
		return err
	}
	if s.Evaluate != nil && s.Evaluate.Save != "" {
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			return fmt.Errorf("evaluate gave no JSON: %w", err)
		}
		h.save(s.Evaluate.Save, v)
	}
	return nil
}

// action translates a step of the adapter into one of the page.
func (h *hand) action(s *scenarios.PageStep) (cdp.Step, error) {
	var selector, value scenarios.Text
	a := cdp.Step{Action: s.Action(), First: true}
	switch a.Action {
	case cdp.ActionGoto:
		value = s.Goto
	case cdp.ActionFill:
		selector, value = s.Fill.Field, s.Fill.With
	case cdp.ActionClick:
		selector = s.Click
	case cdp.ActionPress:
		value = s.Press
	case cdp.ActionSelect:
		selector, value = s.Select.Field, s.Select.Option
	case cdp.ActionWait:
		selector = s.WaitFor
	case cdp.ActionExpectText:
		selector, value = s.ExpectText.In, s.ExpectText.Text
	case cdp.ActionEvaluate:
		value = s.Evaluate.Script
	}
	var err error
	if a.Selector, err = selector.String(h.env); err != nil {
		return a, err
	}
	if a.Value, err = value.String(h.env); err != nil {
		return a, err
	}
	if a.Selector != "" {
		if a.Selector, err = locate(a.Selector); err != nil {
			return a, err
		}
	}
	switch a.Action {
	case cdp.ActionGoto:
		if !strings.Contains(a.Value, "://") {
			a.Value = strings.TrimSuffix(h.driver.address.String(), "/") + "/" + strings.TrimPrefix(a.Value, "/")
		}
	case cdp.ActionEvaluate:
		a.Value = "(async () => {" + a.Value + "\n})()"
	}
	frame, err := s.Frame.String(h.env)
	if err == nil && frame != "" && a.Selector != "" {
		a.Selector = "frame=" + frame + " >> " + a.Selector
	}
	return a, err
}

// gather takes in what the page has asked of its client since the last time.
func (h *hand) gather(ctx context.Context) error {
	more, err := h.tab.device.Page().Ceremonies(ctx)
	if err != nil {
		return err
	}
	h.ceremonies = slices.DeleteFunc(h.ceremonies, func(c cdp.Ceremony) bool { return c.Pending })
	h.ceremonies = append(h.ceremonies, more...)
	return nil
}

// last is the last ceremony of a kind that has ended, of any kind if that is empty; nil if there is none.
func (h *hand) last(kind string) *cdp.Ceremony {
	for i := range slices.Backward(h.ceremonies) {
		if c := &h.ceremonies[i]; !c.Pending && (kind == "" || c.Kind == kind) {
			return c
		}
	}
	return nil
}

// refusal is what the last ceremony of a kind was refused with, or nil.
func (h *hand) refusal(kind string) error {
	if c := h.last(kind); c != nil && c.ErrorName != "" {
		return &virtual.Error{Name: virtual.ErrorName(c.ErrorName), Message: c.ErrorMessage}
	}
	return nil
}

// tell writes what the page asked of its client, and what it signaled.
func (h *hand) tell() {
	for i := range h.ceremonies {
		c := &h.ceremonies[i]
		told := rp.PageCeremony{
			Kind: c.Kind, Mediation: c.Mediation, UIMode: c.UIMode, Origin: c.Origin, TopOrigin: c.TopOrigin, Questions: c.Questions, Options: c.Options,
			Response: c.Response, Error: c.ErrorName, Message: c.ErrorMessage, Pending: c.Pending, Start: c.Start,
		}
		if !c.Pending {
			told.Duration = c.End.Sub(c.Start)
		}
		h.result.Ceremonies = append(h.result.Ceremonies, told)
	}
	for _, s := range h.tab.device.Signals() {
		h.result.Signals = append(h.result.Signals, rp.Signal{
			Type: string(s.Type), RPID: s.RPID, CredentialID: s.CredentialID, Accepted: s.Accepted, UserHandle: s.UserHandle,
			Name: s.Name, DisplayName: s.DisplayName, Error: s.ErrorName,
		})
	}
}

// fail writes what went wrong, with what the page showed and asked.
func (h *hand) fail(ctx context.Context, err error) {
	fault := browserFault(err)
	h.result.Outcome, h.result.Fault, h.result.Reason = rp.OutcomeError, fault, fault.Sentence
	h.witness(ctx, err)
	waits := func(c cdp.Ceremony) bool { return c.Pending && c.Mediation != virtual.MediationConditional }
	if fault.Hint == "" && slices.ContainsFunc(h.ceremonies, waits) {
		fault.Hint = "the page's ceremony was still waiting: is somebody there to consent (device: present), and is the page's timeout shorter than the step's?"
	}
}

// witness writes what the page showed when a step failed.
func (h *hand) witness(ctx context.Context, err error) {
	if h.tab == nil {
		return
	}
	looking, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	if h.gather(looking) == nil { // a browser that is gone has nothing to tell
		h.tell()
	}
	step, ok := errors.AsType[*cdp.StepError](err)
	if !ok {
		return
	}
	// What the page was given meanwhile must not show in what it showed.
	_ = h.driver.pull(looking, h.tab, h.session)
	e := step.Evidence
	h.result.Page = &report.PageEvidence{URL: e.URL, DOM: e.DOM, Screenshot: base64.StdEncoding.EncodeToString(e.Screenshot)}
	for _, l := range e.Log {
		h.result.Page.Log = append(h.result.Page.Log, strings.TrimSpace(l.Kind+" "+l.Level)+": "+l.Text)
	}
}
