package report

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Secrets shorter than this many bytes are only replaced where they stand as a whole token,
// because "1234" inside "0x12345678" is a coincidence and not a PIN.
const shortSecret = 6

// Secrets shorter than this are only replaced where they are a whole string: replacing every
// lone "a" would hide nothing and leave no report to read.
const tinySecret = 3

// Redactor removes secrets from a [Run] before any writer sees it.
//
// Every occurrence of an added secret becomes "[redacted:name]": as it is, in base64 and
// base64url (padded, unpadded, and inside a longer encoded text), in hex, percent and form
// encoded, escaped as in a JSON, Go, HTML or single-quoted shell string, and in these nested
// in each other up to three deep.
//
// Secrets of 6 bytes and more are found anywhere. Secrets of 3 to 5 bytes (PINs) are found
// where no letter, digit or underscore touches them. Secrets of 1 or 2 bytes are found where
// they are a whole string. An empty secret is ignored.
//
// A secret of several lines is also found with its white space folded, and line by line. Where a
// text was cut, which a "…" says, the first 6 bytes or more of a secret before it are masked too.
//
// Whatever was added, Apply masks the values of headers that carry credentials: cookies keep
// their names and attributes, Authorization keeps its scheme. See [Redactor.Apply].
//
// A Redactor is safe for concurrent use.
type Redactor struct {
	mu      sync.Mutex
	secrets map[string]string // secret -> name; the first name wins
	fresh   map[string]string // those of secrets that no layer holds yet
	layers  []layer           // the largest first
}

// layer is a part of the secrets, ready to be looked for. A run learns secrets all the time and
// redacts in between: layers are merged only with their like, so that no secret is prepared more
// than a few times.
type layer struct {
	secrets map[string]string
	matcher *matcher
}

// NewRedactor returns a Redactor that knows no secrets yet.
func NewRedactor() *Redactor {
	return &Redactor{secrets: make(map[string]string), fresh: make(map[string]string)}
}

// Add makes the redactor replace secret by "[redacted:name]". A name is for people, so anything
// but letters, digits, dots, dashes and underscores in it becomes a dash.
func (r *Redactor) Add(name, secret string) {
	if secret == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.secrets[secret]; known {
		return
	}
	r.secrets[secret] = maskName(name, secret)
	r.fresh[secret] = r.secrets[secret]
}

// AddBytes is Add for a binary secret such as a private key.
func (r *Redactor) AddBytes(name string, secret []byte) {
	r.Add(name, string(secret))
}

// AddValue is Add for any value. A text or number is a secret as it is; of lists and mappings
// (JSON values) every text and number of 3 bytes or more is one. Booleans are not.
func (r *Redactor) AddValue(name string, value any) {
	if text, ok := scalar(value); ok {
		r.Add(name, text)
		return
	}
	r.addLeaves(name, value)
}

func (r *Redactor) addLeaves(name string, value any) {
	switch value := value.(type) {
	case nil, bool:
	case []any:
		for _, element := range value {
			r.addLeaves(name, element)
		}
	case map[string]any:
		for _, member := range value {
			r.addLeaves(name, member)
		}
	default:
		if text, ok := scalar(value); ok {
			if len(text) >= tinySecret {
				r.Add(name, text)
			}
			return
		}
		if plain, err := plainJSON(value); err == nil {
			r.addLeaves(name, plain)
		}
	}
}

// AddHeaders adds the credentials that the headers of exchanges carry, as Apply finds them.
func (r *Redactor) AddHeaders(exchanges []Exchange) {
	for secret, name := range headerSecrets([]Step{{Exchanges: exchanges}}) {
		r.Add(name, secret)
	}
}

// Text returns s without the added secrets, and without passwords in URLs and credentials in curl
// commands. It is what a log line needs; the values of headers are only recognized by Apply.
func (r *Redactor) Text(s string) string {
	return redact(r.current(), maskInline(s))
}

