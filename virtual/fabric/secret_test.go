package fabric_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/fabric/disk"
	"github.com/passrig/passrig/virtual/providers"
)

const thePIN = "kestrel-482915"

// party is a device with its keys, as far as the cloud is concerned.
type party struct {
	name            string
	private, public []byte
	secrets         map[int][]byte
}

// story is a cloud on a disk in which everything happened that has to do with secrets.
type story struct {
	path     string
	cloud    *fabric.Cloud
	account  *fabric.Account
	devices  []*party
	stored   []virtual.StoredCredential
	params   fabric.RecoveryParams
	secrets  map[string][]byte // what nobody may find, by what it is
	snapshot *fabric.MemoryJournal
	traffic  bytes.Buffer // all that devices sent
}

func newParty(t *testing.T, name string) *party {
	t.Helper()
	private, public, err := fabric.NewKeyPair(rand.Reader)
	check(t, err)
	return &party{name: name, private: private, public: public, secrets: map[int][]byte{}}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *party) member(t *testing.T) fabric.Member {
	t.Helper()
	m := fabric.Member{Device: p.name, PublicKey: p.public, Secrets: map[int][]byte{}}
	for epoch, secret := range p.secrets {
		sealed, err := fabric.SealSecret(p.public, p.name, epoch, secret)
		check(t, err)
		m.Secrets[epoch] = sealed
	}
	return m
}

func tellStory(t *testing.T) *story {
	t.Helper()
	s := &story{path: filepath.Join(t.TempDir(), "fabric.db"), secrets: map[string][]byte{"PIN": []byte(thePIN)}}
	store, err := disk.Open(s.path)
	check(t, err)
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s.cloud, err = fabric.Open(fabric.CloudConfig{
		Provider: &providers.Provider{
			Name: "test", Unlock: providers.Unlock{Attempts: 10, Reset: providers.ResetRegisteredDevice, ResetsOnSuccess: true},
			Sync: &providers.Sync{Merge: providers.MergeServerWins, Delete: providers.DeleteAtOnce, Tombstones: providers.TombstonesWin},
		},
		Clock: func() time.Time { return at }, Journal: store, Ledger: store.Ledger(), KDF: fabric.KDF{Time: 1, MemoryKiB: 8, Threads: 1},
	})
	check(t, err)
	t.Cleanup(func() { check(t, s.cloud.Close()) })
	s.account = s.cloud.Account("alice")
	s.found(t)
	s.save(t, 1)
	s.unlock(t, "phone")
	s.rotate(t)
	s.save(t, 2)
	_, err = s.account.Try("thief", []byte("guess"))
	if err == nil {
		t.Fatal("a guess was right")
	}
	s.snapshot, err = s.cloud.Snapshot()
	check(t, err)
	return s
}

func (s *story) secret(t *testing.T, epoch int) []byte {
	t.Helper()
	secret, err := fabric.NewSecret(rand.Reader)
	check(t, err)
	s.secrets[fmt.Sprintf("vault secret %d", epoch)] = secret
	return secret
}

func (s *story) found(t *testing.T) {
	t.Helper()
	laptop := newParty(t, "laptop")
	laptop.secrets[1] = s.secret(t, 1)
	recovery, err := fabric.NewRecovery(thePIN, fabric.KDF{Time: 1, MemoryKiB: 8, Threads: 1}, laptop.secrets, rand.Reader)
	check(t, err)
	s.params = recovery.RecoveryParams
	s.send(t, laptop.member(t), recovery)
	check(t, s.account.Found(laptop.member(t), recovery))
	s.devices = append(s.devices, laptop)
}

// send notes what a device sends.
func (s *story) send(t *testing.T, all ...any) {
	t.Helper()
	for _, one := range all {
		check(t, json.NewEncoder(&s.traffic).Encode(one))
	}
}

