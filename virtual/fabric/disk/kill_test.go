package disk

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual/fabric"
)

// childFile is the environment variable that makes this test binary the child of TestKilled: the file it writes to.
const childFile = "PASSRIG_TEST_FABRIC_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		fmt.Println(live(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// live pushes and makes wrong tries until it is killed, and prints what was acknowledged: "pushed RECORD NAME",
// "tried FAILURES", "head SEQ:HASH".
func live(path string) error {
	cloud, err := openCloud(path, 0)
	if err != nil {
		return err
	}
	a := cloud.Account("alice")
	if !a.Founded() {
		if err := a.Found(member(), recovery()); err != nil {
			return err
		}
	}
	_, start, err := a.Pull("laptop", 0)
	if err != nil {
		return err
	}
	for i := start; ; i++ {
		n := int(i % 50)
		r := record(n, fmt.Sprintf("%09d", i))
		pushed, err := a.Push("laptop", []fabric.Change{{Record: r, Base: i}})
		if err != nil || !pushed[0].Accepted {
			return fmt.Errorf("push: %v, %w", pushed, err)
		}
		fmt.Println("pushed", n, r.Meta.UserName)
		if i%3 == 0 {
			if _, err := a.Try("thief", []byte("wrong")); err == nil {
				return errors.New("a wrong PIN was right")
			}
			fmt.Println("tried", a.UnlockState().Failures)
			fmt.Println("head", a.Head())
		}
	}
}

// TestKilled kills a process in the middle of its writes, again and again on the same files: all that it was told is
// durable is there, and no counter is smaller.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fabric.db")
	random := rand.New(rand.NewPCG(1, 2))
	failures, acknowledged := 0, 0
	for round := range 12 {
		names, tried, head := killed(t, path, 5+random.IntN(30), time.Duration(random.IntN(3000))*time.Microsecond)
		acknowledged += len(names)
		cloud, err := openCloud(path, 0)
		check(t, err)
		a := cloud.Account("alice")
		records, _, err := a.Pull("laptop", 0)
		check(t, err)
		kept := map[fabric.SyncID]string{}
		for _, r := range records {
			kept[r.SyncID] = r.Meta.UserName
		}
		for n, name := range names {
			if got := kept[record(n, "").SyncID]; got < name { // names are numbers of one length
				t.Errorf("round %d: record %d is %q, %q was acknowledged", round, n, got, name)
			}
		}
		failures = max(failures, tried)
		if got := a.UnlockState(); got.Failures < failures || got.Tries < int64(failures) {
			t.Errorf("round %d: %+v, %d failures were acknowledged", round, got, failures)
		}
		failures = a.UnlockState().Failures
		check(t, cloud.Close())
		text, err := os.ReadFile(LedgerPath(path))
		check(t, err)
		want := fabric.LedgerHead{}
		if head != "" {
			want, err = fabric.ParseLedgerHead(head)
			check(t, err)
		}
		_, err = fabric.VerifyLedger(bytes.NewReader(text), &want)
		check(t, err)
	}
	if failures < 12 || acknowledged < 60 {
		t.Errorf("%d failures, %d pushes: the child hardly lived", failures, acknowledged)
	}
}

// killed runs the child until it has printed some lines, and for a while longer, and returns what it printed last.
func killed(t *testing.T, path string, lines int, longer time.Duration) (names map[int]string, tried int, head string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), childFile+"="+path)
	out, err := child.StdoutPipe()
	check(t, err)
	check(t, child.Start())
	names = map[int]string{}
	scanner := bufio.NewScanner(out)
	var last string
	for count := 0; scanner.Scan(); count++ {
		var n int
		var name string
		last = scanner.Text()
		if _, err := fmt.Sscanf(last, "pushed %d %s", &n, &name); err == nil {
			names[n] = name
		}
		_, _ = fmt.Sscanf(last, "tried %d", &tried)
		_, _ = fmt.Sscanf(last, "head %s", &head)
		if count == lines {
			timer := time.AfterFunc(longer, func() { _ = child.Process.Kill() }) // what it prints until then counts too
			defer timer.Stop()
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child ended by itself: %v, %q", err, last)
	}
	return names, tried, head
}
