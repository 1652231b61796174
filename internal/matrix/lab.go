package matrix

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/providers"
)

// DefaultJobs is how many cells are played at a time when nobody says.
const DefaultJobs = 4

// Config is what a matrix needs from outside.
type Config struct {
	File      *scenarios.File // with a matrix section
	Tool      report.Tool
	Seed      uint64
	Params    map[string]string // what was given for the file's params, for the result; it leaves out secret ones
	Timeout   time.Duration     // per step; 0: [engine.DefaultTimeout]
	Clock     func() time.Time
	LookupEnv func(string) (string, bool)
	ReadFile  func(string) ([]byte, error)
	Providers *providers.Catalogue
	Loading   scenarios.Options // how facets are loaded: with the names that they can use
	Jobs      int               // cells at a time; 0: the file's, or [DefaultJobs]
	Only      Selection
}

// Selection is what the command line leaves of a lab. What is empty leaves everything.
type Selection struct {
	Providers, Parties, Facets []string
	Drivers                    []string // in place of the file's
}

// flags are those by which the command line says this.
func (s *Selection) flags() []string {
	var words []string
	for _, f := range []struct {
		name   string
		values []string
	}{{"--provider", s.Providers}, {"--relying-party", s.Parties}, {"--facet", s.Facets}, {"--driver", s.Drivers}} {
		for _, value := range f.values {
			words = append(words, f.name, value)
		}
	}
	return words
}

// Play is what playing a lab needs beyond what is known of it before.
type Play struct {
	Events  Events
	Journal *Journal // keeps finished cells, and has those of an interrupted run; nil: nothing does

	// Drive has a run of the engine use a driver. Nil: columns of all drivers are driven by requests.
	Drive func(driver string, cfg engine.Config) engine.Config
	// Browser is the browser's name and version, for the columns that have one.
	Browser string
}

// Events are called while cells are played, from one goroutine at a time. Each may be nil.
type Events struct {
	// Recalled tells how many cells of a column were taken from the journal; not called for none.
	Recalled func(party string, cells int)
	// CellDone tells of a cell that was played. done, with those from the journal, and of count the column's.
	CellDone func(party string, cell *report.MatrixCell, done, of int)
	// Broken tells that nothing can be told of a column any more.
	Broken func(party, problem string)
	// Unkept tells that the journal cannot be written any more: this cell, and those to come, will be played again.
	Unkept func(err error)
}

// Lab is a matrix that is ready to be played.
type Lab struct {
	Providers []Row
	Parties   []Column
	Facets    []Facet
	Jobs      int

	cfg Config
}

// Row is a provider with the devices on which it is played.
type Row struct {
	*providers.Provider
	Homes []providers.Circumstances // the first, and another one where there is one
}

// Column is a relying party with one of the ways to drive it.
type Column struct {
	ID     string // the relying party's name; of the browser driver with /browser behind it
	Title  string
	Driver string
	Party  *scenarios.RelyingParty
	Target report.Target

	with    map[string]string // values for the adapter, as they are written
	adapter []byte            // the adapter's file; nil for one that ships with passrig
}

// Facet is a scenario that asks one question of a pair.
type Facet struct {
	ID, Path           string
	Title, Description string

	params map[string]scenarios.Param
	read   [][]byte // the files that it consists of; none for one that ships with passrig, and so changes with its version
}

// Open resolves what a lab file names. Nothing is sent. The error tells of mistakes in files, or has a hint.
func Open(cfg Config) (*Lab, error) {
	l := &Lab{cfg: cfg, Jobs: cfg.Jobs}
	if l.Jobs == 0 {
		l.Jobs = DefaultJobs
		if given := cfg.File.Matrix.Jobs; !given.IsZero() {
			var err error
			if l.Jobs, err = given.Value(nil); err != nil {
				return nil, err
			}
		}
	}
	for _, resolve := range []func() error{l.resolveRows, l.resolveFacets, l.resolveColumns, l.tryFacets} {
		if err := resolve(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// advised is an error that says what to do.
type advised struct {
	text, hint string
}

// Error implements error.
func (e *advised) Error() string { return e.text }

// Hint is what to do about it.
func (e *advised) Hint() string { return e.hint }

func advise(hint, format string, args ...any) error {
	return &advised{fmt.Sprintf(format, args...), hint}
}

// pick keeps the items that are asked for by one of their names, in their own order; all when nothing is asked for.
func pick[T any](what string, items []T, asked []string, names func(T) []string) ([]T, error) {
	var known []string
	for _, item := range items {
		known = append(known, names(item)...)
	}
	for _, name := range asked {
		if !slices.Contains(known, name) {
			return nil, advise(scenarios.Suggest(name, known), "the lab has no %s %q", what, name)
		}
	}
	if len(asked) == 0 {
		return items, nil
	}
	return slices.DeleteFunc(items, func(item T) bool {
		return !slices.ContainsFunc(names(item), func(name string) bool { return slices.Contains(asked, name) })
	}), nil
}

// Cells counts the pairs.
func (l *Lab) Cells() int { return len(l.Providers) * len(l.Parties) }

// Files is a file for each column of a driver, with its target and nothing to do: for what has to be ready before any of
// them is played.
func (l *Lab) Files(driver string) []*scenarios.File {
	var files []*scenarios.File
	for i := range l.Parties {
		if c := &l.Parties[i]; c.Driver == driver {
			files = append(files, c.file(l.cfg.File))
		}
	}
	return files
}

// file is the column as the target of a file without steps.
func (c *Column) file(lab *scenarios.File) *scenarios.File {
	file := &scenarios.File{Path: lab.Path}
	(&scenarios.Column{Lab: lab, Party: c.Party}).Take(file)
	return file
}

// Sum identifies what is played: two labs with the same one ask the same questions of the same pairs.
func (l *Lab) Sum() string {
	h := sha256.New()
	type row struct {
		ID      string
		Facts   []providers.Fact
		Devices []string
	}
	write := func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // texts and numbers only
		}
		h.Write(append(text, '\n'))
	}
	for _, r := range l.Providers {
		write(row{r.ID(), r.Facts, r.Devices()})
	}
	for i := range l.Parties {
		c := &l.Parties[i]
		write([]any{c.ID, c.Driver, c.Target, c.with, c.adapter})
	}
	for _, f := range l.Facets {
		write([]any{f.ID, f.read})
	}
	write(l.openParams())
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// openParams are the values of the lab's params, but for secret ones.
func (l *Lab) openParams() map[string]string {
	values := make(map[string]string)
	for name, p := range l.cfg.File.Params {
		if p.Secret || p.Default == nil {
			continue
		}
		if value, err := p.Default.Eval(nil); err == nil {
			values[name] = fmt.Sprint(value)
		}
	}
	return values
}

var errNothingToPlay = errors.New("the lab has nothing to play: no provider, relying party or facet is left")
