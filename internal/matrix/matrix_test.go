package matrix_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/matrix"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/providers"
)

// lab is a lab file with some rows, and columns of demo relying parties by name.
func lab(tb testing.TB, rows string, columns ...string) matrix.Config {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "passrig: 1\nname: a lab\nmatrix:\n  providers: [%s]\n  relying-parties:\n", rows)
	for i := 0; i < len(columns); i += 2 {
		fmt.Fprintf(&b, "    - {name: %s, adapter: passrig-demo, origin: \"%s\"}\n", columns[i], columns[i+1])
	}
	return config(tb, b.String())
}

func config(tb testing.TB, text string) matrix.Config {
	tb.Helper()
	return configIn(tb, tb.TempDir(), text)
}

// configIn is a lab file in a folder.
func configIn(tb testing.TB, dir, text string) matrix.Config {
	tb.Helper()
	known, err := providers.Builtin()
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(dir, "lab.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	// What facets change of a response is looked up by the command line, which knows it.
	loading := scenarios.Options{ReadFile: os.ReadFile, Providers: known.Names()}
	file, err := scenarios.Load(path, loading)
	if err != nil {
		tb.Fatal(err)
	}
	return matrix.Config{
		File: file, Tool: report.Tool{Name: "passrig", Version: "test"}, Seed: 7, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile,
		Providers: known, Loading: loading,
	}
}

// play plays a lab and fails the test when that cannot be done.
func play(tb testing.TB, cfg matrix.Config, how matrix.Play) *report.Run {
	tb.Helper()
	l, err := matrix.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	run, err := l.Run(tb.Context(), how)
	if err != nil {
		tb.Fatal(err)
	}
	return run
}

// deadOrigin is where nobody listens.
func deadOrigin(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "http://localhost:" + port
}

// results are the verdicts and reasons of a run, by cell and facet.
func results(run *report.Run) map[string]string {
	all := make(map[string]string)
	for i := range run.Matrix.Cells {
		c := &run.Matrix.Cells[i]
		for j := range c.Facets {
			f := &c.Facets[j]
			all[c.Provider+"/"+c.Party+"/"+f.Facet] = fmt.Sprintf("%s %v %s", f.Verdict, f.NotApplicable, f.Reason)
		}
	}
	return all
}

// What is seen of a pair is told by the cell, and what does not apply is no pass.
func TestCellsTellWhatWasSeen(t *testing.T) {
	t.Parallel()
	run := play(t, lab(t, "synced-generic, yubikey-5", "demo", demorptest.Start(t, nil)), matrix.Play{})
	got := results(run)
	for cell, want := range map[string]string{
		"synced-generic/demo/signup":   "pass false EdDSA, BE=1 BS=1, UV=1, count 0, attestation none",
		"synced-generic/demo/counters": "pass false EdDSA, BE=1 BS=1, UV=1, count 0, attestation none",
		"synced-generic/demo/signals":  "",
		"yubikey-5@5.7/demo/roam":      "skip true its passkeys stay on the device that made them",
	} {
		if want != "" && got[cell] != want {
			t.Errorf("%s: %q, want %q", cell, got[cell], want)
		}
		if got[cell] == "" {
			t.Errorf("%s is missing", cell)
		}
	}
	if got := got["yubikey-5@5.7/demo/counters"]; !strings.Contains(got, "counts ") || !strings.HasPrefix(got, "pass") {
		t.Errorf("a key that counts: %q", got)
	}
	if run.Summary.Failed+run.Summary.Errored > 0 {
		t.Errorf("%+v: %v", run.Summary, got)
	}
	wantAsks := []report.Asked{
		{Name: "algorithms", Value: "EdDSA, ES256, RS256, ES384, ES512, PS256"},
		{Name: "attestation", Value: "none"},
		{Name: "user verification", Value: "preferred"},
		{Name: "user verification at sign-in", Value: "preferred"},
		{Name: "resident key", Value: "required"},
		{Name: "exclude list", Value: "sent on a second registration"},
	}
	if diff := cmp.Diff(wantAsks, run.Matrix.Parties[0].Asks); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, c := range run.Matrix.Cells {
		for _, f := range c.Facets {
			for _, s := range f.Steps {
				if s.Verdict == report.VerdictPass && (s.Ceremony != nil || len(s.Exchanges) > 0) {
					t.Fatalf("%s passed and keeps its evidence", s.ID)
				}
			}
		}
	}
}

// A column where nobody listens is told of once, and the others go on.
func TestOneDeadColumn(t *testing.T) {
	t.Parallel()
	var broken atomic.Int32
	run := play(t, lab(t, "synced-generic, device-bound, windows-hello", "dead", deadOrigin(t), "demo", demorptest.Start(t, nil)), matrix.Play{
		Events: matrix.Events{Broken: func(party, problem string) {
			broken.Add(1)
			if party != "dead" || !strings.Contains(problem, "refused") {
				t.Errorf("%s: %s", party, problem)
			}
		}},
	})
	if broken.Load() != 1 {
		t.Errorf("told %d times", broken.Load())
	}
	dead, demo := run.Matrix.Parties[0], run.Matrix.Parties[1]
	if dead.Problem == "" || dead.Hint == "" || demo.Problem != "" {
		t.Errorf("dead %+v, demo %+v", dead, demo)
	}
	if len(run.Matrix.Cells) != 3 || run.Summary.Passed == 0 || run.Summary.Failed > 0 || run.Partial {
		t.Errorf("%d cells, %+v", len(run.Matrix.Cells), run.Summary)
	}
	if code := report.ExitCode(run); code != report.ExitCouldNot {
		t.Errorf("exit code %d", code)
	}
}

// A relying party that answers with nonsense has errors in its cells, and no other column has.
func TestOneBadColumn(t *testing.T) {
	t.Parallel()
	bad := demorptest.Start(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "out of order", http.StatusInternalServerError)
		})
	})
	run := play(t, lab(t, "synced-generic, device-bound", "bad", bad, "demo", demorptest.Start(t, nil)), matrix.Play{})
	for cell, got := range results(run) {
		if strings.Contains(cell, "/bad/") == strings.HasPrefix(got, "pass") && !strings.HasPrefix(got, "skip true") {
			t.Errorf("%s: %s", cell, got)
		}
	}
}

// Where no passkey can be made, that is said once.
func TestNoPasskeyAtAll(t *testing.T) {
	t.Parallel()
	origin := demorptest.StartWith(t, demorp.Config{Faults: []string{"es256-not-offered"}}, nil)
	got := results(play(t, lab(t, "1password", "demo", origin), matrix.Play{}))
	if first := got["1password/demo/signup"]; !strings.HasPrefix(first, "fail false ") || !strings.Contains(first, "no algorithm in common") {
		t.Errorf("signup: %q of %v", first, got)
	}
	for cell, result := range got {
		if !strings.HasSuffix(cell, "/signup") && result != "skip false not played: no passkey could be made, see sign-up" {
			t.Errorf("%s: %s", cell, result)
		}
	}
}

// The result does not depend on how many cells are played at a time.
func TestJobsDoNotMatter(t *testing.T) {
	t.Parallel()
	demo, other := demorptest.Start(t, nil), demorptest.Start(t, nil)
	var runs []*report.Run
	for i, jobs := range []int{1, 4} {
		cfg := lab(t, "synced-generic, device-bound, yubikey-5, bitwarden, windows-hello", "demo", demo, "other", other)
		cfg.Jobs, cfg.Seed = jobs, uint64(i+1) // other names: the relying parties know the first ones already
		runs = append(runs, play(t, cfg, matrix.Play{}))
	}
	timeless := cmp.Options{
		cmpopts.IgnoreFields(report.MatrixCell{}, "Seed", "StartMS", "DurationMS"), cmpopts.IgnoreFields(report.MatrixResult{}, "DurationMS", "Steps"),
		cmpopts.IgnoreFields(report.Matrix{}, "Jobs", "File"),
	}
	if diff := cmp.Diff(runs[0].Matrix, runs[1].Matrix, timeless); diff != "" {
		t.Errorf("1 job (-) and 4 jobs (+):\n%s", diff)
	}
}

