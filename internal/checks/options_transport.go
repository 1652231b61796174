package checks

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

func optionTransportChecks() []*Check {
	return []*Check{
		{
			ID: "opt-cache", Title: "Options that no cache keeps", Level: Should, Severity: Low, Where: API,
			Basis: []string{"RFC 9111 §5.2.2.5, §3"}, Sends: "requests for options",
			Expects: "Cache-Control: no-store, or an answer to POST that does not ask to be kept",
			Fix:     "Send Cache-Control: no-store with options: they hold a challenge and are of use once.",
			Faults:  []string{"options-cacheable"}, Perform: inOptions(cacheable),
		},
		{
			ID: "opt-cookie-flags", Title: "Session cookies that scripts and other sites do not get", Level: Should, Severity: Low, Where: API,
			Basis: []string{"RFC 6265 §4.1.2", "OWASP ASVS 3.3 (5.0)"}, Sends: "requests for options, and a login",
			Expects: "Secure where there is TLS, HttpOnly and SameSite on the cookies that carry the session",
			Fix:     "Set Secure, HttpOnly and SameSite on session cookies.",
			Faults:  []string{"cookie-exposed"}, Perform: cookieFlags,
		},
		{
			ID: "opt-bad-request", Title: "Requests for options that make no sense", Level: Should, Severity: Low, Where: API,
			Basis:   []string{"RFC 9110 §15.5, §15.6"},
			Sends:   "requests for options with a list for a body, members of wrong types, no members, and a megabyte too much",
			Expects: "a clean refusal, or options; no server error",
			Fix:     "Check what a request holds before it is used, and answer 400 if it is wrong.",
			Faults:  []string{"options-crash"}, Perform: badRequests,
		},
		{
			ID: "opt-frame-policy", Title: "Who may show the page in a frame", Level: Info, Severity: Low,
			Basis: []string{"WebAuthn L3 §13.4.2, §5.9", "CSP Level 3 §6.4.2"}, Sends: "a request for the page",
			Expects: "frame-ancestors or X-Frame-Options, and who may use passkeys in Permissions-Policy",
			Fix:     "Send Content-Security-Policy with frame-ancestors, so that nobody can put your page below theirs.", Perform: framePolicy,
		},
	}
}

// headersOf are the headers of an operation's last answer, and the request's method.
func headersOf(result *rp.Result) (method string, header http.Header) {
	header = make(http.Header)
	for _, x := range slices.Backward(result.Exchanges) {
		if x.Response != nil {
			for _, h := range x.Response.Headers {
				header.Add(h.Name, h.Value)
			}
			return x.Request.Method, header
		}
	}
	return "", header
}

// cacheable looks at whether a cache may keep the answer: after GET unless that is forbidden, after POST only if the
// answer says for how long (RFC 9110 §9.3.3).
func cacheable(_ *Rig, v *view) (seen any, wrong string) {
	method, header := headersOf(v.result)
	control := strings.ToLower(strings.Join(header.Values("Cache-Control"), ", "))
	seen = map[string]any{"method": method, "Cache-Control": control}
	switch {
	case strings.Contains(control, "no-store"):
	case method == http.MethodGet:
		return seen, fmt.Sprintf("an answer to GET with Cache-Control %q", control)
	case strings.Contains(control, "max-age=") && !strings.Contains(control, "max-age=0"), strings.Contains(control, "public"):
		return seen, fmt.Sprintf("Cache-Control %q lets caches keep it", control)
	}
	return seen, ""
}

func cookieFlags(ctx context.Context, r *Rig) Finding {
	u, err := r.onlooker(ctx)
	if err != nil {
		return untold("%v", err)
	}
	views, _ := r.lookAround(ctx) // a login's cookies tell as much
	results := make([]*rp.Result, 0, len(views)+1)
	for _, v := range views {
		results = append(results, v.result)
	}
	if len(u.Passkeys) > 0 {
		results = append(results, r.act(ctx, u, Act{Operation: r.loginOperation()}).Result)
	}
	secure := strings.HasPrefix(r.Origin(), "https:")
	seen := make(map[string]any)
	var wrongs []string
	for _, result := range results {
		for _, c := range cookiesOf(result) {
			lacks := lacking(c, secure)
			if _, there := seen[c.Name]; !there && len(lacks) > 0 {
				wrongs = append(wrongs, fmt.Sprintf("the cookie %s lacks %s", c.Name, strings.Join(lacks, ", ")))
			}
			seen[c.Name] = fmt.Sprintf("Secure %t, HttpOnly %t, SameSite %t", c.Secure, c.HttpOnly, c.SameSite != 0)
		}
	}
	r.See(seen)
	switch {
	case len(wrongs) > 0:
		return deviates("%s", strings.Join(wrongs, "; "))
	case len(seen) == 0:
		return inapplicable("no answer sets a cookie")
	}
	return conforms("%s", summary(seen))
}

