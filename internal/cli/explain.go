package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/checks"
	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/topics"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/providers"
)

const explainLong = `Explain says what a word in passrig's output means, how it comes about and what to do: verdicts,
outcomes, reasons why nothing could be told, errors of the client, exit codes, checks, and the
built-in adapters, scenarios and providers. passrig list topics lists them all.

If a word has several meanings, put its kind before it: passrig explain fault adapter.`

const explainExample = `  passrig explain InvalidStateError
  passrig explain exit-3
  passrig explain auth-sig-flipped
  passrig explain adapter simplewebauthn
  passrig explain provider microsoft-password-manager@142
  passrig explain builtin:smoke`

// newExplainCommand explains a word.
func newExplainCommand(env *Env) *cobra.Command {
	o := &explainOptions{env: env}
	cmd := &cobra.Command{
		Use: "explain [KIND] ID", Short: "Say what a word in the output means, and what to do", Example: explainExample,
		Long: explainLong + exits("0", "explained", "2", "there is no such topic"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return usageError(cmd, "", "unexpected argument %q", args[2])
			}
			return atLeastOne("topic")(cmd, args)
		},
		ValidArgsFunction: firstOf(topicWords),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "write a JSON object")
	o.providers.add(cmd)
	return cmd
}

type explainOptions struct {
	env       *Env
	json      bool
	providers providerOptions
}

func (o *explainOptions) run(cmd *cobra.Command, args []string) error {
	id, sources := args[len(args)-1], topicSources(func() ([]*providers.Provider, error) { return o.providers.rows(o.env) })
	if len(args) == 2 {
		sources = slices.DeleteFunc(sources, func(s topicSource) bool { return !slices.Contains(s.kinds, topics.Kind(args[0])) })
		if len(sources) == 0 {
			return usageError(cmd, diag.Suggest(args[0], topicKinds()), "unknown kind of topic %q", args[0])
		}
		for i := range sources {
			sources[i].kinds = []topics.Kind{topics.Kind(args[0])}
		}
	}
	if o.providers.dir != "" { // its mistakes are told whatever is asked
		if _, err := o.providers.read(o.env); err != nil {
			return err
		}
	}
	topic, ok, list, err := findTopic(sources, id)
	if err != nil {
		return err
	}
	if !ok {
		topic, ok = topics.Find(list, builtinPrefix+id)
	}
	if (!ok || topic.Kind == topics.KindProvider) && id != "" && explainsProviders(sources) {
		if done, err := o.explainProvider(cmd, id, len(args) == 2); done || err != nil {
			return err
		}
	}
	if !ok {
		hint := didYouMean(id, topicIDs(list))
		if hint == "" {
			hint = "passrig list topics shows what can be explained"
		}
		return usageError(cmd, hint, "no topic %q", id)
	}
	if topic.Kind == topics.KindAdapter {
		addFacts(&topic)
	}
	if o.json {
		return writeJSON(o.env, topic)
	}
	return o.show(topic)
}

// explainProvider explains the provider with an id, which may leave out the version. done is false when there is
// none and the id may be that of something else.
func (o *explainOptions) explainProvider(cmd *cobra.Command, id string, only bool) (done bool, err error) {
	known, err := o.providers.read(o.env)
	if err != nil {
		return false, err
	}
	p, err := known.Find(id)
	if err == nil {
		return true, o.showProvider(known, p)
	}
	if unknown, ok := errors.AsType[*providers.UnknownError](err); ok && (only || strings.Contains(id, "@")) {
		return true, usageError(cmd, unknown.Hint, "no provider %q", id)
	}
	return false, nil
}

func (o *explainOptions) show(t topics.Topic) error {
	var b strings.Builder
	b.WriteString(fill(t.ID+": "+t.Title, ""))
	for _, part := range []struct{ heading, text string }{
		{"What", t.What},
		{"Why", t.Why},
		{"Facts", strings.Join(t.Facts, "\n")},
		{"Fix", t.Fix},
		{"Spec", t.Spec},
		{"See also", strings.Join(t.See, ", ")},
	} {
		if part.heading == "Fix" && (t.Kind == topics.KindAdapter || t.Kind == topics.KindScenario) {
			part.heading = "Use"
		}
		if part.text != "" {
			fmt.Fprintf(&b, "\n%s\n", o.bold(part.heading))
			for line := range strings.SplitSeq(part.text, "\n") {
				b.WriteString(fill(line, "  "))
			}
		}
	}
	_, err := fmt.Fprint(o.env.Stdout, b.String())
	return err
}

