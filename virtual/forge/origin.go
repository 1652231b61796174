package forge

import (
	"fmt"
	"net/url"
	"strings"
)

// originWord derives an origin from the right one.
type originWord struct {
	name   string
	derive func(o *url.URL) string // "" where there is no such origin
}

// origins are the words for origins that an RP may take for its own (WebAuthn L3 §13.4.8, §13.4.9).
func origins() []originWord {
	return []originWord{
		{"foreign", func(*url.URL) string { return "https://attacker.example" }},
		{"suffix", func(o *url.URL) string { return withHost(o, "evil"+o.Hostname()) }},
		{"suffix-dash", func(o *url.URL) string { return withHost(o, "evil-"+o.Hostname()) }},
		{"prefix", func(o *url.URL) string { return withHost(o, o.Hostname()+".evil.example") }},
		{"user-info", func(o *url.URL) string { return o.Scheme + "://" + o.Host + "@evil.example" }},
		{"regex-dot", func(o *url.URL) string {
			if !strings.Contains(o.Hostname(), ".") {
				return ""
			}
			return withHost(o, strings.Replace(o.Hostname(), ".", "x", 1))
		}},
		{"http", func(o *url.URL) string {
			if o.Scheme == "http" {
				return ""
			}
			return "http://" + o.Host
		}},
		{"port", func(o *url.URL) string { return o.Scheme + "://" + o.Hostname() + ":" + otherPort(o) }},
		{"subdomain", func(o *url.URL) string { return withHost(o, "sub."+o.Hostname()) }},
		{"parent", func(o *url.URL) string {
			_, parent, ok := strings.Cut(o.Hostname(), ".")
			if !ok {
				return ""
			}
			return withHost(o, parent)
		}},
		{"opaque", func(*url.URL) string { return "null" }},
		{"file", func(*url.URL) string { return "file://" }},
		{"android-app", func(*url.URL) string {
			return "android:apk-key-hash:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
		}},
		{"ios-app", func(*url.URL) string { return "ios:bundle-id:example.evil.app" }},
		{"slash", func(o *url.URL) string { return o.Scheme + "://" + o.Host + "/" }},
		{"upper-case", func(o *url.URL) string { return o.Scheme + "://" + strings.ToUpper(o.Host) }},
		{"default-port", func(o *url.URL) string {
			if o.Port() != "" {
				return ""
			}
			return o.Scheme + "://" + o.Host + ":" + map[string]string{"https": "443", "http": "80"}[o.Scheme]
		}},
		{"trailing-dot", func(o *url.URL) string { return withHost(o, o.Hostname()+".") }},
	}
}

func originWords() []string {
	var words []string
	for _, o := range origins() {
		words = append(words, o.name)
	}
	return words
}

func changeOrigin(r *response, v value) error {
	for _, word := range origins() {
		if v.raw != word.name {
			continue
		}
		text, err := r.text("origin")
		if err != nil {
			return err
		}
		origin, err := url.Parse(text)
		if err != nil {
			return fmt.Errorf("origin: %w", err)
		}
		derived := word.derive(origin)
		if derived == "" {
			return fmt.Errorf("there is no origin %q of %q: %w", word.name, text, ErrNotApplicable)
		}
		v.raw = derived
	}
	return r.setClientData(false, member{"origin", v})
}

// withHost returns the origin with another host on the same port.
func withHost(o *url.URL, host string) string {
	if port := o.Port(); port != "" {
		host += ":" + port
	}
	return o.Scheme + "://" + host
}

// otherPort is a port that the origin is not on.
func otherPort(o *url.URL) string {
	if o.Port() == "8443" {
		return "9443"
	}
	return "8443"
}
