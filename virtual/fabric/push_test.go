package fabric

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/virtual/providers"
)

func at(seconds int) time.Time { return time.Date(2026, 6, 1, 0, 0, seconds, 0, time.UTC) }

// named is simpleRecord(1) with a name that was given at a time.
func named(name string, seconds int) Record {
	r := simpleRecord(1)
	r.Meta.UserName, r.Meta.Changed = name, at(seconds)
	return r
}

func pushOne(tb fataler, a *Account, c Change) Pushed {
	tb.Helper()
	pushed, err := a.Push("laptop", []Change{c})
	if err != nil {
		tb.Fatal(err)
	}
	return pushed[0]
}

// TestMerge pushes a change to a record that has been through others, and looks who won: by name and state of the
// record afterwards.
func TestMerge(t *testing.T) {
	type want struct {
		accepted bool
		name     string
		state    State
	}
	put := func(name string, seconds int, base int64) Change {
		return Change{Kind: Put, Record: named(name, seconds), Base: base}
	}
	do := func(kind ChangeKind, seconds int, base int64) Change {
		return Change{Kind: kind, Record: named("", seconds), Base: base}
	}
	made := put("made", 10, 0)
	edited := put("edited", 20, 1)
	for name, c := range map[string]struct {
		before             []Change
		change             Change
		serverWins, latest want // tombstones win with the first, deleted records come back with the second
	}{
		"new":                     {nil, made, want{true, "made", Live}, want{true, "made", Live}},
		"the same again":          {[]Change{made}, made, want{true, "made", Live}, want{true, "made", Live}},
		"on the current version":  {[]Change{made}, edited, want{true, "edited", Live}, want{true, "edited", Live}},
		"current, earlier clock":  {[]Change{made}, put("x", 5, 1), want{true, "x", Live}, want{true, "x", Live}},
		"late, later clock":       {[]Change{made, edited}, put("x", 30, 1), want{false, "edited", Live}, want{true, "x", Live}},
		"late, same clock":        {[]Change{made, edited}, put("x", 20, 1), want{false, "edited", Live}, want{false, "edited", Live}},
		"late, earlier clock":     {[]Change{made, edited}, put("x", 15, 1), want{false, "edited", Live}, want{false, "edited", Live}},
		"new, but there is one":   {[]Change{made}, put("x", 5, 0), want{false, "made", Live}, want{false, "made", Live}},
		"from a later state":      {[]Change{made}, put("x", 5, 7), want{true, "x", Live}, want{true, "x", Live}},
		"on a tombstone":          {[]Change{made, do(Delete, 20, 1)}, put("x", 15, 1), want{false, "", Dead}, want{true, "x", Live}},
		"new, on a tombstone":     {[]Change{made, do(Delete, 20, 1)}, put("x", 15, 0), want{false, "", Dead}, want{true, "x", Live}},
		"on a tombstone, knowing": {[]Change{made, do(Delete, 20, 1)}, put("x", 30, 2), want{false, "", Dead}, want{true, "x", Live}},
		"in the trash":            {[]Change{made, do(Trash, 20, 1)}, put("x", 30, 2), want{true, "x", Trashed}, want{true, "x", Trashed}},
		"in the trash, late":      {[]Change{made, do(Trash, 20, 1)}, put("x", 15, 1), want{false, "made", Trashed}, want{false, "made", Trashed}},

		"delete":                        {[]Change{made}, do(Delete, 20, 1), want{true, "", Dead}, want{true, "", Dead}},
		"delete again":                  {[]Change{made, do(Delete, 20, 1)}, do(Delete, 30, 1), want{true, "", Dead}, want{true, "", Dead}},
		"delete late":                   {[]Change{made, edited}, do(Delete, 15, 1), want{true, "", Dead}, want{false, "edited", Live}},
		"delete late, by the clock not": {[]Change{made, edited}, do(Delete, 30, 1), want{true, "", Dead}, want{true, "", Dead}},
		"delete from the trash":         {[]Change{made, do(Trash, 20, 1)}, do(Delete, 30, 2), want{true, "", Dead}, want{true, "", Dead}},
		"delete what nobody has":        {nil, do(Delete, 30, 2), want{true, "none", Live}, want{true, "none", Live}},

		"trash":                   {[]Change{made}, do(Trash, 20, 1), want{true, "made", Trashed}, want{true, "made", Trashed}},
		"trash again":             {[]Change{made, do(Trash, 20, 1)}, do(Trash, 30, 1), want{true, "made", Trashed}, want{true, "made", Trashed}},
		"trash late":              {[]Change{made, edited}, do(Trash, 15, 1), want{true, "edited", Trashed}, want{false, "edited", Live}},
		"trash what is deleted":   {[]Change{made, do(Delete, 20, 1)}, do(Trash, 30, 2), want{true, "", Dead}, want{true, "", Dead}},
		"restore":                 {[]Change{made, do(Trash, 20, 1)}, do(Restore, 30, 2), want{true, "made", Live}, want{true, "made", Live}},
		"restore again":           {[]Change{made, do(Trash, 20, 1), do(Restore, 30, 2)}, do(Restore, 40, 2), want{true, "made", Live}, want{true, "made", Live}},
		"restore late":            {[]Change{made, edited, do(Trash, 20, 2)}, do(Restore, 5, 1), want{true, "edited", Live}, want{true, "edited", Live}},
		"restore what is deleted": {[]Change{made, do(Delete, 20, 1)}, do(Restore, 30, 2), want{false, "", Dead}, want{false, "", Dead}},
		"restore what nobody has": {nil, do(Restore, 30, 0), want{true, "none", Live}, want{true, "none", Live}},
	} {
		for _, rules := range []struct {
			merge, tombstones string
			want              want
		}{
			{providers.MergeServerWins, providers.TombstonesWin, c.serverWins},
			{providers.MergeLastWriter, providers.TombstonesResurrect, c.latest},
		} {
			t.Run(name+"/"+rules.merge, func(t *testing.T) {
				b := newBench(t, func(p *providers.Provider) {
					p.Sync.Merge, p.Sync.Tombstones = rules.merge, rules.tombstones
				})
				a := b.founded(t)
				for _, change := range c.before {
					pushOne(t, a, change)
				}
				before, head, _ := a.Pull("laptop", 0)
				pushed := pushOne(t, a, c.change)
				b.restart(t, nil)
				after, newHead, err := a.Pull("laptop", 0)
				wantErr(t, err, nil)
				got := want{accepted: pushed.Accepted, name: "none"}
				if len(after) == 1 {
					got.name, got.state = after[0].Meta.UserName, after[0].State
					if pushed.Version != after[0].Version {
						t.Errorf("version %d was acknowledged, %d is kept", pushed.Version, after[0].Version)
					}
				}
				if got != rules.want {
					t.Errorf("%+v, want %+v", got, rules.want)
				}
				if !pushed.Accepted {
					if diff := gocmp.Diff(&after[0], pushed.Current); diff != "" || newHead != head {
						t.Errorf("head %d after %d, and not what is in force: %s", newHead, head, diff)
					}
				} else if pushed.Current != nil {
					t.Error("a change was accepted, and is told to have lost")
				}
				if newHead == head && !gocmp.Equal(before, after) {
					t.Error("changed without a new version")
				}
			})
		}
	}
}

