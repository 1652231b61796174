package journey_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/load/journey"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// theater plays a relying party: it keeps the bytes of every request and answers by the path.
type theater struct {
	origin  string
	answers map[string]string // the whole answer's header lines and body, by method and path

	mu   sync.Mutex
	seen []string
}

func newTheater(t *testing.T, answers map[string]string) *theater {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	th := &theater{origin: "http://localhost:" + listener.Addr().String()[len("127.0.0.1:"):], answers: answers}
	var serving sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			serving.Go(func() { th.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return th
}

// serve answers the requests of one connection.
func (th *theater) serve(conn net.Conn) {
	defer conn.Close()
	var raw bytes.Buffer
	r := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		th.mu.Lock()
		th.seen = append(th.seen, raw.String())
		th.mu.Unlock()
		raw.Reset()
		answer, ok := th.answers[req.Method+" "+req.URL.Path]
		if !ok {
			answer, ok = th.answers[req.Method+" *"]
		}
		if !ok {
			answer = "Status: 404\n\nnothing at " + req.Method + " " + req.URL.Path
		}
		head, body, _ := strings.Cut("\n"+answer, "\n\n")
		status := "200 OK"
		lines := ""
		for line := range strings.Lines(head) {
			line = strings.TrimSpace(line)
			if s, ok := strings.CutPrefix(line, "Status: "); ok {
				status = s + " X"
			} else if line != "" {
				lines += line + "\r\n"
			}
		}
		if _, err := fmt.Fprintf(conn, "HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s", status, lines, len(body), body); err != nil {
			return
		}
	}
}

// take returns what was seen since it was last called.
func (th *theater) take() []string {
	th.mu.Lock()
	defer th.mu.Unlock()
	seen := th.seen
	th.seen = nil
	return seen
}

// play is how a relying party answers, by adapter. CREDENTIAL stands for the user's credential id.
func plays() map[string]map[string]string {
	const (
		get    = `{"challenge":"Y2hhbGxlbmdl","timeout":60000,"rpId":"localhost","allowCredentials":[{"id":"CREDENTIAL","type":"public-key","transports":["internal"]}],"userVerification":"preferred"}`
		anyGet = `{"challenge":"Y2hhbGxlbmdlMg","rpId":"localhost","allowCredentials":[],"userVerification":"required"}`
		create = `{"challenge":"cmVnaXN0ZXI","rp":{"id":"localhost","name":"Example"},"user":{"id":"aGFuZGxl","name":"a","displayName":"A"},"pubKeyCredParams":[{"type":"public-key","alg":-8},{"type":"public-key","alg":-7}],"excludeCredentials":[],"authenticatorSelection":{"residentKey":"required","requireResidentKey":true},"attestation":"none","extensions":{"credProps":true}}`
		sid    = "Set-Cookie: sid=abc; Path=/; HttpOnly\nSet-Cookie: flow=\"a b\"; Path=/api\n"
	)
	home := `{"url":"http://localhost/"}`
	return map[string]map[string]string{
		"passrig-demo": {
			"POST /api/signup":           "Status: 201\n" + sid + "\n{}",
			"POST /api/register/options": sid + "\n" + `{"publicKey":` + create + `}`,
			"POST /api/register/result":  "Status: 201\n\n{}",
			"POST /api/login/options":    sid + "\n" + `{"publicKey":` + get + `}`,
			"POST /api/login/result":     "Set-Cookie: sid=new; Path=/\n\n{}",
			"GET /api/whoami":            "\n" + `{"user":{"username":"someone"}}`,
			"POST /api/logout":           "Status: 204\nSet-Cookie: sid=; Max-Age=0\n\n",
		},
		"simplewebauthn": {
			"POST /signup":                         "Status: 201\n" + sid + "\n{}",
			"GET /generate-registration-options":   sid + "\n" + create,
			"POST /verify-registration":            "\n" + `{"verified":true}`,
			"GET /generate-authentication-options": sid + "\n" + get,
			"POST /verify-authentication":          "\n" + `{"verified":true}`,
			"GET /whoami":                          "\n" + `{"username":"someone"}`,
			"POST /logout":                         "Status: 204\n\n",
		},
		"better-auth": {
			"POST /api/auth/sign-up/email":                        sid + "\n{}",
			"GET /api/auth/passkey/generate-register-options":     sid + "\n" + create,
			"POST /api/auth/passkey/verify-registration":          "\n{}",
			"GET /api/auth/passkey/generate-authenticate-options": sid + "\n" + anyGet,
			"POST /api/auth/passkey/verify-authentication":        "\n{}",
			"GET /api/auth/get-session":                           "\n" + `{"user":{"email":"x@y"}}`,
			"POST /api/auth/sign-out":                             "\n" + `{"success":true}`,
		},
		"authjs": {
			"GET /auth/webauthn-options/passkey": sid + "\n" + `{"options":` + get + `}`,
			"GET /auth/csrf":                     "Set-Cookie: csrf=x%7Cy; Path=/auth; HttpOnly\n\n" + `{"csrfToken":"0a/b+c d\"<&é"}`,
			"POST /auth/callback/passkey":        "\n" + home,
			"GET /auth/session":                  "\n" + `{"user":{"email":"x@y"}}`,
			"POST /auth/signout":                 "\n" + home,
		},
		"passport": {
			"POST /signup/public-key/challenge": sid + "\n" + `{"user":{"id":"aGFuZGxl","name":"a","displayName":"A"},"challenge":"cmVnaXN0ZXI"}`,
			"POST /passkeys/challenge":          sid + "\n" + `{"user":{"id":"aGFuZGxl","name":"a","displayName":"A"},"challenge":"cmVnaXN0ZXI"}`,
			"POST /login/public-key/challenge":  sid + "\n" + `{"challenge":"bG9naW4"}`,
			"POST /login/public-key":            "\n" + `{"ok":true}`,
			"GET /whoami":                       "\n" + `{"username":"someone"}`,
			"POST /logout":                      "Status: 204\n\n",
		},
		"fido": {
			"POST /attestation/options": sid + "\n" + `{"status":"ok",` + create[1:],
			"POST /attestation/result":  "\n" + `{"status":"ok"}`,
			"POST /assertion/options":   sid + "\n" + `{"status":"ok",` + get[1:],
			"POST /assertion/result":    "\n" + `{"status":"ok"}`,
		},
	}
}

// oddAdapter has what the built-in ones do not need.
const oddAdapter = `passrig-adapter: 1
name: odd
identity: ${{ user.email }}
bases: {other: "${{ target.baseUrl }}/deep/base"}
headers: {X-Run: "${{ saved.page ?? 'none' }}", X-User: "${{ user.username }}"}
fragments:
  token:
    - {path: /token, save: {token: {header: X-Token, secret: true}, number: body.number, deep: body.deep}}
  page:
    - path: /page
      redirects: follow
      save: {page: {css: "input[name=csrf]"}, word: {regex: "word: (\\w+)"}, jar: {cookie: sid}, none: {css: ".nowhere", optional: true}}
operations:
  signup:
    args: {mail: "${{ user.email }}", fixed: 7}
    steps:
      - use: page
      - {method: PUT, path: "/users/${{ urlEncode(user.email) }}", json: {name: "${{ user }}", n: "${{ args.fixed }}", mail: "${{ args.mail }}", w: "${{ saved.word }}"}}
      - {when: saved.word == "never", path: /never}
      - {when: saved.word == "secret", path: /now, query: {w: "${{ saved.word }}", j: "${{ saved.jar }}", u: "${{ user.displayName }}"}, headers: {Cookie: "own=${{ user.username }}"}}
  register:
    steps:
      - {use: token, when: not signedIn}
      - {use: page, when: signedIn}
      - path: /creation
        base: other
        multipart: {page: "${{ saved.page }}", user: "${{ user.displayName }}"}
        options: {at: body.data.options, rename: {nonce: challenge}, encoding: {challenge: hex}}
      - {path: /made, credential: {encoding: base64, omit: [clientExtensionResults], rename: {response.transports: transports}}, form: {all: "${{ json(credential) }}", label: "${{ label }}", id: "${{ credential.rawId }}"}}
      - {path: /done, json: {again: "${{ credential.id }}", asked: "${{ options.rp.name }}"}}
  login:
    steps:
      - {path: /request, query: {who: "${{ user.username }}"}, options: body}
      - use: token
      - {path: /used, credential: hex, json: {t: "${{ saved.token }}", n: "${{ saved.number }}", d: "${{ saved.deep }}", c: "${{ credential }}", s: "${{ len(user.username) > 3 ? 'long' : 'short' }}"}, poll: {for: 1s, every: 10ms}}
  login-discoverable:
    same-as: login
  whoami:
    steps:
      - {path: /me, accept: "status == 200 && len(body) > 0", reject: status == 401}
    result: {user: "body[0].mail"}
  logout:
    steps:
      - {method: POST, path: /bye, redirects: follow, text: "bye ${{ user.username }}"}
`

func oddAnswers() map[string]string {
	const page = `<form>word: secret<input name="csrf" value="a &amp; b"></form>`
	return map[string]string{
		"GET /token":               "X-Token: a b\"c\n\n" + `{"number":12345678901234567890,"deep":{"x":[1,2.5,"<"]}}`,
		"GET /page":                "Status: 302\nLocation: /landing?x=1\nSet-Cookie: sid=s1; Path=/\n\n",
		"GET /landing":             "Content-Type: text/html\n\n" + page,
		"GET /now":                 "\nfine",
		"POST /deep/base/creation": "\n" + `{"data":{"options":"{\"nonce\":\"6e6f6e6365\",\"rp\":{\"name\":\"odd\"},\"user\":{\"id\":\"aGFuZGxl\",\"name\":\"a\",\"displayName\":\"A\"},\"pubKeyCredParams\":[{\"type\":\"public-key\",\"alg\":-8},{\"type\":\"public-key\",\"alg\":-7}]}"}}`,
		"POST /made":               "\n{}",
		"POST /done":               "\n{}",
		"GET /request":             "\n" + `{"publicKey":null,"challenge":"Y2hhbGxlbmdl==","rpId":"localhost","allowCredentials":[{"type":"public-key","id":"CREDENTIAL="}],"extensions":{"appid":"x"}}`,
		"POST /used":               "Set-Cookie: sid=s2; Path=/\n\n{}",
		"PUT *":                    "\n{}",
		"GET /me":                  "\n" + `[{"mail":"x@y"}]`,
		"POST /bye":                "Status: 303\nLocation: /landing\n\n",
	}
}

// act is an operation of the comparison, and whether it begins a session.
type act struct {
	operation string
	fresh     bool
}

// cast says who acts, and what is played. Signatures of EdDSA and RS256 are the same each time.
type cast struct {
	algorithm string // empty: an imported user, whose names mean something everywhere
	enrolled  bool
	acts      []act
}

func casts() map[string]cast {
	first := []act{{scenarios.OpSignup, false}, {scenarios.OpRegister, false}, {scenarios.OpWhoami, false}, {scenarios.OpLogout, false}}
	logins := []act{{scenarios.OpLogin, true}, {scenarios.OpWhoami, false}, {scenarios.OpLoginDiscoverable, true}, {scenarios.OpWhoami, false}, {scenarios.OpLogout, false}}
	return map[string]cast{
		"EdDSA":    {"EdDSA", false, slices.Concat(first, logins)},
		"ES256":    {"ES256", false, first},
		"RS256":    {"RS256", true, logins},
		"imported": {"", true, logins},
	}
}

// The same step sends the same bytes, by the interpreter on net/http and in a load on both clients: for every built-in
// adapter and every operation that a load has.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	all := plays()
	all["odd.yaml"] = oddAnswers()
	all["simplewebauthn, padded"] = make(map[string]string)
	for path, answer := range all["simplewebauthn"] {
		all["simplewebauthn, padded"][path] = strings.NewReplacer(`"CREDENTIAL"`, `"CREDENTIAL="`, `"Y2hhbGxlbmdl"`, `"Y2hhbGxlbmdlMQ=="`, `"rpId":"localhost",`, ``).Replace(answer)
	}
	for name, answers := range all {
		for who, c := range casts() {
			if name == "passport" && c.algorithm == "EdDSA" || name != "passport" && c.algorithm == "RS256" {
				continue // its page wants ES256 or RS256; RSA keys take long to make
			}
			t.Run(name+" "+who, func(t *testing.T) {
				t.Parallel()
				adapter, _, _ := strings.Cut(name, ", ")
				sameBytes(t, adapter, answers, &c)
			})
		}
	}
}

