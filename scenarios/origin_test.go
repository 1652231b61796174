package scenarios

import "testing"

func TestOriginProblem(t *testing.T) {
	const (
		nonsense, address, spelling, page = "is not an origin", "is at an IP address, where browsers do no WebAuthn", "is not written as browsers write it", "is a URL, not an origin"
		form                              = "write scheme://host or scheme://host:port, without a path"
	)
	for _, tt := range []struct{ origin, problem, hint string }{
		{"http://localhost:8080", "", ""},
		{"https://login.example.test", "", ""},
		{"https://login.example.test:8443", "", ""},
		{"http://login.example.test:443", "", ""},
		{"https://xn--mnchen-3ya.example", "", ""},
		{"", nonsense, form},
		{"localhost:8080", nonsense, form},
		{"ftp://localhost", nonsense, form},
		{"http://:8080", nonsense, form},
		{"http://localhost:65536", nonsense, "a port is at most 65535"},
		{"https://a.test/login", page, form},
		{"https://kim@a.test", page, form},
		{"https://a.test?", page, form},
		{"https://a.test#", page, form},
		{"https://a.test/", spelling, "write https://a.test"},
		{"HTTPS://A.test", spelling, "write https://a.test"},
		{"https://a.test:443", spelling, "write https://a.test"},
		{"http://a.test:080", spelling, "write http://a.test"},
		{"http://a.test:", spelling, "write http://a.test"},
		{"http://a.test:08080", spelling, "write http://a.test:8080"},
		{"https://münchen.example", spelling, "write the host in Punycode: xn--…"},
		{"http://127.0.0.1:3000", address, "use http://localhost:3000"},
		{"http://[::1]:3000", address, "use http://localhost:3000"},
		{"http://0.0.0.0", address, "use http://localhost"},
		{"https://192.0.2.7", address, "use the host's name"},
	} {
		if problem, hint := OriginProblem(tt.origin); problem != tt.problem || hint != tt.hint {
			t.Errorf("%q: %q, %q; want %q, %q", tt.origin, problem, hint, tt.problem, tt.hint)
		}
	}
}

// The verdict of Auth.js is in a URL: an answer without one says neither yes nor no.
func TestAuthjsVerdict(t *testing.T) {
	adapter, err := LoadAdapter("authjs", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{OpRegister, OpLogin, OpLoginDiscoverable, OpLogout} {
		steps := adapter.Operations[name].Steps
		last := steps[len(steps)-1]
		for _, tt := range []struct {
			about       string
			body        any
			yes, refuse bool
		}{
			{"a yes", map[string]any{"url": "http://localhost/"}, true, false},
			{"a no", map[string]any{"url": "http://localhost/?error=Denied"}, false, true},
			{"no url", map[string]any{}, false, false},
			{"null for url", map[string]any{"url": nil}, false, false},
			{"another type", map[string]any{"url": 1}, false, false},
			{"null", nil, false, false},
		} {
			env := Env{"status": 200, "body": tt.body}
			yes, err := last.Accept.Bool(env)
			if err != nil || yes != tt.yes {
				t.Errorf("%s, %s: accept %v, %v", name, tt.about, yes, err)
			}
			no, err := last.Reject.Bool(env)
			if err != nil || no != tt.refuse {
				t.Errorf("%s, %s: reject %v, %v", name, tt.about, no, err)
			}
		}
	}
}
