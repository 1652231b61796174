package demorp

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
)

// clientDataFaults are mistakes in reading clientDataJSON.
func clientDataFaults() []Fault {
	return slices.Concat([]Fault{
		{
			Name: "clientdata-unread", Doc: "client data that cannot be parsed is taken for right", drops: []string{"client-data-encoding"},
			misread: func(r *received) {
				if _, ok := r.clientData(); !ok && len(r.bytes("clientDataJSON")) > 0 {
					r.believe()
				}
			},
		},
		{Name: "type-unchecked", Doc: "the type of the client data is not looked at", misread: typeAs(func(any) bool { return true })},
		{Name: "type-lenient", Doc: "a type is only refused if it is the other ceremony's", misread: typeAs(func(sent any) bool { return !isType(sent) })},
		{Name: "type-either", Doc: "either ceremony's type is taken", misread: typeAs(isType)},
	}, challengeFaults(), originFaults(), []Fault{
		{Name: "framing-unchecked", Doc: "nothing about frames is looked at", drops: []string{"cross-origin", "top-origin"}},
		{Name: "cross-origin-unchecked", Doc: "frames are only refused by their top origin", drops: []string{"cross-origin"}},
		{Name: "cross-origin-demanded", Doc: "client data without crossOrigin is refused", misread: spoilIf(func(data map[string]any) bool { return data["crossOrigin"] == nil })},
		{Name: "client-data-closed", Doc: "client data with unknown members is refused", misread: spoilIf(func(data map[string]any) bool {
			known := 0
			for _, name := range []string{"type", "challenge", "origin", "crossOrigin", "topOrigin", "tokenBinding"} {
				if _, ok := data[name]; ok {
					known++
				}
			}
			return len(data) > known
		})},
		{Name: "token-binding-refused", Doc: "client data with a token binding is refused", misread: spoilIf(func(data map[string]any) bool { return data["tokenBinding"] != nil })},
	})
}

func isType(sent any) bool {
	return sent == string(protocol.CreateCeremony) || sent == string(protocol.AssertCeremony)
}

// typeAs takes some types for the right one.
func typeAs(taken func(sent any) bool) func(*received) {
	return func(r *received) {
		if data, ok := r.clientData(); ok && taken(data["type"]) {
			r.readAs("type", string(r.kind))
		}
	}
}

func spoilIf(bad func(map[string]any) bool) func(*received) {
	return func(r *received) {
		if data, ok := r.clientData(); ok && bad(data) {
			r.spoil()
		}
	}
}

func challengeFaults() []Fault {
	return []Fault{
		{Name: "challenge-unchecked", Doc: "any challenge is taken, or none, while one is pending", misread: challengeAs(func(any, string) bool { return true })},
		{Name: "challenge-optional", Doc: "a challenge that is not there, or is none, is taken for right", misread: challengeAs(func(sent any, _ string) bool {
			text, _ := sent.(string)
			raw, err := base64.RawURLEncoding.DecodeString(text)
			return err != nil || len(raw) == 0
		})},
		{Name: "challenge-decoded-leniently", Doc: "in a challenge, what is no base64url is skipped", misread: challengeAs(func(sent any, issued string) bool {
			text, _ := sent.(string)
			return text != issued && strings.Trim(text, "!") == issued
		})},
		{Name: "challenge-length-only", Doc: "of a challenge only the length is compared", misread: challengeAs(func(sent any, issued string) bool {
			text, _ := sent.(string)
			return len(text) == len(issued)
		})},
		{Name: "challenge-prefix", Doc: "a challenge is taken that is part of the issued one, or holds it", misread: challengeAs(func(sent any, issued string) bool {
			text, _ := sent.(string)
			a, errA := base64.RawURLEncoding.DecodeString(text)
			b, errB := base64.RawURLEncoding.DecodeString(issued)
			return errA == nil && errB == nil && len(a) > 0 && (strings.Contains(string(a), string(b)) || strings.Contains(string(b), string(a)))
		})},
	}
}

// challengeAs takes some challenges for the latest that was issued.
func challengeAs(taken func(sent any, issued string) bool) func(*received) {
	return func(r *received) {
		c := r.latest()
		if data, ok := r.clientData(); ok && c != nil && taken(data["challenge"], c.challenge) {
			r.readAs("challenge", c.challenge)
		}
	}
}

func originFaults() []Fault {
	return []Fault{
		{Name: "origin-unchecked", Doc: "the origin is not looked at", misread: originAs(func(any, *url.URL) bool { return true })},
		{Name: "origin-optional", Doc: "an origin that is not there is taken for right", misread: originAs(func(sent any, _ *url.URL) bool {
			text, _ := sent.(string)
			return text == ""
		})},
		{Name: "origin-suffix", Doc: "every host is taken that ends in the right one", misread: hostAs(func(sent, right *url.URL) bool {
			return sent.Host != right.Host && strings.HasSuffix(sent.Host, right.Host)
		})},
		{Name: "origin-prefix", Doc: "every origin is taken that begins with the right one's host", misread: originAs(func(sent any, right *url.URL) bool {
			text, _ := sent.(string)
			return strings.HasPrefix(text, right.Scheme+"://"+right.Hostname()+".") || strings.HasPrefix(text, right.String()+"@")
		})},
		{Name: "origin-regex", Doc: "the right host is used as a pattern, in which a dot stands for any character", misread: hostAs(func(sent, right *url.URL) bool {
			pattern, err := regexp.Compile("^" + right.Host + "$")
			return err == nil && sent.Scheme == right.Scheme && pattern.MatchString(sent.Host)
		})},
		{Name: "origin-host-only", Doc: "scheme and port of the origin are not looked at", misread: hostAs(func(sent, right *url.URL) bool {
			return sent.Hostname() == right.Hostname() && sent.User == nil
		})},
		{Name: "origin-subdomains", Doc: "subdomains and parent domains are taken, on any port", misread: hostAs(func(sent, right *url.URL) bool {
			return sent.Scheme == right.Scheme && sent.User == nil &&
				(strings.HasSuffix(sent.Hostname(), "."+right.Hostname()) || strings.HasSuffix(right.Hostname(), "."+sent.Hostname()) || sent.Hostname() == right.Hostname())
		})},
		{Name: "origin-opaque", Doc: "opaque origins are taken", misread: originAs(func(sent any, _ *url.URL) bool { return sent == "null" || sent == "file://" })},
		{Name: "origin-apps", Doc: "every app is taken", misread: originAs(func(sent any, _ *url.URL) bool {
			text, _ := sent.(string)
			return strings.HasPrefix(text, "android:") || strings.HasPrefix(text, "ios:")
		})},
	}
}

// originAs takes some origins for the right one.
func originAs(taken func(sent any, right *url.URL) bool) func(*received) {
	return func(r *received) {
		right, err := url.Parse(r.origin)
		if data, ok := r.clientData(); ok && err == nil && taken(data["origin"], right) {
			r.readAs("origin", r.origin)
		}
	}
}

// hostAs is originAs for origins that are web addresses.
func hostAs(taken func(sent, right *url.URL) bool) func(*received) {
	return originAs(func(sent any, right *url.URL) bool {
		text, _ := sent.(string)
		u, err := url.Parse(text)
		return err == nil && u.Host != "" && taken(u, right)
	})
}
