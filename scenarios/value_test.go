package scenarios

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/scenarios/internal/shape"
)

// values is one of each type that expressions can stand in.
type values struct {
	Text     Text     `yaml:"text"`
	Expr     *Expr    `yaml:"expr"`
	Tree     Tree     `yaml:"tree"`
	Int      Int      `yaml:"int" min:"1" max:"10"`
	Duration Duration `yaml:"duration"`
	Skew     Duration `yaml:"skew" signed:"true"`
}

// decodeValues reads values whose expressions see env.
func decodeValues(t *testing.T, text string, env Env) values {
	t.Helper()
	errs := &diag.Errors{}
	root := source.Read(source.NewFile("v.yaml", []byte(text)), []byte(text), errs)
	var v values
	if root != nil {
		l := &loader{index: shape.Index{}, errs: errs}
		l.decode(&v, root)
		s := &scope{names: map[string]namespace{}}
		for name := range env {
			s.names[name] = anything()
		}
		l.compile(&v, root, s)
	}
	if err := errs.Sorted(); err != nil {
		t.Fatal(err)
	}
	return v
}

func exampleEnv() Env {
	return Env{
		"n": 3, "f": 1.5, "s": "three", "yes": true, "none": nil, "raw": []byte{0xff, 0x00},
		"list": []any{1, "a"}, "m": map[string]any{"a": map[string]any{"b": 2}}, "later": 2 * time.Second,
	}
}

func TestTextEval(t *testing.T) {
	for _, test := range []struct {
		yaml string
		want any
	}{
		{`plain`, "plain"},
		{`12`, 12},
		{`0x1f`, 31},
		{`1.5`, 1.5},
		{`true`, true},
		{`"12"`, "12"},
		{`2020-01-02`, "2020-01-02"},
		{`yes`, "yes"},
		{`!!str 12`, "12"},
		{`18446744073709551615`, uint64(math.MaxUint64)},
		{`${{ n }}`, 3},
		{`"${{ n }}"`, 3},
		{`${{n}}`, 3},
		{`${{ list }}`, []any{1, "a"}},
		{`${{ none }}`, nil},
		{`${{ null }}`, nil},
		{`${{ n }} `, 3},
		{`n is ${{ n }}`, "n is 3"},
		{`${{ n }}${{ s }}`, "3three"},
		{`"${{ n }} "`, "3 "},
		{`${{ f }} ${{ yes }} ${{ later }}`, "1.5 true 2s"},
		{`$${{ n }} and ${{ n }}`, "${{ n }} and 3"},
		{`$${{ n }}`, "${{ n }}"},
		{`${ n }`, "${ n }"},
		{`'${{ {"a": {"b": "}}"}}.a.b }}'`, "}}"},
		{`"${{ none ?? 'default' }}"`, "default"},
		{`${{ m.a.b }}`, 2},
		{`${{ m.missing }}`, nil},
		{`${{ m?.missing?.more }}`, nil},
		{`${{ let x = n; x + 1 }}`, 4},
		{`'${{ map(list, # == 1) }}'`, []any{true, false}},
		{`${{ raw }}`, []byte{0xff, 0}},
		{"|\n  a\n  ${{ n }}\n", "a\n3\n"},
	} {
		got, err := decodeValues(t, "text: "+test.yaml, exampleEnv()).Text.Eval(exampleEnv())
		if err != nil {
			t.Errorf("%s: %v", test.yaml, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.yaml, diff)
		}
	}
}

