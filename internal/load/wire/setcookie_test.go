package wire

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type readCookie struct {
	Name, Value, Domain, Path string
	Quoted, Secure            bool
	MaxAge                    int
	Expires                   time.Time
}

func FuzzSetCookie(f *testing.F) {
	for _, line := range []string{
		"sid=1; Path=/; HttpOnly; SameSite=Lax", `a="b c"; Domain=.Example.com; Secure; Max-Age=60`, "a=; Max-Age=0; Max-Age=x",
		"connect.sid=s%3Aabc.def; Path=/; Expires=Sun, 22 Nov 2026 12:00:00 GMT; Expires=0", "a=b; expires=Sun, 06-Nov-1994 08:49:37 GMT",
		"a=b; Expires=Fri, 31 Feb 2000 00:00:00 GMT", " a = b ;; = ;path", "=", "a", ";", `a="`, "a=b; Expires=Sun, 06 Nov 0000 24:60:60 GMT",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n") {
			return // no header value has them
		}
		want, err := http.ParseSetCookie(line)
		got, ok := parseSetCookie([]byte(line))
		if ok != (err == nil) {
			t.Fatalf("%q is a cookie: %v, net/http says %v", line, ok, err)
		}
		if !ok {
			return
		}
		if diff := cmp.Diff(
			readCookie{want.Name, want.Value, want.Domain, want.Path, want.Quoted, want.Secure, want.MaxAge, want.Expires},
			readCookie{string(got.name), string(got.value), string(got.domain), string(got.path), got.quoted, got.secure, got.maxAge, got.expires},
		); diff != "" {
			t.Errorf("%q is read other than net/http reads it:\n%s", line, diff)
		}
	})
}