// memory is a journal's file in memory.
type memory struct {
	mu   sync.Mutex
	data []byte
	at   int
}

func (m *memory) Read(p []byte) (int, error) {
	if m.at == len(m.data) {
		return 0, io.EOF
	}
	n := copy(p, m.data[m.at:])
	m.at += n
	return n, nil
}

func (m *memory) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = append(m.data, p...)
	return len(p), nil
}

func (m *memory) Truncate(size int64) error {
	m.data = m.data[:size]
	return nil
}

// journal begins a lab's journal in a file, or goes on with it.
func journal(t *testing.T, file matrix.JournalFile, l *matrix.Lab) *matrix.Journal {
	t.Helper()
	j, err := matrix.ReadJournal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Begin(l); err != nil {
		t.Fatal(err)
	}
	return j
}

// An interrupted run is partial; the next one plays what is missing, and comes to the same as one that was not
// interrupted. What was being written when the program died is dropped.
func TestResume(t *testing.T) {
	t.Parallel()
	cfg := lab(t, "synced-generic, device-bound, yubikey-5, bitwarden", "demo", demorptest.Start(t, nil), "other", demorptest.Start(t, nil))
	cfg.Jobs = 2
	l, err := matrix.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	file := &memory{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	played := 0
	first, err := l.Run(ctx, matrix.Play{Journal: journal(t, file, l), Events: matrix.Events{
		CellDone: func(string, *report.MatrixCell, int, int) {
			if played++; played == 3 {
				cancel() // as Ctrl-C does
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !first.Partial || first.Aborted == "" || len(first.Matrix.Cells) != played || played == l.Cells() {
		t.Fatalf("partial %v, %d cells, %d were played of %d", first.Partial, len(first.Matrix.Cells), played, l.Cells())
	}
	file.data = append(file.data, `{"cell":{"provider":"synced-gen`...) // it died while it wrote
	file.at = 0

	recalled, again := 0, 0
	second, err := l.Run(t.Context(), matrix.Play{Journal: journal(t, file, l), Events: matrix.Events{
		Recalled: func(_ string, cells int) { recalled += cells },
		CellDone: func(string, *report.MatrixCell, int, int) { again++ },
	}})
	if err != nil {
		t.Fatal(err)
	}
	if recalled != played || second.Matrix.Resumed != played || again != l.Cells()-played || second.Partial {
		t.Errorf("%d recalled, %d resumed, %d played, partial %v; want %d and %d of %d", recalled, second.Matrix.Resumed, again, second.Partial, played, l.Cells()-played, l.Cells())
	}
	file.at = 0
	journal(t, file, l) // what was not written to its end is gone
	cfg.Seed = 99
	if diff := cmp.Diff(results(play(t, cfg, matrix.Play{})), results(second)); diff != "" {
		t.Errorf("without (-) and with (+) an interruption:\n%s", diff)
	}
}

// Cells of which something could not be told are played again, with names of their own.
func TestResumePlaysErrorsAgain(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	down.Store(true)
	origin := demorptest.Start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if down.Load() && strings.Contains(r.URL.Path, "login") {
				http.Error(w, "out of order", http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	cfg := lab(t, "synced-generic, device-bound", "demo", origin)
	l, err := matrix.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	file := &memory{}
	run, err := l.Run(t.Context(), matrix.Play{Journal: journal(t, file, l)})
	if err != nil || run.Summary.Errored == 0 {
		t.Fatalf("%+v, %v", run.Summary, err)
	}
	down.Store(false)
	file.at = 0
	run, err = l.Run(t.Context(), matrix.Play{Journal: journal(t, file, l)})
	if err != nil || run.Summary.Errored+run.Summary.Failed > 0 || run.Matrix.Resumed != 0 {
		t.Errorf("%+v, resumed %d, %v: %v", run.Summary, run.Matrix.Resumed, err, results(run))
	}
}

func TestForeignJournals(t *testing.T) {
	t.Parallel()
	origin := demorptest.Start(t, nil)
	file := &memory{}
	open := func(change func(*matrix.Config)) *matrix.Lab {
		cfg := lab(t, "synced-generic", "demo", origin)
		cfg.Only.Facets = []string{"signup"}
		change(&cfg)
		l, err := matrix.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open(func(*matrix.Config) {})
	if _, err := l.Run(t.Context(), matrix.Play{Journal: journal(t, file, l)}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*matrix.Config)
		want   string
	}{
		"seed":  {func(c *matrix.Config) { c.Seed = 8 }, "with seed 7, not 8"},
		"facet": {func(c *matrix.Config) { c.Only.Facets = []string{"login"} }, "another lab"},
		"tool":  {func(c *matrix.Config) { c.Tool.Version = "next" }, "of passrig test, and this is next"},
	} {
		file.at = 0
		j, err := matrix.ReadJournal(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Begin(open(tt.change)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"{}\n", "passrig: 1\n", "x"} {
		if _, err := matrix.ReadJournal(&memory{data: []byte(text)}); err == nil || !strings.Contains(err.Error(), "not a matrix journal") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// full is a journal's file on a disk with room for a few lines.
type full struct {
	memory
	lines int
}

func (f *full) Write(line []byte) (int, error) {
	if f.lines--; f.lines < 0 {
		return 0, io.ErrShortWrite
	}
	return f.memory.Write(line)
}

// A journal that cannot be written any more takes nothing away from the result, and that is told once; one that cannot be
// begun is told before anything is played.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	cfg := lab(t, "synced-generic, device-bound", "demo", demorptest.Start(t, nil))
	cfg.Only.Facets = []string{"signup"}
	l, err := matrix.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	events := matrix.Events{Unkept: func(error) { told++ }}
	run, err := l.Run(t.Context(), matrix.Play{Journal: journal(t, &full{lines: 1}, l), Events: events})
	if err == nil || run == nil || len(run.Matrix.Cells) != 2 || told != 1 {
		t.Errorf("%v, %+v, told %d times", err, run, told)
	}
	if run, err = l.Run(t.Context(), matrix.Play{Journal: journal(t, &full{}, l)}); err == nil || run != nil {
		t.Errorf("no room at all: %v, %+v", err, run)
	}
}

func TestSelections(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		only matrix.Selection
		want string
	}{
		{matrix.Selection{Providers: []string{"bitwardn"}}, `the lab has no provider "bitwardn"`},
		{matrix.Selection{Parties: []string{"dmo"}}, `the lab has no relying party "dmo"`},
		{matrix.Selection{Facets: []string{"logn"}}, `the lab has no facet "logn"`},
	} {
		cfg := lab(t, "bitwarden@all", "demo", "http://localhost:1")
		cfg.Only = tt.only
		_, err := matrix.Open(cfg)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%v", err)
		}
		var hinted interface{ Hint() string }
		if h, ok := err.(interface{ Hint() string }); ok {
			hinted = h
		}
		if hinted == nil || !strings.Contains(hinted.Hint(), "did you mean") {
			t.Errorf("%v has no hint", err)
		}
	}
}

// The file's providers become rows: all versions where it says so, and each once.
func TestRows(t *testing.T) {
	t.Parallel()
	cfg := lab(t, "\"bitwarden@all\", bitwarden, all", "demo", "http://localhost:1")
	l, err := matrix.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	versions, names := len(cfg.Providers.Versions("bitwarden")), make(map[string]bool)
	for _, p := range cfg.Providers.All() {
		names[p.Name] = true
	}
	if want := len(names) - 1 + versions; len(l.Providers) != want || l.Providers[0].Name != "bitwarden" {
		t.Errorf("%d rows, want %d", len(l.Providers), want)
	}
}

// BenchmarkCells plays every provider at one relying party.
func BenchmarkCells(b *testing.B) {
	cfg := lab(b, "all", "demo", demorptest.Start(b, nil))
	cells := 0
	for b.Loop() {
		cfg.Seed++
		run := play(b, cfg, matrix.Play{})
		cells += len(run.Matrix.Cells)
	}
	b.ReportMetric(float64(cells)/b.Elapsed().Seconds(), "cells/s")
}
