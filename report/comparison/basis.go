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

// sameRate is by what share the rates of the same load may differ, as arrivals are drawn.
const sameRate = 0.02

// asked is the rate of an open model; 0 where there is none, or one that cannot be told.
func asked(r *report.Run) float64 {
	if r.Load.Model != report.LoadOpen || r.Load.Limit != nil || r.Partial {
		return 0
	}
	rate, _ := r.Load.Rates()
	return rate
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

// timesDiffer says whether times are not those of the relying party, or of different rates that a search ended with.
func timesDiffer(old, recent []Input) bool {
	first := limit(old[0].Run)
	return slices.ContainsFunc(slices.Concat(old, recent), func(in Input) bool {
		return in.Run.Load.Limited() || math.Abs(limit(in.Run)-first) > sameRate*math.Abs(first)
	})
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
func notes(old, recent []Input) []string {
	var out []string
	all := slices.Concat(old, recent)
	for _, in := range all {
		if in.Run.Partial {
			why := cmp.Or(in.Run.Aborted, "the run did not reach its end")
			out = append(out, fmt.Sprintf("%s is a partial run: %s. What did not run in it shows as gone or as not run.", in.Name, strings.TrimSuffix(why, ".")))
		}
		if in.Run.Load.Limited() {
			out = append(out, in.Name+" is of a load that its generator could not keep up with: its times are not compared.")
		}
	}
	a, b := old[0].Run, recent[0].Run
	if a.Tool.Version != b.Tool.Version {
		out = append(out, fmt.Sprintf("The runs are by different versions of passrig, %s and %s: checks may have changed too.", a.Tool.Version, b.Tool.Version))
	}
	if x, y := limit(a), limit(b); x >= 0 && y >= 0 && x != y {
		out = append(out, fmt.Sprintf("The highest rate that kept the thresholds was %s, and then %s; times at different rates are not compared, and a search has no interval, so this is not judged.",
			report.FormatRate(x), report.FormatRate(y)))
	}
	if len(all) == 2 && (a.Load != nil || b.Load != nil) {
		out = append(out, "With one run of each side, the intervals know the spread within a run only. Several runs of each side also tell how much runs differ by themselves.")
	}
	return out
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
