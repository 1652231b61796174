package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/load"
	"github.com/passrig/passrig/internal/load/pace"
)

// TestSignalsToACommandThatListens covers a command that ends by itself: asked first, then interrupted, then ended.
func TestSignalsToACommandThatListens(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	ctx, stop := p.env.interruptible(context.Background())
	defer stop()
	asked := p.env.ask.listen()
	p.signals <- nil
	<-asked
	if ctx.Err() != nil {
		t.Error("the first signal ended the context")
	}
	p.signals <- nil
	<-ctx.Done()
	p.signals <- nil
	if code := <-p.exited; code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
}

func TestSegmentFlag(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]pace.Segment{"": {}, "1/1": {Index: 0, Of: 1}, "2/4": {Index: 1, Of: 4}} {
		if got, err := segmentOf(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0/4", "5/4", "2", "/4", "2/", "a/b", "-1/4", "1/2/3"} {
		if got, err := segmentOf(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestLoadLabel(t *testing.T) {
	t.Parallel()
	at := load.Progress{Done: 9, Failed: 2, InFlight: 3, Asked: 200, Rate: 198, P50: 2 * time.Millisecond, P99: 8 * time.Millisecond, LagP99: 100 * time.Microsecond}
	if got, want := loadLabel(at), "198/s of 200/s, 3 under way, p50 2ms, p99 8ms, 2 failed, lag p99 100µs"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	at.Asked = 0
	if got := loadLabel(at); !strings.HasPrefix(got, "198/s done, ") {
		t.Errorf("closed model: %q", got)
	}
	if got := loadLabel(load.Progress{Done: 5}); got != "" {
		t.Errorf("of nonces: %q", got)
	}
}
