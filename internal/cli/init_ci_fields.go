package cli

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/scenarios"
)

// searchDepth is how many directories below a project's root its scenarios are looked for.
const searchDepth = 4

// firstRelease is named by pipelines that a passrig writes which is no release itself.
const firstRelease = "v0.1.0"

// pipelineFields are what the templates of pipelines are filled with.
type pipelineFields struct {
	Scenarios       []string // as they are named at the project's root
	Adapter, Origin string   // may be empty: the scenarios have their own
	Start           string   // the command that starts the relying party; may be empty
	Version, Image  string   // of the action, and of the container image
}

func (o *initCIOptions) fields(dir string) (pipelineFields, error) {
	f := pipelineFields{Version: releaseOf(toolOf(o.env).Version), Start: o.start}
	f.Image = strings.TrimPrefix(f.Version, "v")
	files, err := o.files(dir)
	if err != nil {
		return f, err
	}
	var adapters, origins []string
	for _, file := range files {
		name, err := o.inProject(dir, file.Path)
		if err != nil {
			return f, err
		}
		f.Scenarios = append(f.Scenarios, name)
		adapter, origin := targetOf(file)
		adapters, origins = append(adapters, adapter), append(origins, origin)
	}
	f.Adapter, f.Origin = o.adapter, o.origin
	if f.Adapter == "" {
		f.Adapter = agreed(adapters)
	}
	if f.Origin == "" {
		f.Origin = agreed(origins)
	}
	if f.Start == "" && f.Adapter == demoAdapter && local(f.Origin) {
		f.Start = demoStart(f.Origin)
	}
	if f.Start != "" && f.Origin == "" {
		return f, badFile("add --origin", "the scenarios do not agree on an origin, so nobody could tell when the relying party has started")
	}
	return f, nil
}

// files are the scenarios that the pipeline runs.
func (o *initCIOptions) files(dir string) ([]*scenarios.File, error) {
	paths, err := o.env.expand(o.scenarios, kindScenario)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		if paths, err = o.search(dir); err != nil {
			return nil, badFile("", "cannot look for scenarios: %w", err)
		}
	}
	known, err := (&providerOptions{}).read(o.env)
	if err != nil {
		return nil, err
	}
	options := loading(o.env, known)
	options.Adapter, options.Partial = o.adapterFor(dir), true
	problems := &diag.Errors{}
	var files []*scenarios.File
	for _, path := range paths {
		file, err := scenarios.Load(path, options)
		if err := collect(problems, err); err != nil {
			return nil, err
		}
		if err == nil && (len(file.Steps) == 0 || file.Load != nil) {
			o.env.complain("note", fmt.Sprintf("left out %s, which passrig run does not play: see passrig help", path))
			continue
		}
		files = append(files, file)
	}
	if err := problems.Sorted(); err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, badFile("passrig init writes a first one; name others with --scenario", "no scenario to run in %q", dir)
	}
	return files, nil
}

// adapterFor is the adapter of --adapter, a path of which starts at the project.
func (o *initCIOptions) adapterFor(dir string) string {
	if filepath.Ext(o.adapter) == "" || filepath.IsAbs(o.adapter) {
		return o.adapter
	}
	return "." + string(filepath.Separator) + filepath.Join(dir, o.adapter)
}

// search finds the scenarios of a project. What starts with a dot, and what others have written, is not looked at.
func (o *initCIOptions) search(dir string) ([]string, error) {
	var found []string
	root := os.DirFS(o.env.path(dir))
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			foreign := strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"node_modules", "vendor", "testdata"}, d.Name())
			if path != "." && (foreign || strings.Count(path, "/") >= searchDepth) {
				return fs.SkipDir
			}
			return nil
		}
		if ext := filepath.Ext(path); !d.Type().IsRegular() || ext != ".yaml" && ext != ".yml" {
			return nil
		}
		data, err := fs.ReadFile(root, path)
		if err == nil && scenarios.Kind(data) == kindScenario {
			found = append(found, filepath.Join(dir, filepath.FromSlash(path)))
		}
		return err
	})
	return found, err
}

// inProject is a scenario's name at the project's root.
func (o *initCIOptions) inProject(dir, path string) (string, error) {
	if strings.HasPrefix(path, builtinPrefix) {
		return path, nil
	}
	root, err := filepath.Abs(o.env.path(dir))
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(o.env.path(path))
	if err != nil {
		return "", err
	}
	within, err := filepath.Rel(root, file)
	if err != nil || !filepath.IsLocal(within) {
		return "", badFile("DIR is the project's root", "%q is not in %q", path, dir)
	}
	if within = filepath.ToSlash(within); !plainPath(within) {
		return "", badFile("rename it", "%q: only letters, digits and ._/:@+- can stand in a pipeline", path)
	}
	return within, nil
}

// targetOf is the built-in adapter and the origin that a scenario names, as far as they can be told before it runs.
func targetOf(file *scenarios.File) (adapter, origin string) {
	if file.Adapter != nil {
		origin = file.Adapter.Origin
		if strings.HasPrefix(file.Adapter.Path, builtinPrefix) {
			adapter = file.Adapter.Name
		}
	}
	if file.Target != nil && !file.Target.Origin.IsZero() {
		origin = file.Target.Origin.Raw()
	}
	if !originPattern().MatchString(origin) {
		origin = "" // none, or an expression
	}
	return adapter, origin
}

// agreed is the value that all have, or empty.
func agreed(values []string) string {
	if len(slices.Compact(slices.Clone(values))) == 1 {
		return values[0]
	}
	return ""
}

// demoStart is the command that serves the demo relying party at an origin on this machine.
func demoStart(origin string) string {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return ""
	}
	return "passrig rp --listen 127.0.0.1:" + u.Port() + " --quiet"
}

// releaseOf is the release that a version is, or the first one.
func releaseOf(version string) string {
	if regexp.MustCompile(`^v\d+\.\d+\.\d+$`).MatchString(version) {
		return version
	}
	return firstRelease
}
