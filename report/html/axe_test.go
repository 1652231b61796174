package html_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/passrig/passrig/report/internal/golden"
)

// modes are how every page is looked at. In the dark only colors are others, as TestDarkIsOnlyColors has it.
func modes() []mode {
	return []mode{{1280, "light", false}, {390, "light", false}, {1280, "dark", false}}
}

// axe is what axe-core found on a page.
type axe struct {
	Violations, Incomplete []axeRule
	Passes                 int // rules that had something to look at
}

type axeRule struct {
	ID, Help string
	Nodes    []axeNode
}

type axeNode struct {
	HTML    string
	Target  json.RawMessage
	Summary string `json:"failureSummary"`
	Any     []struct{ Data json.RawMessage }
}

// axeSource is axe-core, which every page is given besides its own script.
func axeSource(t *testing.T) string {
	t.Helper()
	golden.Installed(t)
	source, err := os.ReadFile(filepath.Join(golden.Validators, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// axe runs all rules of axe-core that are not experimental, and the one on the size of targets, which is off by default.
// Colors it judges after the others.
func (tb *tab) axe(source string) axe {
	tb.t.Helper()
	all := tb.axeRun(source, `rules: {"target-size": {enabled: true}, "color-contrast": {enabled: false}}`, 15)
	colors := tb.axeColors(source)
	all.Violations, all.Incomplete = append(all.Violations, colors.Violations...), append(all.Incomplete, colors.Incomplete...)
	return all
}

// axeColors has axe-core judge only colors, with nothing cut off by the edge of a region that scrolls.
func (tb *tab) axeColors(source string) axe {
	tb.t.Helper()
	tb.eval(`document.body.style.minWidth = "150rem";
		document.querySelectorAll(".wrap").forEach(e => { e.style.maxWidth = "none" });
		document.querySelectorAll(".scroll, .mx-scroll, .mx-glance-scroll, pre").forEach(e => { e.style.overflow = "visible"; e.style.maxHeight = "none" })`, nil)
	return tb.axeRun(source, `runOnly: ["color-contrast"]`, 1)
}

// axeRun is what axe-core finds when so many rules or more have something to look at.
func (tb *tab) axeRun(source, options string, least int) axe {
	tb.t.Helper()
	tb.eval("if (!window.axe) {"+source+"}", nil)
	var found axe
	tb.eval(`axe.run(document, {preload: false, resultTypes: ["violations", "incomplete"], `+options+`})
		.then(r => ({violations: r.violations, incomplete: r.incomplete, passes: r.passes.length}))`, &found)
	if found.Passes < least {
		tb.t.Errorf("only %d rules of axe-core had something to look at", found.Passes)
	}
	return found
}

func (a axe) String() string {
	var b strings.Builder
	for kind, rules := range map[string][]axeRule{"violation": a.Violations, "incomplete": a.Incomplete} {
		for _, r := range rules {
			for _, n := range r.Nodes {
				if kind == "incomplete" && n.explained(r.ID) {
					continue
				}
				fmt.Fprintf(&b, "%s of %s: %s\n  %s\n  %.300s\n  %s\n", kind, r.ID, r.Help, n.Target, n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n  "))
			}
		}
	}
	return b.String()
}

// explained reports whether it is known why axe-core cannot tell.
func (n axeNode) explained(rule string) bool {
	if rule != "color-contrast" {
		return false
	}
	// What stands in a drawing axe-core cannot see through: it has the colors ink, soft and fail, with a rim of the paper's
	// color where lines pass under it, and TestContrast holds these to their ratio. The table beside it is judged.
	if strings.HasPrefix(n.HTML, "<text ") {
		return true
	}
	// A single letter or digit, or a mark such as ✓, may be an icon to axe-core. Here it is text, in the color of the longer
	// texts beside it, which are judged.
	return strings.Contains(string(n.Any[0].Data), `"messageKey":"shortTextContent"`) || strings.Contains(string(n.Any[0].Data), `"messageKey":"nonBmp"`)
}

// TestAxe opens every page in a real browser, light and dark, wide and narrow, with everything unfolded: axe-core finds
// nothing and leaves nothing open, nothing is wider than the window, and Chrome has nothing to complain about.
func TestAxe(t *testing.T) {
	t.Parallel()
	source, documents := axeSource(t), documents(t)
	for _, m := range modes() {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t)
			for _, name := range slices.Sorted(maps.Keys(documents)) {
				tb := b.open(documents[name], m)
				tb.eval(`document.querySelectorAll("details").forEach(d => { d.open = true })`, nil)
				if wide := tb.wider(); wide != "" {
					t.Errorf("%s: %s", name, wide)
				}
				look := tb.axe
				if m.scheme == "dark" {
					look = tb.axeColors
				}
				if found := look(source).String(); found != "" {
					t.Errorf("%s:\n%s", name, found)
				}
				for _, c := range tb.complaints() {
					t.Errorf("%s: %s", name, c)
				}
				tb.close()
			}
		})
	}
}

// TestDarkIsOnlyColors allows [TestAxe] to judge nothing else in the dark.
func TestDarkIsOnlyColors(t *testing.T) {
	css, err := os.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	const query = "(prefers-color-scheme: dark) {"
	_, dark, _ := strings.Cut(string(css), query)
	dark, _, closed := strings.Cut(dark, "\n}\n")
	if rest := regexp.MustCompile(`^\s*:root \{(\s*--[a-z0-9-]+: #[0-9a-f]{6};)+\s*\}$`); !closed || !rest.MatchString(dark) || strings.Count(string(css), query) != 1 {
		t.Errorf("the dark scheme is more than colors:\n%s", dark)
	}
}

// wider names what makes the page scroll sideways.
func (tb *tab) wider() string {
	tb.t.Helper()
	var out string
	tb.eval(`(() => {
		const room = document.documentElement.clientWidth, needs = document.documentElement.scrollWidth;
		if (needs <= room) return "";
		const wide = [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > room + 1 && !e.closest(".scroll, .mx-scroll, .mx-glance-scroll, pre"));
		return needs + " px wide: " + wide.slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join("\n");
	})()`, &out)
	return out
}

// What the tests in the browser are there for, they notice.
func TestAxeRefuses(t *testing.T) {
	b, narrow := newBrowser(t), mode{width: 390, scheme: "light"}
	tb := b.open(repoliced(planted(t, plants{
		"label":                       {`<label for="find-text">Find</label>`, ``},
		"color-contrast":              {`--soft: #5b5751`, `--soft: #b5b1ab`},
		"svg-img-alt":                 {`<svg role="img" aria-label="login.client`, `<svg role="img" aria-labe="login.client`},
		"scrollable-region-focusable": {`<div class="scroll" role="group" aria-labelledby="latency" tabindex="0">`, `<div class="scroll">`},
		"heading-order":               {`<h2 id="steps">All steps</h2>`, `<h4 id="steps">All steps</h4>`},
		"duplicate-id-aria":           {`<h2 id="thresholds">`, `<h2 id="attention">`},
	})), narrow)
	found := tb.axe(axeSource(t))
	var rules []string
	for _, v := range slices.Concat(found.Violations, found.Incomplete) {
		rules = append(rules, v.ID)
	}
	for _, rule := range []string{"label", "color-contrast", "svg-img-alt", "scrollable-region-focusable", "heading-order", "duplicate-id-aria"} {
		if !slices.Contains(rules, rule) {
			t.Errorf("%s is not among %q", rule, rules)
		}
	}
	tb.close()
	for _, tt := range []struct {
		page []byte
		want []string
	}{
		{planted(t, plants{
			"a request": {`</h1>`, `</h1><img alt="" src="http://127.0.0.1:9/x.png">`},
			"a script":  {`<main`, `<script>document.title = "x"</script><main`},
			"a style":   {`<h1>`, `<h1 style="color: red">`},
		}), []string{"request of http", "error security", "Applying inline style"}},
		{repoliced(planted(t, plants{"a mistake": {`"use strict";`, `"use strict"; null.x;`}})), []string{"exception"}},
	} {
		tb := b.open(tt.page, narrow)
		all := strings.Join(tb.complaints(), "\n")
		for _, want := range tt.want {
			if !strings.Contains(all, want) {
				t.Errorf("%q is not in %q", want, all)
			}
		}
		tb.close()
	}
	tb = b.open(repoliced(planted(t, plants{"width": {`body { margin: 0;`, `body { margin: 0; width: 400px;`}})), narrow)
	if tb.wider() == "" {
		t.Error("a page that is too wide is not noticed")
	}
	tb.close()
}

// repoliced is a page whose content security policy allows the script and the style that are in it.
func repoliced(page []byte) []byte {
	for _, element := range []string{"style", "script"} {
		_, rest, _ := bytes.Cut(page, []byte("<"+element+">"))
		content, _, _ := bytes.Cut(rest, []byte("</"+element+">"))
		sum := sha256.Sum256(content)
		hash := regexp.MustCompile(element + `-src &#39;sha256-[^ ]*&#39;`)
		if !hash.Match(page) {
			panic("the policy has no hash of the " + element)
		}
		page = hash.ReplaceAll(page, []byte(element+"-src &#39;sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"&#39;"))
	}
	return page
}
