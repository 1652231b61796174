package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// walker applies a matcher to every string of a run. It goes by reflection, so that a member
// added to the model later is covered without anyone having to remember it.
type walker struct{ m *matcher }

func (w walker) run(run *Run) { w.value(reflect.ValueOf(run).Elem()) }

func (w walker) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() != reflect.TypeFor[Verdict]() {
			v.SetString(w.text(v.String()))
		}
	case reflect.Struct:
		w.structure(v)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			w.value(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			w.value(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			v.Set(reflect.ValueOf(w.tree(v.Interface())))
		}
	case reflect.Map:
		w.mapping(v)
	default: // numbers, booleans: what the engine measured, not what somebody typed
	}
}

func (w walker) structure(v reflect.Value) {
	switch part := v.Addr().Interface().(type) {
	case *Response:
		if part.Truncated { // the mark says that a secret may have lost its end
			part.Body = strings.TrimSuffix(w.text(part.Body+cutMark), cutMark)
		}
	case *Threshold:
		if _, err := ParseThreshold(part.Text); err == nil {
			text := part.Text
			defer func() { part.Text = text }()
		}
	}
	w.fields(v)
}

// fields leaves out what cannot be changed (time.Time) and what is tagged redact:"-": words of a
// fixed vocabulary, and encoded data where a match would be a coincidence.
func (w walker) fields(v reflect.Value) {
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("redact") != "-" {
			w.value(v.Field(i))
		}
	}
}

// mapping redacts keys and values of a map with string keys, the only kind in the model.
func (w walker) mapping(v reflect.Value) {
	if v.IsNil() {
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return bytes.Compare([]byte(a.String()), []byte(b.String())) })
	for _, key := range keys {
		elem := reflect.New(v.Type().Elem()).Elem()
		elem.Set(v.MapIndex(key))
		w.value(elem)
		if v.Type() == reflect.TypeFor[map[string]Metric]() {
			out.SetMapIndex(key, elem) // thresholds and other runs know the metric by its name
			continue
		}
		name := freeKey(w.text(key.String()), func(k string) bool {
			return out.MapIndex(reflect.ValueOf(k).Convert(v.Type().Key())).IsValid()
		})
		out.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), elem)
	}
	v.Set(out)
}

// tree redacts a free JSON tree. Anything but the types encoding/json decodes into is taken
// through JSON first, because what is marshaled in the end is what must be clean: a []byte is
// base64 there, and a struct has the names of its tags.
func (w walker) tree(v any) any {
	switch v := v.(type) {
	case nil, bool:
		return v
	case string:
		return w.text(v)
	case float64, int, int64, uint64, json.Number:
		text, _ := scalar(v)
		if name, ok := w.m.whole[text]; ok {
			return mask(name)
		}
		return v
	case []byte: // base64 in JSON, where a secret that is itself encoded would be out of sight
		if text := string(v); w.text(text) != text {
			return w.text(text)
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = w.tree(v[i])
		}
		return out
	case map[string]any:
		return w.object(v)
	}
	plain, err := plainJSON(v)
	if err != nil {
		return fmt.Sprintf("not shown: %T %v", v, err)
	}
	return w.tree(plain)
}

// plainJSON is the value that its JSON form decodes into.
func plainJSON(v any) (plain any, err error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, errors.New("cannot be written as JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // an int64 must not lose digits on the way
	if err := dec.Decode(&plain); err != nil {
		return nil, errors.New("cannot be read back from JSON")
	}
	return plain, nil
}

// scalar is a text as it is, or a number as JSON writes it.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case int, int64, uint64, json.Number:
		return fmt.Sprint(v), true
	}
	return "", false
}

func (w walker) object(v map[string]any) map[string]any {
	out := make(map[string]any, len(v))
	keys := make([]string, 0, len(v))
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		name := freeKey(w.text(key), func(k string) bool { _, taken := out[k]; return taken })
		out[name] = w.tree(v[key])
	}
	return out
}

// freeKey numbers keys that have become equal, so that no member is lost.
func freeKey(key string, taken func(string) bool) string {
	free := key
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s#%d", key, n)
	}
	return free
}

func (w walker) text(s string) string {
	return redact([]*matcher{w.m}, maskInline(s))
}
