package fabric

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// load fills the accounts from journal and audit log.
func (c *Cloud) load() error {
	logged, err := c.readLedger()
	if err != nil {
		return err
	}
	if c.cfg.Journal != nil {
		if err := c.cfg.Journal.Each(c.replay); err != nil {
			return fmt.Errorf("read journal: %w", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range logged {
		c.account(name)
	}
	names := make([]string, 0, len(c.accounts))
	for name := range c.accounts {
		names = append(names, name)
	}
	slices.Sort(names) // what reconciling notes is in the same order each time
	for _, name := range names {
		if err := c.accounts[name].reconcile(logged[name]); err != nil {
			return fmt.Errorf("account %q: %w", name, err)
		}
	}
	return nil
}

// logged is what the audit log says of an account.
type logged struct {
	tries      tries
	revoked    map[string]bool // by device: its last word
	lastDevice string          // that made a try
}

// readLedger reads and verifies the audit log, and sets its head.
func (c *Cloud) readLedger() (map[string]*logged, error) {
	accounts := map[string]*logged{}
	v := &ledgerVerifier{}
	err := c.cfg.Ledger.Each(func(line []byte) error {
		e, err := v.line(line)
		if err != nil {
			return err
		}
		l := accounts[e.Account]
		if l == nil {
			l = &logged{revoked: map[string]bool{}}
			accounts[e.Account] = l
		}
		l.tries.take(&e)
		switch e.Action {
		case DeviceEnrolled, DeviceRevoked:
			l.revoked[e.Device] = e.Action == DeviceRevoked
		case UnlockTried:
			l.lastDevice = e.Device
		default: // says nothing beyond what take has taken
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	c.ledgerMu.Lock()
	c.head = v.summary.Head
	c.ledgerMu.Unlock()
	return accounts, nil
}

// replay takes in one entry of the journal.
func (c *Cloud) replay(e Entry) error {
	a := c.Account(e.Account)
	a.mu.Lock()
	defer a.mu.Unlock()
	var err error
	switch {
	case e.Key == keyVault:
		err = json.Unmarshal(e.Value, &a.vault)
	case strings.HasPrefix(e.Key, keyMember):
		var m member
		err = json.Unmarshal(e.Value, &m)
		a.setMember(&m)
	case strings.HasPrefix(e.Key, keyRequest):
		var r JoinRequest
		err = json.Unmarshal(e.Value, &r)
		a.setRequest(r)
	case strings.HasPrefix(e.Key, keyRecord):
		var r Record
		err = json.Unmarshal(e.Value, &r)
		a.order = append(a.order, &r)
	default:
		err = errors.New("unknown key, written by another version of this program")
	}
	if err != nil {
		return fmt.Errorf("entry %q of account %q: %w", e.Key, e.Account, err)
	}
	return nil
}

// reconcile brings what the journal said in line with the audit log, and finishes what a crash interrupted.
func (a *Account) reconcile(l *logged) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	records := a.order
	a.order = nil
	slices.SortFunc(records, func(x, y *Record) int { return cmp.Compare(x.Version, y.Version) })
	for _, r := range records {
		a.set(r)
	}
	slices.SortFunc(a.requests, func(x, y JoinRequest) int { return x.Asked.Compare(y.Asked) })
	if l == nil {
		l = &logged{}
	}
	a.tries = l.tries
	if a.tries.wipes > a.vault.Wipes {
		if err := a.finishWipe(); err != nil {
			return err
		}
	}
	for device, revoked := range l.revoked {
		if m := a.member(device); revoked && m != nil && m.State == MemberEnrolled {
			a.setMember(a.without(m, MemberRevoked))
		}
	}
	if allowed := a.attempts(); allowed > 0 && a.tries.failures >= allowed && a.lockState() == UnlockOpen {
		if err := a.note(a.exhausted(l.lastDevice)); err != nil {
			return err
		}
	}
	return a.prune()
}
