package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/passrig/passrig/scenarios/internal/shape"
)

// Schema is the JSON Schema (draft-07) of scenario files, for editors.
func Schema() ([]byte, error) {
	return schemaOf(reflect.TypeFor[File](), "scenario.schema.json", "passrig scenario")
}

// AdapterSchema is the JSON Schema (draft-07) of adapter files, for editors.
func AdapterSchema() ([]byte, error) {
	return schemaOf(reflect.TypeFor[Adapter](), "adapter.schema.json", "passrig adapter")
}

// StepsSchema is the JSON Schema (draft-07) of step lists, for editors.
func StepsSchema() ([]byte, error) {
	return schemaOf(reflect.TypeFor[StepList](), "steps.schema.json", "passrig step list")
}

// object is a JSON object whose members keep their order.
type object []property

type property struct {
	name  string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := marshal(p.value)
		if err != nil {
			return nil, fmt.Errorf("schema: member %q: %w", p.name, err)
		}
		b.WriteString(strconv.Quote(p.name))
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

func schemaOf(t reflect.Type, id, title string) ([]byte, error) {
	g := &schemaWriter{seen: map[reflect.Type]bool{t: true}}
	root := object{
		{"$schema", "http://json-schema.org/draft-07/schema#"},
		{"$id", "https://github.com/passrig/passrig/scenarios/" + id},
		{"title", title},
	}
	root = append(root, g.structure(t)...)
	var definitions object
	for len(g.queue) > 0 { // more are found while these are written
		next := g.queue[0]
		g.queue = g.queue[1:]
		definitions = append(definitions, property{definitionName(next), g.definition(next)})
	}
	slices.SortFunc(definitions, func(a, b property) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	root = append(root, property{"definitions", definitions})
	compact, err := marshal(root)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return nil, err
	}
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n'), nil
}

// schemaWriter turns types into schemas. Struct types become definitions.
type schemaWriter struct {
	seen  map[reflect.Type]bool
	queue []reflect.Type
}

func definitionName(t reflect.Type) string { return t.Name() }

// definition is a struct type's schema, with the short form if it has one.
func (g *schemaWriter) definition(t reflect.Type) object {
	full := g.structure(t)
	short, ok := shape.Short(shape.Fields(t))
	if !ok {
		return full
	}
	return object{{"anyOf", []any{full, g.value(short, short.Type)}}}
}

// structure is the schema of a mapping with the fields of a struct type.
func (g *schemaWriter) structure(t reflect.Type) object {
	fields := shape.Fields(t)
	var properties object
	var required []string
	var alone *shape.Field
	for _, f := range fields {
		properties = append(properties, property{f.Name, g.field(f)})
		if f.Required {
			required = append(required, f.Name)
		}
		if f.Alone != nil && alone == nil {
			alone = &f
		}
	}
	s := object{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}}
	rules := groupRules(fields)
	if alone != nil {
		rules = append(rules, aloneRules(fields, required)...)
	} else if len(required) > 0 {
		s = append(s, property{"required", required})
	}
	if len(rules) > 0 {
		s = append(s, property{"allOf", rules})
	}
	return s
}

func given(names ...string) object { return object{{"required", names}} }

// groupRules say which fields exclude each other, and of which one is needed.
func groupRules(fields []shape.Field) []any {
	var rules []any
	if _, names := shape.Choices(fields); names != nil {
		var one []any
		for _, n := range names {
			one = append(one, given(n))
		}
		rules = append(rules, object{{"oneOf", one}})
	}
	if _, names := shape.AtMostOne(fields); names != nil {
		var pairs []any
		for i, a := range names {
			for _, b := range names[i+1:] {
				pairs = append(pairs, given(a, b))
			}
		}
		rules = append(rules, object{{"not", object{{"anyOf", pairs}}}})
	}
	if names := shape.Either(fields); names != nil {
		var some []any
		for _, n := range names {
			some = append(some, given(n))
		}
		rules = append(rules, object{{"anyOf", some}})
	}
	return rules
}

// aloneRules say what may stand next to fields that stand almost alone, and what is required when
// they are not given.
func aloneRules(fields []shape.Field, required []string) []any {
	var rules []any
	var absent []any
	for _, f := range fields {
		if f.Alone == nil {
			continue
		}
		absent = append(absent, given(f.Name))
		rules = append(rules, object{
			{"if", given(f.Name)},
			{"then", object{{"propertyNames", object{{"enum", append([]string{f.Name}, f.Alone...)}}}}},
		})
	}
	if len(required) > 0 {
		rules = append(rules, object{{"anyOf", append(absent, given(required...))}})
	}
	return rules
}

