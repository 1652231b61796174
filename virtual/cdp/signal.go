package cdp

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/passrig/passrig/virtual"
)

// Signal is a call of the Signal API by a page (WebAuthn L3 §5.1.10).
type Signal struct {
	virtual.Signal // zero if the options could not be read

	Method  string // "signalUnknownCredential", …
	Origin  string // of the calling document
	Options json.RawMessage
	// ErrorName and ErrorMessage are of the exception the page got; such a signal has no effect.
	ErrorName, ErrorMessage string
}

// Signals returns the calls of the Signal API by the device's pages since the last time, in the order in
// which they ended.
func (d *Device) Signals() []Signal {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.signals
	d.signals = nil
	return out
}

// signaled takes in a call of the Signal API. On road (a) Chrome has decided on it already.
func (d *Device) signaled(ctx context.Context, t *target, contextID int64, m *message) any {
	s := Signal{Method: m.Name, Origin: t.originOf(contextID, m.Origin), Options: m.Options}
	var err error
	s.Signal, err = virtual.ParseSignal(m.Name, m.Options)
	switch {
	case m.Error != nil:
		err = &virtual.Error{Name: virtual.ErrorName(m.Error.Name), Message: m.Error.Message}
	case err == nil && d.cfg.software():
		_, err = d.claim(ctx, s.RPID, s.Origin)
	}
	reply := answer{}
	if err != nil {
		reply.Error = asAnswer(err)
		s.ErrorName, s.ErrorMessage = string(reply.Error.Name), reply.Error.Message
	}
	d.mu.Lock()
	d.signals = append(d.signals, s)
	d.signals = d.signals[max(0, len(d.signals)-maxSignals):]
	d.mu.Unlock()
	if err != nil {
		return reply
	}
	if d.cfg.Software != nil {
		d.cfg.Software.Heed(s.Signal)
	}
	if d.cfg.Hear != nil {
		d.cfg.Hear(s.Signal)
	}
	return reply
}

// asAnswer is an error as a page gets it.
func asAnswer(err error) *answerError {
	if named, ok := errors.AsType[*virtual.Error](err); ok {
		return &answerError{named.Name, named.Message}
	}
	return &answerError{virtual.UnknownError, err.Error()}
}
