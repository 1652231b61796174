package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// State is what the clouds of a run are kept in beyond it.
type State struct {
	Journal    fabric.Journal
	Ledger     fabric.LedgerStore
	LedgerFile string // where the audit log is, for whoever wants to verify it
}

// cloud is a provider's cloud in a scenario.
type cloud struct {
	fabric   *fabric.Cloud
	ledger   fabric.LedgerStore
	file     string                // of its audit log; empty: in memory
	snapshot *fabric.MemoryJournal // nil: none was made
}

func (c *cloud) account(key string) *fabric.Account { return c.fabric.Account(key) }

// openCloud returns the provider's cloud, made on first use.
func (w *world) openCloud(provider *providers.Provider) (*cloud, error) {
	if c := w.traveling.clouds[provider.ID()]; c != nil {
		return c, nil
	}
	c := &cloud{}
	state := State{Journal: fabric.NewMemoryJournal(), Ledger: fabric.NewMemoryLedger()}
	if w.traveling.plan.State != "" {
		if w.cfg.OpenState == nil {
			return nil, errors.New("sync.state: nothing can be kept in a file here")
		}
		var err error
		if state, err = w.cfg.OpenState(w.stateFile(provider)); err != nil {
			return nil, fmt.Errorf("sync.state: %w", err)
		}
		c.file = state.LedgerFile
	}
	var err error
	c.fabric, err = fabric.Open(fabric.CloudConfig{
		Provider: provider, Clock: w.cfg.Clock, Random: w.secretSource("cloud " + w.id + "/" + provider.ID()),
		Journal: state.Journal, Ledger: state.Ledger, KDF: w.cfg.KDF,
	})
	if err != nil {
		return nil, errors.Join(err, state.Journal.Close(), state.Ledger.Close())
	}
	c.ledger = state.Ledger
	w.traveling.clouds[provider.ID()] = c
	return c, nil
}

// secretSource is where keys and nonces come from: the seed, but for state that outlives the run, which another run
// with the same seed goes on with.
func (w *world) secretSource(purpose string) io.Reader {
	if w.traveling.plan.State != "" {
		return nil
	}
	return random(w.cfg.Seed, purpose)
}

// stateFile is where a provider's state is: the file that the scenario names, and beside it those of its further
// providers.
func (w *world) stateFile(provider *providers.Provider) string {
	path := w.traveling.plan.State
	if len(w.traveling.clouds) == 0 {
		return path
	}
	return path + "." + provider.ID()
}

// fabric does something to the cloud itself.
func (w *world) fabric(spec *scenarios.FabricStep) (*outcome, error) {
	a, err := w.cloudAccount(spec.Account)
	if err != nil {
		return nil, err
	}
	c := a.cloud
	switch spec.Do {
	case "snapshot":
		c.snapshot, err = c.fabric.Snapshot()
		return provided(err, "a copy of the cloud's state was made")
	case "restore":
		if c.snapshot == nil {
			return nil, errors.New("there is no copy of the cloud's state: put a fabric step with do: snapshot before")
		}
		return w.restarted(c, c.snapshot, "the cloud is back at the copy of its state")
	case "crash":
		return w.restarted(c, nil, "the cloud has begun again from what was kept")
	case "audit":
		return w.audit(a)
	default:
		return nil, fmt.Errorf("fabric: do: %q", spec.Do)
	}
}

// restarted has a cloud and its devices go on after a crash, from what was kept or from an old copy.
func (w *world) restarted(c *cloud, older *fabric.MemoryJournal, done string) (*outcome, error) {
	if err := c.fabric.Restart(older); err != nil {
		return nil, err
	}
	for _, d := range w.replicas() {
		if d.account.cloud == c {
			d.replica.Reconnect(c.account(d.account.key))
		}
	}
	return provided(nil, done)
}

// audit verifies the cloud's log, and lists what it says of the account.
func (w *world) audit(a *account) (*outcome, error) {
	entries, err := a.cloud.account(a.key).Audit()
	if err != nil {
		return nil, err
	}
	summary, err := a.cloud.verify()
	damage, damaged := errors.AsType[*fabric.LedgerError](err)
	if err != nil && !damaged {
		return nil, err
	}
	o, err := provided(nil, fmt.Sprintf("the log is whole: %d entries, %d of them of %s's account; its head is %s", summary.Entries, len(entries), a.name, summary.Head))
	if damaged {
		o.result.Outcome, o.result.Reason, o.hint = rp.OutcomeRejected, "the audit log is damaged: "+damage.Error(), damage.Hint()
	}
	for i := range entries {
		e := &entries[i]
		o.entries = append(o.entries, rp.Entry{ID: e.Seq, Name: string(e.Action), Raw: map[string]any{
			"seq": e.Seq, "action": string(e.Action), "device": e.Device, "failures": e.Failures, "time": e.Time.Format(timeFormat),
		}})
	}
	return w.unlockState(a, o), err
}

const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// verify reads the whole audit log as somebody outside would.
func (c *cloud) verify() (fabric.LedgerSummary, error) {
	var text bytes.Buffer
	err := c.ledger.Each(func(line []byte) error {
		text.Write(line)
		text.WriteByte('\n')
		return nil
	})
	if err != nil {
		return fabric.LedgerSummary{}, err
	}
	head := c.fabric.Head()
	return fabric.VerifyLedger(&text, &head)
}

// auditOf is the log as the report has it.
func (w *world) auditOf(a *account) *report.FabricAudit {
	summary, err := a.cloud.verify()
	out := &report.FabricAudit{Entries: summary.Entries, Head: summary.Head.String(), Intact: err == nil, File: a.cloud.file}
	if err != nil {
		out.Problem = err.Error()
	}
	return out
}
