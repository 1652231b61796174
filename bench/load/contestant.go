package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
)

// contestant is a program that can take part. All log in on the null server; what else they take part in is
// said.
type contestant struct {
	name      string
	what      string
	peer      string // its program in the peers' folder; empty: passrig
	demo      bool   // logs in on the demo relying party too
	registers bool   // takes part in registrations too
	command   func(m match) ([]string, error)
	tally     func(m match, stdout []byte) (tally, error)
}

// The names of contestants that figures are about.
const (
	pooled    = "passrig"
	fresh     = "passrig, fresh nonces"
	general   = "passrig, net/http"
	xk6       = "k6 + stand-in for xk6-passkeys"
	xk6Tuned  = "k6 + stand-in, tuned"
	library   = "virtualwebauthn + net/http"
	floorHTTP = "floor, net/http"
	floorFast = "floor, fasthttp"
)

// Programs in the peers' folder.
const (
	k6Program     = "k6"
	clientProgram = "client"
)

func contestants() []contestant {
	return []contestant{
		{
			name: pooled, what: "passrig load, own HTTP/1.1 client, pooled nonces", demo: true, registers: true,
			command: passrig("pool"), tally: runTally,
		},
		{
			name: fresh, what: "the same, crypto/ecdsa for each signature", demo: true,
			command: passrig("fresh"), tally: runTally,
		},
		{
			name: general, what: "the same as the first, on net/http", demo: true,
			command: passrig("pool", "--client", "general"), tally: runTally,
		},
		{
			name: xk6, what: "k6 v1.8.1 with the same four calls of virtualwebauthn, a script in the shape of its example",
			peer: k6Program, demo: true, command: k6("login.js"), tally: lastTally,
		},
		{
			name: xk6Tuned, what: "the same, the credential kept in the VU, bodies passed on as text",
			peer: k6Program, demo: true, command: k6("login-tuned.js"), tally: lastTally,
		},
		{
			name: library, what: "a Go program with virtualwebauthn v1.0.3",
			peer: clientProgram, demo: true, registers: true, command: client("virtualwebauthn"), tally: lastTally,
		},
		{
			name: floorHTTP, what: "the same requests without a ceremony, net/http",
			peer: clientProgram, command: client("floor-nethttp"), tally: lastTally,
		},
		{
			name: floorFast, what: "the same requests without a ceremony, fasthttp v1.74.0",
			peer: clientProgram, registers: true, command: client("floor-fasthttp"), tally: lastTally,
		},
	}
}

// match is what a contestant is told.
type match struct {
	settings

	What      string // login or registration
	Origin    string
	Recording string // path
	Dir       string // for its files
	Name      string // what its usernames begin with, if it registers any
	Prepare   bool   // passrig has to register its users first
	Users     int64  // how many it derives
	Workers   int    // at a time
}

// tally is what a contestant says it did.
type tally struct {
	Done    int64  `json:"done"`
	Failed  int64  `json:"failed"`
	Failure string `json:"failure,omitempty"` // the first
}

// k6 runs a script.
func k6(script string) func(m match) ([]string, error) {
	return func(m match) ([]string, error) {
		return []string{
			filepath.Join(m.peers, k6Program), "run", "--quiet", "--no-usage-report", "--address", "",
			"--vus", strconv.Itoa(m.Workers), "--duration", m.plan.lasts().String(),
			"--env", "ORIGIN=" + m.Origin, "--env", "RUN=" + m.Name, filepath.Join(m.scripts, script),
		}, nil
	}
}

// client works in one of its ways.
func client(way string) func(m match) ([]string, error) {
	return func(m match) ([]string, error) {
		return []string{
			filepath.Join(m.peers, clientProgram), "-way", way, "-what", m.What, "-origin", m.Origin, "-recording", m.Recording,
			"-name", m.Name, "-workers", strconv.Itoa(m.Workers), "-for", m.plan.lasts().String(),
		}, nil
	}
}

// lastTally reads what a peer writes at its end.
func lastTally(_ match, stdout []byte) (tally, error) {
	var t tally
	if err := json.Unmarshal(stdout, &t); err != nil {
		return t, fmt.Errorf("its tally: %w: %q", err, stdout)
	}
	return t, nil
}
