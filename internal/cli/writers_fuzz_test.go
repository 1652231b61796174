package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"

	"github.com/passrig/passrig/internal/load/live/livetest"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/badge"
	"github.com/passrig/passrig/report/comparison"
	"github.com/passrig/passrig/report/github"
	"github.com/passrig/passrig/report/terminal"
)

// recorded are the runs that every writer is tested with, as files.
var recorded = sync.OnceValues(func() ([][]byte, error) {
	paths, err := filepath.Glob("../../report/testdata/runs/*.json")
	var files [][]byte
	for _, path := range paths {
		data, readErr := os.ReadFile(path)
		files, err = append(files, data), errors.Join(err, readErr)
	}
	return files, err
})

// hostileTexts mean something to a format, or to what shows it.
var hostileTexts = []string{
	"", "harmless", "<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", `" onmouseover="alert(1)`, "javascript:alert(1)", "]]>", "<!--", "&amp;&#64;", "\x00\x1b[31mred\x07\x9b2J",
	"\xff\xfe", "\ufffe", "a\r\nb", "\u2028\u2029", "\u202eoverride\u2066", "\x1b]0;title\x07", "\n::error file=a::x", "%0A::error::x", "::stop-commands::x", "##[error]x", "=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1",
	"\nnot ok 2\n", "Bail out!", "ok 1 # SKIP", "# EOF\n", "\"} 1\nx 2", "| a |", "```\n", "</details>", "../../etc/passwd", "file:///etc/passwd", "{{.}}", "${{ x }}", strings.Repeat("é|<&\"", 1000),
}

// FuzzWriters puts any text and any number into a recorded run, anywhere, and has every format show it.
func FuzzWriters(f *testing.F) {
	files, err := recorded()
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for i, text := range hostileTexts {
		f.Add(uint8(i), uint64(i), text, []float64{0, -1, math.MaxFloat64, 1e-300, math.MaxInt64, 1 << 53}[i%6])
	}
	f.Fuzz(func(t *testing.T, which uint8, seed uint64, text string, number float64) {
		if math.IsNaN(number) || math.IsInf(number, 0) || len(text) > 1<<13 {
			return // JSON has no such numbers; length is tested apart
		}
		run := spoiled(t, files[int(which)%len(files)], seed, text, number)
		if data, err := json.Marshal(run); err != nil {
			t.Fatal(err)
		} else if _, err := report.Load(bytes.NewReader(data)); err != nil {
			return // no such run is ever shown
		}
		checkFormats(t, run)
	})
}

// TestLongTexts is FuzzWriters with a text of a megabyte.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mixed", "matrix"} {
		data, err := os.ReadFile("../../report/testdata/runs/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		run, err := report.Load(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("<é\x1b&\n", 1<<17)
		run.Name, run.Aborted = long, long
		if len(run.Steps) > 0 {
			run.Steps[0].Title, run.Steps[0].Message = long, long
		}
		if run.Matrix != nil {
			run.Matrix.Cells[0].Facets[0].Reason, run.Matrix.Parties[0].Title, run.Matrix.Providers[0].Title = long, long, long
		}
		checkFormats(t, run)
	}
}

// spoiled is a recorded run with a text and a number in some of its places.
func spoiled(t *testing.T, data []byte, seed uint64, text string, number float64) *report.Run {
	t.Helper()
	run, err := report.Load(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(seed, 1))
	often := []int{1, 2, 5, 40}[random.IntN(4)]
	var spoil func(v reflect.Value)
	spoil = func(v reflect.Value) {
		hit := random.IntN(often) == 0
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() && v.Kind() == reflect.Pointer {
				spoil(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Field(i).CanSet() && v.Type().Field(i).Name != "Schema" {
					spoil(v.Field(i))
				}
			}
		case reflect.Slice:
			if v.Type().Elem().Kind() == reflect.Uint8 {
				return // JSON as it was received
			}
			for i := range v.Len() {
				spoil(v.Index(i))
			}
			if hit && v.Len() > 0 && random.IntN(8) == 0 {
				v.Set(reflect.Append(v, v.Index(random.IntN(v.Len())))) // what is there twice
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				value := reflect.New(v.Type().Elem()).Elem()
				value.Set(v.MapIndex(key))
				spoil(value)
				name := reflect.New(v.Type().Key()).Elem()
				name.Set(key)
				spoil(name)
				v.SetMapIndex(name, value)
			}
		case reflect.String:
			if hit && v.Type() != reflect.TypeFor[report.Verdict]() {
				v.SetString([]string{text, text + v.String(), v.String() + text}[random.IntN(3)])
			}
		case reflect.Float64:
			if hit {
				v.SetFloat(number)
			}
		case reflect.Int, reflect.Int64:
			if hit {
				v.SetInt(int64(max(-1e18, min(number, 1e18))))
			}
		case reflect.Bool:
			if hit {
				v.SetBool(!v.Bool())
			}
		default: // seeds, and what others made
		}
	}
	spoil(reflect.ValueOf(run).Elem())
	run.Summary = run.Summarize()
	return run
}

