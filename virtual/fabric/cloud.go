package fabric

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/virtual/providers"
)

// CloudConfig is what a cloud is made of.
type CloudConfig struct {
	// Provider has to have Sync.
	Provider *providers.Provider
	Clock    func() time.Time
	Random   io.Reader // nil: crypto/rand
	// Journal keeps the state; nil: it is not kept, and there are no snapshots.
	Journal Journal
	// Ledger keeps the audit log; nil: in memory.
	Ledger LedgerStore
	// KDF is what devices that set a PIN have to use; zero: [DefaultKDF].
	KDF KDF
}

// Cloud is a provider's cloud: it keeps the accounts of that provider. It is safe for concurrent use; accounts have
// nothing in common but the audit log.
type Cloud struct {
	cfg CloudConfig

	mu       sync.RWMutex // guards accounts
	accounts map[string]*Account

	ledgerMu sync.Mutex // guards head and the order of entries; taken after an account's mu
	head     LedgerHead

	stopped atomic.Pointer[error]

	deriving chan struct{} // one for each device that turns a PIN into keys now
}

// derivingAtOnce is how many devices of a cloud turn PINs into keys at the same time: each takes all the memory of the KDF.
const derivingAtOnce = 4

// ErrStopped is wrapped by every error of a cloud that failed to keep something: what is durable is known only after
// [Cloud.Restart], or the next [Open].
var ErrStopped = errors.New("the cloud has stopped")

// Open returns a cloud with what journal and audit log hold. Where they differ the log is right: counters of tries,
// lock, destruction, which recovery is in force, who is revoked, and what was wiped. The error wraps [*LedgerError] when
// the log is damaged.
func Open(cfg CloudConfig) (*Cloud, error) {
	switch {
	case cfg.Provider == nil:
		return nil, errors.New("open cloud: no provider")
	case cfg.Provider.Sync == nil:
		return nil, fmt.Errorf("open cloud: passkeys of %s are not synced", cfg.Provider.ID())
	case cfg.Clock == nil:
		return nil, errors.New("open cloud: no clock")
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	} else {
		cfg.Random = &lockedReader{r: cfg.Random}
	}
	if cfg.Ledger == nil {
		cfg.Ledger = NewMemoryLedger()
	}
	if cfg.KDF == (KDF{}) {
		cfg.KDF = DefaultKDF()
	}
	c := &Cloud{cfg: cfg, accounts: map[string]*Account{}, deriving: make(chan struct{}, derivingAtOnce)}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("open cloud of %s: %w", cfg.Provider.ID(), err)
	}
	return c, nil
}

// lockedReader makes a source of randomness safe for concurrent use.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// derive does what turns a PIN into keys once there is room for it.
func (c *Cloud) derive(ctx context.Context, turn func() error) error {
	select {
	case c.deriving <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.deriving }()
	return turn()
}

// Account returns the account of a name, an empty one at first. Bytes of name that are not UTF-8 are replaced.
func (c *Cloud) Account(name string) *Account {
	name = strings.ToValidUTF8(name, "\uFFFD")
	c.mu.RLock()
	a := c.accounts[name]
	c.mu.RUnlock()
	if a != nil {
		return a
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.account(name)
}

// account is Account for who holds mu.
func (c *Cloud) account(name string) *Account {
	a := c.accounts[name]
	if a == nil {
		a = &Account{cloud: c, name: name}
		c.accounts[name] = a
	}
	return a
}

// Snapshot returns a copy of what is durable, without the audit log, which nobody can turn back.
func (c *Cloud) Snapshot() (*MemoryJournal, error) {
	if c.cfg.Journal == nil {
		return nil, errors.New("snapshot: the cloud keeps no journal")
	}
	return copyJournal(c.cfg.Journal)
}

// Restart forgets what is in memory, as a crash does, and goes on from what is durable: from the journal or, when given,
// from an older copy of it, which takes its place. Accounts stay valid. Tickets of tries are lost. Nothing else may use
// the cloud at the same time.
func (c *Cloud) Restart(older *MemoryJournal) error {
	if c.cfg.Journal == nil {
		return errors.New("restart: the cloud keeps no journal")
	}
	if older != nil {
		if err := overwriteJournal(c.cfg.Journal, older); err != nil {
			return err
		}
	}
	c.mu.Lock()
	for _, a := range c.accounts {
		a.mu.Lock()
		a.state = state{}
		a.mu.Unlock()
	}
	c.mu.Unlock()
	c.stopped.Store(nil)
	if err := c.load(); err != nil {
		return fmt.Errorf("restart cloud: %w", c.stop(err))
	}
	return nil
}

// Close closes journal and audit log.
func (c *Cloud) Close() error {
	var journal error
	if c.cfg.Journal != nil {
		journal = c.cfg.Journal.Close()
	}
	if err := errors.Join(journal, c.cfg.Ledger.Close()); err != nil {
		return fmt.Errorf("close cloud: %w", err)
	}
	return nil
}

// stop makes the cloud refuse everything that has to be kept.
func (c *Cloud) stop(cause error) error {
	err := fmt.Errorf("%w: %w", ErrStopped, cause)
	c.stopped.CompareAndSwap(nil, &err)
	return err
}

// running returns why the cloud has stopped, if it has.
func (c *Cloud) running() error {
	if err := c.stopped.Load(); err != nil {
		return *err
	}
	return nil
}

// keep makes entries durable in the journal.
func (c *Cloud) keep(entries ...Entry) error {
	if c.cfg.Journal == nil || len(entries) == 0 {
		return nil
	}
	if err := c.cfg.Journal.Append(entries...); err != nil {
		return c.stop(err)
	}
	return nil
}

// note makes entries durable in the audit log, and sets their Seq, Time, Prev and Hash.
func (c *Cloud) note(entries ...LedgerEntry) error {
	c.ledgerMu.Lock()
	defer c.ledgerMu.Unlock()
	now := c.cfg.Clock().UTC().Round(0)
	at := c.head
	lines := make([][]byte, len(entries))
	for i := range entries {
		e := &entries[i]
		e.Seq, e.Time, e.Prev = at.Seq+1, now, at.prev()
		line, err := e.seal()
		if err != nil {
			return c.stop(err)
		}
		lines[i], at = line, e.head()
	}
	if err := c.cfg.Ledger.Append(lines...); err != nil {
		return c.stop(err)
	}
	c.head = at
	return nil
}

// Head is the head of the audit log: who remembers it can tell later whether anything up to it was changed.
func (c *Cloud) Head() LedgerHead {
	c.ledgerMu.Lock()
	defer c.ledgerMu.Unlock()
	return c.head
}

// entries returns what is in the audit log after some number of entries, and fits.
func (c *Cloud) entries(skip int64, fits func(*LedgerEntry) bool) ([]LedgerEntry, error) {
	c.ledgerMu.Lock()
	defer c.ledgerMu.Unlock()
	var found []LedgerEntry
	err := c.cfg.Ledger.Each(func(line []byte) error {
		if skip > 0 {
			skip--
			return nil
		}
		e, err := parseLedgerEntry(line)
		if err == nil && fits(&e) {
			found = append(found, e)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	return found, nil
}
