package journey

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// maxRedirects is the same as in a single run.
const maxRedirects = 10

// perform goes through the requests of an operation.
func (y *Player) perform(ctx context.Context) ledger.Class {
	steps := y.action.plan.Steps
	for i := 0; i < len(steps); i++ {
		s := steps[i]
		runs, err := s.Runs(y.values)
		if err != nil {
			return y.broken(err)
		}
		if !runs {
			i += s.Skip - 1
			continue
		}
		if !s.Asks {
			continue
		}
		if class := y.step(ctx, s); class != ledger.Accepted {
			return y.concluded(class)
		}
	}
	return y.conclude()
}

// step does one request and what belongs to it.
func (y *Player) step(ctx context.Context, s *rp.PlanStep) ledger.Class {
	if s.Credential {
		y.sample.Optioned = y.clock.Now()
		if err := y.authenticate(ctx); err != nil {
			return y.refused(err)
		}
		y.sample.Signed = y.clock.Now()
	}
	if class := y.ask(ctx, s); class != ledger.Accepted {
		return class
	}
	saved, fault := s.Save(y.values, &y.reply)
	if fault != nil {
		return y.faulty(fault)
	}
	maps.Copy(y.vars, saved)
	if !s.Options {
		return ledger.Accepted
	}
	// The options are needed when other answers may have come.
	y.kept = append(y.kept[:0], y.response.Body...)
	y.reply.Reset()
	y.reply.Body = y.kept
	if fault := s.ReadOptions(y.values, &y.reply, y.user.CredentialID.Text, &y.side.options); fault != nil {
		return y.faulty(fault)
	}
	return ledger.Accepted
}

// conclude reads what the operation was about, after its last answer was a yes.
func (y *Player) conclude() ledger.Class {
	switch y.action.plan.Operation {
	case scenarios.OpWhoami:
		var fault *rp.Fault
		if y.who, fault = y.action.plan.Who(y.values, &y.reply); fault != nil {
			return y.faulty(fault)
		}
	case scenarios.OpRegister:
		if err := y.enroll(); err != nil {
			return y.broken(err)
		}
	}
	return ledger.Accepted
}

// concluded is how an operation ended that was not accepted. Of whoami, no is an answer: nobody.
func (y *Player) concluded(class ledger.Class) ledger.Class {
	if class == ledger.Rejected && y.action.plan.Operation == scenarios.OpWhoami {
		return ledger.Accepted
	}
	return class
}

// ask sends the step's request, again while it is polled, and says what the answer means. An answer that puts the client
// off ends a load's poll, and that only: a single run asks on.
func (y *Player) ask(ctx context.Context, s *rp.PlanStep) ledger.Class {
	start := y.clock.Now()
	for {
		class := y.askOnce(ctx, s)
		if s.Poll == nil || !y.judged || class == ledger.Accepted || class == ledger.Throttled {
			return class
		}
		next := y.clock.Now() + s.Poll.Every
		if next >= start+s.Poll.For {
			return class
		}
		if y.clock.SleepUntil(ctx, next) != nil {
			return ledger.Interrupted
		}
	}
}

func (y *Player) askOnce(ctx context.Context, s *rp.PlanStep) ledger.Class {
	y.last, y.judged = s, false
	if err := s.Request(ctx, y.values, &y.message); err != nil {
		return y.broken(err)
	}
	for hop := 0; ; hop++ {
		if class := y.exchange(ctx); class != ledger.Accepted {
			return class
		}
		more, err := s.Redirect(ctx, &y.message, &y.reply)
		switch {
		case err != nil:
			return y.broken(err)
		case !more:
			return y.decide(s)
		case hop == maxRedirects:
			y.failure = fmt.Sprintf("more than %d redirects", maxRedirects)
			return ledger.Redirects
		}
	}
}

// decide says what the answer means.
func (y *Player) decide(s *rp.PlanStep) ledger.Class {
	outcome, fault := s.Decide(y.values, &y.reply)
	y.judged = fault == nil || fault.Err == nil
	if outcome == rp.OutcomeAccepted {
		return ledger.Accepted
	}
	class := wire.ClassOfStatus(y.response.Status, y.response.Header("Retry-After"))
	switch {
	case class == ledger.Throttled:
		return class
	case outcome == rp.OutcomeRejected:
		return ledger.Rejected
	case class == ledger.ServerError:
		return class
	}
	return classOf(fault.Kind)
}

