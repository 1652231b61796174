package fabric

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/virtual/providers"
)

// sampleLedger returns an audit log of twelve entries and two accounts, and its head.
func sampleLedger(tb fataler) ([]byte, LedgerHead) {
	tb.Helper()
	b := newBench(tb, func(p *providers.Provider) { p.Unlock.Attempts = 2 })
	a := b.founded(tb)
	_ = try(a, "wrong")
	enroll(tb, a, "phone", "right")
	bob := b.Account("bob <&> \"söhne\"")
	wantErr(tb, bob.Found(simpleMember("büro", 1), simpleRecovery("bob's", 1)), nil)
	_ = try(a, "wrong")
	_ = try(a, "wrong")
	return text(b.ledger), b.Head()
}

// resealed writes lines anew so that their chain is whole.
func resealed(tb fataler, lines [][]byte, change func(i int, e *LedgerEntry)) [][]byte {
	tb.Helper()
	var head LedgerHead
	var again [][]byte
	for i, line := range lines {
		e, err := parseLedgerEntry(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			tb.Fatal(err)
		}
		change(i, &e)
		e.Seq, e.Prev = head.Seq+1, head.prev()
		line, err := e.seal()
		if err != nil {
			tb.Fatal(err)
		}
		head = e.head()
		again = append(again, append(line, '\n'))
	}
	return again
}

func TestVerifyLedgerDamage(t *testing.T) {
	whole, head := sampleLedger(t)
	edit := func(do func(lines [][]byte) [][]byte) []byte {
		return bytes.Join(do(slices.Clone(slices.Collect(bytes.Lines(whole)))), nil)
	}
	replace := func(old, with string) []byte { return bytes.Replace(whole, []byte(old), []byte(with), 1) }
	for name, c := range map[string]struct {
		text   []byte
		damage Damage
		line   int
	}{
		"other device":     {replace("phone", "phony"), DamageChanged, 3},
		"other count":      {replace(`"failures":1`, `"failures":0`), DamageChanged, 3},
		"other time":       {replace("2026-11-22", "2026-11-23"), DamageChanged, 1},
		"white space":      {replace(`"seq":1,`, `"seq": 1,`), DamageChanged, 1},
		"other case":       {replace(`"seq":1,`, `"Seq":1,`), DamageChanged, 1},
		"more members":     {replace(`"seq":1,`, `"seq":1,"more":1,`), DamageChanged, 1},
		"member twice":     {replace(`"seq":1,`, `"seq":9,"seq":1,`), DamageChanged, 1},
		"no JSON":          {replace(`{`, ``), DamageChanged, 1},
		"empty line":       {replace("\n", "\n\n"), DamageChanged, 2},
		"other line end":   {replace("\n", "\r\n"), DamageChanged, 1},
		"joined lines":     {replace("\n", ""), DamageChanged, 1},
		"long line":        {append(bytes.Repeat([]byte("x"), maxLedgerLine+1), whole...), DamageChanged, 1},
		"no log at all":    {[]byte("hello\n"), DamageChanged, 1},
		"first gone":       {edit(func(l [][]byte) [][]byte { return l[1:] }), DamageCut, 1},
		"one gone":         {edit(func(l [][]byte) [][]byte { return slices.Delete(l, 4, 5) }), DamageCut, 5},
		"three gone":       {edit(func(l [][]byte) [][]byte { return slices.Delete(l, 4, 7) }), DamageCut, 5},
		"swapped":          {edit(func(l [][]byte) [][]byte { l[4], l[5] = l[5], l[4]; return l }), DamageReordered, 5},
		"swapped at end":   {edit(func(l [][]byte) [][]byte { n := len(l); l[n-2], l[n-1] = l[n-1], l[n-2]; return l }), DamageReordered, len(whole)},
		"swapped far":      {edit(func(l [][]byte) [][]byte { l[1], l[7] = l[7], l[1]; return l }), DamageReordered, 2},
		"reversed":         {edit(func(l [][]byte) [][]byte { slices.Reverse(l); return l }), DamageReordered, 1},
		"doubled":          {edit(func(l [][]byte) [][]byte { return slices.Insert(l, 4, l[3]) }), DamageDoubled, 5},
		"doubled later":    {edit(func(l [][]byte) [][]byte { return append(l, l[3]) }), DamageDoubled, len(whole) + 1},
		"all twice":        {append(bytes.Clone(whole), whole...), DamageDoubled, len(whole) + 1},
		"last gone":        {edit(func(l [][]byte) [][]byte { return l[:len(l)-1] }), DamageTruncated, len(whole)},
		"half a line gone": {whole[:len(whole)-40], DamageTruncated, len(whole)},
		"line end gone":    {whole[:len(whole)-1], DamageTruncated, len(whole)},
		"all gone":         {nil, DamageTruncated, 1},
		"one line anew": {edit(func(l [][]byte) [][]byte {
			l[2] = resealed(t, l[:3], func(_ int, e *LedgerEntry) { e.Device += "x" })[2]
			return l
		}), DamageRewritten, 3},
		"forged from the start": {edit(func(l [][]byte) [][]byte {
			return resealed(t, l, func(_ int, e *LedgerEntry) { e.Device += "x" })
		}), DamageRewritten, len(whole)},
		"forged and longer": {edit(func(l [][]byte) [][]byte {
			return resealed(t, append(l, l[0]), func(i int, e *LedgerEntry) {
				if e.Device += "x"; i == len(l) {
					e.Failures = 2
				}
			})
		}), DamageRewritten, len(whole)},
		"a failure forged away": {edit(func(l [][]byte) [][]byte {
			return resealed(t, l, func(_ int, e *LedgerEntry) { e.Failures = 0 })
		}), DamageCounter, 3},
		"a try forged away": {edit(func(l [][]byte) [][]byte {
			return resealed(t, slices.Delete(l, 2, 3), func(int, *LedgerEntry) {})
		}), DamageCounter, 3},
		"unknown action": {edit(func(l [][]byte) [][]byte {
			return resealed(t, l, func(_ int, e *LedgerEntry) { e.Action += "x" })
		}), DamageCounter, 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := VerifyLedger(bytes.NewReader(c.text), &head)
			damage, ok := errors.AsType[*LedgerError](err)
			if !ok {
				t.Fatalf("error %v, want a LedgerError", err)
			}
			if c.line >= len(whole) { // counted from the end
				c.line += bytes.Count(whole, []byte("\n")) - len(whole)
			}
			if strings.HasPrefix(name, "swapped at end") {
				c.line--
			}
			if damage.Damage != c.damage || damage.Line != c.line {
				t.Errorf("%s at line %d (%s), want %s at line %d", damage.Damage, damage.Line, err, c.damage, c.line)
			}
			if damage.Problem == "" || damage.Hint() == "" {
				t.Errorf("problem %q, hint %q", damage.Problem, damage.Hint())
			}
		})
	}
}

