package report

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// encodings are the ways a secret can turn up that Redactor promises to find.
var encodings = map[string]func(string) string{
	"raw":                func(s string) string { return s },
	"base64":             func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 unpadded":    func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64url":          func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"base64url unpadded": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"hex":                func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":                func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"form":               url.QueryEscape,
	"path":               url.PathEscape,
	"percent lower": func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, "%%%02x", s[i])
		}
		return b.String()
	},
	"json":      func(s string) string { b, _ := json.Marshal(s); return strings.Trim(string(b), `"`) },
	"json u":    func(s string) string { return strings.Trim(strconv.QuoteToASCII(s), `"`) },
	"go":        strconv.Quote,
	"html":      html.EscapeString,
	"shell":     func(s string) string { return strings.ReplaceAll(s, "'", `'\''`) },
	"json form": func(s string) string { b, _ := json.Marshal(s); return url.QueryEscape(string(b)) },
	"json shell": func(s string) string {
		b, _ := json.Marshal(s)
		return strings.ReplaceAll(string(b), "'", `'\''`)
	},
	"base64 form": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) },
}

// places are the fields a secret is planted in.
var places = map[string]func(*Run, string){
	"name":             func(r *Run, s string) { r.Name = s },
	"aborted":          func(r *Run, s string) { r.Aborted = s },
	"origin":           func(r *Run, s string) { r.Target.Origin = s },
	"param":            func(r *Run, s string) { r.Params = map[string]string{"name": s} },
	"scenario tag":     func(r *Run, s string) { r.Scenarios[0].Tags = []string{s} },
	"scenario target":  func(r *Run, s string) { r.Scenarios[0].Target.BaseURL = s },
	"step message":     func(r *Run, s string) { r.Steps[0].Message = s },
	"step hint":        func(r *Run, s string) { r.Steps[0].Hint = s },
	"step actual":      func(r *Run, s string) { r.Steps[0].Actual = s },
	"step note":        func(r *Run, s string) { r.Steps[0].Notes = []string{"", s} },
	"options":          func(r *Run, s string) { r.Steps[0].Ceremony.Options = map[string]any{"a": []any{1.0, s}} },
	"options key":      func(r *Run, s string) { r.Steps[0].Ceremony.Options = map[string]any{s: true} },
	"options struct":   func(r *Run, s string) { r.Steps[0].Ceremony.Options = struct{ A []string }{A: []string{s}} },
	"options bytes":    func(r *Run, s string) { r.Steps[0].Ceremony.Options = []byte(s) },
	"options raw json": func(r *Run, s string) { b, _ := json.Marshal(s); r.Steps[0].Ceremony.Options = json.RawMessage(b) },
	"response":         func(r *Run, s string) { r.Steps[0].Ceremony.Response = s },
	"url":              func(r *Run, s string) { r.Steps[0].Exchanges[0].Request.URL = "http://h/?q=" + s },
	"request header": func(r *Run, s string) {
		r.Steps[0].Exchanges[0].Request.Headers = []Header{{Name: "X-Other", Value: s}}
	},
	"header name":   func(r *Run, s string) { r.Steps[0].Exchanges[0].Request.Headers = []Header{{Name: s}} },
	"request body":  func(r *Run, s string) { r.Steps[0].Exchanges[0].Request.Body = `{"a":"` + s + `"}` },
	"response body": func(r *Run, s string) { r.Steps[0].Exchanges[0].Response.Body = "<p>" + s + "</p>" },
	"curl":          func(r *Run, s string) { r.Steps[0].Exchanges[0].Curl = "curl -d '" + s + "' http://h/" },
	"error":         func(r *Run, s string) { r.Steps[0].Exchanges[0].Error = s },
	"evidence":      func(r *Run, s string) { r.Checks[0].Evidence = &CheckEvidence{Seen: map[string][]string{"k": {s}}} },
	"basis":         func(r *Run, s string) { r.Checks[0].Basis = []string{s} },
	"truncated":     func(r *Run, s string) { *r.Steps[0].Exchanges[0].Response = Response{Body: s, Truncated: true} },
	"threshold":     func(r *Run, s string) { r.Thresholds[0].Actual = s },
	"cell":          func(r *Run, s string) { r.Steps[0].Cell = &Cell{Row: s, Column: s} },
	"fabric event":  func(r *Run, s string) { r.Fabric.Accounts[0].Events = []FabricEvent{{Passkey: s, Text: s}} },
	"eligibility":   func(r *Run, s string) { r.Fabric.Accounts[0].Devices = []FabricDevice{{Save: Eligibility{Reason: s}}} },
	"audit":         func(r *Run, s string) { r.Fabric.Accounts[0].Audit = &FabricAudit{Problem: s} },
}