// checkFormats writes the run in every format, and reads each as what shows it would.
func checkFormats(t *testing.T, run *report.Run) {
	t.Helper()
	checks := map[string]func([]byte) error{
		"badge": wellFormed, "csv": plainTable, "github": noControls, "html": harmlessPage, "json": loads, "junit": wellFormed, "markdown": noControls,
		"ndjson": everyLine, "openmetrics": metrics, "sarif": oneObject, "tap": protocol(run), formatTerminal: noControls,
	}
	for _, f := range formats() {
		check := checks[f.name]
		if check == nil {
			t.Fatalf("nothing says what %s may look like", f.name)
		}
		checkOne(t, f.name, check, func(w io.Writer) error { return f.write(w, run) })
	}
	checkOne(t, "endpoint", oneObject, func(w io.Writer) error { return badge.WriteEndpoint(w, run) })
	checkOne(t, "annotations", commands, func(w io.Writer) error { return github.WriteAnnotations(w, github.Annotations(run)) })
	for _, options := range []terminal.Options{{Quiet: true, Width: 40}, {Color: true, Width: 80}} {
		checkOne(t, fmt.Sprintf("terminal %+v", options), noControls, func(w io.Writer) error { return terminal.Write(w, run, options) })
	}
	c, err := comparison.Compare([]comparison.Input{{Name: run.Name, Run: run}}, []comparison.Input{{Name: run.Name, Run: run}}, comparison.Options{})
	if err != nil {
		return // it says why
	}
	checkOne(t, "comparison", noControls, func(w io.Writer) error { return terminal.WriteComparison(w, c, terminal.Options{Color: true}) })
	checkOne(t, "comparison for github", noControls, func(w io.Writer) error { return github.WriteComparison(w, c) })
}

func checkOne(t *testing.T, name string, check func([]byte) error, write func(io.Writer) error) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Errorf("%s cannot be written: %v", name, err)
		return
	}
	if !utf8.Valid(out.Bytes()) {
		t.Errorf("%s is not UTF-8", name)
	}
	if err := check(out.Bytes()); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// TestChecksOfFormats plants what the checks are there to find.
func TestChecksOfFormats(t *testing.T) {
	t.Parallel()
	const head = `<!doctype html><meta http-equiv="Content-Security-Policy" content="x"><script></script>`
	for text, check := range map[string]func([]byte) error{
		"<a>]]></a>": wellFormed, "<a>\x01</a>": wellFormed, "<a><b></a>": wellFormed, "{}{}": oneObject, "[]": oneObject, "{\"a\":1}\n{": everyLine,
		"a,=1\n": plainTable, "a,\"\tb\"\n": plainTable, "a,\x1b\n": plainTable, "\x1b[2J": noControls, "\u202e": noControls, "\r": noControls, "\u009b": noControls,
		"::error::a\r::error::b\n": commands, "::error::a\nb\n": commands, "::stop-commands::a\n": commands, "1..1\nok 1\nok 2\n": protocol(&report.Run{}),
		"1..1\nok 1\nBail out!\n": protocol(&report.Run{}), "1..0\nhello\n": protocol(&report.Run{}), "a 1": metrics,
		head + "<script>": harmlessPage, head + "<p onclick=a>": harmlessPage, head + "<a href='JavaScript:a'>": harmlessPage, head + "<img src=x>": harmlessPage,
		head + "<iframe>": harmlessPage, "<p>": harmlessPage,
	} {
		if check([]byte(text)) == nil {
			t.Errorf("nothing is said against %q", text)
		}
	}
	if err := harmlessPage([]byte(head + "<p><a href='#a'>a</a>")); err != nil {
		t.Error(err)
	}
}

