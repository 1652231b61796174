package source

import "strings"

// place is where one character stands, 1-based.
type place struct{ line, col int }

// alignment finds the place of every character of a scalar's text by reading the source along with it.
// It is nil when the two do not match, which happens only to texts that are put together by rules
// this reading does not follow; the mistake is then shown at the value's beginning.
func (n *Node) alignment() []place {
	if n.places == nil && n.Value != "" && n.Kind.Scalar() {
		n.places = newAligner(n).align([]rune(n.Value))
	}
	return n.places
}

// aligner reads a scalar's source text.
type aligner struct {
	file   *File
	style  style
	text   []rune // the current line
	line   int    // 1-based
	i      int    // index into text
	end    int    // of the text without space at its end
	indent int    // of a block scalar's lines
}

func newAligner(n *Node) *aligner {
	a := &aligner{file: n.File, style: n.style, line: n.Line, i: n.Col - 1}
	a.setText()
	if n.prefixed {
		a.skipProperties()
	}
	switch a.style {
	case singleQuoted, doubleQuoted:
		a.i++
	case literal, folded:
		a.enterBlock([]rune(n.Value))
	case plain:
	}
	return a
}

// skipProperties moves behind an anchor and a tag.
func (a *aligner) skipProperties() {
	for {
		switch {
		case a.i >= len(a.text):
			if !a.nextLine() {
				return
			}
		case a.text[a.i] == ' ' || a.text[a.i] == '\t':
			a.i++
		case a.text[a.i] == '&' || a.text[a.i] == '!':
			for a.i < len(a.text) && a.text[a.i] != ' ' {
				a.i++
			}
		default:
			return
		}
	}
}

// enterBlock moves to the first line of a block scalar, and finds its indentation from it.
func (a *aligner) enterBlock(value []rune) {
	a.nextLine()
	for strings.TrimSpace(string(a.text)) == "" && len(value) > 0 && value[0] == '\n' && a.style == folded {
		if !a.nextLine() {
			return
		}
	}
	line := a.line
	for strings.TrimSpace(a.file.Line(line)) == "" && line < len(a.file.lines) {
		line++
	}
	lead := 0
	for _, r := range value {
		if r == '\n' {
			lead = 0
			continue
		}
		if r != ' ' {
			break
		}
		lead++
	}
	text := a.file.Line(line)
	a.indent = max(len(text)-len(strings.TrimLeft(text, " "))-lead, 0)
	a.i = min(a.indent, len(a.text))
}

func (a *aligner) nextLine() bool {
	if a.line >= len(a.file.lines) {
		return false
	}
	a.line++
	a.i = 0
	a.setText()
	return true
}

func (a *aligner) setText() {
	a.text = a.file.runes(a.line)
	a.end = len(a.text)
	for a.end > 0 && (a.text[a.end-1] == ' ' || a.text[a.end-1] == '\t') {
		a.end--
	}
}

func (a *aligner) align(value []rune) []place {
	places := make([]place, 0, len(value))
	for k, want := range value {
		p, ok := a.next(want)
		if !ok {
			if strings.TrimSpace(string(value[k:])) == "" { // trailing line breaks of a block
				for range value[k:] {
					places = append(places, place{a.line, a.i + 1})
				}
				return places
			}
			return nil
		}
		places = append(places, p)
	}
	return places
}

// next is the place of the character the source must have next.
func (a *aligner) next(want rune) (place, bool) {
	for {
		if a.i >= len(a.text) || a.atFold() {
			return a.breakLine(want)
		}
		here := place{a.line, a.i + 1}
		got, n := a.decode()
		if n == 0 {
			if !a.nextLine() {
				return place{}, false
			}
			a.skipSpace()
			continue
		}
		if got != want {
			return place{}, false
		}
		a.i += n
		return here, true
	}
}

// atFold says whether only spaces are left on a line of a scalar that folds its lines.
func (a *aligner) atFold() bool {
	if a.style == literal || a.style == folded {
		return false
	}
	return a.i >= a.end
}

// breakLine goes over a line break, which stands for a space, for a line break or for nothing.
func (a *aligner) breakLine(want rune) (place, bool) {
	here := place{a.line, a.i + 1}
	if want != ' ' && want != '\n' {
		if a.style != folded || !a.nextLine() {
			return place{}, false
		}
		a.i = min(a.indent, len(a.text))
		return a.next(want)
	}
	if !a.nextLine() {
		return place{}, false
	}
	switch a.style {
	case literal, folded:
		a.i = min(a.indent, len(a.text))
	case plain, singleQuoted, doubleQuoted:
		a.skipSpace()
		// An empty line is the line break itself; what follows it begins the next line.
		if want == '\n' && a.i >= len(a.text) && a.nextLine() {
			a.skipSpace()
		}
	}
	return here, true
}

func (a *aligner) skipSpace() {
	for a.i < len(a.text) && (a.text[a.i] == ' ' || a.text[a.i] == '\t') {
		a.i++
	}
}

// decode is the character at the cursor and how many source characters stand for it; 0 when a
// backslash ends the line.
func (a *aligner) decode() (rune, int) {
	r := a.text[a.i]
	switch {
	case a.style == singleQuoted && r == '\'':
		return r, 2
	case a.style == doubleQuoted && r == '\\':
		return a.escape()
	}
	return r, 1
}

// escape decodes YAML 1.2's escapes (§5.7).
func (a *aligner) escape() (rune, int) {
	if a.i+1 >= len(a.text) {
		return 0, 0
	}
	var digits int
	switch c := a.text[a.i+1]; c {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		if k := strings.IndexRune(`0abtnvfre "/\N_LP`, c); k >= 0 {
			return []rune("\x00\a\b\t\n\v\f\r\x1b \"/\\\u0085\u00a0\u2028\u2029")[k], 2
		}
		return c, 2
	}
	var v rune
	for _, d := range a.text[min(a.i+2, len(a.text)):min(a.i+2+digits, len(a.text))] {
		v = v<<4 | hexDigit(d)
	}
	return v, 2 + digits
}

// hexDigit is the value of a hexadecimal digit; the YAML library has made sure that it is one.
func hexDigit(d rune) rune {
	if d <= '9' {
		return d - '0'
	}
	return d | 0x20 - 'a' + 10
}