// Of the fabric only what has a fixed vocabulary, or is the hash of something, is left as it is.
func TestRedactorLooksIntoTheFabric(t *testing.T) {
	const secret = "482915-is-the-pin"
	fabric := &Fabric{}
	fill(reflect.ValueOf(fabric).Elem(), secret)
	run := &Run{Fabric: fabric, Steps: []Step{{Cell: &Cell{Row: secret, Column: secret}}}}
	r := NewRedactor()
	r.Add("pin", secret)
	r.Apply(run)
	out, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, m := range regexp.MustCompile(`"([A-Za-z]+)":"`+secret+`"`).FindAllStringSubmatch(string(out), -1) {
		if !slices.Contains(left, m[1]) {
			left = append(left, m[1])
		}
	}
	want := strings.Fields("provider type verification rule kind verdict method action head delay")
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("left as they are: %s", diff)
	}
	if got := strings.Count(string(out), "[redacted:pin]"); got < 20 {
		t.Errorf("%d texts were redacted in %s", got, out)
	}
}

// fill sets every string to a text; lists get one element.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		for _, member := range v.Fields() {
			fill(member, text)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text)
	default: // numbers and booleans
	}
}

func smallRun() *Run {
	return &Run{
		Fabric: &Fabric{Accounts: []FabricAccount{{}}},
		Schema: Schema, Scenarios: []Scenario{{}}, Checks: []Check{{}}, Thresholds: []Threshold{{}},
		Steps: []Step{{Ceremony: &Ceremony{}, Exchanges: []Exchange{{Response: &Response{}}}}},
	}
}

func TestRedactorNeverLetsASecretThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Capitals only at the start keep a chance occurrence in member names out.
		secret := rapid.StringMatching(`[A-Z]Q[ -~é€𝄞]{5,30}[!-~]Z`).Draw(t, "secret")
		place := rapid.SampledFrom(sortedKeys(places)).Draw(t, "place")
		encoding := rapid.SampledFrom(sortedKeys(encodings)).Draw(t, "encoding")
		before := rapid.StringMatching(`[ -~]{0,5}[ ,:"]`).Draw(t, "before")
		after := rapid.StringMatching(`([ ,:"][ -~]{0,5})?`).Draw(t, "after")

		run := smallRun()
		places[place](run, before+encodings[encoding](secret)+after)
		r := NewRedactor()
		r.Add("canary", secret)
		r.Apply(run)
		out, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		for name, encode := range encodings {
			form := encode(secret)
			asJSON, _ := json.Marshal(form)
			if strings.Contains(string(out), form) || strings.Contains(string(out), strings.Trim(string(asJSON), `"`)) {
				t.Fatalf("secret %q planted as %s in %s survives as %s:\n%s", secret, encoding, place, name, out)
			}
		}
		if !strings.Contains(string(out), "[redacted:canary]") {
			t.Fatalf("no mark in %s", out)
		}
	})
}

func TestRedactorFindsASecretInsideABase64Text(t *testing.T) {
	const secret = "Tr0ub4dor&3"
	r := NewRedactor()
	r.Add("password", secret)
	for pad := range 7 {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			text := enc.EncodeToString([]byte(strings.Repeat("u", pad) + secret + strings.Repeat("x", pad)))
			got := r.Text("Basic " + text)
			if !strings.Contains(got, "[redacted:password]") || len(got)-len("[redacted:password]") > len("Basic ")+len(text)-13 {
				t.Errorf("pad %d: %q became %q", pad, text, got)
			}
		}
	}
}

