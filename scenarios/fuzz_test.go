package scenarios

import (
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

// checkDiagnostics holds that an error is one that can be shown: every mistake has a message, and a
// place that exists.
func checkDiagnostics(t *testing.T, err error, name, text string) {
	t.Helper()
	errs := diag.From(err)
	if errs == nil || len(errs.List) == 0 {
		t.Fatalf("got %v, want diagnostics", err)
	}
	file := source.NewFile(name, []byte(text))
	lines := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n") + 1
	for _, d := range errs.List {
		if d.Message == "" || strings.ContainsAny(d.Message+d.Hint, "\n") {
			t.Errorf("message %q, hint %q", d.Message, d.Hint)
		}
		if d.File != name {
			continue
		}
		if d.Line < 1 || d.Line > lines {
			t.Errorf("%s: line %d of %d", d.Message, d.Line, lines)
		}
		if n := utf8.RuneCountInString(file.Line(d.Line)); d.Col < 1 || d.Col > n+1 || d.Width < 1 || d.Col+max(d.Width, 2) > n+3 {
			t.Errorf("%s: column %d, width %d in a line of %d", d.Message, d.Col, d.Width, n)
		}
	}
	if err := diag.Print(io.Discard, errs, true); err != nil {
		t.Error(err)
	}
}

// seed adds every fixture of a kind.
func seed(f *testing.F, adapters bool, patterns ...string) {
	f.Helper()
	for _, p := range patterns {
		paths, err := filepath.Glob(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if (kindOf(filepath.Base(path), data) == kindAdapter) == adapters {
				f.Add(string(data))
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	seed(f, false, "testdata/*/*.yaml", "testdata/err/*/*.yaml", "builtin/*.yaml", "builtin/*/*.yaml")
	adapter, err := os.ReadFile("testdata/ok/rp.yaml")
	if err != nil {
		f.Fatal(err)
	}
	parts := map[string][]byte{}
	for _, name := range []string{"again.yaml", "synced.yaml"} {
		if parts[name], err = os.ReadFile("testdata/ok/parts/" + name); err != nil {
			f.Fatal(err)
		}
	}
	compiled := schemas(f)
	f.Fuzz(func(t *testing.T, text string) {
		read := func(name string) ([]byte, error) {
			switch filepath.Base(name) {
			case "f.yaml":
				return []byte(text), nil
			case "rp.yaml":
				return adapter, nil
			}
			if part, ok := parts[filepath.Base(name)]; ok {
				return part, nil
			}
			return nil, fs.ErrNotExist
		}
		file, err := Load("f.yaml", Options{ReadFile: read, Providers: providers()})
		if err != nil {
			checkDiagnostics(t, err, "f.yaml", text)
			return
		}
		root := source.Read(source.NewFile("f.yaml", []byte(text)), []byte(text), &diag.Errors{})
		if err := compiled[kindScenario].Validate(plain(root)); err != nil {
			t.Errorf("it loads, but the schema says %v", err)
		}
		if file.Matrix != nil {
			if len(file.Matrix.RelyingParties) == 0 || file.Steps != nil || file.Target != nil {
				t.Errorf("a lab loads as %+v", file)
			}
			return
		}
		if file.Adapter == nil || len(file.Steps) == 0 && file.Checks == nil && file.Load == nil {
			t.Error("it loads without an adapter, or without steps, checks and load")
		}
		plan, err := file.LoadPlan(Env{"params": map[string]any{}})
		if err == nil && (plan == nil) != (file.Load == nil) {
			t.Errorf("load %v, plan %v", file.Load, plan)
		}
		checkSyncPlan(t, file)
	})
}

// checkSyncPlan holds that a plan for passkeys that travel has only values that can be played.
func checkSyncPlan(t *testing.T, file *File) {
	t.Helper()
	if file.Sync != nil && !file.Syncs() {
		t.Error("it has a sync section and does not sync")
	}
	plan, err := file.SyncPlan(Env{"params": map[string]any{}})
	if err != nil {
		return
	}
	for _, share := range []float64{plan.Loss, plan.Duplicates} {
		if math.IsNaN(share) || share < 0 || share > 1 {
			t.Errorf("a share of %v", share)
		}
	}
	if d := plan.Delay; d != nil && (d.Constant < 0 || d.Median < 0 || d.Median > 0 && d.P99 <= d.Median) {
		t.Errorf("delay %+v", d)
	}
	if plan.Retry < 0 {
		t.Errorf("sent again after %v", plan.Retry)
	}
}

func FuzzLoadAdapter(f *testing.F) {
	seed(f, true, "testdata/*/*.yaml", "testdata/err/*/*.yaml", "adapters/*.yaml")
	compiled := schemas(f)
	f.Fuzz(func(t *testing.T, text string) {
		read := func(string) ([]byte, error) { return []byte(text), nil }
		adapter, err := LoadAdapter("f.yaml", Options{ReadFile: read})
		if err != nil {
			checkDiagnostics(t, err, "f.yaml", text)
			return
		}
		root := source.Read(source.NewFile("f.yaml", []byte(text)), []byte(text), &diag.Errors{})
		if err := compiled[kindAdapter].Validate(plain(root)); err != nil {
			t.Errorf("it loads, but the schema says %v", err)
		}
		if len(adapter.Offers()) == 0 {
			t.Error("it loads without an operation")
		}
	})
}
