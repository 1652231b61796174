package measure

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestFamily looks at this process, which is somebody's child.
func TestFamily(t *testing.T) {
	t.Parallel()
	family, err := Family(os.Getppid())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range family {
		if p.PID == os.Getpid() && p.Parent == os.Getppid() {
			return
		}
	}
	t.Errorf("%d is not below %d: %v", os.Getpid(), os.Getppid(), family)
}

// TestProcessorTime has this process work until it shows.
func TestProcessorTime(t *testing.T) {
	t.Parallel()
	before, ok := ReadProcess(os.Getpid())
	if !ok {
		t.Fatal("this process is not there")
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if now, _ := ReadProcess(os.Getpid()); now.CPU > before.CPU && now.Started == before.Started {
			return
		}
	}
	t.Error("no processor time in 10 s of work")
}

func TestSizes(t *testing.T) {
	t.Parallel()
	sizes, err := Sizes(os.Getpid(), "status")
	if err != nil {
		t.Fatal(err)
	}
	if now, peak := sizes["VmRSS"], sizes["VmHWM"]; now < 1 || peak < now || peak > 1e6 {
		t.Errorf("%g MiB now, %g at most", now, peak)
	}
	if _, err := Sizes(os.Getpid(), "nothing"); err == nil {
		t.Error("a file that is not there has sizes")
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for want, values := range map[string][]float64{
		"0":            nil,
		"2":            {2, 2},
		"3":            {3},
		"2.5 [1 to 9]": {9, 1, 2, 3},
	} {
		if got := Spread(values, "%g"); got != want {
			t.Errorf("%v: %q, want %q", values, got, want)
		}
	}
}

func TestFigure(t *testing.T) {
	t.Parallel()
	values := []float64{1, 3, 2}
	for _, c := range []struct {
		atLeast, atMost float64
		want            string
	}{
		{0, 0, ""},
		{2, 0, "at least 2"},
		{2.1, 0, "at least 2.1: missed"},
		{0, 2, "at most 2"},
		{0, 1.9, "at most 1.9: missed"},
	} {
		f := NewFigure("it", "MB", values, c.atLeast, c.atMost)
		if diff := cmp.Diff([]string{"2 [1 to 3] MB", c.want}, []string{f.Measured(), f.Wanted()}); diff != "" {
			t.Errorf("at least %g, at most %g: %s", c.atLeast, c.atMost, diff)
		}
	}
}