func wellFormed(text []byte) error {
	in := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := in.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func oneObject(text []byte) error {
	var object map[string]any
	return json.Unmarshal(text, &object)
}

func loads(text []byte) error {
	_, err := report.Load(bytes.NewReader(text))
	return err
}

func everyLine(text []byte) error {
	for line := range bytes.Lines(text) {
		if err := oneObject(line); err != nil {
			return fmt.Errorf("%w in %.200q", err, line)
		}
	}
	return nil
}

func metrics(text []byte) error {
	_, err := livetest.Read(string(text))
	return err
}

// plainTable reads CSV, in which no cell may be a formula for a spreadsheet.
func plainTable(text []byte) error {
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	for _, row := range rows {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "-") || strings.HasPrefix(cell, "@") || strings.HasPrefix(cell, "\t") || strings.HasPrefix(cell, "\r") {
				return fmt.Errorf("the cell %.60q is a formula", cell)
			}
			err = errors.Join(err, noControls([]byte(strings.ReplaceAll(cell, "\r\n", "\n"))))
		}
	}
	return err
}

var paint = regexp.MustCompile("\x1b\\[[0-9;]*m")

// noControls allows no control character but line breaks, and what colors are made of.
func noControls(text []byte) error {
	rest := string(paint.ReplaceAll(text, nil))
	at := strings.IndexFunc(rest, func(c rune) bool {
		return c != '\n' && unicode.IsControl(c) || c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x2069
	})
	if at >= 0 {
		return fmt.Errorf("%.80q has a control character", rest[max(0, at-20):])
	}
	return nil
}

// commands are lines for GitHub Actions, each of them one of ours.
func commands(text []byte) error {
	for line := range strings.Lines(string(text)) {
		if !regexp.MustCompile(`^::(error|warning|notice)( [^\n]*)?::[^\r\n]*\n$`).MatchString(line) {
			return fmt.Errorf("%.200q is no annotation", line)
		}
	}
	return noControls(text)
}

// protocol is TAP: a version, a plan that is kept, and results with what is said of them. Only a run that was aborted bails out.
func protocol(run *report.Run) func([]byte) error {
	return func(text []byte) error {
		planned, results, bails := -1, 0, 0
		for line := range strings.Lines(string(text)) {
			switch {
			case strings.HasPrefix(line, "1.."):
				if _, err := fmt.Sscanf(line, "1..%d", &planned); err != nil {
					return err
				}
			case strings.HasPrefix(line, "ok "), strings.HasPrefix(line, "not ok "):
				results++
			case strings.HasPrefix(line, "Bail out!"):
				bails++
			case line == "\n", strings.HasPrefix(line, "#"), strings.HasPrefix(line, "  "), line == "TAP version 14\n":
			default:
				return fmt.Errorf("%.200q is no line of TAP", line)
			}
		}
		if planned != results || bails > 1 || bails == 1 && !run.Partial && run.Aborted == "" {
			return fmt.Errorf("%d results, and %d in the plan; it bails out %d times", results, planned, bails)
		}
		return noControls(text)
	}
}

// harmlessPage parses a page as a browser does, and lets nothing in it do or load anything but what is ours.
func harmlessPage(text []byte) error {
	page, err := goquery.NewDocumentFromReader(bytes.NewReader(text))
	if err != nil {
		return err
	}
	page.Find("*").EachWithBreak(func(_ int, s *goquery.Selection) bool {
		name := goquery.NodeName(s)
		if slices.Contains([]string{"iframe", "object", "embed", "base", "form", "frame", "frameset", "applet", "marquee", "plaintext", "xmp", "foreignobject"}, name) {
			err = fmt.Errorf("there is an element %s", name)
		}
		for _, a := range s.Get(0).Attr {
			switch value := strings.ToLower(strings.TrimSpace(a.Val)); {
			case strings.HasPrefix(a.Key, "on"), a.Key == "srcdoc", a.Key == "formaction", a.Key == "background":
				err = fmt.Errorf("there is an attribute %s=%.60q", a.Key, a.Val)
			case (a.Key == "href" || a.Key == "action") && strings.Contains(value, ":") && !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "http://") && !strings.HasPrefix(value, "#"):
				err = fmt.Errorf("there is a link to %.60q", a.Val)
			case a.Key == "src" && !strings.HasPrefix(value, "data:image/png;base64,"):
				err = fmt.Errorf("%.60q is loaded", a.Val)
			}
		}
		return err == nil
	})
	if n := page.Find("script:not([type='application/json'])").Length(); n > 1 {
		err = errors.Join(err, fmt.Errorf("there are %d scripts", n))
	}
	if page.Find("meta[http-equiv='Content-Security-Policy']").Length() != 1 {
		err = errors.Join(err, errors.New("what the page may do is not limited"))
	}
	return err
}
