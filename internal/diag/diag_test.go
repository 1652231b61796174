package diag

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"
)

func TestPrint(t *testing.T) {
	for _, test := range []struct {
		name string
		d    Diagnostic
		want string
	}{
		{
			"whole",
			Diagnostic{File: "bad.yaml", Line: 4, Col: 5, Width: 6, Message: `unknown field "timeot"`, Hint: `did you mean "timeout"?`, Source: "    timeot: 3s"},
			"bad.yaml:4:5: unknown field \"timeot\"\n  |\n4 |     timeot: 3s\n  |     ^~~~~~\nhint: did you mean \"timeout\"?\n",
		},
		{"no place", Diagnostic{File: "a", Message: "no such file"}, "a: no such file\n"},
		{"two digits", Diagnostic{File: "a", Line: 12, Col: 1, Message: "m", Source: "x"}, "a:12:1: m\n   |\n12 | x\n   | ^\n"},
		{"wide characters", Diagnostic{File: "a", Line: 1, Col: 4, Width: 2, Message: "m", Source: "日本 ☃語x"}, "a:1:4: m\n  |\n1 | 日本 ☃語x\n  |      ^~~\n"},
		{"tabs", Diagnostic{File: "a", Line: 1, Col: 3, Width: 1, Message: "m", Source: "a\tb"}, "a:1:3: m\n  |\n1 | a   b\n  |     ^\n"},
		{"behind the line", Diagnostic{File: "a", Line: 1, Col: 9, Width: 5, Message: "m", Source: "abc"}, "a:1:9: m\n  |\n1 | abc\n  |    ^\n"},
		{"terminal controls", Diagnostic{File: "a", Line: 1, Col: 1, Message: "m\x1b[31m", Source: "\x1b]0;x\x07\u202e"}, "a:1:1: m\ufffd[31m\n  |\n1 | \ufffd]0;x\ufffd\ufffd\n  | ^\n"},
	} {
		var out bytes.Buffer
		if err := Print(&out, &Errors{List: []Diagnostic{test.d}}, false); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want+"1 problem in 1 file\n", out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestPrintColor(t *testing.T) {
	errs := &Errors{List: []Diagnostic{{File: "a", Line: 1, Col: 1, Message: "m", Hint: "h", Source: "x"}}}
	var plain, colored bytes.Buffer
	if err := errors.Join(Print(&plain, errs, false), Print(&colored, errs, true)); err != nil {
		t.Fatal(err)
	}
	stripped := colored.String()
	for _, code := range []string{bold, red, green, faint, "0"} {
		stripped = strings.ReplaceAll(stripped, "\x1b["+code+"m", "")
	}
	if stripped != plain.String() || plain.Len() == colored.Len() {
		t.Errorf("got %q, want %q with colors", colored.String(), plain.String())
	}
}

// The caret stands under the character it is about, however wide the line is.
func TestCaretColumn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.StringOf(rapid.RuneFrom([]rune("ab \t日é☃"))).Draw(t, "before")
		after := rapid.StringN(0, 400, -1).Draw(t, "after")
		d := Diagnostic{Line: 1, Col: len([]rune(before)) + 1, Width: rapid.IntRange(0, 9).Draw(t, "width"), Source: before + "@" + after}
		text, mark := excerpt(d)
		caret := strings.IndexByte(mark, '^')
		at := strings.IndexByte(text, '@')
		if at < 0 || runewidth.StringWidth(text[:at]) != caret {
			t.Fatalf("%q\n%q", text, mark)
		}
		if w := runewidth.StringWidth(text); w > 2*lineLimit {
			t.Fatalf("%d cells", w)
		}
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

func TestPrintReportsWriteErrors(t *testing.T) {
	errs := &Errors{List: []Diagnostic{{File: "a", Message: "m"}}}
	if err := Print(failing{}, errs, false); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

func TestSorted(t *testing.T) {
	errs := &Errors{}
	if err := errs.Sorted(); err != nil {
		t.Errorf("got %v for no mistakes", err)
	}
	for _, d := range []Diagnostic{
		{File: "b", Line: 2, Col: 1, Message: "m"},
		{File: "a", Line: 1, Col: 9, Message: "m"},
		{File: "b", Line: 1, Col: 5, Message: "m"},
		{File: "b", Line: 1, Col: 2, Message: "first"},
		{File: "b", Line: 1, Col: 2, Message: "second"},
		{File: "b", Line: 2, Col: 1, Message: "m"},
	} {
		errs.Add(d)
	}
	err := fmt.Errorf("load: %w", errs.Sorted())
	const want = "b:1:2: first\nb:1:2: second\nb:1:5: m\nb:2:1: m\na:1:9: m"
	got := From(err)
	if got == nil || got.Error() != want || got.Total() != "5 problems in 2 files" {
		t.Errorf("got %v", got)
	}
	if From(errors.ErrUnsupported) != nil || From(nil) != nil {
		t.Error("diagnostics in another error")
	}
}

func TestLimit(t *testing.T) {
	errs := &Errors{}
	for i := range Limit + 5 {
		errs.Add(Diagnostic{File: "a", Line: i + 1, Col: 1, Message: "m"})
	}
	if got := errs.Total(); len(errs.List) != Limit || got != "1000 problems in 1 file, and 5 more" {
		t.Errorf("kept %d: %s", len(errs.List), got)
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"register", "login", "login-discoverable", "logout", "list"}
	for word, want := range map[string]string{
		"logn":     `did you mean "login"?`,
		"Login":    `did you mean "login"?`,
		"regsiter": `did you mean "register"?`,
		"zzz":      "expected one of list, login, login-discoverable, logout, register",
		"":         "expected one of list, login, login-discoverable, logout, register",
	} {
		if got := Suggest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := Suggest("2", []string{"1"}); got != "expected 1" {
		t.Error(got)
	}
	if got := Suggest("x", nil); got != "" {
		t.Error(got)
	}
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("name%03d", i)
	}
	if got := Suggest("other", many); !strings.HasSuffix(got, "name023, … (76 more)") {
		t.Error(got)
	}
}

func TestDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("abcé")), 0, 8, -1)
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len([]rune(a)), len([]rune(b))) {
			t.Fatalf("distance(%q, %q) = %d", a, b, d)
		}
	})
	for _, test := range []struct {
		a, b string
		want int
	}{{"ab", "ba", 1}, {"kitten", "sitting", 3}, {"", "abc", 3}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, tt := range []struct{ word, want string }{
		{"p95", "p95"}, {"p59", "p50"}, {"meen", "mean"}, {"MEAN", "mean"}, {"throughput", ""}, {"", ""},
	} {
		if got := Nearest(tt.word, []string{"p50", "p95", "mean"}); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.word, got, tt.want)
		}
	}
}
