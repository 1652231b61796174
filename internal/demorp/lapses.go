package demorp

import (
	"bytes"
	"sync"
)

// lapses is what faults remember and a relying party without them does not: it stays empty in one that has none.
type lapses struct {
	mu          sync.Mutex
	challenges  map[string]*ceremony // of all sessions
	newest      map[string]string    // the newest challenge of a user's logins, by user id
	passkeys    map[string]Passkey   // refused or deleted ones, by credential id
	credentials map[string][]byte    // credential ids, by the passkey's own id
	estates     map[string]estate    // of deleted accounts, by name key
}

// estate is what a deleted account left.
type estate struct {
	userID   []byte
	passkeys []Passkey
}

func newLapses() *lapses {
	return &lapses{
		challenges: make(map[string]*ceremony), newest: make(map[string]string),
		passkeys: make(map[string]Passkey), credentials: make(map[string][]byte), estates: make(map[string]estate),
	}
}

func (l *lapses) issued(c *ceremony) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.challenges[c.challenge] = c
}

// lookUp is the ceremony of a challenge, or nil.
func (l *lapses) lookUp(challenge string, forget bool) *ceremony {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.challenges[challenge]
	if forget {
		delete(l.challenges, challenge)
	}
	return c
}

func (l *lapses) keep(passkey Passkey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passkeys[string(passkey.CredentialID)] = passkey
}

func (l *lapses) passkey(credentialID []byte) (Passkey, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, ok := l.passkeys[string(credentialID)]
	return kept, ok
}

func (l *lapses) passkeysOf(userID []byte) []Passkey {
	l.mu.Lock()
	defer l.mu.Unlock()
	var kept []Passkey
	for _, passkey := range l.passkeys {
		if bytes.Equal(passkey.UserID, userID) {
			kept = append(kept, passkey)
		}
	}
	return kept
}

func (l *lapses) name(passkey Passkey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.credentials[passkey.ID] = passkey.CredentialID
}

func (l *lapses) credential(id string) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	credentialID, ok := l.credentials[id]
	return credentialID, ok
}

// queue makes a challenge the user's newest.
func (l *lapses) queue(c *ceremony) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newest[string(c.userID)] = c.challenge
}

// overtaken reports whether the user has a newer challenge.
func (l *lapses) overtaken(c *ceremony) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	newest, ok := l.newest[string(c.userID)]
	return ok && newest != c.challenge
}

// bury keeps what a deleted account leaves.
func (l *lapses) bury(user User, passkeys []Passkey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.estates[nameKey(user.Name)] = estate{user.ID, passkeys}
}

// estate is what the deleted account of a name left: nothing, unless there was one.
func (l *lapses) estate(name string) estate {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.estates[nameKey(name)]
}
