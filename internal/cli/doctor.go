package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const doctorLong = `Doctor looks at what a run needs from this machine and, with --origin, at the way to the relying
party. Every line says how it is, what was seen, and what to do if it is not well. Nothing but
GET requests goes to the relying party.`

const doctorExample = `  passrig doctor
  passrig doctor --origin https://login.example.test --adapter simplewebauthn
  passrig doctor --json | jq '.[] | select(.state != "ok")'`

// newDoctorCommand looks at the surroundings of a run.
func newDoctorCommand(env *Env) *cobra.Command {
	o := &doctorOptions{env: env}
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check this machine, and the way to a relying party", Example: doctorExample,
		Long: doctorLong + exits("0", "nothing failed; there may be warnings", "2", "bad flags", "3", "something failed: a run would not work"),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&o.origin, "origin", "", "`ORIGIN` of a relying party to look at")
	cmd.Flags().StringVar(&o.adapter, "adapter", "", "`ADAPTER` to look at, a built-in name or a path")
	cmd.Flags().BoolVar(&o.json, "json", false, "write a JSON array")
	completeFlag(cmd, "origin", cobra.NoFileCompletions)
	completeFlag(cmd, "adapter", offering(adapterWords, cobra.ShellCompDirectiveDefault))
	return cmd
}

type doctorOptions struct {
	env             *Env
	origin, adapter string
	json            bool
}

func (o *doctorOptions) validate(cmd *cobra.Command) error {
	if o.origin != "" && !strings.HasPrefix(o.origin, "http://") && !strings.HasPrefix(o.origin, "https://") {
		return usageError(cmd, "such as http://localhost:8080", "--origin %q: not scheme://host[:port]", o.origin)
	}
	o.origin = strings.TrimSuffix(o.origin, "/")
	return nil
}

// The states of an examination.
const (
	stateOK   = "ok"
	stateWarn = "warn"
	stateFail = "fail"
)

// examination is one line of the doctor's.
type examination struct {
	Name     string `json:"name"`
	State    string `json:"state"`
	Evidence string `json:"evidence"`
	Fix      string `json:"fix,omitempty"`
}

func healthy(format string, args ...any) examination {
	return examination{State: stateOK, Evidence: fmt.Sprintf(format, args...)}
}

func worrying(fix, format string, args ...any) examination {
	return examination{State: stateWarn, Evidence: fmt.Sprintf(format, args...), Fix: fix}
}

func failing(fix, format string, args ...any) examination {
	return examination{State: stateFail, Evidence: fmt.Sprintf(format, args...), Fix: fix}
}

func (o *doctorOptions) run(ctx context.Context) error {
	type named struct {
		name    string
		examine func(context.Context) []examination
	}
	one := func(examine func(context.Context) examination) func(context.Context) []examination {
		return func(ctx context.Context) []examination { return []examination{examine(ctx)} }
	}
	list := []named{
		{"version", one(o.version)},
		{"directory", one(o.directory)},
		{"open files", one(openFiles)},
		{"proxy", one(o.proxy)},
		{"loopback", one(loopbackWorks)},
		{"ceremony", one(o.ceremony)},
		{"browser", one(o.browser)},
	}
	if o.adapter != "" {
		list = append(list, named{"adapter", one(o.adapterFits)})
	}
	if o.origin != "" {
		list = append(list, named{"origin", one(o.originAllowed)}, named{"connection", o.connection})
	}
	var found []examination
	for _, item := range list {
		for _, e := range item.examine(ctx) {
			if e.Name == "" {
				e.Name = item.name
			}
			found = append(found, e)
			if !o.json {
				o.show(e)
			}
		}
	}
	if o.json {
		if err := writeJSON(o.env, found); err != nil {
			return err
		}
	}
	for _, e := range found {
		if e.State == stateFail {
			return exitCode(exitCouldNot)
		}
	}
	return nil
}

// show writes a line as soon as it is known.
func (o *doctorOptions) show(e examination) {
	word := e.State
	if o.env.color(o.env.StdoutTTY) {
		word = map[string]string{stateOK: "\x1b[32m", stateWarn: "\x1b[33m", stateFail: "\x1b[31m"}[e.State] + word + "\x1b[0m"
	}
	text := fmt.Sprintf("%s%s  %-15s  %s\n", word, strings.Repeat(" ", 4-len(e.State)), e.Name, e.Evidence)
	if e.Fix != "" {
		text += strings.Repeat(" ", 6) + fmt.Sprintf("%-15s  fix: %s\n", "", e.Fix)
	}
	_, _ = fmt.Fprint(o.env.Stdout, text) // nobody to tell when standard output is gone
}
