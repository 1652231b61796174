// Package tap writes a run as TAP, the Test Anything Protocol, for CI systems and scripts that consume it.
//
// It is version 14 (https://testanything.org/tap-version-14-specification.html) without subtests: a test point for each
// step, check, threshold and facet of a matrix' cell, with a YAML block of what there is to say. TAP knows only ok and not
// ok, so what could not be told is not ok with a comment "could not tell". A failure that does not fail the run has TAP's
// directive "TODO", by which a consumer does not count a test point as a failure.
package tap

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// longest is how many bytes of one text are shown.
const longest = 4 << 10

// Write writes the run. One that was aborted ends with "Bail out!", which makes consumers fail it whatever else they saw.
// A run that is worth less than its points tell, as nothing was judged, has one more that is not ok.
func Write(w io.Writer, run *report.Run) error {
	out := bufio.NewWriter(w) // keeps the first error for Flush
	results := run.Results()
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	line("TAP version 14")
	line("1..%d", len(results))
	line("# %s", comment(about(run)))
	for i := range results {
		point(line, i+1, &results[i])
	}
	for _, caveat := range run.Caveats() {
		line("# note: %s", comment(caveat))
	}
	if run.Matrix != nil {
		for _, i := range run.Matrix.Incompatibilities() {
			line("# matrix, %s: %s", i.Verdict.Words(), comment(i.Sentence))
		}
	}
	head, _ := run.Headline()
	line("# %s", comment(head))
	if run.Aborted != "" {
		line("Bail out! %s", described(run.Aborted))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write TAP report: %w", err)
	}
	return nil
}

func about(run *report.Run) string {
	parts := []string{strings.TrimSpace(run.Tool.Name + " " + run.Tool.Version)}
	for _, s := range []string{run.Driver, run.Subject().Origin, run.Subject().Adapter} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(append(parts, "seed "+strconv.FormatUint(run.Seed, 10)), ", ")
}

func point(line func(string, ...any), n int, r *report.Result) {
	status, directive := "ok", ""
	switch r.Verdict {
	case report.VerdictFail, report.VerdictError:
		status = "not ok"
	case report.VerdictSkip:
		directive = " # SKIP " + described(orElse(r.Message, r.Words()))
	case report.VerdictPass, report.VerdictWarn, report.VerdictInfo:
	default: // of a newer version, perhaps
		status = "not ok"
	}
	if r.Verdict == report.VerdictFail && r.Tolerated != "" {
		directive = " # TODO tolerated: " + described(r.Tolerated)
	}
	line("%s %d - %s%s", status, n, orElse(described(r.Name()), r.Kind), strings.TrimRight(directive, " "))
	line("  ---")
	for _, f := range []struct{ key, value string }{
		{"kind", r.Kind},
		{"verdict", string(r.Verdict)},
		{"severity", r.Severity},
		{"message", r.Message},
		{"expected", r.Expected},
		{"actual", r.Actual},
		{"hint", r.Hint},
		{"basis", strings.Join(r.Basis, "; ")},
		{"at", r.Where()},
	} {
		if f.value != "" {
			line("  %s: %s", f.key, scalar(f.value))
		}
	}
	line("  duration_ms: %s", strconv.FormatFloat(max(r.DurationMS, 0), 'f', 3, 64))
	line("  ...")
	if r.Verdict == report.VerdictError {
		line("# could not tell: %s", comment(orElse(r.Message, r.Name())))
	}
}

// described is text on the line of a test point, where # would begin a directive.
func described(s string) string {
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(comment(s))
}

func comment(s string) string { return strings.TrimSpace(report.OneLine(report.Shorten(s, longest))) }

// scalar is a double-quoted scalar of YAML 1.2 §7.3.1, all of whose escapes Go's are among.
func scalar(s string) string {
	return strconv.Quote(strings.ToValidUTF8(report.Shorten(s, longest), "\uFFFD"))
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
