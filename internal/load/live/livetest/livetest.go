// Package livetest reads OpenMetrics text, strictly.
package livetest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Exposition is the samples of each family, by suffix and labels: "_total{}".
type Exposition map[string]map[string]float64

const (
	metricName = `[a-zA-Z_:][a-zA-Z0-9_:]*`
	labelPair  = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*"`
)

var (
	metadata   = regexp.MustCompile(`^# (TYPE|UNIT|HELP) (` + metricName + `) (.*)$`)
	helpText   = regexp.MustCompile(`^(?:[^\\\n]|\\[\\n"])*$`)
	sampleLine = regexp.MustCompile(`^(` + metricName + `)(?:\{(` + labelPair + `(?:,` + labelPair + `)*)\})? (\S+)$`)
	pair       = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"`)
	realNumber = regexp.MustCompile(`^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$`)
)

// suffixes are those a type's samples may have; nil: there is no such type.
func suffixes(kind string) []string {
	return map[string][]string{
		"counter": {"_total", "_created"}, "gauge": {""}, "summary": {"", "_count", "_sum", "_created"}, "stateset": {""}, "info": {"_info"},
	}[kind]
}

// reader is a strict reader of OpenMetrics 1.0 text, of the types in use here.
type reader struct {
	out               Exposition
	family, kind      string
	seen              map[string]bool
	closed            map[string]bool
	unit, help, plain bool // metadata of the current family so far, and whether it has samples
}

// Read reads OpenMetrics text and refuses whatever the grammar does not have (OpenMetrics 1.0, "ABNF"), and types that
// are not in use here.
func Read(text string) (Exposition, error) {
	body, ok := strings.CutSuffix(text, "# EOF\n")
	if !ok {
		return nil, errors.New("no # EOF at the end")
	}
	r := &reader{out: Exposition{}, seen: map[string]bool{}, closed: map[string]bool{}}
	if body == "" {
		return r.out, nil
	}
	body, ok = strings.CutSuffix(body, "\n")
	if !ok {
		return nil, errors.New("the line before # EOF does not end")
	}
	for n, line := range strings.Split(body, "\n") {
		if err := r.line(line); err != nil {
			return nil, fmt.Errorf("line %d, %q: %w", n+1, line, err)
		}
	}
	return r.out, nil
}

func (r *reader) line(line string) error {
	if strings.HasPrefix(line, "#") {
		m := metadata.FindStringSubmatch(line)
		if m == nil {
			return errors.New("not metadata")
		}
		return r.describe(m[1], m[2], m[3])
	}
	m := sampleLine.FindStringSubmatch(line)
	if m == nil {
		return errors.New("not a sample")
	}
	return r.sample(m[1], m[2], m[3])
}

func (r *reader) describe(what, name, value string) error {
	if name != r.family {
		if r.closed[name] {
			return fmt.Errorf("family %s again", name)
		}
		if what != "TYPE" {
			return fmt.Errorf("family %s does not begin with its type", name)
		}
		r.closed[name] = true
		r.family, r.kind, r.unit, r.help, r.plain = name, value, false, false, false
		r.out[name] = map[string]float64{}
		if suffixes(value) == nil {
			return fmt.Errorf("no type %q", value)
		}
		return nil
	}
	if r.plain {
		return errors.New("metadata after samples")
	}
	switch what {
	case "UNIT":
		if r.unit || !strings.HasSuffix(name, "_"+value) {
			return errors.New("the unit comes twice, or is not the name's end")
		}
		r.unit = true
	case "HELP":
		if r.help || !helpText.MatchString(value) {
			return errors.New("the help comes twice, or is not escaped")
		}
		r.help = true
	default:
		return errors.New("the type comes twice")
	}
	return nil
}

func (r *reader) sample(name, labels, number string) error {
	suffix, ok := strings.CutPrefix(name, r.family)
	if r.family == "" || !ok || !slices.Contains(suffixes(r.kind), suffix) {
		return fmt.Errorf("%s is no sample of a %s %s", name, r.kind, r.family)
	}
	if !realNumber.MatchString(number) && !slices.Contains([]string{"NaN", "+Inf", "-Inf"}, number) {
		return fmt.Errorf("%q is not a number", number)
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return err
	}
	r.plain = true
	names := map[string]string{}
	for _, m := range pair.FindAllStringSubmatch(labels, -1) {
		if _, twice := names[m[1]]; twice {
			return fmt.Errorf("label %s twice", m[1])
		}
		names[m[1]] = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`).Replace(m[2])
	}
	switch {
	case r.kind == "counter" && !(value >= 0):
		return errors.New("a counter below zero")
	case r.kind == "info" && value != 1:
		return errors.New("an info is 1")
	case r.kind == "stateset" && (value != 0 && value != 1 || names[r.family] == ""):
		return errors.New("a state is 0 or 1, and has the family's name as a label")
	case r.kind == "summary" && suffix == "" && !quantile(names["quantile"]):
		return fmt.Errorf("quantile %q", names["quantile"])
	case r.kind == "summary" && suffix == "_count" && (value < 0 || value != float64(int64(value))):
		return fmt.Errorf("count %v", value)
	}
	key := suffix + "{" + labels + "}"
	if r.seen[r.family+key] {
		return errors.New("the same sample twice")
	}
	r.seen[r.family+key] = true
	r.out[r.family][key] = value
	return nil
}

func quantile(text string) bool {
	q, err := strconv.ParseFloat(text, 64)
	return err == nil && q >= 0 && q <= 1
}