// awkward is a file of one user whose names mean something in JSON, forms, queries and paths.
func awkward(t *testing.T) io.Reader {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	line, err := fleet.ExportLine(nil, &fleet.Passkey{
		Username: `a b+c"\<é>&=%2F#?/`, Email: "a+b'c@example.test", DisplayName: "Zoë <\"Z\"> & 漢", Password: `p"w\d`,
		CredentialID: []byte("0123456789abcdef"), UserHandle: []byte("handle"), PrivateKey: der, Algorithm: "EdDSA",
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(line)
}

func newFleet(t *testing.T, c *cast) *fleet.Fleet {
	t.Helper()
	cfg := fleet.Config{
		Seed: 3, Count: 10, Algorithms: []fleet.Weighted{{Algorithm: c.algorithm, Weight: 1}}, Signing: fleet.SigningFresh,
		Device: virtual.Config{BackupEligible: true, BackedUp: true, Transports: []string{"internal", "hybrid"}},
	}
	if c.algorithm == "" {
		cfg.Count, cfg.Algorithms, cfg.Import, cfg.ImportName = 0, nil, awkward(t), "users.ndjson"
	}
	users, err := fleet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = users.Close() })
	return users
}

func sameBytes(t *testing.T, name string, answers map[string]string, c *cast) {
	t.Helper()
	users := newFleet(t, c)
	if c.enrolled {
		if err := users.Enroll(0, []byte("handle"), true); err != nil {
			t.Fatal(err)
		}
	}
	var user fleet.User
	users.User(0, &user)
	filled := make(map[string]string)
	for path, answer := range answers {
		id := string(user.CredentialID.Text)
		if len(id)%4 == 2 {
			answer = strings.ReplaceAll(answer, "CREDENTIAL=", "CREDENTIAL==")
		}
		filled[path] = strings.ReplaceAll(answer, "CREDENTIAL", id)
	}
	th := newTheater(t, filled)
	var steps strings.Builder
	adapter, err := scenarios.LoadAdapter(name, scenarios.Options{ReadFile: func(string) ([]byte, error) { return []byte(oddAdapter), nil }})
	if err != nil {
		t.Fatal(err)
	}
	var list []act
	for _, a := range c.acts {
		if op, ok := adapter.Operations[a.operation]; !ok || op.With != "" {
			continue
		}
		list = append(list, a)
		fmt.Fprintf(&steps, "        - %s: {user: alice, on: laptop}\n", a.operation)
	}
	if name == "authjs" && !c.enrolled {
		// One path has the options of both ceremonies: the answer is that of a login, with what a registration needs.
		th.answers["GET /auth/webauthn-options/passkey"] = strings.Replace(th.answers["GET /auth/webauthn-options/passkey"], `{"challenge"`,
			`{"rp":{"name":"x"},"user":{"id":"plaintxt","name":"a","displayName":"A"},"pubKeyCredParams":[{"type":"public-key","alg":-8},{"type":"public-key","alg":-7}],"challenge"`, 1)
	}
	target, program, err := compile(t, name, th.origin, "  journeys:\n    all:\n      steps:\n"+steps.String())
	if err != nil {
		t.Fatal(err)
	}
	want := interpreted(t, target, users, &user, list, th)
	if len(want) < len(list) {
		t.Fatalf("only %d requests: %q", len(want), want)
	}
	for _, general := range []bool{false, true} {
		compareBytes(t, program, users, general, th, want)
	}
}

