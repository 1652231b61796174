package comparison

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// IncomparableError says why two runs are not of the same thing.
type IncomparableError struct{ Reason, Hint string }

// Error returns the reason.
func (e *IncomparableError) Error() string { return e.Reason }

// DamagedError says which file has a histogram that cannot be read.
type DamagedError struct {
	File, Metric string
	Err          error
}

// Error names the file and the metric.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("%q: metric %q: %v", e.File, e.Metric, e.Err)
}

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// sameBasis finds out whether all runs drove the same thing the same way, which is that of the first.
func sameBasis(old, recent []Input) *IncomparableError {
	first := old[0]
	for _, in := range slices.Concat(old[1:], recent) {
		if err := sameMatrix(first, in); err != nil {
			return err
		}
		if err := sameTarget(first, in); err != nil {
			return err
		}
		if err := sameLoad(first, in); err != nil {
			return err
		}
	}
	return nil
}

func sameLoad(first, in Input) *IncomparableError {
	a, b := first.Run.Load, in.Run.Load
	if a == nil || b == nil {
		return nil
	}
	x, y := asked(first.Run), asked(in.Run)
	switch {
	case a.Model != b.Model:
		return differ(first, in, "the model of the load", a.Model, b.Model)
	case a.Connections != b.Connections:
		return differ(first, in, "the life of connections", a.Connections, b.Connections)
	case users(a) != users(b):
		return differ(first, in, "the number of virtual users", strconv.Itoa(users(a)), strconv.Itoa(users(b)))
	case (a.Limit == nil) != (b.Limit == nil):
		return &IncomparableError{Reason: fmt.Sprintf("one of %q and %q searched for the limit, and the other did not", first.Name, in.Name), Hint: forceHint}
	case x > 0 && y > 0 && math.Abs(x-y) > sameRate*max(x, y):
		return differ(first, in, "the rate asked for", report.FormatRate(x), report.FormatRate(y))
	}
	return nil
}

// sameMatrix finds out whether what two matrices have in common is the same.
func sameMatrix(first, in Input) *IncomparableError {
	a, b := first.Run.Matrix, in.Run.Matrix
	switch {
	case a == nil && b == nil:
		return nil
	case a == nil || b == nil:
		return &IncomparableError{Reason: fmt.Sprintf("one of %q and %q is a matrix, and the other is not", first.Name, in.Name), Hint: "compare a matrix with an earlier one of it"}
	}
	for i := range a.Parties {
		p := &a.Parties[i]
		q := b.Party(p.ID)
		if q == nil {
			continue
		}
		what := fmt.Sprintf(" of the relying party %q", p.ID)
		switch {
		case p.Target.Adapter != q.Target.Adapter:
			return differ(first, in, "the adapter"+what, p.Target.Adapter, q.Target.Adapter)
		case place(p.Target.Origin) != place(q.Target.Origin):
			return differ(first, in, "the origin"+what, p.Target.Origin, q.Target.Origin)
		case p.Driver != q.Driver:
			return differ(first, in, "the driver"+what, p.Driver, q.Driver)
		}
	}
	return nil
}

// sameRate is by what share the rates of the same load may differ.
const sameRate = 0.02

// asked is the rate of an open model, on average over what is measured; 0 where there is none, or one that cannot be told.
// It is that of the plan: arrivals that are drawn come to another one with every seed.
func asked(r *report.Run) float64 {
	if r.Load.Model != report.LoadOpen || r.Load.Limit != nil || r.Partial {
		return 0
	}
	arrivals := 0.0
	for i := range r.Load.Phases {
		if p := &r.Load.Phases[i]; p.Measured {
			arrivals += (p.FromRate + p.ToRate) / 2 * p.DurationMS
		}
	}
	return arrivals / max(lasted(r.Load), 1)
}

// users are the virtual users of a closed model.
func users(l *report.LoadRun) int {
	most := 0
	for i := range l.Phases {
		if l.Phases[i].Measured {
			most = max(most, l.Phases[i].VUs)
		}
	}
	return most
}

// searchesDiffer says why times cannot be compared of runs that searched for the limit and ended at different rates.
func searchesDiffer(old, recent []Input) string {
	first := limit(old[0].Run)
	for _, in := range slices.Concat(old, recent) {
		found := limit(in.Run)
		if (found < 0) != (first < 0) {
			return "only a part of the runs searched for the limit"
		}
		if math.Abs(found-first) > sameRate*math.Abs(first) {
			return fmt.Sprintf("the searches ended at different rates, %s and %s", report.FormatRate(first), report.FormatRate(found))
		}
	}
	return ""
}

func sameTarget(first, in Input) *IncomparableError {
	a, b := first.Run, in.Run
	switch {
	case a.Target.Adapter != b.Target.Adapter:
		return differ(first, in, "the adapter", a.Target.Adapter, b.Target.Adapter)
	case place(a.Target.Origin) != place(b.Target.Origin):
		return differ(first, in, "the origin", a.Target.Origin, b.Target.Origin)
	case a.Driver != b.Driver:
		return differ(first, in, "the driver", a.Driver, b.Driver)
	}
	return nil
}

