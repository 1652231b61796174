package rp

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/textproto"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"

	"github.com/passrig/passrig/scenarios"
)

// Reply is an answer of the relying party as a client has read it, in the buffers of that client.
type Reply struct {
	Status int
	Body   []byte
	Fields iter.Seq2[[]byte, []byte] // names and values of the header
	Asked  *Message

	scanned bool
	sound   bool         // the body is one JSON value, and not a strange one
	root    gjson.Result // that value
	parsed  *answer
}

// Reset prepares the reply for another answer.
func (a *Reply) Reset() {
	a.scanned, a.sound, a.root, a.parsed = false, false, gjson.Result{}, nil
}

// header is the first value of a header; "" if there is none.
func (a *Reply) header(name string) string {
	for n, value := range a.Fields {
		if len(n) == len(name) && bytes.EqualFold(n, []byte(name)) {
			return string(value)
		}
	}
	return ""
}

func (a *Reply) what() string { return a.Asked.Method + " " + displayURL(a.Asked.URL()) }

// maxScanned is the longest body that is looked at without parsing it, in bytes. In a longer one there may be more levels
// than encoding/json takes.
const maxScanned = 10_000

// scan makes sure that the body is JSON.
func (a *Reply) scan() {
	if a.scanned {
		return
	}
	a.scanned = true
	if len(a.Body) == 0 || len(a.Body) > maxScanned || !gjson.ValidBytes(a.Body) {
		return
	}
	// The body is not written to while the result is in use.
	a.root, a.sound = gjson.Parse(unsafe.String(&a.Body[0], len(a.Body))), true //nolint:gosec // G103: the body is not empty
}

// found is what is at a place of an answer.
type found struct {
	value gjson.Result // its zero value is null, and so is what is not there
	sure  bool         // without it the interpreter has to be asked: it may see an error, or something else
}

// look finds what is at a place, if that is as an adapter expects it.
func (a *Reply) look(place *scenarios.Place) found {
	if place.Root != "body" {
		return found{}
	}
	a.scan()
	value, sure := a.root, a.sound
	for i := range place.Members {
		m := &place.Members[i]
		if !sure {
			return found{}
		}
		if value.Type == gjson.Null {
			return found{sure: m.Optional} // of nothing, the rest of a chain is nothing too
		}
		value, sure = member(value, m.Name)
	}
	return found{value, sure}
}

// member is the member of an object: of several of the same name the last, as encoding/json has it.
func member(object gjson.Result, name string) (value gjson.Result, sure bool) {
	if !object.IsObject() {
		return value, false
	}
	sure = true
	object.ForEach(func(key, v gjson.Result) bool {
		if len(key.Raw) != len(key.Str)+2 { // with escapes in it
			sure = false
		}
		if key.Str == name {
			value = v
		}
		return sure
	})
	return value, sure
}

// clean is the text of a JSON string in which nothing is escaped or broken.
func clean(v gjson.Result) (text string, ok bool) {
	if v.Type != gjson.String || len(v.Raw) != len(v.Str)+2 {
		return "", false
	}
	k := plain
	for i := range len(v.Str) {
		if v.Str[i] >= 0x80 {
			return "", false
		}
		k = max(k, kindOfByte(v.Str[i]))
	}
	return v.Str, k != never
}

// judge decides what an answer means.
type judge struct {
	accept, reject *verdictOf // nil: by status
	whoami         bool
}

// verdictOf is a predicate, and the same as a condition if it is as simple as that.
type verdictOf struct {
	simple    bool
	condition scenarios.Condition
}

func newJudge(operation string, spec *scenarios.HTTPStep) judge {
	of := func(e *scenarios.Expr) *verdictOf {
		if e == nil {
			return nil
		}
		c, ok := e.Condition()
		return &verdictOf{ok, c}
	}
	return judge{of(spec.Accept), of(spec.Reject), operation == scenarios.OpWhoami}
}

// Decide says what the answer means to the adapter. The fault comes with OutcomeError; it has an Err if a predicate could
// not be evaluated.
func (s *PlanStep) Decide(v *Values, a *Reply) (Outcome, *Fault) {
	accepted, sure := s.judge.accept.holds(a, a.Status >= 200 && a.Status <= 299)
	if sure && accepted {
		return OutcomeAccepted, nil
	}
	if sure {
		var rejected bool
		if rejected, sure = s.judge.reject.holds(a, s.judge.saysNo(a.Status)); sure && rejected {
			return OutcomeRejected, nil
		}
	}
	r, err := s.answered(v, a)
	if err != nil {
		return OutcomeError, &Fault{Kind: FaultAdapter, Sentence: err.Error(), Err: err}
	}
	outcome, err := decide(s.spec.Accept, s.spec.Reject, r.responseEnv(), r.answer, r.saysNo(a.Status))
	switch {
	case err != nil:
		return OutcomeError, asFault(err)
	case outcome == OutcomeError:
		return outcome, r.unexpected(s.spec)
	}
	return outcome, nil
}

