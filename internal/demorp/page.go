package demorp

import (
	"embed"
	"net/http"
)

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load its own style and script, call its own API, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// mountPage serves the page and its two files. "/?autofill=off" keeps it from offering passkeys in the username field,
// which a virtual authenticator would accept by itself.
func mountPage(mux *http.ServeMux) {
	for pattern, file := range map[string]string{
		"/{$}":       "page/index.html",
		"/style.css": "page/style.css",
		"/app.js":    "page/app.js",
	} {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			header := w.Header()
			header.Set("Content-Security-Policy", pagePolicy)
			header.Set("Permissions-Policy", "publickey-credentials-create=(self), publickey-credentials-get=(self)")
			header.Set("X-Content-Type-Options", "nosniff")
			header.Set("X-Frame-Options", "DENY")
			header.Set("Referrer-Policy", "no-referrer")
			header.Set("Cross-Origin-Opener-Policy", "same-origin")
			header.Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, pageFiles, file)
		})
	}
}
