package rp

import "github.com/passrig/passrig/scenarios"

// savePlan is a save that needs no interpreter, as long as the answer has a clean text there.
type savePlan struct {
	number int
	place  *scenarios.Place // of JSON
	header string
}

// prepareSaves finds out whether all saves of a step are that simple.
func (s *PlanStep) prepareSaves() {
	s.simple = !s.plan.outer
	for name, spec := range s.spec.Save {
		p := savePlan{number: s.plan.planner.names[name], header: spec.Header}
		if spec.JSON != nil {
			if place, ok := spec.JSON.Place(); ok {
				p.place = &place
			}
		}
		s.simple = s.simple && (p.place != nil || p.header != "")
		s.saves = append(s.saves, p)
	}
}

// Save keeps what the step saves of the answer. Of a scenario's own request it returns the values instead.
func (s *PlanStep) Save(v *Values, a *Reply) (map[string]any, *Fault) {
	if len(s.saves) == 0 || s.simple && s.saveTexts(v.Session, a) {
		return nil, nil
	}
	r, err := s.answered(v, a)
	if err != nil {
		return nil, asFault(err)
	}
	values, err := r.extract(s.spec.Save)
	if err != nil {
		return nil, asFault(err)
	}
	if s.plan.outer {
		return values, nil
	}
	for name, value := range values {
		v.Session.saveAny(s.plan.planner.names[name], value)
	}
	return nil, nil
}

// saveTexts keeps the values if all of them are clean texts.
func (s *PlanStep) saveTexts(m *Memory, a *Reply) bool {
	for i := range s.saves {
		p := &s.saves[i]
		if p.place == nil {
			value := a.header(p.header)
			if value == "" {
				return false
			}
			m.saveText(p.number, value)
			continue
		}
		at := a.look(p.place)
		text, ok := clean(at.value)
		if !at.sure || !ok {
			return false
		}
		m.saveText(p.number, text)
	}
	return true
}

// Who is the user that the answer of whoami names; "" for nobody, as when nothing was asked.
func (p *Plan) Who(v *Values, a *Reply) (string, *Fault) {
	if a.Asked == nil {
		return "", nil
	}
	if p.result != nil {
		if at := a.look(p.result); at.sure {
			if text, ok := clean(at.value); ok {
				return text, nil
			}
		}
	}
	r, err := p.answered(v, a)
	if err != nil {
		return "", asFault(err)
	}
	if err := r.readResult(); err != nil {
		return "", asFault(err)
	}
	return r.result.User, nil
}
