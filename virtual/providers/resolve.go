package providers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// resolver makes rows of documents, which may follow rows of each other.
type resolver struct {
	known     *Catalogue
	table     []Member
	documents []*document
	errs      *diag.Errors
	done      map[string][]*Provider // by name; nil while it is being made
}

func (r *resolver) fail(n *source.Node, hint, format string, args ...any) {
	r.errs.Add(n.Diagnostic(diag.KindMeaning, fmt.Sprintf(format, args...), hint))
}

func (r *resolver) add(d *document) {
	for _, other := range r.documents {
		if d.name != "" && other.name == d.name {
			r.fail(d.at, "put all versions of a provider into one file", "the provider %q is already in %s", d.name, other.at.File.Path)
			return
		}
	}
	r.documents = append(r.documents, d)
}

// resolve makes all rows.
func (r *resolver) resolve() []*Provider {
	var rows []*Provider
	for _, d := range r.documents {
		rows = append(rows, r.rows(d)...)
	}
	return rows
}

// rows are the rows of one document.
func (r *resolver) rows(d *document) []*Provider {
	if rows, ok := r.done[d.name]; ok {
		return rows
	}
	r.done[d.name] = nil
	base := override(r.like(d.like, d.like), d.facts)
	var rows []*Provider
	if len(d.versions) == 0 {
		rows = append(rows, r.row(d, edition{at: d.at}, base))
	}
	latest := base
	for i, e := range d.versions {
		if i > 0 && !d.broken && compareRows(&Provider{Version: d.versions[i-1].version}, &Provider{Version: e.version}) >= 0 {
			r.fail(e.at, "give the oldest version first, and each once", "the version %q comes after %q", e.version, d.versions[i-1].version)
		}
		from := latest
		if e.like != nil {
			from = override(r.like(e.like, e.like), d.facts)
		}
		stated := override(from, e.facts)
		for i := range stated { // what is taken over from an earlier version is no surer than this one
			if surer(stated[i].certainty, e.cap) {
				stated[i].certainty = e.cap
			}
		}
		rows = append(rows, r.row(d, e, stated))
		if e.assumes == "" {
			latest = stated
		}
	}
	r.done[d.name] = rows
	return rows
}

// like are the statements of the row that another follows: they are assumed of the other.
func (r *resolver) like(id, at *source.Node) []statement {
	if id == nil {
		return nil
	}
	p := r.find(id.Value, at)
	if p == nil {
		return nil
	}
	var list []statement
	for _, s := range p.stated {
		if strings.HasPrefix(s.key, "notes.") || s.own || s.rule != nil {
			continue
		}
		s.certainty, s.source = Unverified, "assumed, as of "+p.ID()
		list = append(list, s)
	}
	return list
}

// find is the row with an id, of this folder or of those known before.
func (r *resolver) find(id string, at *source.Node) *Provider {
	name, version := splitID(id)
	var names []string
	for _, d := range r.documents {
		names = append(names, d.name)
		if d.name != name {
			continue
		}
		rows, begun := r.done[name]
		if begun && rows == nil {
			r.fail(at, "follow another row", "%q follows itself", id)
			return nil
		}
		rows = r.rows(d)
		if version == "" {
			return newest(rows)
		}
		if i := slices.IndexFunc(rows, func(p *Provider) bool { return p.Version == version }); i >= 0 {
			return rows[i]
		}
	}
	p, err := r.known.Find(id)
	if err != nil {
		r.fail(at, diag.Suggest(id, append(names, r.known.Names()...)), "unknown provider %q", id)
		return nil
	}
	return p
}

// override puts later statements in the place of earlier ones of the same key. What is of one version is
// not handed on.
func override(base, later []statement) []statement {
	list := slices.DeleteFunc(slices.Clone(base), func(s statement) bool { return s.own })
	for _, s := range later {
		if i := slices.IndexFunc(list, func(old statement) bool { return old.key == s.key }); i >= 0 {
			list[i] = s
			continue
		}
		list = append(list, s)
	}
	return list
}

// row makes a provider of statements.
func (r *resolver) row(d *document, e edition, stated []statement) *Provider {
	p := &Provider{Name: d.name, Version: e.version, Title: d.title, Summary: d.summary, Assumes: e.assumes, stated: stated}
	if e.title != "" {
		p.Title = e.title
	}
	told := map[string]bool{}
	for _, m := range r.table {
		for _, s := range stated {
			if s.key == m.Name {
				m.set(p, s.value)
				p.tell(s)
				told[s.key] = true
			}
		}
	}
	for _, s := range stated {
		if s.rule != nil {
			rule := *s.rule
			rule.Certainty = s.certainty
			if s.forAction(Save) {
				p.Save = append(p.Save, rule)
			}
			if s.forAction(Use) {
				p.Use = append(p.Use, rule)
				p.Verification = p.Verification || s.rule.Verification
			}
		}
		if !told[s.key] {
			p.tell(s)
		}
	}
	if !d.broken {
		r.check(p, e.at)
	}
	return p
}

func (p *Provider) tell(s statement) {
	p.Facts = append(p.Facts, Fact{Member: s.key, Value: s.text, Certainty: s.certainty, Source: s.source})
}

// check reports what does not go together in a row, where it is said.
func (r *resolver) check(p *Provider, row *source.Node) {
	if err := p.Config.Validate(); err != nil {
		r.fail(row, "", "no device is like that: %s", strings.ReplaceAll(strings.TrimPrefix(err.Error(), "device config: "), "\n", "; "))
	}
	at := func(member string) *source.Node {
		i := slices.IndexFunc(p.stated, func(s statement) bool { return s.key == member })
		if i < 0 || p.stated[i].at == nil || p.stated[i].at.File != row.File {
			return row
		}
		return p.stated[i].at
	}
	if p.Unlock.Attempts > 0 && p.Unlock.OnExhausted == "" {
		r.fail(at("unlock.attempts"), "add unlock: {on-exhausted: lock}", "the attempts are limited, and nothing says what the last one does")
	}
	if pin := p.Unlock.PIN; pin.MaxLength > 0 && pin.MinLength > pin.MaxLength {
		r.fail(at("unlock.max-length"), "", "a PIN of at least %d characters has at most %d", pin.MinLength, pin.MaxLength)
	}
	s := p.Sync
	if s == nil {
		return
	}
	if p.Unlock.Method == "" {
		r.fail(row, "add unlock: {method: none} where signing in is enough", "its passkeys travel, and nothing says what opens them on a new device")
	}
	var missing []string
	for _, needed := range []struct{ member, value string }{
		{"merge", s.Merge}, {"replace", s.Replace}, {"delete", s.Delete}, {"tombstones", s.Tombstones}, {"sync-off", s.SyncOff},
	} {
		if needed.value == "" {
			missing = append(missing, "sync."+needed.member)
		}
	}
	if len(missing) > 0 {
		r.fail(row, "say it, or follow a row that does: like: synced-generic", "its passkeys travel, and nothing is said of %s", strings.Join(missing, ", "))
	}
	if s.Delete == DeleteTrash && s.TrashFor == 0 {
		r.fail(at("sync.delete"), "add sync: {trash-for: 720h}", "there is a trash, and nothing says for how long")
	}
}
