package cdp

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// Line is one thing that a page let be seen beside its content.
type Line struct {
	// Kind is "console", "error" (an exception nobody caught), "browser" (what Chrome itself logs,
	// failed requests among it) or "dialog".
	Kind string `json:"kind"`
	// Level is the console's: "log", "warning", "error", …
	Level string `json:"level,omitempty"`
	Text  string `json:"text"`
}

const (
	journalLines = 100
	journalText  = 2000 // bytes of a line
)

// journal keeps the newest lines of a page.
type journal struct {
	mu    sync.Mutex
	lines []Line
}

func (j *journal) add(l Line) {
	if len(l.Text) > journalText {
		l.Text = strings.ToValidUTF8(l.Text[:journalText], "") + "…"
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.lines) == journalLines {
		j.lines = slices.Delete(j.lines, 0, 1)
	}
	j.lines = append(j.lines, l)
}

func (j *journal) all() []Line {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func (j *journal) hear(e event) {
	switch e.method {
	case "Runtime.consoleAPICalled":
		v, _ := read[struct {
			Type string `json:"type"`
			Args []struct {
				Value       json.RawMessage `json:"value"`
				Description string          `json:"description"`
			} `json:"args"`
		}](e)
		var parts []string
		for _, arg := range v.Args {
			text := arg.Description
			var s string
			switch {
			case text != "" || arg.Value == nil:
			case json.Unmarshal(arg.Value, &s) == nil:
				text = s
			default:
				text = string(arg.Value)
			}
			parts = append(parts, text)
		}
		j.add(Line{"console", v.Type, strings.Join(parts, " ")})
	case "Runtime.exceptionThrown":
		v, _ := read[struct {
			Details exceptionDetails `json:"exceptionDetails"`
		}](e)
		j.add(Line{"error", "error", v.Details.text()})
	case "Log.entryAdded":
		v, _ := read[struct {
			Entry struct {
				Level string `json:"level"`
				Text  string `json:"text"`
				URL   string `json:"url"`
			} `json:"entry"`
		}](e)
		text := v.Entry.Text
		if v.Entry.URL != "" {
			text += " (" + v.Entry.URL + ")"
		}
		j.add(Line{"browser", v.Entry.Level, text})
	}
}
