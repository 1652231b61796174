//go:build unix

package cdp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual"
)

// processes counts those of a process group that are still there, zombies among them.
func processes(tb testing.TB, group int) (running, zombies int) {
	tb.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range stats {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended meanwhile
		}
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if fields[2] != strconv.Itoa(group) {
			continue
		}
		if fields[0] == "Z" {
			zombies++
		} else {
			running++
		}
	}
	return running, zombies
}

// killOnce kills a browser in the middle of a ceremony and looks at what is left.
func killOnce(tb testing.TB, dir string) {
	tb.Helper()
	b, err := Launch(tb.Context(), Config{Path: chromePath(tb), Dir: dir})
	must(tb, err)
	d, err := b.NewDevice(tb.Context(), DeviceConfig{})
	must(tb, err)
	must(tb, d.SetUserPresent(tb.Context(), false))
	failed := make(chan error, 1)
	go func() {
		_, err := d.Get(context.Background(), virtual.GetRequest{Origin: "http://localhost", Options: json.RawMessage(`{"challenge": "AAAA"}`)})
		failed <- err
	}()
	eventually(tb, func() bool { return d.Page().target.topOrigin() == "http://localhost" })
	must(tb, syscall.Kill(b.PID(), syscall.SIGKILL))
	select {
	case err := <-failed:
		if !errors.Is(err, ErrBrowserGone) || !strings.Contains(err.Error(), "signal: killed") {
			tb.Errorf("ceremony of a killed browser: %v", err)
		}
	case <-time.After(10 * time.Second):
		tb.Fatal("the ceremony of a killed browser hangs")
	}
	if _, err := b.NewDevice(tb.Context(), DeviceConfig{}); !errors.Is(err, ErrBrowserGone) {
		tb.Errorf("device on a killed browser: %v", err)
	}
	must(tb, b.Close())
	must(tb, d.Close())
	eventually(tb, func() bool { running, zombies := processes(tb, b.PID()); return running+zombies == 0 })
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		tb.Errorf("left behind: %v", left)
	}
}

func TestKilledBrowser(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		killOnce(t, dir)
	}
}

// TestKilledRun kills a process with a browser (this test again, as a child): the browser ends by itself,
// and the next start removes the profile.
func TestKilledRun(t *testing.T) {
	const where = "PASSRIG_TEST_KILLED_RUN"
	if dir := os.Getenv(where); dir != "" {
		b, err := Launch(t.Context(), Config{Path: chromePath(t), Dir: dir})
		must(t, err)
		_, err = b.NewDevice(t.Context(), DeviceConfig{})
		must(t, err)
		fmt.Println("browser", b.PID())
		<-b.Gone()
		return
	}
	dir := t.TempDir()
	executable, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(t.Context(), executable, "-test.run=^TestKilledRun$")
	child.Env = append(os.Environ(), where+"="+dir)
	said, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	var pid int
	if _, err := fmt.Fscanf(said, "browser %d", &pid); err != nil {
		t.Fatalf("the child did not start: %v, %v", err, child.Wait())
	}
	must(t, child.Process.Kill())
	if err := child.Wait(); err == nil {
		t.Error("the child was not killed")
	}
	eventually(t, func() bool { running, _ := processes(t, pid); return running == 0 })
	if left, _ := os.ReadDir(dir); len(left) == 0 {
		t.Error("a killed run left nothing: what is there to remove?")
	}
	b, err := Launch(t.Context(), Config{Path: chromePath(t), Dir: dir})
	must(t, err)
	left, _ := filepath.Glob(filepath.Join(dir, profilePrefix+"*"))
	must(t, b.Close())
	if len(left) != 2 {
		t.Errorf("beside its own profile and lock: %v", left)
	}
}

// BenchmarkKilledBrowser is the long form: -benchtime=100x kills a hundred.
func BenchmarkKilledBrowser(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		killOnce(b, dir)
	}
}
