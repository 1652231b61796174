package sarif

import (
	"cmp"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// severity is how bad the failure of a check is, in the format's words.
type severity struct {
	level string
	score string // from 0.1 to 10.0: above 9.0 code scanning says critical, from 7.0 high, from 4.0 medium
}

func severityOf(name string) severity {
	s, ok := map[string]severity{
		"critical": {levelError, "9.5"},
		"high":     {levelError, "8.0"},
		"medium":   {levelWarning, "5.5"},
		"low":      {levelNote, "2.5"},
		"info":     {levelNote, ""},
	}[name]
	if !ok {
		return severity{level: levelError}
	}
	return s
}

// ruleOf describes what a result is judged by. Steps share one rule, and so do thresholds and each facet of a matrix.
func (b *builder) ruleOf(r *report.Result) descriptor {
	switch r.Kind {
	case report.ResultCheck:
		return checkRule(r)
	case report.ResultCell:
		return b.facetRule(r)
	case report.ResultThreshold:
		return descriptor{
			ID: r.Kind, Short: text{"What was measured keeps a threshold"},
			Help:          &text{"A scenario sets limits to what is measured, such as login.total.p95 < 300ms."},
			Configuration: &configuration{levelError}, Properties: &descriptorProperties{Tags: []string{"passkeys", "performance"}, Problem: levelError},
		}
	}
	return descriptor{
		ID: r.Kind, Short: text{"A step of a scenario ends as it should"},
		Help:          &text{"A scenario says what has to happen at each of its steps. This one did not end so, or not without a remark."},
		Configuration: &configuration{levelError}, Properties: &descriptorProperties{Tags: []string{"passkeys"}, Problem: levelError},
	}
}

// facetRule is that of a facet, "matrix.login", and of columns of which nothing could be told "matrix".
func (b *builder) facetRule(r *report.Result) descriptor {
	d := descriptor{
		ID: "matrix", Short: text{"A relying party can be held against passkey providers"}, Help: &text{"Whether it works with them could not be told."},
		Configuration: &configuration{levelError}, Properties: &descriptorProperties{Tags: []string{"passkeys", "compatibility"}, Problem: levelError},
	}
	if r.Facet == "" {
		return d
	}
	d.ID += "." + r.Facet
	d.Short, d.Help = text{brief(report.FacetName(r.Facet))}, &text{"A scenario that every provider plays at every relying party."}
	if b.run.Matrix == nil {
		return d
	}
	if f := b.run.Matrix.Facet(r.Facet); f != nil {
		d.Short = text{brief(cmp.Or(f.Title, report.FacetName(r.Facet)))}
		d.Help = &text{plain(cut(cmp.Or(f.Description, d.Help.Text)))}
	}
	return d
}

func checkRule(r *report.Result) descriptor {
	how := severityOf(r.Severity)
	help := []string{cmp.Or(r.Title, r.ID)}
	for _, l := range []struct{ label, value string }{{"Ceremony", r.Group}, {"Severity", r.Severity}, {"Basis", strings.Join(r.Basis, "; ")}} {
		if l.value != "" {
			help = append(help, l.label+": "+l.value)
		}
	}
	help = append(help, "More: passrig explain "+r.ID)
	p := descriptorProperties{Tags: []string{"passkeys", "security"}, Severity: how.score}
	if r.Group != "" && !slices.Contains(p.Tags, r.Group) {
		p.Tags = append(p.Tags, r.Group)
	}
	return descriptor{
		ID: r.ID, Short: text{brief(cmp.Or(r.Title, r.ID, "a check"))}, Help: &text{plain(cut(strings.Join(help, "\n")))},
		Configuration: &configuration{how.level}, Properties: &p,
	}
}

// rule is the index of the rule with that id, which is added if it is new.
func (b *builder) rule(d descriptor) int {
	d.ID = cmp.Or(clean(d.ID), "check")
	i, known := b.rules[d.ID]
	if !known {
		rules := &b.out.Tool.Driver.Rules
		i = len(*rules)
		b.rules[d.ID], *rules = i, append(*rules, d)
	}
	return i
}

// condition is something that a reader has to know besides the results: an index of conditions.
type condition int

const (
	conditionRun condition = iota
	conditionUntold
)

type conditionText struct{ id, level, means string }

func conditions() []conditionText {
	return []conditionText{
		conditionRun:    {"run-in-doubt", levelError, "The results are not all there is to know: the run is partial, judged nothing, or cannot be relied on"},
		conditionUntold: {"could-not-tell", levelWarning, "Whether something works could not be told: neither a pass nor a failure"},
	}
}
