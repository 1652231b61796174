package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// page does page steps in a device's browser.
func (w *world) page(ctx context.Context, s *scenarios.Step) (*outcome, error) {
	if w.pages == nil {
		return nil, errNeedsPages
	}
	spec := s.Page
	d, err := w.device(spec.On, spec.User)
	if err != nil {
		return nil, err
	}
	u := &w.stranger
	if spec.User != "" {
		u = w.users[spec.User]
	}
	v := w.visit(u, d.key)
	if spec.Fresh {
		v = w.freshVisit(u, d.key)
	}
	w.enter(v, d, nil)
	begin := w.cfg.Clock()
	r := w.pages.Page(ctx, v.session, spec.Steps, w.env)
	o := &outcome{result: r, duration: w.cfg.Clock().Sub(begin), notes: r.Notes}
	maps.Copy(w.vars(), r.Saved)
	w.lookAtPage(s, d, o)
	if s.Expect != nil && s.Expect.User != "" && r.Outcome != rp.OutcomeError {
		w.lookAtSession(ctx, spec.User, v, o, v.signedIn)
	}
	return o, nil
}

// lookAtPage keeps what the page's ceremonies looked like, and the passkeys that they made.
func (w *world) lookAtPage(s *scenarios.Step, d *device, o *outcome) {
	r := o.result
	for i := range r.Ceremonies {
		c := &r.Ceremonies[i]
		o.notes = append(o.notes, "the page called "+describeCall(c))
		if c.Pending {
			continue
		}
		o.ceremony = w.ceremonyOf(c)
		if made := registration(c.Response); made != nil && c.Kind == rp.KindCreate {
			w.made(&passkey{step: s.ID, user: w.ownerOf(s.Page.User, c.Options), device: d, id: made.CredentialID, label: d.name})
		}
	}
	for _, signal := range r.Signals {
		o.notes = append(o.notes, "the page signaled "+signal.Type)
	}
	if r.Outcome == rp.OutcomeRefused && errorName(r.ClientErr) == string(virtual.AbortError) && !wantsRefusal(s.Expect) {
		r.Outcome, r.Reason = rp.OutcomeAccepted, "the page steps were done; the page gave up its last ceremony itself"
	}
}

func wantsRefusal(e *scenarios.Expect) bool {
	return e != nil && (e.Error != "" || e.Outcome == string(rp.OutcomeRefused))
}

func describeCall(c *rp.PageCeremony) string {
	call := strings.Join(slices.DeleteFunc([]string{c.Kind + "()", c.Mediation, c.UIMode}, func(word string) bool { return word == "" }), " ")
	switch {
	case c.Pending:
		return call + ", which is pending"
	case c.Error != "":
		return fmt.Sprintf("%s, which ended with %s: %s", call, c.Error, c.Message)
	}
	return fmt.Sprintf("%s, which was resolved after %s", call, c.Duration.Round(100*time.Microsecond))
}

// ownerOf is the user that a page made a passkey for: the one the step names, else the one whose name
// the options have, else nobody known.
func (w *world) ownerOf(named string, options json.RawMessage) string {
	if named != "" {
		return named
	}
	var o struct {
		User struct {
			Name string `json:"name"`
		} `json:"user"`
	}
	_ = json.Unmarshal(options, &o) // what cannot be read names nobody
	for name, u := range w.users {
		if o.User.Name != "" && (u.Username == o.User.Name || u.Email == o.User.Name || u.identity == o.User.Name) {
			return name
		}
	}
	return ""
}

// ceremonyOf is a page's ceremony as the report has it.
func (w *world) ceremonyOf(c *rp.PageCeremony) *report.Ceremony {
	out := &report.Ceremony{Kind: "authentication", ClientError: c.Error, Phases: []report.Phase{{
		Name: report.PhaseClient, StartMS: millis(c.Start.Sub(w.began)), DurationMS: millis(c.Duration),
	}}}
	_ = json.Unmarshal(c.Options, &out.Options)
	if c.Kind == rp.KindCreate {
		out.Kind = "registration"
		if made := registration(c.Response); made != nil {
			describe(out, made.CredentialID, made.ClientDataJSON, made.AuthenticatorData)
			out.Attestation = webauthn.DescribeAttestation(made.AttestationObject)
		}
	} else if used := assertion(c.Response); used != nil {
		describe(out, used.CredentialID, used.ClientDataJSON, used.AuthenticatorData)
	}
	return out
}

// registration reads a credential that was made; nil if there is none.
func registration(response json.RawMessage) *virtual.Registration {
	made := &virtual.Registration{}
	if len(response) == 0 || json.Unmarshal(response, made) != nil {
		return nil
	}
	return made
}

// assertion reads a credential that was used; nil if there is none.
func assertion(response json.RawMessage) *virtual.Assertion {
	used := &virtual.Assertion{}
	if len(response) == 0 || json.Unmarshal(response, used) != nil {
		return nil
	}
	return used
}

// seenCeremonies are a page's ceremonies as expressions see them.
func (w *world) seenCeremonies(ceremonies []rp.PageCeremony) []any {
	list := make([]any, 0, len(ceremonies))
	for i := range ceremonies {
		c := &ceremonies[i]
		outcome := "resolved"
		switch {
		case c.Pending:
			outcome = "pending"
		case c.Error != "":
			outcome = "refused"
		}
		shown := w.ceremonyOf(c)
		list = append(list, map[string]any{
			"kind": c.Kind, "mediation": c.Mediation, "uiMode": c.UIMode, "origin": c.Origin, "topOrigin": c.TopOrigin,
			"options": shown.Options, "outcome": outcome, "error": c.Error, "message": c.Message, "durationMs": millis(c.Duration),
			"credential": shown.CredentialID, "clientData": shown.ClientData, "authenticatorData": shown.AuthData,
			"response": plain(c.Response),
		})
	}
	return list
}

// plain is JSON as expressions see it.
func plain(data json.RawMessage) any {
	var v any
	_ = json.Unmarshal(data, &v) // nothing stays nothing
	return v
}

// seenSignals are a page's signals as expressions see them.
func seenSignals(signals []rp.Signal) []any {
	list := make([]any, 0, len(signals))
	for _, s := range signals {
		credentials := make([]any, 0, len(s.Accepted))
		for _, id := range s.Accepted {
			credentials = append(credentials, webauthn.Base64URL(id).String())
		}
		list = append(list, map[string]any{
			"type": s.Type, "rpId": s.RPID, "credential": webauthn.Base64URL(s.CredentialID).String(), "credentials": credentials,
			"user": webauthn.Base64URL(s.UserHandle).String(),
			"name": s.Name, "displayName": s.DisplayName, "error": s.Error,
		})
	}
	return list
}