// save makes passkeys and pushes them, in the current epoch.
func (s *story) save(t *testing.T, epoch int) {
	t.Helper()
	device, err := virtual.NewSoftwareDevice(virtual.Config{})
	check(t, err)
	_, err = device.Create(context.Background(), virtual.CreateRequest{
		Origin: "https://example.com",
		Options: json.RawMessage(`{"rp":{"id":"example.com","name":"x"},"user":{"id":"YWxpY2U","name":"alice","displayName":"Alice"},
			"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}]}`),
	})
	check(t, err)
	stored, err := device.ExportCredential(device.Credentials()[0].ID)
	check(t, err)
	stored.PRFSecret, stored.CredBlob, stored.LargeBlob = make([]byte, 32), make([]byte, 24), make([]byte, 100)
	for what, part := range map[string][]byte{"PRF secret": stored.PRFSecret, "blob": stored.CredBlob, "large blob": stored.LargeBlob} {
		_, _ = rand.Read(part)
		s.secrets[fmt.Sprintf("%s %d", what, epoch)] = part
	}
	s.secrets[fmt.Sprintf("private key %d", epoch)] = stored.PrivateKey
	// RFC 5915: 30 77 02 01 01 04 20 and then the key itself.
	at := bytes.Index(stored.PrivateKey, []byte{0x02, 0x01, 0x01, 0x04, 0x20})
	if at < 0 {
		t.Fatalf("private key %x is not as expected", stored.PrivateKey)
	}
	s.secrets[fmt.Sprintf("scalar %d", epoch)] = stored.PrivateKey[at+5 : at+37]
	r := fabric.Record{
		RPID: stored.RPID, CredentialID: stored.ID, UserHandle: stored.UserHandle, Created: stored.Created, Epoch: epoch, Maker: "laptop",
		Meta: fabric.Meta{UserName: "alice"}, Shadows: [][]byte{{1, 2}, {3}},
	}
	_, _ = rand.Read(r.SyncID[:])
	r.Sealed, err = fabric.SealRecord(s.devices[0].secrets[epoch], &r, &stored, rand.Reader)
	check(t, err)
	s.send(t, r)
	pushed, err := s.account.Push("laptop", []fabric.Change{{Kind: fabric.Put, Record: r}})
	check(t, err)
	if !pushed[0].Accepted {
		t.Fatal("a new record was not accepted")
	}
	s.stored = append(s.stored, stored)
}

func (s *story) unlock(t *testing.T, name string) {
	t.Helper()
	device := newParty(t, name)
	params, err := s.account.Recovery()
	check(t, err)
	proof, wrap, err := fabric.ProofOf(thePIN, params)
	check(t, err)
	s.secrets["proof"], s.secrets["wrap"] = proof, wrap
	recovered, err := s.account.Try(name, proof)
	check(t, err)
	private, err := fabric.OpenBytes(wrap, fabric.InfoWrap, recovered.SealedKey, params.PublicKey)
	check(t, err)
	s.secrets["recovery key"] = private
	device.secrets, err = fabric.OpenRecovery(wrap, params, &recovered)
	check(t, err)
	s.send(t, device.member(t))
	check(t, s.account.Enroll(device.member(t), recovered.Ticket))
	s.devices = append(s.devices, device)
}

func (s *story) rotate(t *testing.T) {
	t.Helper()
	secret := s.secret(t, 2)
	sealed := map[string][]byte{}
	for _, device := range s.devices {
		device.secrets[2] = secret
		one, err := fabric.SealSecret(device.public, device.name, 2, secret)
		check(t, err)
		sealed[device.name] = one
	}
	recovery, err := fabric.SealSecret(s.account.RecoveryKey(), "", 2, secret)
	check(t, err)
	s.send(t, sealed, recovery)
	check(t, s.account.Rotate("laptop", 2, sealed, recovery))
}

// states returns everything that is kept, by where.
func (s *story) states(t *testing.T) map[string][]byte {
	t.Helper()
	states := map[string][]byte{"what devices sent, but the proof": s.traffic.Bytes()}
	files, err := filepath.Glob(s.path + "*")
	check(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		check(t, err)
		states[filepath.Base(file)] = content
	}
	if len(states["fabric.db"])+len(states["fabric.db-wal"]) < 4000 || len(states["fabric.db.ledger"]) < 1000 {
		t.Fatalf("the files are smaller than what happened: %d, %d", len(states["fabric.db"]), len(states["fabric.db.ledger"]))
	}
	var snapshot bytes.Buffer
	check(t, s.snapshot.Each(func(e fabric.Entry) error {
		_, err := fmt.Fprintf(&snapshot, "%s %s %s\n", e.Account, e.Key, e.Value)
		return err
	}))
	states["snapshot"] = snapshot.Bytes()
	return states
}

