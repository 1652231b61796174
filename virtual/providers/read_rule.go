package providers

import (
	"slices"

	"github.com/passrig/passrig/internal/source"
)

// rule reads a rule of a group.
func (g *group) rule(n *source.Node) {
	if !g.mapping(n, "a rule", []string{"id", "for", "text"}, "account", "os", "client", "policy", "verification") {
		return
	}
	rule := &Rule{
		ID: g.pattern(n.Get("id"), namePattern, "an id is lower-case letters, digits and hyphens"), Text: g.text(n.Get("text")),
		Certainty: g.certainty, Source: g.source,
		Account: g.accounts(n.Get("account")), OS: g.requirements(n.Get("os")), Client: g.requirements(n.Get("client")),
	}
	var actions []Action
	for _, item := range g.reader.list(n.Get("for")) {
		actions = append(actions, Action(g.choice(item, []string{string(Save), string(Use)})))
	}
	if p := n.Get("policy"); p != nil && g.mapping(p, "a policy", []string{"name"}, "short", "account") {
		rule.Policy = &Policy{Name: g.text(p.Get("name")), Short: g.text(p.Get("short")), Account: g.accounts(p.Get("account"))}
	}
	if v := n.Get("verification"); v != nil {
		yes, ok := v.Scalar().(bool)
		if rule.Verification = yes; !ok || !yes {
			g.fail(v, "leave it out where none is needed", "expected true, got %q", v.Value)
		}
	}
	if len(rule.Account)+len(rule.OS)+len(rule.Client) == 0 && rule.Policy == nil && !rule.Verification {
		g.fail(n, "add account, os, client, policy or verification", "the rule %q asks for nothing", rule.ID)
	}
	if g.once("rules."+rule.ID, n.At("id")) {
		g.say(statement{key: "rules." + rule.ID, text: rule.Text, rule: rule, actions: actions, at: n})
	}
}

func (g *group) accounts(n *source.Node) []string {
	var list []string
	for _, item := range g.reader.list(n) {
		list = append(list, g.choice(item, accountTypes()))
	}
	return list
}

func accountTypes() []string { return []string{"personal", "work"} }

// requirements reads releases that will do.
func (g *group) requirements(n *source.Node) []Requirement {
	var list []Requirement
	for _, item := range g.reader.list(n) {
		r, ok := parseRequirement(g.text(item))
		if !ok && item.Kind.Scalar() {
			g.fail(item, "write NAME, NAME >= VERSION or NAME >= VERSION on SYSTEM", "%q is not a release", item.Value)
		}
		list = append(list, r)
	}
	return list
}

// forAction reports whether a rule is about an action.
func (s statement) forAction(a Action) bool { return slices.Contains(s.actions, a) }