// field is a field's schema with its description.
func (g *schemaWriter) field(f shape.Field) object {
	s := g.value(f, f.Type)
	if len(s) > 0 && s[0].name == "$ref" { // draft-07 ignores what stands next to $ref
		s = object{{"allOf", []any{s}}}
	}
	s = append(object{{"description", f.Doc}}, s...)
	if f.Example != "" {
		s = append(s, property{"examples", []string{f.Example}})
	}
	return s
}

const (
	expressionPattern = `^\s*\$\{\{`
	numberPattern     = `\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?`
	ratePattern       = `^` + numberPattern + `(/[smh])?$|\$\{\{`
	sharePattern      = `^` + numberPattern + `%?$|\$\{\{`
	durationPattern   = `^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$|^[+-]?0$`
)

// value is the schema of a value of the given type.
func (g *schemaWriter) value(f shape.Field, t reflect.Type) object {
	scalar := []string{"string", "number", "boolean"}
	if f.Quoted && len(f.Enum) > 0 {
		return object{{"anyOf", []any{stringSchema(f), object{{"type", "string"}, {"pattern", `\$\{\{`}}}}}
	}
	if f.Quoted {
		return object{{"type", "string"}, {"minLength", 1}}
	}
	switch t {
	case reflect.TypeFor[Text](), reflect.TypeFor[Expr]():
		return object{{"type", scalar}}
	case reflect.TypeFor[Rate]():
		return measureSchema(property{"maximum", MaxRate}, ratePattern)
	case reflect.TypeFor[Share]():
		return measureSchema(property{"maximum", 1}, sharePattern)
	case reflect.TypeFor[Tree]():
		return object{}
	case reflect.TypeFor[Tamper]():
		name := object{{"type", "string"}, {"minLength", 1}}
		return object{{"anyOf", []any{name, object{{"type", "object"}, {"minProperties", 1}, {"maxProperties", 1}}}}}
	case reflect.TypeFor[Int]():
		return intSchema(f)
	case reflect.TypeFor[Duration]():
		return object{{"type", "string"}, {"pattern", durationPattern + "|" + expressionPattern}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.value(f, t.Elem())
	case reflect.String:
		return stringSchema(f)
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Slice:
		return g.listSchema(f, t)
	case reflect.Map:
		return g.mapSchema(f, t)
	case reflect.Struct:
		if !g.seen[t] {
			g.seen[t] = true
			g.queue = append(g.queue, t)
		}
		return object{{"$ref", "#/definitions/" + definitionName(t)}}
	default:
		panic(fmt.Sprintf("scenarios: no schema for %s", t))
	}
}

// measureSchema is a number that is not negative, or a text with a unit.
func measureSchema(bound property, pattern string) object {
	return object{{"anyOf", []any{
		object{{"type", "number"}, {"minimum", 0}, bound},
		object{{"type", "string"}, {"pattern", pattern}},
	}}}
}

func intSchema(f shape.Field) object {
	if len(f.Enum) > 0 {
		var values []any
		for _, e := range f.Enum {
			values = append(values, json.Number(e))
		}
		return object{{"enum", values}}
	}
	n := object{{"type", "integer"}}
	if f.Low != math.MinInt {
		n = append(n, property{"minimum", f.Low})
	}
	if f.High != math.MaxInt {
		n = append(n, property{"maximum", f.High})
	}
	return object{{"anyOf", []any{n, object{{"type", "string"}, {"pattern", expressionPattern}}}}}
}

func stringSchema(f shape.Field) object {
	s := object{{"type", "string"}}
	switch {
	case len(f.Enum) > 0:
		s = append(s, property{"enum", f.Enum})
	case f.Pattern != "":
		s = append(s, property{"pattern", f.Pattern})
	case f.Required:
		s = append(s, property{"minLength", 1})
	}
	return s
}

func (g *schemaWriter) listSchema(f shape.Field, t reflect.Type) object {
	inner := f
	inner.Required, inner.Either = false, false
	item := g.value(inner, t.Elem())
	s := object{{"type", "array"}, {"items", item}}
	if f.Required || f.Either {
		s = append(s, property{"minItems", 1})
	}
	if f.Scalar {
		return object{{"anyOf", []any{s, item}}}
	}
	return s
}

func (g *schemaWriter) mapSchema(f shape.Field, t reflect.Type) object {
	inner := f
	inner.Required = false
	item := g.value(inner, t.Elem())
	s := object{{"type", "object"}}
	if len(f.Keys) > 0 {
		var properties object
		for _, k := range f.Keys {
			properties = append(properties, property{k, item})
		}
		s = append(s, property{"additionalProperties", false}, property{"properties", properties})
	} else {
		s = append(s, property{"additionalProperties", item})
	}
	if pattern := f.NamePattern(); pattern != "" {
		s = append(s, property{"propertyNames", object{{"pattern", pattern}}})
	}
	if f.Required {
		s = append(s, property{"minProperties", 1})
	}
	return s
}
