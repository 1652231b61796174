package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/providers"
)

// resolveRows finds the providers that the lab names.
func (l *Lab) resolveRows() error {
	named := l.cfg.File.Matrix.Providers
	if len(named) == 0 {
		named = []string{scenarios.All}
	}
	taken := make(map[string]bool)
	for _, name := range named {
		rows, err := l.rows(name)
		if err != nil {
			return err
		}
		for _, p := range rows {
			if !taken[p.ID()] {
				taken[p.ID()] = true
				l.Providers = append(l.Providers, Row{Provider: p, Homes: p.Homes()})
			}
		}
	}
	var err error
	l.Providers, err = pick("provider", l.Providers, l.cfg.Only.Providers, func(r Row) []string { return []string{r.ID(), r.Name} })
	return err
}

// rows are the rows of the catalogue that a name stands for.
func (l *Lab) rows(name string) ([]*providers.Provider, error) {
	known := l.cfg.Providers
	if base, ok := strings.CutSuffix(name, "@"+scenarios.All); ok {
		return known.Versions(base), nil
	}
	if name != scenarios.All {
		p, err := known.Find(name)
		return []*providers.Provider{p}, err
	}
	var rows []*providers.Provider
	for _, p := range known.All() {
		newest, err := known.Find(p.Name)
		if err == nil && newest == p { // one whose rows all rest on an assumption has no newest
			rows = append(rows, p)
		}
	}
	return rows, nil
}

// Devices are those that play the provider, as people name them.
func (r *Row) Devices() []string {
	var list []string
	for _, home := range r.Homes {
		words := slices.DeleteFunc([]string{home.OS.Text, home.Client.Text}, func(s string) bool { return s == "" })
		if text := strings.Join(words, ", "); text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// resolveFacets finds the facets that the lab names, and which params they have.
func (l *Lab) resolveFacets() error {
	named := l.cfg.File.Matrix.Facets
	if len(named) == 0 {
		named = []string{scenarios.All}
	}
	options := l.cfg.Loading
	options.Partial = true
	var read [][]byte // the files of a facet
	options.ReadFile = func(path string) ([]byte, error) {
		text, err := l.cfg.Loading.ReadFile(path)
		read = append(read, text)
		return text, err
	}
	problems := &diag.Errors{}
	for _, name := range named {
		paths := []string{l.cfg.File.FacetPath(name)}
		if name == scenarios.All {
			paths = nil
			for _, info := range scenarios.Facets() {
				paths = append(paths, l.cfg.File.FacetPath(info.Name))
			}
		}
		for _, path := range paths {
			read = nil
			file, err := scenarios.Load(path, options)
			if found := diag.From(err); found != nil {
				problems.List = append(problems.List, found.List...)
				continue
			}
			l.Facets = append(l.Facets, Facet{
				ID: scenarios.FacetID(path), Path: path, Title: file.Name, Description: file.Description, params: file.Params, read: read,
			})
		}
	}
	if err := problems.Sorted(); err != nil {
		return err
	}
	var err error
	l.Facets, err = pick("facet", l.Facets, l.cfg.Only.Facets, func(f Facet) []string { return []string{f.ID} })
	if err != nil {
		return err
	}
	return l.sameParams()
}

// sameParams refuses params of the lab that a facet has, too: each would be taken for the other.
func (l *Lab) sameParams() error {
	for _, f := range l.Facets {
		for _, name := range slices.Sorted(maps.Keys(l.cfg.File.Params)) {
			if _, both := f.params[name]; both {
				return advise("give the lab's another name", "%s: the facet %s has a param %q, too", l.cfg.File.Path, f.ID, name)
			}
		}
	}
	return nil
}

// resolveColumns finds out where each relying party is.
func (l *Lab) resolveColumns() error {
	m := l.cfg.File.Matrix
	drivers := m.Drivers
	if len(l.cfg.Only.Drivers) > 0 {
		drivers = l.cfg.Only.Drivers
	}
	if len(drivers) == 0 {
		drivers = []string{engine.DriverAPI}
	}
	for i := range m.RelyingParties {
		p := &m.RelyingParties[i]
		for _, driver := range drivers {
			c := Column{ID: p.Name, Title: caption(m, p), Driver: driver, Party: p}
			if driver != engine.DriverAPI {
				c.ID += "/" + driver
			}
			l.Parties = append(l.Parties, c)
		}
	}
	var err error
	l.Parties, err = pick("relying party", l.Parties, l.cfg.Only.Parties, func(c Column) []string { return []string{c.ID, c.Party.Name} })
	if err != nil {
		return err
	}
	for i := range l.Parties {
		if err := l.openColumn(&l.Parties[i]); err != nil {
			return err
		}
	}
	return nil
}

// caption is a relying party's title, with its name where others have the same one: the adapter's, most often.
func caption(m *scenarios.Matrix, p *scenarios.RelyingParty) string {
	title := p.Caption()
	for i := range m.RelyingParties {
		if other := &m.RelyingParties[i]; other != p && other.Caption() == title {
			return title + " (" + p.Name + ")"
		}
	}
	return title
}

// openColumn finds out where a column's relying party is, and what it is spoken to by.
func (l *Lab) openColumn(c *Column) error {
	file := c.file(l.cfg.File)
	if c.Driver == engine.DriverBrowser && !file.Adapter.HasPages() {
		return advise("leave out --driver browser, or this relying party: --relying-party names those to be played",
			"%s: relying party %q: the adapter %q does nothing on pages, so there is nothing for a browser to do", c.Party.Pos, c.Party.Name, file.Adapter.Name)
	}
	target, err := engine.Open(l.engine(c, l.cfg.Seed), file)
	if err != nil {
		return fmt.Errorf("%s: relying party %q: %w", c.Party.Pos, c.Party.Name, err)
	}
	c.Target = target.Report
	target.Close()
	c.with = make(map[string]string)
	for name, value := range c.Party.With {
		c.with[name] = value.Raw()
	}
	if path := file.Adapter.Path; !strings.HasPrefix(path, "builtin:") {
		if c.adapter, err = l.cfg.ReadFile(path); err != nil {
			return fmt.Errorf("adapter: %w", err)
		}
	}
	return nil
}

// tryFacets loads each facet for each column, so that what would go wrong in every cell is told before anything is sent.
func (l *Lab) tryFacets() error {
	if l.Cells() == 0 || len(l.Facets) == 0 {
		return errNothingToPlay
	}
	problems := &diag.Errors{}
	for i := range l.Parties {
		for j := range l.Facets {
			_, err := l.load(&l.Facets[j], &l.Parties[i], &l.Providers[0])
			if found := diag.From(err); found != nil {
				problems.List = append(problems.List, found.List...)
			} else if err != nil {
				return err
			}
		}
	}
	return problems.Sorted()
}

// load reads a facet for a pair.
func (l *Lab) load(f *Facet, c *Column, r *Row) (*scenarios.File, error) {
	options := l.cfg.Loading
	options.Column = &scenarios.Column{Lab: l.cfg.File, Party: c.Party}
	options.WithoutPages = c.Driver == engine.DriverAPI
	options.Params = make(map[string]string)
	for name := range f.params {
		if p, ok := paramTable()[name]; ok {
			options.Params[name] = p.value(r)
		}
	}
	return scenarios.Load(f.Path, options)
}
