package badge_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"testing"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/badge"
	"github.com/passrig/passrig/report/internal/golden"
)

var update = flag.Bool("update", false, "rewrite golden files")

// picture is what of the SVG is seen and read out.
type picture struct {
	XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	Width   int      `xml:"width,attr"`
	Label   string   `xml:"aria-label,attr"`
	Title   string   `xml:"title"`
	Texts   []struct {
		X      int    `xml:"x,attr"`
		Length int    `xml:"textLength,attr"`
		Text   string `xml:",chardata"`
	} `xml:"g>text"`
}

type endpoint struct {
	SchemaVersion         int
	Label, Message, Color string
	IsError               bool
}

// write writes both badges and makes sure that they can be read and say the same.
func write(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, run *report.Run,
) (svg, jsonText []byte, said string) {
	var picked, made bytes.Buffer
	if err := badge.Write(&picked, run); err != nil {
		t.Fatal(err)
	}
	if err := badge.WriteEndpoint(&made, run); err != nil {
		t.Fatal(err)
	}
	var p picture
	if err := xml.Unmarshal(picked.Bytes(), &p); err != nil {
		t.Fatal(err, picked.String())
	}
	var e endpoint
	dec := json.NewDecoder(bytes.NewReader(made.Bytes()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		t.Fatal(err, made.String())
	}
	if len(p.Texts) != 2 || p.Texts[0].Text != e.Label || p.Texts[1].Text != e.Message || p.Title != e.Label+": "+e.Message || p.Label != p.Title {
		t.Fatalf("the picture says %+v, the JSON %+v", p, e)
	}
	if last := p.Texts[1]; last.X+last.Length > p.Width || p.Texts[0].X+p.Texts[0].Length > last.X {
		t.Fatalf("the texts do not fit: %+v", p)
	}
	if e.SchemaVersion != 1 || e.Color == "" || e.Message == "" {
		t.Fatalf("the JSON is %+v", e)
	}
	return picked.Bytes(), made.Bytes(), e.Message
}

func TestGolden(t *testing.T) {
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			svg, text, _ := write(t, run)
			golden.Check(t, *update, name+".svg", svg)
			golden.Check(t, *update, name+".json", text)
		})
	}
}

func TestMessage(t *testing.T) {
	step := func(v report.Verdict) []report.Step { return []report.Step{{ID: "s/1", Verdict: v}} }
	for name, c := range map[string]struct {
		run  report.Run
		want string
	}{
		"pass":             {report.Run{Steps: step(report.VerdictPass)}, "passing"},
		"fail":             {report.Run{Steps: step(report.VerdictFail)}, "1 failed"},
		"warn":             {report.Run{Steps: step(report.VerdictWarn)}, "passing with warnings"},
		"error":            {report.Run{Steps: step(report.VerdictError)}, "could not tell"},
		"nothing":          {report.Run{}, "not judged"},
		"partial pass":     {report.Run{Partial: true, Steps: step(report.VerdictPass)}, "incomplete"},
		"partial fail":     {report.Run{Partial: true, Steps: step(report.VerdictFail)}, "1 failed"},
		"grade":            {report.Run{Suite: &report.Suite{Grade: "B"}, Steps: step(report.VerdictPass)}, "passing, grade B"},
		"grade of a part":  {report.Run{Partial: true, Suite: &report.Suite{Grade: "A"}, Steps: step(report.VerdictPass)}, "incomplete"},
		"no grade at all":  {report.Run{Suite: &report.Suite{Grade: "<b>"}, Steps: step(report.VerdictPass)}, "passing"},
		"generator limits": {report.Run{Load: &report.LoadRun{Generator: report.LoadGenerator{Limited: "x"}}, Steps: step(report.VerdictPass)}, "could not tell"},
	} {
		t.Run(name, func(t *testing.T) {
			c.run.Summary = c.run.Summarize()
			if _, _, said := write(t, &c.run); said != c.want {
				t.Errorf("got %q, want %q", said, c.want)
			}
		})
	}
}

func TestHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape, text := golden.DrawShape(t), golden.Nasty(t)
		hostile, harmless := golden.Hostile(shape, text), golden.Hostile(shape, func() string { return "ax" })
		hostile.Suite, harmless.Suite = &report.Suite{Grade: text()}, &report.Suite{}
		svg, made, _ := write(t, hostile)
		wantSVG, wantJSON, _ := write(t, harmless)
		if !bytes.Equal(svg, wantSVG) || !bytes.Equal(made, wantJSON) {
			t.Fatalf("texts of the run got into the badge: %s %s", svg, made)
		}
	})
}

func TestWriteErrors(t *testing.T) {
	run := golden.Load(t, "pass")
	if badge.Write(golden.FullDisk(0), run) == nil || badge.WriteEndpoint(golden.FullDisk(0), run) == nil {
		t.Error("no error from a full disk")
	}
}
