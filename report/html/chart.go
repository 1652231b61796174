package html

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// chart is a drawing over two axes. Across, everything is percent, and down, pixels: so it fits any width while its
// text keeps its size. Lines need numbers, not percent: they are in a drawing of their own inside, which is stretched.
type chart struct {
	ID, Title    string // the ID is unique in the document
	Note         string // what a reader has to know about the figures
	Unclaimed    string // across a picture that must not be taken for a result; empty for all others
	Height       int    // of the plot, pixels
	XName        string
	XTicks       []axisTick
	YTicks       []axisTick
	Bands        []band
	Fills, Lines []path
	Dots         []dot
	Rules        []rule
	Ends         []end // labels where lines end
	Legend       []key
	Table        grid
	Wide         bool // takes a row of its own
	Marks        bool // its dots tell verdicts

	x, y axis
	said []string
}

// key is how a line or area looks and what it is called.
type key struct {
	Class string // color and dashes; never the only thing that tells two apart
	Name  string
	Short string // at the line's end, in a margin of about seven letters
}

// Area says whether it fills, and does not only draw.
func (k key) Area() bool { return strings.HasPrefix(k.Class, "f") }

type axisTick struct {
	At    string // percent across, or pixels down
	Label string
	Wide  bool // only where there is space
}

// end is the label of a line: share across, pixels down.
type end struct {
	x, y  float64
	Label string
}

// X and Y are where it stands.
func (e end) X() string { return percent(e.x) }

// Y is its height.
func (e end) Y() string { return pixels(e.y) }

type band struct {
	X, W   string
	LabelX string
	Label  string
	Wide   bool
	Class  string // "on" or "off": whether it counts
}

type path struct {
	Class, D string
}

type dot struct {
	X     string
	Y     string
	Class string // "kept", "broken" or "unknown"
}

type rule struct {
	X, Label, Anchor string
}

// grid is a table that says the same as the drawing.
type grid struct {
	Head []string
	Rows [][]string
	Note string
}

// point is a value of a line; one that is not a number interrupts it.
type point struct{ x, y float64 }

const (
	plotTop     = 22 // pixels above the plot: names of bands and rules
	plotBottom  = 24 // and below: the axis
	plotWidth   = 1000
	narrowPlot  = 230 // pixels of the plot on a telephone
	halfPlot    = 400 // on a screen, in half of the page
	widePlot    = 900 // in all of it
	letterWidth = 6.6
	lineHeight  = 14
	nearEnd     = .08 // share of the width within which labels would meet
)

func newChart(id, title string, height int, x, y axis) *chart {
	c := &chart{ID: id, Title: title, Height: height, x: x, y: y}
	for i, v := range x.ticks {
		c.XTicks = append(c.XTicks, axisTick{At: c.across(v), Label: x.format(v), Wide: i%2 == 1 && len(x.ticks) > 4})
	}
	space := float64(height)
	for _, v := range slices.Backward(y.ticks) { // from the top
		at := c.down(v)
		label := y.format(v)
		if n := len(c.YTicks); n > 0 && at-space < lineHeight {
			label = ""
		} else {
			space = at
		}
		c.YTicks = append(c.YTicks, axisTick{At: pixels(at), Label: label})
	}
	return c
}

func (c *chart) across(x float64) string { return fmt.Sprintf("%.2f%%", c.x.at(x)*100) }

// down is a value's height in the outer drawing.
func (c *chart) down(y float64) float64 { return plotTop + (1-c.y.at(y))*float64(c.Height) }

func pixels(v float64) string { return fmt.Sprintf("%.1f", v) }

// Total is the height of the whole drawing, Bottom where the plot ends.
func (c *chart) Total() int  { return plotTop + c.Height + plotBottom }
func (c *chart) Bottom() int { return plotTop + c.Height }

// Top is where the plot begins.
func (c *chart) Top() int { return plotTop }

// Foot is the lower end of the marks on the axis.
func (c *chart) Foot() int { return c.Bottom() + 5 }

// Middle is where words across the plot stand.
func (c *chart) Middle() int { return plotTop + c.Height/2 }

// Box is the view box of the stretched drawing inside.
func (c *chart) Box() string { return fmt.Sprintf("0 0 %d %d", plotWidth, c.Height) }

// Desc is the drawing in words.
func (c *chart) Desc() string {
	desc := "From " + c.x.format(c.x.low) + " to " + c.x.format(c.x.high) + ". "
	if len(c.said) > 0 {
		desc += strings.Join(c.said, "; ") + ". "
	}
	return desc + "The table says the same."
}

// LogScale says of a drawing whose heights cannot be compared by length that it is one.
func (c *chart) LogScale() bool { return c.y.log }

// drawable splits points where one is missing.
func (c *chart) drawable(points []point) [][]point {
	var parts [][]point
	open := false
	for _, p := range points {
		x, okX := clean(p.x)
		y, okY := clean(p.y)
		if !okX || !okY || c.y.log && y <= 0 {
			open = false
			continue
		}
		if !open {
			parts = append(parts, nil)
			open = true
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], point{x, y})
	}
	return parts
}

