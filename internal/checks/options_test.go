package checks

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
)

func TestUserHandleThatIdentifies(t *testing.T) {
	user := rp.User{Username: "alice-31f0", Email: "Alice@example.test", DisplayName: "Alice Liddell"}
	weak := md5.Sum([]byte("alice@example.test"))
	newer := sha256.Sum256([]byte("alice-31f0"))
	for _, tt := range []struct {
		name   string
		handle []byte
		want   string
	}{
		{"random", []byte{0xff, 0x01, 0x9c, 0x33, 0x80, 0x7e, 0x52, 0x11}, ""},
		{"a number", []byte("4711"), ""},
		{"the user name", []byte("alice-31f0"), "the user name"},
		{"in a longer text", []byte("user:ALICE-31F0"), "the user name"},
		{"the address", []byte("alice@example.test"), "the e-mail address"},
		{"MD5 of the address in lower case", weak[:], "the MD5 hash of the e-mail address"},
		{"SHA-256 in hex", []byte(hex.EncodeToString(newer[:])), "the SHA-256 hash of the user name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := identifies(tt.handle, user); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAppearanceIgnoresWhatDiffersFromUserToUser(t *testing.T) {
	known := `{"challenge":"AA","allowCredentials":[{"id":"AQ","type":"public-key","transports":["usb"]}]}`
	for _, tt := range []struct {
		name, other string
		same        bool
	}{
		{"other values", `{"challenge":"BB","allowCredentials":[{"id":"BQBQ","type":"public-key"},{"id":"BB","type":"public-key"}]}`, true},
		{"an empty list", `{"challenge":"BB","allowCredentials":[]}`, false},
		{"no list", `{"challenge":"BB"}`, false},
		{"a list of something else", `{"challenge":"BB","allowCredentials":["BQBQ"]}`, false},
		{"null", `{"challenge":"BB","allowCredentials":null}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a, b any
			for text, into := range map[string]*any{known: &a, tt.other: &b} {
				if err := json.Unmarshal([]byte(text), into); err != nil {
					t.Fatal(err)
				}
			}
			if got := shape(a) == shape(b); got != tt.same {
				t.Errorf("%s and %s: same %t, want %t", shape(a), shape(b), got, tt.same)
			}
		})
	}
}

func TestCacheable(t *testing.T) {
	for _, tt := range []struct {
		method, control string
		wrong           bool
	}{
		{http.MethodPost, "", false},
		{http.MethodPost, "no-cache", false},
		{http.MethodPost, "private, max-age=0", false},
		{http.MethodPost, "max-age=60", true},
		{http.MethodPost, "public", true},
		{http.MethodPost, "public, no-store", false},
		{http.MethodGet, "No-Store", false},
		{http.MethodGet, "", true},
		{http.MethodGet, "no-cache", true},
	} {
		t.Run(tt.method+" "+tt.control, func(t *testing.T) {
			v := &view{result: answered(tt.method, report.Header{Name: "Cache-Control", Value: tt.control})}
			if _, wrong := cacheable(nil, v); (wrong != "") != tt.wrong {
				t.Errorf("wrong %q, want %t", wrong, tt.wrong)
			}
		})
	}
}

func answered(method string, headers ...report.Header) *rp.Result {
	return &rp.Result{Exchanges: []report.Exchange{{
		Request: report.Request{Method: method}, Response: &report.Response{Status: http.StatusOK, Headers: headers},
	}}}
}

func TestChallengeInCookie(t *testing.T) {
	const challenge = "c2l4dGVlbiBieXRlcyAhIQ" // sixteen bytes !!
	for _, tt := range []struct {
		name, cookie string
		found        bool
	}{
		{"elsewhere", "session=0f61c2", false},
		{"as it is", "challenge=" + challenge, true},
		{"escaped JSON", "state=%7B%22challenge%22%3A%22" + challenge + "%22%7D", true},
		{"in a token", "state=eyJhbGciOiJub25lIn0.eyJjaGFsbGVuZ2UiOiJjMmw0ZEdWbGJpQmllWFJsY3lBaElRIn0.c2ln", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := &view{
				options: map[string]any{"challenge": challenge},
				result:  answered(http.MethodPost, report.Header{Name: "Set-Cookie", Value: tt.cookie + "; Path=/"}),
			}
			if _, wrong := challengeInCookie(nil, v); (wrong != "") != tt.found {
				t.Errorf("found %q, want %t", wrong, tt.found)
			}
		})
	}
}

func TestCookieThatLacksProtection(t *testing.T) {
	for _, tt := range []struct {
		line   string
		secure bool
		lacks  int
	}{
		{"s=1; Secure; HttpOnly; SameSite=Lax", true, 0},
		{"s=1; HttpOnly; SameSite=None", false, 0},
		{"s=1; HttpOnly; SameSite=Strict", true, 1},
		{"s=1", true, 3},
		{"XSRF-TOKEN=1", true, 0},
		{"s=; Max-Age=0", true, 0},
	} {
		t.Run(tt.line, func(t *testing.T) {
			c, err := http.ParseSetCookie(tt.line)
			if err != nil {
				t.Fatal(err)
			}
			if lacks := lacking(c, tt.secure); len(lacks) != tt.lacks {
				t.Errorf("lacks %v, want %d", lacks, tt.lacks)
			}
		})
	}
}

func TestBinaryMembersAsWritten(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		wrong      bool
	}{
		{"standard", `{"publicKey":{"challenge":"-_8"}}`, false},
		{"text in text", `{"options":"{\"challenge\":\"-_8\"}"}`, false},
		{"padded", `{"challenge":"-_8="}`, true},
		{"base64", `{"challenge":"+/8="}`, true},
		{"bytes", `{"challenge":[251,255]}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := &view{options: map[string]any{"challenge": "-_8"}, result: &rp.Result{}}
			if err := json.Unmarshal([]byte(tt.body), &v.result.Body); err != nil {
				t.Fatal(err)
			}
			if _, wrong := unpadded(v); (wrong != "") != tt.wrong {
				t.Errorf("wrong %q, want %t", wrong, tt.wrong)
			}
		})
	}
}

func TestOriginThatIsNone(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.test": true, "https://example.test:8443": true, "http://localhost": true,
		"example.test": false, "https://example.test/": false, "https://user@example.test": false, "": false,
	} {
		if _, ok := parsedOrigin(text); ok != want {
			t.Errorf("%q: %t, want %t", text, ok, want)
		}
	}
}
