package scenarios

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/scenarios/internal/shape"
)

// decoder fills the types of this package from a file's tree, after their struct tags. It goes on
// after a mistake, so that all of them are found; what could not be decoded stays zero.
type decoder struct {
	index shape.Index
	errs  *diag.Errors
}

func (d *decoder) fail(n *source.Node, hint, format string, args ...any) {
	d.errs.Add(n.Diagnostic(diag.KindShape, fmt.Sprintf(format, args...), hint))
}

// expected reports a value of the wrong kind.
func (d *decoder) expected(n *source.Node, what string) {
	hint := ""
	switch {
	case what == textKind && n.Kind.Scalar() && n.Kind != source.Null:
		hint = fmt.Sprintf("put it in quotes: %q", n.Value)
	case what == source.Int.String() && n.Kind == source.String && isWhole(n.Value):
		hint = "leave the quotes out"
	case strings.HasPrefix(what, "a duration") && (n.Kind == source.Int || n.Kind == source.Float):
		hint = fmt.Sprintf("add a unit: %ss or %sms", n.Value, n.Value)
	}
	d.fail(n, hint, "expected %s, got %s", what, n.Kind)
}

const textKind = "text"

func isWhole(s string) bool {
	_, ok := wholeNumber(s)
	return ok
}

// value decodes n into v. key is the node to blame for something that is missing in n.
func (d *decoder) value(n, key *source.Node, f shape.Field, v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *Text:
		switch {
		case f.Quoted && n.Kind != source.String:
			d.expected(n, textKind)
		case f.Quoted && n.Value == "":
			d.fail(n, "", "%s is empty", f.Name)
		case len(f.Enum) > 0 && !strings.Contains(n.Value, opening) && !slices.Contains(f.Enum, n.Value):
			d.fail(n, diag.Suggest(n.Value, f.Enum), "unknown value %q", n.Value)
		case d.scalar(n, textKind):
			p.t = newTemplate(n, d.errs)
		}
	case *Expr:
		if d.scalar(n, "an expression") {
			*p = *newExpr(n)
		}
	case *Tree:
		*p = newTree(n, d.errs)
	case *Tamper:
		d.tamper(n, p)
	case *Int:
		d.integer(n, f, p)
	case *Duration:
		d.duration(n, f, p)
	case *Rate:
		p.t = d.measure(n, rateExample, rateOf)
	case *Share:
		p.t = d.measure(n, shareExample, shareOf)
	case *string:
		d.text(n, f, p)
	case *bool:
		if n.Kind == source.Bool {
			*p = n.Scalar() == true
		} else {
			d.expected(n, source.Bool.String())
		}
	default:
		d.compound(n, key, f, v)
	}
}

func (d *decoder) scalar(n *source.Node, what string) bool {
	if n.Kind.Scalar() && n.Kind != source.Null {
		return true
	}
	d.expected(n, what)
	return false
}

func (d *decoder) compound(n, key *source.Node, f shape.Field, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, key, f, v.Elem())
	case reflect.Struct:
		d.structure(n, key, v)
	case reflect.Slice:
		d.list(n, f, v)
	case reflect.Map:
		d.mapping(n, f, v)
	default:
		panic(fmt.Sprintf("scenarios: no decoder for %s", v.Type()))
	}
}

func (d *decoder) text(n *source.Node, f shape.Field, p *string) {
	if n.Kind != source.String {
		if len(f.Enum) > 0 && !slices.Contains(f.Enum, n.Value) {
			d.fail(n, diag.Suggest("", f.Enum), "expected text, got %s", n.Kind)
		} else {
			d.expected(n, textKind)
		}
		return
	}
	if strings.Contains(n.Value, opening) {
		d.fail(n, "write the value itself", "%s cannot hold an expression", f.Name)
		return
	}
	*p = n.Value
	switch {
	case len(f.Enum) > 0 && !slices.Contains(f.Enum, n.Value):
		d.fail(n, diag.Suggest(n.Value, f.Enum), "unknown value %q", n.Value)
	case f.Pattern != "" && !matches(f.Pattern, n.Value):
		d.fail(n, "it must match "+f.Pattern, "%q is not a valid %s", n.Value, f.Name)
	case f.Required && n.Value == "":
		d.fail(n, "", "%s is empty", f.Name)
	}
}

