package matrix

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/passrig/passrig/report"
)

// A relying party that begins to hang would cost the time limit of a step in every facet of every cell. A facet with a
// request that nobody answered takes silenceCosts of the trust in it, one in which all were answered gives 1 back, and the
// column is given up when nothing is left of mostTrust. So three in a row do, and one now and then does not.
const (
	mostTrust    = 12
	silenceCosts = 4
)

// contact is what came of the requests of a facet.
type contact struct {
	answered bool             // something was answered that is the relying party's own
	silent   *report.Step     // the step with the first request that got no answer; nil: all did
	foreign  *report.Exchange // the first request, when the server knew none of the addresses asked for
}

// look finds out what came of a facet's requests.
func look(steps []report.Step) contact {
	var c contact
	var unknown *report.Exchange
	failed := false
	for i := range steps {
		s := &steps[i]
		failed = failed || s.Verdict == report.VerdictFail
		for j := range s.Exchanges {
			switch x := &s.Exchanges[j]; {
			case x.Response == nil && x.Error != "" && s.Verdict != report.VerdictPass && c.silent == nil:
				c.silent = s
				s.Message = cmp.Or(s.Message, x.Error)
			case x.Response == nil:
			case x.Response.Status == http.StatusNotFound || x.Response.Status == http.StatusMethodNotAllowed:
				if unknown == nil {
					unknown = x
				}
			default:
				c.answered = true
			}
		}
	}
	if failed && !c.answered && c.silent == nil {
		c.foreign = unknown
	}
	return c
}

// heard notes what came of a facet's requests. It is false when nothing can be told of the column any more.
func (r *round) heard(party int, steps []report.Step) bool {
	switch c := look(steps); {
	case c.silent != nil && (!c.answered || !r.trusted(party)):
		r.broken(party, c.silent.Message, c.silent.Hint)
		return false
	case c.foreign != nil && !r.known(party):
		x := c.foreign
		r.broken(party, fmt.Sprintf("%s %s answered %d %s: its adapter %s asks for what is not there", x.Request.Method, x.Request.URL,
			x.Response.Status, http.StatusText(x.Response.Status), r.Parties[party].Target.Adapter),
			"name the adapter that fits, or the address at which its requests are taken: base-url")
		return false
	case c.answered && c.silent == nil:
		r.answer(party)
	}
	return true
}

// answer notes that a column's relying party has answered all that it was asked.
func (r *round) answer(party int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.columns[party]
	c.distrust = max(c.distrust-1, 0)
	if !c.answered {
		c.answered = true
		r.wake.Broadcast()
	}
}

// trusted notes that it left something unanswered, and says whether it is worth while to go on asking.
func (r *round) trusted(party int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.columns[party].distrust += silenceCosts
	return r.columns[party].distrust < mostTrust
}

// known says whether the column's relying party has answered before.
func (r *round) known(party int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.columns[party].answered
}
