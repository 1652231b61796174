package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/passrig/passrig/report"
)

// childVariable says what a process that a test has started is to do, before its limits spoil it.
const childVariable = "PASSRIG_TEST_CHILD"

// TestChild is what the tests below start in a process of its own. Started otherwise it does nothing.
func TestChild(t *testing.T) {
	switch what, name, _ := strings.Cut(os.Getenv(childVariable), " "); what {
	case "limited": // its files may have 1000 bytes, and writing more fails as on a full disk
		signal.Ignore(unix.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1000, Max: 1000}); err != nil {
			t.Fatal(err)
		}
		p := newProcess(t)
		p.env.Dir, p.env.Stderr = ".", os.Stderr
		args := []string{"report", "run.json"}
		for _, f := range formats() {
			if f.name != "badge" { // which has less than a thousand bytes
				args = append(args, "--report", f.name+"=out."+f.name)
			}
		}
		os.Exit(Main(args, p.env))
	case "slow": // stops when a part has been written
		p, f := newProcess(t), formatNamed(t, name)
		p.env.Dir = "."
		run, err := p.env.loadRun("run.json")
		if err != nil {
			t.Fatal(err)
		}
		err = p.env.writeFile("out."+f.name, func(w io.Writer) error { return f.write(&stuck{w: w.(*bufio.Writer)}, run) })
		t.Fatalf("it ended, with %v", err)
	}
}

// stuck writes half of the first piece to the disk, says so, and waits for the end.
type stuck struct{ w *bufio.Writer }

func (s *stuck) Write(p []byte) (int, error) {
	if n, err := s.w.Write(p[:(len(p)+1)/2]); err != nil {
		return n, err
	}
	if err := s.w.Flush(); err != nil {
		return 0, err
	}
	fmt.Println("half")
	select {}
}

func formatNamed(t *testing.T, name string) format {
	t.Helper()
	for _, f := range formats() {
		if f.name == name {
			return f
		}
	}
	t.Fatalf("no format %q", name)
	return format{}
}

// child is a process that does what TestChild knows, in a folder with a result and, as every report, "old".
func child(t *testing.T, what string) (cmd *exec.Cmd, dir string) {
	t.Helper()
	dir = t.TempDir()
	data, err := os.ReadFile("../../report/testdata/runs/mixed.json")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"run.json": string(data)}
	for _, f := range formats() {
		files["out."+f.name] = "old"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), self, "-test.run=^TestChild$")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), childVariable+"="+what)
	return cmd, dir
}

// oldReports checks that every report is the old one, and returns what else is there.
func oldReports(t *testing.T, dir string) (others []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		switch name := entry.Name(); {
		case strings.HasPrefix(name, "out."):
			if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != "old" {
				t.Errorf("%s is %.60q, %v", name, data, err)
			}
		case name != "run.json":
			others = append(others, name)
		}
	}
	return others
}

// TestFullDiskKeepsOldReports has the disk run full in the middle of every report.
func TestFullDiskKeepsOldReports(t *testing.T) {
	t.Parallel()
	cmd, dir := child(t, "limited")
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitCouldNot || !strings.Contains(string(said), "file too large") || !strings.Contains(string(said), "hint: ") {
		t.Errorf("%v\n%s", err, said)
	}
	if others := oldReports(t, dir); len(others) > 0 {
		t.Errorf("left behind: %q", others)
	}
}

// TestKilledWhileWritingKeepsTheOldReport kills a process in the middle of every report.
func TestKilledWhileWritingKeepsTheOldReport(t *testing.T) {
	t.Parallel()
	for _, f := range formats() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			path := "out." + f.name
			cmd, dir := child(t, "slow "+f.name)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(out).ReadString('\n'); line != "half\n" {
				t.Errorf("%q, %v", line, err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was killed
			others := oldReports(t, dir)
			if len(others) != 1 || !strings.HasPrefix(others[0], "."+path+".") || !strings.HasSuffix(others[0], ".tmp") {
				t.Errorf("besides the reports there is %q", others)
			}
			p := newProcess(t)
			p.env.Dir = dir
			if code := Main([]string{"report", "run.json", "--report", f.name + "=" + path}, p.env); code != exitOK {
				t.Errorf("exit code %d: %s", code, p.stderr.String())
			}
			if data, err := os.ReadFile(filepath.Join(dir, path)); err != nil || len(data) < 100 {
				t.Errorf("the new report is %q, %v", data, err)
			}
		})
	}
}

// TestFullDevice writes to what is no file and is full.
func TestFullDevice(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../report/testdata/runs/mixed.json")
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { full.Close() })
	for _, f := range formats() {
		for _, path := range []string{"/dev/full", "-"} {
			t.Run(f.name+" to "+filepath.Base(path), func(t *testing.T) {
				t.Parallel()
				p := newProcess(t)
				p.write(t, "run.json", string(data))
				if path == "-" {
					p.env.Stdout = full
				}
				code := Main([]string{"report", "run.json", "--report", f.name + "=" + path}, p.env)
				if code != exitCouldNot || !strings.Contains(p.stderr.String(), "no space left on device") {
					t.Errorf("exit code %d: %s", code, p.stderr.String())
				}
			})
		}
	}
}

// TestUnwritableFolder finds out before anything is done, also in a folder in which not even root can write.
func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../report/testdata/runs/pass.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"kernel's": "/proc/out.html", "no folder": "none/out.html", "a file": "run.json/out.html", "a folder itself": "."} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t)
			p.write(t, "run.json", string(data))
			code := Main([]string{"report", "run.json", "--report", "html=" + path, "--report", "junit=other.xml"}, p.env)
			if code != exitCouldNot || !strings.Contains(p.stderr.String(), fmt.Sprintf("cannot write the html report to %q", path)) || !strings.Contains(p.stderr.String(), "hint: ") {
				t.Errorf("exit code %d: %s", code, p.stderr.String())
			}
			if entries, err := os.ReadDir(p.env.Dir); err != nil || len(entries) != 1 {
				t.Errorf("written: %v, %v", entries, err)
			}
		})
	}
}

// TestReportsAreWrittenAsAWhole looks at the old or the new report at any time, and never at a part of one.
func TestReportsAreWrittenAsAWhole(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.env.Dir = t.TempDir()
	path := filepath.Join(p.env.Dir, "out.json")
	run := &report.Run{Name: strings.Repeat("long ", 1<<16), Started: time.Unix(0, 0).UTC()}
	write := func() error {
		return p.env.writeFile("out.json", func(w io.Writer) error { return formatNamed(t, "json").write(w, run) })
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < 50 && err == nil; i++ {
			err = write()
		}
		done <- err
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
			if _, err := p.env.loadRun(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}
