package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/cli"
)

// playPassrig as the first argument makes the test binary passrig.
const playPassrig = "passrig"

// The test binary plays the servers, and passrig, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case playServer:
			main()
		case playPassrig:
			os.Exit(cli.Main(os.Args[2:], cli.OSEnv("v0.0.0-bench")))
		}
	}
	os.Exit(m.Run())
}

// TestQuick goes through everything, without k6, which takes minutes to build.
func TestQuick(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := settings{
		self: os.Args[0], passrig: []string{os.Args[0], playPassrig}, peers: t.TempDir(), only: regexp.MustCompile(`^(passrig(, net/http)?$|virtual|floor|studies)`),
		json: filepath.Join(t.TempDir(), "result.json"), markdown: filepath.Join(t.TempDir(), "page.md"), plan: quickPlan,
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(s.peers, clientProgram), "./client")
	build.Dir = filepath.Join("..", "peers")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(s.markdown, []byte(blankPage()), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := report(t.Context(), s, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, &stdout, &stderr)
	}
	data, err := os.ReadFile(s.json)
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	checkTables(t, &r)
	page, err := os.ReadFile(s.markdown)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"standard output": stdout.String(), "the page": string(page)} {
		for _, want := range []string{pooled, floorFast, "memory, 1000 users", "at most 64", "100 accounts, wall time"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not on %s:\n%s", want, name, text)
			}
		}
	}
	if text := string(page); !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "\nafter\n") || strings.Contains(text, "old") || strings.Count(text, "\nbetween\n") != 1 {
		t.Errorf("the page is not what it was around the tables:\n%s", text)
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files: %v, %v", left, err)
	}
}

// blankPage has the marks of every part, with something old in them.
func blankPage() string {
	r := &result{Tables: []*table{{Rows: []*row{{}}}}, Studies: []studyRun{{Events: 1}}}
	parts := r.parts()
	return "before\n" + parts[0].begin + "old\n" + parts[0].end + "\nbetween\n" + parts[1].begin + "old\n" + parts[1].end + "\nafter\n"
}

func checkTables(t *testing.T, r *result) {
	t.Helper()
	took := make(map[string][]string)
	for _, table := range r.Tables {
		for _, w := range table.Rows {
			took[table.title()] = append(took[table.title()], w.Name)
			if len(w.Samples) != 1 || w.Samples[0].Rate <= 0 || w.Samples[0].ClientCPU < 0 || w.Samples[0].RSS <= 0 {
				t.Errorf("%s: %s: %+v", table.title(), w.Name, w.Samples)
			}
		}
		slices.Sort(took[table.title()])
	}
	want := map[string][]string{
		"A login on the null server":        {floorFast, floorHTTP, pooled, general, library},
		"A login on the demo relying party": {pooled, general, library},
		"A registration on the null server": {floorFast, pooled, library},
	}
	if diff := cmp.Diff(want, took); diff != "" {
		t.Errorf("contestants (-want +got):\n%s", diff)
	}
	if len(r.Memory) != 2 || r.Memory[0].RSS <= 0 || r.Memory[1].Users != quickPlan.more {
		t.Errorf("memory: %+v", r.Memory)
	}
	if n := len(quickPlan.studies); len(r.Studies) != n || r.Studies[n-1].Accounts != quickPlan.studies[n-1] || r.Studies[n-1].PeakRSS <= 0 {
		t.Errorf("studies: %+v", r.Studies)
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-nonsense"}, {"everything"}, {"-only", "("}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"bench"}, args...), nil, &stdout, &stderr); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
	for _, args := range [][]string{{"-kind", "nobody"}, {"-recording", "nowhere"}, {"-nonsense"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"bench", playServer}, args...), strings.NewReader(""), &stdout, &stderr); code != 1 {
			t.Errorf("server %q: exit code %d, want 1", args, code)
		}
	}
}

// TestRecording has options that fit every user, as long as those of one.
func TestRecording(t *testing.T) {
	t.Parallel()
	r, err := record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, x := range slices.Concat(r[registration], r[login]) {
		paths = append(paths, x.Path)
		if !json.Valid(x.body()) || !json.Valid(x.Body) {
			t.Errorf("%s: %s, answered with %s", x.Path, x.Body, x.Answer)
		}
	}
	want := []string{"/api/signup", "/api/register/options", "/api/register/result", "/api/login/options", "/api/login/result"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
	var options struct {
		Challenge        string `json:"challenge"`
		AllowCredentials []any  `json:"allowCredentials"`
	}
	first := r[login][0]
	if err := json.Unmarshal(first.publicKey(), &options); err != nil || options.Challenge == "" || len(options.AllowCredentials) > 0 {
		t.Errorf("options %s: %v", first.Answer, err)
	}
	if n := len(first.body()) - len(bytes.TrimRight(first.body(), " ")); n < 40 { // a credential id alone is longer
		t.Errorf("%d bytes added for the credential that is not named", n)
	}
}

// nullBench starts a null server and returns a benchmark that knows its answers.
func nullBench(t *testing.T) (*bench, *party) {
	t.Helper()
	r, err := record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	all, err := processors()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		settings: settings{self: os.Args[0], plan: quickPlan}, clientCPU: all[0], serverCPU: all[len(all)-1],
		dir: t.TempDir(), progress: t.Output(),
	}
	b.recording = filepath.Join(b.dir, "recording.json")
	if err := os.WriteFile(b.recording, data, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := startParty(context.WithoutCancel(t.Context()), b.serverCPU, []string{b.self, playServer, "-recording", b.recording}, b.progress)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	return b, p
}

// TestReconcile is about contestants whose figures would be worth nothing.
func TestReconcile(t *testing.T) {
	t.Parallel()
	_, p := nullBench(t)
	post := func(path string) error {
		answer, err := http.Post(p.origin+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		return errors.Join(err, answer.Body.Close())
	}
	for range 3 {
		if err := post("/api/login/result"); err != nil {
			t.Fatal(err)
		}
	}
	if err := post("/elsewhere"); err == nil {
		t.Error("a request that was not recorded was answered")
	}
	for want, says := range map[string]tally{
		"":                         {Done: 3},
		"it says 2, the server 3":  {Done: 2},
		"1 failed, the first: why": {Done: 3, Failed: 1, Failure: "why"},
	} {
		err := reconcile(p, login, says)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%+v: %v, want %q", says, err, want)
		}
	}
}

// TestContestantThatEnds is about one that cannot do it, and says why.
func TestContestantThatEnds(t *testing.T) {
	t.Parallel()
	b, _ := nullBench(t)
	e := event{Server: nullServer, What: login}
	fails := contestant{command: func(match) ([]string, error) { return []string{"sh", "-c", "echo no luck >&2; exit 1"}, nil }}
	if _, err := b.play(t.Context(), fails, e, b.match(e)); err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("%v, want what it said", err)
	}
}

// TestFigures has contestants whose costs are known.
func TestFigures(t *testing.T) {
	t.Parallel()
	costs := func(name string, us ...float64) *row {
		w := &row{Name: name}
		for _, c := range us {
			w.Samples = append(w.Samples, sample{ClientCPU: c})
		}
		return w
	}
	r := &result{
		Tables: []*table{
			{event: event{Server: nullServer, What: login}, Rows: []*row{costs(floorFast, 20, 40, 30), costs(pooled, 30, 50, 60), costs(xk6, 600, 590, 600)}},
			{event: event{Server: nullServer, What: registration}, Rows: []*row{costs(floorFast, 40), costs(pooled, 76)}},
		},
		Memory:  []weight{{Users: 1000, InFlight: 10, RSS: 60}, {Users: 1000 + 1<<20, RSS: 69}},
		Studies: []studyRun{{Accounts: 10, Events: 100, Wall: 1, CPU: 1}, {Accounts: 1000, Events: 10000, Wall: 61, CPU: 120, PeakRSS: 2048}},
	}
	r.Tables[0].Rows = append(r.Tables[0].Rows, costs(library)) // had no turn yet
	r.judge()
	want := [][]string{
		{"figure", "measured", "wanted"},
		{"passrig / floor, fasthttp", "1.5 [1.25 to 2] x", "at most 1.5"},
		{"k6 + stand-in for xk6-passkeys / passrig", "11.8 [10 to 20] x", "at least 12: missed"},
		{"registration above its requests", "36 µs", "at most 35: missed"},
		{"memory, 1000 users, 10 in flight", "60 MiB", "at most 64"},
		{"memory, each user above those, up to 1049576", "9 B", "at most 8: missed"},
	}
	if diff := cmp.Diff(want, figures(r.Figures)); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	want = [][]string{
		{"figure", "measured", "wanted"},
		{"1000 accounts, wall time", "61 s", "at most 60: missed"},
		{"1000 accounts, memory", "2.05e+03 MiB", "at most 2048"},
		{"an event of 1000 accounts / of 10", "1.2 x", "at most 1.25"},
	}
	if diff := cmp.Diff(want, figures(r.StudyFigures)); diff != "" {
		t.Errorf("figures of studies (-want +got):\n%s", diff)
	}
	var stdout bytes.Buffer
	if err := r.print(&stdout); err != nil || strings.Contains(stdout.String(), library) {
		t.Errorf("%v\n%s", err, &stdout)
	}
}

func TestMarksThatAreMissing(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*result{{Tables: []*table{{Rows: []*row{{}}}}}, {Studies: []studyRun{{Events: 1}}}} {
		if err := r.insert(page); err == nil {
			t.Error("tables were put into a page without marks")
		}
	}
}
