package scenarios

import (
	"cmp"
	"iter"
	"path"
	"slices"
	"strings"
)

// All stands in a matrix for every provider, or for every facet that ships with passrig; after a provider's name and @,
// for all its versions.
const All = "all"

// Matrix makes the file a lab: every provider is held against every relying party. It stands in place of a target,
// accounts and steps.
type Matrix struct {
	Pos            Pos            `yaml:"-"`
	Providers      []string       `yaml:"providers" doc:"The rows: providers by name (the newest version), NAME@VERSION, NAME@all for all versions of one, or all for the newest version of each. Default: all." example:"microsoft-password-manager@all"`
	RelyingParties []RelyingParty `yaml:"relying-parties,required" doc:"The columns, in their order."`
	Drivers        []string       `yaml:"drivers" enum:"api,browser" doc:"How relying parties are driven. Each of them has a column for each driver. Default: api."`
	Facets         []string       `yaml:"facets" doc:"What is looked at in every cell, in this order: names of facets that ship with passrig, paths of scenario files (relative to this file), or all. Default: all, those that ship with passrig."`
	Jobs           Int            `yaml:"jobs" min:"1" max:"64" doc:"How many cells are played at a time. Default: 4. The flag --jobs replaces it."`
}

// RelyingParty is a column of a matrix.
type RelyingParty struct {
	Pos    Pos    `yaml:"-"`
	Name   string `yaml:"name,required" pattern:"^[A-Za-z0-9][A-Za-z0-9_.-]*$" doc:"What it is called on the command line and in results. Every one has another."`
	Title  string `yaml:"title" doc:"What it is called in reports. Default: its adapter's title."`
	Target `yaml:",inline"`

	adapter *Adapter // resolved from Target.Adapter
}

// Caption is the name for people.
func (p *RelyingParty) Caption() string {
	if p.adapter == nil {
		return cmp.Or(p.Title, p.Name)
	}
	return cmp.Or(p.Title, p.adapter.Title, p.Name)
}

// Facets lists the facets that ship with passrig, in the order in which they are asked and shown.
func Facets() []Info {
	order := []string{"signup", "login", "second-device", "roam", "flags", "algorithms", "counters", "attestation", "exclude", "deletion", "signals"}
	var list []Info
	for _, info := range Builtins() {
		if name, ok := strings.CutPrefix(info.Name, facetFolder); ok {
			info.Name = name
			list = append(list, info)
		}
	}
	rank := func(i Info) int {
		if at := slices.Index(order, i.Name); at >= 0 {
			return at
		}
		return len(order)
	}
	slices.SortStableFunc(list, func(a, b Info) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

// facetFolder is where the built-in scenarios are that ask a question of a pair.
const facetFolder = "matrix/"

// FacetPath is the path of a facet that a lab file names: the built-in one of that name, or a file beside the lab file.
func (f *File) FacetPath(name string) string {
	if isPath(name) || strings.HasPrefix(name, builtinPrefix) {
		return beside(f.Path, name)
	}
	return builtinPrefix + facetFolder + name
}

// FacetID is what a facet is called in results: its file's name.
func FacetID(file string) string {
	name := path.Base(strings.ReplaceAll(strings.TrimPrefix(file, builtinPrefix), `\`, "/"))
	return strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml")
}

// beside makes the paths in it relative to the file.
func (m *Matrix) beside(file string) {
	if m == nil {
		return
	}
	for i := range m.RelyingParties {
		if p := &m.RelyingParties[i]; p.CA != "" {
			p.CA = beside(file, p.CA)
		}
	}
}

// Column is a relying party of a lab, in place of the target of a scenario that is loaded: see [Options].
type Column struct {
	Lab   *File
	Party *RelyingParty
}

// Take puts the column in place of the file's target. What the lab's values are made from comes along: its params, and
// the variables that it may read.
func (c *Column) Take(f *File) {
	target := c.Party.Target
	target.Pos = c.Party.Pos
	f.Target, f.Adapter = &target, c.Party.adapter
	for _, name := range c.Lab.Env {
		if !slices.Contains(f.Env, name) {
			f.Env = append(f.Env, name)
		}
	}
	for name, p := range c.Lab.Params {
		if f.Params == nil {
			f.Params = make(map[string]Param)
		}
		f.Params[name] = p
	}
}

// Lacks lists the operations that the file's steps need and the target's adapter does not offer, each once and in the
// order of the steps. It is empty for a file that was not loaded for a [Column]: there they are mistakes.
func (f *File) Lacks() []string { return f.lacks }

// lack notes an operation that a step of a matrix needs and the adapter does not have, unless the step does not apply.
// It returns false outside of a matrix.
func (c *stepChecker) lack(s *Step, name string) bool {
	if c.options.Column == nil {
		return false
	}
	if c.applies(s) && !slices.Contains(c.file.lacks, name) {
		c.file.lacks = append(c.file.lacks, name)
	}
	return true
}

// applies says whether a step may run, as far as params, and what the adapter offers, tell.
func (c *stepChecker) applies(s *Step) bool {
	if s.When == nil || s.When.Relies("env", "users", "vars", "steps", "run", "loop") != Constant {
		return true
	}
	yes, err := s.When.Bool(Env{"params": c.file.paramValues(), "target": map[string]any{"operations": c.file.Adapter.Offers()}})
	return yes || err != nil
}

// Every is all steps, with those that are repeated and included.
func (f *File) Every() iter.Seq[*Step] { return every(f.Steps) }