// exchange sends the message in the session and reads the answer.
func (y *Player) exchange(ctx context.Context) ledger.Class {
	m, req := &y.message, &y.request
	server, err := y.server(m)
	if err != nil {
		return y.broken(err)
	}
	req.Method, req.Server, req.Host, req.Target, req.Body = m.Method, server, m.Host, m.Target, m.Body
	req.Headers = req.Headers[:0]
	for _, f := range m.Fields {
		req.Headers = append(req.Headers, wire.Header{Name: f.Name, Value: f.Value})
	}
	req.Cookie = append(req.Cookie[:0], m.Cookie...)
	if len(req.Cookie) > 0 {
		req.Cookie = append(req.Cookie, "; "...)
	}
	before := len(req.Cookie)
	req.Cookie = y.session.jar.Append(req.Cookie, server, req.Target)
	if len(req.Cookie) == before {
		req.Cookie = req.Cookie[:len(m.Cookie)]
	}
	var left time.Duration
	if y.action.timeout > 0 {
		if left = y.began + y.action.timeout - y.clock.Now(); left <= 0 {
			y.failure = "the time for the operation was over before its last request"
			return ledger.Timeout
		}
	}
	err = y.line.Do(ctx, req, &y.response, left)
	y.bytes += y.response.Sent + y.response.Received
	if err != nil {
		y.failure = err.Error()
		if fault, ok := errors.AsType[*wire.Fault](err); ok {
			return fault.Class
		}
		return ledger.Unreachable
	}
	y.session.jar.Take(server, req.Target, &y.response)
	y.reply.Reset()
	y.reply.Status, y.reply.Body, y.reply.Asked = y.response.Status, y.response.Body, m
	return ledger.Accepted
}

// server is where a message goes.
func (y *Player) server(m *rp.Message) (*wire.Server, error) {
	for _, s := range y.servers {
		if s.base.Host == m.Base.Host && s.base.Scheme == m.Base.Scheme {
			return s.server, nil
		}
	}
	server, err := y.client.Server(m.Base)
	if err == nil && len(y.servers) < maxRemembered {
		y.servers = append(y.servers, serverOf{m.Base, server})
	}
	return server, err
}

// maxRemembered bounds what a player remembers of servers and RP IDs: a relying party may name another one each time.
const maxRemembered = 32

// broken is an operation that could not be done as the adapter says.
func (y *Player) broken(err error) ledger.Class {
	if fault, ok := errors.AsType[*rp.Fault](err); ok {
		return y.faulty(fault)
	}
	y.failure = err.Error()
	return ledger.Adapter
}

// faulty is an operation whose answer could not be used. The fault's sentence may show more of an answer than an example
// does, which says it in its own words if there is one.
func (y *Player) faulty(fault *rp.Fault) ledger.Class {
	if y.unusable = y.last != nil && y.reply.Asked != nil; !y.unusable {
		y.failure = fault.Sentence
	}
	return classOf(fault.Kind)
}

// classOf is the class of a fault of the interpreter.
func classOf(kind rp.FaultKind) ledger.Class {
	switch kind {
	case rp.FaultUnreachable:
		return ledger.Unreachable
	case rp.FaultTimeout:
		return ledger.Timeout
	case rp.FaultClosed:
		return ledger.Closed
	case rp.FaultTLS:
		return ledger.TLS
	case rp.FaultTooLarge:
		return ledger.TooLarge
	case rp.FaultRedirects:
		return ledger.Redirects
	case rp.FaultNotJSON:
		return ledger.NotJSON
	case rp.FaultNoOptions:
		return ledger.NoOptions
	case rp.FaultMissing:
		return ledger.Missing
	case rp.FaultInterrupted:
		return ledger.Interrupted
	case rp.FaultAdapter, rp.FaultTamper:
		return ledger.Adapter
	default:
		return ledger.Unexpected
	}
}
