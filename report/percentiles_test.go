package report_test

import (
	"encoding/base64"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
)

func TestDistributionIsWhatWasRecorded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Int64Range(1, int64(time.Hour)), 1, 300).Draw(t, "samples")
		recorder := report.NewRecorder()
		for _, s := range samples {
			recorder.Observe("login.total", time.Duration(s))
		}
		metric := recorder.Metrics()["login.total"]
		d, err := metric.Distribution()
		if err != nil {
			t.Fatal(err)
		}
		if d.Count() != int64(len(samples)) {
			t.Fatalf("%d samples, want %d", d.Count(), len(samples))
		}
		slices.Sort(samples)
		shares := []float64{0, .25, .5, .9, .99, 1}
		for i, got := range d.Quantiles(shares...) {
			want := float64(samples[rankOf(int(shares[i]*1000), len(samples))-1])
			if math.Abs(got-want) > max(want/1000, float64(time.Microsecond)) {
				t.Errorf("quantile %v is %v, want %v", shares[i], got, want)
			}
		}
		if last := d[len(d)-1].To; last != metric.Max {
			t.Errorf("the last bucket ends at %v, the largest sample is %v", last, metric.Max)
		}
	})
}

// rankOf is the smallest number of samples that is at least so many thousandths of all of them, and one.
func rankOf(thousandths, samples int) int { return max((thousandths*samples+999)/1000, 1) }

func TestDistributionWithoutHistogram(t *testing.T) {
	d, err := report.Metric{Unit: report.UnitCount, Count: 3}.Distribution()
	if err != nil || len(d) != 0 || d.Quantiles(.5) != nil {
		t.Errorf("got %v, %v", d, err)
	}
}

func FuzzDistribution(f *testing.F) {
	recorder := report.NewRecorder()
	recorder.Observe("x", time.Millisecond)
	whole, err := base64.StdEncoding.DecodeString(recorder.Metrics()["x"].Histogram)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, 1e6)
	f.Add(whole[:len(whole)-3], 1e6)
	f.Add([]byte("\x1c\x84\x93\x14\xff\xff\xff\xff"), math.NaN())
	f.Fuzz(func(t *testing.T, histogram []byte, largest float64) {
		d, err := report.Metric{Histogram: base64.StdEncoding.EncodeToString(histogram), Max: largest}.Distribution()
		if err != nil && d != nil {
			t.Error("an error and a distribution")
		}
		if got := d.Quantiles(0, .5, 1); len(d) > 0 && !slices.IsSorted(got) {
			t.Errorf("quantiles %v do not ascend", got)
		}
	})
}