func matches(pattern, s string) bool {
	return regexp.MustCompile(pattern).MatchString(s)
}

func (d *decoder) list(n *source.Node, f shape.Field, v reflect.Value) {
	items := n.Items
	switch {
	case n.Kind == source.List:
	case f.Scalar && n.Kind.Scalar() && n.Kind != source.Null:
		items = []*source.Node{n}
	default:
		d.expected(n, source.List.String())
		return
	}
	if (f.Required || f.Either) && len(items) == 0 {
		d.fail(n, "", "%s is empty", f.Name)
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(item, item, f, v.Index(i))
	}
}

func (d *decoder) mapping(n *source.Node, f shape.Field, v reflect.Value) {
	if n.Kind != source.Map {
		d.expected(n, source.Map.String())
		return
	}
	if f.Required && len(n.Members) == 0 {
		d.fail(n, "", "%s is empty", f.Name)
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Members)))
	for _, m := range n.Members {
		name := m.Key.Value
		if len(f.Keys) > 0 && !slices.Contains(f.Keys, name) {
			d.fail(m.Key, diag.Suggest(name, f.Keys), "unknown field %q", name)
			continue
		}
		if pattern := f.NamePattern(); pattern != "" && !matches(pattern, name) {
			d.fail(m.Key, "it must match "+pattern, "%q is not a valid name in %s", name, f.Name)
		}
		item := reflect.New(v.Type().Elem()).Elem()
		inner := f
		inner.Required = false
		d.value(m.Value, m.Key, inner, item)
		v.SetMapIndex(reflect.ValueOf(name), item)
	}
}

// structure decodes a mapping into a struct, or a value in short form into the field it stands for.
func (d *decoder) structure(n, key *source.Node, v reflect.Value) {
	fields := d.index.Fields(v.Type())
	if at := v.FieldByName("Pos"); at.IsValid() {
		at.Set(reflect.ValueOf(posOf(key)))
	}
	if n.Kind != source.Map {
		if short, ok := shape.Short(fields); ok && n.Kind != source.Null {
			d.value(n, key, short, v.FieldByIndex(short.Index))
			return
		}
		d.expected(n, source.Map.String())
		return
	}
	for _, m := range n.Members {
		i := slices.IndexFunc(fields, func(f shape.Field) bool { return f.Name == m.Key.Value })
		if i < 0 {
			d.fail(m.Key, diag.Suggest(m.Key.Value, shape.Names(fields)), "unknown field %q", m.Key.Value)
			continue
		}
		d.value(m.Value, m.Key, fields[i], v.FieldByIndex(fields[i].Index))
	}
	d.complete(n, key, fields)
}

// complete checks which fields of a mapping are given together.
func (d *decoder) complete(n, key *source.Node, fields []shape.Field) {
	for _, f := range fields {
		if f.Alone == nil || n.Get(f.Name) == nil {
			continue
		}
		for _, m := range n.Members {
			if m.Key.Value != f.Name && !slices.Contains(f.Alone, m.Key.Value) {
				d.fail(m.Key, "", "%q cannot be given together with %q", m.Key.Value, f.Name)
			}
		}
		return
	}
	for _, f := range fields {
		if f.Required && n.Get(f.Name) == nil {
			d.fail(key, f.Name+": "+f.Doc, "missing field %q", f.Name)
		}
	}
	if names := shape.Either(fields); names != nil && firstOf(n, names...) == "" {
		d.fail(key, "give "+strings.Join(names, ", or "), "missing field %q", names[0])
	}
	if noun, names := shape.Choices(fields); noun != "" {
		given := d.group(n, noun, names)
		if given == 0 && !d.misspelled(n, fields) {
			d.fail(key, diag.Suggest("", names), "no %s is given", noun)
		}
	}
	if noun, names := shape.AtMostOne(fields); noun != "" {
		d.group(n, noun, names)
	}
}