func TestRedactorText(t *testing.T) {
	tests := []struct {
		name, secret, in, want string
	}{
		{"plain", "hunter22", "pw=hunter22.", "pw=[redacted:s]."},
		{"twice", "hunter22", "hunter22hunter22", "[redacted:s][redacted:s]"},
		{"overlapping itself", "abcabcabc", "abcabcabcabc", "[redacted:s]"},
		{"PIN as a token", "4829", `{"pin":"4829"}`, `{"pin":"[redacted:s]"}`},
		{"PIN inside a word", "4829", "0x48291 a4829 4829_", "0x48291 a4829 4829_"},
		{"PIN in base64", "4829", "pin NDgyOQ== end", "pin [redacted:s] end"},
		{"tiny whole", "ab", "ab", "[redacted:s]"},
		{"tiny in text", "ab", "ab cab", "ab cab"},
		{"empty", "", "anything", "anything"},
		{"plus is a space in a form", "open sesame", "q=open+sesame&x=1", "q=[redacted:s]&x=1"},
		{"mixed percent case", "a/b?c=d&e", "x=a%2fb%3Fc%3dd%26e", "x=[redacted:s]"},
		{"surrogate pair", "pass𝄞word", `"pass\uD834\uDD1Eword"`, `"[redacted:s]"`},
		{"JSON slash", "https-ish/secret", `"https-ish\/secret"`, `"[redacted:s]"`},
		{"entity", `a"b'c&d!`, "value=a&quot;b&#39;c&amp;d!", "value=[redacted:s]"},
		{"several lines, folded", "line one 1\n  line two 2\n", "bad key: line one 1 line two 2", "bad key: [redacted:s]"},
		{"several lines, one of them", "line one 1\nline two 2", "at 2: line two 2!", "at 2: [redacted:s]!"},
		{"several lines, cut", "line one 1\nline two 2", "bad key: line one 1 li…", "bad key: [redacted:s]…"},
		{"cut", "hunter22-and-more", "pw=hunter22-an… x", "pw=[redacted:s]… x"},
		{"cut, too little to tell", "hunter22-and-more", "pw=hunte…", "pw=hunte…"},
		{"not cut", "hunter22-and-more", "pw=hunter22-an", "pw=hunter22-an"},
		{"cut in base64", "hunter22-and-more", "aHVudGVyMjIt…", "[redacted:s]…"},
		{"cut in an escape", "hunter2/and-more", "q=hunter2%2…", "q=[redacted:s]…"},
		{"password in a URL", "hunter22", "to http://u:other1@h/", "to http://u:[redacted:password]@h/"},
		{"no secret", "hunter22", "100% \\ & + 'x' %zz \\u12", "100% \\ & + 'x' %zz \\u12"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRedactor()
			r.Add("s", tt.secret)
			if got := r.Text(tt.in); got != tt.want {
				t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestRedactorPrefersTheLongestAndLeavesNoEnds(t *testing.T) {
	r := NewRedactor()
	r.Add("short", "token-1")
	r.Add("long", "token-123456")
	r.Add("tail", "456-and-more")
	if got, want := r.Text("x token-123456-and-more y token-1"), "x [redacted:long] y [redacted:short]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRedactorNames(t *testing.T) {
	r := NewRedactor()
	r.Add("al ice]'s", "first-secret")
	r.Add("second-secret", "second-secret")
	r.Add("later", "first-secret")
	if got, want := r.Text("first-secret second-secret"), "[redacted:al-ice--s] [redacted:secret]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRedactorMasksHeadersByDefault(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"Cookie", "sid=abc; theme=dark", "sid=[redacted:cookie]; theme=[redacted:cookie]"},
		{"cookie", "bare", "[redacted:cookie]"},
		{"Set-Cookie", "sid=s3cr3t; Path=/; HttpOnly; SameSite=Lax", "sid=[redacted:cookie]; Path=/; HttpOnly; SameSite=Lax"},
		{"Set-Cookie", "sid=; Max-Age=0", "sid=; Max-Age=0"},
		{"Authorization", "Bearer eyJhbGciOi.J9", "Bearer [redacted:authorization]"},
		{"Proxy-Authorization", "opaque", "[redacted:authorization]"},
		{"X-CSRF-Token", "tok", "[redacted:csrf]"},
		{"x-xsrf-token", "tok", "[redacted:csrf]"},
		{"X-Api-Key", "k", "[redacted:header]"},
		{"Access-Control-Allow-Credentials", "true", "true"},
		{"Content-Type", "application/json", "application/json"},
		{"X-Auth-Token", "", ""},
		{"X-Auth", "c", "[redacted:header]"},
		{"X-Session", "c", "[redacted:header]"},
		{"X_API_KEY", "c", "[redacted:header]"},
		{"WWW-Authenticate", `Basic realm="x"`, `Basic realm="x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			run := smallRun()
			run.Steps[0].Exchanges[0].Request.Headers = []Header{{tt.name, tt.value}}
			run.Steps[0].Exchanges[0].Response.Headers = []Header{{tt.name, tt.value}}
			for range 2 { // a second time changes nothing
				NewRedactor().Apply(run)
				if got := run.Steps[0].Exchanges[0].Request.Headers[0].Value; got != tt.want {
					t.Errorf("request: got %q, want %q", got, tt.want)
				}
				if got := run.Steps[0].Exchanges[0].Response.Headers[0].Value; got != tt.want {
					t.Errorf("response: got %q, want %q", got, tt.want)
				}
			}
		})
	}
}

func TestRedactorFollowsHeaderValuesIntoTheRest(t *testing.T) {
	run := smallRun()
	x := &run.Steps[0].Exchanges[0]
	x.Request.Headers = []Header{{"Cookie", "sid=0123456789abcdef; lang=en"}}
	x.Request.URL = "https://bob:hunter2@rp.example/"
	x.Curl = `curl -H 'Cookie: sid=0123456789abcdef; lang=en' -H "X-CSRF-Token: q" -b 'a=b' 'https://rp.example/?s=0123456789abcdef'`
	x.Response.Body = `{"session":"0123456789abcdef","lang":"en"}`
	NewRedactor().Apply(run)
	want := Exchange{
		Request: Request{
			URL:     "https://bob:[redacted:password]@rp.example/",
			Headers: []Header{{"Cookie", "sid=[redacted:cookie]; lang=[redacted:cookie]"}},
		},
		Curl: `curl -H 'Cookie: sid=[redacted:cookie]; lang=[redacted:cookie]' -H "X-CSRF-Token: [redacted:csrf]"` +
			` -b 'a=[redacted:cookie]' 'https://rp.example/?s=[redacted:cookie]'`,
		Response: &Response{Body: `{"session":"[redacted:cookie]","lang":"en"}`},
	}
	if diff := cmp.Diff(want, *x); diff != "" {
		t.Error(diff)
	}
}

func TestRedactorTrees(t *testing.T) {
	run := smallRun()
	run.Checks[0].Evidence = &CheckEvidence{Seen: map[string]any{
		"pin": 482915, "n": json.Number("482915"), "f": 482915.0, "other": 4829150, "big": int64(9007199254740993),
		"secret-a": "x", "secret-b": "y", "bad": func() {}, "nil": nil,
		"struct": struct{ N int64 }{9007199254740993},
	}}
	r := NewRedactor()
	r.Add("pin", "482915")
	r.Add("one", "secret-a")
	r.Add("one", "secret-b")
	r.Apply(run)
	want := map[string]any{
		"pin": "[redacted:pin]", "n": "[redacted:pin]", "f": "[redacted:pin]", "other": 4829150, "big": int64(9007199254740993),
		"[redacted:one]": "x", "[redacted:one]#2": "y", "bad": "not shown: func() cannot be written as JSON", "nil": nil,
		"struct": map[string]any{"N": json.Number("9007199254740993")},
	}
	if diff := cmp.Diff(any(want), run.Checks[0].Evidence.Seen); diff != "" {
		t.Error(diff)
	}
}

// Secrets that are learned while a run goes on are found like those known from the start.
func TestRedactorLearnsInBetween(t *testing.T) {
	r := NewRedactor()
	var text strings.Builder
	for i := range 300 {
		r.Add("token", fmt.Sprintf("token-%04d", i))
		fmt.Fprintf(&text, "token-%04d ", i)
		if got := r.Text(text.String()); strings.Contains(got, "token-") {
			t.Fatalf("after %d: %s", i+1, got)
		}
	}
}

func TestRedactorCutBody(t *testing.T) {
	run := smallRun()
	*run.Steps[0].Exchanges[0].Response = Response{Body: "xx hunter22-an", Truncated: true}
	r := NewRedactor()
	r.Add("s", "hunter22-and-more")
	r.Apply(run)
	if got := run.Steps[0].Exchanges[0].Response.Body; got != "xx [redacted:s]" {
		t.Errorf("got %q", got)
	}
}

func TestRedactorAddValue(t *testing.T) {
	r := NewRedactor()
	r.AddValue("v", map[string]any{"user": "ab", "pass": "hunter22", "more": []any{12345678.0, "open sesame", true, nil}})
	r.AddValue("s", []string{"of another type"})
	r.AddValue("n", 24681357)
	r.AddValue("b", true)
	const in = "ab hunter22 12345678 open sesame of another type 24681357 true"
	if got, want := r.Text(in), "ab [redacted:v] [redacted:v] [redacted:v] [redacted:s] [redacted:n] true"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRedactorAddHeaders(t *testing.T) {
	r := NewRedactor()
	r.AddHeaders([]Exchange{{Request: Request{Headers: []Header{{"X-Auth", "hunter22"}, {"Accept", "text/html"}}}}})
	if got, want := r.Text("hunter22 text/html"), "[redacted:header] text/html"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A relying party may put anything into a cookie; the report must stay one.
func TestRedactorLeavesVocabularyAndTarget(t *testing.T) {
	words := []string{"register", "accepted", "localhost", "http://localhost:8080", "registration", "options-x", "passrig-demo"}
	run := smallRun()
	run.Driver, run.Target = "register", Target{Adapter: "passrig-demo", Origin: "http://localhost:8080"}
	step := &run.Steps[0]
	step.Action, step.Outcome, step.Title = "register", "accepted", "register alice"
	step.Ceremony = &Ceremony{Kind: "registration", Phases: []Phase{{Name: "options-x"}}}
	step.Exchanges[0].Request.URL = "http://localhost:8080/register"
	run.Metrics = map[string]Metric{"register.total": {Unit: UnitNanoseconds}}
	run.Thresholds[0].Text = "register.total.p95 < 10s"
	var cookies []string
	r := NewRedactor()
	for i, word := range words {
		cookies = append(cookies, fmt.Sprintf("c%d=%s", i, word))
		r.Add("cookie c", word)
	}
	step.Exchanges[0].Request.Headers = []Header{{"Cookie", strings.Join(cookies, "; ")}}
	r.Apply(run)
	want := Step{
		Action: "register", Outcome: "accepted", Title: "[redacted:cookie-c] alice",
		Ceremony: &Ceremony{Kind: "registration", Phases: []Phase{{Name: "options-x"}}},
	}
	got := *step
	if got.Exchanges[0].Request.URL != "http://localhost:8080/[redacted:cookie-c]" {
		t.Errorf("URL %s", got.Exchanges[0].Request.URL)
	}
	if header := got.Exchanges[0].Request.Headers[0].Value; strings.Contains(header, "localhost") || strings.Contains(header, "accepted") {
		t.Errorf("header %s", header)
	}
	got.Exchanges = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, ok := run.Metrics["register.total"]; !ok || run.Driver != "register" || run.Thresholds[0].Text != "register.total.p95 < 10s" {
		t.Errorf("driver %q, metrics %v, threshold %q", run.Driver, run.Metrics, run.Thresholds[0].Text)
	}
	if run.Target != (Target{Adapter: "passrig-demo", Origin: "http://localhost:8080"}) {
		t.Errorf("target %+v", run.Target)
	}
}

func TestRedactorLeavesVerdictsSchemaAndHistograms(t *testing.T) {
	run := smallRun()
	run.Steps[0].Verdict = VerdictError
	run.Metrics = map[string]Metric{"m": {Unit: "ns", Histogram: "HISTFAAA"}}
	r := NewRedactor()
	for _, s := range []string{"error", "passrig", "HISTFAAA", "passrig/run/1"} {
		r.Add("s", s)
	}
	r.Apply(run)
	if run.Steps[0].Verdict != VerdictError || run.Schema != Schema || run.Metrics["m"].Histogram != "HISTFAAA" {
		t.Errorf("got verdict %q, schema %q, histogram %q", run.Steps[0].Verdict, run.Schema, run.Metrics["m"].Histogram)
	}
	r.Apply(nil)
}

func BenchmarkRedactorManyTokens(b *testing.B) {
	r := NewRedactor()
	var text strings.Builder
	for i := range 10_000 {
		token := fmt.Sprintf("eyJhbGciOiJIUzI1NiJ9.%08x.sig", i)
		r.Add("token", token)
		if i%100 == 0 {
			text.WriteString(`{"token":"` + token + `","filler":"` + strings.Repeat("lorem ipsum ", 80) + `"}`)
		}
	}
	s := text.String()
	r.Text("") // build
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		r.Text(s)
	}
}

// sortedKeys keeps rapid's choices reproducible.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
