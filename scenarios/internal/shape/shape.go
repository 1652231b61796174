// Package shape reads the struct tags that define the scenario language, for everything that is made
// from them: the decoder, the JSON Schema and the reference.
package shape

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Field is one field of a mapping.
//
// Its tags are: yaml ("name,required,inline"), doc, example; enum (allowed values of the scalar, of
// the list's items or of the map's values), pattern, min and max (of a number), signed (a duration
// may be negative), quoted (a text that is not empty, and cannot be written as a number); keys (allowed member names of a map) and names ("label", "variable" or "metric": what its
// member names look like); scalar (a value that is not a mapping stands for this field); action
// (exactly one field with the same tag is given; its value names the thing), body (at most one is);
// alone (next to it only the named fields may stand); either (at least one field with this tag is given, and a list is
// not empty); scope (names its expressions see besides the
// usual ones), condition (its expressions are true or false), ref (what it refers to) and selector
// (it finds an element of a page).
type Field struct {
	Name      string
	Type      reflect.Type
	Index     []int // for reflect.Value.FieldByIndex
	Required  bool
	Scalar    bool
	Signed    bool
	Quoted    bool // a number or the like is a mistake: it would lose leading zeros
	Condition bool
	Selector  bool
	Doc       string
	Example   string
	Enum      []string
	Pattern   string
	Low, High int // math.MinInt and math.MaxInt when there is no bound
	Keys      []string
	Names     string
	Choice    string   // noun of the group of which exactly one is given
	Most      string   // noun of the group of which at most one is given
	Alone     []string // non-nil when only these fields may stand next to it
	Either    bool     // it, or another such field, is given
	Scope     string
	Ref       string
}

// Patterns of member names, by the value of the names tag.
const (
	LabelPattern    = "^[A-Za-z0-9][A-Za-z0-9_.-]*$"
	VariablePattern = "^[A-Za-z_][A-Za-z0-9_]*$"
	MetricPattern   = "^[A-Za-z][A-Za-z0-9_-]*$" // of a word in a metric's name
)

// NamePattern is the pattern of a map's member names, or empty.
func (f Field) NamePattern() string {
	switch f.Names {
	case "label":
		return LabelPattern
	case "variable":
		return VariablePattern
	case "metric":
		return MetricPattern
	}
	return ""
}

// Index remembers the fields of types, because reading tags takes longer than using them. It is not
// for concurrent use.
type Index map[reflect.Type][]Field

// Fields is [Fields], read once for each type.
func (x Index) Fields(t reflect.Type) []Field {
	fields, ok := x[t]
	if !ok {
		fields = Fields(t)
		x[t] = fields
	}
	return fields
}

// Fields lists the fields of a struct type in order, with inlined structs in place. Fields without
// a yaml name are left out.
func Fields(t reflect.Type) []Field {
	var fields []Field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		if name == "-" || sf.Tag.Get("yaml") == "" {
			continue
		}
		if options == "inline" {
			for _, f := range Fields(sf.Type) {
				f.Index = append([]int{i}, f.Index...)
				fields = append(fields, f)
			}
			continue
		}
		f := newField(sf.Tag)
		f.Name, f.Type, f.Index, f.Required = name, sf.Type, []int{i}, options == "required"
		fields = append(fields, f)
	}
	return fields
}

func newField(tag reflect.StructTag) Field {
	f := Field{
		Scalar:    tag.Get("scalar") == "true",
		Signed:    tag.Get("signed") == "true",
		Quoted:    tag.Get("quoted") == "true",
		Condition: tag.Get("condition") == "true",
		Selector:  tag.Get("selector") == "true",
		Either:    tag.Get("either") == "true",
		Doc:       tag.Get("doc"),
		Example:   tag.Get("example"),
		Enum:      list(tag.Get("enum")),
		Pattern:   tag.Get("pattern"),
		Low:       number(tag.Get("min"), math.MinInt),
		High:      number(tag.Get("max"), math.MaxInt),
		Keys:      list(tag.Get("keys")),
		Names:     tag.Get("names"),
		Choice:    tag.Get("action"),
		Most:      tag.Get("body"),
		Scope:     tag.Get("scope"),
		Ref:       tag.Get("ref"),
	}
	if f.Choice == "true" {
		f.Choice = "action"
	}
	if alone, ok := tag.Lookup("alone"); ok {
		f.Alone = append([]string{}, list(alone)...)
	}
	return f
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func number(s string, none int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return none
}

// Short is the field that a value which is not a mapping stands for, and whether there is one.
func Short(fields []Field) (Field, bool) {
	for _, f := range fields {
		if f.Scalar {
			return f, true
		}
	}
	return Field{}, false
}

// Names lists the fields' names.
func Names(fields []Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// Choices lists the names of the fields of which exactly one is given, and the noun for them.
func Choices(fields []Field) (noun string, names []string) {
	for _, f := range fields {
		if f.Choice != "" {
			noun, names = f.Choice, append(names, f.Name)
		}
	}
	return noun, names
}

// AtMostOne lists the names of the fields of which at most one is given, and the noun for them.
func AtMostOne(fields []Field) (noun string, names []string) {
	for _, f := range fields {
		if f.Most != "" {
			noun, names = f.Most, append(names, f.Name)
		}
	}
	return noun, names
}

// Either lists the names of the fields of which at least one is given.
func Either(fields []Field) []string {
	var names []string
	for _, f := range fields {
		if f.Either {
			names = append(names, f.Name)
		}
	}
	return names
}
