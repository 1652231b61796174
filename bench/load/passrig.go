package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// providerName is who keeps the passkeys of passrig's users.
const providerName = "synced-generic"

// scenario is what passrig is given.
const scenario = `passrig: 1
name: Benchmark
target: {adapter: passrig-demo, origin: {{.Origin}}}
accounts: {someone: {provider: {{.Provider}}, devices: {phone: {}}}}
steps:
{{- if eq .What "login"}}
  - login: {user: someone, on: phone}
{{- else}}
  - signup: {user: someone}
  - register: {user: someone, on: phone}
{{- end}}
load:
  users: {count: {{.Users}}, prefix: {{.Prefix}}}
{{- if .Prepare}}
  prepare: {with: register, vus: {{.Workers}}, state: {{.State}}}
{{- end}}
  concurrency: {vus: {{.Workers}}, for: {{.For}}}
  max-in-flight: {{.Workers}}
  signing: {{.Signing}}
`

// passrig runs a load with one way of signing.
func passrig(signing string, more ...string) func(m match) ([]string, error) {
	return func(m match) ([]string, error) {
		form, err := template.New("scenario").Parse(scenario)
		if err != nil {
			return nil, err
		}
		var text strings.Builder
		if err := form.Execute(&text, struct {
			match
			For, Signing, State, Provider string
		}{m, m.plan.lasts().String(), signing, stateFile(m), providerName}); err != nil {
			return nil, err
		}
		file := filepath.Join(m.Dir, "load.yaml")
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			return nil, err
		}
		args := []string{"load", file, "--seed", strconv.Itoa(seed), "--report", "json=" + runFile(m)}
		if m.What == login && signing == "pool" && m.Workers == m.plan.workers { // enough for the whole run, so that none is made in the window
			args = append(args, "--nonces", strconv.Itoa(int(m.plan.lasts().Seconds()*mostLogins)))
		}
		return slices.Concat(m.passrig, args, more), nil
	}
}

// mostLogins is how many logins a second of a window can have at most.
const mostLogins = 50_000

// Prefix begins the names of passrig's users.
func (m match) Prefix() string { return m.Name + "-" }

// stateFile is where passrig remembers its users.
func stateFile(m match) string { return filepath.Join(m.Dir, "users.state") }

// runFile is where passrig's result goes.
func runFile(m match) string { return filepath.Join(m.Dir, "run.json") }

// runTally reads passrig's result, as anybody can.
func runTally(m match, _ []byte) (tally, error) {
	data, err := os.ReadFile(runFile(m))
	if err != nil {
		return tally{}, err
	}
	var run struct {
		Steps []struct {
			Action  string `json:"action"`
			Verdict string `json:"verdict"`
		} `json:"steps"`
		Load struct {
			Counts struct {
				Started  int64 `json:"started"`
				Finished int64 `json:"finished"`
			} `json:"counts"`
			Outcomes []struct {
				Class    string `json:"class"`
				Expected bool   `json:"expected"`
				Example  string `json:"example"`
			} `json:"outcomes"`
		} `json:"load"`
	}
	if err := json.Unmarshal(data, &run); err != nil {
		return tally{}, fmt.Errorf("its result: %w", err)
	}
	t := tally{Done: run.Load.Counts.Finished, Failed: run.Load.Counts.Started - run.Load.Counts.Finished}
	for _, s := range run.Steps {
		if s.Action == "try" && s.Verdict == "pass" { // a journey is tried out once before the load
			t.Done++
		}
	}
	for _, o := range run.Load.Outcomes {
		if !o.Expected && t.Failure == "" {
			t.Failure = o.Class + ": " + o.Example
		}
	}
	return t, nil
}
