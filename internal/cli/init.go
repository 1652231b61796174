package cli

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/scenarios"
)

//go:embed starter/passkeys.yaml
var starterScenario string

//go:embed starter/adapter.yaml
var starterAdapter string

const initLong = `Init writes a first scenario, passkeys.yaml, into a directory (default: this one), and the JSON
Schemas that let an editor complete and check it, into .passrig/ there. Two lines of it are to
be edited: the adapter, and the origin of your relying party.

If no built-in adapter fits (passrig list adapters), --write-adapter NAME also writes the
beginnings of one, NAME.adapter.yaml. Files that are there already are never overwritten.

passrig init ci then writes a pipeline that runs it on every push.`

const initExample = `  passrig init
  passrig init tests/passkeys --adapter simplewebauthn --origin http://localhost:3000
  passrig init --write-adapter my-rp --origin http://localhost:3000
  passrig init ci --for github`

// newInitCommand writes a first scenario.
func newInitCommand(env *Env) *cobra.Command {
	o := &initOptions{env: env}
	cmd := &cobra.Command{
		Use: "init [DIR]", Short: "Write a first scenario to edit", Example: initExample,
		Long: initLong + exits("0", "written", "2", "bad flags, or a file is there already", "3", "a file could not be written"),
		Args: atMostDirectory, ValidArgsFunction: completeDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return o.run(append(args, ".")[0])
		},
	}
	cmd.Flags().StringVar(&o.adapter, "adapter", "", "`ADAPTER` to use, a built-in name or a path (default passrig-demo)")
	cmd.Flags().StringVar(&o.origin, "origin", "http://localhost:8080", "`ORIGIN` of your relying party")
	cmd.Flags().StringVar(&o.writeAdapter, "write-adapter", "", "also write a starter adapter of this `NAME`")
	completeFlag(cmd, "adapter", offering(adapterWords, cobra.ShellCompDirectiveDefault))
	for _, name := range []string{"origin", "write-adapter"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
	cmd.AddCommand(newInitCICommand(env))
	return cmd
}

// atMostDirectory wants a directory or nothing.
func atMostDirectory(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return exactlyOne("directory")(cmd, args)
}

func completeDirectory(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

type initOptions struct {
	env                           *Env
	adapter, origin, writeAdapter string
}

// validate refuses what would make a file with a mistake in it.
func (o *initOptions) validate(cmd *cobra.Command) error {
	switch {
	case o.writeAdapter != "" && o.adapter != "":
		return usageError(cmd, "", "--adapter and --write-adapter exclude each other")
	case o.writeAdapter != "" && !regexp.MustCompile(`^[a-z][a-z0-9-]*$`).MatchString(o.writeAdapter):
		return usageError(cmd, "such as my-rp", "--write-adapter %q: not a name of small letters, digits and hyphens", o.writeAdapter)
	case !originPattern().MatchString(o.origin):
		return usageError(cmd, "such as http://localhost:8080", "--origin %q: not scheme://host[:port]", o.origin)
	case o.adapter != "" && filepath.Ext(o.adapter) == "" && !slices.Contains(adapterNames(), o.adapter):
		return usageError(cmd, diag.Suggest(o.adapter, adapterNames()), "no built-in adapter %q", o.adapter)
	}
	return nil
}

// starter is one file that init writes.
type starter struct {
	name      string
	data      []byte
	generated bool // not made to be edited
}

func (o *initOptions) run(dir string) error {
	files, err := o.starters()
	if err != nil {
		return err
	}
	for _, f := range files {
		name := filepath.Join(dir, f.name)
		old, err := os.ReadFile(o.env.path(name))
		if same := bytes.Equal(old, f.data); err == nil && !(f.generated && same) {
			return badFile("remove it, or choose another directory: passrig init DIR", "%s is there already, and nothing was written", name)
		}
	}
	if err := os.MkdirAll(o.env.path(filepath.Join(dir, ".passrig")), 0o755); err != nil { //nolint:gosec // as open as what is beside it
		return couldNot("", "cannot make the directory: %w", err)
	}
	for _, f := range files {
		name := filepath.Join(dir, f.name)
		if err := o.env.create(name, f.data); err != nil {
			return couldNot("", "cannot write %q: %w", name, err)
		}
	}
	return o.next(dir)
}

// starters are the files to write, the one to edit first at the end.
func (o *initOptions) starters() ([]starter, error) {
	schema, err := scenarios.Schema()
	if err != nil {
		return nil, err
	}
	files := []starter{{filepath.Join(".passrig", "scenario.schema.json"), schema, true}}
	fields := map[string]string{"Adapter": o.adapter, "Origin": o.origin, "Name": o.writeAdapter}
	if o.adapter == "" {
		fields["Adapter"] = demoAdapter
	}
	if o.writeAdapter != "" {
		fields["Adapter"] = "./" + o.adapterFile()
		if schema, err = scenarios.AdapterSchema(); err != nil {
			return nil, err
		}
		adapter, err := fillIn(starterAdapter, fields)
		if err != nil {
			return nil, err
		}
		files = append(files, starter{filepath.Join(".passrig", "adapter.schema.json"), schema, true}, starter{o.adapterFile(), adapter, false})
	}
	scenario, err := fillIn(starterScenario, fields)
	return append(files, starter{"passkeys.yaml", scenario, false}), err
}

func (o *initOptions) adapterFile() string { return o.writeAdapter + ".adapter.yaml" }

// fillIn replaces [[.Field]]; the usual braces are the scenario language's.
func fillIn(text string, fields any) ([]byte, error) {
	t, err := template.New("starter").Delims("[[", "]]").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, fields)
	return b.Bytes(), err
}

// create writes a new file; what is there with the same content stays.
func (e *Env) create(name string, data []byte) error {
	f, err := os.OpenFile(e.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // the user's mask decides
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(buffered(f, func(w io.Writer) error { _, err := w.Write(data); return err }), f.Close())
}

func (o *initOptions) next(dir string) error {
	file := filepath.Join(dir, "passkeys.yaml")
	_, err := fmt.Fprintf(o.env.Stdout, "wrote %s\n", file)
	if err == nil && o.writeAdapter != "" {
		_, err = fmt.Fprintf(o.env.Stdout, "wrote %s\n", filepath.Join(dir, o.adapterFile()))
	}
	if o.adapter == "" && o.writeAdapter == "" {
		o.env.complain("hint", "it is set up for the demo relying party: start that with passrig rp in another terminal, or edit the two lines under target:")
	}
	o.env.complain("next", "passrig run "+file)
	return err
}