func TestPushRefuses(t *testing.T) {
	b := newBench(t, func(p *providers.Provider) { p.Sync.Delete = providers.DeleteAtOnce })
	a := b.founded(t)
	pushOne(t, a, Change{Record: simpleRecord(1)})
	for name, change := range map[string]func(*Change){
		"rp id":         func(c *Change) { c.Record.RPID = "other.example" },
		"credential id": func(c *Change) { c.Record.CredentialID = []byte{1} },
		"user handle":   func(c *Change) { c.Record.UserHandle = nil },
		"created":       func(c *Change) { c.Record.Created = at(1) },
		"shadows":       func(c *Change) { c.Record.Shadows = [][]byte{{1}} },
		"maker":         func(c *Change) { c.Record.Maker = "phone" },
		"no rp id":      func(c *Change) { c.Record.RPID = "" },
		"no id":         func(c *Change) { c.Record.CredentialID = nil },
		"not sealed":    func(c *Change) { c.Record.Sealed = nil },
		"epoch 0":       func(c *Change) { c.Record.Epoch = 0 },
		"epoch 2":       func(c *Change) { c.Record.Epoch = 2 },
		"kind":          func(c *Change) { c.Kind = 9 },
		"no trash":      func(c *Change) { c.Kind = Trash },
	} {
		bad := Change{Record: simpleRecord(1), Base: 1}
		change(&bad)
		good := Change{Record: simpleRecord(2)}
		if _, err := a.Push("laptop", []Change{good, bad}); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if records, head, _ := a.Pull("laptop", 0); len(records) != 1 || head != 1 {
			t.Fatalf("%s: half a push is in force: %v", name, records)
		}
	}
}

