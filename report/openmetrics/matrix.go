package openmetrics

import "github.com/passrig/passrig/report"

// matrix are the cells of a matrix, and what each of its rows and columns comes to. A facet that does not apply, was skipped
// or could not be told has no sample: neither 0 nor 1 would be true of it.
func (v *view) matrix() []Family {
	m := v.run.Matrix
	if m == nil {
		return nil
	}
	passed := Family{Name: "passrig_matrix_cell", Type: Gauge, Help: "1 when a facet passed, with a warning or without, for a provider at a relying party, 0 when it failed."}
	seen := map[[3]string]int{}
	for i := range m.Cells {
		c := &m.Cells[i]
		for j := range c.Facets {
			r := &c.Facets[j]
			if t := r.Verdict; r.NotApplicable || t != report.VerdictPass && t != report.VerdictWarn && t != report.VerdictFail {
				continue
			}
			value := truth(r.Verdict != report.VerdictFail)
			key := [3]string{valid(c.Provider), valid(c.Party), valid(r.Facet)}
			if at, twice := seen[key]; twice {
				passed.Samples[at].Value = min(passed.Samples[at].Value, value)
				continue
			}
			seen[key] = len(passed.Samples)
			passed.Samples = append(passed.Samples, Sample{
				Labels: []Label{v.targetOf(c.Party), {"provider", key[0]}, {"party", key[1]}, {"facet", key[2]}}, Value: value,
			})
		}
	}
	return append([]Family{passed}, v.parties()...)
}

// parties are the columns: with how many providers each works, of how many, and whether anything could be told of it.
func (v *view) parties() []Family {
	m := v.run.Matrix
	works := Family{Name: "passrig_matrix_providers_working", Type: Gauge, Help: "With how many providers a relying party fully works: nothing failed, and everything could be told."}
	of := Family{Name: "passrig_matrix_providers", Type: Gauge, Help: "How many providers there are."}
	told := Family{Name: "passrig_matrix_party_judged", Type: Gauge, Help: "0 when a relying party could not be judged with every provider, else 1."}
	untold, seen := map[string]bool{}, map[string]bool{}
	for _, p := range m.Untold() {
		untold[p.ID] = true
	}
	for i := range m.Parties {
		id := m.Parties[i].ID
		if seen[valid(id)] {
			continue
		}
		seen[valid(id)] = true
		labels := []Label{v.targetOf(id), {"party", valid(id)}}
		works.Samples = append(works.Samples, Sample{Labels: labels, Value: float64(m.WorksAt(id))})
		of.Samples = append(of.Samples, Sample{Labels: labels, Value: float64(len(m.Providers))})
		told.Samples = append(told.Samples, Sample{Labels: labels, Value: truth(!untold[id])})
	}
	return []Family{works, of, told}
}

// targetOf is the label of a column's origin.
func (v *view) targetOf(party string) Label {
	if p := v.run.Matrix.Party(party); p != nil {
		return Label{v.target.Name, valid(p.Target.Origin)}
	}
	return v.target
}
