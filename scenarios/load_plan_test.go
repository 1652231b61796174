package scenarios

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRate(t *testing.T) {
	tests := []struct {
		value   any
		want    float64
		problem string
	}{
		{"200/s", 200, ""},
		{"30/m", 0.5, ""},
		{"1.5/s", 1.5, ""},
		{"36/h", 0.01, ""},
		{"7", 7, ""},
		{7, 7, ""},
		{0.25, 0.25, ""},
		{"1e3/s", 1000, ""},
		{0, 0, ""},
		{"1000000/s", MaxRate, ""},
		{"1000001/s", 0, "is more than 1000000 in a second"},
		{"5/d", 0, "is not a rate such as 200/s or 30/m"},
		{"5 /s", 0, "is not a rate such as 200/s or 30/m"},
		{"/s", 0, "is not a rate such as 200/s or 30/m"},
		{"0x10/s", 0, "is not a rate such as 200/s or 30/m"},
		{"Inf/s", 0, "is not a rate such as 200/s or 30/m"},
		{"-1/s", 0, "is a rate below zero"},
		{"-0/s", 0, "is a rate below zero"},
		{true, 0, "is true, not a rate such as 200/s or 30/m"},
		{nil, 0, "is nothing, not a rate such as 200/s or 30/m"},
	}
	for _, tt := range tests {
		got, problem, _ := rateOf(tt.value)
		if got != tt.want || problem != tt.problem {
			t.Errorf("rateOf(%#v) = %v, %q, want %v, %q", tt.value, got, problem, tt.want, tt.problem)
		}
	}
	if r, err := ParseRate("90/m"); err != nil || r.IsZero() {
		t.Errorf("got %v, %v", r, err)
	} else if v, err := r.Value(nil); v != 1.5 || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := ParseRate("much"); err == nil || err.Error() != `"much" is not a rate such as 200/s or 30/m` {
		t.Errorf("got %v", err)
	}
}

func TestShare(t *testing.T) {
	tests := []struct {
		value   any
		want    float64
		problem string
	}{
		{"5%", 0.05, ""},
		{"0.5%", 0.005, ""},
		{0.05, 0.05, ""},
		{"1", 1, ""},
		{1, 1, ""},
		{"100%", 1, ""},
		{"101%", 0, "is more than the whole"},
		{5, 0, "is more than the whole"},
		{"-1%", 0, "is a share below zero"},
		{"%", 0, "is not a share such as 5%"},
		{"few", 0, "is not a share such as 5%"},
		{false, 0, "is false, not a share such as 5%"},
	}
	for _, tt := range tests {
		got, problem, _ := shareOf(tt.value)
		if got != tt.want || problem != tt.problem {
			t.Errorf("shareOf(%#v) = %v, %q, want %v, %q", tt.value, got, problem, tt.want, tt.problem)
		}
	}
}

// planned loads a fixture and plans it, with params as the engine gives them.
func planned(t *testing.T, name string, given map[string]string) (*LoadPlan, error) {
	t.Helper()
	file, err := Load(filepath.Join("testdata", "ok", name+".yaml"), Options{Params: given, Providers: providers(), Changes: changes()})
	if err != nil {
		t.Fatal(err)
	}
	params := map[string]any{}
	for name, p := range file.Params {
		if params[name], err = p.Default.Eval(nil); err != nil {
			t.Fatal(err)
		}
	}
	return file.LoadPlan(Env{"params": params})
}

