package docs_test

import (
	"bytes"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/cli"
	"github.com/passrig/passrig/internal/demorp"
)

// passrig runs one command line in a directory, with nothing of the real process but its files.
func passrig(dir string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = cli.Main(args, &cli.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Dir: dir, Version: "v0.0.0-docs", Now: time.Now,
		LookupEnv: func(string) (string, bool) { return "", false },
		Signals:   make(chan os.Signal), Exit: func(int) {}, Seed: rand.Uint64,
	})
	return code, out.String(), errs.String()
}

// commands are the passrig command lines of shell text, without the rest of their lines. With
// prompts, as in a transcript, only what stands behind a prompt is a command.
func commands(text string, prompts bool) [][]string {
	var found [][]string
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.SplitSeq(text, "\n") {
		line, prompted := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if prompts && !prompted {
			continue
		}
		var words []string
		flush := func() {
			if len(words) > 0 && filepath.Base(words[0]) == "passrig" {
				found = append(found, words[1:])
			}
			words = nil
		}
		for _, w := range shellWords(line) {
			if w == "#" {
				break
			}
			if slices.Contains([]string{"|", "&&", "||", ";", "&", ">", "2>"}, w) {
				flush()
				continue
			}
			words = append(words, w)
		}
		flush()
	}
	return found
}

// shellWords splits a line as a shell does, as far as the documents need it: quotes, no expansions.
func shellWords(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`(?:[^\s'"]|'[^']*'|"[^"]*")+`).FindAllString(line, -1) {
		if strings.HasPrefix(m, "#") {
			m = "#"
		}
		words = append(words, strings.NewReplacer(`'`, "", `"`, "").Replace(m))
	}
	return words
}

// TestCommands asks passrig for help on every command line that a document shows: an unknown command
// or flag, or a bad value, is an error then.
func TestCommands(t *testing.T) {
	inline := regexp.MustCompile("`(passrig [^`]*)`")
	count := 0
	for doc, text := range documents(t) {
		var lines [][]string
		for _, b := range blocks(doc, text) {
			switch b.lang {
			case "sh", "yaml":
				lines = append(lines, commands(strings.ReplaceAll(b.text, "- run: ", ""), false)...)
			case "console":
				lines = append(lines, commands(b.text, true)...)
			}
		}
		for _, m := range inline.FindAllStringSubmatch(withoutBlocks(text), -1) {
			lines = append(lines, commands(m[1], false)...)
		}
		for _, args := range lines {
			count++
			checkCommand(t, doc, args)
		}
	}
	if count < 20 {
		t.Errorf("only %d commands were found in the documents", count)
	}
}

func checkCommand(t *testing.T, doc string, args []string) {
	t.Helper()
	if len(args) > 0 && args[0] == "…" || slices.Contains(args, "--help") && len(args) == 1 {
		return
	}
	code, stdout, stderr := passrig(t.TempDir(), append(slices.Clone(args), "--help")...)
	if code != 0 {
		t.Errorf("%s: passrig %s: %s", doc, strings.Join(args, " "), stderr)
		return
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") && !regexp.MustCompile(`(?m)^\s+passrig `+regexp.QuoteMeta(args[0])+`\b`).MatchString(stdout) {
		t.Errorf("%s: passrig %s: there is no such command", doc, strings.Join(args, " "))
	}
}

// TestTutorial does what docs/adapters.md tells the reader to do, in order, in an empty directory.
// Only the relying party is on another port than the reader's.
func TestTutorial(t *testing.T) {
	origin := demoRP(t)
	dir := t.TempDir()
	ran := 0
	for _, b := range blocks("docs/adapters.md", documents(t)["docs/adapters.md"]) {
		if b.lang == "yaml" && strings.HasSuffix(b.name, ".yaml") {
			if err := os.WriteFile(filepath.Join(dir, b.name), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if b.lang != "sh" {
			continue
		}
		for _, args := range commands(b.text, false) {
			switch args[0] {
			case "rp":
				continue
			case "run":
				args = append(args, "--origin", origin)
				ran++
			}
			if code, stdout, stderr := passrig(dir, args...); code != 0 {
				t.Errorf("docs/adapters.md:%d: passrig %s ended with %d\n%s%s", b.line, strings.Join(args, " "), code, stdout, stderr)
			}
		}
	}
	if ran < 2 {
		t.Errorf("the tutorial has %d runs", ran)
	}
}

// demoRP serves the demo relying party and returns its origin.
func demoRP(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	origin := "http://localhost:" + server.Listener.Addr().String()[strings.LastIndex(server.Listener.Addr().String(), ":")+1:]
	rp, err := demorp.New(demorp.Config{Origins: []string{origin}})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = rp.Handler()
	server.Start()
	t.Cleanup(server.Close)
	return origin
}

// TestTranscript compares transcripts of passrig demo with a real one, line by line and in order.
// Durations, ports and seeds are not compared, and an ellipsis stands for any lines.
func TestTranscript(t *testing.T) {
	changing := regexp.MustCompile(`\d+(\.\d+)?(µs|ms|s)\b|localhost:\d+|seed \d+|passrig v\S+`)
	normal := func(line string) string {
		return strings.Join(strings.Fields(changing.ReplaceAllString(line, "*")), " ")
	}
	code, stdout, stderr := passrig(t.TempDir(), "demo")
	if code != 0 {
		t.Fatalf("passrig demo ended with %d\n%s", code, stderr)
	}
	var real []string
	for line := range strings.SplitSeq(stdout, "\n") {
		real = append(real, normal(line))
	}
	found := 0
	for doc, text := range documents(t) {
		for _, b := range blocks(doc, text) {
			if b.name != "demo" {
				continue
			}
			found++
			next := 0
			for line := range strings.SplitSeq(strings.TrimSpace(b.text), "\n") {
				if strings.HasPrefix(line, "$ ") || line == "…" {
					continue
				}
				at := slices.Index(real[next:], normal(line))
				if at < 0 {
					t.Fatalf("%s:%d: passrig demo does not print %q there:\n%s", doc, b.line, line, stdout)
				}
				next += at + 1
			}
		}
	}
	if found == 0 {
		t.Error("no document has a transcript")
	}
}
