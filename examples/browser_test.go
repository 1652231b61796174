package examples_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/cli"
	"github.com/passrig/passrig/internal/demorp/demorptest"
)

// rpAddress is where the examples with names of their own look for the demo relying party.
const rpAddress = "127.0.0.1:8443"

var (
	// rpCommand is the comment that says how to serve the relying party of an example.
	rpCommand = regexp.MustCompile(`(?m)^# passrig (rp .*(?:\n#   .*)*)`)
	// anyDevice is a device that does not care who answers.
	anyDevice = regexp.MustCompile(`(?m)^      laptop: \{\}$`)
)

// Every browser example in a real Chrome; where nothing says which authenticator is meant, with
// passrig's and with Chrome's.
func TestEveryBrowserExample(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("browser/*.yaml")
	if err != nil || len(files) < 12 {
		t.Fatalf("found %d examples: %v", len(files), err)
	}
	document, err := os.ReadFile(filepath.Join("..", "docs", "browser.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if row := "| `" + filepath.Base(file) + "` |"; !bytes.Contains(document, []byte(row)) {
			t.Errorf("docs/browser.md has no row with %s", row)
		}
		roads := map[string][]byte{"": text}
		if anyDevice.Match(text) {
			roads = map[string][]byte{"/software": text, "/chrome": anyDevice.ReplaceAll(text, []byte("      laptop: {chrome: [{}]}"))}
		}
		for road, text := range roads {
			t.Run(filepath.Base(file)+road, func(t *testing.T) {
				t.Parallel()
				runInBrowser(t, filepath.Base(file), text)
			})
		}
	}
}

// runInBrowser runs the text of an example against a demo relying party as the example wants it.
func runInBrowser(t *testing.T, name string, text []byte) {
	t.Helper()
	dir := t.TempDir()
	var target []string
	if command := rpCommand.FindSubmatch(text); command != nil {
		text = bytes.ReplaceAll(text, []byte(rpAddress), []byte(serveRP(t, dir, string(command[1]))))
	} else {
		target = []string{"--origin", demorptest.Start(t, nil)}
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	run := expectPassed(t, append(target, file, "--driver", "browser")...)
	if run.Driver != "browser" || !strings.Contains(run.Browser, "Chrom") {
		t.Errorf("driver %q, browser %q", run.Driver, run.Browser)
	}
}

// serveRP runs passrig rp as a comment says, except for its files and its port, and returns its
// address. The port is chosen here because names of their own hide it; another try if it is taken.
func serveRP(t *testing.T, dir, command string) (address string) {
	t.Helper()
	var complaint string
	for range 5 {
		address = freeAddress(t)
		args := strings.Fields(strings.ReplaceAll(command, "#", ""))
		for i, arg := range args {
			switch arg {
			case rpAddress:
				args[i] = address
			case "ca.pem":
				args[i] = filepath.Join(dir, arg)
			}
		}
		var ready bool
		if ready, complaint = startRP(t, args); ready {
			return address
		}
	}
	t.Fatalf("passrig %s: %s", command, complaint)
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// startRP runs passrig rp until the test ends, or says what it complained of when it could not start.
func startRP(t *testing.T, args []string) (ready bool, complaint string) {
	t.Helper()
	stdout, announce := io.Pipe()
	signals, ended := make(chan os.Signal, 1), make(chan struct{})
	var stderr bytes.Buffer
	go func() {
		defer close(ended)
		_ = cli.Main(append(args, "--quiet"), environment(announce, &stderr, signals))
		_ = announce.Close()
	}()
	if bufio.NewScanner(stdout).Scan() {
		t.Cleanup(func() {
			signals <- os.Interrupt
			<-ended
		})
		return true, ""
	}
	<-ended
	return false, stderr.String()
}