// encodings returns the ways in which a secret could stand somewhere.
func encodings(secret []byte) map[string][]byte {
	text := fmt.Sprintf("%d", secret) // [1 2 3]
	all := map[string][]byte{
		"bytes":         secret,
		"hex":           []byte(hex.EncodeToString(secret)),
		"HEX":           []byte(strings.ToUpper(hex.EncodeToString(secret))),
		"JSON numbers":  []byte(strings.Trim(strings.ReplaceAll(text, " ", ","), "[]")),
		"Go's printing": []byte(strings.Trim(text, "[]")),
	}
	reversed := bytes.Clone(secret)
	for i := range reversed {
		reversed[i] = secret[len(secret)-1-i]
	}
	all["reversed"] = reversed
	var wide []byte
	for _, unit := range utf16.Encode([]rune(string(secret))) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	all["UTF-16"] = wide
	for shift := range 3 { // base64 depends on where in a group of three a byte is
		padded := append(make([]byte, shift), secret...)
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			whole := padded[:len(padded)/3*3]
			text := encoding.EncodeToString(whole)
			if shift > 0 {
				text = text[4:]
			}
			all[fmt.Sprintf("%s shifted by %d", name, shift)] = []byte(text)
		}
	}
	return all
}

// find returns how a secret, or half of it, stands in a state; empty when it does not.
func find(state, secret []byte) string {
	parts := map[string][]byte{"": secret}
	if len(secret) >= 32 {
		parts["first half of "], parts["second half of "] = secret[:len(secret)/2], secret[len(secret)/2:]
	}
	for which, part := range parts {
		for name, encoded := range encodings(part) {
			if len(encoded) >= 8 && bytes.Contains(state, encoded) {
				return which + name
			}
		}
	}
	return ""
}

// TestNoSecretIsKept looks for every key, secret and PIN in everything that the cloud keeps, and in what it was sent.
func TestNoSecretIsKept(t *testing.T) {
	s := tellStory(t)
	for _, device := range s.devices {
		s.secrets["key of "+device.name] = device.private
	}
	if len(s.secrets) < 16 {
		t.Fatalf("only %d secrets to look for", len(s.secrets))
	}
	for where, state := range s.states(t) {
		for what, secret := range s.secrets {
			if how := find(state, secret); how != "" {
				t.Errorf("%s: has the %s as %s", where, what, how)
			}
		}
	}
}

// TestFindFinds proves that the search above would find something.
func TestFindFinds(t *testing.T) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	for name, encoded := range encodings(secret) {
		if find(append([]byte("before"), append(encoded, "after"...)...), secret) == "" {
			t.Errorf("not found as %s", name)
		}
	}
	for shift := range 3 {
		value, err := json.Marshal(append(make([]byte, shift), append(bytes.Clone(secret), 1, 2)...))
		check(t, err)
		if find(value, secret) == "" {
			t.Errorf("not found in JSON %d bytes from its beginning", shift)
		}
	}
}

// kept are the values that the state has, wherever in it.
func kept(t *testing.T, s *story) (values [][]byte) {
	t.Helper()
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(name)
				walk(member)
			}
		case []any:
			for _, member := range v {
				walk(member)
			}
		case string:
			values = append(values, []byte(v))
			for _, decode := range []func(string) ([]byte, error){base64.StdEncoding.DecodeString, hex.DecodeString} {
				if raw, err := decode(v); err == nil && len(raw) > 0 {
					values = append(values, raw)
				}
			}
		}
	}
	check(t, s.snapshot.Each(func(e fabric.Entry) error {
		var v any
		walk(e.Key)
		err := json.Unmarshal(e.Value, &v)
		walk(v)
		return err
	}))
	ledger, err := os.ReadFile(disk.LedgerPath(s.path))
	check(t, err)
	for line := range bytes.Lines(ledger) {
		var v any
		check(t, json.Unmarshal(line, &v))
		walk(v)
	}
	return values
}

// TestNothingKeptOpensAnything tries every value that the cloud keeps as the key of everything that is sealed.
func TestNothingKeptOpensAnything(t *testing.T) {
	s := tellStory(t)
	values := kept(t, s)
	records, _, err := s.account.Pull("laptop", 0)
	check(t, err)
	wrong := func(key []byte) (opened string) {
		for i := range records {
			if _, err := fabric.OpenRecord(key, &records[i]); err == nil {
				return "a record"
			}
		}
		for _, sealed := range values {
			if _, err := fabric.OpenBytes(key, fabric.InfoWrap, sealed, s.params.PublicKey); err == nil {
				return "the recovery key"
			}
			for epoch := 1; epoch <= 2; epoch++ {
				for _, holder := range []string{"laptop", "phone", ""} {
					if len(key) != 32 || len(sealed) != 80 { // no keys, or not sealed secrets: the length of their parts
						continue
					}
					if _, err := fabric.OpenSecret(key, holder, epoch, sealed); err == nil {
						return "a vault secret"
					}
				}
			}
		}
		return ""
	}
	sealed := 0
	for _, value := range values {
		if len(value) == 80 {
			sealed++
		}
		if opened := wrong(value); opened != "" {
			t.Errorf("%q, which the cloud has, opens %s", value, opened)
		}
	}
	if sealed < 6 {
		t.Fatalf("%d sealed secrets were found, want 6: two epochs of two devices and the recovery", sealed)
	}
	for pin := range 100 {
		_, wrap, err := fabric.ProofOf(fmt.Sprintf("kestrel-4829%02d", pin), s.params)
		check(t, err)
		if opened := wrong(wrap); (opened == "the recovery key") != (pin == 15) {
			t.Errorf("PIN %d opens %q", pin, opened)
		}
	}
	for _, device := range s.devices {
		if opened := wrong(device.private); opened != "a vault secret" {
			t.Errorf("the key of %q opens %q", device.name, opened)
		}
	}
}

