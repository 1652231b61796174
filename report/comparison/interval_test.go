package comparison

import (
	"math"
	"math/big"
	"testing"
)

// TestStudent compares with printed tables.
func TestStudent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tail    float64
		freedom int64
		want    float64
	}{
		{.025, 1, 12.706}, {.025, 2, 4.303}, {.025, 4, 2.776}, {.0005, 10, 4.587}, {.05, 29, 1.699}, {.0005, 3, 12.924}, {.025, 250, 1.969},
	} {
		if got := student(tt.tail, tt.freedom); math.Abs(got-tt.want) > .001 {
			t.Errorf("%v with %d degrees of freedom: %v, want %v", tt.tail, tt.freedom, got, tt.want)
		}
	}
}

// TestUpperRank compares with exact sums of the binomial distribution.
func TestUpperRank(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1, 2, 20, 100, 999} {
		for _, p := range []float64{.01, .05, .5, .95, .99} {
			for _, tail := range []float64{.16, .025, .0005} {
				want, sum := n+1, 0.0
				for k := n; k >= 0; k-- {
					ways, _ := new(big.Float).SetInt(new(big.Int).Binomial(n, k)).Float64()
					mass := math.Exp(math.Log(ways) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
					if sum += mass; sum > tail {
						break
					}
					want = k
				}
				if got := upperRank(n, p, tail); got != want {
					t.Errorf("%d with %v, tail %v: rank %d, want %d", n, p, tail, got, want)
				}
			}
		}
	}
	got, want := upperRank(1<<29, .5, .001), int64(1<<28)+int64(3.0902*math.Sqrt(1<<27)) // of so many the normal distribution is used
	if math.Abs(float64(got-want)) > 5 {
		t.Errorf("%d, want about %d", got, want)
	}
}
