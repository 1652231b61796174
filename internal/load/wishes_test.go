package load

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/scenarios"
)

func openPlan() *scenarios.LoadPlan {
	return &scenarios.LoadPlan{
		Users: scenarios.LoadUsersPlan{Count: 100}, Prepare: &scenarios.LoadPreparePlan{VUs: 4}, WarmUp: 5 * time.Second, HTTP: "1.1", Pattern: scenarios.Poisson,
		Stages: []scenarios.LoadStage{
			{Name: "ramp", To: 100, For: 30 * time.Second},
			{Name: "warm-up", From: 100, To: 100, For: 5 * time.Second},
			{Name: "hold", From: 100, To: 100, For: time.Minute, Measured: true},
		},
	}
}

func closedPlan() *scenarios.LoadPlan {
	p := openPlan()
	p.Stages, p.Pattern = nil, ""
	p.Closed = &scenarios.ClosedPlan{VUs: 50, Iterations: 1000}
	return p
}

func limitPlan() *scenarios.LoadPlan {
	p := openPlan()
	p.Stages = nil
	p.Limit = &scenarios.LimitPlan{From: 10, To: 100, Hold: time.Second, Precision: 0.1}
	return p
}

func TestWishes(t *testing.T) {
	t.Parallel()
	hold := func(rate float64, span time.Duration) []scenarios.LoadStage {
		return []scenarios.LoadStage{
			{Name: "warm-up", From: rate, To: rate, For: min(5*time.Second, span)}, {Name: "hold", From: rate, To: rate, For: span, Measured: true},
		}
	}
	for name, test := range map[string]struct {
		plan   *scenarios.LoadPlan
		wishes Wishes
		want   func(p *scenarios.LoadPlan)
	}{
		"none":        {openPlan(), Wishes{}, func(*scenarios.LoadPlan) {}},
		"rate scales": {openPlan(), Wishes{Rate: 50}, func(p *scenarios.LoadPlan) { scale(p.Stages, 50) }},
		"a short time cuts what comes before, too": {openPlan(), Wishes{For: 2 * time.Second}, func(p *scenarios.LoadPlan) {
			for i := range p.Stages {
				p.Stages[i].For = 2 * time.Second
			}
			p.WarmUp = 2 * time.Second
		}},
		"rate makes a closed model open": {closedPlan(), Wishes{Rate: 20, For: time.Minute}, func(p *scenarios.LoadPlan) {
			p.Closed, p.Stages, p.Pattern = nil, hold(20, time.Minute), scenarios.Uniform
		}},
		"virtual users make an open model closed": {openPlan(), Wishes{VUs: 3}, func(p *scenarios.LoadPlan) {
			p.Stages, p.Closed = nil, &scenarios.ClosedPlan{VUs: 3, For: time.Minute}
		}},
		"a time replaces a number of iterations": {closedPlan(), Wishes{For: time.Second}, func(p *scenarios.LoadPlan) {
			p.Closed, p.WarmUp, p.Pattern = &scenarios.ClosedPlan{VUs: 50, For: time.Second}, time.Second, scenarios.Uniform
		}},
		"rate instead of a search": {limitPlan(), Wishes{Rate: 20}, func(p *scenarios.LoadPlan) { p.Limit, p.Stages = nil, hold(20, defaultHold) }},
		"the search of the file":   {limitPlan(), Wishes{FindLimit: true, For: 2 * time.Second}, func(p *scenarios.LoadPlan) { p.Limit.Hold, p.WarmUp = 2*time.Second, 2*time.Second }},
		"a search": {closedPlan(), Wishes{FindLimit: true}, func(p *scenarios.LoadPlan) {
			p.Closed, p.Pattern = nil, scenarios.Uniform
			p.Limit = &scenarios.LimitPlan{From: 50, To: 20000, Hold: 10 * time.Second, Precision: 0.05}
		}},
		"settings": {openPlan(), Wishes{Users: 7, Connections: "per-user", Signing: "fresh", State: "x.state"}, func(p *scenarios.LoadPlan) {
			p.Users.Count, p.Connections, p.Signing, p.Prepare.State = 7, "per-user", "fresh", "x.state"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := map[bool]*scenarios.LoadPlan{true: closedPlan(), false: openPlan()}[test.plan.Closed != nil]
			if test.plan.Limit != nil {
				want = limitPlan()
			}
			test.want(want)
			if err := test.wishes.apply(test.plan); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, test.plan); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWishesThatContradict(t *testing.T) {
	t.Parallel()
	imported := openPlan()
	imported.Users.Import, imported.Prepare = "users.ndjson", nil
	second := openPlan()
	second.HTTP = "2"
	for _, test := range []struct {
		plan   *scenarios.LoadPlan
		wishes Wishes
		want   string
	}{
		{openPlan(), Wishes{Rate: 1, VUs: 1}, "exclude each other"},
		{openPlan(), Wishes{Rate: 1, FindLimit: true}, "finds the rate itself"},
		{closedPlan(), Wishes{Users: 10}, "only 10 users"},
		{imported, Wishes{PrepareOnly: true}, "nothing to prepare"},
		{imported, Wishes{State: "x"}, "no prepare"},
		{imported, Wishes{Signing: "pool"}, "imported keys"},
		{second, Wishes{Client: ClientFast}, "HTTP/1.1 only"},
		{limitPlan(), Wishes{Segment: pace.Segment{Of: 2}}, "in segments"},
	} {
		if err := test.wishes.apply(test.plan); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.wishes, err, test.want)
		}
	}
}