// TestSealedIsBound changes what a record says of itself; none of it may be taken for the record's.
func TestSealedIsBound(t *testing.T) {
	s := tellStory(t)
	records, _, err := s.account.Pull("phone", 0)
	check(t, err)
	phone := s.devices[1]
	for i, r := range records {
		stored, err := fabric.OpenRecord(phone.secrets[r.Epoch], &r)
		check(t, err)
		if diff := cmp.Diff(s.stored[i], stored); diff != "" {
			t.Error(diff)
		}
	}
	for name, change := range map[string]func(*fabric.Record){
		"sync id":       func(r *fabric.Record) { r.SyncID[3]++ },
		"rp id":         func(r *fabric.Record) { r.RPID = "example.org" },
		"credential id": func(r *fabric.Record) { r.CredentialID = append(bytes.Clone(r.CredentialID), 1) },
		"user handle":   func(r *fabric.Record) { r.UserHandle = []byte("bob") },
		"moved":         func(r *fabric.Record) { r.RPID, r.CredentialID = r.RPID[:10], append([]byte("m"), r.CredentialID...) },
		"created":       func(r *fabric.Record) { r.Created = r.Created.Add(1) },
		"shadows":       func(r *fabric.Record) { r.Shadows = r.Shadows[:1] },
		"shadows moved": func(r *fabric.Record) { r.Shadows = [][]byte{{1}, {2, 3}} },
		"epoch":         func(r *fabric.Record) { r.Epoch = 2 },
		"sealed":        func(r *fabric.Record) { r.Sealed = records[1].Sealed },
		"a bit":         func(r *fabric.Record) { r.Sealed = bytes.Clone(r.Sealed); r.Sealed[20] ^= 1 },
		"short":         func(r *fabric.Record) { r.Sealed = r.Sealed[:11] },
	} {
		r := records[0]
		change(&r)
		if _, err := fabric.OpenRecord(phone.secrets[1], &r); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	member, err := s.account.Secrets("phone")
	check(t, err)
	for _, c := range []struct {
		holder string
		epoch  int
	}{{"laptop", 1}, {"", 1}, {"phone", 2}} {
		if _, err := fabric.OpenSecret(phone.private, c.holder, c.epoch, member[1]); err == nil {
			t.Errorf("the secret of epoch 1 for phone opens as that of epoch %d for %q", c.epoch, c.holder)
		}
	}
	if secret, err := fabric.OpenSecret(phone.private, "phone", 1, member[1]); err != nil || !bytes.Equal(secret, s.secrets["vault secret 1"]) {
		t.Errorf("its own: %x, %v", secret, err)
	}
}

// TestBadKeys gives keys and parameters that are none.
func TestBadKeys(t *testing.T) {
	if _, err := fabric.SealSecret([]byte("short"), "x", 1, nil); err == nil {
		t.Error("a short public key was taken")
	}
	if _, err := fabric.OpenSecret([]byte("short"), "x", 1, nil); err == nil {
		t.Error("a short private key was taken")
	}
	if _, _, err := fabric.ProofOf("1", fabric.RecoveryParams{}); err == nil {
		t.Error("a key derivation without costs was taken")
	}
	if _, _, err := fabric.NewKeyPair(bytes.NewReader(nil)); err == nil {
		t.Error("a key pair of no randomness")
	}
	if _, err := fabric.NewSecret(bytes.NewReader(nil)); err == nil {
		t.Error("a secret of no randomness")
	}
	for n := range 60 { // too little randomness at each point
		_, err := fabric.NewRecovery("1", fabric.KDF{Time: 1, MemoryKiB: 8, Threads: 1}, nil, bytes.NewReader(make([]byte, n)))
		if (err == nil) != (n >= 60) {
			t.Errorf("%d bytes of randomness: %v", n, err)
		}
	}
}
