package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// mergeMatrices joins the matrices of shards, of which each played other providers or other relying parties, or returns the
// only one, or nil. The order is that of the runs, but that rows and columns which shards have in common keep their place
// among each other.
func mergeMatrices(runs []*Run, started time.Time) (*Matrix, error) {
	var out *Matrix
	for i, run := range runs {
		if run.Matrix == nil {
			if out != nil {
				return nil, matrixError(i, "", "it is no matrix, and the runs before it are")
			}
			continue
		}
		if out == nil {
			if i > 0 {
				return nil, matrixError(i, "", "it is a matrix, and the runs before it are none")
			}
			whole := *run.Matrix
			whole.Providers, whole.Parties = slices.Clone(whole.Providers), slices.Clone(whole.Parties)
			whole.Facets, whole.Cells = slices.Clone(whole.Facets), slices.Clone(whole.Cells)
			for j := range whole.Cells {
				whole.Cells[j].StartMS += float64(run.Started.Sub(started)) / 1e6
			}
			out = &whole
			continue
		}
		if err := out.add(run.Matrix, float64(run.Started.Sub(started))/1e6); err != nil {
			err.Index = i
			return nil, err
		}
	}
	if out != nil {
		out.inOrder()
	}
	return out, nil
}

func matrixError(index int, hint, format string, args ...any) *MergeError {
	return &MergeError{
		Index: index, Message: fmt.Sprintf(format, args...),
		Hint: cmp.Or(hint, "give each shard providers or relying parties of its own; compare takes several runs of the same"),
	}
}

// add adds a shard to those before it, that began so many milliseconds after the whole.
func (m *Matrix) add(part *Matrix, later float64) *MergeError {
	if a, b := facetIDs(m), facetIDs(part); !slices.Equal(a, b) {
		return matrixError(0, "play all shards with the same facets", "its facets are %s, and those of the first run %s", strings.Join(b, " "), strings.Join(a, " "))
	}
	for i := range part.Providers {
		p := part.Providers[i]
		same := m.Provider(p.ID)
		if same == nil {
			m.Providers = append(m.Providers, p)
			continue
		}
		for _, device := range p.Devices { // a cell may play others, as its driver can
			if !slices.Contains(same.Devices, device) {
				same.Devices = append(slices.Clip(same.Devices), device)
			}
		}
	}
	for i := range part.Parties {
		p := part.Parties[i]
		if err := m.addParty(&p); err != nil {
			return err
		}
	}
	for i := range part.Cells {
		c := part.Cells[i]
		if m.Cell(c.Provider, c.Party) != nil {
			return matrixError(0, "", "it has the cell of %q at %q, which a run before it has too", c.Provider, c.Party)
		}
		c.StartMS += later
		m.Cells = append(m.Cells, c)
	}
	m.Jobs, m.Resumed = max(m.Jobs, part.Jobs), m.Resumed+part.Resumed
	return nil
}

func (m *Matrix) addParty(p *MatrixParty) *MergeError {
	same := m.Party(p.ID)
	if same == nil {
		m.Parties = append(m.Parties, *p)
		return nil
	}
	for _, d := range []struct{ what, was, is string }{
		{"adapter", same.Target.Adapter, p.Target.Adapter},
		{"origin", same.Target.Origin, p.Target.Origin},
		{"driver", same.Driver, p.Driver},
		{"browser", same.Browser, p.Browser},
	} {
		if d.was != d.is {
			return matrixError(0, "one relying party is driven in the same way in all shards; give others a name of their own",
				"the %s of its relying party %q is %q, and that of a run before it %q", d.what, p.ID, d.is, d.was)
		}
	}
	for _, asked := range p.Asks {
		if !slices.Contains(same.Asks, asked) {
			same.Asks = append(slices.Clip(same.Asks), asked)
		}
	}
	if same.Problem == "" {
		same.Problem, same.Hint = p.Problem, p.Hint
	}
	return nil
}

// inOrder puts cells by provider, and within it by party, as they are in a matrix.
func (m *Matrix) inOrder() {
	rows, columns := positions(m.Providers, func(p *MatrixProvider) string { return p.ID }), positions(m.Parties, func(p *MatrixParty) string { return p.ID })
	slices.SortStableFunc(m.Cells, func(a, b MatrixCell) int {
		return cmp.Or(rows[a.Provider]-rows[b.Provider], columns[a.Party]-columns[b.Party])
	})
}

func facetIDs(m *Matrix) []string {
	return names(m.Facets, func(f MatrixFacet) string { return f.ID })
}
