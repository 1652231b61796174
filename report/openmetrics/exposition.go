package openmetrics

import (
	"io"
	"strconv"
	"strings"
)

// ContentType is that of the text that [Write] and [Encode] write.
const ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// Type is the type of a metric family (OpenMetrics 1.0, "Metric Types").
type Type string

// The types that are written here.
const (
	Counter  Type = "counter"
	Gauge    Type = "gauge"
	Summary  Type = "summary"
	StateSet Type = "stateset"
	Info     Type = "info"
)

// Family is one metric with all its label values.
type Family struct {
	Name    string // [a-zA-Z_][a-zA-Z0-9_]*, without a suffix, ending in the unit if there is one
	Type    Type
	Unit    string // such as "seconds"
	Help    string
	Samples []Sample
}

// Sample is one value. Suffix is "_total" of a counter, "_count" or "_sum" of a summary, "_info" of an info.
type Sample struct {
	Suffix string
	Labels []Label
	Value  float64
}

// Label is a name ([a-zA-Z_][a-zA-Z0-9_]*) with any UTF-8 text as its value.
type Label struct{ Name, Value string }

// Encode writes families as OpenMetrics 1.0 text. A family without samples is left out.
func Encode(w io.Writer, families []Family) error {
	var b strings.Builder
	for i := range families {
		if f := &families[i]; len(f.Samples) > 0 {
			f.append(&b)
		}
	}
	b.WriteString("# EOF\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (f *Family) append(b *strings.Builder) {
	b.WriteString("# TYPE " + f.Name + " " + string(f.Type) + "\n")
	if f.Unit != "" {
		b.WriteString("# UNIT " + f.Name + " " + f.Unit + "\n")
	}
	b.WriteString("# HELP " + f.Name + " " + escape(f.Help) + "\n")
	for _, s := range f.Samples {
		b.WriteString(f.Name + s.Suffix)
		for i, l := range s.Labels {
			b.WriteByte("{,"[min(i, 1)])
			b.WriteString(l.Name + `="` + escape(l.Value) + `"`)
		}
		if len(s.Labels) > 0 {
			b.WriteByte('}')
		}
		b.WriteString(" " + strconv.FormatFloat(s.Value, 'g', -1, 64) + "\n")
	}
}

// escape is the same for help texts and label values (OpenMetrics 1.0, "escaped-string").
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}
