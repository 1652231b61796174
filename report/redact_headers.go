package report

import (
	"regexp"
	"strings"
)

// Distinctive is the number of bytes from which a cookie or a masked header value is distinctive
// enough to be looked for in the rest of the run; a cookie whose value is "1" or "request" is not.
const Distinctive = 8

// headerSecrets collects the credentials that header lines of the run carry.
func headerSecrets(steps []Step) map[string]string {
	found := make(map[string]string)
	eachHeader(steps, func(h *Header) {
		for _, part := range secretParts(h.Name, h.Value) {
			if len(part.value) >= Distinctive && !strings.HasPrefix(part.value, "[redacted:") {
				found[part.value] = part.name
			}
		}
	})
	return found
}

func maskHeaders(run *Run) {
	eachHeader(run.Steps, func(h *Header) { h.Value = maskHeader(h.Name, h.Value) })
}

func eachHeader(steps []Step, visit func(*Header)) {
	for i := range steps {
		for j := range steps[i].Exchanges {
			x := &steps[i].Exchanges[j]
			for k := range x.Request.Headers {
				visit(&x.Request.Headers[k])
			}
			if x.Response == nil {
				continue
			}
			for k := range x.Response.Headers {
				visit(&x.Response.Headers[k])
			}
		}
	}
}

// secretPart is the part of a header value that is secret.
type secretPart struct {
	name, value string
	from        int // offset in the header value
}

// secretParts finds what is secret in a header line by the header's name alone.
func secretParts(name, value string) []secretPart {
	switch lower := strings.ToLower(strings.TrimSpace(name)); {
	case lower == "cookie":
		return cookiePairs(value)
	case lower == "set-cookie":
		first, _, _ := strings.Cut(value, ";") // the rest is attributes
		return cookiePairs(first)
	case lower == "authorization" || lower == "proxy-authorization":
		from := 0
		if scheme := strings.IndexByte(value, ' '); scheme > 0 {
			from = scheme + 1
		}
		return oneSecret("authorization", value, from)
	case strings.Contains(lower, "csrf") || strings.Contains(lower, "xsrf"):
		return oneSecret("csrf", value, 0)
	case secretHeader(lower):
		return oneSecret("header", value, 0)
	}
	return nil
}

func secretHeader(lower string) bool {
	if strings.HasPrefix(lower, "access-control-") || strings.HasSuffix(lower, "-authenticate") {
		return false // a policy, or the server's challenge
	}
	for _, word := range []string{"auth", "token", "secret", "password", "api-key", "api_key", "apikey", "session", "credential"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

func oneSecret(name, value string, from int) []secretPart {
	if from >= len(value) {
		return nil
	}
	return []secretPart{{name: name, value: value[from:], from: from}}
}

func cookiePairs(value string) []secretPart {
	var parts []secretPart
	for from := 0; from < len(value); {
		end := len(value)
		if semi := strings.IndexByte(value[from:], ';'); semi >= 0 {
			end = from + semi
		}
		start := from // a pair without "=" is all value
		if eq := strings.IndexByte(value[from:end], '='); eq >= 0 {
			start = from + eq + 1
		}
		for start < end && value[start] == ' ' {
			start++
		}
		if start < end {
			parts = append(parts, secretPart{name: "cookie", value: value[start:end], from: start})
		}
		from = end + 1
	}
	return parts
}

// maskHeader returns the value with its secret parts masked. Masking again changes nothing.
func maskHeader(name, value string) string {
	var out strings.Builder
	done := 0
	for _, part := range secretParts(name, value) {
		if strings.HasPrefix(part.value, "[redacted:") {
			continue
		}
		out.WriteString(value[done:part.from])
		out.WriteString(mask(part.name))
		done = part.from + len(part.value)
	}
	out.WriteString(value[done:])
	return out.String()
}

// What credentials look like inside a longer text.
var (
	// curl's -H 'Name: value' or -H "Name: value"
	inlineHeader = regexp.MustCompile(`((?:-H|--header)[ =]?)('[^:']+:\s*(?:[^']|'\\'')*|"[^:"]+:\s*(?:[^"\\]|\\.)*)`)
	// curl's -b 'a=b'
	inlineCookie = regexp.MustCompile(`((?:\s-b|--cookie)[ =]?)('(?:[^']|'\\'')*|"(?:[^"\\]|\\.)*)`)
	// https://user:password@host
	inlinePassword = regexp.MustCompile(`(://[^/@:\s'"]*:)([^/@\s'"]+)(@)`)
)

// maskInline masks credentials that are recognizable inside a longer text.
func maskInline(s string) string {
	if strings.Contains(s, "://") && strings.Contains(s, "@") {
		s = inlinePassword.ReplaceAllString(s, "${1}"+mask("password")+"${3}")
	}
	if !strings.Contains(s, "curl") {
		return s
	}
	s = inlineHeader.ReplaceAllStringFunc(s, func(arg string) string {
		p := inlineHeader.FindStringSubmatch(arg)
		name, value, _ := strings.Cut(p[2][1:], ":")
		if strings.HasPrefix(strings.TrimSpace(value), "$") {
			return arg // a shell variable for the reader to fill in
		}
		space := len(value) - len(strings.TrimLeft(value, " "))
		return p[1] + p[2][:1] + name + ":" + value[:space] + maskHeader(name, value[space:])
	})
	return inlineCookie.ReplaceAllStringFunc(s, func(arg string) string {
		p := inlineCookie.FindStringSubmatch(arg)
		return p[1] + p[2][:1] + maskHeader("Cookie", p[2][1:])
	})
}
