package providers_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/virtual/providers"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Every mistake of every file is told at once, with its place and what to do.
func TestMistakes(t *testing.T) {
	_, err := catalogue(t).With(os.DirFS("testdata/bad"), "bad")
	problems := diag.From(err)
	if problems == nil {
		t.Fatalf("got %v", err)
	}
	var got bytes.Buffer
	if err := diag.Print(&got, problems, false); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/bad.golden"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFolderMistakes(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"mine: there is no provider file in the folder":         {"readme.md": {Data: []byte("#")}},
		"mine/a.yaml:1:1: the file is empty":                    {"a.yaml": {}},
		"mine/a.yaml:1:1: expected a provider file, got a list": {"a.yaml": {Data: []byte("[1]")}},
	} {
		if _, err := catalogue(t).With(fsys, "mine"); err == nil || err.Error() != name {
			t.Errorf("got %v, want %q", err, name)
		}
	}
	missing := filepath.Join(t.TempDir(), "none")
	if _, err := catalogue(t).With(os.DirFS(missing), "none"); err == nil || err.Error() != "none: cannot read the folder: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

// Any file either loads into rows that hold together, or is refused with places inside it.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"*.yaml", "testdata/*/*.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			f.Fatal(names, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	base := catalogue(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := base.With(fstest.MapFS{"f.yaml": {Data: data}}, "x")
		if err != nil {
			problems := diag.From(err)
			if problems == nil || len(problems.List) == 0 {
				t.Fatalf("not a list of mistakes: %v", err)
			}
			for _, d := range problems.List {
				if d.File != "x/f.yaml" || d.Line < 1 || d.Message == "" {
					t.Fatalf("%+v", d)
				}
			}
			return
		}
		for _, p := range c.All() {
			if found, err := c.Find(p.ID()); err != nil || found != p {
				t.Fatalf("%q is not found: %v", p.ID(), err)
			}
			if err := p.Config.Validate(); err != nil {
				t.Fatal(err)
			}
			for _, fact := range p.Facts {
				if fact.Source == "" || fact.Certainty == "" {
					t.Fatalf("%s: %+v", p.ID(), fact)
				}
			}
			p.Eligible(providers.Use, providers.Circumstances{OS: providers.ParseRelease(string(data)), Client: providers.ParseRelease("edge 1")})
		}
	})
}

func FuzzParseRelease(f *testing.F) {
	f.Add("windows 11 25H2")
	f.Add("１１ x")
	p, err := catalogue(f).Find("microsoft-password-manager")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := providers.ParseRelease(text)
		for _, n := range r.Version {
			if n < 0 {
				t.Fatalf("%q: %v", text, r)
			}
		}
		if e := p.Eligible(providers.Save, providers.Circumstances{OS: r, Client: r}); !e.Allowed && e.Reason == "" {
			t.Fatalf("%q: %+v", text, e)
		}
	})
}