// TestPushSeesItself pushes several changes of one record at once.
func TestPushSeesItself(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	pushed, err := a.Push("laptop", []Change{
		{Kind: Put, Record: named("a", 1)},
		{Kind: Put, Record: named("b", 2), Base: 1},
		{Kind: Trash, Record: named("", 3), Base: 2},
		{Kind: Put, Record: simpleRecord(2)},
	})
	wantErr(t, err, nil)
	for i, p := range pushed {
		if !p.Accepted || p.Version != int64(i+1) {
			t.Errorf("change %d: %+v", i, p)
		}
	}
	b.restart(t, nil)
	records, head, err := a.Pull("laptop", 0)
	wantErr(t, err, nil)
	if len(records) != 2 || records[0].Version != 3 || records[0].State != Trashed || records[0].Meta.UserName != "b" || head != 4 {
		t.Errorf("%+v up to %d", records, head)
	}
}

func TestTrashIsEmptied(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	start := b.now
	for n := 1; n <= 3; n++ {
		pushOne(t, a, Change{Record: simpleRecord(n)})
	}
	for n := 1; n <= 2; n++ {
		b.now = start.Add(time.Duration(n) * time.Hour)
		pushOne(t, a, Change{Kind: Trash, Record: simpleRecord(n), Base: int64(n)})
	}
	states := func(hours float64) []State {
		b.now = start.Add(time.Duration(hours * float64(time.Hour)))
		records, err := a.Fetch("laptop", []SyncID{simpleRecord(1).SyncID, simpleRecord(2).SyncID, {9}, simpleRecord(3).SyncID})
		wantErr(t, err, nil)
		var list []State
		for _, r := range records {
			list = append(list, r.State)
			if (r.Sealed == nil) != (r.State == Dead) {
				t.Errorf("record %s is %s, and has %d bytes", r.SyncID, r.State, len(r.Sealed))
			}
		}
		return list
	}
	for i, c := range []struct {
		hours float64
		want  []State
	}{
		{24.9, []State{Trashed, Trashed, Live}},
		{25, []State{Dead, Trashed, Live}},
		{25.9, []State{Dead, Trashed, Live}},
		{26, []State{Dead, Dead, Live}},
		{20, []State{Dead, Dead, Live}}, // a clock that goes back brings nothing back
	} {
		if got := states(c.hours); !slices.Equal(got, c.want) {
			t.Errorf("after %v hours: %s, want %s", c.hours, got, c.want)
		}
		if i == 0 || i == 3 {
			b.restart(t, nil)
		}
	}
	if news, _, _ := a.Pull("laptop", 5); len(news) != 2 {
		t.Errorf("%d news, want that devices hear of both", len(news))
	}
}

