package cdp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-rod/rod/lib/proto"
)

// ErrBrowserGone is wrapped by errors of a browser that died, or was closed, under a ceremony or step.
var ErrBrowserGone = errors.New("the browser is gone")

// closeTimeout is how long a browser may take to go by itself.
const closeTimeout = 3 * time.Second

// Browser is a running browser.
type Browser struct {
	cfg     Config
	cmd     *exec.Cmd
	profile *profile
	stderr  *tail
	session session // of the browser itself
	version string
	major   int

	silent  chan struct{} // closed when its stderr has been read to the end
	exited  chan struct{} // closed when the process has ended and was waited for
	exit    error         // how, valid once exited is closed
	closing sync.Once
	closed  error

	work sync.WaitGroup // goroutines that answer events
	ctx  context.Context
	stop context.CancelFunc

	mu       sync.Mutex
	devices  map[string]*Device // by browser context
	sessions map[string]*target // by session id
	spare    *sparePage         // what the browser starts with
}

// sparePage is a page of no device, empty and without rules of its own.
type sparePage struct {
	session session
	id      string
}

// Launch starts a browser and waits until it answers. It runs in a process group and with a profile of
// its own; [Browser.Close] ends the one and removes the other. ctx bounds the start only.
func Launch(ctx context.Context, cfg Config) (*Browser, error) {
	cfg = cfg.withDefaults()
	if cfg.Path == "" {
		return nil, &MissingError{Err: exec.ErrNotFound}
	}
	if !cfg.NoSandbox && superuser() {
		cfg.NoSandbox = true
		cfg.Notice("running as root: Chrome's sandbox is off")
	}
	parent := cfg.Dir
	if parent == "" {
		parent = os.TempDir()
	}
	p, err := newProfile(parent)
	if err != nil {
		return nil, err
	}
	b := &Browser{
		cfg: cfg, profile: p, stderr: &tail{limit: 4 << 10}, silent: make(chan struct{}), exited: make(chan struct{}),
		devices: make(map[string]*Device), sessions: make(map[string]*target),
	}
	b.ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := b.start(); err != nil {
		return nil, errors.Join(err, p.remove())
	}
	if err := b.greet(ctx); err != nil {
		b.stop() // what does not answer will not go when asked
		return nil, errors.Join(err, b.shut(ctx))
	}
	return b, nil
}

func (b *Browser) start() error {
	ours, theirs, err := newPipe()
	if err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	// The browser outlives the context of its start.
	b.cmd = exec.CommandContext(b.ctx, b.cfg.Path, append(b.cfg.arguments(), "--user-data-dir="+b.profile.dir, "about:blank")...) //nolint:gosec // G204: the browser the user chose
	b.cmd.Cancel = func() error { killGroup(b.cmd.Process); return nil }
	// A pipe of our own: os/exec would wait for all of the browser's processes to close it.
	said, stderr, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("browser: %w", errors.Join(err, ours.Close()))
	}
	b.cmd.Stderr = stderr
	separate(b.cmd, theirs)
	err = b.cmd.Start()
	for _, f := range append(theirs, stderr) {
		_ = f.Close()
	}
	if err != nil {
		return errors.Join(&MissingError{Wanted: b.cfg.Path, Err: err}, ours.Close(), said.Close())
	}
	go func() {
		_, _ = io.Copy(b.stderr, said) // ends with the last process of the browser
		_ = said.Close()
		close(b.silent)
	}()
	b.session = session{conn: newConnection(ours, b.route)}
	go func() {
		b.exit = b.cmd.Wait()
		killGroup(b.cmd.Process) // what a crash left of the group
		_ = ours.Close()
		close(b.exited)
	}()
	return nil
}

// greet waits for the browser's first answer and has it hand over every page it opens.
func (b *Browser) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("no answer within 30 s"))
	defer cancel()
	v, err := proto.BrowserGetVersion{}.Call(b.session.in(ctx))
	if err != nil {
		return b.startFailure(err)
	}
	b.version = v.Product
	_, number, _ := strings.Cut(v.Product, "/")
	b.major, _ = strconv.Atoi(strings.SplitN(number, ".", 2)[0])
	if b.major < minMajor {
		return &OldError{Version: v.Product, Feature: "the browser driver", Needs: minMajor}
	}
	return proto.TargetSetAutoAttach{
		AutoAttach: true, WaitForDebuggerOnStart: true, Flatten: true,
		Filter: proto.TargetTargetFilter{{Type: "page"}, {Exclude: true}},
	}.Call(b.session.in(ctx))
}

// startFailure explains a browser that went before it answered.
func (b *Browser) startFailure(cause error) error {
	if !errors.Is(cause, ErrBrowserGone) {
		return fmt.Errorf("browser %q does not answer: %w", b.cfg.Path, cause)
	}
	<-b.exited
	select {
	case <-b.silent:
	case <-time.After(time.Second):
	}
	said := b.stderr.String()
	if strings.Contains(said, "sandbox") {
		return &SandboxError{Path: b.cfg.Path, Said: lastLine(said)}
	}
	return fmt.Errorf("browser %q ended at once (%w): %s", b.cfg.Path, errors.Join(b.exit, ErrBrowserGone), lastLine(said))
}

// Version is the browser's name and version, such as "HeadlessChrome/156.0.8078.79".
func (b *Browser) Version() string { return b.version }

// Path is the executable that runs.
func (b *Browser) Path() string { return b.cfg.Path }

// PID is the process, and process group, of the browser.
func (b *Browser) PID() int { return b.cmd.Process.Pid }

// Gone is closed when the browser has ended, for whatever reason.
func (b *Browser) Gone() <-chan struct{} { return b.exited }

// Close ends the browser with all its devices and removes its profile. It is safe to call again.
func (b *Browser) Close() error { return b.shut(b.ctx) }

func (b *Browser) shut(ctx context.Context) error {
	b.closing.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, closeTimeout)
		defer cancel()
		_ = proto.BrowserClose{}.Call(b.session.in(ctx)) // it may be gone already
		select {
		case <-b.exited:
		case <-ctx.Done():
		}
		b.stop() // kills what is left
		<-b.exited
		b.work.Wait()
		b.closed = b.profile.remove()
	})
	return b.closed
}

// goneError adds to an error how the browser ended, if that is why it happened.
func (b *Browser) goneError(err error) error {
	if err == nil || !errors.Is(err, ErrBrowserGone) {
		return err
	}
	select {
	case <-b.exited:
		if b.exit != nil {
			return fmt.Errorf("%w (%w)", err, b.exit)
		}
	case <-time.After(time.Second): // it is being waited for
	}
	return err
}

// background runs f with the browser's lifetime as its context; Close waits for it.
func (b *Browser) background(f func(ctx context.Context)) {
	b.work.Go(func() { f(b.ctx) })
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int
	mu    sync.Mutex
	kept  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - t.limit; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.kept))
}

func lastLine(text string) string {
	return text[strings.LastIndexByte(text, '\n')+1:]
}