const forceHint = "--force compares them all the same"

func differ(first, in Input, what, a, b string) *IncomparableError {
	return &IncomparableError{
		Reason: fmt.Sprintf("%s is %q in %q and %q in %q", what, a, first.Name, b, in.Name),
		Hint:   forceHint,
	}
}

// place is an origin; on this machine without its port, which a test chooses anew every time.
func place(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return origin
	}
	if host := u.Hostname(); host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "127.0.0.1" || host == "::1" {
		return u.Scheme + "://" + host
	}
	return origin
}

// notes say what makes a comparison worth less than it looks.
func notes(old, recent []Input, u *Unrest) []string {
	var out []string
	all := slices.Concat(old, recent)
	for _, in := range all {
		if in.Run.Partial {
			why := cmp.Or(in.Run.Aborted, "the run did not reach its end")
			out = append(out, fmt.Sprintf("%s is a partial run: %s. Its figures are not compared, and what did not run in it could not be told.", in.Name, strings.TrimSuffix(why, ".")))
		}
		if in.Run.Load.Limited() {
			out = append(out, in.Name+" is of a load that its generator could not keep up with: its figures are not compared.")
		}
	}
	a, b := old[0].Run, recent[0].Run
	if a.Tool.Version != b.Tool.Version {
		out = append(out, fmt.Sprintf("The runs are by different versions of passrig, %s and %s: checks may have changed too.", a.Tool.Version, b.Tool.Version))
	}
	if a.Browser != b.Browser {
		out = append(out, fmt.Sprintf("The browsers differ: %q and %q.", a.Browser, b.Browser))
	}
	if s, t := a.Suite, b.Suite; s != nil && t != nil && (s.Tier != t.Tier || s.FailOn != t.FailOn || s.Strict != t.Strict) {
		out = append(out, "The checks were judged in another way: --tier, --fail-on or --strict differ.")
	}
	if names := otherParams(a.Params, b.Params); len(names) > 0 {
		out = append(out, "The runs were given different values for their files' params: "+strings.Join(names, ", ")+".")
	}
	out = append(out, plans(a, b)...)
	if x, y := limit(a), limit(b); x >= 0 && y >= 0 && x != y {
		out = append(out, fmt.Sprintf("The highest rate that kept the thresholds was %s, and then %s; a search has no interval, so this is not judged.",
			report.FormatRate(x), report.FormatRate(y)))
	}
	if u != nil && a.Load != nil && b.Load != nil {
		out = append(out, "With one run of each side, it is assumed and not seen how much runs differ by themselves. Five runs of each side show it, and find smaller changes.")
		if u.Why != "" {
			out = append(out, sentence(u.Why+", so times that differ by up to "+report.FormatShare(u.Bands["p50"])+" (p50) or "+report.FormatShare(u.Bands["p99"])+" (p99) are taken for the same"))
		}
	}
	return out
}

// otherParams are the names of params that have another value, or that only one run was given.
func otherParams(a, b map[string]string) []string {
	var names []string
	for name, v := range a {
		if w, ok := b[name]; !ok || v != w {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// plans says in what two loads were not the same, where they can be compared all the same.
func plans(a, b *report.Run) []string {
	if a.Load == nil || b.Load == nil {
		return nil
	}
	var out []string
	add := func(what, x, y string) {
		if x != y {
			out = append(out, fmt.Sprintf("%s differ: %s and %s.", what, x, y))
		}
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	add("The seeds, and so users and the times of arrivals,", number(a.Seed), number(b.Seed))
	add("The numbers of users", strconv.FormatInt(a.Load.Users.Count, 10), strconv.FormatInt(b.Load.Users.Count, 10))
	add("What carried the requests", a.Load.Transport, b.Load.Transport)
	add("The ways to sign", a.Load.Signing, b.Load.Signing)
	if x, y := lasted(a.Load), lasted(b.Load); math.Abs(x-y) > sameLength*max(x, y) {
		add("The lengths of what was measured", report.FormatMS(x), report.FormatMS(y))
	}
	return out
}

// sameLength is by what share the lengths of the same load may differ.
const sameLength = 0.1

// lasted is how many milliseconds of a load are measured.
func lasted(l *report.LoadRun) float64 {
	sum := 0.0
	for i := range l.Phases {
		if l.Phases[i].Measured {
			sum += l.Phases[i].DurationMS
		}
	}
	return sum
}

// noLimit stands for a run that searched for none.
const noLimit = -1

// limit is the rate that a search found.
func limit(r *report.Run) float64 {
	if r.Load == nil || r.Load.Limit == nil {
		return noLimit
	}
	return r.Load.Limit.Rate
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }
