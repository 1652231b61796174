package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/passrig/passrig/virtual/cdp"
)

// trace keeps what every page step showed and asked for: a screenshot each, and steps.ndjson.
type trace struct {
	dir string

	mu   sync.Mutex
	n    int
	file *os.File
	out  *bufio.Writer
	err  error // the first that happened; the rest of the trace is then not kept
}

// traceEntry is one line of steps.ndjson.
type traceEntry struct {
	N          int           `json:"n"`
	Step       string        `json:"step"`
	URL        string        `json:"url"`
	Screenshot string        `json:"screenshot,omitempty"` // file name
	Requests   []cdp.Request `json:"requests,omitempty"`
}

// newTrace makes the directory, which must not hold a trace already.
func newTrace(dir string) (*trace, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, couldNot("choose another directory with --trace", "cannot make the directory for the trace: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "steps.ndjson"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, badFile("choose another directory with --trace", "%s already holds a trace", dir)
	}
	if err != nil {
		return nil, couldNot("choose another directory with --trace", "cannot write the trace: %w", err)
	}
	return &trace{dir: dir, file: file, out: bufio.NewWriter(file)}, nil
}

// add keeps one step. It may be called from any goroutine.
func (t *trace) add(seen cdp.Trace) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return
	}
	t.n++
	entry := traceEntry{N: t.n, Step: seen.Step.String(), URL: seen.URL, Requests: seen.Requests}
	if len(seen.Screenshot) > 0 {
		entry.Screenshot = fmt.Sprintf("%04d-%s.png", t.n, seen.Step.Action)
		t.err = os.WriteFile(filepath.Join(t.dir, entry.Screenshot), seen.Screenshot, 0o600)
	}
	if t.err == nil {
		t.err = json.NewEncoder(t.out).Encode(entry)
	}
}

// close ends the trace and tells what kept it from being whole.
func (t *trace) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := errors.Join(t.err, t.out.Flush(), t.file.Close()); err != nil {
		return couldNot("", "the trace is not complete: %w", err)
	}
	return nil
}
