package demorp

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load its own style and scripts, call its own API, and nothing else. What may frame it is
// added to its end.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; frame-ancestors "

// mountPages serves the page with its files and, when there are embedders, the page once more for their frames, and a
// page that shows it in such a frame.
func (s *Server) mountPages(mux *http.ServeMux) error {
	for pattern, name := range map[string]string{
		"/{$}":         "page/index.html",
		"/style.css":   "page/style.css",
		"/app.js":      "page/app.js",
		"/webauthn.js": "page/webauthn.js",
	} {
		content, err := s.faults.pageFile(name)
		if err != nil {
			return err
		}
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Frame-Options", "DENY")
			servePage(w, r, name, content, "'none'")
		})
	}
	if len(s.cfg.Embedders) == 0 {
		return nil
	}
	const index = "page/index.html"
	content, err := s.faults.pageFile(index)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /embed-me", func(w http.ResponseWriter, r *http.Request) {
		servePage(w, r, index, content, strings.Join(s.cfg.Embedders, " "))
	})
	host := template.Must(template.ParseFS(pageFiles, "page/host.html"))
	mux.HandleFunc("GET /host", func(w http.ResponseWriter, r *http.Request) {
		s.serveHost(w, r, host)
	})
	return nil
}

// servePage serves a file of the page. The ceremonies are the document's own to do: in a frame, only the page around it
// can hand them on (WebAuthn L3 §5.9).
func servePage(w http.ResponseWriter, r *http.Request, name string, content []byte, ancestors string) {
	setPageHeader(w.Header(), pagePolicy+ancestors)
	w.Header().Set("Permissions-Policy", "publickey-credentials-create=(self), publickey-credentials-get=(self)")
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

// serveHost plays the site that embeds this relying party, for trying it out under one of the embedders' names. With
// "allow=none" its frame is not allowed to use passkeys. The frame gets the query too.
func (s *Server) serveHost(w http.ResponseWriter, r *http.Request, page *template.Template) {
	setPageHeader(w.Header(), "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; frame-src "+s.cfg.Origins[0])
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, struct {
		Frame string
		Allow bool
	}{s.cfg.Origins[0] + "/embed-me?" + r.URL.RawQuery, r.URL.Query().Get("allow") != "none"}) // the client may be gone
}

func setPageHeader(header http.Header, policy string) {
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-cache")
}
