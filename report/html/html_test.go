package html_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	nethtml "golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/html"
	"github.com/passrig/passrig/report/internal/golden"
)

var update = flag.Bool("update", false, "rewrite golden files")

type failer interface {
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

func write(t failer, run *report.Run) []byte {
	var out bytes.Buffer
	if err := html.Write(&out, run); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	for _, name := range golden.Runs() {
		t.Run(name, func(t *testing.T) {
			out := write(t, golden.Load(t, name))
			golden.Check(t, *update, name+".html", out)
			checkDocument(t, out)
		})
	}
}

func TestEmptyRun(t *testing.T) {
	out := write(t, &report.Run{})
	checkDocument(t, out)
	if !bytes.Contains(out, []byte("Nothing was judged")) {
		t.Error("an empty run does not say that it is empty")
	}
}

// allowed are the elements the templates use; anything else came out of the data.
const allowed = " html head body meta title style a svg defs pattern marker rect path circle line text desc header nav main section article " +
	"search label input fieldset legend output button script footer div p span strong h1 h2 h3 h4 ul ol li dl dt dd table caption colgroup col thead tbody tr th td code pre details summary figure figcaption time "

// checkDocument holds a page to what the package promises about every page.
func checkDocument(t failer, page []byte) {
	doc, err := nethtml.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	c := checker{failer: t, ids: make(map[string]bool), hashes: make(map[string][]string)}
	c.walk(doc)
	if c.h1 != 1 {
		t.Errorf("%d h1 elements, want 1", c.h1)
	}
	for _, id := range c.refs {
		if !c.ids[id] {
			t.Errorf("reference to #%s leads nowhere", id)
		}
	}
	for _, drawing := range drawingsOf(string(page)) {
		// Which characters a text may have is another question in XML than in HTML.
		text := strings.Map(func(r rune) rune {
			if r < ' ' && r != '\n' || r >= 0xfffe && r <= 0xffff {
				return '?'
			}
			return r
		}, strings.ToValidUTF8(drawing, "?"))
		if err := xml.Unmarshal([]byte(text), new(struct{})); err != nil {
			t.Errorf("a drawing is not XML: %v\n%.300s", err, drawing)
		}
	}
	checkPolicy(t, &c)
}

// checkPolicy wants the content security policy to allow the one script and the one style that are there, and no request.
func checkPolicy(t failer, c *checker) {
	want := "default-src 'none'; style-src " + strings.Join(c.hashes["style"], " ") + "; script-src " + strings.Join(c.hashes["script"], " ") +
		"; img-src data:; base-uri 'none'; form-action 'none'"
	if c.policy != want {
		t.Errorf("the content security policy is\n%s\nwant\n%s", c.policy, want)
	}
	if len(c.hashes["style"]) != 1 || len(c.hashes["script"]) != 1 {
		t.Errorf("%d styles and %d scripts, want one each", len(c.hashes["style"]), len(c.hashes["script"]))
	}
}

var pathData = regexp.MustCompile(`^([MLHVZh ]*(-?\d+(\.\d+)?)*)*$`)

var svgTag = regexp.MustCompile(`<(/?)svg[ >]`)

// drawingsOf are the plots of a page, with the drawings inside them.
func drawingsOf(page string) []string {
	var all []string
	begin, depth := -1, 0
	for _, m := range svgTag.FindAllStringSubmatchIndex(page, -1) {
		switch closes := m[2] < m[3]; {
		case begin < 0 && strings.HasPrefix(page[m[0]:], `<svg class="plot"`):
			begin, depth = m[0], 1
		case begin < 0:
		case !closes:
			depth++
		case depth > 1:
			depth--
		default:
			all, begin = append(all, page[begin:m[1]]), -1
		}
	}
	if begin >= 0 {
		all = append(all, page[begin:]) // one without an end is no XML
	}
	return all
}

type checker struct {
	failer
	ids     map[string]bool
	refs    []string
	h1      int
	heading int
	policy  string
	hashes  map[string][]string // of styles and scripts, as a content security policy writes them
}

func (c *checker) walk(n *nethtml.Node) {
	if n.Type == nethtml.ElementNode {
		c.element(n)
	}
	for child := range n.ChildNodes() {
		c.walk(child)
	}
}

func (c *checker) element(n *nethtml.Node) {
	if !strings.Contains(allowed, " "+n.Data+" ") {
		c.Errorf("element %q is not one of the templates", n.Data)
	}
	if len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' {
		level := int(n.Data[1] - '0')
		if level > c.heading+1 {
			c.Errorf("h%d follows h%d", level, c.heading)
		}
		c.heading = level
		if level == 1 {
			c.h1++
		}
	}
	attrs := make(map[string]string)
	for _, a := range n.Attr {
		attrs[a.Key] = a.Val
		c.attribute(n.Data, a.Key, a.Val)
	}
	switch {
	case n.Data == "meta" && attrs["http-equiv"] == "Content-Security-Policy":
		c.policy = attrs["content"]
	case n.Data == "style" || n.Data == "script":
		var text bytes.Buffer
		for child := range n.ChildNodes() {
			text.WriteString(child.Data)
		}
		sum := sha256.Sum256(text.Bytes())
		c.hashes[n.Data] = append(c.hashes[n.Data], "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	if n.Data == "svg" && attrs["aria-hidden"] == "" && (attrs["role"] != "img" || attrs["aria-label"]+attrs["aria-labelledby"] == "") {
		c.Errorf("a drawing has no role or no name")
	}
	if n.Data == "th" && attrs["scope"] == "" {
		c.Errorf("a table header has no scope")
	}
}

func (c *checker) attribute(element, key, val string) {
	switch {
	case key == "id":
		if c.ids[val] {
			c.Errorf("id %q is used twice", val)
		}
		c.ids[val] = true
	case key == "href":
		if !strings.HasPrefix(val, "#") {
			c.Errorf("link out of the document: %q", val)
		}
		c.refs = append(c.refs, strings.TrimPrefix(val, "#"))
	case key == "aria-labelledby":
		c.refs = append(c.refs, strings.Fields(val)...)
	case strings.HasPrefix(key, "on") || key == "style" || key == "src" || key == "srcset" || key == "action":
		c.Errorf("%s has the attribute %s=%q", element, key, val)
	case slices.Contains(strings.Fields("x y x1 x2 y1 y2 cx cy r width height dx dy"), key):
		v, err := strconv.ParseFloat(strings.TrimSuffix(val, "%"), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 && key != "dx" && key != "dy" {
			c.Errorf("%s has the attribute %s=%q", element, key, val)
		}
	case key == "d":
		if !pathData.MatchString(val) {
			c.Errorf("a path is not one: %.200q", val)
		}
	}
}

func TestHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nasty := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</style><script>", "</title><svg onload=x>", "javascript:alert(1)",
			"{{.}}", "<!--", "-->", "\x00", "&lt;b&gt;", "' autofocus onfocus='x", "]]>", "</pre></code>", "url(http://evil)",
		}))
		number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, -1, 1e300, 1e-300, 3}))
		text := func(label string) string { return nasty.Draw(t, label) }
		run := &report.Run{
			Name: text("name"), Driver: text("driver"), Partial: true, Aborted: text("aborted"), DurationMS: number.Draw(t, "duration"),
			Tool: report.Tool{Name: text("tool")}, Target: report.Target{Origin: text("origin"), RPID: text("rp.id"), BaseURL: text("base")},
			Scenarios: []report.Scenario{{ID: "s", Name: text("scenario"), File: text("file"), Tags: []string{text("tag")}, Verdict: report.Verdict(text("verdict"))}},
			Metrics:   map[string]report.Metric{text("metric"): {Unit: "ns", Count: 2, Min: number.Draw(t, "min"), P50: number.Draw(t, "p50"), Max: number.Draw(t, "max")}},
			Thresholds: []report.Threshold{
				{Text: text("threshold"), Actual: text("actual"), Hint: text("hint"), Verdict: report.VerdictError, File: text("file")},
			},
			Checks: []report.Check{{ID: text("check"), Verdict: report.VerdictFail, Basis: []string{text("basis")}, Evidence: &report.CheckEvidence{
				Sent: text("sent"), Seen: map[string]any{text("key"): text("value")}, Cases: []report.CheckCase{{Name: text("case"), Changes: []string{text("change")}, After: text("after")}},
			}}},
		}
		for _, v := range []report.Verdict{report.VerdictPass, report.VerdictFail, report.VerdictWarn, report.VerdictSkip} {
			run.Steps = append(run.Steps, report.Step{
				ID: text("id"), Scenario: "s", Title: text("title"), Message: text("message"), Expected: text("expected"), Verdict: v, File: text("file"),
				DurationMS: number.Draw(t, "step"),
				Ceremony: &report.Ceremony{
					ClientData: text("client data"), Options: map[string]any{text("key"): []any{text("value")}},
					Phases: []report.Phase{{Name: text("phase"), StartMS: number.Draw(t, "start"), DurationMS: number.Draw(t, "length")}},
				},
				Exchanges: []report.Exchange{{
					Purpose: text("purpose"), Curl: text("curl"), Timing: report.Timing{TotalMS: number.Draw(t, "total"), TTFBMS: number.Draw(t, "ttfb")},
					Request:  report.Request{Method: text("method"), URL: text("url"), Headers: []report.Header{{Name: text("header"), Value: text("value")}}},
					Response: &report.Response{Body: text("body"), Proto: text("proto")},
				}},
			})
		}
		run.Summary = run.Summarize()
		checkDocument(t, write(t, run))
	})
}

