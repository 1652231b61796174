package fabric_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual/fabric"
)

func TestDistributions(t *testing.T) {
	const n = 20_000
	for _, c := range []struct {
		distribution fabric.Distribution
		text         string
		median, p99  time.Duration
	}{
		{fabric.Constant(2 * time.Second), "always 2s", 2 * time.Second, 2 * time.Second},
		{fabric.Constant(-time.Second), "always 0s", 0, 0},
		{fabric.LogNormal(3*time.Second, time.Minute), "log-normal with median 3s and p99 1m0s", 3 * time.Second, time.Minute},
		{fabric.LogNormal(3*time.Second, time.Second), "always 3s", 3 * time.Second, 3 * time.Second},
		{fabric.LogNormal(0, time.Second), "always 0s", 0, 0},
		{fabric.Empirical(nil), "always 0s", 0, 0},
		{fabric.Empirical([]time.Duration{time.Hour, time.Second, time.Second, -1}), "as measured (4 samples, median 1s, p99 1h0m0s)", time.Second, time.Hour},
	} {
		if got := c.distribution.String(); got != c.text {
			t.Errorf("%q, want %q", got, c.text)
		}
		random := rand.New(rand.NewPCG(1, 2))
		samples := make([]time.Duration, n)
		for i := range samples {
			samples[i] = c.distribution.Sample(random)
		}
		slices.Sort(samples)
		for want, got := range map[time.Duration]time.Duration{c.median: samples[n/2], c.p99: samples[n*99/100]} {
			if diff := (got - want).Abs(); diff > want/8 || samples[0] < 0 {
				t.Errorf("%s: %s, want %s", c.text, got, want)
			}
		}
	}
}

func TestParseEmpirical(t *testing.T) {
	got, err := fabric.ParseEmpirical(strings.NewReader("\ufefflag,device\n# measured by hand\n\n2s,phone\n\"1m30s\",laptop\n 850ms \n"))
	if err != nil || got.String() != "as measured (3 samples, median 2s, p99 1m30s)" {
		t.Errorf("%v, %v", got, err)
	}
	for text, line := range map[string]int{
		"":                0,
		"# nothing\n":     0,
		"lag\n":           0,
		"2s\nlag\n":       2,
		"1s\n\n45\n":      3,
		"1s\n-1s\n":       2,
		"lag\ndevice\n":   2,
		"2 s\n":           1,
		"lag\n1s\nnever,": 3,
	} {
		_, err := fabric.ParseEmpirical(strings.NewReader(text))
		mistake, ok := errors.AsType[*fabric.SampleError](err)
		if !ok || mistake.Line != line || mistake.Hint() == "" {
			t.Errorf("%q: %v, want a mistake in line %d", text, err, line)
		}
	}
	if _, err := fabric.ParseEmpirical(strings.NewReader("1s\n" + strings.Repeat("x", 100_000))); err == nil {
		t.Error("a line without end was read")
	}
}

func FuzzParseEmpirical(f *testing.F) {
	f.Add("lag\n1s\n2m,x\n")
	f.Add("# none\n\n-1s")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := fabric.ParseEmpirical(strings.NewReader(text))
		if err != nil {
			return
		}
		if sample := d.Sample(rand.New(rand.NewPCG(1, 2))); sample < 0 {
			t.Errorf("%q: a delay of %s", text, sample)
		}
	})
}

// The same seed draws the same delays, losses and duplicates, whatever the devices do in between.
func TestSeed(t *testing.T) {
	play := func(seed uint64) string {
		r := newRig(t, fabric.NetworkConfig{Delay: fabric.LogNormal(time.Second, time.Minute), Loss: 0.3, Duplicates: 0.3, Seed: seed})
		laptop, phone := r.pair()
		var times []string
		for range 20 {
			laptop.save("alice")
			r.wait(time.Minute, phone)
		}
		r.wait(time.Hour, phone)
		for _, e := range phone.events {
			times = append(times, string(e.Kind), e.At.String())
		}
		return strings.Join(times, " ")
	}
	first := play(1)
	if again := play(1); again != first {
		t.Error("the same seed drew something else")
	}
	if first == play(2) {
		t.Error("another seed drew the same")
	}
}
