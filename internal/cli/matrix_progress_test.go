package cli

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/matrix"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/virtual/providers"
)

// A short matrix shows nothing but what cannot be told; of a long one columns on which something was done are told, and
// none that is through or given up.
func TestMatrixProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		lab := &matrix.Lab{
			Providers: []matrix.Row{{Provider: &providers.Provider{}}, {Provider: &providers.Provider{}}},
			Parties:   []matrix.Column{{ID: "quick"}, {ID: "slow"}, {ID: "dead"}, {ID: "dies"}},
		}
		cell := &report.MatrixCell{Provider: "bitwarden"}
		p := newMatrixProgress(&Env{Now: time.Now, Stderr: &out}, lab)
		p.log("quick: target")
		p.events().Broken("dead", "refused")
		p.finish()
		const short = "quick: target\ndead: nothing more can be told: refused\n"
		if got := out.String(); got != short {
			t.Errorf("short: %q", got)
		}

		out.Reset()
		p = newMatrixProgress(&Env{Now: time.Now, Stderr: &out}, lab)
		events := p.events()
		events.Recalled("slow", 1)
		events.CellDone("quick", cell, 2, 2)
		events.Broken("dead", "refused")
		<-time.After(patience + 11*time.Second) // lines come 10 s after the bars begin
		events.Broken("dies", "reset")
		<-time.After(10 * time.Second)
		events.CellDone("slow", cell, 2, 2)
		p.finish()
		const long = "dead: nothing more can be told: refused\n" +
			"slow 50% 1/2 in 12s, from an interrupted run\ndies 0% 0/2 in 12s\n" +
			"dies: nothing more can be told: reset\n" +
			"slow 50% 1/2 in 22s, from an interrupted run\nslow 100% 2/2 in 23s\n"
		if diff := cmp.Diff(long, out.String()); diff != "" {
			t.Error(diff)
		}
	})
}
