package journey

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// Player plays iterations, one at a time. It reuses its buffers, and is not safe for concurrent use.
type Player struct {
	// WantsExample says whether a sentence about an unexpected outcome is of use. Nil: always.
	WantsExample func(operation int, class ledger.Class) bool

	program *Program
	client  wire.Client
	users   *fleet.Fleet
	clock   pace.Clock
	line    wire.Line

	// Of the iteration:
	journey  *journey
	user     fleet.User
	sessions []*session
	steps    int // operations entered
	samples  []ledger.Sample
	vars     map[string]any
	bytes    int64
	previous int // device of the operation before; -1 before the first

	// Of the operation:
	action  *action
	session *session
	values  *rp.Values
	began   time.Duration
	sample  *ledger.Sample
	failure string // a sentence about what went wrong; empty if the answer says it
	last    *rp.PlanStep
	refusal string // name of the exception with which the client refused
	omitted bool   // it refused because allowCredentials leaves the passkey out
	who     string // what whoami answered

	judged   bool // the adapter's predicates say something about the last answer
	unusable bool // the operation ended because there is something wrong with it

	message  rp.Message
	request  wire.Request
	response wire.Response
	reply    rp.Reply
	servers  []serverOf
	kept     []byte // the answer with the options
	side     clientSide
}

// serverOf is where messages with a base go.
type serverOf struct {
	base   *url.URL
	server *wire.Server
}

// NewPlayer makes a player. Close it.
func (p *Program) NewPlayer(_ int, client wire.Client, users *fleet.Fleet, clock pace.Clock) *Player {
	y := &Player{program: p, client: client, users: users, clock: clock, line: client.NewLine(), values: p.planner.NewValues(), vars: make(map[string]any)}
	y.values.Outer, y.reply.Fields = y.outer, y.response.Fields()
	return y
}

// Close gives up the player's connections.
func (y *Player) Close() { y.line.Close() }

// Play performs one iteration of a journey as a user. The samples are valid until it is called again. Operations that
// follow the first are intended to start when the step before has ended.
func (y *Player) Play(ctx context.Context, journey int, user int64, intended time.Duration) (ledger.Iteration, []ledger.Sample) {
	y.begin(journey, user)
	it := ledger.Iteration{Journey: journey, Intended: intended, Started: y.clock.Now()}
	it.Finished = it.Started
	stopped, asExpected := false, true
	for _, a := range y.journey.actions {
		if a.follows && !asExpected || stopped && !a.always {
			continue
		}
		if a.plan == nil {
			intended = max(intended, it.Finished) + a.think
			if y.clock.SleepUntil(ctx, intended) != nil {
				it.Censored = true
				break
			}
			continue
		}
		s := y.operate(ctx, a, max(intended, it.Finished))
		if it.Finished = s.Finished; s.Class == ledger.Interrupted {
			it.Censored = true
			break
		}
		if asExpected = s.Expected; !asExpected {
			it.Failed = true
			stopped = stopped || !a.goOn
		}
		intended = s.Finished
	}
	y.line.Reset() // who plays next is somebody else
	it.Bytes = y.bytes
	return it, y.samples
}

// begin makes everything ready for an iteration.
func (y *Player) begin(journey int, user int64) {
	y.journey = &y.program.journeys[journey]
	for len(y.sessions) < y.journey.sessions {
		y.sessions = append(y.sessions, y.newSession())
	}
	for _, s := range y.sessions {
		s.forget()
	}
	y.steps, y.samples, y.bytes, y.previous = 0, y.samples[:0], 0, -1
	clear(y.vars)
	y.users.User(user, &y.user)
	y.values.SetUser(y.user.Username, y.user.DisplayName, y.user.Email, y.user.Password)
}

// outer is what a request of the scenario sees.
func (y *Player) outer() scenarios.Env {
	env := maps.Clone(y.action.env)
	env["vars"] = y.vars
	env["users"] = map[string]any{y.journey.user: map[string]any{
		"name": y.journey.user, "username": string(y.user.Username), "displayName": string(y.user.DisplayName),
		"email": string(y.user.Email), "password": string(y.user.Password),
	}}
	return env
}

