package rp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// canned answers every request in the same way.
type canned struct {
	status int
	header http.Header
	body   string
}

func (c *canned) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: c.header.Clone(), Body: io.NopCloser(strings.NewReader(c.body)), Request: req, Proto: "HTTP/1.1"}, nil
}

// reply is the same answer as a client of a load has it.
func (c *canned) reply(m *rp.Message) *rp.Reply {
	return &rp.Reply{Status: c.status, Body: []byte(c.body), Fields: fields(c.header), Asked: m}
}

func fields(h http.Header) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for name, values := range h {
			for _, v := range values {
				if !yield([]byte(strings.ToLower(name)), []byte(v)) {
					return
				}
			}
		}
	}
}

type emptyJar struct{}

func (emptyJar) Cookies(*url.URL) []*http.Cookie     { return nil }
func (emptyJar) SetCookies(*url.URL, []*http.Cookie) {}

func cannedParty(t *testing.T, adapter string, answer *canned) *rp.Party {
	t.Helper()
	a, err := scenarios.LoadAdapter("test.yaml", scenarios.Options{ReadFile: func(string) ([]byte, error) { return []byte(adapter), nil }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := rp.New(rp.Target{Adapter: a, Origin: "http://localhost:8080", HTTP: answer, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// predicates are conditions of both kinds: those that are judged without the interpreter, and others.
var predicates = []string{
	`status == 200`, `status != 200`, `status in 200..299`, `status in [200, 401]`, `status >= 400 && status <= 499`, `not (status < 500)`,
	`body.ok == true`, `body.ok`, `not body.ok`, `body.ok != true`, `body.ok == null`, `body.ok == "true"`, `body.code == "E1" || status == 401`,
	`body != null`, `body == null`, `body?.ok == true`, `body.a.b == "x"`, `body?.a?.b == "x"`, `body.a?.b != nil`, `body?.a.b == "x"`,
	`type(body?.url) == "string" && not (body.url contains "error=")`, `type(body.ok) == "bool"`, `type(body) == "map"`, `type(body.a) == "array"`,
	`body.url contains "error="`, `status == 200 && body.ok == true`, `type(body.n) == "nil"`, `body.n == "123456789012345678901234567890"`, `body.n == 1`, `body.n > 0`, `len(body) > 1`, `text contains "ok"`,
	`headers["content-type"] contains "json"`, `body["o k"] == "x"`, `status == 200 && body.url startsWith "/"`,
}

// bodies are answers as they come, and as they should not.
var bodies = []string{
	``, ` `, `null`, `true`, `"ok"`, `[]`, `[1]`, `{}`, `{"ok":true}`, `{"ok":false}`, `{"ok":"true"}`, `{"ok":1}`, `{"ok":null}`, `{"ok":[]}`, `{"ok":{}}`,
	`{"ok":false,"ok":true}`, `{"ok":true,"ok":false}`, `{"\u006fk":true}`, `{"ok":true,"\u006fk":false}`, ` {"ok" : true } `, "\n{\"ok\":true}\n", `{"ok":true}x`, `{"ok":true}{}`,
	`{"ok":true,}`, `{ok:true}`, `{"ok":tru}`, `{"ok":TRUE}`, `<html>ok</html>`, `{"code":"E1"}`, `{"code":"E\u0031"}`, `{"code":"E1\n"}`, "{\"code\":\"E1\n\"}",
	`{"url":"/x?error=1"}`, `{"url":"/x?erro\u0072=1"}`, `{"url":"\/x"}`, `{"url":5}`, `{"url":null}`, `{"url":["error="]}`, "{\"url\":\"\xff error=\"}", `{"url":"\ud800"}`,
	`{"a":{"b":"x"}}`, `{"a":{"b":"y"}}`, `{"a":{}}`, `{"a":null}`, `{"a":"b"}`, `{"a":[{"b":"x"}]}`, `{"a":{"b":"y"},"a":{"b":"x"}}`, `{"a":{"b":"x"},"a":{}}`,
	`{"n":1}`, `{"n":1.0}`, `{"n":1e0}`, `{"n":01}`, `{"n":-}`, `{"n":1.}`, `{"n":.5}`, `{"n":1e}`, `{"n":"1"}`, `{"n":123456789012345678901234567890}`, `{"n":-0}`,
	`{"o k":"x"}`, `{"ok":true,"x":"` + strings.Repeat("y", 12_000) + `"}`, strings.Repeat("[", 200) + strings.Repeat("]", 200),
	strings.Repeat(`{"a":`, 11_000) + `1` + strings.Repeat(`}`, 11_000), "\ufeff{\"ok\":true}", `{"ok":true,"é":"\u00e9"}`, `{"":{"":""}}`,
}

func TestDecisionsAreTheInterpreters(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, accept := range predicates {
		for _, reject := range []string{"", `status >= 400 || body.ok == false`} {
			step := "{method: POST, path: /s, accept: '" + accept + "'"
			if reject != "" {
				step += ", reject: '" + reject + "'"
			}
			for _, op := range []string{"signup"} {
				answer := &canned{header: http.Header{"Content-Type": {"application/json"}}}
				p := cannedParty(t, head+"  "+op+":\n    steps:\n      - "+step+"}\n", answer)
				planner := p.NewPlanner()
				plan, err := planner.Plan(op, rp.PlanInput{})
				if err != nil {
					t.Fatal(err)
				}
				for _, status := range []int{200, 401, 500} {
					for _, body := range bodies {
						answer.status, answer.body = status, body
						compareDecisions(t, p, values(planner), plan, answer, accept)
						compared++
					}
				}
			}
		}
	}
	if compared < 1000 {
		t.Errorf("only %d answers", compared)
	}
}

func compareDecisions(t *testing.T, p *rp.Party, v *rp.Values, plan *rp.Plan, answer *canned, accept string) {
	t.Helper()
	want := p.Do(t.Context(), plan.Operation, p.NewSession(), rp.Input{})
	m := &rp.Message{}
	if err := plan.Steps[0].Request(t.Context(), v, m); err != nil {
		t.Fatal(err)
	}
	got, fault := plan.Steps[0].Decide(v, answer.reply(m))
	if got != want.Outcome || kindOf(fault) != kindOf(want.Fault) {
		t.Errorf("%s on %d %.80q: %s %q, want %s %q", accept, answer.status, answer.body, got, kindOf(fault), want.Outcome, kindOf(want.Fault))
	}
}

func values(planner *rp.Planner) *rp.Values {
	v := planner.NewValues()
	v.Session = planner.NewMemory(emptyJar{})
	v.SetUser([]byte("alice"), []byte("Alice"), []byte("alice@example.test"), []byte("pw"))
	return v
}

func kindOf(f *rp.Fault) rp.FaultKind {
	if f == nil {
		return ""
	}
	return f.Kind
}

// Random damage to a good answer is taken by both in the same way.
func TestDecisionsOnDamagedAnswers(t *testing.T) {
	t.Parallel()
	answer := &canned{status: 200, header: http.Header{}}
	const accept = `type(body?.url) == "string" && body.ok == true && not (body.url contains "error=")`
	p := cannedParty(t, head+"  signup:\n    steps:\n      - {method: POST, path: /s, accept: '"+accept+"', reject: 'body.ok == false'}\n", answer)
	planner := p.NewPlanner()
	plan, err := planner.Plan("signup", rp.PlanInput{})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	const good = `{"url":"/home?x=1","ok":true,"list":[1,2.5e3,{"a":null}],"s":"a\"b\\u00e9"}`
	const bits = "\"\\{}[]:,0-1.eEtfn \x00\xff\xc3u/"
	for range 5000 {
		body := []byte(good)
		for range 1 + random.IntN(3) {
			at := random.IntN(len(body))
			switch random.IntN(3) {
			case 0:
				body[at] = bits[random.IntN(len(bits))]
			case 1:
				body = slices.Delete(body, at, at+1)
			default:
				body = slices.Insert(body, at, bits[random.IntN(len(bits))])
			}
		}
		answer.body = string(body)
		compareDecisions(t, p, values(planner), plan, answer, accept)
	}
}

// optionAnswers are options of a login and of a registration in many states.
func optionAnswers() []string {
	const login = `{"challenge":"QUJDRA","rpId":"localhost","timeout":60000,"userVerification":"preferred","allowCredentials":[{"id":"AQID","type":"public-key","transports":["internal"]}]}`
	const creation = `{"challenge":"QUJDRA","rp":{"id":"localhost","name":"x"},"user":{"id":"dXNlcg","name":"a","displayName":"A é"},"pubKeyCredParams":[{"type":"public-key","alg":-8},{"type":"public-key","alg":-7}],"excludeCredentials":[],"authenticatorSelection":{"residentKey":"required","requireResidentKey":true,"userVerification":"required"},"attestation":"none","extensions":{"credProps":true}}`
	list := []string{login, creation, `{}`, `{"publicKey":` + login + `}`, `{"publicKey":` + creation + `}`, `{"publicKey":null}`, `{"publicKey":"` + `{}` + `"}`, `null`, `oops`, ``}
	for _, whole := range []string{login, creation} {
		for _, change := range [][2]string{
			{`"QUJDRA"`, `"QUJDRA=="`},
			{`"QUJDRA"`, `"QUJDRB"`},
			{`"QUJDRA"`, `"+/+/"`},
			{`"QUJDRA"`, `""`},
			{`"QUJDRA"`, `5`},
			{`"QUJDRA"`, `null`},
			{`"QUJDRA"`, `"\u0051UJDRA"`},
			{`"QUJDRA"`, `"A"`},
			{`"challenge"`, `"Challenge"`},
			{`{"challenge"`, `{"challenge":"AAAA","challenge"`},
			{`"localhost"`, `""`},
			{`"localhost"`, `null`},
			{`"localhost"`, `"evil.test"`},
			{`"timeout":60000`, `"hints":null,"allowCredentials":null,"attestation":null`},
			{`{"challenge"`, `{"extensions":{"appid":"x"},"hints":"none","challenge"`},
			{`"rpId":"localhost",`, ``},
			{`"id":"localhost",`, ``},
			{`60000`, `"60000"`},
			{`60000`, `1.5`},
			{`"AQID"`, `"AQID="`},
			{`"AQID"`, `"_w"`},
			{`"AQID"`, `7`},
			{`"AQID","type":"public-key"`, `"AQID"`},
			{`"public-key"`, `"other"`},
			{`["internal"]`, `"internal"`},
			{`["internal"]`, `[1]`},
			{`[{"id"`, `[{"id":"_w","type":"public-key"},{"id"`},
			{`"preferred"`, `7`},
			{`"required"`, `null`},
			{`-8`, `"-8"`},
			{`-8`, `-8.5`},
			{`-8`, `1e300`},
			{`"dXNlcg"`, `""`},
			{`"dXNlcg"`, `"` + strings.Repeat("A", 88) + `"`},
			{`"displayName"`, `"dn"`},
			{`true}`, `"yes"}`},
			{`{"credProps":true}`, `{"prf":{}}`},
			{`{"credProps":true}`, `null`},
			{`"excludeCredentials":[]`, `"excludeCredentials":[{"id":"AQID","type":"public-key"}]`},
			{`"excludeCredentials":[]`, `"excludeCredentials":null`},
			{`"none"`, `"direct"`},
		} {
			if changed := strings.Replace(whole, change[0], change[1], 1); changed != whole {
				list = append(list, changed)
			}
		}
	}
	return list
}

// Options are read as the interpreter reads them, and what is said of ordinary ones is what they say.
func TestOptionsAreTheInterpreters(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"{}", "body", "body.publicKey", `{at: body, encoding: {challenge: base64}}`, `{at: body, rename: {nonce: challenge}}`, `{compose: {challenge: "${{ body.challenge }}", rpId: x.test}}`} {
		for _, op := range []string{"login", "register"} {
			answer := &canned{status: 200, header: http.Header{}}
			p := cannedParty(t, head+"  "+op+":\n    steps:\n      - {path: /o, options: "+where+"}\n      - {path: /r, credential: {}}\n", answer)
			planner := p.NewPlanner()
			plan, err := planner.Plan(op, rp.PlanInput{})
			if err != nil {
				t.Fatal(err)
			}
			ordinary := 0
			for _, answer.body = range optionAnswers() {
				if compareOptions(t, p, values(planner), plan, answer, where) {
					ordinary++
				}
			}
			if where == "body" && ordinary < 5 {
				t.Errorf("%s: only %d were ordinary", op, ordinary)
			}
		}
	}
}

// compareOptions says whether the options were ordinary.
func compareOptions(t *testing.T, p *rp.Party, v *rp.Values, plan *rp.Plan, answer *canned, where string) bool {
	t.Helper()
	var want json.RawMessage
	result := p.Do(t.Context(), plan.Operation, p.NewSession(), rp.Input{Authenticate: func(_ context.Context, c rp.Ceremony) (json.RawMessage, error) {
		want = bytes.Clone(c.Options)
		return nil, context.Canceled
	}})
	m := &rp.Message{}
	if err := plan.Steps[0].Request(t.Context(), v, m); err != nil {
		t.Fatal(err)
	}
	var o rp.Options
	fault := plan.Steps[0].ReadOptions(v, answer.reply(m), []byte("AQID"), &o)
	if (fault == nil) != (want != nil) || fault != nil && kindOf(fault) != kindOf(result.Fault) {
		t.Errorf("%s on %.200s: %q, want %q", where, answer.body, kindOf(fault), kindOf(result.Fault))
		return false
	}
	if fault != nil {
		return false
	}
	var a, b any
	if json.Unmarshal(want, &a) != nil || json.Unmarshal(o.Full(), &b) != nil {
		t.Fatalf("%s is not JSON", o.Full())
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("%s on %s (-want +got):\n%s", where, answer.body, diff)
	}
	said := a.(map[string]any)
	id, _ := said["rpId"].(string)
	if plan.Operation == "register" {
		party, _ := said["rp"].(map[string]any)
		id, _ = party["id"].(string)
	}
	if id == "" {
		id = "localhost"
	}
	if o.Challenge != said["challenge"] || o.RPID != id {
		t.Errorf("%s: challenge %q, RP ID %q", answer.body, o.Challenge, o.RPID)
	}
	if !o.Ordinary {
		return false
	}
	list, _ := said["allowCredentials"].([]any)
	if plan.Operation == "register" {
		list, _ = said["excludeCredentials"].([]any)
		if user := said["user"].(map[string]any)["id"]; o.UserID != user {
			t.Errorf("user %q, want %q", o.UserID, user)
		}
		if o.Algorithms[0] != int(said["pubKeyCredParams"].([]any)[0].(map[string]any)["alg"].(float64)) {
			t.Errorf("algorithms %v of %s", o.Algorithms, answer.body)
		}
	}
	known := slices.ContainsFunc(list, func(e any) bool { return e.(map[string]any)["id"] == "AQID" })
	if o.Listed != (len(list) > 0) || o.Known != known {
		t.Errorf("%s: listed %t, known %t", answer.body, o.Listed, o.Known)
	}
	return true
}

// Values are saved as the interpreter saves them, and written as it writes them, whatever is in them.
func TestSavedValuesAreTheInterpreters(t *testing.T) {
	t.Parallel()
	saved := []string{`abc`, `a b`, `a\"b`, `a\\b`, `<&>`, `é`, `%2F`, `a+b=c/d`, ``, ` a `, `\n`, `\u0000`, `😀`, `\ud800`}
	for _, how := range []string{
		`json: {t: "${{ saved.t }}"}`, `json: {t: "x${{ saved.t }}", u: "${{ json(saved.t) }}"}`, `form: {t: "${{ saved.t }}"}`, `multipart: {t: "${{ saved.t }}"}`, `text: "${{ saved.t }}"`,
		`query: {t: "${{ saved.t }}"}`, `headers: {T: "${{ saved.t }}"}`, `headers: {Cookie: "t=${{ saved.t }}"}`, `json: {t: "${{ saved.t ?? 1 }}"}`,
	} {
		for _, value := range append(saved, "5", "true", "null", `[1]`) {
			body := `{"t":"` + value + `","challenge":"AAAA"}`
			if slices.Contains([]string{"5", "true", "null", "[1]"}, value) {
				body = `{"t":` + value + `}`
			}
			t.Run(how+" "+value, func(t *testing.T) {
				t.Parallel()
				seen := &recorder{body: body}
				p := cannedParty(t, head+"  signup:\n    steps:\n      - {path: /o, save: {t: body.t}}\n      - {method: POST, path: /r, "+how+"}\n", &canned{})
				party := withTransport(t, p, seen)
				result := party.Do(t.Context(), "signup", party.NewSession(), rp.Input{User: rp.User{Username: "alice"}})
				planner := party.NewPlanner()
				plan, err := planner.Plan("signup", rp.PlanInput{})
				if err != nil {
					t.Fatal(err)
				}
				v, m := values(planner), &rp.Message{}
				if err := plan.Steps[0].Request(t.Context(), v, m); err != nil {
					t.Fatal(err)
				}
				answer := &canned{status: 200, body: body}
				_, fault := plan.Steps[0].Save(v, answer.reply(m))
				if fault != nil {
					if kindOf(result.Fault) != fault.Kind {
						t.Fatalf("fault %v, want %v", fault, result.Fault)
					}
					return
				}
				err = plan.Steps[1].Request(t.Context(), v, m)
				if (err == nil) != (len(seen.requests) == 2) {
					t.Fatalf("error %v, but the interpreter sent %q", err, seen.requests)
				}
				if err == nil {
					if diff := cmp.Diff(seen.requests[1], written(m)); diff != "" {
						t.Errorf("request (-want +got):\n%s", diff)
					}
				}
			})
		}
	}
}

// recorder keeps the requests that the interpreter sends.
type recorder struct {
	body     string
	requests []string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s\n", req.Method, req.URL.RequestURI())
	names := make([]string, 0, len(req.Header))
	for name := range req.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text.WriteString(name + ": " + strings.Trim(req.Header.Get(name), " \t") + "\n")
	}
	r.requests = append(r.requests, text.String()+"\n"+string(body))
	return (&canned{status: 200, body: r.body}).RoundTrip(req)
}

func written(m *rp.Message) string {
	lines := make([]string, 0, len(m.Fields)+1)
	for _, f := range m.Fields {
		lines = append(lines, f.Name+": "+string(f.Value)+"\n")
	}
	if len(m.Cookie) > 0 {
		lines = append(lines, "Cookie: "+string(m.Cookie)+"\n")
	}
	slices.Sort(lines)
	return fmt.Sprintf("%s %s\n%s\n%s", m.Method, m.Target, strings.Join(lines, ""), m.Body)
}

func withTransport(t *testing.T, p *rp.Party, transport http.RoundTripper) *rp.Party {
	t.Helper()
	other, err := rp.New(rp.Target{Adapter: p.Adapter(), Origin: p.Origin(), HTTP: transport, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return other
}
