package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/providers"
)

const (
	builtinPrefix = "builtin:"
	kindScenario  = "scenario"
	kindAdapter   = "adapter"
	kindSteps     = "steps"
	kindProvider  = "provider"
)

// expand replaces every directory by the files of the wanted kinds in it, sorted by name, and a directory of built-in
// scenarios, builtin:NAME/, by those.
func (e *Env) expand(args []string, kinds ...string) ([]string, error) {
	var files []string
	for _, arg := range args {
		if within := builtinsIn(arg); len(within) > 0 && slices.Contains(kinds, kindScenario) {
			files = append(files, within...)
			continue
		}
		info, err := os.Stat(e.path(arg))
		if arg == "-" || err != nil || !info.IsDir() {
			files = append(files, arg) // whether it can be read is the loader's to say
			continue
		}
		found, err := e.inDirectory(arg, kinds)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, badFile("files in folders below it are not looked at", "no %s in directory %q", strings.Join(kinds, " or "), arg)
		}
		files = append(files, found...)
	}
	return files, nil
}

// builtinsIn are the built-in scenarios of a directory such as builtin:sync/.
func builtinsIn(arg string) []string {
	dir, ok := strings.CutPrefix(arg, builtinPrefix)
	if !ok || !strings.HasSuffix(dir, "/") {
		return nil
	}
	var names []string
	for _, info := range scenarios.Builtins() {
		if strings.HasPrefix(info.Name, dir) {
			names = append(names, builtinPrefix+info.Name)
		}
	}
	return names
}

func (e *Env) inDirectory(dir string, kinds []string) ([]string, error) {
	entries, err := os.ReadDir(e.path(dir))
	if err != nil {
		return nil, badFile("", "cannot read directory %q: %w", dir, err)
	}
	var files []string
	for _, entry := range entries { // ReadDir sorts
		name := filepath.Join(dir, entry.Name())
		if ext := filepath.Ext(name); entry.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		data, err := e.readFile(name)
		if err != nil {
			return nil, badFile("", "cannot read %q: %w", name, err)
		}
		if slices.Contains(kinds, scenarios.Kind(data)) {
			files = append(files, name)
		}
	}
	return files, nil
}

// targetOptions are the flags that say what a scenario runs against.
type targetOptions struct {
	adapter, origin string
	params          pairs
	providers       providerOptions
}

func (t *targetOptions) add(cmd *cobra.Command) {
	t.params = pairs{}
	cmd.Flags().StringVar(&t.adapter, "adapter", "", "use this `ADAPTER`, a built-in name or a path, instead of the file's")
	cmd.Flags().StringVar(&t.origin, "origin", "", "`ORIGIN` of the relying party, scheme://host[:port], instead of the file's")
	cmd.Flags().Var(t.params, "param", "value for one of the file's params; can be repeated")
	completeFlag(cmd, "adapter", offering(adapterWords, cobra.ShellCompDirectiveDefault))
	completeFlag(cmd, "origin", cobra.NoFileCompletions)
	completeFlag(cmd, "param", cobra.NoFileCompletions)
	t.providers.add(cmd)
}

// load is how the files are loaded. The error is a mistake in a provider file.
func (t *targetOptions) load(env *Env) (scenarios.Options, error) {
	known, err := t.providers.read(env)
	if err != nil {
		return scenarios.Options{}, err
	}
	options := loading(env, known)
	options.Adapter, options.Origin, options.Params = t.adapter, t.origin, t.params
	return options, nil
}

// loading is how files are loaded: with all names that they can use.
func loading(env *Env, known *providers.Catalogue) scenarios.Options {
	return scenarios.Options{ReadFile: env.readFile, Providers: known.Names(), Changes: changes(), CheckIDs: checkIDs()}
}

// loadAll loads scenarios. The error holds the mistakes of all of them.
func loadAll(paths []string, options scenarios.Options) ([]*scenarios.File, error) {
	var files []*scenarios.File
	problems := &diag.Errors{}
	given, used := options.Params, map[string]bool{}
	for _, path := range paths {
		if len(paths) > 1 {
			options.Params = declaredParams(path, options, given)
		}
		for name := range options.Params {
			used[name] = true
		}
		file, err := scenarios.Load(path, options)
		if err := collect(problems, err); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !used[name] {
			problems.Add(diag.Diagnostic{File: "--param", Message: fmt.Sprintf("unknown param %q", name), Hint: "none of the files declares it", Kind: diag.KindMeaning})
		}
	}
	return files, problems.Sorted()
}

// declaredParams are the given params that a file declares: of several files, each takes its own.
func declaredParams(path string, options scenarios.Options, given map[string]string) map[string]string {
	options.Params, options.Partial = nil, true
	file, err := scenarios.Load(path, options)
	if err != nil {
		return nil // it is loaded once more, and then its mistakes are told
	}
	mine := map[string]string{}
	for name, value := range given {
		if _, ok := file.Params[name]; ok {
			mine[name] = value
		}
	}
	return mine
}

// collect moves the mistakes in err to all, and returns an err that is something else.
func collect(all *diag.Errors, err error) error {
	found := diag.From(err)
	if found == nil {
		return err
	}
	for _, d := range found.List {
		all.Add(d)
	}
	return nil
}

// scenarioWords completes FILE arguments: YAML files, directories and built-in scenarios.
func scenarioWords(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	if strings.HasPrefix(builtinPrefix, typed) || strings.HasPrefix(typed, builtinPrefix) {
		var words []string
		for _, info := range scenarios.Builtins() {
			words = append(words, described(builtinPrefix+info.Name, info.Title))
		}
		if typed != "" {
			return words, cobra.ShellCompDirectiveNoFileComp
		}
		return words, cobra.ShellCompDirectiveDefault
	}
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

func adapterWords() []string {
	var words []string
	for _, info := range scenarios.Adapters() {
		words = append(words, described(info.Name, info.Title))
	}
	return words
}

func adapterNames() []string {
	var names []string
	for _, info := range scenarios.Adapters() {
		names = append(names, info.Name)
	}
	return names
}
