package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/passrig/passrig/bench/internal/measure"
)

// studies is the name by which -only knows the simulations.
const studies = "studies"

// studyScenario is what passrig simulates: the default mix of events, with everything in it that costs something.
const studyScenario = `passrig: 1
name: Benchmark
target: {adapter: passrig-demo, origin: http://localhost:8080}
accounts:
  someone:
    provider: microsoft-password-manager@152
    devices:
      desk: {os: windows 11, client: edge 152}
      laptop: {os: macos 26, client: edge 152}
      phone: {os: ios 26, client: edge 152}
sync:
  delay: {log-normal: {median: 3s, p99: 1m}}
  loss: 1%
  study: {devices: 3, events: 10, for: 24h, pin-errors: 1%, offline: 5%}
steps:
  - signup: {user: someone}
`

// studyRun is one simulation, measured from outside.
type studyRun struct {
	Accounts int64   `json:"accounts"`
	Events   int64   `json:"events"`
	Wall     float64 `json:"wall"`    // s, of the whole command
	CPU      float64 `json:"cpu"`     // s, on all processors
	PeakRSS  float64 `json:"peakRSS"` // MiB
}

// each is the processor time of an event, in µs.
func (s studyRun) each() float64 { return s.CPU / float64(s.Events) * 1e6 }

// studies has passrig simulate ever more accounts, on all processors.
func (b *bench) studies(ctx context.Context) error {
	if b.only != nil && !b.only.MatchString(studies) {
		return nil
	}
	file := filepath.Join(b.dir, "study.yaml")
	if err := os.WriteFile(file, []byte(studyScenario), 0o600); err != nil {
		return err
	}
	for _, accounts := range b.plan.studies {
		b.say("studies: %d accounts", accounts)
		s, err := b.study(ctx, file, accounts)
		if err != nil {
			return fmt.Errorf("studies: %d accounts: %w", accounts, err)
		}
		b.result.Studies = append(b.result.Studies, s)
	}
	return nil
}

func (b *bench) study(ctx context.Context, file string, accounts int64) (s studyRun, err error) {
	out := filepath.Join(b.dir, "study.json")
	args := slices.Concat(b.passrig[1:], []string{
		"sync", file, "--simulate", "--accounts", strconv.FormatInt(accounts, 10), "--seed", strconv.Itoa(seed), "--report", "json=" + out, "--quiet",
	})
	cmd := exec.CommandContext(ctx, b.passrig[0], args...) //nolint:gosec // G204: this program, or one of ours
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return s, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	s.PeakRSS = p.peak()
	if err := p.wait(); err != nil {
		return s, err
	}
	s.Wall = time.Since(began).Seconds()
	s.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	data, err := os.ReadFile(out)
	if err != nil {
		return s, err
	}
	var run struct {
		Fabric struct {
			Study struct {
				Accounts int64 `json:"accounts"`
				Events   int64 `json:"events"`
			} `json:"study"`
		} `json:"fabric"`
	}
	if err := json.Unmarshal(data, &run); err != nil {
		return s, fmt.Errorf("its result: %w", err)
	}
	s.Accounts, s.Events = run.Fabric.Study.Accounts, run.Fabric.Study.Events
	if s.Accounts != accounts || s.Events == 0 {
		return s, errors.New("not every account was played")
	}
	return s, nil
}

// peak follows the memory of a process to its end, and returns the most that was resident, in MiB.
func (p *process) peak() float64 {
	most := 0.0
	for {
		if sizes, err := measure.Sizes(p.cmd.Process.Pid, "status"); err == nil {
			most = max(most, sizes["VmHWM"]) // which is gone with the process
		}
		select {
		case <-p.ended:
			return most
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// studyLines is the table of simulations, the first line with what the columns are.
func (r *result) studyLines() [][]string {
	lines := [][]string{{"accounts", "events", "wall time s", "events a second", "CPU µs of an event", "of the smallest", "peak RSS MiB"}}
	for _, s := range r.Studies {
		lines = append(lines, []string{
			strconv.FormatInt(s.Accounts, 10), strconv.FormatInt(s.Events, 10), fmt.Sprintf("%.1f", s.Wall), fmt.Sprintf("%.0f", float64(s.Events)/s.Wall),
			fmt.Sprintf("%.1f", s.each()), fmt.Sprintf("%.2f", s.each()/r.Studies[0].each()), fmt.Sprintf("%.0f", s.PeakRSS),
		})
	}
	return lines
}

// judgeStudies compares the largest simulation with what is promised.
func (r *result) judgeStudies() {
	r.StudyFigures = nil
	if len(r.Studies) < 2 {
		return
	}
	first, last := r.Studies[0], r.Studies[len(r.Studies)-1]
	r.StudyFigures = []measure.Figure{
		measure.NewFigure(fmt.Sprintf("%d accounts, wall time", last.Accounts), "s", []float64{last.Wall}, 0, 60),
		measure.NewFigure(fmt.Sprintf("%d accounts, memory", last.Accounts), "MiB", []float64{last.PeakRSS}, 0, 2048),
		measure.NewFigure(fmt.Sprintf("an event of %d accounts / of %d", last.Accounts, first.Accounts), "x", []float64{last.each() / first.each()}, 0, 1.25),
	}
}

func (r *result) studyMarkdown() string {
	return fmt.Sprintf("Measured on %s with %d CPUs, all of them at work.\n\n%s\n%s",
		r.When.Format("2006-01-02"), r.CPUs, grid(r.studyLines()), grid(figures(r.StudyFigures)))
}
