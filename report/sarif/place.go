package sarif

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// What is built into passrig is not among the files of whoever reads the log; this base says so.
const (
	sourceBase    = "PASSRIG_SOURCE"
	builtinPrefix = "builtin:"
)

// place is where something is written down. Without a file of its own that is the first scenario, or the adapter.
func (b *builder) place(r *report.Result) location {
	name := cmp.Or(r.ID, r.Title)
	l := location{Logical: []logicalLocation{{Name: name, QualifiedName: strings.TrimSpace(b.target(r).Origin + " " + name), Kind: r.Kind}}}
	file, line := r.File, r.Line
	if scenario := b.scenario(r); file == "" && scenario != nil {
		file = scenario.File
	}
	if !isFile(file) {
		file, line = "", 0
		if len(b.run.Scenarios) > 0 && isFile(b.run.Scenarios[0].File) {
			file = b.run.Scenarios[0].File
		}
	}
	base := ""
	if name, builtin := strings.CutPrefix(file, builtinPrefix); builtin {
		file, base = "scenarios/builtin/"+name+".yaml", sourceBase
	} else if file == "" {
		file, base = adapterFile(b.target(r).Adapter)
	}
	if file == "" {
		return l
	}
	if base != "" {
		b.out.Bases = map[string]artifactLocation{sourceBase: {Description: &text{"The source of passrig, which has its built-in scenarios and adapters"}}}
	}
	l.Physical = &physicalLocation{artifactLocation{URI: uriOf(file), Base: base}, region{max(line, 1)}}
	return l
}

// isFile says whether a name is that of a file, and not of standard input.
func isFile(name string) bool { return name != "" && name != "-" }

// adapterFile is the file of an adapter, which the result has as a path or as the name of a built-in one.
func adapterFile(adapter string) (file, base string) {
	if adapter == "" || strings.ContainsAny(adapter, `/\`) || strings.HasSuffix(adapter, ".yaml") || strings.HasSuffix(adapter, ".yml") {
		return adapter, ""
	}
	return "scenarios/adapters/" + adapter + ".yaml", sourceBase
}

// uriOf makes a path as it was typed a relative URI with forward slashes (SARIF 2.1.0 §3.4.3). An absolute path stays one:
// what it would be relative to is not in the result.
func uriOf(file string) string {
	file = path.Clean(strings.ReplaceAll(clean(file), `\`, "/"))
	switch {
	case strings.HasPrefix(file, "/"):
		return (&url.URL{Scheme: "file", Path: "/" + strings.TrimLeft(file, "/")}).String()
	case len(file) > 2 && file[1] == ':' && file[2] == '/': // a drive of Windows
		return (&url.URL{Scheme: "file", Path: "/" + file}).String()
	}
	return (&url.URL{Path: file}).String()
}

// target is the relying party that a result is about.
func (b *builder) target(r *report.Result) *report.Target {
	if r.Kind == report.ResultCell && b.run.Matrix != nil {
		if p := b.run.Matrix.Party(r.Group); p != nil {
			return &p.Target
		}
	}
	return &b.run.Target
}

// scenario is that of a step or threshold, or nil.
func (b *builder) scenario(r *report.Result) *report.Scenario {
	if r.Kind == report.ResultCheck || r.Kind == report.ResultCell {
		return nil
	}
	i := slices.IndexFunc(b.run.Scenarios, func(s report.Scenario) bool { return s.ID == r.Group })
	if i < 0 {
		return nil
	}
	return &b.run.Scenarios[i]
}

// steadyOrigin is an origin without what differs from run to run: a relying party on this machine often gets a free port.
func steadyOrigin(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return origin
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback() {
		return u.Scheme + "://" + host
	}
	return origin
}

// fingerprint is the same for the same finding in another run, also when lines were added above it in the scenario. Equal
// ones are numbered in the order in which they come.
func (b *builder) fingerprint(r *report.Result) string {
	origin := b.target(r).Origin
	if scenario := b.scenario(r); scenario != nil {
		origin = cmp.Or(scenario.Target.Origin, origin)
	}
	identity := []string{r.Kind, steadyOrigin(origin), r.Group, r.Title}
	if r.Kind == report.ResultCheck || r.Kind == report.ResultCell { // its title may be put better one day
		identity = []string{r.Kind, steadyOrigin(origin), r.ID}
	}
	h := sha256.New()
	for _, part := range identity {
		fmt.Fprintf(h, "%d:%s", len(part), part) // the length, so that no two lists look the same
	}
	sum := hex.EncodeToString(h.Sum(nil)[:16])
	b.seen[sum]++
	return fmt.Sprintf("%s:%d", sum, b.seen[sum])
}

// Texts are cut: code scanning refuses files above 10 MB, and the whole is in the result file.
const (
	mostText  = 4 << 10
	mostBrief = 1 << 10
)

func cut(s string) string { return report.Shorten(s, mostText) }

// brief is for descriptions, which are one line.
func brief(s string) string {
	return report.Shorten(strings.Join(strings.Fields(clean(s)), " "), mostBrief)
}

// clean makes text valid UTF-8, as the encoder would, so that what is compared is what is written.
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// plain keeps text from becoming a link (SARIF 2.1.0 §3.11.6).
func plain(s string) string { return strings.ReplaceAll(clean(s), "](", "] (") }
