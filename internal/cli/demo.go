package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const (
	demoAdapter = "passrig-demo"
	smokeTag    = "smoke"
)

const demoLong = `Demo is the whole tour in one command: it starts the demo relying party on a free port of this
machine, runs the built-in smoke scenarios against it, and writes every report.`

// newDemoCommand shows what passrig does, without anything to set up.
func newDemoCommand(env *Env) *cobra.Command {
	o := &demoOptions{env: env, driver: newDriverOptions()}
	cmd := &cobra.Command{
		Use: "demo", Short: "Run the built-in scenarios against the demo relying party", Example: "  passrig demo\n  passrig demo --out /tmp/tour\n  passrig demo --driver browser",
		Long: demoLong + exits("0", "everything passed, as it should", "1", "something failed", "2", "bad flags", "3", "could not run, or a report could not be written", "130", "interrupted"),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(o.driver.validate(cmd), o.summary.validate(cmd)); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&o.out, "out", "passrig-out", "`DIR` for the reports")
	o.driver.add(cmd)
	o.summary.add(cmd)
	completeFlag(cmd, "out", offering(func() []string { return nil }, cobra.ShellCompDirectiveFilterDirs))
	return cmd
}

type demoOptions struct {
	env     *Env
	driver  *driverOptions
	out     string
	summary summaryOptions
}

func (o *demoOptions) run(ctx context.Context) error {
	if err := os.MkdirAll(o.env.path(o.out), 0o755); err != nil { //nolint:gosec // reports are as open as their folder
		return couldNot("choose another directory with --out", "cannot make the directory for the reports: %w", err)
	}
	var reports outputs
	for _, name := range []string{"json=run.json", "html=report.html", "junit=junit.xml"} {
		if err := reports.Set(name); err != nil {
			return err
		}
		last := &reports.list[len(reports.list)-1]
		last.path = filepath.Join(o.out, last.path)
	}
	if err := reports.check(o.env); err != nil {
		return err
	}
	run, err := tour(ctx, o.env, smokeScenarios(), func(cfg engine.Config) (*report.Run, error) { return o.driver.execute(ctx, o.env, cfg) })
	if err != nil {
		return err
	}
	if err := reports.write(o.env, run, o.summary); err != nil {
		return err
	}
	if err := verdict(ctx, run); err != nil {
		return err
	}
	o.env.complain("hint", fmt.Sprintf("open %s, then test your own: passrig init", filepath.Join(o.out, "report.html")))
	return nil
}

func smokeScenarios() []string {
	var names []string
	for _, info := range scenarios.Builtins() {
		if slices.Contains(info.Tags, smokeTag) {
			names = append(names, builtinPrefix+info.Name)
		}
	}
	return names
}

// tour runs scenarios against a demo relying party that is served while they run.
func tour(ctx context.Context, env *Env, names []string, run func(engine.Config) (*report.Run, error)) (result *report.Run, err error) {
	listener, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, couldNot("", "cannot listen on this machine: %w", err)
	}
	origin := localOrigin("http", listener)
	server, err := serve(listener, demorp.Config{Origins: []string{origin}, Clock: env.Now}, nil) //nolint:contextcheck // making a relying party takes no context
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop(ctx)) }()
	files, err := loadAll(names, scenarios.Options{ReadFile: env.readFile, Adapter: demoAdapter, Origin: origin})
	if err != nil {
		return nil, err
	}
	for _, file := range files { // whatever localhost means on this machine
		file.Target.ConnectTo = map[string]string{strings.TrimPrefix(origin, "http://"): listener.Addr().String()}
	}
	return run(engine.Config{
		Files: files, Tool: toolOf(env), Seed: env.Seed(), Clock: env.Now, LookupEnv: env.LookupEnv, ReadFile: env.readFile,
	})
}
