package demorp

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// maxBody bounds a request body. The largest honest one, a registration with a certificate chain and a 1023-byte
// credential id, stays well below.
const maxBody = 64 << 10

// apiError is a refusal the client gets to see.
type apiError struct {
	status  int
	code    string // stable, for programs
	message string // for people
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// handlerFunc answers a request or says why not. An error that is not an [*apiError] is the server's own fault.
type handlerFunc func(http.ResponseWriter, *http.Request) error

// router collects the handlers of one JSON API and reports every failure in that API's shape.
type router struct {
	log      *slog.Logger
	origins  map[string]bool
	fail     func(http.ResponseWriter, *apiError)
	maxBody  int64                             // bytes
	handlers map[string]map[string]handlerFunc // by pattern, then method
}

func newRouter(log *slog.Logger, origins map[string]bool, fail func(http.ResponseWriter, *apiError)) *router {
	return &router{log: log, origins: origins, fail: fail, maxBody: maxBody, handlers: make(map[string]map[string]handlerFunc)}
}

func (rt *router) handle(method, pattern string, h handlerFunc) {
	if rt.handlers[pattern] == nil {
		rt.handlers[pattern] = make(map[string]handlerFunc)
	}
	rt.handlers[pattern][method] = h
	if method == http.MethodGet {
		rt.handlers[pattern][http.MethodHead] = h
	}
}

func (rt *router) mount(mux *http.ServeMux) {
	for pattern, methods := range rt.handlers {
		mux.Handle(pattern, rt.endpoint(methods))
	}
}

func (rt *router) endpoint(methods map[string]handlerFunc) http.Handler {
	var names []string
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	allow := strings.Join(names, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, ok := methods[r.Method]
		if !ok {
			w.Header().Set("Allow", allow)
			rt.fail(w, &apiError{http.StatusMethodNotAllowed, "method_not_allowed", "use " + allow})
			return
		}
		if !rt.sameSite(r) {
			rt.fail(w, &apiError{http.StatusForbidden, "wrong_origin", "requests from another site are refused"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, rt.maxBody)
		if err := h(w, r); err != nil {
			rt.report(w, r, err)
		}
	})
}

// sameSite keeps other sites' pages from changing state with a visitor's cookie. Clients that are not browsers send
// neither header and are let through: they have no ambient cookie to abuse.
func (rt *router) sameSite(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		return rt.origins[origin]
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "same-origin" || site == "none"
}

func (rt *router) report(w http.ResponseWriter, r *http.Request, err error) {
	if failure, ok := errors.AsType[*apiError](err); ok {
		rt.fail(w, failure)
		return
	}
	if r.Context().Err() != nil {
		return // the client is gone, nobody reads an answer
	}
	rt.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	rt.fail(w, &apiError{http.StatusInternalServerError, "internal", "the server could not answer"})
}

// decodeJSON reads a JSON request body into v. An empty body counts as an empty object.
func decodeJSON(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return &apiError{http.StatusRequestEntityTooLarge, "body_too_large", "the request body is larger than 64 KiB"}
		}
		return &apiError{http.StatusBadRequest, "bad_request", "the request body could not be read"}
	}
	if len(body) == 0 {
		return nil
	}
	// Only a JSON content type forces a cross-site page through a CORS preflight.
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return &apiError{http.StatusUnsupportedMediaType, "not_json", "the request needs content type application/json"}
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &apiError{http.StatusBadRequest, "bad_request", "the request body is not the expected JSON: " + err.Error()}
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	header := w.Header()
	for name, value := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"} {
		if header.Get(name) == "" {
			header.Set(name, value)
		}
	}
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone, and there is nobody else to tell
	return nil
}

func writeAPIError(w http.ResponseWriter, failure *apiError) {
	type member struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = writeJSON(w, failure.status, struct {
		Error member `json:"error"`
	}{member{failure.code, failure.message}}) // two strings always marshal
}