// inside writes a point in the numbers of the stretched drawing.
func (c *chart) inside(p point) string {
	return fmt.Sprintf("%.1f %.1f", c.x.at(p.x)*plotWidth, (1-c.y.at(p.y))*float64(c.Height))
}

// line draws points and puts the short name at their end.
func (c *chart) line(k key, points []point) {
	var d strings.Builder
	low, high := math.Inf(1), math.Inf(-1)
	var last point
	for _, part := range c.drawable(points) {
		for i, p := range part {
			d.WriteString([]string{"M", "L"}[min(i, 1)] + c.inside(p))
			low, high, last = min(low, p.y), max(high, p.y), p
		}
		if len(part) == 1 {
			d.WriteString("h0") // shown as a dot
		}
	}
	if d.Len() == 0 {
		return
	}
	c.Lines = append(c.Lines, path{k.Class, d.String()})
	c.name(k, last)
	c.said = append(c.said, k.Name+" between "+c.y.format(low)+" and "+c.y.format(high))
}

// layer is a part of a stack.
type layer struct {
	key
	points []point
}

// stack draws layers on top of each other; points at the same index have the same x.
func (c *chart) stack(layers ...layer) {
	var floor []point
	for _, l := range layers {
		top := make([]point, len(l.points))
		for i, p := range l.points {
			if len(floor) == i {
				floor = append(floor, point{x: p.x})
			}
			top[i] = point{p.x, floor[i].y + p.y}
		}
		c.name(l.key, c.fill(l.key, floor, top))
		c.said = append(c.said, l.Name+" up to "+c.y.format(highest(l.points)))
		floor = top
	}
}

// fill draws what is between two lines and returns the middle of its right end.
func (c *chart) fill(k key, floor, top []point) (middle point) {
	var d strings.Builder
	at := 0
	for _, part := range c.drawable(top) {
		for floor[at].x != part[0].x {
			at++
		}
		bottom := floor[at : at+len(part)]
		for i, p := range part {
			d.WriteString([]string{"M", "L"}[min(i, 1)] + c.inside(p))
		}
		for _, p := range slices.Backward(bottom) {
			d.WriteString("L" + c.inside(p))
		}
		d.WriteString("Z")
		last := len(part) - 1
		middle = point{part[last].x, (part[last].y + bottom[last].y) / 2}
		at += len(part)
	}
	c.Fills = append(c.Fills, path{k.Class, d.String()})
	return middle
}

// name adds an entry to the legend, and a label where the line ends.
func (c *chart) name(k key, last point) {
	c.Legend = append(c.Legend, k)
	x := c.x.at(last.x)
	if x > 1-nearEnd {
		x = 1
	}
	c.Ends = append(c.Ends, end{x, c.down(last.y), k.Short})
}

// band marks a stretch of time; its name is left out where it does not fit.
func (c *chart) band(from, to float64, label string, counts bool) {
	a, b := c.x.at(from), c.x.at(to)
	if b <= a {
		return
	}
	class := "off"
	if counts {
		class = "on"
	}
	bd := band{X: percent(a), W: percent(b - a), LabelX: percent((a + b) / 2), Class: class}
	space := halfPlot
	if c.Wide {
		space = widePlot
	}
	if need := float64(utf8.RuneCountInString(label))*letterWidth + 4; need <= (b-a)*float64(space) {
		bd.Label, bd.Wide = label, need > (b-a)*narrowPlot
	}
	c.Bands = append(c.Bands, bd)
}

// rule marks a value of the x axis.
func (c *chart) rule(x float64, label string) {
	anchor := "start"
	if c.x.at(x) > .5 {
		anchor = "end"
	}
	c.Rules = append(c.Rules, rule{c.across(x), label, anchor})
	c.said = append(c.said, label)
}

// dot marks a single point.
func (c *chart) dot(p point, class string) {
	for _, part := range c.drawable([]point{p}) {
		c.Dots = append(c.Dots, dot{c.across(part[0].x), pixels(c.down(part[0].y)), class})
	}
}

// separate moves the labels at the lines' ends apart, so that each can be read.
func (c *chart) separate() *chart {
	slices.SortStableFunc(c.Ends, func(a, b end) int { return cmp.Compare(a.y, b.y) })
	for i := range c.Ends {
		for _, above := range c.Ends[:i] {
			if math.Abs(above.x-c.Ends[i].x) < nearEnd {
				c.Ends[i].y = max(c.Ends[i].y, above.y+lineHeight)
			}
		}
	}
	for i := range slices.Backward(c.Ends) {
		c.Ends[i].y = min(c.Ends[i].y, float64(c.Bottom()))
		for _, below := range c.Ends[i+1:] {
			if math.Abs(below.x-c.Ends[i].x) < nearEnd {
				c.Ends[i].y = min(c.Ends[i].y, below.y-lineHeight)
			}
		}
	}
	return c
}

func percent(share float64) string { return fmt.Sprintf("%.2f%%", share*100) }

func highest(points []point) float64 {
	high := 0.0
	for _, p := range points {
		if y, ok := clean(p.y); ok {
			high = max(high, y)
		}
	}
	return high
}
