package wire_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/publicsuffix"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/internal/rp"
)

// oracle is the jar of single runs: see Session in internal/rp.
type oracle struct{ jar *cookiejar.Jar }

func newOracle(tb testing.TB) *oracle {
	tb.Helper()
	jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		tb.Fatal(err)
	}
	return &oracle{jar}
}

func (o *oracle) url(u *url.URL) *url.URL {
	if u.Scheme == "http" && rp.IsLoopback(u.Hostname()) {
		c := *u
		c.Scheme = "https"
		return &c
	}
	return u
}

func (o *oracle) set(u *url.URL, line string) {
	resp := http.Response{Header: http.Header{"Set-Cookie": {line}}}
	for _, c := range resp.Cookies() {
		o.jar.SetCookies(o.url(u), []*http.Cookie{c})
	}
}

func (o *oracle) header(u *url.URL) string {
	req := http.Request{Header: make(http.Header)}
	for _, c := range o.jar.Cookies(o.url(u)) {
		req.AddCookie(c)
	}
	return req.Header.Get("Cookie")
}

var (
	cookieHosts = []string{
		"http://localhost:8080", "https://localhost", "http://127.0.0.1:80", "http://[::1]:8080", "http://app.localhost", "http://localhost.",
		"http://example.com", "https://example.com", "https://www.example.com:8443", "https://a.b.example.com", "http://LOGIN.Example.COM",
		"https://foo.co.uk", "https://www.foo.co.uk", "https://co.uk", "https://user.github.io", "https://github.io", "https://bücher.example",
		"https://192.168.1.1", "https://c.d.kawasaki.jp", "https://a.b.kawasaki.jp", "http://127.example.com",
	}
	cookiePaths   = []string{"/", "/a", "/a/", "/a/b", "/a/b/c?x=/y", "/ab", "/a%20b/c", "/A/b"}
	cookieDomains = []string{
		"localhost", "example.com", ".example.com", "Example.COM", "www.example.com", "com", "co.uk", "foo.co.uk", "github.io", "user.github.io",
		"127.0.0.1", "::1", "..example.com", "example.com.", ".", "192.168.1.1", "kawasaki.jp", "b.kawasaki.jp", "xn--bcher-kva.example",
	}
	cookieDates = []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sat, 01 Jan 2000 00:00:30 GMT", "Sat, 01-Jan-2000 00:00:20 GMT", "Fri, 31 Feb 2000 00:00:00 GMT",
		"Sat, 1 Jan 2000 01:00:00 GMT", "Sat, 01 Jan 2000 00:00:30 UTC", "Xyz, 01 Jan 2000 01:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT",
		"Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 2000 24:00:00 GMT", "0", "nonsense", "unS, 01 Jan 2000 01:00:00 GMT",
	}
)

func drawCookie(t *rapid.T) string {
	var b strings.Builder
	b.WriteString(rapid.SampledFrom([]string{"a", "b", "c", "sid", " a ", "a b", "", "é", "__Host-x"}).Draw(t, "name"))
	b.WriteString(rapid.SampledFrom([]string{"=", "=", "=", "=", "", " = "}).Draw(t, "equals"))
	b.WriteString(rapid.SampledFrom([]string{"1", "2", "", "x y", "x,y", `"q"`, `"q r"`, `"`, `a"b`, `a\b`, "é", "a=b", "eyJ.x-_~"}).Draw(t, "value"))
	for range rapid.IntRange(0, 4).Draw(t, "attributes") {
		b.WriteString(rapid.SampledFrom([]string{";", "; ", " ;\t", ";;"}).Draw(t, "separator"))
		switch rapid.IntRange(0, 6).Draw(t, "attribute") {
		case 0:
			b.WriteString("Path=" + rapid.SampledFrom(append(cookiePaths, "", "a", " /a", `"/a"`)).Draw(t, "path"))
		case 1:
			b.WriteString("Domain=" + rapid.SampledFrom(append(cookieDomains, "")).Draw(t, "domain"))
		case 2:
			b.WriteString(rapid.SampledFrom([]string{"Secure", "secure=", "SECURE=x", "Secure ", `Secure="`}).Draw(t, "secure"))
		case 3:
			b.WriteString("max-age=" + rapid.SampledFrom([]string{"0", "-1", "5", "60", "+60", "060", "", "x", "99999999999", "1e3"}).Draw(t, "age"))
		case 4:
			b.WriteString("Expires=" + rapid.SampledFrom(cookieDates).Draw(t, "date"))
		case 5:
			b.WriteString(rapid.SampledFrom([]string{"HttpOnly", "SameSite=None", "Partitioned", "Priority=High", "=", "path"}).Draw(t, "other"))
		case 6:
			b.WriteString("PATH =/a")
		}
	}
	return b.String()
}

