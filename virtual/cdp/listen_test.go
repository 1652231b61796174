package cdp

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual"
)

// What scripts are answered is kept though the document that asked for it is gone, and only while somebody listens.
func TestListen(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<!doctype html>page")) })
	mux.HandleFunc("GET /say", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.FormValue("type"))
		_, _ = fmt.Fprintf(w, `{"n":%q}`, r.FormValue("n"))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	origin := fmt.Sprintf("http://localhost:%d", server.Listener.Addr().(*net.TCPAddr).Port)
	p := newDevice(t, chrome(t), DeviceConfig{Software: software(t, virtual.Config{})}).Page()
	must(t, p.Goto(t.Context(), origin+"/page"))
	const fetched = `fetch("/say?n=%s&type=%s").then((r) => r.text()).then(() => 0)`
	for range 2 { // it can begin anew
		evaluate[int](t, p, fmt.Sprintf(fetched, "before", "text/plain"))
		hush, err := p.Listen(t.Context())
		must(t, err)
		evaluate[int](t, p, fmt.Sprintf(fetched, "one", "application/json"))
		evaluate[int](t, p, fmt.Sprintf(fetched, "two", "application/octet-stream")) // which Chrome hands over in base64
		evaluate[int](t, p, `new Promise((done) => {
  const x = new XMLHttpRequest();
  x.onload = () => done(0);
  x.open("GET", "/say?n=three");
  x.send();
})`)
		// Chrome tells of the end of an answer apart from the page's script, which may be first; what it has not been asked
		// for by then is gone with the document.
		for listening := p.target.listening(); len(listening.heard()) < 3 && t.Context().Err() == nil; {
			runtime.Gosched()
		}
		must(t, p.Goto(t.Context(), origin+"/page"))
		var got []string
		for _, a := range hush() {
			if !strings.HasPrefix(a.URL, origin+"/say?") {
				t.Errorf("an answer of %s", a.URL)
			}
			got = append(got, string(a.Body))
		}
		if diff := cmp.Diff([]string{`{"n":"one"}`, `{"n":"two"}`, `{"n":"three"}`}, got); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	}
}

// A ceremony is told with what the document had asked of its client before, not with what it asked later.
func TestQuestions(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			p := newDevice(t, chrome(t), cfg).Page()
			must(t, p.Goto(t.Context(), html(t, "")))
			create := createScript("localhost", "alice", "")
			evaluate[outcome](t, p, create)
			evaluate[bool](t, p, `PublicKeyCredential.isConditionalMediationAvailable()`)
			evaluate[outcome](t, p, create)
			evaluate[int](t, p, `PublicKeyCredential.getClientCapabilities().then(() => 0)`)
			list, err := p.Ceremonies(t.Context())
			must(t, err)
			var got [][]string
			for i := range list {
				got = append(got, list[i].Questions)
			}
			if diff := cmp.Diff([][]string{{}, {"isConditionalMediationAvailable"}}, got); diff != "" {
				t.Errorf("questions (-want +got):\n%s", diff)
			}
		})
	}
}
