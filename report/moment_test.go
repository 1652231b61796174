package report_test

import (
	"math"
	"testing"
	"time"

	"github.com/passrig/passrig/report"
)

func TestAt(t *testing.T) {
	began := time.Date(2026, 11, 22, 9, 30, 0, 0, time.FixedZone("", 3600))
	for _, tt := range []struct {
		began time.Time
		ms    float64
		want  string
	}{
		{began, 0, "2026-11-22T08:30:00Z"},
		{began, 1500.5, "2026-11-22T08:30:01.5005Z"},
		{began, -1, "2026-11-22T08:30:00Z"},
		{began, math.NaN(), "2026-11-22T08:30:00Z"},
		{began, 1e300, "2027-11-22T08:30:00Z"},
		{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), 1e10, "9999-12-31T23:59:59Z"},
	} {
		run := report.Run{Started: tt.began}
		if got := run.At(tt.ms).Format(time.RFC3339Nano); got != tt.want {
			t.Errorf("%v ms after %v: got %s, want %s", tt.ms, tt.began, got, tt.want)
		}
	}
}