// Text and its background must differ by 4.5 to 1 (WCAG 2.2, 1.4.3) in both color schemes.
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(css), "@media screen and (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("no dark scheme")
	}
	dark, _, _ = strings.Cut(dark, "* {")
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colors := make(map[string]float64)
		for _, m := range regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(text, -1) {
			colors[m[1]] = luminance(t, m[2])
		}
		pairs := map[string][]string{
			"paper": {"ink", "soft", "accent"}, "sheet": {"ink", "soft", "accent", "pass", "fail", "error", "warn"},
			"tint": {"ink", "soft"}, "warn-bg": {"ink", "warn"}, "fail-bg": {"ink", "fail", "soft"}, "pass-bg": {"pass"},
			"error-bg": {"error"}, "skip-bg": {"skip"}, "info-bg": {"info"},
		}
		for _, line := range []string{"line-1", "line-2", "line-3", "line-4", "line-5", "line-6", "fail", "bar"} {
			for _, back := range []string{"sheet", "paper", "tint"} { // WCAG 2.2, 1.4.11
				if ratio := (max(colors[line], colors[back]) + .05) / (min(colors[line], colors[back]) + .05); ratio < 3 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", scheme, line, back, ratio)
				}
			}
		}
		for back, fronts := range pairs {
			for _, front := range fronts {
				a, okA := colors[back]
				b, okB := colors[front]
				if ratio := (max(a, b) + .05) / (min(a, b) + .05); !okA || !okB || ratio < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", scheme, front, back, ratio)
				}
			}
		}
	}
}

