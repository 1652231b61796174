package providers

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// document is a provider file.
type document struct {
	name, title, summary string
	like                 *source.Node // the row that it follows where it says nothing; nil: none
	cap                  Certainty    // no fact is surer
	facts                []statement
	versions             []edition
	at                   *source.Node // its name
	broken               bool         // its shape is wrong, so that its meaning is not worth looking at
}

// edition is a version in a provider file.
type edition struct {
	version, title, assumes string
	like                    *source.Node
	cap                     Certainty
	facts                   []statement
	at                      *source.Node
}

// statement is one thing that a file says, with its evidence.
type statement struct {
	key       string // a member, "rules.ID" or "notes.ID"
	text      string // as it is shown
	certainty Certainty
	source    string
	own       bool
	value     value
	rule      *Rule
	actions   []Action     // of a rule
	at        *source.Node // where it is said
}

var (
	namePattern    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	versionPattern = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*(-[a-z0-9]+)*$`)
)

// readFolder reads the provider files at the root of fsys.
func readFolder(fsys fs.FS, dir string, table []Member, errs *diag.Errors) []*document {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		errs.Add(diag.Diagnostic{File: dir, Message: "cannot read the folder: " + plain(err), Hint: "it holds one YAML file for each provider", Kind: diag.KindFile})
		return nil
	}
	var list []*document
	found := false
	for _, entry := range entries {
		if ext := path.Ext(entry.Name()); entry.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		found = true
		shown := path.Join(dir, entry.Name())
		data, err := fs.ReadFile(fsys, entry.Name())
		if err != nil {
			errs.Add(diag.Diagnostic{File: shown, Message: "cannot read the file: " + plain(err), Kind: diag.KindFile})
			continue
		}
		if d := readDocument(shown, data, table, errs); d != nil {
			list = append(list, d)
		}
	}
	if !found {
		errs.Add(diag.Diagnostic{File: dir, Message: "there is no provider file in the folder", Hint: "a provider file ends in .yaml", Kind: diag.KindFile})
	}
	return list
}

// plain is an error without the path that the place names already.
func plain(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return err.Error()
}

// readDocument reads one provider file. It goes on after a mistake, so that all are found.
func readDocument(name string, data []byte, table []Member, errs *diag.Errors) *document {
	root := source.Read(source.NewFile(name, data), data, errs)
	if root == nil {
		return nil
	}
	r := &reader{table: table, errs: errs}
	before := r.count()
	if !r.mapping(root, "a provider file", []string{"passrig-provider", "name", "title", "summary"}, "like", "certainty", "facts", "versions") {
		return nil
	}
	d := &document{
		name: r.pattern(root.Get("name"), namePattern, "a name is lower-case letters, digits and hyphens"), title: r.text(root.Get("title")), summary: r.text(root.Get("summary")),
		like: r.scalar(root.Get("like")), at: root.At("name"),
	}
	if n := root.Get("passrig-provider"); n != nil && n.Value != "1" {
		r.fail(n, "expected 1", "unknown version %q of the provider language", n.Value)
	}
	d.cap = Read
	if n := root.Get("certainty"); n != nil {
		d.cap = cmp.Or(r.certainty(n), Read)
	}
	r.cap = d.cap
	d.facts = r.facts(root.Get("facts"))
	for _, n := range r.list(root.Get("versions")) {
		d.versions = append(d.versions, r.edition(n))
	}
	if root.Get("facts") == nil && root.Get("versions") == nil {
		r.fail(root.At("name"), "say something under facts", "nothing is said of the provider")
	}
	d.broken = r.count() > before
	return d
}

// reader turns the nodes of a file into statements.
type reader struct {
	table []Member // what a file can say
	errs  *diag.Errors
	cap   Certainty
}

// count is how many mistakes were found so far.
func (r *reader) count() int { return len(r.errs.List) + r.errs.More }

func (r *reader) fail(n *source.Node, hint, format string, args ...any) {
	r.errs.Add(n.Diagnostic(diag.KindShape, fmt.Sprintf(format, args...), hint))
}

// mapping reports what is not a mapping, members it does not have and those it lacks.
func (r *reader) mapping(n *source.Node, what string, required []string, optional ...string) bool {
	if n.Kind != source.Map {
		r.fail(n, "", "expected %s, got %s", what, n.Kind)
		return false
	}
	known, misspelled := slices.Concat(required, optional), false
	for _, m := range n.Members {
		if !slices.Contains(known, m.Key.Value) {
			misspelled = true
			r.fail(m.Key, diag.Suggest(m.Key.Value, known), "unknown field %q in %s", m.Key.Value, what)
		}
	}
	for _, name := range required {
		if n.Get(name) == nil && !misspelled { // what is missing may be what is misspelled
			r.fail(n, "", "%s needs %q", what, name)
		}
	}
	return true
}

func (r *reader) list(n *source.Node) []*source.Node {
	if n == nil {
		return nil
	}
	if n.Kind != source.List {
		r.fail(n, "begin each item with a hyphen", "expected a list, got %s", n.Kind)
		return nil
	}
	return n.Items
}

// scalar is n if it is one, else nil.
func (r *reader) scalar(n *source.Node) *source.Node {
	if n == nil {
		return nil
	}
	if !n.Kind.Scalar() || n.Kind == source.Null {
		r.fail(n, "", "expected text, got %s", n.Kind)
		return nil
	}
	return n
}

func (r *reader) text(n *source.Node) string {
	return strings.TrimSpace(r.scalar(n).Text())
}

func (r *reader) pattern(n *source.Node, pattern *regexp.Regexp, rule string) string {
	text := r.text(n)
	if n != nil && !pattern.MatchString(text) && n.Kind.Scalar() {
		r.fail(n, rule, "unexpected %q", text)
	}
	return text
}

// choice is a text that is one of some values.
func (r *reader) choice(n *source.Node, values []string) string {
	text := r.text(n)
	if n != nil && n.Kind.Scalar() && !slices.Contains(values, text) {
		r.fail(n, diag.Suggest(text, values), "unexpected %q", text)
	}
	return text
}

// certainty is empty when it is none.
func (r *reader) certainty(n *source.Node) Certainty {
	if c := r.choice(n, certainties()); slices.Contains(certainties(), c) {
		return Certainty(c)
	}
	return ""
}

// certainties are the certainties, the surest first.
func certainties() []string { return []string{string(Read), string(Documented), string(Unverified)} }

// surer reports whether a is surer than b.
func surer(a, b Certainty) bool {
	all := certainties()
	return a != "" && slices.Index(all, string(a)) < slices.Index(all, string(b))
}

func (r *reader) edition(n *source.Node) edition {
	e := edition{at: n, cap: r.cap}
	if !r.mapping(n, "a version", []string{"version", "facts"}, "title", "like", "certainty", "assumes") {
		return e
	}
	if c := n.Get("certainty"); c != nil {
		e.cap = cmp.Or(r.certainty(c), r.cap)
		defer func(before Certainty) { r.cap = before }(r.cap)
		r.cap = e.cap
	}
	e.version = r.pattern(n.Get("version"), versionPattern, "a version is numbers with dots, such as 2.7.12; a word can follow a hyphen")
	e.title, e.assumes, e.like = r.text(n.Get("title")), r.text(n.Get("assumes")), r.scalar(n.Get("like"))
	e.at = n.At("version")
	e.facts = r.facts(n.Get("facts"))
	return e
}

// value reads what a member is said to be.
func (r *reader) value(m Member, n *source.Node) (value, bool) {
	before := r.count()
	var v value
	switch m.Kind {
	case KindBool:
		yes, ok := n.Scalar().(bool)
		if v.yes = yes; !ok {
			r.fail(n, "", "expected true or false, got %s", n.Kind)
		}
	case KindInt:
		number, ok := n.Scalar().(int64)
		if v.number = int(number); !ok || number < 0 || number > 1<<31 {
			r.fail(n, "", "expected a whole number, got %s", n.Kind)
		}
	case KindText:
		if v.text = r.text(n); m.Values != nil {
			v.text = r.choice(n, m.Values)
		}
	case KindTexts:
		v.texts = []string{}
		for _, item := range r.list(n) {
			if m.Values != nil {
				r.choice(item, m.Values)
			}
			v.texts = append(v.texts, r.text(item))
		}
	case KindDuration:
		d, err := time.ParseDuration(r.text(n))
		if v.duration = d; err != nil || d < 0 {
			r.fail(n, "such as 30s, 30m or 720h", "expected a duration, got %q", n.Value)
		}
	}
	if m.check != nil && r.count() == before {
		if err := m.check(v); err != nil {
			r.fail(n, "", "%s", err)
		}
	}
	return v, r.count() == before
}