// misspelled says whether some member is unknown: it may be what is missing.
func (d *decoder) misspelled(n *source.Node, fields []shape.Field) bool {
	return slices.ContainsFunc(n.Keys(), func(k string) bool { return !slices.Contains(shape.Names(fields), k) })
}

// group reports all but the first of fields that exclude each other, and counts them.
func (d *decoder) group(n *source.Node, noun string, names []string) int {
	first, count := "", 0
	for _, m := range n.Members {
		if !slices.Contains(names, m.Key.Value) {
			continue
		}
		if count++; count == 1 {
			first = m.Key.Value
			continue
		}
		d.fail(m.Key, "", "a second %s, %q, besides %q", noun, m.Key.Value, first)
	}
	return count
}

// walk visits the leaves of a decoded value along with the nodes they came from, in the order of
// the file. It descends where visit returns true.
func walk(index shape.Index, v reflect.Value, n *source.Node, f shape.Field, visit func(v reflect.Value, n *source.Node, f shape.Field) bool) {
	if n == nil || !visit(v, n, f) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walk(index, v.Elem(), n, f, visit)
		}
	case reflect.Struct:
		fields := index.Fields(v.Type())
		if n.Kind != source.Map {
			if short, ok := shape.Short(fields); ok {
				walk(index, v.FieldByIndex(short.Index), n, short, visit)
			}
			return
		}
		for _, m := range n.Members {
			for _, field := range fields {
				if field.Name == m.Key.Value {
					walk(index, v.FieldByIndex(field.Index), m.Value, field, visit)
				}
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(index, v.Index(i), n.Item(i), f, visit)
		}
	case reflect.Map:
		for _, m := range n.Members {
			if item := v.MapIndex(reflect.ValueOf(m.Key.Value)); item.IsValid() {
				walk(index, item, m.Value, f, visit)
			}
		}
	default: // a leaf
	}
}

// walk visits what root, a pointer to a decoded value, holds.
func (l *loader) walk(root any, n *source.Node, visit func(v reflect.Value, n *source.Node, f shape.Field) bool) {
	walk(l.index, reflect.ValueOf(root), n, shape.Field{}, visit)
}

// decode fills what root points to from a file's tree.
func (l *loader) decode(root any, n *source.Node) {
	d := &decoder{index: l.index, errs: l.errs}
	d.value(n, n, shape.Field{}, reflect.ValueOf(root).Elem())
}

// compiled is a value that holds expressions.
type compiled interface{ expressions() []*expression }

// holds returns the value as one that holds expressions itself.
func holds(v reflect.Value) (compiled, bool) {
	if v.Kind() != reflect.Struct { // a nil pointer has the methods, too
		return nil, false
	}
	return reflect.TypeAssert[compiled](v)
}

// compile prepares every expression in what root points to, except those in lists of steps, which
// have scopes of their own, and what is expected of a step, which is looked at after it.
func (l *loader) compile(root any, n *source.Node, s *scope) {
	l.walk(root, n, func(v reflect.Value, _ *source.Node, f shape.Field) bool {
		if v.Kind() == reflect.Pointer || v.CanAddr() && v.Addr().Interface() == root {
			if x, ok := holds(v); ok {
				l.compileAll(x, s.tagged(f.Scope), f.Condition)
				return false
			}
			return true
		}
		switch v.Interface().(type) {
		case Expect, []Step, []HTTPStep, map[string]Operation, map[string][]HTTPStep:
			return false
		}
		if x, ok := holds(v); ok {
			l.compileAll(x, s.tagged(f.Scope), f.Condition)
			return false
		}
		return true
	})
}

func (l *loader) compileAll(x compiled, s *scope, condition bool) {
	for _, e := range x.expressions() {
		e.compile(s, condition, l.errs)
	}
}