// lacking names the attributes that a cookie should have. One against forged requests has to be readable for scripts.
func lacking(c *http.Cookie, secure bool) []string {
	name := strings.ToLower(c.Name)
	if c.MaxAge < 0 || c.Value == "" || strings.Contains(name, "csrf") || strings.Contains(name, "xsrf") {
		return nil
	}
	var lacks []string
	if secure && !c.Secure {
		lacks = append(lacks, "Secure")
	}
	if !c.HttpOnly {
		lacks = append(lacks, "HttpOnly")
	}
	if c.SameSite == 0 {
		lacks = append(lacks, "SameSite")
	}
	return lacks
}

// nonsense are the ways in which a request's body is spoiled; nil leaves it out.
func nonsense() map[string]func(body any) any {
	return map[string]func(body any) any{
		"a list": func(body any) any {
			if _, ok := body.(map[string]any); ok {
				return []any{body}
			}
			return nil
		},
		"wrong types": func(body any) any {
			members, ok := body.(map[string]any)
			if !ok {
				return nil
			}
			wrong := map[string]any{"username": map[string]any{"$ne": nil}, "userVerification": 7, "timeout": "soon"}
			for name, v := range members {
				switch v.(type) {
				case string:
					wrong[name] = []any{7}
				default:
					wrong[name] = "text"
				}
			}
			return wrong
		},
		"nothing": func(body any) any {
			if _, form := body.(map[string]string); form {
				return map[string]string{}
			}
			return map[string]any{}
		},
		"a megabyte": func(body any) any {
			padding := strings.Repeat("x", 1<<20)
			switch members := body.(type) {
			case map[string]any:
				members["padding"] = padding
			case map[string]string:
				members["padding"] = padding
			}
			return body
		},
	}
}

func badRequests(ctx context.Context, r *Rig) Finding {
	u, err := r.onlooker(ctx)
	if err != nil {
		return untold("%v", err)
	}
	seen := make(map[string]any)
	var wrongs []string
	ways := nonsense()
	for _, operation := range []string{opRegister, r.loginOperation()} {
		for _, name := range slices.Sorted(maps.Keys(ways)) {
			sent := false
			result := r.tamper(ctx, operation, u, func(body any) any {
				if spoiled := ways[name](body); spoiled != nil {
					sent = true
					return spoiled
				}
				return body
			})
			if !sent {
				continue
			}
			seen[operation+", "+name] = result.Status
			if result.Status >= 500 && !limited(result) {
				wrongs = append(wrongs, fmt.Sprintf("%s, %s: status %d", operation, name, result.Status))
			}
		}
	}
	r.See(seen)
	switch {
	case len(wrongs) > 0:
		return deviates("%s", strings.Join(wrongs, "; "))
	case len(seen) == 0:
		return inapplicable("the requests for options have no body")
	}
	return conforms("no server error: %s", summary(seen))
}

// fetch gets a page or document, without anybody's session. The address is a path of the target, or a whole URL.
func (r *Rig) fetch(ctx context.Context, address string) (*rp.Result, error) {
	if err := r.pace(ctx); err != nil {
		return nil, err
	}
	result := r.party.Send(ctx, r.NewSession(), &scenarios.Request{HTTP: scenarios.HTTP{Path: scenarios.NewText(address), Redirects: "follow"}}, nil)
	if result.Status == 0 {
		return nil, fmt.Errorf("%s: %s", address, result.Reason)
	}
	return result, nil
}

func framePolicy(ctx context.Context, r *Rig) Finding {
	path := "/"
	if page := r.party.Adapter().Operations[r.loginOperation()].Page; page != nil && len(page.Steps) > 0 && !page.Steps[0].Goto.IsZero() {
		path = page.Steps[0].Goto.Raw()
	}
	if strings.Contains(path, "${{") {
		path = "/"
	}
	result, err := r.fetch(ctx, path)
	if err != nil {
		return untold("%v", err)
	}
	_, header := headersOf(result)
	if kind := header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
		return inapplicable("%s is no page: %q", path, kind)
	}
	seen := []report.Header{}
	for _, name := range []string{"Content-Security-Policy", "X-Frame-Options", "Permissions-Policy"} {
		seen = append(seen, report.Header{Name: name, Value: header.Get(name)})
	}
	r.See(seen)
	guarded := header.Get("X-Frame-Options") != "" || strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors")
	return either(!guarded, "frames %s; Permissions-Policy %q",
		map[bool]string{true: "are restricted", false: "of any site are allowed"}[guarded], header.Get("Permissions-Policy"))
}

// parsedOrigin takes an origin apart. ok is false for what is none.
func parsedOrigin(text string) (u *url.URL, ok bool) {
	u, err := url.Parse(text)
	return u, err == nil && u.Host != "" && u.Scheme != "" && u.Path == "" && u.RawQuery == "" && u.User == nil && u.Fragment == ""
}
