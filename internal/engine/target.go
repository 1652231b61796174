package engine

import (
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// Target is the relying party of a file, ready to be spoken to: for what is more than the file's steps.
type Target struct {
	Party  *rp.Party
	Driver Driver
	Report report.Target

	world *world
}

// Open prepares a file's target. Nothing is sent.
func Open(cfg Config, file *scenarios.File) (*Target, error) {
	e, err := newEngine(cfg)
	if err != nil {
		return nil, err
	}
	alone := *file // without whoever acts in its steps
	alone.Accounts, alone.Users, alone.Sync = nil, nil, nil
	w, err := newWorld(e, &alone, uniqueID(file.Path, map[string]bool{}))
	if err != nil {
		return nil, e.redacted(err)
	}
	return &Target{
		Party: w.party, Driver: w.driver, world: w,
		Report: report.Target{Adapter: file.Adapter.Name, Origin: w.origin, BaseURL: w.baseURL, RPID: w.party.RPID()},
	}, nil
}

// ID is what the file's scenario is called in a result.
func (t *Target) ID() string { return t.world.id }

// Env is what the file's expressions see before its first step. Nobody may change it.
func (t *Target) Env() scenarios.Env { return t.world.env }

// Profile is what the file declares about the target.
func (t *Target) Profile() map[string][]string { return t.world.file.Target.Profile.Members() }

// Params are what was given for the file's params, without secret ones. Nobody may change it.
func (t *Target) Params() map[string]string { return t.world.out.Params }

// Redact takes every secret that was met out of a run.
func (t *Target) Redact(run *report.Run) { t.world.redactor.Apply(run) }

// Close ends connections.
func (t *Target) Close() { t.world.close() }