func TestVerifyLedgerWhole(t *testing.T) {
	whole, head := sampleLedger(t)
	lines := slices.Collect(bytes.Lines(whole))
	second, err := parseLedgerEntry(bytes.TrimSuffix(lines[1], []byte("\n")))
	wantErr(t, err, nil)
	earlier := second.head()
	var got LedgerSummary
	for _, want := range []*LedgerHead{nil, {}, &earlier, &head} {
		if got, err = VerifyLedger(bytes.NewReader(whole), want); err != nil {
			t.Errorf("with head %v: %v", want, err)
		}
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if diff := cmp.Diff(LedgerSummary{
		Entries: 14, Head: head, First: at, Last: at,
		Actions: map[Action]int{
			PINSet: 2, DeviceEnrolled: 3, UnlockTried: 4, Unlocked: 1, Refused: 3, Locked: 1,
		},
		Accounts: map[string]int{"alice": 12, "bob <&> \"söhne\"": 2},
	}, got); diff != "" {
		t.Error(diff)
	}
	if got, err := VerifyLedger(strings.NewReader(""), nil); err != nil || got.Entries != 0 || got.Head != (LedgerHead{}) {
		t.Errorf("an empty log: %+v, %v", got, err)
	}
	broken := errors.New("broken")
	if _, err := VerifyLedger(&failingReader{whole[:300], broken}, nil); !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's", err)
	}
}

type failingReader struct {
	text []byte
	err  error
}

func (r *failingReader) Read(p []byte) (int, error) {
	if len(r.text) == 0 {
		return 0, r.err
	}
	n := copy(p, r.text)
	r.text = r.text[n:]
	return n, nil
}

// TestAnyChangeOfLedgerIsFound is a property: against a head that somebody remembers, no byte can be changed, taken out
// or put in, and no part can be cut.
func TestAnyChangeOfLedgerIsFound(t *testing.T) {
	whole, head := sampleLedger(t)
	damaged := func(t *rapid.T, text []byte) {
		if bytes.Equal(text, whole) {
			return
		}
		if _, err := VerifyLedger(bytes.NewReader(text), &head); err == nil {
			t.Fatalf("not found: %q", text)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(whole)-1).Draw(t, "at")
		j := rapid.IntRange(i+1, len(whole)).Draw(t, "end")
		b := rapid.Byte().Draw(t, "byte")
		changed := bytes.Clone(whole)
		changed[i] = b
		damaged(t, changed)
		damaged(t, slices.Delete(bytes.Clone(whole), i, i+1))
		damaged(t, slices.Delete(bytes.Clone(whole), i, j))
		damaged(t, slices.Insert(bytes.Clone(whole), i, b))
		damaged(t, whole[:i])
	})
	for i := range whole { // and each bit of it
		for bit := range 8 {
			whole[i] ^= 1 << bit
			if _, err := VerifyLedger(bytes.NewReader(whole), &head); err == nil {
				t.Fatalf("bit %d of byte %d", bit, i)
			}
			whole[i] ^= 1 << bit
		}
	}
}

// FuzzVerifyLedger looks for a text that is taken for an audit log, but is not what its own entries are written as.
func FuzzVerifyLedger(f *testing.F) {
	whole, head := sampleLedger(f)
	f.Add(whole, head.Seq, head.Hash)
	f.Add(whole[:len(whole)/2], int64(0), "")
	f.Add([]byte("{}\n"), int64(1), "00")
	f.Add([]byte{}, int64(-1), "")
	f.Fuzz(func(t *testing.T, text []byte, seq int64, hash string) {
		summary, err := VerifyLedger(bytes.NewReader(text), &LedgerHead{Seq: seq, Hash: hash})
		if err != nil {
			if damage, ok := errors.AsType[*LedgerError](err); !ok || damage.Line < 1 || damage.Problem == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		if got := bytes.Count(text, []byte("\n")); got != summary.Entries || summary.Head.Seq != int64(got) {
			t.Fatalf("%d lines, %d entries, head %v", got, summary.Entries, summary.Head)
		}
		if seq == head.Seq && hash == head.Hash && !bytes.HasPrefix(text, whole) {
			t.Fatalf("another text has the same head: %q", text)
		}
		for line := range bytes.Lines(text) {
			e, err := parseLedgerEntry(bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				t.Fatal(err)
			}
			if again, err := e.seal(); err != nil || string(again)+"\n" != string(line) {
				t.Fatalf("%q is written as %q, %v", line, again, err)
			}
		}
	})
}

func TestLedgerHeadText(t *testing.T) {
	_, head := sampleLedger(t)
	for _, want := range []LedgerHead{{}, head} {
		got, err := ParseLedgerHead(want.String())
		if err != nil || got != want {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	if got, err := ParseLedgerHead(strings.ToUpper(head.String())); err != nil || got != head {
		t.Errorf("%v, %v, want %v", got, err, head)
	}
	for _, text := range []string{"", "x", "1", "1:", "-1:", "1:xyz", "1:00", "0:00", head.String() + "0", "1.5" + head.String()} {
		if got, err := ParseLedgerHead(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// TestSplitView is a cloud that shows two devices two logs, each of them whole.
func TestSplitView(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	seen := a.Head()
	_ = try(a, "wrong")
	fork := b.ledger.Clone()
	_ = try(a, "wrong")
	mine := a.Head()
	check := func(seen LedgerHead) error {
		entries, err := a.EntriesSince(seen)
		wantErr(t, err, nil)
		return CheckExtension(seen, entries, a.Head())
	}
	for _, head := range []LedgerHead{{}, seen, mine} {
		wantErr(t, check(head), nil)
	}
	b.cfg.Ledger, b.ledger = fork, fork // as if the second try had never been
	b.restart(t, nil)
	wantErr(t, check(seen), nil)
	wantErr(t, check(mine), ErrSplitView)
	b.now = b.now.Add(time.Second)
	_ = try(a, "wrong")
	if a.Head().Seq != mine.Seq {
		t.Fatalf("the other log ends with entry %d, want %d", a.Head().Seq, mine.Seq)
	}
	wantErr(t, check(mine), ErrSplitView)
	_ = try(a, "wrong")
	wantErr(t, check(mine), ErrSplitView)
	wantErr(t, check(seen), nil)

	entries, err := a.EntriesSince(seen)
	wantErr(t, err, nil)
	entries[0].Failures++
	wantErr(t, CheckExtension(seen, entries, a.Head()), ErrSplitView)
}

func TestOpenRefusesDamagedLedger(t *testing.T) {
	b := newBench(t)
	b.founded(t)
	b.ledger.lines = b.ledger.lines[1:]
	_, err := Open(CloudConfig{Provider: testProvider(), Clock: time.Now, Journal: b.journal, Ledger: b.ledger})
	if damage, ok := errors.AsType[*LedgerError](err); !ok || damage.Damage != DamageCut {
		t.Errorf("error %v, want that the log is cut", err)
	}
	if err := b.Restart(nil); !errors.Is(err, ErrStopped) {
		t.Errorf("restart: %v", err)
	}
	wantErr(t, try(b.Account("alice"), "right"), ErrStopped)
	if entries, err := b.Account("alice").Audit(); err != nil || len(entries) != 1 {
		t.Errorf("audit: %v, %v", entries, err)
	}
}