// TestOlderState restores an old copy: devices see that they are ahead, and what they push goes on from there.
func TestOlderState(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	pushOne(t, a, Change{Record: simpleRecord(1)})
	old, err := b.Snapshot()
	wantErr(t, err, nil)
	pushOne(t, a, Change{Record: simpleRecord(2)})
	pushed := pushOne(t, a, Change{Record: named("b", 1), Base: 1})
	b.restart(t, old)
	records, head, err := a.Pull("laptop", pushed.Version)
	wantErr(t, err, nil)
	if len(records) != 1 || head != 1 {
		t.Errorf("%v up to %d, want everything", records, head)
	}
	again := pushOne(t, a, Change{Record: named("b", 1), Base: pushed.Version})
	if !again.Accepted || again.Version <= pushed.Version {
		t.Errorf("%+v, want a version after %d", again, pushed.Version)
	}
}

// TestPushes is a property: whatever devices push, versions only go up, a pull from any version brings exactly what changed
// since, what was acknowledged is there unless a later change took its place, and a restart changes nothing.
func TestPushes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench(t, func(p *providers.Provider) {
			p.Sync.Merge = rapid.SampledFrom([]string{providers.MergeServerWins, providers.MergeLastWriter}).Draw(t, "merge")
			p.Sync.Tombstones = rapid.SampledFrom([]string{providers.TombstonesWin, providers.TombstonesResurrect}).Draw(t, "tombstones")
		})
		a := b.founded(t)
		seen := map[SyncID]Record{} // what the last acknowledgment or pull said of each
		var head int64
		for step := range rapid.IntRange(1, 30).Draw(t, "steps") {
			b.now = b.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "hours")) * time.Hour)
			changes := make([]Change, rapid.IntRange(1, 3).Draw(t, "changes"))
			for i := range changes {
				r := simpleRecord(rapid.IntRange(1, 4).Draw(t, "record"))
				r.Meta.UserName, r.Meta.Changed = fmt.Sprint(step, i), at(rapid.IntRange(0, 9).Draw(t, "clock"))
				changes[i] = Change{
					Kind: ChangeKind(rapid.IntRange(0, 3).Draw(t, "kind")), Record: r,
					Base: rapid.Int64Range(0, head).Draw(t, "base"),
				}
			}
			pushed, err := a.Push("laptop", changes)
			if err != nil {
				t.Fatal(err)
			}
			since := rapid.Int64Range(0, head).Draw(t, "since")
			if rapid.Bool().Draw(t, "restart") {
				b.restart(t, nil)
			}
			all, newHead, err := a.Pull("laptop", 0)
			wantErr(t, err, nil)
			if newHead < head || !slices.IsSortedFunc(all, func(x, y Record) int { return cmp.Compare(x.Version, y.Version) }) {
				t.Fatalf("head %d after %d, %v", newHead, head, all)
			}
			now := map[SyncID]Record{}
			for _, r := range all {
				now[r.SyncID] = r
				if was, known := seen[r.SyncID]; known && (r.Version < was.Version || r.Version == was.Version && !gocmp.Equal(r, was)) {
					t.Fatalf("%+v after %+v", r, was)
				}
			}
			for id := range seen {
				if _, there := now[id]; !there {
					t.Fatalf("record %s is gone without a tombstone", id)
				}
			}
			for i, p := range pushed {
				r := now[p.SyncID]
				if r.Version < p.Version {
					t.Fatalf("version %d was acknowledged, %d is there", p.Version, r.Version)
				}
				if p.Accepted && changes[i].Kind == Put && r.Version == p.Version && r.Meta.UserName != changes[i].Record.Meta.UserName {
					t.Fatalf("accepted %q, there is %q", changes[i].Record.Meta.UserName, r.Meta.UserName)
				}
			}
			news, _, err := a.Pull("laptop", since)
			wantErr(t, err, nil)
			want := slices.DeleteFunc(all, func(r Record) bool { return r.Version <= since })
			if diff := gocmp.Diff(want, news); diff != "" && len(want)+len(news) > 0 {
				t.Fatalf("since %d: %s", since, diff)
			}
			seen, head = now, newHead
		}
	})
}

func TestSyncIDText(t *testing.T) {
	want := SyncID{1, 2, 15: 255}
	text, _ := want.MarshalText()
	var got SyncID
	if err := got.UnmarshalText(text); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "00", "zz020000000000000000000000000000"} {
		if got.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q was read", text)
		}
	}
}
