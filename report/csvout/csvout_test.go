package csvout_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/csvout"
	"github.com/passrig/passrig/report/internal/golden"
)

var update = flag.Bool("update", false, "rewrite golden files")

// write writes the run and reads it as strictly as RFC 4180 is written.
func write(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, run *report.Run,
) ([]byte, [][]string) {
	var out bytes.Buffer
	if err := csvout.Write(&out, run); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !utf8.ValidString(text) || !strings.HasSuffix(text, "\r\n") || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") {
		t.Fatalf("not UTF-8, or lines that do not end in CRLF: %q", text)
	}
	rows, err := csv.NewReader(bytes.NewReader(out.Bytes())).ReadAll() // as many fields in every row as in the first
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		for _, cell := range row {
			first, _ := utf8.DecodeRuneInString(strings.TrimSpace(cell))
			if strings.ContainsRune("=+-@＝＋－＠", first) || strings.ContainsFunc(cell, func(c rune) bool { return c != '\n' && unicode.IsControl(c) }) {
				t.Fatalf("a formula, or control characters: %q", cell)
			}
		}
	}
	return out.Bytes(), rows
}

func TestGolden(t *testing.T) {
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			out, rows := write(t, run)
			golden.Check(t, *update, name+".csv", out)
			counts(t, run, rows)
		})
	}
}

// counts makes sure that whoever counts verdicts comes to the run's counts.
func counts(t *testing.T, run *report.Run, rows [][]string) {
	t.Helper()
	verdict, inapplicable := slices.Index(rows[0], "verdict"), slices.Index(rows[0], "not_applicable")
	got := map[string]int{}
	for _, row := range rows[1:] {
		if row[inapplicable] == "false" && row[0] != report.ResultRun {
			got[row[verdict]]++
		}
	}
	want := run.Summarize()
	if got["pass"] != want.Passed || got["fail"] != want.Failed+want.Tolerated || got["warn"] != want.Warned || got["skip"] != want.Skipped {
		t.Errorf("rows say %v, the run %+v", got, want)
	}
	if m := run.Matrix; m != nil {
		if n := len(m.Providers) * len(m.Parties) * len(m.Facets); len(rows)-1 != n {
			t.Errorf("%d rows of %d", len(rows)-1, n)
		}
	} else if got["error"] != want.Errored {
		t.Errorf("rows say %v, the run %+v", got, want)
	}
}

func TestEveryCellHasRows(t *testing.T) {
	_, rows := write(t, golden.Load(t, "matrix"))
	find := func(provider, party, facet string) []string {
		i := slices.IndexFunc(rows, func(row []string) bool { return row[0] == provider && row[3] == party && row[8] == facet })
		if i < 0 {
			t.Fatalf("no row for %s at %s: %s", provider, party, facet)
		}
		return rows[i]
	}
	for _, tt := range []struct {
		provider, party, facet string
		want                   []string // verdict, not applicable, reason
	}{
		{"bitwarden@2026.3", "keycloak", "login", []string{"error", "false", "GET https://login.staging.example/: connection refused"}},
		{"own-vault@1", "demo/browser", "login", []string{"", "false", "not played"}},
		{"yubikey-5@5.7", "demo/api", "signals", []string{"skip", "true", "the provider has nothing of the kind"}},
		{"yubikey-5@5.7", "demo/api", "counters", []string{"warn", "false", "a counter that went back is only logged"}},
	} {
		if diff := cmp.Diff(tt.want, find(tt.provider, tt.party, tt.facet)[9:12]); diff != "" {
			t.Errorf("%s at %s: %s: %s", tt.provider, tt.party, tt.facet, diff)
		}
	}
}

func TestCell(t *testing.T) {
	for _, tt := range [][2]string{
		{"plain", "plain"},
		{"", ""},
		{"=1+1", "'=1+1"},
		{"+1", "'+1"},
		{"-1", "'-1"},
		{"@SUM(A1)", "'@SUM(A1)"},
		{"\t=1", "'  =1"},
		{" =1", "' =1"},
		{"\n=1", "'\n=1"},
		{"＝1", "'＝1"},
		{"a=b", "a=b"},
		{"\x1b[31m", `\u001b[31m`},
		{"a\r\nb", "a\nb"},
		{"'=1", "'=1"},
		{"–", "–"},
	} {
		if got := csvout.Cell(tt[0]); got != tt[1] {
			t.Errorf("%q is written as %q, want %q", tt[0], got, tt[1])
		}
	}
}

func TestHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := golden.DrawShape(t)
		_, hostile := write(t, golden.Hostile(shape, golden.Nasty(t)))
		_, harmless := write(t, golden.Hostile(shape, func() string { return "ax" }))
		if len(hostile) != len(harmless) {
			t.Fatalf("%d rows from hostile texts, %d from harmless ones", len(hostile), len(harmless))
		}
	})
}

func TestWriteErrors(t *testing.T) {
	for _, n := range []int{0, 500} {
		if err := csvout.Write(golden.FullDisk(n), golden.Load(t, "mixed")); err == nil {
			t.Errorf("no error when the disk is full after %d bytes", n)
		}
	}
}
