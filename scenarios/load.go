package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	pathpkg "path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/scenarios/internal/shape"
)

// Options say how a file is loaded. The zero Options are fine for a file that needs nothing else.
type Options struct {
	// ReadFile reads a file by the name the user typed, or by that of a file which another one
	// names. Default: os.ReadFile.
	ReadFile func(name string) ([]byte, error)

	// Adapter and Origin override those of the file's target, or supply them.
	Adapter, Origin string

	// Params are values for the file's params, read as YAML scalars. They replace Param.Default.
	Params map[string]string

	// Providers are the names a provider may have. Nil: names are not checked.
	Providers []string

	// Changes are the changes of a response that tamper may name. Nil: they are not checked.
	Changes map[string]Change

	// CheckIDs are the ids of checks that a file's checks may name. Nil: they are not checked.
	CheckIDs []string

	// Partial is for looking at a file without running it: a target, origin or required param that
	// is not given is no mistake then.
	Partial bool

	// Column puts a relying party of a lab in place of the file's target. What its adapter does not offer is no mistake
	// then: see [File.Lacks]. Nil: the target is the file's own.
	Column *Column

	// WithoutPages says that the file is to be run by requests alone: what needs the relying party's pages is a
	// mistake then.
	WithoutPages bool
}

// loader reads the files of one Load.
type loader struct {
	options Options
	index   shape.Index
	errs    *diag.Errors
}

func newLoader(options Options) *loader {
	if options.ReadFile == nil {
		options.ReadFile = os.ReadFile
	}
	return &loader{options: options, index: shape.Index{}, errs: &diag.Errors{}}
}

// Load reads a scenario file, the step lists it includes and its adapter. The path may be
// builtin:NAME. The error is a *[diag.Errors] with all mistakes of all these files.
func Load(path string, options Options) (*File, error) {
	l := newLoader(options)
	f := &File{Path: path}
	root := l.read(path, kindScenario, nil)
	if root != nil {
		l.decode(f, root)
		l.checkFile(f, root)
	}
	if err := l.errs.Sorted(); err != nil {
		return nil, err
	}
	if f.Target != nil && f.Target.CA != "" {
		f.Target.CA = beside(path, f.Target.CA)
	}
	f.Load.beside(path)
	f.Matrix.beside(path)
	f.Sync.beside(path)
	return f, nil
}

// LoadAdapter reads an adapter by its built-in name or its path. The error is a *[diag.Errors].
func LoadAdapter(nameOrPath string, options Options) (*Adapter, error) {
	l := newLoader(options)
	a := l.adapter(nameOrPath, "", nil)
	if err := l.errs.Sorted(); err != nil {
		return nil, err
	}
	return a, nil
}

// StepList is a file whose steps other files include.
type StepList struct {
	Path string `yaml:"-"` // as the user typed it

	PassrigSteps Int              `yaml:"passrig-steps,required" enum:"1" doc:"Step list language version."`
	Description  string           `yaml:"description" doc:"What the steps do."`
	Params       map[string]Param `yaml:"params" names:"variable" doc:"Values that include can give by with: NAME."`
	Steps        []Step           `yaml:"steps,required" doc:"What happens, in order."`
}

// LoadSteps reads a step list on its own. Users, devices, operations and variables are those of the
// files that include it, and are not checked here. The error is a *[diag.Errors].
func LoadSteps(path string, options Options) (*StepList, error) {
	l := newLoader(options)
	list, root := l.stepList(path, nil)
	if list != nil {
		c := l.newStepChecker(nil, root)
		c.alone = true
		c.included(list, root)
	}
	if err := l.errs.Sorted(); err != nil {
		return nil, err
	}
	return list, nil
}

// The kinds of files, and the member that tells them apart.
const (
	kindScenario = "scenario"
	kindAdapter  = "adapter"
	kindSteps    = "steps"
)

func versionKey(kind string) string {
	switch kind {
	case kindAdapter:
		return "passrig-adapter"
	case kindSteps:
		return "passrig-steps"
	}
	return "passrig"
}

func article(kind string) string {
	switch kind {
	case kindAdapter:
		return "an adapter"
	case kindSteps:
		return "a step list"
	}
	return "a scenario"
}

// Kind tells from its version key what a file is: "scenario", "adapter", "steps", or "" for none of
// them. It also works for a file with mistakes.
func Kind(data []byte) string {
	m := regexp.MustCompile(`(?m)^(?:\x{feff})?["']?passrig(-adapter|-steps)?["']?[ \t]*:`).FindSubmatch(data)
	switch {
	case m == nil:
		return ""
	case len(m[1]) > 0:
		return string(m[1][1:])
	}
	return kindScenario
}

// read reads a file and its tree. It returns nil when there is nothing to go on with, which has then
// been reported: at the node that names the file, if another file does.
func (l *loader) read(path, kind string, named *source.Node) *source.Node {
	data, err := l.bytes(path)
	if err != nil {
		d := diag.Diagnostic{File: path, Message: "cannot be read: " + reason(err), Kind: diag.KindFile}
		if named != nil {
			d = named.Diagnostic(diag.KindFile, fmt.Sprintf("%q cannot be read: %s", path, reason(err)), "")
		}
		if name, ok := strings.CutPrefix(path, builtinPrefix); ok {
			d.Hint = suggestBuiltin(name)
		}
		l.errs.Add(d)
		return nil
	}
	file := source.NewFile(path, data)
	if got := Kind(data); got != "" && got != kind {
		d := file.Diagnostic(1, 1, 1, diag.KindShape, fmt.Sprintf("this is %s, not %s", article(got), article(kind)), "")
		if named != nil {
			d = named.Diagnostic(diag.KindShape, fmt.Sprintf("%q is %s, not %s", path, article(got), article(kind)), "")
		}
		l.errs.Add(d)
		return nil
	}
	root := source.Read(file, data, l.errs)
	if root != nil && root.Kind != source.Map {
		l.errs.Add(root.Diagnostic(diag.KindShape, fmt.Sprintf("expected a mapping, got %s", root.Kind), "begin with "+versionKey(kind)+": 1"))
		return nil
	}
	return root
}

func (l *loader) bytes(path string) ([]byte, error) {
	if name, ok := strings.CutPrefix(path, builtinPrefix); ok {
		data, err := builtinFiles.ReadFile("builtin/" + name + ".yaml")
		if err != nil {
			return nil, fs.ErrNotExist
		}
		return data, nil
	}
	return l.options.ReadFile(path)
}

// reason says in a few words why a file could not be read.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// besideStep is the path of a step list, relative to the file that includes it. What ships with passrig is beside what
// ships with it.
func besideStep(from, file string) string {
	name, shipped := strings.CutPrefix(from, builtinPrefix)
	if !shipped || filepath.IsAbs(file) || strings.HasPrefix(file, builtinPrefix) {
		return beside(from, file)
	}
	return builtinPrefix + strings.TrimSuffix(pathpkg.Join(pathpkg.Dir(name), file), ".yaml")
}

// beside is a path in a file, relative to that file.
func beside(from, path string) string {
	if filepath.IsAbs(path) || from == "" || from == "-" || strings.HasPrefix(path, builtinPrefix) || strings.HasPrefix(from, builtinPrefix) {
		return path
	}
	return filepath.Join(filepath.Dir(from), path)
}
