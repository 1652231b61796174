package study

import (
	"errors"
	"testing"

	"github.com/passrig/passrig/virtual"
)

func TestKeychain(t *testing.T) {
	t.Parallel()
	credential := func(id, rpID string) virtual.StoredCredential {
		return virtual.StoredCredential{Credential: virtual.Credential{ID: []byte(id), RPID: rpID, UserHandle: []byte("someone"), Discoverable: true}}
	}
	k := &keychain{}
	ids := func() string {
		var all []byte
		for _, c := range k.Credentials() {
			all = append(all, c.ID...)
		}
		return string(all)
	}
	for _, c := range []struct {
		do   func() error
		want string
	}{
		{func() error { k.make(credential("a", "here")); return nil }, "a"},
		{func() error { k.make(credential("b", "there")); return nil }, "ab"},
		{func() error { k.make(credential("c", "here")); return nil }, "bc"}, // in place of a
		{func() error { return k.Import(t.Context(), credential("a", "here")) }, "bca"},
		{func() error { return k.Import(t.Context(), credential("b", "there")) }, "cab"},
		{func() error { return k.Remove(t.Context(), []byte("c")) }, "ab"},
	} {
		before := k.Generation()
		if err := c.do(); err != nil || ids() != c.want || k.Generation() == before {
			t.Errorf("%v: %q, want %q; generation %d after %d", err, ids(), c.want, k.Generation(), before)
		}
	}
	before := k.Generation()
	if err := k.Remove(t.Context(), []byte("x")); err != nil || k.Generation() != before {
		t.Errorf("removing what is not there: %v, generation %d after %d", err, k.Generation(), before)
	}
	if stored, err := k.Export(t.Context(), []byte("a")); err != nil || string(stored.ID) != "a" {
		t.Errorf("%q, %v", stored.ID, err)
	}
	if _, err := k.Export(t.Context(), []byte("x")); !errors.Is(err, virtual.ErrUnknownCredential) {
		t.Errorf("%v, want %v", err, virtual.ErrUnknownCredential)
	}
}
