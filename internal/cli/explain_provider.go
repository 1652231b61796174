package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/topics"
	"github.com/passrig/passrig/virtual/providers"
)

// providerTopics are the rows as topics.
func providerTopics(rows []*providers.Provider) []topics.Topic {
	var list []topics.Topic
	for _, p := range rows {
		list = append(list, topics.Topic{ID: p.ID(), Kind: topics.KindProvider, Title: p.Title, What: p.Summary})
	}
	return list
}

// providerView is a provider as it is explained.
type providerView struct {
	ID      string           `json:"id"`
	Title   string           `json:"title"`
	Summary string           `json:"summary"`
	Since   string           `json:"since,omitempty"`
	Changed string           `json:"changed,omitempty"`
	Assumes string           `json:"assumes,omitempty"`
	Rules   []ruleView       `json:"rules"`
	Where   []whereView      `json:"where"`
	Facts   []providers.Fact `json:"facts"`
	Unknown []string         `json:"unknown"` // members of which nothing is said
	Later   []laterView      `json:"later"`   // versions that came after it
}

type ruleView struct {
	ID        string              `json:"id"`
	For       []providers.Action  `json:"for"`
	Text      string              `json:"text"`
	Certainty providers.Certainty `json:"certainty"`
	Source    string              `json:"source"`
}

// whereView is who can save passkeys on a system with current software.
type whereView struct {
	OS       string `json:"os"`
	Account  string `json:"account"`
	Allowed  bool   `json:"allowed"`
	Rule     string `json:"rule,omitempty"` // that does not hold
	Reason   string `json:"reason,omitempty"`
	Verified bool   `json:"verified"` // nothing about it is unverified
}

type laterView struct {
	ID      string         `json:"id"`
	Since   string         `json:"since,omitempty"`
	Changed providers.Fact `json:"changed"`
	Assumes string         `json:"assumes,omitempty"`
}

func viewProvider(known *providers.Catalogue, p *providers.Provider) providerView {
	v := providerView{
		ID: p.ID(), Title: p.Title, Summary: p.Summary, Since: p.Since, Changed: p.Changed, Assumes: p.Assumes,
		Rules: []ruleView{}, Where: []whereView{}, Facts: p.Facts, Unknown: []string{}, Later: []laterView{},
	}
	for _, m := range p.Unknown() {
		v.Unknown = append(v.Unknown, m.Name)
	}
	for _, f := range p.Facts {
		id, ok := strings.CutPrefix(f.Member, "rules.")
		if !ok {
			continue
		}
		r := ruleView{ID: id, Text: f.Value, Certainty: f.Certainty, Source: f.Source}
		for action, rules := range map[providers.Action][]providers.Rule{providers.Save: p.Save, providers.Use: p.Use} {
			if slices.ContainsFunc(rules, func(rule providers.Rule) bool { return rule.ID == id }) {
				r.For = append(r.For, action)
			}
		}
		slices.Sort(r.For)
		v.Rules = append(v.Rules, r)
	}
	versions := known.Versions(p.Name)
	for _, os := range systemsOf(versions) {
		for _, account := range accountTypes() {
			v.Where = append(v.Where, whereOf(p, os, account))
		}
	}
	at := slices.IndexFunc(versions, func(o *providers.Provider) bool { return o.ID() == p.ID() })
	for _, later := range versions[at+1:] {
		changed, _ := later.Fact("changed")
		v.Later = append(v.Later, laterView{ID: later.ID(), Since: later.Since, Changed: changed, Assumes: later.Assumes})
	}
	return v
}

// whereOf says whether somebody with current software can save passkeys.
func whereOf(p *providers.Provider, os, account string) whereView {
	e := p.Eligible(providers.Save, providers.Circumstances{AccountType: account, OS: providers.ParseRelease(os)})
	v := whereView{OS: os, Account: account, Allowed: e.Allowed, Rule: e.Rule, Reason: e.Reason, Verified: true}
	for _, rule := range p.Save {
		if rule.Certainty == providers.Unverified && (e.Allowed || rule.ID == e.Rule) {
			v.Verified = false
		}
	}
	return v
}

// systemsOf are the operating systems that rules of some rows are about, in the order of the rules.
func systemsOf(rows []*providers.Provider) []string {
	var list []string
	for _, p := range rows {
		for _, rule := range p.Save {
			for _, want := range rule.OS {
				if !slices.Contains(list, want.Name) {
					list = append(list, want.Name)
				}
			}
		}
	}
	return list
}

