package fleet

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/filelock"
	"github.com/passrig/passrig/virtual"
)

// stateConfig is a fleet with a state file in a directory of the test.
func stateConfig(t *testing.T) Config {
	t.Helper()
	return Config{
		Seed: 4, Count: 5000, Origin: testOrigin, RPID: testRPID, Adapter: "test", PoolSize: 1,
		State:  filepath.Join(t.TempDir(), "users.state"),
		Device: virtual.Config{Counter: virtual.Counter{Policy: virtual.CounterPerCredential}},
	}
}

func open(t *testing.T, cfg Config) *Fleet {
	t.Helper()
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func shut(t *testing.T, f *Fleet) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func missing(t *testing.T, f *Fleet, segment, of int64) []int64 {
	t.Helper()
	var list []int64
	for user, err := range f.Missing(segment, of) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, user)
	}
	return list
}

func TestStateIsResumed(t *testing.T) {
	cfg := stateConfig(t)
	f := open(t, cfg)
	for _, user := range []int64{0, 7, 4097, 4999} {
		u := enroll(t, f, user)
		if err := f.Assert(&Assertion{}, u, testOrigin, options()); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Forget(7); err != nil {
		t.Fatal(err)
	}
	shut(t, f)

	f = open(t, cfg)
	if n := f.Enrolled(); n != 3 {
		t.Errorf("%d are enrolled, want 3", n)
	}
	if got, err := f.Handle(4097, []byte("before ")); err != nil || string(got) != "before "+string(handle(4097)) {
		t.Errorf("handle %q, error %v", got, err)
	}
	if got, err := f.Handle(7, nil); err != nil || len(got) > 0 {
		t.Errorf("handle %q of a forgotten user, error %v", got, err)
	}
	u, a := &User{}, &Assertion{}
	f.User(4097, u)
	if err := f.Assert(a, u, testOrigin, options()); err != nil || a.SignCount != 2 || string(a.UserHandle.Bytes) != string(handle(4097)) {
		t.Errorf("count %d, user handle %q, error %v", a.SignCount, a.UserHandle.Bytes, err)
	}
	if list := missing(t, f, 0, 1); len(list) != 4997 || list[0] != 1 || !slices.IsSorted(list) || slices.Contains(list, 4999) {
		t.Errorf("%d are missing", len(list))
	}
	if got, want := missing(t, f, 0, 2500), []int64{2500}; !slices.Equal(got, want) {
		t.Errorf("missing in a segment: %v, want %v", got, want)
	}
	for user, err := range f.Missing(0, 1) {
		if user != 1 || err != nil {
			t.Errorf("first %d, error %v", user, err)
		}
		break
	}
	shut(t, f)

	// More users, then fewer again: nobody gets lost.
	cfg.Count = 9000
	f = open(t, cfg)
	enroll(t, f, 8999)
	if n := len(missing(t, f, 0, 1)); n != 9000-4 || f.Enrolled() != 4 {
		t.Errorf("%d of 9000 are missing, %d are enrolled", n, f.Enrolled())
	}
	shut(t, f)
	cfg.Count = 100
	f = open(t, cfg)
	if n := f.Enrolled(); n != 1 {
		t.Errorf("%d of 100 are enrolled, want 1", n)
	}
	shut(t, f)
	cfg.Count = 9000
	f = open(t, cfg)
	if n := f.Enrolled(); n != 4 {
		t.Errorf("%d of 9000 are enrolled, want 4", n)
	}
	shut(t, f)
}

func TestStateOfOthersIsRefused(t *testing.T) {
	base := stateConfig(t)
	shut(t, open(t, base))
	whole, err := os.ReadFile(base.State)
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, base)
	enroll(t, f, 3)
	shut(t, f)
	enrolled, err := os.ReadFile(base.State)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(enrolled)
	damaged[offset(3)+recordHandle] ^= 1
	moved := bytes.Clone(enrolled)
	copy(moved[offset(4):], enrolled[offset(3):][:recordSize])
	for _, tt := range []struct {
		name    string
		content []byte
		change  func(*Config)
		want    string
	}{
		{"another seed", whole, func(c *Config) { c.Seed = 5 }, "its seed is 0x4, this run's is 0x5"},
		{"another origin", whole, func(c *Config) { c.Origin = "https://other.example" }, "origin"},
		{"another rp id", whole, func(c *Config) { c.RPID = "other.example" }, "rp id"},
		{"another adapter", whole, func(c *Config) { c.Adapter = "other" }, "adapter"},
		{"another prefix", whole, func(c *Config) { c.Prefix = "x-" }, "prefix"},
		{"other algorithms", whole, func(c *Config) { c.Algorithms = []Weighted{{"EdDSA", 1}} }, "algorithms"},
		{"another provider", whole, func(c *Config) { c.Device.BackupEligible = true }, "backup eligibility"},
		{"imported", whole, func(c *Config) { c.Seed, c.Import = 0, strings.NewReader(line(t, "alice")) }, "seed"},
		{"text", []byte("my shopping list\n"), nil, "not a state file"},
		{"another format", bytes.Replace(whole, []byte("users/1"), []byte("users/9"), 1), nil, `format "passrig/users/9"`},
		{"cut off", whole[:len(whole)-1], nil, "damaged: "},
		{"cut off in the header", whole[:100], nil, "not a state file"},
		{"negative", bytes.Replace(whole, []byte(`"count":5000`), []byte(`"count":-500`), 1), nil, "damaged: of -500 users"},
		{"damaged record", damaged, nil, "user 3: damaged record"},
		{"moved record", moved, nil, "user 4: damaged record"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := base
			cfg.Count = 5000
			cfg.State = filepath.Join(t.TempDir(), "state")
			if err := os.WriteFile(cfg.State, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				tt.change(&cfg)
			}
			if cfg.Import != nil {
				cfg.Count = 1
			}
			f, err := New(cfg)
			if err == nil {
				shut(t, f)
				t.Fatal("accepted")
			}
			var hinted interface{ Hint() string }
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), cfg.State) || !errors.As(err, &hinted) || hinted.Hint() == "" {
				t.Errorf("got %q, want it to say %q, name the file and have a hint", err, tt.want)
			}
			if after, err := os.ReadFile(cfg.State); err != nil || !bytes.Equal(after, tt.content) {
				t.Errorf("the file was changed, error %v", err)
			}
		})
	}
}