// operate performs one operation, and judges how it went.
func (y *Player) operate(ctx context.Context, a *action, intended time.Duration) *ledger.Sample {
	y.action, y.began = a, y.clock.Now()
	y.samples = append(y.samples, ledger.Sample{Operation: a.number, Ceremony: a.plan.Ceremony, Intended: intended, Started: y.began})
	y.sample = &y.samples[len(y.samples)-1]
	y.failure, y.last, y.refusal, y.omitted, y.who = "", nil, "", false, ""
	y.judged, y.unusable = false, false
	y.response.Status, y.reply.Asked = 0, nil
	y.side.made, y.side.options = false, rp.Options{Algorithms: y.side.options.Algorithms[:0]}
	if a.signsIn() && !a.keep && y.previous >= 0 && y.previous != a.device {
		y.line.Reset() // another device has connections of its own
	}
	y.previous = a.device
	y.line.Ceremony()
	if y.session = y.alone(a); y.session == nil {
		y.session = y.sessionOf(a)
	}
	y.values.Session = y.session.memory
	y.values.Begin()
	y.sample.Class = y.perform(ctx)
	y.sample.Finished = y.clock.Now()
	y.believe()
	if y.sample.Expected = y.expected(); !y.sample.Expected && (y.WantsExample == nil || y.WantsExample(a.number, y.sample.Class)) {
		y.sample.Example = y.example()
	}
	return y.sample
}

// alone is a new session for a request that is to be sent in none; nil for other actions.
func (y *Player) alone(a *action) *session {
	if !a.alone {
		return nil
	}
	return y.newSession()
}

// believe takes the answer's word for who is signed in.
func (y *Player) believe() {
	if y.sample.Class != ledger.Accepted {
		return
	}
	switch y.action.plan.Operation {
	case scenarios.OpSignup, scenarios.OpRegister, scenarios.OpLogin, scenarios.OpLoginDiscoverable:
		y.session.memory.SignedIn = true
	case scenarios.OpLogout:
		y.session.memory.SignedIn = false
	case scenarios.OpWhoami:
		y.session.memory.SignedIn = y.who != ""
	}
}

// expected says whether the operation went as the step expects.
func (y *Player) expected() bool {
	e := &y.action.expect
	class := y.sample.Class
	if class == ledger.Refused && y.omitted && e.outcome == ledger.Rejected {
		class = ledger.Rejected // the relying party said no by leaving the passkey out
	}
	if class != e.outcome || e.name != "" && e.name != y.refusal || e.status != 0 && e.status != y.response.Status {
		return false
	}
	switch e.user {
	case thisUser:
		return y.isUser()
	case nobody:
		return y.who == ""
	case anybody:
	}
	return true
}

// isUser says whether whoami named the user.
func (y *Player) isUser() bool {
	if y.program.party.Adapter().Identity.IsZero() {
		return y.who == string(y.user.Username)
	}
	identity, err := y.program.party.Identity(rp.User{
		Name: y.journey.user, Username: string(y.user.Username), DisplayName: string(y.user.DisplayName),
		Email: string(y.user.Email), Password: string(y.user.Password),
	})
	return err == nil && y.who == identity
}

// example is a sentence about what was not as expected. An answer may echo secrets, so they are told first, and only then:
// there are too many of them in a load.
func (y *Player) example() string {
	y.tell()
	switch {
	case y.failure != "":
		return y.failure
	case y.unusable:
		return fmt.Sprintf("%s (%s)", y.last.Sentence(&y.reply), y.sample.Class)
	case y.action.expect.user != anybody && y.sample.Class == ledger.Accepted:
		return "whoami names somebody else"
	case y.last != nil:
		return y.last.Sentence(&y.reply)
	}
	return ""
}

// tell says what must not be shown: the user's secrets, and the cookies of the session, also those that the last answer
// took away.
func (y *Player) tell() {
	party := y.program.party
	for name, secret := range y.values.Secrets() {
		party.Learn(name, secret)
	}
	for name, value := range y.session.jar.All() {
		party.LearnCookie(string(name), string(value))
	}
	sent, err := http.ParseCookie(string(y.request.Cookie))
	if err != nil {
		return // there were none
	}
	for _, c := range sent {
		party.LearnCookie(c.Name, c.Value)
	}
}
