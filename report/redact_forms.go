package report

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"html"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encodedForms lists the texts a secret can appear as where no escape character gives the
// encoding away; escapes are undone by views instead.
func encodedForms(secret string) []string {
	raw := []byte(secret)
	forms := []string{secret}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		padded := enc.EncodeToString(raw)
		forms = append(forms, padded, strings.TrimRight(padded, "="))
		if len(raw) >= shortSecret {
			forms = append(forms, embeddedBase64(enc, raw)...)
		}
	}
	lower := hex.EncodeToString(raw)
	return append(forms, lower, strings.ToUpper(lower))
}

// allForms lists the forms of a secret, also of how a summary or log shows one of several lines.
func allForms(secret string) []string {
	forms := encodedForms(secret)
	folded := strings.Join(strings.Fields(secret), " ")
	if folded == secret {
		return forms
	}
	if len(folded) >= shortSecret {
		forms = append(forms, encodedForms(folded)...)
	}
	for line := range strings.Lines(secret) {
		if line = strings.TrimSpace(line); len(line) >= Distinctive && line != folded {
			forms = append(forms, encodedForms(line)...)
		}
	}
	return forms
}

// cutMark stands where the rest of a text was left out.
const cutMark = "…"

// An escape that a cut went through has at most this many bytes left: \U and seven digits.
const maxBroken = 9

// findCut adds to spans what is left of secrets at places where the text was cut.
func (m *matcher) findCut(text []byte, spans []span) []span {
	for done := 0; ; {
		at := bytes.Index(text[done:], []byte(cutMark))
		if at < 0 {
			return spans
		}
		end := done + at
		done = end + len(cutMark)
		ends := []int{end}
		if broken := bytes.LastIndexAny(text[max(0, end-maxBroken):end], `%\&`); broken >= 0 {
			ends = append(ends, max(0, end-maxBroken)+broken)
		}
		for _, e := range ends {
			if sp, ok := m.prefix(text[:e]); ok {
				sp.to = end
				spans = append(spans, sp)
				break
			}
		}
	}
}

// prefix finds the longest end of the text that a form starts with.
func (m *matcher) prefix(text []byte) (span, bool) {
	for i := max(0, len(text)-m.longest); i+shortSecret <= len(text); i++ {
		rest := text[i:]
		if !m.mayStart(rest) {
			continue
		}
		next, _ := slices.BinarySearchFunc(m.forms, rest, func(f form, t []byte) int { return compareStringBytes(f.text, t) })
		if next < len(m.forms) && strings.HasPrefix(m.forms[next].text, string(rest)) {
			return span{from: i, to: len(text), name: m.forms[next].name}, true
		}
	}
	return span{}, false
}

// embeddedBase64 returns the characters that a secret contributes on its own when it stands
// inside a longer text that is encoded as a whole, as in Basic credentials or client data:
// one form for each of the three ways it can fall on the 3-byte grid.
func embeddedBase64(enc *base64.Encoding, raw []byte) []string {
	var forms []string
	for offset := range 3 {
		shifted := append(make([]byte, offset), raw...)
		whole := enc.WithPadding(base64.NoPadding).EncodeToString(shifted)
		first := (offset*8 + 5) / 6 // characters that also hold bits of what comes before
		last := len(shifted) * 8 / 6
		forms = append(forms, whole[first:last])
	}
	return forms
}

// view is a text with escapes undone, and where each of its bytes came from.
type view struct {
	text []byte
	at   []int // at[i] is the offset of text[i] in the original; nil means the same offsets
	end  int   // length of the original
}

// origin maps an offset in the view to one in the original; all bytes of an escape map to its start.
func (v view) origin(i int) int {
	switch {
	case v.at == nil:
		return i
	case i >= len(v.at):
		return v.end
	default:
		return v.at[i]
	}
}

// originEnd maps the end of a match, rounded up to the end of the escape it falls into.
func (v view) originEnd(i int) int {
	for v.at != nil && i < len(v.at) && v.at[i] == v.at[i-1] {
		i++
	}
	return v.origin(i)
}

// viewDepth bounds how many escapes are undone one after another: JSON in a form field in a
// shell command is three.
const viewDepth = 3

// views yields s itself and what it reads as with each kind of escape undone, repeatedly.
func views(s string) iter.Seq[view] {
	return func(yield func(view) bool) {
		root := view{text: []byte(s), end: len(s)}
		level := []view{root}
		seen := map[string]bool{s: true} // many orders of undoing give the same text
		for depth := 0; len(level) > 0; depth++ {
			var next []view
			for _, v := range level {
				if !yield(v) {
					return
				}
				if depth == viewDepth {
					continue
				}
				for _, undo := range unescapers() {
					if u, changed := v.undo(undo); changed && !seen[string(u.text)] {
						seen[string(u.text)] = true
						next = append(next, u)
					}
				}
			}
			level = next
		}
	}
}

