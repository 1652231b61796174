package html

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/report"
)

func where(file string, line int) string {
	switch {
	case file == "":
		return ""
	case line == 0:
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

func facts(run *report.Run) []fact {
	tool := strings.TrimSpace(run.Tool.Name + " " + run.Tool.Version)
	if run.Tool.Commit != "" {
		tool += " (" + run.Tool.Commit + ")"
	}
	target := run.Subject()
	all := []fact{
		{"Relying party", target.Origin},
		{"Requests sent to", target.BaseURL},
		{"rp.id", target.RPID},
		{"Adapter", target.Adapter},
		{"Driver", run.Driver},
		{"Browser", run.Browser},
		{"Seed", strconv.FormatUint(run.Seed, 10)},
		{"Started", run.Started.UTC().Format(time.RFC3339)},
		{"Duration", report.FormatMS(run.DurationMS)},
		{"Made by", tool},
		{"Platform", strings.Trim(run.Tool.OS+"/"+run.Tool.Arch+" "+run.Tool.Go, "/ ")},
	}
	var known []fact
	for _, f := range all {
		if f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// command is a command line that makes the same run again.
func command(run *report.Run) string {
	if run.Suite != nil {
		return checkCommand(run)
	}
	if run.Matrix != nil {
		return matrixCommand(run, run.Matrix.Only)
	}
	parts := []string{"passrig", "run"}
	if run.Load != nil {
		parts[1] = "load"
	}
	seen := make(map[string]bool)
	for _, sc := range run.Scenarios {
		if sc.File != "" && !seen[sc.File] {
			seen[sc.File] = true
			parts = append(parts, quote(sc.File))
		}
	}
	if len(seen) == 0 {
		return ""
	}
	if run.Fabric != nil && run.Fabric.Study != nil {
		parts[1] = "sync"
		parts = append(parts, studyCommand(run.Fabric.Study)...)
	}
	parts = append(parts, paramFlags(run)...)
	if run.Target.Origin != "" && !slices.ContainsFunc(run.Scenarios, func(s report.Scenario) bool { return s.Target.Origin != run.Target.Origin }) {
		parts = append(parts, "--origin", quote(run.Target.Origin))
	}
	parts = append(parts, "--seed", strconv.FormatUint(run.Seed, 10))
	if run.Driver != "" {
		parts = append(parts, "--driver", quote(run.Driver))
	}
	return strings.Join(parts, " ")
}

func paramFlags(run *report.Run) []string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(run.Params)) {
		parts = append(parts, "--param", quote(name)+"="+quote(run.Params[name]))
	}
	return parts
}

// matrixCommand is empty for a matrix that was merged, which no command makes at once.
func matrixCommand(run *report.Run, only []string) string {
	m := run.Matrix
	if m.File == "" || len(run.Shards) > 0 {
		return ""
	}
	parts := append([]string{"passrig", "matrix", quote(m.File)}, paramFlags(run)...)
	for _, word := range only {
		if !slices.Contains(selectors(), word) {
			word = quote(word)
		}
		parts = append(parts, word)
	}
	return strings.Join(append(parts, "--seed", strconv.FormatUint(run.Seed, 10)), " ")
}

// selectors are the flags that choose a part of a lab.
func selectors() []string { return []string{"--provider", "--relying-party", "--facet", "--driver"} }

// cellCommand plays one cell of a matrix again, with the same seed.
func cellCommand(run *report.Run, c *report.MatrixCell) string {
	var only []string
	for flag := range slices.Chunk(run.Matrix.Only, 2) {
		if flag[0] != "--provider" && flag[0] != "--relying-party" {
			only = append(only, flag...)
		}
	}
	return matrixCommand(run, append(only, "--provider", c.Provider, "--relying-party", c.Party))
}

func checkCommand(run *report.Run) string {
	parts := []string{"passrig", "check", quote(run.Target.Adapter), "--origin", quote(run.Target.Origin)}
	s := run.Suite
	for _, f := range []fact{{"--tier", s.Tier}, {"--fail-on", s.FailOn}, {"--baseline", s.Baseline}, {"--driver", run.Driver}} {
		if f.Value != "" {
			parts = append(parts, f.Name, quote(f.Value))
		}
	}
	if s.Strict {
		parts = append(parts, "--strict")
	}
	return strings.Join(append(parts, "--seed", strconv.FormatUint(run.Seed, 10)), " ")
}

// quote makes s one word of a POSIX shell.
func quote(s string) string {
	harmless := strings.IndexFunc(s, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && !strings.ContainsRune("./_-:@", c)
	}) < 0
	if harmless && !strings.HasPrefix(s, "-") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
