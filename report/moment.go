package report

import "time"

// Longest offset from the start of a run that is believed, in milliseconds: a year.
const mostOffsetMS = 365 * 24 * 3600 * 1000

// At is the point in time, in UTC, that lies so many milliseconds after the start of the run. What a damaged file puts
// outside of a year after it is taken as one end of that year, so that it can be written as RFC 3339.
func (r *Run) At(ms float64) time.Time {
	if !(ms > 0) { // also not a number
		ms = 0
	}
	t := r.Started.UTC().Add(time.Duration(min(ms, mostOffsetMS) * float64(time.Millisecond)))
	if t.Year() > 9999 {
		return time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	}
	return t
}
