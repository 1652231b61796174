package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// bench is a measurement under way.
type bench struct {
	settings

	clientCPU, serverCPU int // numbers of processors
	dir                  string
	recording            string // path
	result               *result
	progress             io.Writer
	runs                 int
}

// measureAll has all contestants take their turns and returns what was measured, with an error what was until then.
func measureAll(ctx context.Context, s settings, progress io.Writer) (_ *result, err error) {
	processors, err := processors()
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, clientCPU: processors[0], serverCPU: processors[len(processors)-1], progress: progress}
	b.result = &result{When: time.Now().UTC(), CPUs: len(processors), Workers: s.plan.workers, Window: s.plan.window.Seconds()}
	if b.dir, err = os.MkdirTemp("", "passrig-bench-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	recorded, err := record(ctx)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(recorded)
	if err != nil {
		return nil, err
	}
	b.recording = filepath.Join(b.dir, "recording.json")
	if err := os.WriteFile(b.recording, data, 0o600); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{b.events, b.memory, b.studies} {
		if err := part(ctx); err != nil {
			return b.result, err
		}
	}
	return b.result, nil
}

// event is something that contestants are compared in.
type event struct {
	Server string `json:"server"`
	What   string `json:"what"`
	rounds int
	open   func(c contestant) bool

	delay    time.Duration // of the null server's answers
	enrolled bool          // passrig need not register its users
}

// events are all comparisons.
func (b *bench) events(ctx context.Context) error {
	for _, e := range []event{
		{Server: nullServer, What: login, rounds: b.plan.rounds, open: func(contestant) bool { return true }},
		{Server: demoServer, What: login, rounds: b.plan.demo, open: func(c contestant) bool { return c.demo }},
		{Server: nullServer, What: registration, rounds: b.plan.registrations, open: func(c contestant) bool { return c.registers }},
	} {
		var turn []contestant
		for _, c := range contestants() {
			if e.open(c) && (b.only == nil || b.only.MatchString(c.name)) {
				turn = append(turn, c)
			}
		}
		if len(turn) == 0 {
			continue
		}
		t := b.result.enter(e, turn)
		for i := range e.rounds {
			b.say("%s, %s server: round %d of %d", e.What, e.Server, i+1, e.rounds)
			for _, c := range turn {
				sample, err := b.play(ctx, c, e, b.match(e))
				if err != nil {
					return fmt.Errorf("%s, %s server: %s: %w", e.What, e.Server, c.name, err)
				}
				row := t.row(c.name)
				row.Samples = append(row.Samples, sample)
			}
			turn = append(turn[1:], turn[0])
		}
	}
	return nil
}

// match is what the next contestant of an event is told.
func (b *bench) match(e event) match {
	b.runs++
	return match{
		settings: b.settings, What: e.What, Recording: b.recording, Dir: filepath.Join(b.dir, fmt.Sprintf("run-%d", b.runs)),
		Name: fmt.Sprintf("r%d", b.runs), Prepare: e.What == login, Users: 200, Workers: b.plan.workers,
	}
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }
