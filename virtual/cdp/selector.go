package cdp

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// part is one link of a selector.
type part struct {
	By       string  `json:"by"` // css, role, label, placeholder, text, frame, nth
	Value    string  `json:"value"`
	Name     *string `json:"name,omitempty"`     // of a role
	Contains bool    `json:"contains,omitempty"` // the name may be part of a longer one
	Exact    bool    `json:"exact,omitempty"`
	Index    int     `json:"index"`
}

// roleForm is role=button, role=button[name="Sign in"] or role=button[name*="Sign"].
var roleForm = regexp.MustCompile(`^([a-z]+)(?:\[name(\*?)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)')\])?$`)

// parseSelector reads a selector: parts with >> between them, each looked for inside the one before.
//
//	role=button[name="Sign in"]   the accessible role and name; name*= takes a part of the name
//	label=Username                the control with that label, or if none has just that, one that contains it
//	placeholder=Search            likewise
//	text=Welcome                  the innermost element with that text; "in quotes" nothing but that text
//	frame=login                   the iframe with that name, or that CSS selector matches; what follows is inside
//	nth=0                         one of several visible matches, counted from 0
//	anything else                 a CSS selector, which reaches into shadow trees (also css=…)
func parseSelector(selector string) ([]part, error) {
	if strings.TrimSpace(selector) == "" {
		return nil, errors.New("selector is empty")
	}
	var chain []part
	for text := range strings.SplitSeq(selector, ">>") {
		p, err := parsePart(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("selector %q: %w", selector, err)
		}
		chain = append(chain, p)
	}
	if last := chain[len(chain)-1]; last.By == "frame" {
		return nil, fmt.Errorf("selector %q: a frame alone is nothing to act on, add >> and what is inside", selector)
	}
	return chain, nil
}

func parsePart(text string) (part, error) {
	by, value, ok := strings.Cut(text, "=")
	value = strings.TrimSpace(value)
	if !ok {
		by = ""
	}
	switch by {
	case "role":
		return parseRole(value)
	case "label", "placeholder", "text":
		p := part{By: by, Value: value}
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			p.Value, p.Exact = value[1:n-1], true
		}
		if p.Value == "" {
			return part{}, fmt.Errorf("%s= needs a text", by)
		}
		return p, nil
	case "frame", "css":
		if value == "" {
			return part{}, fmt.Errorf("%s= needs a value", by)
		}
		return part{By: by, Value: value}, nil
	case "nth":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return part{}, fmt.Errorf("nth=%q: want a number from 0", value)
		}
		return part{By: by, Index: n}, nil
	}
	if text == "" {
		return part{}, errors.New("nothing on one side of >>")
	}
	return part{By: "css", Value: text}, nil
}

func parseRole(value string) (part, error) {
	m := roleForm.FindStringSubmatch(value)
	if m == nil {
		return part{}, fmt.Errorf("role %q: want role=button or role=button[name=\"Sign in\"]", value)
	}
	p := part{By: "role", Value: m[1]}
	if strings.Contains(value, "[") {
		name := m[4]
		if name == "" {
			name = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[3])
		}
		p.Name, p.Contains = &name, m[2] != ""
	}
	return p, nil
}