// luminance is the relative luminance of "#rrggbb" as WCAG defines it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestWriteErrors(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := html.Write(w, golden.Load(t, "mixed")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

// The command that makes the same run again has the params and the origin, as a shell takes them.
func TestCommandOfTheSameRun(t *testing.T) {
	run := golden.Load(t, "pass")
	run.Params = map[string]string{"user": "o'neill x", "size": "3"}
	page := string(write(t, run))
	want := ` --param size=3 --param user=&#39;o&#39;\&#39;&#39;neill x&#39; --origin ` + run.Target.Origin + ` --seed `
	if !strings.Contains(strings.ReplaceAll(page, "'", "&#39;"), want) {
		_, after, _ := strings.Cut(page, `aria-labelledby="again">`)
		t.Errorf("%.300s\nwant %s", after, want)
	}
	run.Scenarios = append(run.Scenarios, report.Scenario{File: "other.yaml", Target: report.Target{Origin: "https://other.test"}})
	if page := string(write(t, run)); strings.Contains(page, "--origin "+run.Target.Origin) {
		t.Error("one origin for scenarios of several")
	}
}

// Of hundreds of thousands of steps a page shows what a browser can open: what failed, and a part of what passed.
func TestManySteps(t *testing.T) {
	const many, failed = 650_000, 1500
	run := golden.Load(t, "pass")
	few := len(run.Steps)
	for i := range many {
		step := report.Step{ID: fmt.Sprintf("many/%d", i), Scenario: run.Scenarios[0].ID, Title: "login alice", Verdict: report.VerdictPass, DurationMS: 1}
		if i%(many/failed) == 0 && i/(many/failed) < failed {
			step.Verdict, step.Title = report.VerdictFail, "login bob"
		}
		run.Steps = append(run.Steps, step)
	}
	run.Summary = run.Summarize()
	out := write(t, run)
	checkDocument(t, out)
	if len(out) > largestPage {
		t.Errorf("%d bytes, want at most %d", len(out), largestPage)
	}
	if n := bytes.Count(out, []byte("<h3 id=\"step-")); n != failed {
		t.Errorf("%d failures are shown, want %d", n, failed)
	}
	want := fmt.Sprintf("Of %d steps the first 2000 of each verdict are shown. Left out: %d (pass). All of them are in the result file (JSON).", few+many, few+many-failed-2000)
	if n := bytes.Count(out, []byte(want)); n != 2 {
		t.Errorf("the page says %d times %q, want it twice: at what failed and at all steps", n, want)
	}
}

// Also a table whose steps are left out is whole, and its fields lead nowhere.
func TestManyStepsInATable(t *testing.T) {
	run := &report.Run{Scenarios: []report.Scenario{{ID: "s", Name: "s"}}}
	for i := range 2500 {
		run.Steps = append(run.Steps, report.Step{
			ID: strconv.Itoa(i), Scenario: "s", Verdict: report.VerdictPass, Outcome: "accepted",
			Cell: &report.Cell{Row: strconv.Itoa(i / 40), Column: strconv.Itoa(i % 40)},
		})
	}
	run.Summary = run.Summarize()
	out := write(t, run)
	checkDocument(t, out)
	if n := bytes.Count(out, []byte("</span>accepted</span>")); n != 2500 {
		t.Errorf("%d fields say what happened, want 2500", n)
	}
}
