package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestBadResultFiles has every command that reads result files refuse bad ones: exit code 2, a sentence that names the file
// and the place, a hint, and nothing written.
func TestBadResultFiles(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("../../report/testdata/runs/pass.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ text, want, hint string }{
		"truncated":  {string(good[:len(good)/2]), "run file is truncated at line 377, column ", "fetch it again"},
		"newer":      {`{"schema":"passrig/run/2","tool":{"version":"9.9.9"}}`, "made by a newer passrig: schema passrig/run/2", "9.9.9"},
		"older":      {`{"schema":"passrig/run/0"}`, `schema is "passrig/run/0", want "passrig/run/1"`, "--report json=FILE"},
		"other JSON": {`{"version":"2.1.0"}`, "it has no schema", `"passrig/run/1"`},
		"a list":     {`[1]`, "it is not a JSON object", "--report json=FILE"},
		"not JSON":   {"passrig: 1\n", "it is not a JSON object", "--report json=FILE"},
		"empty":      {"", "run file is empty", "--report json=FILE"},
		"binary":     {"\x00\x1b[31m\xff", "it is not a JSON object", "--report json=FILE"},
		"deep":       {strings.Repeat(`{"a":`, 10_000) + strings.Repeat("}", 10_000), "nested deeper than 100 levels at line 1", "--report json=FILE"},
		"deep lists": {`{"schema":"passrig/run/1","a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}", "nested deeper than 100 levels at line 1", "--report json=FILE"},
		"twice":      {"{\"schema\":\"passrig/run/1\",\n\"seed\":1,\"seed\":2}", "seed is there twice, again at line 2, column 10", "changed"},
		"NaN":        {"{\"schema\":\"passrig/run/1\",\n\"durationMs\":NaN}", "bad JSON at line 2, column 14", "--report json=FILE"},
		"infinite":   {`{"schema":"passrig/run/1","durationMs":-1e400}`, "durationMs is a number -1e400 at line 1, column 40", "changed"},
		"wrong type": {"{\"schema\":\"passrig/run/1\",\"steps\":[{},\n{\"line\":\"3\"}]}", "steps[1].line is a string at line 2, column 9", "changed"},
		"verdict":    {`{"schema":"passrig/run/1","steps":[{"verdict":"\u001b[32mpass"}]}`, `steps[0] has verdict "\x1b[32mpass"`, "expected one of"},
	} {
		for _, args := range [][]string{
			{"report", "bad.json", "--report", "html=out.html", "--report", "json=out.json"},
			{"compare", "good.json", "bad.json"},
			{"compare", "bad.json", "good.json", "--json"},
			{"merge", "good.json", "bad.json", "--report", "json=out.json"},
		} {
			t.Run(name+"/"+strings.Join(args[:3], " "), func(t *testing.T) {
				t.Parallel()
				p := newProcess(t)
				p.write(t, "good.json", string(good))
				p.write(t, "bad.json", test.text)
				code := Main(args, p.env)
				refused(t, p, code, `error: "bad.json": `, test.want, "hint: ", test.hint)
			})
		}
	}
	for name, test := range map[string]struct{ path, want, hint string }{
		"a folder": {".", "is a directory", "not its folder"},
		"nothing":  {"none.json", "no such file", "--report json=FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t)
			code := Main([]string{"report", test.path, "--report", "html=out.html"}, p.env)
			refused(t, p, code, "error: ", test.path, test.want, "hint: ", test.hint)
		})
	}
}

// refused checks that a command ended with code 2, said all this in this order, and wrote nothing.
func refused(t *testing.T, p *process, code int, parts ...string) {
	t.Helper()
	said := p.stderr.String()
	if code != exitUsage || p.stdout.Len() > 0 || strings.Count(said, "\n") > 3 || strings.ContainsRune(said, '\x1b') || len(said) > 1000 {
		t.Errorf("exit code %d\nstdout %q\nstderr %.2000q", code, p.stdout.String(), said)
	}
	rest := said
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Errorf("%q is not in %q", part, said)
		}
		rest = after
	}
	written, err := filepath.Glob(filepath.Join(p.env.Dir, "*out*"))
	if hidden, _ := filepath.Glob(filepath.Join(p.env.Dir, ".*")); err != nil || len(written)+len(hidden) > 0 {
		t.Errorf("written: %v %v %v", written, hidden, err)
	}
}

// TestLargeResultFile reads one of 100 MB, whose texts are as large as that, and refuses one that is larger than can be,
// without reading it.
func TestLargeResultFile(t *testing.T) {
	const size = 100 << 20
	p := newProcess(t)
	path := filepath.Join(p.env.Dir, "large.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	line := fmt.Sprintf(",\n{\"verdict\":\"pass\",\"title\":%q}", strings.Repeat("é<", 1<<17))
	text := `{"schema":"passrig/run/1","steps":[{"verdict":"fail","title":"the first"}` + strings.Repeat(line, size/len(line))
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	before := allocated()
	code := Main([]string{"report", "large.json"}, p.env)
	refused(t, p, code, `error: "large.json": `, "run file is truncated at line ", "hint: ")
	if _, err := f.WriteString("]}"); err != nil {
		t.Fatal(err)
	}
	q := newProcess(t)
	if code := Main([]string{"report", path, "-q"}, q.env); code != exitOK || !strings.Contains(q.stdout.String(), "the first") {
		t.Errorf("exit code %d, %.500q, %.500q", code, q.stdout.String(), q.stderr.String())
	}
	if used := (allocated() - before) >> 20; used > 1500 {
		t.Errorf("two readings of 100 MB took %d MB of memory in all", used)
	}
	before = allocated()
	if err := f.Truncate(1 << 33); err != nil {
		t.Fatal(err)
	}
	p = newProcess(t)
	refused(t, p, Main([]string{"report", path}, p.env), `error: "`, "run file is larger than 256 MiB", "hint: ")
	if used := (allocated() - before) >> 20; used > 600 {
		t.Errorf("refusing a file of 8 GB took %d MB of memory", used)
	}
}

// allocated is how much memory has been taken so far in all, freed or not.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
