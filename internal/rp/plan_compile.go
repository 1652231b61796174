package rp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/passrig/passrig/scenarios"
)

// compiler finds the template of one request.
type compiler struct {
	step   *PlanStep
	values *Values
	holes  hole // how many there are
	found  []hole
}

// compile makes the template and proves it.
func (c *compiler) compile(ctx context.Context) (*template, error) {
	m, err := c.build(ctx, nil)
	if err != nil {
		return nil, err
	}
	t := &template{method: m.Method, host: m.Host, base: m.Base, noBody: m.Body == nil}
	for _, f := range m.Fields {
		t.names = append(t.names, f.Name)
	}
	for _, text := range partsOf(m) {
		t.parts = append(t.parts, c.cut(text))
	}
	for _, h := range c.found {
		if err := c.settle(ctx, t, h); err != nil {
			return nil, err
		}
	}
	return t, c.prove(ctx, t)
}

// build makes the request as the interpreter does, with other values in some holes.
func (c *compiler) build(ctx context.Context, with map[hole]string) (*Message, error) {
	v := c.step.plan.planner.sample(c.values.Session.SignedIn)
	v.shape = c.values.shape
	for h, text := range with {
		if h < firstSaved {
			v.text[h] = []byte(text)
		} else {
			v.Session.saveText(int(h-firstSaved), text)
		}
	}
	var m Message
	return &m, c.step.interpret(ctx, v, &m)
}

// partsOf are the parts of a message, as those of a template.
func partsOf(m *Message) [][]byte {
	parts := [][]byte{m.Target, m.Cookie, m.Body}
	for _, f := range m.Fields {
		parts = append(parts, f.Value)
	}
	return parts
}

// cut finds the sentinels in a text.
func (c *compiler) cut(text []byte) chunk {
	var out chunk
	for len(text) > 0 {
		at, found := len(text), segment{hole: -1}
		for h := range c.holes {
			for _, mark := range marks(h) {
				if i := bytes.Index(text, mark); i >= 0 && i < at {
					at, found = i, segment{hole: h, mark: mark}
				}
			}
		}
		if at > 0 {
			out = append(out, segment{literal: bytes.Clone(text[:at])})
		}
		if found.hole >= 0 {
			out = append(out, found)
			if !slices.Contains(c.found, found.hole) {
				c.found = append(c.found, found.hole)
			}
		}
		text = text[at+len(found.mark):]
	}
	return out
}

// marks are the ways in which a sentinel may be written. In all of base64 it is the same.
func marks(h hole) [][]byte {
	list := [][]byte{[]byte(sentinel(h))}
	if h.binary() {
		list = append(list, hexSentinel(h))
	}
	return list
}

func hexSentinel(h hole) []byte {
	raw, err := base64.RawURLEncoding.DecodeString(sentinel(h))
	if err != nil {
		return nil // a sentinel is base64url
	}
	return []byte(hex.EncodeToString(raw))
}

// trials is how many values a hole is tried with, of each kind.
const trials = 6

// settle finds how a hole is written, for as many kinds of values as possible.
func (c *compiler) settle(ctx context.Context, t *template, h hole) error {
	tried := []kind{other, mild, plain}
	if h.binary() {
		tried = []kind{plain}
	}
	for _, k := range tried {
		built := make([]*Message, 0, trials)
		values := make([]string, trials)
		for i := range trials {
			values[i] = trialValue(h, k, i)
			m, err := c.build(ctx, map[hole]string{h: values[i]})
			if err != nil {
				break
			}
			built = append(built, m)
		}
		if len(built) == trials && c.choose(t, h, k, values, built) {
			return nil
		}
	}
	return errors.New("what is done to a value in it cannot be told")
}

// choose finds a writer for each part with the hole, so that all trials come out right.
func (c *compiler) choose(t *template, h hole, k kind, values []string, built []*Message) bool {
	for i := range t.parts {
		if !slices.ContainsFunc(t.parts[i], func(s segment) bool { return s.literal == nil && s.hole == h }) {
			continue
		}
		right := slices.ContainsFunc(writers(h), func(w writer) bool {
			for j := range t.parts[i] {
				if s := &t.parts[i][j]; s.literal == nil && s.hole == h {
					s.writer, s.kind = w, k
				}
			}
			for trial, m := range built {
				parts := partsOf(m)
				if len(parts) != len(t.parts) || !bytes.Equal(parts[i], t.parts[i].with(map[hole]string{h: values[trial]})) {
					return false
				}
			}
			return true
		})
		if !right {
			return false
		}
	}
	return true
}

// writers are the ways in which a hole may be written, the likelier first.
func writers(h hole) []writer {
	var list []writer
	encodings := []string{""}
	if h.binary() {
		encodings = append(encodings, scenarios.EncodingBase64, scenarios.EncodingBase64URLPadded, scenarios.EncodingBase64Unpadded, scenarios.EncodingHex)
	}
	for _, encoding := range encodings {
		for e := range escapes {
			list = append(list, writer{encoding, e})
		}
	}
	return list
}

// with is the text with values in some holes, and their sentinels in the others.
func (c chunk) with(values map[hole]string) []byte {
	var out []byte
	for _, s := range c {
		if s.literal != nil {
			out = append(out, s.literal...)
			continue
		}
		if value, ok := values[s.hole]; ok {
			out = s.writer.append(out, []byte(value))
		} else {
			out = append(out, s.mark...)
		}
	}
	return out
}

// prove compares the template with the interpreter, with other values in all holes at once.
func (c *compiler) prove(ctx context.Context, t *template) error {
	for trial := trials; trial < 3*trials; trial++ {
		values := make(map[hole]string)
		for h := range c.holes { // also those that were not found, which then must not matter
			k := other
			if !slices.Contains(c.found, h) {
				k = plain
			}
			for _, part := range t.parts {
				for _, s := range part {
					if s.literal == nil && s.hole == h {
						k = min(k, s.kind)
					}
				}
			}
			values[h] = trialValue(h, k, trial)
		}
		m, err := c.build(ctx, values)
		if err != nil {
			return err
		}
		parts := partsOf(m)
		same := m.Method == t.method && m.Host == t.host && *m.Base == *t.base && (m.Body == nil) == t.noBody && len(parts) == len(t.parts)
		for i := 0; same && i < len(parts); i++ {
			same = bytes.Equal(parts[i], t.parts[i].with(values)) && (i < partFields || m.Fields[i-partFields].Name == t.names[i-partFields])
		}
		if !same {
			return errors.New("the interpreter makes another request of other values")
		}
	}
	return nil
}

// trialValue is a value to try a hole with: the same for the same trial, of another length in the next. Together those of
// a kind have all of its characters that mean something anywhere.
func trialValue(h hole, k kind, trial int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "hole %d, trial %d", h, trial))
	if h.binary() {
		return base64.RawURLEncoding.EncodeToString(append([]byte{0xfb, 0xff, 0xbf}, sum[:1+(trial*7)%31]...))
	}
	text := base64.RawURLEncoding.EncodeToString(sum[:5+(trial*5)%27])
	extra := [...]string{plain: "-_", mild: ".@", other: "\"\\/<>&'+%?#=;,:!~$(){}[]|^` *é漢\u2028😀"}
	for i := plain; i <= k; i++ {
		text = text[:trial%4] + extra[i] + text[trial%4:]
	}
	if trial%2 == 0 {
		return text + text
	}
	return text
}