func TestLoadPlan(t *testing.T) {
	common := func(p LoadPlan) *LoadPlan {
		p.Resumption = p.Curves == nil
		return &p
	}
	es256 := []AlgorithmWeight{{"ES256", 1}}
	alone := []JourneyPlan{{Weight: 1}}
	tests := map[string]*LoadPlan{
		"load": common(LoadPlan{
			Users: LoadUsersPlan{Count: 100000, Algorithms: es256, Prefix: "load-"}, Prepare: &LoadPreparePlan{VUs: 16}, Pattern: Uniform,
			Stages: []LoadStage{
				{"ramp", 0, 200, 30 * time.Second, false}, {"warm-up", 200, 200, 10 * time.Second, false}, {"hold", 200, 200, 2 * time.Minute, true},
			},
			WarmUp: 10 * time.Second, Journeys: alone, Connections: "keep-alive", HTTP: "1.1",
			MaxInFlight: 1000, Timeout: 10 * time.Second, Drain: 30 * time.Second, Signing: "pool",
		}),
		"load-journeys": common(LoadPlan{
			Users:   LoadUsersPlan{Count: 5000, Algorithms: []AlgorithmWeight{{"ES256", 8}, {"EdDSA", 1}, {"RS256", 1}}, Prefix: "soak-"},
			Prepare: &LoadPreparePlan{VUs: 32, State: "testdata/ok/soak.state"}, Pattern: Poisson,
			Stages: []LoadStage{
				{"warm-up", 0.5, 0.5, 5 * time.Second, false}, {"stage 2", 1.5, 500, time.Minute, true}, {"stage 3", 500, 50, time.Minute, true},
			},
			WarmUp: 5 * time.Second, Journeys: []JourneyPlan{{Name: "login", Weight: 8}, {Name: "newcomer", Weight: 1}},
			Connections: "per-ceremony", HTTP: "2", Curves: []string{"X25519", "P256"}, MaxInFlight: 2000, Timeout: 5 * time.Second, Signing: "fresh",
		}),
		"load-limit": common(LoadPlan{
			Users: LoadUsersPlan{Import: "testdata/ok/users.ndjson", Algorithms: es256, Prefix: "load-"}, Pattern: Uniform,
			Limit:    &LimitPlan{From: 50, To: 20000, Hold: 10 * time.Second, Precision: 0.05},
			Journeys: alone, Connections: "keep-alive", HTTP: "1.1", MaxInFlight: 1000, Timeout: 10 * time.Second, Drain: 30 * time.Second, Signing: "fresh",
		}),
		"load-closed": common(LoadPlan{
			Users: LoadUsersPlan{Count: 100, Algorithms: es256, Prefix: "load-"}, Closed: &ClosedPlan{VUs: 100, Iterations: 5000},
			Journeys: alone, Connections: "keep-alive", HTTP: "1.1", MaxInFlight: 1000, Timeout: 10 * time.Second, Drain: 30 * time.Second, Signing: "pool",
		}),
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := planned(t, name, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range got.Journeys {
				if len(j.Steps) == 0 {
					t.Errorf("journey %q has no steps", j.Name)
				}
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(JourneyPlan{}, "Steps")); diff != "" {
				t.Error(diff)
			}
		})
	}
	if plan, err := planned(t, "minimal", nil); plan != nil || err != nil {
		t.Errorf("a file without a load: %v, %v", plan, err)
	}
}

// What only the values of params make wrong is found when the run begins, with its place.
func TestLoadPlanMistakes(t *testing.T) {
	tests := []struct {
		file  string
		given map[string]string
		want  string
	}{
		{"load", map[string]string{"rate": "0/s"}, `ok/load.yaml:21:19: nothing arrives at this rate`},
		{"load", map[string]string{"rate": "fast"}, `ok/load.yaml:21:19: "${{ params.rate }}" is not a rate such as 200/s or 30/m`},
		{"load", map[string]string{"span": "0s"}, `ok/load.yaml:21:58: nothing is measured in no time`},
		{"load", map[string]string{"span": "long"}, `ok/load.yaml:21:58: "${{ params.span }}" is "long", not a duration such as 800ms`},
		{"load-journeys", map[string]string{"users": "0"}, `ok/load-journeys.yaml:7:18: "${{ params.users }}" is 0, not from 1 to 1000000000`},
		{"load-journeys", map[string]string{"vus": "-3"}, `ok/load-journeys.yaml:9:99: "${{ params.vus }}/s" is a rate below zero`},
	}
	for _, tt := range tests {
		_, err := planned(t, tt.file, tt.given)
		if err == nil || !strings.HasSuffix(filepath.ToSlash(err.Error()), tt.want) {
			t.Errorf("%s %v: got %v, want %s", tt.file, tt.given, err, tt.want)
		}
	}
}

// Values of the command line have no place in a file.
func TestLoadPlanOfCommandLine(t *testing.T) {
	rate, err := ParseRate("0/s")
	if err != nil {
		t.Fatal(err)
	}
	file := &File{Load: &LoadSpec{
		Users: &LoadUsers{Count: NewInt(10)}, Arrival: &Arrival{Rate: rate, Hold: NewDuration(90 * time.Second)},
	}}
	if _, err := file.LoadPlan(nil); err == nil || err.Error() != "nothing arrives at this rate" {
		t.Errorf("got %v", err)
	}
	if file.Load.Arrival.Rate, err = ParseRate("5/s"); err != nil {
		t.Fatal(err)
	}
	plan, err := file.LoadPlan(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []LoadStage{{"hold", 5, 5, 90 * time.Second, true}}
	if diff := cmp.Diff(want, plan.Stages); diff != "" || plan.Users.Count != 10 {
		t.Errorf("%d users, stages %s", plan.Users.Count, diff)
	}
}
