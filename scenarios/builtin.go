package scenarios

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

//go:embed all:builtin
var builtinFiles embed.FS

//go:embed all:adapters
var adapterFiles embed.FS

// builtinPrefix marks the path of a file that ships with passrig.
const builtinPrefix = "builtin:"

// Info describes a scenario or adapter that ships with passrig.
type Info struct {
	Name        string // how it is called: builtin:NAME for a scenario, NAME for an adapter
	Title       string
	Description string
	Tags        []string // of a scenario
	Tested      string   // of an adapter: what it was run against
}

// Builtins lists the scenarios that ship with passrig, by name.
func Builtins() []Info {
	return describeAll(builtinFiles, "builtin", func(n *source.Node) Info {
		info := Info{Title: n.Get("name").Text(), Description: n.Get("description").Text()}
		if tags := n.Get("tags"); tags != nil {
			for _, t := range tags.Items {
				info.Tags = append(info.Tags, t.Value)
			}
		}
		return info
	})
}

// Adapters lists the adapters that ship with passrig, by name.
func Adapters() []Info {
	return describeAll(adapterFiles, "adapters", func(n *source.Node) Info {
		return Info{Title: n.Get("title").Text(), Description: n.Get("description").Text(), Tested: n.Get("tested").Text()}
	})
}

func describeAll(files embed.FS, dir string, describe func(*source.Node) Info) []Info {
	var infos []Info
	for _, name := range embeddedNames(files, dir) {
		data, err := files.ReadFile(dir + "/" + name + ".yaml")
		if err != nil {
			continue // it was listed a moment ago, from the same memory
		}
		if Kind(data) == kindSteps {
			continue // a part of others
		}
		n := source.Read(source.NewFile(name, data), data, &diag.Errors{})
		if n == nil {
			n = &source.Node{}
		}
		info := describe(n)
		info.Name = name
		infos = append(infos, info)
	}
	return infos
}

// embeddedNames lists the YAML files in an embedded directory, and in the folders in it, without their extension.
func embeddedNames(files embed.FS, dir string) []string {
	var names []string
	err := fs.WalkDir(files, dir, func(file string, e fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(file, ".yaml"); ok && err == nil && !e.IsDir() {
			names = append(names, strings.TrimPrefix(name, dir+"/"))
		}
		return err
	})
	if err != nil {
		return nil
	}
	slices.Sort(names)
	return names
}

// suggestBuiltin says which of the scenarios that ship with passrig a name may have meant: one that is so called in a
// folder, or one that is called alike.
func suggestBuiltin(name string) string {
	var known []string
	for _, info := range Builtins() {
		if path.Base(info.Name) == name {
			return diag.Suggest(info.Name, []string{info.Name})
		}
		known = append(known, info.Name)
	}
	return diag.Suggest(name, known)
}

// isPath says whether an adapter is given by a path and not by a built-in name.
func isPath(name string) bool {
	return strings.ContainsAny(name, `/\`) || name == "-" || path.Ext(name) == ".yaml" || path.Ext(name) == ".yml"
}
