package github

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// Level says how an annotation looks.
type Level string

// The levels of annotations.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
)

// Limits of annotations. GitHub drops without a word what is beyond them.
const (
	mostOfLevel    = 10
	longestTitle   = 200     // bytes
	longestMessage = 4 << 10 // bytes, before they are escaped
)

// Annotation is a remark that GitHub shows, at a line of a file if it has one.
type Annotation struct {
	Level     Level
	File      string // from the repository's root; empty for none
	Line, Col int    // from 1; 0 is unknown
	Title     string // one line
	Message   string // lines
}

// Annotations are what a run has to say: an error for every failure, and a warning for what could not be told and for
// every warning of the run, the errors first; of a matrix one for each cause. Their files are as they are in the run.
func Annotations(run *report.Run) []Annotation {
	var list []Annotation
	results := run.Findings()
	for _, of := range []struct {
		level   Level
		verdict report.Verdict
	}{{LevelError, report.VerdictFail}, {LevelWarning, report.VerdictError}, {LevelWarning, report.VerdictWarn}} {
		for i := range results {
			if r := &results[i]; r.Verdict == of.verdict && r.Tolerated == "" {
				list = append(list, annotate(of.level, r))
			}
		}
	}
	return list
}

// WriteAnnotations writes annotations as workflow commands, for the standard output or error of a step. When there are
// more than ten of a level, the tenth says how many are not shown.
func WriteAnnotations(w io.Writer, list []Annotation) error {
	out := bufio.NewWriter(w) // keeps the first error for Flush
	for _, level := range []Level{LevelError, LevelWarning} {
		var these []Annotation
		for _, a := range list {
			if a.Level == level {
				these = append(these, a)
			}
		}
		if more := len(these) - mostOfLevel + 1; more > 1 {
			these = append(these[:mostOfLevel-1:mostOfLevel-1], Annotation{Level: level, Title: "passrig", Message: fmt.Sprintf("%d more are in what this step wrote", more)})
		}
		for _, a := range these {
			_, _ = out.WriteString(a.command())
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write GitHub annotations: %w", err)
	}
	return nil
}

func annotate(level Level, r *report.Result) Annotation {
	var text []string
	for _, part := range []struct{ label, text string }{
		{"", r.Message},
		{"expected: ", r.Expected},
		{"actual: ", r.Actual},
		{"hint: ", r.Hint},
		{"basis: ", strings.Join(r.Basis, "; ")},
	} {
		if part.text != "" {
			text = append(text, part.label+part.text)
		}
	}
	message := strings.Join(text, "\n")
	if message == "" {
		message = r.Verdict.Words()
	}
	return Annotation{Level: level, File: r.File, Line: r.Line, Title: r.Verdict.Words() + ": " + r.Name(), Message: message}
}

// command is the line that makes GitHub show the annotation.
func (a *Annotation) command() string {
	var properties []string
	add := func(name, value string) {
		if value != "" {
			properties = append(properties, name+"="+property(value))
		}
	}
	add("file", a.File)
	if a.File != "" && a.Line > 0 {
		add("line", strconv.Itoa(a.Line))
		if a.Col > 0 {
			add("col", strconv.Itoa(a.Col))
		}
	}
	add("title", report.Shorten(a.Title, longestTitle))
	return "::" + string(a.Level) + " " + strings.Join(properties, ",") + "::" + data(report.Shorten(a.Message, longestMessage)) + "\n"
}

// data escapes what follows the second pair of colons.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(report.Visible(s))
}

// property escapes a value before them.
func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(report.OneLine(s)))
}
