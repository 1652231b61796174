package term

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lockedBuffer can be written by a ticker and read by a test.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestPlainProgressIsALineNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		p := NewProgress(&out, false, time.Now)
		load := p.Start("load", 50)
		prepare := p.Start("prepare", 0)
		<-time.After(time.Second / 2) // so that no step falls together with a line
		for i := range 25 {
			<-time.After(time.Second) // inside the bubble this takes no time
			load.Step(fmt.Sprintf("login user-%d", i))
			if i == 11 {
				prepare.Step("")
				prepare.Done()
			}
		}
		fmt.Fprintln(p, "warning: slow")
		load.Done()
		load.Done()
		p.Wait()
		want := []string{
			"load 18% 9/50 in 10s, login user-8",
			"prepare 0 in 10s",
			"prepare 1 in 12.5s",
			"load 38% 19/50 in 20s, login user-18",
			"warning: slow",
			"load 50% 25/50 in 25.5s, stopped",
		}
		if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestShortTaskIsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		p := NewProgress(&out, false, nil)
		task := p.Start("run", 2)
		task.Step("a")
		<-time.After(1234567 * time.Microsecond)
		task.Step("b")
		task.Done()
		p.Wait()
		if got, want := out.String(), "run 100% 2/2 in 1.23s\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestWaitDoesNotHangOnUnfinishedTasks(t *testing.T) {
	for _, tty := range []bool{false, true} {
		t.Run(fmt.Sprintf("tty=%v", tty), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out lockedBuffer
				p := NewProgress(&out, tty, time.Now)
				p.Start("left", 10).Step("half way")
				p.Start("unknown", 0).Step("")
				p.Start("whole", 1).Step("")
				p.Wait()
				p.Wait()
				if !strings.Contains(out.String(), "stopped") {
					t.Errorf("nothing tells that a task was stopped: %q", out.String())
				}
			})
		})
	}
}

func TestBars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		p := NewProgress(&out, true, time.Now)
		task := p.Start("run", 3)
		task.Step("signup alice")
		<-time.After(time.Second)
		if got := out.String(); !strings.Contains(got, "run 1/3") || !strings.Contains(got, "signup alice") {
			t.Errorf("got %q", got)
		}
		fmt.Fprintln(p, "a log line")
		task.Step("")
		task.Step("")
		task.Done()
		p.Wait()
		if got := out.String(); !strings.Contains(got, "a log line\n") || !strings.Contains(got, "run 3/3") {
			t.Errorf("got %q", got)
		}
	})
}

func TestNothingHappensAfterWait(t *testing.T) {
	for _, tty := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var out lockedBuffer
			p := NewProgress(&out, tty, time.Now)
			p.Wait()
			before := out.String()
			late := p.Start("late", 1)
			late.Step("x")
			late.Done()
			if got := out.String(); got != before {
				t.Errorf("tty %v: got %q", tty, got)
			}
			fmt.Fprintln(p, "still logged")
			if got := out.String(); !strings.HasSuffix(got, "still logged\n") {
				t.Errorf("tty %v: got %q", tty, got)
			}
		})
	}
}

func TestWriteTellsOfErrors(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	p := NewProgress(w, false, time.Now)
	defer p.Wait()
	if _, err := p.Write([]byte("x\n")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentSteps(t *testing.T) {
	for _, tty := range []bool{false, true} {
		p := NewProgress(io.Discard, tty, time.Now)
		task := p.Start("load", 400)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 100 {
					task.Step("x")
					fmt.Fprintln(p, "log")
				}
			})
		}
		wg.Wait()
		task.Done()
		p.Wait()
		if got := task.steps(); got != 400 {
			t.Errorf("counted %d steps, want 400", got)
		}
	}
}

func TestManyStepsAtATime(t *testing.T) {
	for _, tty := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var out lockedBuffer
			p := NewProgress(&out, tty, time.Now)
			task := p.Start("hold", 1000)
			task.Set(400, "200/s")
			<-time.After(plainInterval + time.Second)
			task.Set(1000, "")
			task.Done()
			task.Set(7, "late")
			p.Wait()
			want := []string{"hold 40% 400/1000 in 10s, 200/s\n", "hold 100% 1000/1000 in 11s\n"}
			if tty {
				want = []string{"hold 400/1000", "200/s", "hold 1000/1000"}
			}
			for _, line := range want {
				if got := out.String(); !strings.Contains(got, line) || strings.Contains(got, "late") {
					t.Errorf("tty %v: got %q, want %q in it", tty, got, line)
				}
			}
		})
	}
}

// A task that foretells its end goes by the steps that were done since it began, and not by those that were there before.
func TestForetoldProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		p := NewProgress(&out, false, time.Now)
		cells := p.Start("cells", 30)
		cells.Foretell(10)
		cells.Set(10, "from before")
		<-time.After(time.Second / 2)
		for i := range 20 {
			<-time.After(2 * time.Second)
			cells.Set(11+i, "")
		}
		cells.Done()
		p.Wait()
		want := []string{
			"cells 46% 14/30 in 10s, ETA 40s", "cells 63% 19/30 in 20s, ETA 24s", "cells 80% 24/30 in 30s, ETA 13s", "cells 96% 29/30 in 40s, ETA 2s",
			"cells 100% 30/30 in 40.5s",
		}
		if diff := cmp.Diff(strings.Join(want, "\n")+"\n", out.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Tasks on which nothing is done are told of only when there are no others; a dropped one is not told of any more.
func TestIdleTasksAreNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		p := NewProgress(&out, false, time.Now)
		busy, idle, dropped := p.Start("busy", 9), p.Start("idle", 9), p.Start("dropped", 9)
		<-time.After(time.Second)
		dropped.Drop()
		<-time.After(10 * time.Second) // both are told once
		busy.Step("")
		<-time.After(10 * time.Second) // only the busy one
		<-time.After(10 * time.Second) // neither was busy: both
		busy.Drop()
		idle.Drop()
		p.Wait()
		want := []string{"busy 0% 0/9 in 10s", "idle 0% 0/9 in 10s", "busy 11% 1/9 in 20s", "busy 11% 1/9 in 30s", "idle 0% 0/9 in 30s"}
		if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
			t.Error(diff)
		}
	})
}
