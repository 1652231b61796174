package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/passrig/passrig/bench/internal/measure"
)

// entry is a contender that can take part.
type entry struct {
	name string
	what string
	peer string // its program in peers; empty if this program plays it
}

// The names of entries that figures are about.
const (
	page     = "passrig"
	software = "passrig-software"
	splitUp  = "passrig-split"
	rival    = "bare"
	wrapped  = "bare-wrapped"
	pw       = "playwright"
	pptr     = "puppeteer"
)

var entries = []entry{
	{name: page, what: "page's login, Chrome's authenticator"},
	{name: software, what: "page's login, software authenticator"},
	{name: splitUp, what: "only get() in the browser, the rest over the API"},
	{name: rival, what: "DevTools protocol over a pipe, nothing else"},
	{name: wrapped, what: "the same with passrig's wrapper in the page"},
	{name: pw, what: "Playwright with newCDPSession", peer: "playwright.mjs"},
	{name: pptr, what: "Puppeteer with createCDPSession", peer: "puppeteer.mjs"},
}

// contender is the process of an entry. Everything it makes in the folder for temporary files is its own.
type contender struct {
	entry
	cmd     *exec.Cmd
	temp    string
	to      io.WriteCloser
	orders  *json.Encoder
	replies *json.Decoder
	opened  int
}

// newContender starts the process, not yet its browser; it is killed when ctx ends.
func newContender(ctx context.Context, s settings, e entry, stderr io.Writer) (*contender, error) {
	c := &contender{entry: e}
	var err error
	if c.temp, err = os.MkdirTemp("", "passrig-bench-"); err != nil {
		return nil, err
	}
	command := []string{s.self, playContender, e.name}
	if e.peer != "" {
		command = []string{"node", filepath.Join(s.root, "bench", "browser", "peers", e.peer)}
	}
	c.cmd = exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // G204: this program, or one of ours
	c.cmd.Env = append(os.Environ(), "TMPDIR="+c.temp)
	c.cmd.Stderr = stderr
	if c.to, err = c.cmd.StdinPipe(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.temp))
	}
	from, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.temp))
	}
	c.orders, c.replies = json.NewEncoder(c.to), json.NewDecoder(from)
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.temp))
	}
	return c, nil
}

// tell gives an order and waits until it is carried out.
func (c *contender) tell(o order) (reply, error) {
	var r reply
	if err := c.orders.Encode(o); err != nil {
		return r, fmt.Errorf("%s: %s: %w", c.name, o.Do, err)
	}
	if err := c.replies.Decode(&r); err != nil {
		return r, fmt.Errorf("%s: %s: it ended: %w", c.name, o.Do, err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("%s: %s: %s", c.name, o.Do, r.Error)
	}
	return r, nil
}

// open sees to it that there are n contexts.
func (c *contender) open(n int) error {
	if n <= c.opened {
		return nil
	}
	_, err := c.tell(order{Do: "open", Contexts: n - c.opened})
	c.opened = n
	return err
}

// stop ends browser and process, and returns what is left of them: processes and temporary files.
func (c *contender) stop() (left []string, err error) {
	family, err := measure.Family(c.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	_, err = c.tell(order{Do: "stop"})
	err = errors.Join(err, c.to.Close(), c.cmd.Wait())
	for range 20 { // the last ones of a browser go after it
		if left = living(family); len(left) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	files, readErr := os.ReadDir(c.temp)
	for _, f := range files {
		left = append(left, "temporary file "+f.Name())
	}
	return left, errors.Join(err, readErr, os.RemoveAll(c.temp))
}

// living describes those of the processes that still run.
func living(family []measure.Process) []string {
	var list []string
	for _, p := range family {
		if again, alive := measure.ReadProcess(p.PID); alive && again.Started == p.Started && again.State != 'Z' {
			list = append(list, fmt.Sprintf("process %d (%s)", p.PID, p.Name))
		}
	}
	return list
}

// kill is for a contender that cannot be told to stop any more.
func (c *contender) kill() {
	_ = c.to.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // it says that it was killed
	_ = os.RemoveAll(c.temp)
}