// Apply removes secrets from every string of the run, in place: typed fields, map keys, and the
// free trees (options, client data, evidence), whose Go values become plain JSON values.
// Numbers in those trees are replaced too when their digits are a secret. Only [Verdict] values,
// encoded histograms, names of metrics and members with a fixed vocabulary, such as a step's
// action, are left as they are, because they are not free text.
//
// It also masks, whatever was added: the values of Cookie and Set-Cookie (names and attributes
// stay), Authorization and Proxy-Authorization (the scheme stays), of headers whose names speak of
// CSRF, tokens, secrets, passwords, sessions or API keys, and passwords in URLs. A masked value of 8 bytes
// or more is then a secret for the rest of the run, so it does not live on in a body or a curl
// command. What a cookie or header holds is none if it is a part of the target's origin or RP ID.
func (r *Redactor) Apply(run *Run) {
	if run == nil {
		return
	}
	r.mu.Lock()
	secrets := maps.Clone(r.secrets)
	r.mu.Unlock()
	for secret, name := range headerSecrets(run.Steps) {
		if _, known := secrets[secret]; !known {
			secrets[secret] = name
		}
	}
	maps.DeleteFunc(secrets, func(secret, name string) bool { return carried(name) && public(run, secret) })
	maskHeaders(run)
	walker{m: newMatcher(secrets)}.run(run)
}

// carried reports whether a secret of this name is one only because a cookie or header held it.
func carried(name string) bool {
	return name == "header" || name == "cookie" || strings.HasPrefix(name, "cookie-")
}

// public reports whether the text is a part of what the run says of its target anyway.
func public(run *Run, text string) bool {
	in := func(t Target) bool { return strings.Contains(t.Origin, text) || strings.Contains(t.RPID, text) }
	return in(run.Target) || slices.ContainsFunc(run.Scenarios, func(s Scenario) bool { return in(s.Target) })
}

func (r *Redactor) current() []*matcher {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.fresh) > 0 {
		added := r.fresh
		r.fresh = make(map[string]string)
		for n := len(r.layers); n > 0 && len(r.layers[n-1].secrets) <= 2*len(added); n-- {
			maps.Copy(added, r.layers[n-1].secrets)
			r.layers = r.layers[:n-1]
		}
		r.layers = append(r.layers, layer{added, newMatcher(added)})
	}
	matchers := make([]*matcher, 0, len(r.layers))
	for _, l := range r.layers {
		matchers = append(matchers, l.matcher)
	}
	return matchers
}

func mask(name string) string { return "[redacted:" + name + "]" }

// maskName makes a name harmless: it must not break the mark and must not tell the secret.
func maskName(name, secret string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
			return c
		}
		return '-'
	}, name)
	if name == "" || len(secret) >= tinySecret && strings.Contains(name, secret) {
		return "secret"
	}
	return name
}

// matcher finds all forms of all secrets in one pass over a text.
//
// The forms are sorted, and each knows the longest other form that is its prefix. At a position
// of the text the greatest form that does not sort after the rest of the text is found by binary
// search; the longest form starting there is that one or one of its prefixes, since everything
// sorted between a prefix of the text and the text begins with that prefix. A bit set of hashed
// first bytes makes nearly all positions cheap. Ten thousand tokens with one common beginning,
// as JWTs have, cost no more than a few.
type matcher struct {
	forms   []form
	parent  []int // index of the longest proper prefix among forms, or -1
	starts  [1 << 10]uint64
	whole   map[string]string // tiny secrets, and digits for numbers: exact text -> name
	longest int               // of the forms, in bytes
}

type form struct {
	text  string
	name  string
	token bool // only where no letter, digit or underscore touches it
}

// Forms have at least minForm bytes, so that many can be hashed.
const minForm = 3

