package rp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/passrig/passrig/scenarios"
)

// build makes the request of a step. A credential step without a body carries the credential as JSON.
func (r *run) build(ctx context.Context, h *scenarios.HTTP, role Role) (*http.Request, error) {
	env := r.env()
	u, err := r.url(h, env)
	if err != nil {
		return nil, err
	}
	body, contentType, err := r.body(h, env, role)
	if err != nil {
		return nil, err
	}
	method := h.Method
	if method == "" {
		method = http.MethodGet
		if body != nil {
			method = http.MethodPost
		}
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), reader)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, u, err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Accept", "application/json, text/html;q=0.8, */*;q=0.5")
	req.Header.Set("User-Agent", "passrig")
	if method != http.MethodGet && method != http.MethodHead {
		// Browsers send Origin with every request that may change something (Fetch §3.2).
		req.Header.Set("Origin", r.party.target.Origin)
	}
	if r.party.knows(req.URL) { // what an adapter sends to the relying party is nobody else's business
		if err := setHeaders(req, r.party.target.Adapter.Headers, r.adapterEnv()); err != nil {
			return nil, err
		}
	}
	return req, setHeaders(req, h.Headers, env)
}

// knows reports whether the URL is at one of the relying party's base URLs.
func (p *Party) knows(u *url.URL) bool {
	if sameOrigin(u, p.base) {
		return true
	}
	for _, base := range p.bases {
		if sameOrigin(u, base) {
			return true
		}
	}
	return false
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

func setHeaders(req *http.Request, headers map[string]scenarios.Text, env scenarios.Env) error {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		v, err := headers[name].String(env)
		if err != nil {
			return fmt.Errorf("header %q: %w", name, err)
		}
		switch {
		case v == "":
			req.Header.Del(name)
		case strings.ContainsAny(v, "\r\n"):
			return fmt.Errorf("header %q: value %q holds a line break", name, v)
		case strings.EqualFold(name, "Host"):
			req.Host = v
		default:
			req.Header.Set(name, v)
		}
	}
	return nil
}

func (r *run) url(h *scenarios.HTTP, env scenarios.Env) (*url.URL, error) {
	path, err := h.Path.String(env)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	base := r.party.base
	if h.Base != "" {
		base = r.party.bases[h.Base]
	}
	u, err := resolve(base, path)
	if err != nil {
		return nil, err
	}
	if len(h.Query) == 0 {
		return u, nil
	}
	query := u.Query()
	for _, name := range slices.Sorted(maps.Keys(h.Query)) {
		v, err := h.Query[name].String(env)
		if err != nil {
			return nil, fmt.Errorf("query %q: %w", name, err)
		}
		if v != "" {
			query.Set(name, v)
		}
	}
	u.RawQuery = query.Encode()
	return u, nil
}

// resolve puts a path behind the base URL's own path, so that a base may have one; a whole URL stands for itself.
func resolve(base *url.URL, path string) (*url.URL, error) {
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") {
		return parseBase(path)
	}
	if base == nil {
		return nil, fmt.Errorf("no base URL for path %q", path)
	}
	ref, err := url.Parse("/" + strings.TrimPrefix(path, "/"))
	if err != nil {
		return nil, fmt.Errorf("path %q: %w", path, err)
	}
	u := *base
	u.Path = strings.TrimSuffix(base.Path, "/") + ref.Path
	u.RawPath = ""
	if ref.RawPath != "" {
		u.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + ref.RawPath
	}
	u.RawQuery = ref.RawQuery
	return &u, nil
}

func (r *run) body(h *scenarios.HTTP, env scenarios.Env, role Role) (body []byte, contentType string, err error) {
	switch {
	case h.JSON != nil:
		body, err = h.JSON.JSON(env)
		if err == nil && r.in.Rewrite != nil {
			body, err = r.rewriteJSON(role, body)
		}
		return body, "application/json", err
	case h.Form != nil:
		fields, err := r.fields(h.Form, env, role)
		if err != nil {
			return nil, "", fmt.Errorf("form %w", err)
		}
		form := make(url.Values, len(fields))
		for name, v := range fields {
			form.Set(name, v)
		}
		return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
	case h.Multipart != nil:
		fields, err := r.fields(h.Multipart, env, role)
		if err != nil {
			return nil, "", fmt.Errorf("multipart %w", err)
		}
		return multipartBody(fields)
	case !h.Text.IsZero():
		s, err := h.Text.String(env)
		return []byte(s), "text/plain; charset=utf-8", err
	case role == RoleCredential:
		body, err = json.Marshal(r.credential)
		if err == nil && r.in.Rewrite != nil {
			body, err = r.rewriteJSON(role, body)
		}
		return body, "application/json", err
	default:
		return nil, "", nil
	}
}

func (r *run) rewriteJSON(role Role, body []byte) ([]byte, error) {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, err
	}
	return json.Marshal(r.in.Rewrite(role, value))
}

// fields are the values of a form.
func (r *run) fields(texts map[string]scenarios.Text, env scenarios.Env, role Role) (map[string]string, error) {
	fields := make(map[string]string, len(texts))
	for name, text := range texts {
		v, err := text.String(env)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", name, err)
		}
		fields[name] = v
	}
	if r.in.Rewrite != nil {
		if rewritten, ok := r.in.Rewrite(role, fields).(map[string]string); ok {
			return rewritten, nil
		}
	}
	return fields, nil
}

func multipartBody(fields map[string]string) ([]byte, string, error) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	// A fixed boundary keeps requests repeatable; it only must not occur in the values.
	if err := w.SetBoundary("passrig-9f2c51d07be84c6aa1"); err != nil {
		return nil, "", err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if strings.Contains(fields[name], w.Boundary()) {
			return nil, "", errors.New("a multipart field holds the boundary")
		}
		if err := w.WriteField(name, fields[name]); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return buf.Bytes(), w.FormDataContentType(), nil
}

// curl is a shell command that sends the same request. What carries a session is left to shell
// variables, so that the command can be shared.
func (p *Party) curl(req *http.Request) string {
	var b strings.Builder
	b.WriteString("curl -sS -i -X " + req.Method + " " + shellQuote(req.URL.String()))
	for _, h := range recordHeaders(req.Header) {
		switch h.Name {
		case "Cookie":
			b.WriteString(` -H "Cookie: $COOKIE"`)
		case "Authorization":
			b.WriteString(` -H "Authorization: $AUTHORIZATION"`)
		default:
			b.WriteString(" -H " + shellQuote(h.Name+": "+h.Value))
		}
	}
	if rec := p.recordRequest(req); rec.Body != "" {
		b.WriteString(" --data-binary " + shellQuote(rec.Body))
	}
	return b.String()
}

func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