// unescaper reads one escape at the start of b: the bytes it stands for, and its length, which
// is 0 when there is none.
type unescaper struct {
	needs string // without this in the text there is nothing to undo
	read  func(b []byte) (plain []byte, n int)
}

func unescapers() []unescaper {
	return []unescaper{
		{needs: "%", read: readPercent},
		{needs: "+", read: readForm},
		{needs: `\`, read: readBackslash},
		{needs: "&", read: readEntity},
		{needs: `'\''`, read: readShell},
	}
}

func (v view) undo(u unescaper) (view, bool) {
	if !bytes.Contains(v.text, []byte(u.needs)) {
		return view{}, false
	}
	out := view{text: make([]byte, 0, len(v.text)), at: make([]int, 0, len(v.text)), end: v.end}
	changed := false
	for i := 0; i < len(v.text); {
		plain, n := u.read(v.text[i:])
		if n > 0 {
			changed = true
		} else {
			plain, n = v.text[i:i+1], 1
		}
		for range plain {
			out.at = append(out.at, v.origin(i))
		}
		out.text = append(out.text, plain...)
		i += n
	}
	return out, changed
}

// readPercent reads %XX.
func readPercent(b []byte) ([]byte, int) {
	if b[0] != '%' {
		return nil, 0
	}
	n, ok := hexRune(b, 1, 2)
	if !ok {
		return nil, 0
	}
	return []byte{byte(n)}, 3 //nolint:gosec // two hex digits fit a byte
}

// readForm reads an escape of a form field: %XX, or the plus sign that stands for a space.
func readForm(b []byte) ([]byte, int) {
	if b[0] == '+' {
		return []byte{' '}, 1
	}
	return readPercent(b)
}

// readBackslash reads an escape of a JSON, JavaScript or Go string.
func readBackslash(b []byte) ([]byte, int) {
	if b[0] != '\\' || len(b) < 2 {
		return nil, 0
	}
	switch c := b[1]; c {
	case 'n':
		return []byte{'\n'}, 2
	case 't':
		return []byte{'\t'}, 2
	case 'r':
		return []byte{'\r'}, 2
	case 'b':
		return []byte{'\b'}, 2
	case 'f':
		return []byte{'\f'}, 2
	case 'v':
		return []byte{'\v'}, 2
	case 'a':
		return []byte{'\a'}, 2
	case 'x':
		if n, ok := hexRune(b, 2, 2); ok {
			return []byte{byte(n)}, 4 //nolint:gosec // two hex digits fit a byte
		}
		return nil, 0
	case 'u':
		return readUnicode(b)
	case 'U':
		if n, ok := hexRune(b, 2, 8); ok {
			return utf8.AppendRune(nil, n), 10
		}
		return nil, 0
	case '"', '\'', '\\', '/', '`':
		return []byte{c}, 2
	}
	return nil, 0
}

// readUnicode reads \u with four digits, or two of them when they are a surrogate pair.
func readUnicode(b []byte) ([]byte, int) {
	hi, ok := hexRune(b, 2, 4)
	if !ok {
		return nil, 0
	}
	if utf16.IsSurrogate(hi) && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if lo, ok := hexRune(b, 8, 4); ok {
			if r := utf16.DecodeRune(hi, lo); r != utf8.RuneError {
				return utf8.AppendRune(nil, r), 12
			}
		}
	}
	return utf8.AppendRune(nil, hi), 6
}

func hexRune(b []byte, from, digits int) (rune, bool) {
	if len(b) < from+digits {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[from:from+digits]), 16, 31)
	return rune(n), err == nil
}

// The longest entity name in HTML has 32 characters, "&" and ";" included.
const maxEntity = 40

// readEntity reads an HTML character reference.
func readEntity(b []byte) ([]byte, int) {
	if b[0] != '&' {
		return nil, 0
	}
	head := string(b[:min(len(b), maxEntity)])
	end := strings.IndexByte(head, ';')
	if end < 2 {
		return nil, 0
	}
	plain := html.UnescapeString(head[:end+1])
	if plain == head[:end+1] {
		return nil, 0
	}
	return []byte(plain), end + 1
}

// readShell reads how a single-quoted shell word holds a single quote: it ends, an escaped quote
// follows, and the word goes on.
func readShell(b []byte) ([]byte, int) {
	const quote = `'\''`
	if !hasPrefix(b, quote) {
		return nil, 0
	}
	return []byte{'\''}, len(quote)
}
