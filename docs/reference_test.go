package docs_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/passrig/passrig/scenarios"
)

// TestReference compares the generated references with the language's types.
func TestReference(t *testing.T) {
	for _, c := range []struct {
		doc, of string
		root    reflect.Type
	}{
		{"adapters.md", "adapter", reflect.TypeFor[scenarios.Adapter]()},
		{"scenarios.md", "scenario", reflect.TypeFor[scenarios.File]()},
	} {
		t.Run(c.of, func(t *testing.T) {
			compareGenerated(t, c.doc, "members of "+c.of, reference(t, c.root))
		})
	}
}

// headings are the reference's names of the language's types.
func headings() map[string]string {
	return map[string]string{
		"Adapter": "The adapter file", "File": "The scenario file", "HTTPStep": "Step of an operation",
		"OptionsSpec": "Options", "CredentialSpec": "Credential", "ResultSpec": "Result",
		"LoadSpec": "Load", "LoadTLS": "TLS of a load", "PageSpec": "Page", "PageFill": "Fill", "PageSelect": "Select", "PageText": "Expect text", "PageEvaluate": "Evaluate",
		"SyncSection": "Sync", "ResetPIN": "Reset PIN",
	}
}

// reference is a table for each struct type that can be reached, the nearest first.
func reference(t *testing.T, root reflect.Type) string {
	t.Helper()
	var b strings.Builder
	queue, seen := []reflect.Type{root}, map[reflect.Type]bool{root: true}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "### %s\n\n| member | value | meaning |\n|---|---|---|\n", heading(next))
		for _, f := range fields(next) {
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && hasMembers(inner) && !seen[inner] {
				seen[inner] = true
				queue = append(queue, inner)
			}
			name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			doc := f.Tag.Get("doc")
			if doc == "" {
				t.Errorf("%s.%s has no doc tag", next.Name(), f.Name)
			}
			if options == "required" {
				doc += " Required."
			}
			if f.Tag.Get("scalar") == "true" {
				doc += " Can be written alone, in place of the mapping."
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, value(f.Type, f.Tag), strings.ReplaceAll(doc, "|", `\|`))
		}
	}
	return b.String()
}

func heading(t reflect.Type) string {
	if h, ok := headings()[t.Name()]; ok {
		return h
	}
	// LoginDiscoverable becomes "Login discoverable".
	var words strings.Builder
	for i, r := range t.Name() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			words.WriteString(" ")
			r += 'a' - 'A'
		}
		words.WriteRune(r)
	}
	return words.String()
}

// fields are the members of a struct type, those of inlined structs in their place.
func fields(t reflect.Type) []reflect.StructField {
	var list []reflect.StructField
	for f := range t.Fields() {
		switch tag := f.Tag.Get("yaml"); {
		case tag == ",inline":
			list = append(list, fields(f.Type)...)
		case tag != "" && tag != "-":
			list = append(list, f)
		}
	}
	return list
}

func hasMembers(t reflect.Type) bool { return len(fields(t)) > 0 }

// value says what a member's value looks like.
func value(t reflect.Type, tag reflect.StructTag) string {
	switch t.Kind() {
	case reflect.Pointer:
		return value(t.Elem(), tag)
	case reflect.Slice:
		return "list: " + value(t.Elem(), tag)
	case reflect.Map:
		keys := "names to "
		switch k := tag.Get("keys"); {
		case t.Elem() == reflect.TypeFor[scenarios.Operation]():
			keys = "operations to "
		case k != "":
			keys = choices(k) + " to "
		}
		return keys + value(t.Elem(), tag)
	case reflect.Bool:
		return "`true` `false`"
	case reflect.Struct:
		if hasMembers(t) {
			link := heading(t)
			return fmt.Sprintf("[%s](#%s)", strings.ToLower(link), strings.ReplaceAll(strings.ToLower(link), " ", "-"))
		}
		if enum := tag.Get("enum"); enum != "" {
			return choices(enum)
		}
		switch t.Name() {
		case "Expr":
			return "expression"
		case "Int":
			return "number"
		case "Tamper":
			return "change"
		}
		return strings.ToLower(t.Name()) // text, tree, duration, rate, share
	default:
		if enum := tag.Get("enum"); enum != "" {
			return choices(enum)
		}
		return "plain text"
	}
}

func choices(enum string) string { return "`" + strings.ReplaceAll(enum, ",", "` `") + "`" }
