package scenarios

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/diag"
)

var update = flag.Bool("update", false, "write golden files")

// providers are the names that fixtures may use.
func providers() []string { return []string{"synced-generic", "device-bound", "security-key-generic"} }

// changes are the changes of a response that fixtures may name.
func changes() map[string]Change {
	fits := func(is func(any) bool) func(any) error {
		return func(v any) error {
			if is(v) {
				return nil
			}
			return fmt.Errorf("%v does not fit", v)
		}
	}
	nothing := func(v any) bool { return v == nil }
	number := func(v any) bool { _, ok := v.(int); return ok }
	return map[string]Change{
		"clientdata-bom":          {Registration: true, Login: true, Fits: fits(nothing)},
		"clientdata-origin":       {Registration: true, Login: true},
		"clientdata-cross-origin": {Registration: true, Login: true},
		"authdata-truncate":       {Registration: true, Login: true, Fits: fits(number)},
		"aaguid":                  {Registration: true},
		"signature-flip":          {Login: true},
	}
}

// load loads a fixture as what it is: an adapter or step list by its version key or, where that is
// missing, by its name.
func load(t *testing.T, path string) error {
	t.Helper()
	dir, name := filepath.Split(path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		ReadFile:  func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) },
		Providers: providers(), Changes: changes(),
		CheckIDs: []string{"reg-clientdata-bom", "auth-sig-flipped", "auth-signature-flipped"},
	}
	switch kindOf(name, data) {
	case kindAdapter:
		_, err = LoadAdapter(name, options)
	case kindSteps:
		_, err = LoadSteps(name, options)
	default:
		_, err = Load(name, options)
	}
	return err
}

func kindOf(name string, data []byte) string {
	switch kind := Kind(data); {
	case strings.HasPrefix(name, "adapter-"):
		return kindAdapter
	case strings.HasPrefix(name, "steps-"):
		return kindSteps
	case strings.HasPrefix(name, "scenario-"), kind == "":
		return kindScenario
	default:
		return kind
	}
}

func glob(t *testing.T, patterns ...string) []string {
	t.Helper()
	var paths []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil || len(found) == 0 {
			t.Fatalf("no files match %s: %v", p, err)
		}
		paths = append(paths, found...)
	}
	return paths
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (run with -update if it should) (-want +got):\n%s", path, diff)
	}
}

func TestLoadMistakes(t *testing.T) {
	paths := glob(t, "testdata/err/*/*.yaml")
	if len(paths) < 60 {
		t.Errorf("only %d fixtures", len(paths))
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			err := load(t, path)
			errs := diag.From(err)
			if errs == nil {
				t.Fatalf("got %v, want diagnostics", err)
			}
			var out bytes.Buffer
			if err := diag.Print(&out, errs, false); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".out", out.Bytes())
		})
	}
}

func TestLoadValid(t *testing.T) {
	for _, path := range glob(t, "testdata/ok/*.yaml", "testdata/ok/*/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if err := load(t, path); err != nil {
				var out bytes.Buffer
				if errs := diag.From(err); errs != nil {
					_ = diag.Print(&out, errs, false)
				}
				t.Fatalf("%v\n%s", err, out.String())
			}
		})
	}
}
