package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// place is a byte of a file as people find it: line and column from 1, the column in characters.
func place(data []byte, offset int64) string {
	before := data[:max(0, min(offset, int64(len(data))))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// free are the members below which stands what others made, in which a name may well occur twice.
func free(name string) bool {
	switch name {
	case "options", "clientData", "authenticatorData", "attestation", "response", "seen":
		return true
	}
	return false
}

// level is an object or array that a walk is in.
type level struct {
	names map[string]bool // of an object, so far; nil of an array
	named bool            // the name of the next value has been read
	name  string          // of the member that the walk is at
	index int             // of the element that it is at
	free  bool
}

// walk goes through JSON that is known to be valid.
type walk struct {
	data   []byte
	at     int
	levels []level
}

// member is the path of the member that a byte of valid JSON belongs to, as "steps[3].verdict", and where its value begins.
func member(data []byte, offset int64) (path string, start int64) {
	w := walk{data: data}
	for w.at < len(data) && int64(w.at) < offset {
		switch data[w.at] {
		case ':', ',', '[':
			start = int64(w.at) + 1
		}
		w.next()
	}
	for start < int64(len(data)) && bytes.IndexByte([]byte(" \t\r\n"), data[start]) >= 0 {
		start++
	}
	return w.path(), start
}

// twice returns where a name occurs a second time in one object of valid JSON, and its path. The offset is -1 when none does.
func twice(data []byte) (offset int, path string) {
	w := walk{data: data}
	for w.at < len(data) {
		start := w.at
		if !w.next() {
			return start, w.path()
		}
	}
	return -1, ""
}

// next takes one token. It is false when that is a name which its object has already.
func (w *walk) next() bool {
	here := len(w.levels) - 1
	switch c := w.data[w.at]; c {
	case '{', '[':
		l := level{free: here >= 0 && (w.levels[here].free || free(w.levels[here].name))}
		if c == '{' {
			l.names = map[string]bool{}
		}
		w.levels = append(w.levels, l)
	case '}', ']':
		w.levels = w.levels[:here]
	case ',':
		w.levels[here].index++
		w.levels[here].named = false
	case '"':
		return w.text()
	}
	w.at++
	return true
}

// text takes a string: a name, if its object waits for one.
func (w *walk) text() bool {
	start := w.at
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	if here := len(w.levels) - 1; here >= 0 && w.levels[here].names != nil && !w.levels[here].named {
		return w.levels[here].next(w.data[start:w.at])
	}
	return true
}

// next takes the name of a member, in quotes. It is false when the object has one already.
func (l *level) next(quoted []byte) bool {
	name := string(quoted[1 : len(quoted)-1])
	if strings.Contains(name, `\`) {
		_ = json.Unmarshal(quoted, &name) // cannot fail, as it is valid
	}
	known := l.names[name]
	l.names[name], l.name, l.named = true, name, true
	return !known || l.free
}

func (w *walk) path() string {
	var b strings.Builder
	for i, l := range w.levels {
		switch {
		case l.names == nil:
			b.WriteString("[" + strconv.Itoa(l.index) + "]")
		case l.named:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(OneLine(Shorten(l.name, 60)))
		}
	}
	return b.String()
}