// interpreted is what single runs send.
func interpreted(t *testing.T, target *engine.Target, users *fleet.Fleet, user *fleet.User, list []act, th *theater) []string {
	t.Helper()
	var session *rp.Session
	signedIn := false
	for _, a := range list {
		if session == nil || a.fresh {
			session, signedIn = target.Party.NewSession(), false
		}
		r := target.Party.Do(t.Context(), a.operation, session, rp.Input{
			User:  rp.User{Name: "alice", Username: string(user.Username), DisplayName: string(user.DisplayName), Email: string(user.Email), Password: string(user.Password)},
			Label: "laptop", SignedIn: signedIn, Authenticate: authenticator(users, a.operation),
		})
		if r.Outcome != rp.OutcomeAccepted {
			t.Fatalf("%s: %s: %s", a.operation, r.Outcome, r.Reason)
		}
		if a.operation == scenarios.OpRegister {
			// A load remembers it; the next logins are with this passkey.
			if err := users.Enroll(0, handleOf(t, r.Options), true); err != nil {
				t.Fatal(err)
			}
		}
		signedIn = a.operation != scenarios.OpLogout && (a.operation != scenarios.OpWhoami || r.User != "")
	}
	return th.take()
}

func handleOf(t *testing.T, options json.RawMessage) []byte {
	t.Helper()
	var o struct {
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	raw, err := decode(o.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// authenticator is the user's own device.
func authenticator(users *fleet.Fleet, operation string) func(context.Context, rp.Ceremony) (json.RawMessage, error) {
	return func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		device, err := users.Device(0, "localhost")
		if err != nil {
			return nil, err
		}
		if operation == scenarios.OpRegister {
			made, err := device.Create(ctx, virtual.CreateRequest{Origin: c.Origin, Options: c.Options})
			if err != nil {
				return nil, err
			}
			return json.Marshal(made)
		}
		used, err := device.Get(ctx, virtual.GetRequest{Origin: c.Origin, Options: c.Options})
		if err != nil {
			return nil, err
		}
		return json.Marshal(used)
	}
}

func compareBytes(t *testing.T, program *journey.Program, users *fleet.Fleet, general bool, th *theater, want []string) {
	t.Helper()
	newClient := wire.NewFast
	if general {
		newClient = wire.NewGeneral
	}
	client, err := newClient(wire.Config{Mode: report.ConnectionsKeepAlive, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	clock := wall{time.Now()}
	player := program.NewPlayer(0, client, users, clock)
	defer player.Close()
	for range 2 { // also with buffers that have been used
		if program.Newcomer(0) {
			if err := users.Forget(0); err != nil {
				t.Fatal(err)
			}
		}
		it, samples := player.Play(t.Context(), 0, 0, clock.Now())
		if it.Failed {
			t.Fatalf("general %t: %+v", general, samples)
		}
		got := th.take()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("general %t (-interpreter +load):\n%s", general, diff)
		}
	}
}