// A file that could not be made is none: the next run makes it.
func TestHalfAFileIsTakenBack(t *testing.T) {
	cfg := stateConfig(t)
	// A file opened for appending grows, but refuses the header, as a full disk does.
	file, err := os.OpenFile(cfg.State, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := &state{file: file, path: cfg.State}
	if err := s.prepare(&header{Format: stateFormat, Count: 10}); err == nil {
		t.Error("the header was written")
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(cfg.State); err != nil || info.Size() != 0 {
		t.Errorf("%d bytes are left, error %v", info.Size(), err)
	}
	shut(t, open(t, cfg))
}

func TestFullDiskHasAHint(t *testing.T) {
	f := open(t, stateConfig(t))
	defer shut(t, f)
	err := f.state.explain(&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	var hinted interface{ Hint() string }
	if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &hinted) || hinted.Hint() != "a user takes 76 bytes" {
		t.Errorf("got %v", err)
	}
}

// A record that is damaged while it is in use is not believed either.
func TestDamageIsNoticedInTime(t *testing.T) {
	f := open(t, stateConfig(t))
	u := enroll(t, f, 3)
	if _, err := f.state.file.WriteAt([]byte{0xff}, offset(3)+recordCount); err != nil {
		t.Fatal(err)
	}
	if err := f.Assert(&Assertion{}, u, testOrigin, options()); !errors.Is(err, errDamagedRecord) {
		t.Errorf("got %v", err)
	}
	var last error
	for _, err := range f.Missing(0, 1) {
		last = err
	}
	if !errors.Is(last, errDamagedRecord) {
		t.Errorf("got %v", last)
	}
	shut(t, f)
	if err := f.Enroll(1, handle(1), true); err == nil {
		t.Error("a closed file takes a record")
	}
}

func TestTwoRunsOnOneState(t *testing.T) {
	cfg := stateConfig(t)
	f := open(t, cfg)
	_, err := New(cfg)
	var hinted interface{ Hint() string }
	if !errors.Is(err, filelock.ErrInUse) || !errors.As(err, &hinted) {
		t.Errorf("got %v", err)
	}
	shut(t, f)
	shut(t, open(t, cfg))
}

func TestTemporaryState(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	f := open(t, Config{Count: 1 << 30, PoolSize: 1}) // 80 GB of holes
	u := enroll(t, f, 1<<30-1)
	if err := f.Assert(&Assertion{}, u, testOrigin, options()); err != nil {
		t.Error(err)
	}
	shut(t, f)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("%d files left, error %v", len(left), err)
	}
}

func TestStatePathThatCannotBe(t *testing.T) {
	cfg := stateConfig(t)
	dir := filepath.Dir(cfg.State)
	for _, path := range []string{dir, filepath.Join(dir, "no", "where"), "/dev/null"} {
		cfg.State = path
		if f, err := New(cfg); err == nil {
			shut(t, f)
			t.Errorf("%s: accepted", path)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("got %q, want it to name %s", err, path)
		}
	}
}

func TestEnrollRefusesBadHandles(t *testing.T) {
	f := newFleet(t, Config{})
	for _, n := range []int{0, 65} {
		if err := f.Enroll(1, make([]byte, n), true); err == nil {
			t.Errorf("a handle of %d bytes is accepted", n)
		}
	}
	if err := f.Enroll(1, make([]byte, 64), false); err != nil || f.Enrolled() != 1 {
		t.Errorf("%d enrolled, error %v", f.Enrolled(), err)
	}
	u, a := &User{}, &Assertion{}
	f.User(1, u)
	if err := f.Assert(a, u, testOrigin, options()); err != nil || len(a.UserHandle.Bytes)+len(a.UserHandle.Text) > 0 {
		t.Errorf("user handle %x of a credential that is not discoverable, error %v", a.UserHandle.Bytes, err)
	}
}

// Whoever uses a passkey at the same time as others gets a count of their own.
func TestCountsAreGivenOnce(t *testing.T) {
	f := newFleet(t, Config{Device: virtual.Config{Counter: virtual.Counter{Policy: virtual.CounterPerCredential}}})
	users := []*User{enroll(t, f, 1), enroll(t, f, 257)} // of one lock
	var mu sync.Mutex
	counts := map[int64][]uint32{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var a Assertion
			for range 25 {
				for _, u := range users {
					if err := f.Assert(&a, u, testOrigin, options()); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					counts[u.Index] = append(counts[u.Index], a.SignCount)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	var want []uint32
	for i := range uint32(200) {
		want = append(want, i+1)
	}
	for user, got := range counts {
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("user %d:\n%s", user, diff)
		}
	}
}
