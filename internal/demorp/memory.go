package demorp

import (
	"bytes"
	"context"
	"slices"
	"sync"
)

// MemoryStore is a [Store] that forgets everything when the process ends.
type MemoryStore struct {
	mu           sync.RWMutex
	users        map[string]*User      // by id
	usersByName  map[string]*User      // by name key
	passkeys     map[string]*Passkey   // by credential id
	userPasskeys map[string][]*Passkey // by user id, oldest first
	decoyKey     []byte
}

var _ Store = (*MemoryStore)(nil)

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		users:        make(map[string]*User),
		usersByName:  make(map[string]*User),
		passkeys:     make(map[string]*Passkey),
		userPasskeys: make(map[string][]*Passkey),
	}
}

// CreateUser implements [Store].
func (m *MemoryStore) CreateUser(_ context.Context, user User) error {
	key := nameKey(user.Name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.usersByName[key] != nil {
		return ErrUsernameTaken
	}
	m.usersByName[key] = &user
	m.users[string(user.ID)] = &user
	return nil
}

// User implements [Store].
func (m *MemoryStore) User(_ context.Context, id []byte) (User, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return valueOf(m.users[string(id)])
}

// UserByName implements [Store].
func (m *MemoryStore) UserByName(_ context.Context, name string) (User, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return valueOf(m.usersByName[nameKey(name)])
}

// UpdateUser implements [Store].
func (m *MemoryStore) UpdateUser(_ context.Context, id []byte, change func(*User)) (User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.users[string(id)]
	if stored == nil {
		return User{}, ErrNotFound
	}
	changed := *stored
	change(&changed)
	if holder := m.usersByName[nameKey(changed.Name)]; holder != nil && holder != stored {
		return User{}, ErrUsernameTaken
	}
	delete(m.usersByName, nameKey(stored.Name))
	*stored = changed
	m.usersByName[nameKey(changed.Name)] = stored
	return changed, nil
}

// DeleteUser implements [Store].
func (m *MemoryStore) DeleteUser(_ context.Context, id []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.users[string(id)]
	if stored == nil {
		return ErrNotFound
	}
	for _, passkey := range m.userPasskeys[string(id)] {
		delete(m.passkeys, string(passkey.CredentialID))
	}
	delete(m.userPasskeys, string(id))
	delete(m.usersByName, nameKey(stored.Name))
	delete(m.users, string(id))
	return nil
}

// AddPasskey implements [Store].
func (m *MemoryStore) AddPasskey(_ context.Context, passkey Passkey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.passkeys[string(passkey.CredentialID)] != nil {
		return ErrCredentialTaken
	}
	m.passkeys[string(passkey.CredentialID)] = &passkey
	owner := string(passkey.UserID)
	m.userPasskeys[owner] = append(m.userPasskeys[owner], &passkey)
	return nil
}

// Passkey implements [Store].
func (m *MemoryStore) Passkey(_ context.Context, credentialID []byte) (Passkey, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return valueOf(m.passkeys[string(credentialID)])
}

// Passkeys implements [Store].
func (m *MemoryStore) Passkeys(_ context.Context, userID []byte) ([]Passkey, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	owned := m.userPasskeys[string(userID)]
	all := make([]Passkey, len(owned))
	for i, passkey := range owned {
		all[i] = *passkey
	}
	return all, nil
}

// UpdatePasskey implements [Store].
func (m *MemoryStore) UpdatePasskey(_ context.Context, credentialID []byte, change func(*Passkey)) (Passkey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.passkeys[string(credentialID)]
	if stored == nil {
		return Passkey{}, ErrNotFound
	}
	change(stored)
	return *stored, nil
}

// DeletePasskey implements [Store].
func (m *MemoryStore) DeletePasskey(_ context.Context, credentialID []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.passkeys[string(credentialID)]
	if stored == nil {
		return ErrNotFound
	}
	delete(m.passkeys, string(credentialID))
	owner := string(stored.UserID)
	m.userPasskeys[owner] = slices.DeleteFunc(m.userPasskeys[owner], func(p *Passkey) bool { return p == stored })
	return nil
}

// DecoyKey implements [Store].
func (m *MemoryStore) DecoyKey(_ context.Context, proposed []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.decoyKey == nil {
		m.decoyKey = bytes.Clone(proposed)
	}
	return m.decoyKey, nil
}

func valueOf[T any](p *T) (T, error) {
	if p == nil {
		var zero T
		return zero, ErrNotFound
	}
	return *p, nil
}
