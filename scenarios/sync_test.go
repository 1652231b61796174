package scenarios

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/scenarios/internal/shape"
)

// loadSync loads the fixture of passkeys that travel, with values for its params.
func loadSync(t *testing.T, given map[string]string) *File {
	t.Helper()
	f, err := Load("testdata/ok/sync.yaml", Options{Params: given})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every action of the language has a fixture, and is known by its name.
func TestActions(t *testing.T) {
	_, want := shape.Choices(shape.Fields(reflect.TypeFor[Step]()))
	got := map[string]bool{}
	for _, path := range []string{"testdata/ok/everything.yaml", "testdata/ok/sync.yaml"} {
		f, err := Load(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for s := range every(f.Steps) {
			got[s.Action()] = true
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSyncValues(t *testing.T) {
	f := loadSync(t, nil)
	if got, want := f.Sync.State, "testdata/ok/fabric.db"; got != want {
		t.Errorf("state %q, want %q", got, want)
	}
	alice := f.Accounts["alice"]
	if diff := cmp.Diff(map[string]string{"passkeys": "off", "other": "1"}, alice.Policies); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	env := Env{"params": map[string]any{"pin": "012345"}}
	if pin, err := alice.PIN.String(env); pin != "012345" || err != nil {
		t.Errorf("PIN %q, %v", pin, err)
	}
	phone := alice.Devices["phone"]
	if age, err := phone.CacheAge.Value(nil); age != 45*time.Minute || err != nil || !phone.Offline || phone.Verification != "none" {
		t.Errorf("phone %+v, %v, %v", phone, age, err)
	}
	var accepted [][]string
	for s := range every(f.Steps) {
		if s.Signal != nil && s.Signal.Unknown == "" && s.Signal.Name.IsZero() {
			accepted = append(accepted, s.Signal.Accepted)
		}
	}
	if diff := cmp.Diff([][]string{{"first", "alice/phone"}, {}}, accepted); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
}

// A rename or delete at the provider is no operation of the adapter, and one at the relying party is.
func TestOperationAtProvider(t *testing.T) {
	for s := range every(loadSync(t, nil).Steps) {
		var at string
		switch {
		case s.Rename != nil:
			at = s.Rename.At
		case s.Delete != nil:
			at = s.Delete.At
		default:
			continue
		}
		if want := at == AtProvider; s.Syncs() != want || (s.Operation() == "") != want {
			t.Errorf("%s at %s: syncs %v, operation %q", s.Action(), at, s.Syncs(), s.Operation())
		}
	}
}

func TestSyncs(t *testing.T) {
	const head = "passrig: 1\naccounts: {alice: {devices: {laptop: {}, phone: {}}}}\n"
	for steps, want := range map[string]bool{
		"steps: [{login: {user: alice, on: laptop}}]":                                                        false,
		"steps: [{delete: {user: alice, credential: laptop}}]":                                               false,
		"steps: [{delete: {user: alice, credential: laptop, at: provider, on: laptop}}]":                     true,
		"steps: [{rename: {user: alice, credential: laptop, to: a, at: provider, on: laptop}}]":              true,
		"sync: {}\nsteps: [{login: {user: alice, on: laptop}}]":                                              true,
		"steps: [{repeat: {times: 2, steps: [{repeat: {times: 2, steps: [{sync: phone}]}}]}}]":               true,
		"steps: [{login: {user: alice, on: laptop}}, {include: a.yaml}]":                                     false,
		"steps: [{login: {user: alice, on: laptop}}, {include: b.yaml}]":                                     true,
		"steps: [{repeat: {times: 2, steps: [{include: b.yaml}]}}, {login: {user: alice, on: laptop}}]":      true,
		"steps: [{policy: {account: alice, set: {a: b}}}]":                                                   true,
		"steps: [{passkeys: phone}, {device: {on: phone, present: false}}, {set: {a: 1}}, {assert: [true]}]": false,
	} {
		f, err := Load("f.yaml", Options{Partial: true, ReadFile: reader(map[string]string{
			"f.yaml": head + steps,
			"a.yaml": "passrig-steps: 1\nsteps: [{wait: 1s}]",
			"b.yaml": "passrig-steps: 1\nsteps: [{wait: 1s}, {go-offline: phone}]",
		})})
		if err != nil {
			t.Errorf("%s: %v", steps, err)
			continue
		}
		if f.Syncs() != want {
			t.Errorf("%s: got %v", steps, f.Syncs())
		}
	}
}

func TestSyncPlan(t *testing.T) {
	f := loadSync(t, nil)
	env := func(delay, loss any) Env { return Env{"params": map[string]any{"delay": delay, "loss": loss}} }
	got, err := f.SyncPlan(env("2s", "10%"))
	if err != nil {
		t.Fatal(err)
	}
	want := &SyncPlan{
		Delay: &DelayPlan{Median: 2 * time.Second, P99: time.Minute}, Loss: 0.1, Duplicates: 0.05, Retry: 30 * time.Second,
		State: "testdata/ok/fabric.db",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, test := range []struct{ delay, loss any }{
		{"2m", 0.1}, // above p99
		{"0s", 0.1},
		{"-1s", 0.1},
		{2, 0.1},
		{"2s", "101%"},
		{"2s", nil},
	} {
		if _, err := f.SyncPlan(env(test.delay, test.loss)); err == nil || !strings.HasPrefix(err.Error(), "testdata/ok/sync.yaml:1") {
			t.Errorf("%v, %v: got %v, want a mistake with its place", test.delay, test.loss, err)
		}
	}
}

func TestSyncPlanDefaults(t *testing.T) {
	got, err := new(File).SyncPlan(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := new(SyncPlan)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	short, err := Load("testdata/ok/sync-short.yaml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err = short.SyncPlan(nil)
	if err != nil {
		t.Fatal(err)
	}
	want.Delay, want.Loss, want.Duplicates = new(DelayPlan), 1, 1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in short (-want +got):\n%s", diff)
	}
}

func TestSuggestProvider(t *testing.T) {
	known := []string{"a-manager@142", "a-manager@152", "other", "security-key-generic"}
	for name, want := range map[string]string{
		"a-manager@153":         "expected one of a-manager@142, a-manager@152",
		"other@1":               `did you mean "other"?`,
		"security-key-generics": `did you mean "security-key-generic"?`,
		"b-manager@152":         `did you mean "a-manager@152"?`,
	} {
		if got := suggestProvider(name, known); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestBesideStep(t *testing.T) {
	for _, test := range []struct{ from, file, want string }{
		{"builtin:sync/basic-roam", "parts/saved.yaml", "builtin:sync/parts/saved"},
		{"builtin:sync/basic-roam", "saved", "builtin:sync/saved"},
		{"builtin:sync/basic-roam", "../smoke.yaml", "builtin:smoke"},
		{"builtin:smoke", "parts/saved.yaml", "builtin:parts/saved"},
		{"builtin:sync/basic-roam", "builtin:smoke", "builtin:smoke"},
		{"dir/a.yaml", "parts/saved.yaml", "dir/parts/saved.yaml"},
		{"dir/a.yaml", "builtin:sync/saved", "builtin:sync/saved"},
	} {
		if got := besideStep(test.from, test.file); got != test.want {
			t.Errorf("%s in %s: got %s, want %s", test.file, test.from, got, test.want)
		}
	}
}

// A step list that exports may be included twice: each time it is another export.
func TestExportIncludedTwice(t *testing.T) {
	const part = "passrig-steps: 1\nsteps: [{export: {on: laptop, format: cxf, as: moved}}, {import: {on: phone, from: moved}}]"
	files := map[string]string{
		"f.yaml":    "passrig: 1\naccounts: {alice: {devices: {laptop: {}, phone: {}}}}\nsteps: [{include: part.yaml}, {include: part.yaml}]",
		"part.yaml": part,
	}
	if _, err := Load("f.yaml", Options{Partial: true, ReadFile: reader(files)}); err != nil {
		t.Error(err)
	}
	files["f.yaml"] += "\n  - export: {on: laptop, format: cxf, as: moved}"
	files["f.yaml"] = strings.Replace(files["f.yaml"], "steps: [{include: part.yaml}, {include: part.yaml}]", "steps:\n  - include: part.yaml", 1)
	_, err := Load("f.yaml", Options{Partial: true, ReadFile: reader(files)})
	if want := `f.yaml:5:43: "moved" is already what another step exports, at part.yaml:2:48`; errText(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// What ships in a folder is listed under the folder's name and found there; a name without it says where it is.
func TestBuiltinsInFolders(t *testing.T) {
	var inFolder string
	for _, info := range Builtins() {
		if strings.Contains(info.Name, "/") {
			inFolder = info.Name
		}
	}
	if inFolder == "" {
		t.Fatal("no built-in scenario is in a folder")
	}
	if _, err := Load("builtin:"+inFolder, Options{Partial: true}); err != nil {
		t.Error(err)
	}
	_, name, _ := strings.Cut(inFolder, "/")
	if got, want := suggestBuiltin(name), `did you mean "`+inFolder+`"?`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
