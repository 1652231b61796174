package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/diag"
)

func read(t *testing.T, text string) *Node {
	t.Helper()
	errs := &diag.Errors{}
	n := Read(NewFile("t.yaml", []byte(text)), []byte(text), errs)
	if len(errs.List) > 0 {
		t.Fatal(errs)
	}
	return n
}

// Every character of a scalar is found where it stands, in every way of writing one.
func TestAlignment(t *testing.T) {
	for _, text := range []string{
		"a: one X two\n",
		"a: 'it''s X'\n",
		`a: "\u00e9\n\t\"\\ \x41 X"` + "\n",
		"a: |\n  one\n    two X\n\n  three Y\n",
		"a: |2\n    one\n  X\n",
		"a: |-\n\n  one\n  X\n",
		"a: >\n  one\n  two X\n\n  Y\n",
		"a: >-\n  one\n\n    more X\n  less Y\n",
		"a: one\n  two\n\n  X\n",
		"a: 'one\n  two ''\n\n  X'\n",
		"a: \"one\n  two \\\n   X \\\" Y\"\n",
		"a: &anchor X\n",
		"a: &anchor !!str \"X\"\n",
		"a: &anchor\n  X\n",
		"a: !!str |\n  X\n",
		"a: [x, {b: X}]\n",
		"日本: ☃ X\n",
	} {
		leaf := read(t, text).Members[0].Value
		for !leaf.Kind.Scalar() {
			if leaf.Kind == List {
				leaf = leaf.Items[len(leaf.Items)-1]
			} else {
				leaf = leaf.Members[0].Value
			}
		}
		if leaf.alignment() == nil {
			t.Errorf("%q: %q is not found", text, leaf.Value)
			continue
		}
		for _, mark := range "XY" {
			offset := strings.IndexRune(leaf.Value, mark)
			if offset < 0 {
				continue
			}
			d := leaf.DiagnosticIn(len([]rune(leaf.Value[:offset])), 1, diag.KindSyntax, "m", "")
			if got := charAt(d.Source, d.Col); got != mark {
				t.Errorf("%q: %c is at %d:%d, where %q stands", text, mark, d.Line, d.Col, got)
			}
		}
	}
}

// Literal blocks and quotes of any text are found, too.
func TestAlignmentOfAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOf(rapid.RuneFrom([]rune("ab'\"\\ \n☃:#"))).Draw(t, "value")
		quoted := "'" + strings.ReplaceAll(value, "'", "''") + "'"
		if strings.Contains(value, "\n") || rapid.Bool().Draw(t, "double") { // single quotes fold lines
			quoted = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"`
		}
		text := "a: " + quoted + "\n"
		errs := &diag.Errors{}
		n := Read(NewFile("t.yaml", []byte(text)), []byte(text), errs).Get("a")
		if n.Value != value {
			t.Fatalf("%q read as %q", value, n.Value)
		}
		if value != "" && len(n.alignment()) != len([]rune(value)) {
			t.Fatalf("%q is not found in %s", value, text)
		}
		if d := n.Diagnostic(diag.KindSyntax, "m", ""); d.Width != len([]rune(quoted)) {
			t.Fatalf("%s: width %d", text, d.Width)
		}
	})
}

func TestMergeAndAliases(t *testing.T) {
	n := read(t, "a: &a {x: 1, y: 2}\nb: &b {z: 3}\nc: {<<: [*a, *b], y: 4}\nd: *a\n")
	if diff := cmp.Diff([]string{"y", "x", "z"}, n.Get("c").Keys()); diff != "" {
		t.Error(diff)
	}
	if got := n.Get("c").Get("y").Scalar(); got != int64(4) {
		t.Errorf("y is %v", got)
	}
	if d := n.Get("d"); d.Kind != Map || d.Line != 1 {
		t.Errorf("d is %v on line %d", d.Kind, d.Line)
	}
}

func TestScalars(t *testing.T) {
	n := read(t, "[1, -2, 0x10, 0o17, 1_000, 1.5, .inf, true, False, null, ~, text, '1', yes, 2020-01-01, 99999999999999999999]")
	var got []any
	for _, item := range n.Items[:6] {
		got = append(got, item.Scalar())
	}
	for _, item := range n.Items[7:] {
		got = append(got, item.Scalar())
	}
	want := []any{int64(1), int64(-2), int64(16), int64(15), int64(1000), 1.5, true, false, nil, nil, "text", "1", "yes", "2020-01-01", 1e20}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTooLarge(t *testing.T) {
	data := []byte("a: " + strings.Repeat("x", MaxBytes))
	errs := &diag.Errors{}
	if n := Read(NewFile("t.yaml", data), data, errs); n != nil || len(errs.List) != 1 || errs.List[0].Message != "the file has 4194307 bytes; at most 4194304 are read" {
		t.Errorf("got %v, %v", n, errs)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"a: &x {b: *x}", "a: >\n  b\n\n   c", "? a\n: b", "- \"\\u263a\\\n  x\"", "%YAML 1.2\n---\na: 1\n...\n", "a: !!int 0x1f", "\u0085", "a:\r- b\r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		errs := &diag.Errors{}
		n := Read(NewFile("t.yaml", []byte(text)), []byte(text), errs)
		if n == nil && len(errs.List) == 0 {
			t.Fatal("nothing read, nothing wrong")
		}
		visit(n, func(n *Node) {
			for i := range []rune(n.Value) {
				n.DiagnosticIn(i, 1, diag.KindSyntax, "m", "")
			}
		})
	})
}

func visit(n *Node, f func(*Node)) {
	if n == nil {
		return
	}
	f(n)
	for _, item := range n.Items {
		visit(item, f)
	}
	for _, m := range n.Members {
		visit(m.Key, f)
		visit(m.Value, f)
	}
}