func (o *explainOptions) bold(s string) string {
	if o.env.color(o.env.StdoutTTY) {
		return "\x1b[1m" + s + "\x1b[0m"
	}
	return s
}

// lineWidth is how long a line of an explanation is at most.
const lineWidth = 88

// fill breaks a line at its spaces and indents every part.
func fill(line, indent string) string {
	var b strings.Builder
	current := indent
	for word := range strings.FieldsSeq(line) {
		if current != indent && len([]rune(current))+1+len([]rune(word)) > lineWidth {
			b.WriteString(current + "\n")
			current = indent
		}
		if current != indent {
			current += " "
		}
		current += word
	}
	return b.String() + strings.TrimRight(current, " ") + "\n"
}

// topicSource is where topics of some kinds come from. Most of them are files to be read, so that only those are
// asked that may have the topic.
type topicSource struct {
	kinds []topics.Kind
	list  func() ([]topics.Topic, error)
}

// topicSources are the table and what makes topics of providers, built-in adapters and scenarios, checks and the
// mistakes of the demo relying party.
func topicSources(rows func() ([]*providers.Provider, error)) []topicSource {
	some := func(kind topics.Kind, list func() []topics.Topic) topicSource {
		return topicSource{[]topics.Kind{kind}, func() ([]topics.Topic, error) { return list(), nil }}
	}
	table := topicSource{list: func() ([]topics.Topic, error) { return topics.All(), nil }}
	for _, t := range topics.All() {
		if !slices.Contains(table.kinds, t.Kind) {
			table.kinds = append(table.kinds, t.Kind)
		}
	}
	return []topicSource{
		table,
		{[]topics.Kind{topics.KindProvider}, func() ([]topics.Topic, error) {
			list, err := rows()
			return providerTopics(list), err
		}},
		some(topics.KindAdapter, adapterTopics),
		some(topics.KindScenario, scenarioTopics),
		some(topics.KindCheck, checkTopics),
		some(topics.KindMistake, mistakeTopics),
	}
}

// gather lists the topics of sources, of the kinds that they are asked for.
func gather(sources []topicSource) ([]topics.Topic, error) {
	var all []topics.Topic
	for _, s := range sources {
		list, err := s.list()
		if err != nil {
			return nil, err
		}
		for _, t := range list {
			if slices.Contains(s.kinds, t.Kind) {
				all = append(all, t)
			}
		}
	}
	return all, nil
}

// findTopic looks for a topic in one source after the other. If there is none, it returns all that there are.
func findTopic(sources []topicSource, id string) (found topics.Topic, ok bool, all []topics.Topic, err error) {
	for i := range sources {
		list, err := gather(sources[i : i+1])
		if err != nil {
			return topics.Topic{}, false, nil, err
		}
		if found, ok = topics.Find(list, id); ok {
			return found, true, nil, nil
		}
		all = append(all, list...)
	}
	return topics.Topic{}, false, all, nil
}

// explainsProviders reports whether providers are among the topics.
func explainsProviders(sources []topicSource) bool {
	return slices.ContainsFunc(sources, func(s topicSource) bool { return slices.Contains(s.kinds, topics.KindProvider) })
}

func adapterTopics() []topics.Topic {
	var list []topics.Topic
	for _, info := range scenarios.Adapters() {
		list = append(list, topics.Topic{
			ID: info.Name, Kind: topics.KindAdapter, Title: info.Title, What: info.Description,
			Fix: "passrig run FILE --adapter " + info.Name + " --origin URL",
		})
	}
	return list
}

func scenarioTopics() []topics.Topic {
	var list []topics.Topic
	for _, info := range scenarios.Builtins() {
		list = append(list, topics.Topic{
			ID: builtinPrefix + info.Name, Kind: topics.KindScenario, Title: info.Title, What: info.Description,
			Facts: []string{"Tags: " + strings.Join(info.Tags, ", ")},
			Fix:   fmt.Sprintf("passrig run %s%s --adapter ADAPTER --origin URL", builtinPrefix, info.Name),
		})
	}
	return list
}

