package scenarios

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/diag"
)

const small = `passrig: 1
target: {adapter: fido, origin: "https://rp.example.test", i-may-test: "https://rp.example.test"}
params:
  n: {default: 1}
  needed: {}
accounts: {alice: {devices: {laptop: {}, phone: {}}}, bob: {devices: {phone: {}}}}
steps:
  - id: first
    register: {user: alice, on: laptop, label: "${{ params.n }}"}
`

// reader reads files from memory.
func reader(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
}

func TestLoadOptions(t *testing.T) {
	files := map[string]string{"a.yaml": small, "no-target.yaml": strings.Replace(small, "target: {", "# {", 1)}
	for _, test := range []struct {
		name    string
		path    string
		options Options
		want    string // mistakes, one on each line
	}{
		{name: "param", options: Options{Params: map[string]string{"needed": "x"}}},
		{name: "required param", want: `a.yaml:5:3: the param "needed" has no value`},
		{name: "required param of a file that is not run", options: Options{Partial: true}},
		{
			name: "unknown param", options: Options{Params: map[string]string{"needed": "", "neded": "x"}},
			want: `--param: unknown param "neded"`,
		},
		{
			name: "other origin", options: Options{Params: map[string]string{"needed": "x"}, Origin: "http://localhost:1"},
		},
		{
			name: "bad origin", options: Options{Params: map[string]string{"needed": "x"}, Origin: "localhost:1"},
			want: `--origin: "localhost:1" is not an origin`,
		},
		{
			name: "other adapter", options: Options{Params: map[string]string{"needed": "x"}, Adapter: "passrig-dmo"},
			want: `passrig-dmo: no built-in adapter is called "passrig-dmo"`,
		},
		{
			name: "adapter file", options: Options{Params: map[string]string{"needed": "x"}, Adapter: "dir/rp.yaml"},
			want: `dir/rp.yaml: cannot be read: no such file`,
		},
		{name: "no such file", path: "b.yaml", want: "b.yaml: cannot be read: no such file"},
		{name: "no such built-in", path: "builtin:smok", want: "builtin:smok: cannot be read: no such file"},
		{
			name: "no target", path: "no-target.yaml", options: Options{Params: map[string]string{"needed": "x"}},
			want: "no-target.yaml:1:1: the scenario has no target",
		},
		{name: "no target, but flags", path: "no-target.yaml", options: Options{Params: map[string]string{"needed": "x"}, Adapter: "fido", Origin: "http://localhost:1"}},
		{
			name: "no target, one flag", path: "no-target.yaml", options: Options{Params: map[string]string{"needed": "x"}, Origin: "http://localhost:1"},
			want: "no-target.yaml:1:1: the scenario has no adapter",
		},
		{name: "no target and not run", path: "no-target.yaml", options: Options{Partial: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.path == "" {
				test.path = "a.yaml"
			}
			test.options.ReadFile = reader(files)
			f, err := Load(test.path, test.options)
			if errText(err) != test.want {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			if err != nil && diag.From(err) == nil {
				t.Errorf("%T is not *diag.Errors", err)
			}
			if err == nil && test.options.Origin != "" {
				if origin, _ := f.Target.Origin.String(nil); origin != test.options.Origin {
					t.Errorf("origin %q", origin)
				}
			}
		})
	}
}

func TestParamValues(t *testing.T) {
	for given, want := range map[string]any{"5": 5, "true": true, "text": "text", "a: b": "a: b", "[1]": "[1]", "": "", "'5'": "5", `"a"`: "a", "a # b": "a # b", "*a": "*a", "a, b": "a, b", "1.5": 1.5, "${{ x }}": "${{ x }}", "null": nil} {
		f, err := Load("a.yaml", Options{ReadFile: reader(map[string]string{"a.yaml": small}), Params: map[string]string{"needed": given}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Params["needed"].Default.Eval(nil)
		if got != want || err != nil {
			t.Errorf("%q: got %#v, %v, want %#v", given, got, err, want)
		}
	}
}

func TestOriginOfAdapter(t *testing.T) {
	f, err := Load("builtin:smoke", Options{Adapter: "passrig-demo"})
	if err != nil {
		t.Fatal(err)
	}
	origin, err := f.Target.Origin.String(nil)
	if err != nil || origin == "" || origin != f.Adapter.Origin {
		t.Errorf("got %q, %v, want %q", origin, err, f.Adapter.Origin)
	}
}

func TestDevice(t *testing.T) {
	f, err := Load("a.yaml", Options{ReadFile: reader(map[string]string{"a.yaml": small}), Partial: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		ref, user, want string
	}{
		{"laptop", "alice", "alice/laptop"},
		{"laptop", "bob", "alice/laptop"},
		{"phone", "bob", "bob/phone"},
		{"phone", "", ""},
		{"phone", "carol", ""},
		{"alice/phone", "bob", "alice/phone"},
		{"bob/laptop", "bob", ""},
		{"desk", "alice", ""},
	} {
		account, device, ok := f.Device(test.ref, test.user)
		if ok != (test.want != "") || ok && account+"/"+device != test.want {
			t.Errorf("%s of %s: got %s/%s, %v, want %s", test.ref, test.user, account, device, ok, test.want)
		}
	}
}

func TestKind(t *testing.T) {
	for text, want := range map[string]string{
		"passrig: 1\n":               "scenario",
		"# x\npassrig-adapter: 1\n":  "adapter",
		"name: x\npassrig-steps : 1": "steps",
		"\ufeffpassrig: 1":           "scenario",
		"\"passrig\": [1":            "scenario",
		"  passrig: 1":               "",
		"passrigs: 1":                "",
		"":                           "",
	} {
		if got := Kind([]byte(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestBuiltinsLoad(t *testing.T) {
	for _, info := range Builtins() {
		if _, err := Load("builtin:"+info.Name, Options{Adapter: "passrig-demo"}); err != nil {
			t.Errorf("%s: %v", info.Name, err)
		}
		if info.Title == "" || info.Description == "" || len(info.Tags) == 0 {
			t.Errorf("%s is not described: %+v", info.Name, info)
		}
	}
	for _, info := range Adapters() {
		a, err := LoadAdapter(info.Name, Options{})
		if err != nil {
			t.Errorf("%s: %v", info.Name, err)
			continue
		}
		if a.Name != info.Name || info.Title == "" || info.Tested == "" {
			t.Errorf("%s is not described: %+v", info.Name, info)
		}
	}
}

func TestUses(t *testing.T) {
	a, err := LoadAdapter("testdata/ok/rp.yaml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		OpSignup:            {"args", "body", "params", "saved", "signedIn", "url", "user", "status"},
		OpRename:            {"entry", "name"},
		OpDelete:            {"passkey"},
		OpLoginDiscoverable: {"body", "credential", "target", "user"},
		OpList:              {"body", "entry"},
	} {
		op := a.Operations[name]
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(op.roots))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !op.Uses(want[0]) || op.Uses("nothing") {
			t.Errorf("%s: Uses is wrong", name)
		}
	}
	if len(a.Operations[OpLoginDiscoverable].Steps) != 2 {
		t.Error("same-as has no steps")
	}
}

func TestIncluded(t *testing.T) {
	f, err := Load("testdata/ok/everything.yaml", Options{Providers: providers()})
	if err != nil {
		t.Fatal(err)
	}
	var included []*Include
	for i := range f.Steps {
		if f.Steps[i].Include != nil {
			included = append(included, f.Steps[i].Include)
		}
		if f.Steps[i].Pos.Line == 0 {
			t.Errorf("step %d has no place", i+1)
		}
	}
	if len(included) != 2 || len(included[0].Steps) != 3 || included[0].Steps[0].Pos.File != "testdata/ok/parts/again.yaml" || included[0].Params["user_name"].Default == nil {
		t.Errorf("included: %+v", included)
	}
	if f.Steps[4].Operation() != OpLoginDiscoverable || f.Steps[3].Operation() != OpLogin {
		t.Error("wrong operation")
	}
}
