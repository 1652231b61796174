package cdp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"github.com/passrig/passrig/virtual"
)

const (
	relatedTimeout = 10 * time.Second
	relatedLimit   = 256 << 10 // bytes of the document, as in Chrome
)

// claim checks that a document may use an RP ID, as Chrome does for road (a). For one that is not of its
// origin it returns the list of the RP's related origins (WebAuthn L3 §5.11), nil for others.
func (d *Device) claim(ctx context.Context, rpID, origin string) ([]string, error) {
	own := virtual.CheckRPID(rpID, origin, nil)
	named, ok := errors.AsType[*virtual.Error](own)
	if !ok || named.Name != virtual.SecurityError || virtual.CheckRPID(hostOf(origin), origin, nil) != nil {
		return nil, own // it may, or may not use WebAuthn at all
	}
	list, err := d.browser.relatedOrigins(ctx, rpID)
	if err != nil {
		return nil, &virtual.Error{Name: virtual.SecurityError, Message: fmt.Sprintf("%s; related origins: %v", named.Message, err)}
	}
	return list, virtual.CheckRPID(rpID, origin, list)
}

// relatedOrigins fetches https://<rp id>/.well-known/webauthn through the browser, so that its hosts and
// certificates count, but from a page where neither cookies nor a content security policy do.
func (b *Browser) relatedOrigins(ctx context.Context, rpID string) ([]string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, relatedTimeout, &TimeoutError{What: "the list of related origins", Limit: relatedTimeout})
	defer cancel()
	b.mu.Lock()
	spare := b.spare
	b.mu.Unlock()
	if spare == nil {
		return nil, errors.New("the browser has no page to fetch them from")
	}
	address := "https://" + rpID + "/.well-known/webauthn"
	var loaded struct {
		Resource struct {
			Success        bool           `json:"success"`
			NetErrorName   string         `json:"netErrorName"`
			HTTPStatusCode int            `json:"httpStatusCode"`
			Stream         string         `json:"stream"`
			Headers        map[string]any `json:"headers"`
		} `json:"resource"`
	}
	err := spare.session.call(ctx, "Network.loadNetworkResource", map[string]any{
		"frameId": spare.id, "url": address, "options": map[string]any{"disableCache": true, "includeCredentials": false},
	}, &loaded)
	r := loaded.Resource
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", address, b.goneError(err))
	case r.HTTPStatusCode != 0 && r.HTTPStatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: status %d, want 200", address, r.HTTPStatusCode)
	case !r.Success:
		return nil, &NavigationError{URL: address, Code: r.NetErrorName}
	}
	data, err := spare.session.read(ctx, r.Stream)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	list, err := parseRelated(r.Headers, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return list, nil
}

// read reads what Chrome holds ready, up to the limit.
func (s session) read(ctx context.Context, handle string) ([]byte, error) {
	c := s.in(ctx)
	defer func() { _ = proto.IOClose{Handle: proto.IOStreamHandle(handle)}.Call(c) }() // it goes with the browser anyhow
	var data []byte
	for {
		part, err := proto.IORead{Handle: proto.IOStreamHandle(handle)}.Call(c)
		if err != nil {
			return nil, err
		}
		text := []byte(part.Data)
		if part.Base64Encoded {
			if text, err = base64.StdEncoding.DecodeString(part.Data); err != nil {
				return nil, err
			}
		}
		if data = append(data, text...); len(data) > relatedLimit {
			return nil, fmt.Errorf("longer than %d bytes", relatedLimit)
		}
		if part.EOF {
			return data, nil
		}
	}
}

// parseRelated reads the document (WebAuthn L3 §5.11.1).
func parseRelated(headers map[string]any, data []byte) ([]string, error) {
	kind := ""
	for name, value := range headers {
		if http.CanonicalHeaderKey(name) == "Content-Type" {
			kind, _ = value.(string)
		}
	}
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
		return nil, fmt.Errorf("content type %q, want application/json", kind)
	}
	var document struct {
		Origins []string `json:"origins"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("not a list of origins: %w", err)
	}
	if document.Origins == nil {
		return nil, errors.New("it has no origins")
	}
	return document.Origins, nil
}