// footnotes number the sources of what is shown.
type footnotes struct{ list []string }

// mark says how certain something is, and which footnote says who says so.
func (n *footnotes) mark(certainty providers.Certainty, source string) string {
	note := string(certainty) + ": " + source
	i := slices.Index(n.list, note)
	if i < 0 {
		i = len(n.list)
		n.list = append(n.list, note)
	}
	text := fmt.Sprintf(" [%d]", i+1)
	if certainty == providers.Unverified {
		text = " (unverified)" + text
	}
	return text
}

// showProvider explains a provider.
func (o *explainOptions) showProvider(known *providers.Catalogue, p *providers.Provider) error {
	v := viewProvider(known, p)
	if o.json {
		return writeJSON(o.env, v)
	}
	var b strings.Builder
	notes := &footnotes{}
	b.WriteString(fill(v.ID+": "+v.Title, ""))
	b.WriteString("\n" + fill(v.Summary, ""))
	section := func(heading string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", o.bold(heading))
		for _, line := range lines {
			b.WriteString(fill(line, "  "))
		}
	}
	if v.Assumes != "" {
		section("Assumes", []string{"that " + v.Assumes})
	}
	section("Who may", ruleLines(v, notes))
	if len(v.Where) > 0 {
		fmt.Fprintf(&b, "\n%s\n", o.bold("Who can save passkeys there, with current software"))
		if err := writeTable(&b, whereRows(v)); err != nil {
			return err
		}
	}
	facts, texts := factLines(v, notes)
	section("Facts", facts)
	section("Notes", texts)
	section("Nothing is said of", unknownLines(p))
	section("What changed after that", laterLines(v, notes))
	var sources []string
	for i, note := range notes.list {
		sources = append(sources, fmt.Sprintf("[%d] %s", i+1, note))
	}
	section("Sources", sources)
	section("Certainty", []string{
		"read: in code or in a real sample. documented: by who makes it, or by somebody who tried it.",
		"unverified: from memory, inferred or disputed. It is not a fact; passrig plays it until somebody knows better.",
	})
	_, err := fmt.Fprint(o.env.Stdout, b.String())
	return err
}

func ruleLines(v providerView, notes *footnotes) []string {
	var lines []string
	for _, r := range v.Rules {
		var words []string
		for _, action := range r.For {
			words = append(words, string(action))
		}
		lines = append(lines, fmt.Sprintf("%s (%s): %s", r.ID, strings.Join(words, " and "), r.Text)+notes.mark(r.Certainty, r.Source))
	}
	return lines
}

// whereRows are a table of systems and types of accounts.
func whereRows(v providerView) [][]string {
	rows := [][]string{{"  SYSTEM"}}
	for _, account := range accountTypes() {
		rows[0] = append(rows[0], strings.ToUpper(account)+" ACCOUNT")
	}
	for i, w := range v.Where {
		if i%len(accountTypes()) == 0 {
			rows = append(rows, []string{"  " + w.OS})
		}
		text := "yes"
		if !w.Allowed {
			text = "no: " + w.Rule
		}
		if !w.Verified {
			text += " (unverified)"
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], text)
	}
	return rows
}

func accountTypes() []string { return []string{"personal", "work"} }

// factLines are the facts as lines, and the notes.
func factLines(v providerView, notes *footnotes) (facts, texts []string) {
	for _, f := range v.Facts {
		mark := notes.mark(f.Certainty, f.Source)
		switch {
		case strings.HasPrefix(f.Member, "rules."):
		case strings.HasPrefix(f.Member, "notes."):
			texts = append(texts, f.Value+mark)
		default:
			facts = append(facts, f.Member+": "+f.Value+mark)
		}
	}
	return facts, texts
}

// unknownLines are what nobody has said of a provider.
func unknownLines(p *providers.Provider) []string {
	var lines []string
	for _, m := range p.Unknown() {
		lines = append(lines, m.Name+": "+m.Doc)
	}
	return lines
}

func laterLines(v providerView, notes *footnotes) []string {
	var lines []string
	for _, later := range v.Later {
		line := later.ID + ": " + later.Changed.Value
		if later.Since != "" {
			line += ", " + later.Since
		}
		line += notes.mark(later.Changed.Certainty, later.Changed.Source)
		if later.Assumes != "" {
			line += ". It assumes that " + later.Assumes
		}
		lines = append(lines, line)
	}
	return lines
}
