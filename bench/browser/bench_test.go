package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The test binary plays the contenders too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == playContender {
		main()
	}
	os.Exit(m.Run())
}

// TestQuick goes through everything that needs no Node.
func TestQuick(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	file := filepath.Join(t.TempDir(), "result.json")
	var stdout, stderr bytes.Buffer
	args := []string{os.Args[0], "-quick", "-peers=false", "-root", filepath.Join("..", ".."), "-json", file}
	if code := run(t.Context(), args, nil, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, &stdout, &stderr)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 5 {
		t.Errorf("%d contenders, want 5", len(r.Rows))
	}
	for _, row := range r.Rows {
		for _, n := range []int{1, quickPlan.contexts} {
			if s := row.Rates[n]; len(s) != 1 || !(s[0].Rate > 0) {
				t.Errorf("%s: rates with %d contexts: %v", row.Name, n, s)
			}
		}
		if len(row.Setups) != 1 || row.Anonymous <= 0 && row.Name == page || len(row.Left) > 0 {
			t.Errorf("%s: set-ups %v, anonymous memory %g MB, left behind %q", row.Name, row.Setups, row.Anonymous, row.Left)
		}
		if !strings.Contains(stdout.String(), row.Name) {
			t.Errorf("%s is not in the table:\n%s", row.Name, &stdout)
		}
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files: %v, %v", left, err)
	}
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"everything"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"bench"}, args...), nil, &stdout, &stderr); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
	if err := play(t.Context(), "nobody", strings.NewReader(""), &bytes.Buffer{}); err == nil {
		t.Error("there is a contender called nobody")
	}
}

// TestFaults has what a measurement is thrown away for, one at a time.
func TestFaults(t *testing.T) {
	steady := &soak{Logins: 4, After: []float64{0, 1, 2, 3, 4}, Processes: []int{5, 6, 6, 6, 6}}
	for name, c := range map[string]struct {
		row  row
		want string
	}{
		"nothing":  {row{Soak: steady}, ""},
		"a login":  {row{Failed: 2, Failure: "no"}, "2 logins failed, the first: no"},
		"leavings": {row{Soak: steady, Left: []string{"process 7"}}, "process 7"},
		"growth":   {row{Soak: &soak{After: []float64{0, 1, 2}, Processes: []int{5, 5, 6}}}, "had 5 processes, and 6"},
	} {
		c.row.Name = page
		err := (&result{Rows: []*row{&c.row}}).faults()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestGrowth is about a heap that is filled, swept once, and a leak of 2 MB in 1000 logins.
func TestGrowth(t *testing.T) {
	var filled, leaking soak
	for i := range 21 {
		memory := 100 + math.Min(float64(i), 8)*10
		if i == 17 {
			memory -= 30
		}
		filled.add(i*500, usage{memory: memory})
		leaking.add(i*500, usage{memory: memory + float64(i)})
	}
	if diff := cmp.Diff([]float64{0, 2048}, []float64{filled.growth(), leaking.growth()}); diff != "" {
		t.Error(diff)
	}
}

// named is a visitor who is signed in under that name whoever they are.
type named string

func (named) enroll(context.Context, string) error    { return nil }
func (n named) login(context.Context) (string, error) { return string(n), nil }
func (named) leave(context.Context) error             { return nil }

// TestPlayer counts as many logins as were ordered, and those of somebody else.
func TestPlayer(t *testing.T) {
	for name, failed := range map[named]int{"u-0": 0, "u-1": 10} {
		p := &player{match: match{User: "u"}, visitors: []visitor{name}}
		r, err := p.obey(t.Context(), order{Do: "login", Contexts: 1, Logins: 10})
		if err != nil || r.Logins != 10 || len(r.Failed) != failed {
			t.Errorf("%s: %+v, %v; want %d failures", name, r, err, failed)
		}
		if _, err := p.obey(t.Context(), order{Do: "login", Contexts: 1}); err == nil {
			t.Error("a login without an end was begun")
		}
	}
}
