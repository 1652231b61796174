package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/checks"
	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/term"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/providers"
)

const listExample = `  passrig list adapters
  passrig list scenarios --tags smoke
  passrig list checks --tier smoke
  passrig list providers --providers mine/
  passrig list topics --json`

// newListCommand shows what passrig comes with.
func newListCommand(env *Env) *cobra.Command {
	o := &listOptions{env: env, tier: newEnum(string(checks.TierAll), texts(checks.Tiers())...)}
	cmd := &cobra.Command{
		Use: "list adapters|scenarios|providers|checks|faults|reports|topics", Short: "List built-in adapters, scenarios, providers and checks, report formats and topics",
		Long:      "List shows what passrig comes with, one thing a line. passrig explain says more about each." + exits("0", "listed", "2", "bad flags, or a mistake in a provider file"),
		Example:   listExample,
		Args:      oneOf("list", listNames()...),
		ValidArgs: listNames(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd, args[0]); err != nil {
				return err
			}
			return o.run(args[0])
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "write a JSON array")
	cmd.Flags().StringSliceVar(&o.tags, "tags", nil, "only scenarios with one of these tags")
	completeFlag(cmd, "tags", offering(builtinTags, cobra.ShellCompDirectiveNoFileComp))
	o.tier.flag(cmd, "tier", "only checks of this tier")
	o.providers.add(cmd)
	return cmd
}

func listNames() []string {
	return []string{"adapters", "scenarios", "providers", "checks", "faults", "reports", "topics"}
}

type listOptions struct {
	env       *Env
	json      bool
	tags      []string
	tier      *enum
	providers providerOptions
}

// listed is one line of a list. What a kind of thing does not have is left out.
type listed struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind,omitempty"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	Tested      string   `json:"tested,omitempty"`
	File        string   `json:"file,omitempty"`
	Ceremony    string   `json:"ceremony,omitempty"`
	Level       string   `json:"level,omitempty"`
	Severity    string   `json:"severity,omitempty"`
	Gates       []string `json:"gates,omitempty"`
	Basis       []string `json:"basis,omitempty"`
	Faults      []string `json:"faults,omitempty"` // that the check catches
	Checks      []string `json:"checks,omitempty"` // that catch the fault
	Since       string   `json:"since,omitempty"`
	Assumes     string   `json:"assumes,omitempty"`
}

func (o *listOptions) validate(cmd *cobra.Command, list string) error {
	if cmd.Flags().Changed("tier") && list != "checks" {
		return usageError(cmd, "", "--tier is only for the list of checks")
	}
	if len(o.tags) == 0 {
		return nil
	}
	if list != "scenarios" {
		return usageError(cmd, "", "--tags is only for the list of scenarios")
	}
	if tags := builtinTags(); !overlap(o.tags, tags) {
		return usageError(cmd, diag.Suggest(o.tags[0], tags), "no scenario has the tag %q", o.tags[0])
	}
	return nil
}

func (o *listOptions) run(list string) error {
	var rows []*providers.Provider
	if list == "providers" || list == "topics" || o.providers.dir != "" {
		var err error
		if rows, err = o.providers.rows(o.env); err != nil {
			return err
		}
	}
	heading, items, cells := o.collect(list, rows)
	if o.json {
		return writeJSON(o.env, items)
	}
	table := [][]string{heading}
	for _, item := range items {
		table = append(table, cells(item))
	}
	return writeList(o.env.Stdout, table, term.WidthOf(o.env.Stdout))
}

// collect returns a list, its heading and how an item becomes a row.
func (o *listOptions) collect(list string, rows []*providers.Provider) (heading []string, items []listed, cells func(listed) []string) {
	items = []listed{}
	switch list {
	case "adapters":
		for _, a := range scenarios.Adapters() {
			items = append(items, listed{Name: a.Name, Title: a.Title, Description: a.Description, Tested: a.Tested})
		}
		return []string{"ADAPTER", "RELYING PARTY", "TESTED WITH"}, items, func(i listed) []string { return []string{i.Name, i.Title, i.Tested} }
	case "scenarios":
		for _, s := range scenarios.Builtins() {
			if len(o.tags) == 0 || overlap(o.tags, s.Tags) {
				items = append(items, listed{Name: builtinPrefix + s.Name, Title: s.Title, Description: s.Description, Tags: s.Tags})
			}
		}
		return []string{"SCENARIO", "WHAT IT SHOWS", "TAGS"}, items, func(i listed) []string {
			return []string{i.Name, i.Title, strings.Join(i.Tags, ", ")}
		}
	case "providers":
		return []string{"PROVIDER", "TITLE", "SINCE"}, listRows(rows), func(i listed) []string { return []string{i.Name, i.Title, i.Since} }
	case "checks":
		return []string{"CHECK", "LEVEL", "SEVERITY", "WHAT IT LOOKS FOR"}, o.checks(), func(i listed) []string {
			return []string{i.Name, i.Level, i.Severity, i.Title}
		}
	case "faults":
		return []string{"FAULT", "WHAT THE DEMO RELYING PARTY THEN DOES"}, faultList(), func(i listed) []string { return []string{i.Name, i.Title} }
	case "reports":
		for _, f := range formats() {
			items = append(items, listed{Name: f.name, Title: f.title, File: strings.TrimPrefix(f.file, "-")})
		}
		return []string{"FORMAT", "WHAT IT IS", "FILE"}, items, func(i listed) []string { return []string{i.Name, i.Title, i.File} }
	}
	all, _ := gather(topicSources(func() ([]*providers.Provider, error) { return rows, nil })) // without reading nothing fails
	for _, t := range all {
		items = append(items, listed{Name: t.ID, Kind: string(t.Kind), Title: t.Title})
	}
	slices.SortStableFunc(items, func(a, b listed) int { return strings.Compare(a.Kind, b.Kind) })
	return []string{"TOPIC", "KIND", "TITLE"}, items, func(i listed) []string { return []string{i.Name, i.Kind, i.Title} }
}

func (o *listOptions) checks() []listed {
	items := []listed{}
	for _, c := range checks.Catalogue() {
		if c.In(checks.Tier(o.tier.value)) {
			items = append(items, listed{
				Name: c.ID, Title: c.Title, Description: c.Sends, Ceremony: string(c.Ceremony), Level: string(c.Level), Severity: string(c.Severity),
				Gates: gateTexts(c), Basis: c.Basis, Faults: c.Faults,
			})
		}
	}
	return items
}

// listRows are the providers. A date that is not certain says so.
func listRows(rows []*providers.Provider) []listed {
	items := []listed{}
	for _, p := range rows {
		item := listed{Name: p.ID(), Title: p.Title, Description: p.Summary, Since: p.Since, Assumes: p.Assumes}
		if since, ok := p.Fact("since"); ok && since.Certainty == providers.Unverified {
			item.Since += " (unverified)"
		}
		items = append(items, item)
	}
	return items
}

func gateTexts(c *checks.Check) []string {
	var gates []string
	for _, g := range c.Gates {
		gates = append(gates, g.String())
	}
	return gates
}

func faultList() []listed {
	items, catching := []listed{}, checks.Catching()
	for _, f := range demorp.Faults() {
		items = append(items, listed{Name: f.Name, Title: f.Doc, Checks: catching[f.Name]})
	}
	return items
}
