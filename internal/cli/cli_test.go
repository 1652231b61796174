package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/virtual/providers"
)

// process is a pretended process: a directory of its own, and what it wrote.
type process struct {
	env            *Env
	stdout, stderr bytes.Buffer
	signals        chan os.Signal
	exited         chan int
}

func newProcess(t *testing.T) *process {
	t.Helper()
	p := &process{signals: make(chan os.Signal, 2), exited: make(chan int, 1)}
	p.env = &Env{
		Stdin: strings.NewReader(""), Stdout: &p.stdout, Stderr: &p.stderr, Dir: t.TempDir(), Signals: p.signals,
		LookupEnv: func(string) (string, bool) { return "", false }, Now: time.Now,
		Exit: func(code int) { p.exited <- code }, Seed: func() uint64 { return 7 }, Version: "v0.0.0-test",
	}
	return p
}

func (p *process) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.env.Dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const hangingScenario = `passrig: 1
target: {adapter: passrig-demo}
accounts: {alice: {devices: {laptop: {}}}}
steps:
  - signup: {user: alice, on: laptop}
  - login: {user: alice, on: laptop}
`

// TestInterrupts covers both signals: the first ends the run with its reports, the second does not wait.
func TestInterrupts(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}, 8), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	origin := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)

	p := newProcess(t)
	p.write(t, "s.yaml", hangingScenario)
	go func() {
		<-asked
		p.signals <- os.Interrupt
	}()
	if code := Main([]string{"run", "s.yaml", "--origin", origin, "--report", "json=run.json"}, p.env); code != 130 {
		t.Fatalf("exit code %d\n%s", code, p.stderr.String())
	}
	f, err := os.Open(filepath.Join(p.env.Dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	run, err := report.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	if !run.Partial || len(run.Steps) != 2 || run.Summary.Passed+run.Summary.Failed > 0 {
		t.Errorf("partial %v, %d steps, %+v", run.Partial, len(run.Steps), run.Summary)
	}
	if run.Steps[0].Verdict != report.VerdictSkip {
		t.Errorf("the step under way: %s, %s", run.Steps[0].Verdict, run.Steps[0].Message)
	}
	if !strings.Contains(p.stderr.String(), "error: interrupted\n") {
		t.Errorf("stderr %q", p.stderr.String())
	}
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	ctx, stop := p.env.interruptible(context.Background())
	defer stop()
	p.signals <- os.Interrupt
	<-ctx.Done()
	p.signals <- os.Interrupt
	if code := <-p.exited; code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
}

// TestFailedWriteKeepsTheOldFile covers a full disk in the middle of a report.
func TestFailedWriteKeepsTheOldFile(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.write(t, "run.json", "old")
	full := errors.New("no space left on device")
	err := p.env.writeFile("run.json", func(w io.Writer) error {
		_, _ = w.Write(make([]byte, 1<<20))
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	data, err := os.ReadFile(filepath.Join(p.env.Dir, "run.json"))
	if err != nil || string(data) != "old" {
		t.Errorf("the old file is %q, %v", data, err)
	}
	entries, err := os.ReadDir(p.env.Dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := p.env.writeFile("run.json", func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }); err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(filepath.Join(p.env.Dir, "run.json")); err != nil || string(data) != "new" {
		t.Errorf("the new file is %q, %v", data, err)
	}
}

func TestReportFlag(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values []string
		want   []string // format and path
		err    string
	}{
		"default files":   {[]string{"html", "json", "junit"}, []string{"html passrig-report.html", "json passrig-report.json", "junit passrig-report.xml"}, ""},
		"paths":           {[]string{"html=a=b.html", "json=-"}, []string{"html a=b.html", "json -"}, ""},
		"terminal":        {[]string{"terminal", "html"}, []string{"terminal -", "html passrig-report.html"}, ""},
		"same format":     {[]string{"json=a", "json=b"}, []string{"json a", "json b"}, ""},
		"unknown":         {[]string{"htlm"}, nil, `unknown report format "htlm"`},
		"no path":         {[]string{"html="}, nil, `no path after "html="`},
		"two on stdout":   {[]string{"json=-", "html=-"}, nil, "json and html cannot both go to standard output"},
		"two in one file": {[]string{"json=a", "html=a"}, nil, `json and html cannot both be written to "a"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o outputs
			var err error
			for _, v := range test.values {
				if err = o.Set(v); err != nil {
					break
				}
			}
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("got %v", err)
				}
				return
			}
			var got []string
			for _, out := range o.list {
				got = append(got, out.name+" "+out.path)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

// TestProgressWaits covers that a short run shows nothing, and that a long one shows where it is.
func TestProgressWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env := &Env{Now: time.Now}
		var out lockedBuffer
		env.Stderr = &out
		p := newLateProgress(env)
		p.log("target")
		p.start("short", 2)
		<-time.After(patience / 2)
		p.step()
		p.finish()
		if got := out.String(); got != "target\n" {
			t.Errorf("short run: %q", got)
		}

		out.Reset()
		p = newLateProgress(env)
		p.start("long", 4)
		p.next("register alice")
		p.step()
		<-time.After(patience + time.Second)
		p.log("while it is shown")
		p.next("login alice")
		p.step()
		<-time.After(10 * time.Second)
		p.start("next", 1)
		p.finish()
		want := "while it is shown\nlong 50% 2/4 in 12s, login alice\nlong 50% 2/4 in 13s, stopped\nnext 0% 0/1 in 0s, stopped\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestProgressGrows covers a step that nobody foresaw: the total grows as soon as it begins.
func TestProgressGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		p := newLateProgress(&Env{Now: time.Now, Stderr: &out})
		p.start("implied", 2)
		<-time.After(patience + time.Second)
		p.next("register alice")
		p.next("sign up alice")
		p.step()
		<-time.After(9*time.Second + time.Second/2)
		p.step()
		<-time.After(10*time.Second + time.Second/2)
		p.next("login alice")
		p.step()
		p.step() // a block that could not begin is only done
		p.finish()
		want := "implied 33% 1/3 in 12s, sign up alice\nimplied 66% 2/3 in 22s, register alice\nimplied 100% 4/4 in 23s\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestReportsDoNotShareAFile covers one file under two names.
func TestReportsDoNotShareAFile(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"./a.x", "sub/../a.x", "DIR/a.x"} {
		p := newProcess(t)
		p.write(t, "run.json", `{"schema":"passrig/run/1"}`)
		other = strings.Replace(other, "DIR", p.env.Dir, 1)
		if code := Main([]string{"report", "run.json", "--report", "html=a.x", "--report", "json=" + other}, p.env); code != exitUsage {
			t.Errorf("%s: exit code %d", other, code)
		}
		if want := "html and json cannot both be written to one file"; !strings.Contains(p.stderr.String(), want) {
			t.Errorf("%s: %s", other, p.stderr.String())
		}
	}
}

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

func (b *lockedBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

// TestEveryCommandIsDocumented keeps the promise of the help: what it does, an example, exit codes,
// and words for every flag.
func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	root := newRootCommand(p.env)
	for _, c := range root.Commands() {
		switch {
		case c.Short == "" || c.Long == "":
			t.Errorf("%s: no description", c.Name())
		case !c.Runnable():
			continue // a help topic
		case c.Example == "" || !strings.Contains(c.Example, "passrig "+c.Name()):
			t.Errorf("%s: no example", c.Name())
		case !strings.Contains(c.Long, "EXIT STATUS"):
			t.Errorf("%s: no exit status", c.Name())
		}
	}
}

// TestExplainReadsNoMoreThanItHasTo: what stands in the table is explained without a look into any file.
func TestExplainReadsNoMoreThanItHasTo(t *testing.T) {
	t.Parallel()
	sources := topicSources(func() ([]*providers.Provider, error) {
		t.Error("the providers were read")
		return nil, nil
	})
	if topic, ok, _, err := findTopic(sources, "EXIT-3"); err != nil || !ok || topic.ID != "exit-3" {
		t.Errorf("%+v, %v, %v", topic, ok, err)
	}
}

// TestEveryTopicCanBeExplained runs explain for every word that list topics shows.
func TestEveryTopicCanBeExplained(t *testing.T) {
	t.Parallel()
	for _, topic := range builtinTopics() {
		p := newProcess(t)
		if code := Main([]string{"explain", string(topic.Kind), topic.ID}, p.env); code != exitOK {
			t.Errorf("%s %s: exit code %d, %s", topic.Kind, topic.ID, code, p.stderr.String())
		}
		for line := range strings.SplitSeq(p.stdout.String(), "\n") {
			if len([]rune(line)) > lineWidth && strings.Count(line, " ") > 4 {
				t.Errorf("%s: line too long: %q", topic.ID, line)
			}
		}
	}
}
