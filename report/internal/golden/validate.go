package golden

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Validators is where the validators that are not ours are installed, seen from the tests of a package directly below report.
const Validators = "../testdata/validators"

// Installed fails a test that needs the validators when they are not there.
func Installed(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(Validators, "node_modules")); err != nil {
		t.Fatalf("the validators are not installed: run make test, or npm ci --ignore-scripts in report/testdata/validators: %v", err)
	}
}

// Validate returns what a script of the validators says against documents, by their names, to which it adds ext. The script
// gets args and files, says nothing of those that are valid, and a line that begins with the file's name for each mistake.
func Validate(t *testing.T, documents map[string][]byte, ext, script string, args ...string) map[string]string {
	t.Helper()
	Installed(t)
	dir := t.TempDir()
	args = append([]string{filepath.Join(Validators, script)}, args...)
	for name, document := range documents {
		file := filepath.Join(dir, name+ext)
		if err := os.WriteFile(file, document, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput() //nolint:gosec // scripts of this repository
	if (err == nil) != (len(out) == 0) {
		t.Fatalf("%v, %s", err, out)
	}
	complaints := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if line == "\n" {
			continue
		}
		name, _, ok := strings.Cut(line, ext)
		if _, known := documents[name]; !ok || !known {
			t.Fatalf("the validator says %q", line)
		}
		complaints[name] += line
	}
	return complaints
}