func TestTextString(t *testing.T) {
	for _, test := range []struct{ yaml, want, wantErr string }{
		{yaml: `007`, want: "007"},
		{yaml: `1.50`, want: "1.50"},
		{yaml: `${{ n }}`, want: "3"},
		{yaml: `${{ 1e21 }}`, want: "1000000000000000000000"},
		{yaml: `${{ none }}`, wantErr: `v.yaml:1:11: "none" has no value`},
		{yaml: `a ${{ m.x }}`, wantErr: `v.yaml:1:13: "m.x" has no value`},
		{yaml: `a ${{ raw }}`, wantErr: `v.yaml:1:13: "raw" is bytes: use base64url(), base64() or hex()`},
		{yaml: `a ${{ list }}`, wantErr: `v.yaml:1:13: "list" is a list, which has no text form: use json()`},
		{yaml: `a ${{ m.x.y }}`, wantErr: `v.yaml:1:13: "m.x.y": cannot fetch y from <nil>`},
		{yaml: `a ${{ fromHex("zz") }}`, wantErr: `v.yaml:1:13: "fromHex(\"zz\")": "zz" is not hexadecimal`},
		{yaml: `'${{ len(map(1..9999999, "x")) }}'`, wantErr: `v.yaml:1:12: "len(map(1..9999999, \"x\"))": memory budget exceeded`},
	} {
		got, err := decodeValues(t, "text: "+test.yaml, exampleEnv()).Text.String(exampleEnv())
		if got != test.want || errText(err) != test.wantErr {
			t.Errorf("%s: got %q, %q, want %q, %q", test.yaml, got, errText(err), test.want, test.wantErr)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNewText(t *testing.T) {
	text := NewText("a ${{ b }}")
	got, err := text.String(nil)
	if got != "a ${{ b }}" || err != nil || text.IsZero() || text.Raw() != got || text.Pos() != (Pos{}) {
		t.Errorf("got %q, %v, zero %v, pos %v", got, err, text.IsZero(), text.Pos())
	}
}

func TestZeroValues(t *testing.T) {
	var v values
	if !v.Text.IsZero() || !v.Tree.IsZero() || !v.Int.IsZero() || !v.Duration.IsZero() {
		t.Error("a zero value is not zero")
	}
	s, err1 := v.Text.String(nil)
	n, err2 := v.Int.Value(nil)
	d, err3 := v.Duration.Value(nil)
	j, err4 := v.Tree.JSON(nil)
	if s != "" || n != 0 || d != 0 || string(j) != "null" || err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		t.Error(s, n, d, string(j), err1, err2, err3, err4)
	}
	if v.Text.Pos() != (Pos{}) || v.Tree.Pos() != (Pos{}) || v.Int.Pos() != (Pos{}) || (Expr{}).Pos() != (Pos{}) {
		t.Error("a zero value has a place")
	}
}

func TestExpr(t *testing.T) {
	for _, test := range []struct {
		yaml    string
		want    bool
		wantErr string
	}{
		{yaml: `n == 3`, want: true},
		{yaml: `${{ n == 3 }}`, want: true},
		{yaml: `"  ${{ n == 4 }} "`, want: false},
		{yaml: `true`, want: true},
		{yaml: `n > 1 and s startsWith "t"`, want: true},
		{yaml: `n in 1..5`, want: true},
		{yaml: `s matches "^t.*e$"`, want: true},
		{yaml: `s`, wantErr: `v.yaml:1:7: "s" is the text "three", not true or false`},
		{yaml: `none`, wantErr: `v.yaml:1:7: "none" is nothing, not true or false`},
	} {
		v := decodeValues(t, "expr: "+test.yaml, exampleEnv())
		got, err := v.Expr.Bool(exampleEnv())
		if got != test.want || errText(err) != test.wantErr {
			t.Errorf("%s: got %v, %q, want %v, %q", test.yaml, got, errText(err), test.want, test.wantErr)
		}
	}
	e := decodeValues(t, `expr: "${{ n == 3 }}"`, exampleEnv()).Expr
	if e.Source() != "n == 3" || e.Pos() != (Pos{"v.yaml", 1, 12}) {
		t.Errorf("got %q at %v", e.Source(), e.Pos())
	}
}

func TestTree(t *testing.T) {
	const text = `tree:
  zeta: ${{ n }}
  alpha: [1, 1.0, 2.5, "${{ s }}", true, null, 12345678901234567890]
  html: <a & b>
  nested: {list: "${{ list }}", map: "${{ m }}", text: "n=${{ n }}"}
  empty: {}
`
	v := decodeValues(t, text, exampleEnv())
	got, err := v.Tree.JSON(exampleEnv())
	const want = `{"zeta":3,"alpha":[1,1,2.5,"three",true,null,12345678901234567890],"html":"<a & b>",` +
		`"nested":{"list":[1,"a"],"map":{"a":{"b":2}},"text":"n=3"},"empty":{}}`
	if string(got) != want || err != nil {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	value, err := v.Tree.Eval(exampleEnv())
	if err != nil {
		t.Fatal(err)
	}
	nested := map[string]any{"list": []any{1, "a"}, "map": map[string]any{"a": map[string]any{"b": 2}}, "text": "n=3"}
	if diff := cmp.Diff(nested, value.(map[string]any)["nested"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := decodeValues(t, "tree: {a: {b: '${{ raw }}'}}", exampleEnv()).Tree.JSON(exampleEnv()); errText(err) != `v.yaml:1:15: "${{ raw }}" is bytes: use base64url(), base64() or hex()` {
		t.Errorf("bytes: %v", err)
	}
}

func TestInt(t *testing.T) {
	for _, test := range []struct {
		yaml    string
		want    int
		wantErr string
	}{
		{yaml: `7`, want: 7},
		{yaml: `${{ n + 1 }}`, want: 4},
		{yaml: `${{ "5" }}`, want: 5},
		{yaml: `${{ 6.0 }}`, want: 6},
		{yaml: `${{ s }}`, wantErr: `v.yaml:1:6: "${{ s }}" is the text "three", not a whole number`},
		{yaml: `${{ f }}`, wantErr: `v.yaml:1:6: "${{ f }}" is the number 1.5, not a whole number`},
		{yaml: `${{ 11 }}`, wantErr: `v.yaml:1:6: "${{ 11 }}" is 11, not from 1 to 10`},
	} {
		got, err := decodeValues(t, "int: "+test.yaml, exampleEnv()).Int.Value(exampleEnv())
		if got != test.want || errText(err) != test.wantErr {
			t.Errorf("%s: got %v, %q, want %v, %q", test.yaml, got, errText(err), test.want, test.wantErr)
		}
	}
}

func TestDuration(t *testing.T) {
	for _, test := range []struct {
		yaml    string
		want    time.Duration
		wantErr string
	}{
		{yaml: `duration: 1m30s`, want: 90 * time.Second},
		{yaml: `duration: ${{ later }}`, want: 2 * time.Second},
		{yaml: `duration: ${{ string(n) + "ms" }}`, want: 3 * time.Millisecond},
		{yaml: `duration: ${{ duration("5s") }}`, want: 5 * time.Second},
		{yaml: `duration: ${{ s }}`, wantErr: `v.yaml:1:11: "${{ s }}" is "three", not a duration such as 800ms`},
		{yaml: `duration: ${{ n }}`, wantErr: `v.yaml:1:11: "${{ n }}" is the number 3, not a duration such as 800ms`},
		{yaml: `duration: ${{ "-1s" }}`, wantErr: `v.yaml:1:11: "${{ \"-1s\" }}" is -1s: a duration cannot be negative here`},
		{yaml: `skew: -1s`, want: -time.Second},
	} {
		v := decodeValues(t, test.yaml, exampleEnv())
		d := v.Duration
		if strings.HasPrefix(test.yaml, "skew") {
			d = v.Skew
		}
		got, err := d.Value(exampleEnv())
		if got != test.want || errText(err) != test.wantErr {
			t.Errorf("%s: got %v, %q, want %v, %q", test.yaml, got, errText(err), test.want, test.wantErr)
		}
	}
}

func TestFunctions(t *testing.T) {
	for _, test := range []struct {
		expr string
		want any
	}{
		{`base64url("a?>")`, "YT8-"},
		{`base64url(raw)`, "_wA"},
		{`base64(raw)`, "/wA="},
		{`hex(raw)`, "ff00"},
		{`fromBase64url("YT8-")`, "a?>"},
		{`fromBase64url("_wA=")`, "\xff\x00"},
		{`fromBase64("YQ==")`, "a"},
		{`fromBase64("YQ")`, "a"},
		{`fromHex("6a6B")`, "jk"},
		{`base64url(fromHex("ff00"))`, "_wA"},
		{`urlEncode("a b/ü~")`, "a%20b%2F%C3%BC~"},
		// FIPS 180-2 appendix B.1 and RFC 4231 test case 2
		{`hex(sha256("abc"))`, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{`hex(hmacSHA256("Jefe", "what do ya want for nothing?"))`, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{`json({"b": 1, "a": ["<", 2.5]})`, `{"a":["<",2.5],"b":1}`},
		{`parseJSON('{"a": [1, 2.5, 1e3, "x", null]}').a`, []any{1, 2.5, 1000.0, "x", nil}},
		{`parseJSON("123456789012345678901")`, 123456789012345678901.0},
	} {
		got, err := decodeValues(t, "tree: |-\n  ${{ "+test.expr+" }}", exampleEnv()).Tree.Eval(exampleEnv())
		if err != nil {
			t.Errorf("%s: %v", test.expr, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.expr, diff)
		}
	}
	for _, expr := range []string{`fromBase64url("a b")`, `fromBase64("_")`, `parseJSON("{")`, `parseJSON("1 2")`, `hex(3)`, `json(raw)`, `sha256(null)`, `hmacSHA256("a", 1)`} {
		if got, err := decodeValues(t, "tree: |-\n  ${{ "+expr+" }}", exampleEnv()).Tree.Eval(exampleEnv()); err == nil {
			t.Errorf("%s: got %v, want an error", expr, got)
		}
	}
}
