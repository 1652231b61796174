package scenarios

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/scenarios/internal/shape"
)

// schemas are the generated schemas by the kind of file they are for.
func schemas(tb testing.TB) map[string]*jsonschema.Schema {
	tb.Helper()
	compiled := map[string]*jsonschema.Schema{}
	for kind, make := range map[string]func() ([]byte, error){kindScenario: Schema, kindAdapter: AdapterSchema, kindSteps: StepsSchema} {
		data, err := make()
		if err != nil {
			tb.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			tb.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(kind+".json", doc); err != nil {
			tb.Fatal(err)
		}
		if compiled[kind], err = c.Compile(kind + ".json"); err != nil {
			tb.Fatal(err)
		}
	}
	return compiled
}

// plain turns a file's tree into what a JSON decoder would give.
func plain(n *source.Node) any {
	switch n.Kind {
	case source.Map:
		m := map[string]any{}
		for _, member := range n.Members {
			m[member.Key.Value] = plain(member.Value)
		}
		return m
	case source.List:
		list := []any{}
		for _, item := range n.Items {
			list = append(list, plain(item))
		}
		return list
	default:
		return n.Scalar()
	}
}

func validate(t *testing.T, schemas map[string]*jsonschema.Schema, path string) error {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	errs := &diag.Errors{}
	root := source.Read(source.NewFile(path, data), data, errs)
	if root == nil {
		t.Fatal(errs)
	}
	return schemas[kindOf(filepath.Base(path), data)].Validate(plain(root))
}

func TestSchemaAcceptsValidFiles(t *testing.T) {
	compiled := schemas(t)
	for _, path := range glob(t, "testdata/ok/*.yaml", "testdata/ok/*/*.yaml", "adapters/*.yaml", "builtin/*.yaml", "builtin/*/*.yaml") {
		if err := validate(t, compiled, path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSchemaRejectsWrongShapes(t *testing.T) {
	compiled := schemas(t)
	for _, path := range glob(t, "testdata/err/schema/*.yaml") {
		if err := validate(t, compiled, path); err == nil {
			t.Errorf("%s: the schema accepts it", path)
		}
	}
}

// The other mistakes are beyond a schema; if one is not, its fixture belongs to those above.
func TestSchemaCannotTellMeaning(t *testing.T) {
	compiled := schemas(t)
	for _, path := range glob(t, "testdata/err/semantic/*.yaml") {
		if err := validate(t, compiled, path); err != nil {
			t.Errorf("%s: the schema rejects it: %v", path, err)
		}
	}
}

func TestSchemaFiles(t *testing.T) {
	for name, make := range map[string]func() ([]byte, error){
		"scenario.schema.json": Schema, "adapter.schema.json": AdapterSchema, "steps.schema.json": StepsSchema,
	} {
		data, err := make()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, data)
	}
}

// Every field of the language is explained, and its tags are ones that are understood.
func TestTags(t *testing.T) {
	index := shape.Index{}
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if _, seen := index[typ]; seen || typ.Kind() != reflect.Struct {
			return
		}
		for _, f := range index.Fields(typ) {
			at := typ.Name() + "." + f.Name
			if !strings.HasSuffix(f.Doc, ".") && !strings.Contains(f.Doc, ": ") {
				t.Errorf("%s: doc %q", at, f.Doc)
			}
			if !slices.Contains([]string{"", "label", "variable", "metric"}, f.Names) {
				t.Errorf("%s: names %q", at, f.Names)
			}
			if !slices.Contains([]string{"", "response", "result", "entry"}, f.Scope) {
				t.Errorf("%s: scope %q", at, f.Scope)
			}
			if !slices.Contains([]string{"", "user", "user-or-nobody", "account", "device", "credential"}, f.Ref) {
				t.Errorf("%s: ref %q", at, f.Ref)
			}
			visit(f.Type)
		}
	}
	visit(reflect.TypeFor[File]())
	visit(reflect.TypeFor[Adapter]())
	visit(reflect.TypeFor[StepList]())
	if len(index) < 25 {
		t.Errorf("only %d types", len(index))
	}
}