// In a bubble the time begins at 2000-01-01 and passes only when the test waits.
func TestJarIsThatOfSingleRuns(t *testing.T) {
	client := newClient(t, wire.NewFast, wire.Config{})
	servers := make([]*wire.Server, len(cookieHosts))
	urls := make([]*url.URL, len(cookieHosts))
	for i, host := range cookieHosts {
		servers[i] = serverOf(t, client, host)
		u, err := url.Parse(host)
		if err != nil {
			t.Fatal(err)
		}
		urls[i] = u
	}
	sent := 0
	rapid.Check(t, func(rt *rapid.T) {
		// Few hosts at a time, or cookies seldom meet.
		hosts := rapid.SliceOfN(rapid.IntRange(0, len(cookieHosts)-1), 1, 3).Draw(rt, "hosts")
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) jarStep {
			return jarStep{
				host:   rapid.SampledFrom(hosts).Draw(rt, "host"),
				target: rapid.SampledFrom(cookiePaths).Draw(rt, "target"),
				line:   drawCookie(rt),
				kind:   rapid.IntRange(0, 9).Draw(rt, "step"),
				wait:   time.Duration(rapid.IntRange(1, 20).Draw(rt, "wait")) * time.Second,
			}
		}), 1, 20).Draw(rt, "steps")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = playJar(t, servers, urls, hosts, steps, &sent) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
	if sent < 100 {
		t.Errorf("only %d requests had cookies", sent)
	}
}

type jarStep struct {
	host, kind   int
	target, line string
	wait         time.Duration
}

// playJar does the same to both jars and says where they differ.
func playJar(t *testing.T, servers []*wire.Server, urls []*url.URL, hosts []int, steps []jarStep, sent *int) string {
	t.Helper()
	jar, want := wire.NewJar(time.Now), newOracle(t)
	for _, step := range steps {
		switch step.kind {
		case 0:
			<-time.After(step.wait)
		case 1:
			jar.Reset()
			want = newOracle(t)
		default:
			u, err := urls[step.host].Parse(step.target)
			if err != nil {
				t.Fatal(err)
			}
			jar.Set(servers[step.host], []byte(step.target), []byte(step.line))
			want.set(u, step.line)
		}
		for _, i := range hosts {
			for _, target := range cookiePaths {
				u, err := urls[i].Parse(target)
				if err != nil {
					t.Fatal(err)
				}
				got, w := string(jar.Append(nil, servers[i], []byte(target))), want.header(u)
				if got != w {
					return fmt.Sprintf("after %q to %s the jar sends %q, net/http's %q", step.line, u, got, w)
				}
				if got != "" {
					*sent++
				}
			}
		}
	}
	return ""
}

func TestJarYieldsCookies(t *testing.T) {
	client := newClient(t, wire.NewFast, wire.Config{})
	s := serverOf(t, client, "http://localhost:8080")
	jar := wire.NewJar(time.Now)
	for _, line := range []string{"a=1; Path=/", `b="2 3"; Path=/`, "c=4; Path=/deep"} {
		if !jar.Set(s, []byte("/login"), []byte(line)) {
			t.Errorf("%q was not taken", line)
		}
	}
	if jar.Set(s, []byte("/"), []byte("d=5; Domain=example.com")) {
		t.Error("a cookie of another domain was taken")
	}
	var got []string
	for name, value := range jar.Cookies(s, []byte("/deep/x")) {
		got = append(got, fmt.Sprintf("%s=%s", name, value))
	}
	if want := "[c=4 a=1 b=2 3]"; fmt.Sprint(got) != want {
		t.Errorf("cookies are %v, want %s", got, want)
	}
}

func TestJarDoesNotAllocate(t *testing.T) {
	client := newClient(t, wire.NewFast, wire.Config{})
	s := serverOf(t, client, "http://localhost:8080")
	jar := wire.NewJar(time.Now)
	var dst []byte
	lines := [][]byte{
		[]byte("sid=0123456789abcdef0123456789abcdef; Path=/; Expires=Fri, 31 Dec 2100 23:59:59 GMT; HttpOnly; Secure; SameSite=Lax"),
		[]byte("csrf=0123456789abcdef; Path=/; Max-Age=3600"),
	}
	target := []byte("/login/finish?x=1")
	allocs := testing.AllocsPerRun(100, func() {
		jar.Reset()
		for _, line := range lines {
			jar.Set(s, target, line)
		}
		dst = jar.Append(dst[:0], s, target)
	})
	if allocs != 0 {
		t.Errorf("%v allocations for a session with two cookies", allocs)
	}
	if want := "sid=0123456789abcdef0123456789abcdef; csrf=0123456789abcdef"; string(dst) != want {
		t.Errorf("sent %q, want %q", dst, want)
	}
}
