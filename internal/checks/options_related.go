package checks

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual"
)

const (
	relatedPath = "/.well-known/webauthn"
	// maxLabels is how many different names before the public suffix every client has to take (WebAuthn L3 §5.11.1).
	maxLabels = 5
)

func relatedOriginChecks() []*Check {
	return []*Check{
		{
			ID: "opt-related-origins-doc", Title: "A list of related origins that clients take", Level: Must, Severity: Medium, Where: API,
			Gates: []Gate{gate("related-origins")}, Basis: []string{"WebAuthn L3 §5.11"},
			Sends:   "a request for /.well-known/webauthn on the host of the RP ID",
			Expects: "status 200, application/json, the target and all declared origins in origins, and five names at most",
			Fix:     "Serve {\"origins\": […]} as application/json on the RP ID's own host, without redirects away from TLS.",
			Faults:  []string{"related-origins-text", "related-origins-without"}, Perform: relatedDocument,
		},
		{
			ID: "opt-related-origins-hygiene", Title: "No stray entry among the related origins", Level: Should, Severity: High, Where: API,
			Basis:   []string{"WebAuthn L3 §5.11, §13.4.8"},
			Sends:   "a request for /.well-known/webauthn",
			Expects: "https origins and nothing else, if there is such a list",
			Fix:     "Remove what is no https origin of yours: whoever owns a listed name can ask for your passkeys.",
			Faults:  []string{"related-origins-stale"}, Perform: relatedHygiene,
		},
	}
}

// relatedList gets the list of related origins. It is on the RP ID's host; that host is asked only if it is the target's
// or the target declares to have related origins. listed is false if there is no list.
func (r *Rig) relatedList(ctx context.Context) (result *rp.Result, origins []any, listed bool, err error) {
	address := relatedPath
	if id := r.rpID(ctx); id != hostOf(r.Origin()) && r.Profile()["related-origins"] != nil {
		if err := virtual.CheckRPID(id, "https://"+id, nil); err != nil {
			return nil, nil, false, err
		}
		address = "https://" + id + relatedPath
	}
	if result, err = r.fetch(ctx, address); err != nil {
		return nil, nil, false, err
	}
	document, _ := result.Body.(map[string]any)
	origins, listed = document["origins"].([]any)
	return result, origins, listed && result.Status == http.StatusOK, nil
}

// rpID is the RP ID that the options state.
func (r *Rig) rpID(ctx context.Context) string {
	views, _ := r.lookAround(ctx) // one will do
	if len(views) == 0 {
		return hostOf(r.Origin())
	}
	return rpIDOf(views[0].options, r.Origin())
}

func relatedDocument(ctx context.Context, r *Rig) Finding {
	result, origins, listed, err := r.relatedList(ctx)
	if err != nil {
		return untold("%v", err)
	}
	_, header := headersOf(result)
	r.See(map[string]any{"status": result.Status, "Content-Type": header.Get("Content-Type"), "origins": origins})
	if result.Status != http.StatusOK {
		return deviates("%s answers %d", relatedPath, result.Status)
	}
	if kind, _, _ := mime.ParseMediaType(header.Get("Content-Type")); kind != "application/json" {
		return deviates("%s is %q, not application/json", relatedPath, kind)
	}
	if !listed || len(origins) == 0 {
		return deviates("%s has no origins", relatedPath)
	}
	for _, wanted := range append([]string{r.Origin()}, r.Profile()["related-origins"]...) {
		if _, ok := parsedOrigin(wanted); ok && !slices.Contains(origins, any(wanted)) {
			return deviates("the list does not have %s", wanted)
		}
	}
	labels := make(map[string]bool)
	for _, origin := range origins {
		text, _ := origin.(string)
		if u, ok := parsedOrigin(text); ok {
			if domain, err := publicsuffix.EffectiveTLDPlusOne(u.Hostname()); err == nil {
				label, _, _ := strings.Cut(domain, ".")
				labels[label] = true
			}
		}
	}
	if len(labels) > maxLabels {
		return deviates("the list has %d different names, and clients need to take only %d", len(labels), maxLabels)
	}
	return conforms("%d origins are listed", len(origins))
}

func relatedHygiene(ctx context.Context, r *Rig) Finding {
	_, origins, listed, err := r.relatedList(ctx)
	if err != nil {
		return untold("%v", err)
	}
	r.See(origins)
	if !listed {
		return inapplicable("there is no list of related origins")
	}
	var odd []string
	for _, origin := range origins {
		text, ok := origin.(string)
		u, parses := parsedOrigin(text)
		if !ok || !parses || u.Scheme != "https" && !isLoopback(u) {
			odd = append(odd, fmt.Sprint(origin))
		}
	}
	if len(odd) > 0 {
		return deviates("no https origins: %s", strings.Join(odd, ", "))
	}
	return conforms("%d origins, all https", len(origins))
}

func isLoopback(u *url.URL) bool {
	host := u.Hostname()
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