func (j *judge) saysNo(status int) bool {
	if j.whoami {
		return status == http.StatusUnauthorized || status == http.StatusForbidden
	}
	return status >= 400 && status <= 499
}

// holds judges the predicate, or takes what counts without one.
func (p *verdictOf) holds(a *Reply, without bool) (yes, sure bool) {
	if p == nil {
		return without, true
	}
	if !p.simple {
		return false, false
	}
	return a.holds(&p.condition)
}

// holds judges a condition. It is not sure where the interpreter may see an error, or a value of another kind.
func (a *Reply) holds(c *scenarios.Condition) (yes, sure bool) {
	switch c.Test {
	case scenarios.TestAnd, scenarios.TestOr:
		yes, sure = a.holds(&c.Of[0])
		if !sure || yes == (c.Test == scenarios.TestOr) {
			return yes, sure
		}
		return a.holds(&c.Of[1])
	case scenarios.TestNot:
		yes, sure = a.holds(&c.Of[0])
		return !yes, sure
	default:
	}
	if c.Place.Root == "status" && len(c.Place.Members) == 0 {
		return statusHolds(a.Status, c)
	}
	at := a.look(&c.Place)
	if !at.sure {
		return false, false
	}
	return valueHolds(at.value, c)
}

func statusHolds(status int, c *scenarios.Condition) (yes, sure bool) {
	limit, whole := c.Value.(int)
	switch c.Test {
	case scenarios.TestEqual:
		return status == limit, whole
	case scenarios.TestFrom:
		return status >= limit, whole
	case scenarios.TestTo:
		return status <= limit, whole
	default:
		return false, false
	}
}

func valueHolds(value gjson.Result, c *scenarios.Condition) (yes, sure bool) {
	if value.Type == gjson.Number {
		return false, false // the interpreter has ints, floats and texts of them
	}
	want, isText := c.Value.(string)
	switch c.Test {
	case scenarios.TestTrue:
		return value.Type == gjson.True, value.IsBool()
	case scenarios.TestType:
		return typeName(value) == want, true
	case scenarios.TestContains:
		text, ok := clean(value)
		return strings.Contains(text, want), ok && isText
	case scenarios.TestEqual:
		return equals(value, c.Value)
	default:
		return false, false
	}
}

func equals(value gjson.Result, want any) (yes, sure bool) {
	switch want := want.(type) {
	case nil:
		return value.Type == gjson.Null, true
	case bool:
		return value.IsBool() && value.Bool() == want, true
	case string:
		if value.Type != gjson.String {
			return false, true
		}
		text, ok := clean(value)
		return text == want, ok
	}
	return false, false
}

// typeName is what the expression language's type() says.
func typeName(value gjson.Result) string {
	switch {
	case value.Type == gjson.String:
		return "string"
	case value.IsBool():
		return "bool"
	case value.IsArray():
		return "array"
	case value.IsObject():
		return "map"
	}
	return "nil"
}

// answered is the interpreter that has got this answer.
func (s *PlanStep) answered(v *Values, a *Reply) (*run, error) {
	return s.plan.answered(v, a)
}

func (p *Plan) answered(v *Values, a *Reply) (*run, error) {
	r, err := p.run(v)
	if err != nil {
		return nil, err
	}
	if a.parsed == nil {
		u := a.Asked.URL()
		a.parsed = &answer{
			what: a.Asked.Method + " " + displayURL(u), url: u, status: a.Status, header: make(http.Header),
			raw: bytes.Clone(a.Body), party: p.planner.party,
		}
		for name, value := range a.Fields {
			a.parsed.header.Add(textproto.CanonicalMIMEHeaderKey(string(name)), string(value))
		}
		a.parsed.parse()
	}
	r.answer = a.parsed
	return r, nil
}

// asFault is an error of the interpreter, as [Party.Do] has it.
func asFault(err error) *Fault {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return fault
	}
	return &Fault{Kind: FaultAdapter, Sentence: err.Error(), Err: err}
}

// Sentence says what was answered, for a person, without what may be secret in an answer that is no refusal.
func (s *PlanStep) Sentence(a *Reply) string {
	text := strings.TrimSpace(fmt.Sprintf("%s answered %d %s", a.what(), a.Status, http.StatusText(a.Status)))
	if body := bytes.TrimSpace(a.Body); a.Status >= 400 && len(body) > 0 {
		text += ": " + s.plan.planner.party.excerpt(printable(body), maxSentence)
	}
	return text
}

const maxSentence = 160 // of a body in a sentence, in bytes