func checkTopics() []topics.Topic {
	var list []topics.Topic
	for _, c := range checks.Catalogue() {
		list = append(list, checkTopic(c))
	}
	return list
}

func mistakeTopics() []topics.Topic {
	var list []topics.Topic
	catching := checks.Catching()
	for _, f := range demorp.Faults() {
		list = append(list, topics.Topic{
			ID: f.Name, Kind: topics.KindMistake, Title: "a mistake that the demo relying party can make", What: "With it, " + f.Doc + ".",
			Fix: "passrig rp --fault " + f.Name, See: catching[f.Name],
		})
	}
	return list
}

// checkTopic says what a check is about.
func checkTopic(c *checks.Check) topics.Topic {
	t := topics.Topic{
		ID: c.ID, Kind: topics.KindCheck, Title: c.Title, Fix: c.Fix, Spec: strings.Join(c.Basis, "; "),
		What:  "Sent: " + c.Sends + ".\nExpected: " + c.Expects + ".",
		Facts: []string{"Ceremony: " + string(c.Ceremony), "Level: " + string(c.Level) + ", severity: " + string(c.Severity)},
	}
	switch c.Level {
	case checks.Must, checks.Accept:
		t.Why = "Required: a relying party that does otherwise fails."
	case checks.Should, checks.ShouldAccept:
		t.Why = "Recommended: a relying party that does otherwise gets a warning, with --strict a failure."
	case checks.Info:
		t.Why = "The relying party may choose: what it does is recorded, and never fails."
	}
	if gates := gateTexts(c); len(gates) > 0 {
		t.Facts = append(t.Facts, "Counts for targets that declare "+strings.Join(gates, ", ")+"; without a declaration it only records")
	}
	if c.Consent != "" {
		t.Facts = append(t.Facts, "Runs only with --allow "+string(c.Consent))
	}
	if c.Where != checks.Anywhere {
		t.Facts = append(t.Facts, "Runs with the "+string(c.Where)+" driver only")
	}
	if len(c.Needs) > 0 {
		t.Facts = append(t.Facts, "Needs of the adapter: "+strings.Join(texts(c.Needs), ", "))
	}
	if len(c.Faults) > 0 {
		t.Facts = append(t.Facts, "Seen to fail on the demo relying party with: "+strings.Join(c.Faults, ", "))
	}
	return t
}

// addFacts reads the adapter that a topic is about.
func addFacts(t *topics.Topic) {
	adapter, err := scenarios.LoadAdapter(t.ID, scenarios.Options{Partial: true})
	if err != nil {
		return // it is embedded and tested; what is known without reading it is shown
	}
	t.Facts = []string{
		"Operations: " + strings.Join(slices.Sorted(maps.Keys(adapter.Operations)), ", "),
		"Tested with: " + adapter.Tested,
	}
	if adapter.Homepage != "" {
		t.Facts = append(t.Facts, "Homepage: "+adapter.Homepage)
	}
	for _, name := range slices.Sorted(maps.Keys(adapter.Params)) {
		t.Facts = append(t.Facts, fmt.Sprintf("Param %s: %s", name, adapter.Params[name].Description))
	}
}

func topicIDs(list []topics.Topic) []string {
	var ids []string
	for _, t := range list {
		ids = append(ids, t.ID)
	}
	return ids
}

func topicKinds() []string {
	var kinds []string
	for _, s := range topicSources(builtinProviders) {
		kinds = append(kinds, texts(s.kinds)...)
	}
	return slices.Sorted(slices.Values(kinds))
}

// builtinTopics are all topics that passrig comes with.
func builtinTopics() []topics.Topic {
	list, err := gather(topicSources(builtinProviders))
	if err != nil {
		return nil // they are embedded and tested
	}
	return list
}

func topicWords() []string {
	var words []string
	for _, t := range builtinTopics() {
		words = append(words, described(t.ID, t.Title))
	}
	return words
}