func newMatcher(secrets map[string]string) *matcher {
	m := &matcher{whole: make(map[string]string)}
	for secret, name := range secrets {
		m.whole[secret] = name
		for _, text := range allForms(secret) {
			switch {
			case len(secret) < tinySecret:
				m.whole[text] = name
			case len(text) >= minForm:
				m.forms = append(m.forms, form{text: text, name: name, token: len(secret) < shortSecret})
			}
		}
	}
	// Equal texts of different secrets: the freer match first, then by name, to be deterministic.
	slices.SortFunc(m.forms, func(a, b form) int {
		if c := strings.Compare(a.text, b.text); c != 0 {
			return c
		}
		if a.token != b.token {
			if a.token {
				return 1
			}
			return -1
		}
		return strings.Compare(a.name, b.name)
	})
	m.forms = slices.CompactFunc(m.forms, func(a, b form) bool { return a.text == b.text })
	m.parent = make([]int, len(m.forms))
	for i, f := range m.forms {
		p := i - 1
		for p >= 0 && !strings.HasPrefix(f.text, m.forms[p].text) {
			p = m.parent[p]
		}
		m.parent[i] = p
		h := startHash(f.text[0], f.text[1], f.text[2])
		m.starts[h>>6] |= 1 << (h & 63)
		m.longest = max(m.longest, len(f.text))
	}
	return m
}

// mayStart reports whether a form may start with the first bytes of b.
func (m *matcher) mayStart(b []byte) bool {
	h := startHash(b[0], b[1], b[2])
	return m.starts[h>>6]&(1<<(h&63)) != 0
}

func startHash(a, b, c byte) uint32 {
	return (uint32(a)*0x9E3779B1 ^ uint32(b)*0x85EBCA77 ^ uint32(c)*0xC2B2AE3D) >> 16
}

// span is a half-open range of bytes and the name of the secret in it.
type span struct {
	from, to int
	name     string
}

// find returns where secrets are in text, left to right. Overlapping occurrences are all
// reported, so that no end of a longer secret stays behind a shorter one.
func (m *matcher) find(text []byte) []span {
	var spans []span
	for i := 0; i+minForm <= len(text); i++ {
		if !m.mayStart(text[i:]) {
			continue
		}
		rest := text[i:]
		next, exact := slices.BinarySearchFunc(m.forms, rest, func(f form, t []byte) int {
			return compareStringBytes(f.text, t)
		})
		if !exact {
			next--
		}
		for ; next >= 0; next = m.parent[next] {
			f := &m.forms[next]
			if !hasPrefix(rest, f.text) || f.token && !isToken(text, i, i+len(f.text)) {
				continue
			}
			spans = append(spans, span{from: i, to: i + len(f.text), name: f.name})
			break
		}
	}
	return m.findCut(text, spans)
}

func compareStringBytes(a string, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return len(a) - len(b)
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

func isToken(text []byte, from, to int) bool {
	return (from == 0 || !isWord(text[from-1])) && (to == len(text) || !isWord(text[to]))
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// redact returns s with every secret replaced that one of the matchers knows.
func redact(matchers []*matcher, s string) string {
	forms := 0
	for _, m := range matchers {
		if name, ok := m.whole[s]; ok {
			return mask(name)
		}
		forms += len(m.forms)
	}
	if forms == 0 || len(s) < minForm {
		return s
	}
	var spans []span
	for v := range views(s) {
		for _, m := range matchers {
			for _, sp := range m.find(v.text) {
				spans = append(spans, span{from: v.origin(sp.from), to: v.originEnd(sp.to), name: sp.name})
			}
		}
	}
	if len(spans) == 0 {
		return s
	}
	return replaceSpans(s, spans)
}

// replaceSpans replaces the union of the spans; touching a union's first span names it.
func replaceSpans(s string, spans []span) string {
	slices.SortFunc(spans, func(a, b span) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return b.to - a.to // the longest first: it gives the name
	})
	var out bytes.Buffer
	done := 0
	for i := 0; i < len(spans); {
		from, to, name := spans[i].from, spans[i].to, spans[i].name
		for i++; i < len(spans) && spans[i].from < to; i++ {
			to = max(to, spans[i].to)
		}
		out.WriteString(s[done:from])
		out.WriteString(mask(name))
		done = to
	}
	out.WriteString(s[done:])
	return out.String()
}
