package providers

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
)

//go:embed *.yaml
var builtin embed.FS

// Catalogue is the rows that a run knows. It does not change, and can be used by many at once.
type Catalogue struct {
	rows []*Provider // by name, and within it from the oldest version to the newest
}

// Builtin is the catalogue that comes with passrig.
func Builtin() (*Catalogue, error) {
	return (&Catalogue{}).With(builtin, "virtual/providers")
}

// With is the catalogue with the rows of the *.yaml files in fsys, which take the place of those with the
// same id. dir is what messages call the folder. The error is a [*diag.Errors] with all mistakes of all files.
func (c *Catalogue) With(fsys fs.FS, dir string) (*Catalogue, error) {
	errs := &diag.Errors{}
	table := Members()
	r := &resolver{known: c, table: table, errs: errs, done: map[string][]*Provider{}}
	for _, f := range readFolder(fsys, dir, table, errs) {
		r.add(f)
	}
	rows := r.resolve()
	if err := errs.Sorted(); err != nil {
		return nil, err
	}
	replaced := make(map[string]bool, len(rows))
	for _, p := range rows {
		replaced[p.ID()] = true
	}
	for _, p := range c.rows {
		if !replaced[p.ID()] {
			copied := *p
			rows = append(rows, &copied)
		}
	}
	slices.SortStableFunc(rows, func(a, b *Provider) int {
		if a.Name != b.Name {
			return strings.Compare(a.Name, b.Name)
		}
		return compareRows(a, b)
	})
	spell(rows)
	return &Catalogue{rows: rows}, nil
}

// compareRows orders the versions of one provider.
func compareRows(a, b *Provider) int {
	if c := compareVersions(ParseRelease("v "+a.Version).Version, ParseRelease("v "+b.Version).Version); c != 0 {
		return c
	}
	return strings.Compare(a.Version, b.Version)
}

// spell gives all rows the spelling of the names that they use.
func spell(rows []*Provider) {
	s := &spelling{names: map[string]string{}}
	for _, p := range rows {
		p.names = s
		for _, rule := range slices.Concat(p.Save, p.Use) {
			for _, want := range slices.Concat(rule.OS, rule.Client) {
				for _, name := range []string{want.Name, want.On} {
					if _, ok := s.names[strings.ToLower(name)]; !ok && name != "" && name != Any {
						s.names[strings.ToLower(name)] = name
					}
				}
			}
		}
	}
}

// All lists the rows by name, and within it from the oldest version to the newest.
func (c *Catalogue) All() []*Provider { return slices.Clone(c.rows) }

// Names lists everything that [Catalogue.Find] finds: every name, and every name with a version.
func (c *Catalogue) Names() []string {
	var names []string
	for _, p := range c.rows {
		names = append(names, p.Name, p.ID())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// UnknownError says that no row has an id.
type UnknownError struct {
	ID   string
	Hint string // near misses, or what there is
}

// Error implements error.
func (e *UnknownError) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("unknown provider %q", e.ID)
	}
	return fmt.Sprintf("unknown provider %q: %s", e.ID, e.Hint)
}

// Find returns the row with an id. A name without a version is its newest row, "" the one of [Default].
// The error is an [*UnknownError].
func (c *Catalogue) Find(id string) (*Provider, error) {
	if id == "" {
		id = Default
	}
	versions := c.Versions(id)
	if !strings.Contains(id, "@") {
		if p := newest(versions); p != nil {
			return p, nil
		}
	}
	for _, p := range versions {
		if p.ID() == id {
			return p, nil
		}
	}
	return nil, &UnknownError{ID: id, Hint: c.hint(id, versions)}
}

// Versions lists the rows of a provider, from the oldest version to the newest. A version in id does not matter.
func (c *Catalogue) Versions(id string) []*Provider {
	name, _ := splitID(id)
	return slices.DeleteFunc(c.All(), func(p *Provider) bool { return p.Name != name })
}

// newest is the newest row that assumes nothing; nil when there is none.
func newest(rows []*Provider) *Provider {
	for _, p := range slices.Backward(rows) {
		if p.Assumes == "" {
			return p
		}
	}
	return nil
}

// hint says what was probably meant by an unknown id. Versions are few, so that all of them are named.
func (c *Catalogue) hint(id string, versions []*Provider) string {
	var ids []string
	for _, p := range versions {
		ids = append(ids, p.ID())
	}
	if len(ids) > 0 {
		return "there is " + strings.Join(ids, ", ")
	}
	name, version := splitID(id)
	var names []string
	for _, p := range c.rows {
		names = append(names, p.Name)
	}
	switch near := diag.Nearest(name, names); {
	case near != "" && version != "":
		return diag.Suggest(id, append(c.Names(), near))
	case near == "":
		if called := c.called(name); len(called) > 0 {
			return "did you mean " + strings.Join(called, " or ") + "?"
		}
	}
	return diag.Suggest(name, names)
}

// called are the names of the providers that people call by a word: it is in the name or the title.
func (c *Catalogue) called(word string) []string {
	var names []string
	for _, p := range c.rows {
		if len(word) > 2 && strings.Contains(strings.ToLower(p.Name+" "+p.Title), strings.ToLower(word)) {
			names = append(names, fmt.Sprintf("%q", p.Name))
		}
	}
	return slices.Compact(names)
}
