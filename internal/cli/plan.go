package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// plan is a run that ends before its first step. It finds what is wrong with any of the files, where
// a real run would find that only after the files before it have run.
func plan(ctx context.Context, cfg engine.Config) (*report.Run, error) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	cfg.Events = engine.Events{}
	run, err := engine.Run(ctx, cfg)
	if err != nil {
		return nil, badFile(hintOf(err), "%w", err)
	}
	return run, nil
}

// showPlan writes what a run would do.
func showPlan(ctx context.Context, env *Env, cfg engine.Config) error {
	run, err := plan(ctx, cfg)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i := range run.Scenarios {
		s, file := &run.Scenarios[i], cfg.Files[i]
		fmt.Fprintf(&b, "%s (%s)\n", s.Name, s.File)
		fmt.Fprintf(&b, "  %s\n", targetLine(s.Target, cfg.Seed))
		for _, line := range slices.Concat(userLines(file, cfg.Seed, s.ID), deviceLines(file)) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		for n, step := range run.StepsOf(s.ID) {
			fmt.Fprintf(&b, "  %2d. %s%s\n", n+1, step.Title, inside(&file.Steps[n]))
		}
		for _, t := range file.Thresholds {
			fmt.Fprintf(&b, "  threshold %s\n", t.Text)
		}
	}
	_, err = fmt.Fprintf(env.Stdout, "%s\ndry run: nothing was sent\n", b.String())
	return err
}

// inside counts the steps that a step consists of.
func inside(s *scenarios.Step) string {
	switch {
	case s.Include != nil:
		return fmt.Sprintf(" (%d steps)", len(s.Include.Steps))
	case s.Repeat != nil:
		return fmt.Sprintf(" (%d steps, again and again)", len(s.Repeat.Steps))
	}
	return ""
}

func userLines(file *scenarios.File, seed uint64, scenario string) []string {
	names := slices.Concat(slices.Collect(maps.Keys(file.Accounts)), slices.Collect(maps.Keys(file.Users)))
	slices.Sort(names)
	var lines []string
	for _, name := range slices.Compact(names) {
		username := engine.Username(seed, scenario, name)
		if given := file.Users[name].Username; !given.IsZero() {
			username = given.Raw()
		}
		lines = append(lines, fmt.Sprintf("user %s, as %s", name, username))
	}
	return lines
}

func deviceLines(file *scenarios.File) []string {
	var lines []string
	for _, account := range slices.Sorted(maps.Keys(file.Accounts)) {
		a := file.Accounts[account]
		for _, name := range slices.Sorted(maps.Keys(a.Devices)) {
			words := []string{"device " + account + "/" + name}
			for _, word := range []string{a.Devices[name].OS, a.Devices[name].Client, a.Provider} {
				if word != "" {
					words = append(words, word)
				}
			}
			lines = append(lines, strings.Join(words, ", "))
		}
	}
	return lines
}
