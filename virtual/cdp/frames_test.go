package cdp

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// foreign is the same server by the name of another site.
func foreign(origin string) string {
	return strings.Replace(origin, "//localhost", "//other.localhost", 1)
}

// callers serves a page that does a ceremony when told to, with frames as its query says: child is the URL
// of a frame, allow its permissions.
func callers(tb testing.TB) string {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		frame := ""
		if child := r.FormValue("child"); child != "" {
			frame = fmt.Sprintf(`<iframe name=child allow=%q src=%q></iframe>`, r.FormValue("allow"), child)
		}
		_, _ = fmt.Fprintf(w, `<!doctype html><title>caller</title>%s
			<button onclick="run('create')">Create</button><button onclick="run('get')">Get</button><output id=out></output>
			<script>
				const options = {
					create: {rp: {name: "Test"}, challenge: new Uint8Array(16), timeout: 3000, user: {id: new Uint8Array([1]), name: "alice", displayName: "Alice"},
						pubKeyCredParams: [{type: "public-key", alg: -7}], authenticatorSelection: {residentKey: "required"}},
					get: {challenge: new Uint8Array(16), timeout: 3000},
				};
				const run = (kind) => navigator.credentials[kind]({publicKey: options[kind]}).then(
					c => { const d = JSON.parse(new TextDecoder().decode(c.response.clientDataJSON)); out.textContent = [kind, d.crossOrigin, d.topOrigin].join(" ") },
					e => { out.textContent = kind + " " + e.name });
				if (location.hash) run(location.hash.slice(1));
			</script>`, frame)
	}))
	tb.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

func nest(page, allow, child string) string {
	return page + "/?" + url.Values{"allow": {allow}, "child": {child}}.Encode()
}

// A document may do a ceremony if the pages around it let it, and says in its client data where it is:
// the same on both roads.
func TestFrameRules(t *testing.T) {
	const both = "publickey-credentials-create; publickey-credentials-get"
	page := callers(t)
	other := foreign(page)
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				name, url, frame string
				want             []string // of Create and Get
			}{
				{"alone", page, "", []string{"create false ", "get false "}},
				{"same origin", nest(page, "", page+"/"), "frame=child >> ", []string{"create false ", "get false "}},
				{"another port's page", nest(other, both, page+"/"), "frame=child >> ", []string{"create true " + other, "get true " + other}},
				{"not allowed", nest(other, "", page+"/"), "frame=child >> ", []string{"create NotAllowedError", "get NotAllowedError"}},
				{"get only", nest(other, "publickey-credentials-get", page+"/"), "frame=child >> ", []string{"create NotAllowedError", "get true " + other}},
				{"two deep", nest(other, both, nest(other, both, page+"/")), "frame=child >> frame=child >> ", []string{"create true " + other, "get true " + other}},
				{"within itself", nest(page, both, nest(other, both, page+"/")), "frame=child >> frame=child >> ", []string{"create true " + page, "get true " + page}},
			} {
				d := newDevice(t, chrome(t), cfg)
				p := d.Page()
				must(t, p.Goto(t.Context(), page+"/#create"))
				must(t, p.ExpectText(t.Context(), "#out", "create false"))
				if _, err := p.Ceremonies(t.Context()); err != nil {
					t.Fatal(err)
				}
				must(t, p.Goto(t.Context(), c.url))
				var got []string
				for _, button := range []string{"Create", "Get"} {
					must(t, p.Click(t.Context(), c.frame+`role=button[name="`+button+`"]`))
					must(t, p.ExpectText(t.Context(), c.frame+"#out", strings.ToLower(button)))
					text, err := p.Text(t.Context(), c.frame+"#out")
					must(t, err)
					got = append(got, text)
				}
				want := []string{strings.TrimSpace(c.want[0]), strings.TrimSpace(c.want[1])}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.name, diff)
				}
				list, err := p.Ceremonies(t.Context())
				must(t, err)
				if len(list) != 2 {
					t.Fatalf("%s: %d ceremonies, want 2", c.name, len(list))
				}
				for i, done := range list {
					_, top, _ := strings.Cut(c.want[i], "true ")
					if strings.Contains(c.want[i], "Error") {
						top = other
					}
					if done.TopOrigin != top || done.Origin != page || (done.ErrorName != "") != strings.Contains(c.want[i], "Error") {
						t.Errorf("%s: evidence %+v, want top origin %q", c.name, done, top)
					}
				}
			}
			// Without a person's gesture a frame of another origin makes no credential, but signs in.
			p := newDevice(t, chrome(t), cfg).Page()
			for _, kind := range []string{"create", "get"} {
				must(t, p.Goto(t.Context(), nest(other, both, page+"/#"+kind)))
				must(t, p.ExpectText(t.Context(), "frame=child >> #out", kind))
				got, err := p.Text(t.Context(), "frame=child >> #out")
				must(t, err)
				if (got == "create NotAllowedError") != (kind == "create") {
					t.Errorf("without a gesture: %s", got)
				}
			}
		})
	}
}

// Elements in frames can be waited for together with others, at any depth.
func TestWaitAnyInFrames(t *testing.T) {
	page := callers(t)
	p := newDevice(t, chrome(t), DeviceConfig{}).Page()
	must(t, p.Goto(t.Context(), nest(page, "", nest(foreign(page), "", page+"/"))))
	for want, selectors := range [][]string{
		{`frame=child >> frame=child >> role=button[name="Get"]`, "#missing"},
		{"#missing", `frame=child >> role=button[name="Get"]`},
		{"frame=nope >> #out", `frame=child >> frame=nope >> #out`, `role=button[name="Get"]`},
	} {
		if got, err := p.WaitAny(t.Context(), selectors...); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", selectors, got, err, want)
		}
	}
	evaluate[any](t, p, `document.querySelector("iframe").src = `+quote(foreign(page)+"/#get"))
	if got, err := p.WaitAny(t.Context(), "#missing", `frame=child >> text=get NotAllowedError`); err != nil || got != 1 {
		t.Errorf("in a frame that was replaced: %d, %v", got, err)
	}
}
