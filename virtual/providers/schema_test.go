package providers_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/virtual/providers"
)

// plain is a file's tree as a JSON decoder would give it.
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

// The schema takes what the loader takes, and refuses what a schema can see to be wrong.
func TestSchema(t *testing.T) {
	data, err := providers.Schema()
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/provider.schema.json"
	if *update {
		if err := os.WriteFile(golden, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(data)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("provider.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("provider.json")
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]bool{"everything.yaml": true, "twice.yaml": true} // the other mistakes are in the meaning
	for _, pattern := range []string{"*.yaml", "testdata/mine/*.yaml", "testdata/bad/*.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			root := source.Read(source.NewFile(name, data), data, &diag.Errors{})
			if root == nil {
				continue // it is no YAML
			}
			bad := filepath.Dir(name) == "testdata/bad" && refused[filepath.Base(name)]
			if err := compiled.Validate(plain(root)); (err != nil) != bad {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
