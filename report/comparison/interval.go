package comparison

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/passrig/passrig/report"
)

// interval is an estimate and between what the true value lies. A bound that is infinite is not known.
type interval struct{ at, low, high float64 }

func (i interval) bounded() bool { return !math.IsInf(i.low, 0) && !math.IsInf(i.high, 0) }

// difference is the interval of recent minus old, with what is added for the spread between runs on either side.
func difference(old, recent interval, spread float64) interval {
	at := recent.at - old.at
	return interval{
		at:   at,
		low:  at - math.Hypot(math.Hypot(recent.at-recent.low, old.high-old.at), spread),
		high: at + math.Hypot(math.Hypot(recent.high-recent.at, old.at-old.low), spread),
	}
}

// sample is a distribution that is looked up by rank.
type sample struct {
	to    []float64
	upTo  []int64 // how many are not above it
	count int64
	mean  float64
	sd    float64
	// clipped are those that are somewhere beyond the range of a histogram. They are taken for the longest.
	clipped int64
}

// newSample makes a sample of the distributions of one or more runs.
func newSample(parts ...report.Distribution) sample {
	all := slices.Concat(parts...)
	slices.SortFunc(all, func(a, b report.Bucket) int { return cmp.Compare(a.To, b.To) })
	s := sample{to: make([]float64, 0, len(all)), upTo: make([]int64, 0, len(all))}
	sum := 0.0
	for _, b := range all {
		s.count += b.Count
		s.to, s.upTo = append(s.to, b.To), append(s.upTo, s.count)
		sum += b.To * float64(b.Count)
	}
	if s.count == 0 {
		return s
	}
	s.mean = sum / float64(s.count)
	squares := 0.0
	for _, b := range all {
		squares += (b.To - s.mean) * (b.To - s.mean) * float64(b.Count)
	}
	s.sd = math.Sqrt(squares / math.Max(1, float64(s.count-1)))
	return s
}

// log of the duration of a rank from 1, infinite beyond the ends of what is known.
func (s sample) log(rank int64) float64 {
	switch {
	case rank < 1:
		return math.Inf(-1)
	case rank > s.count-s.clipped:
		return math.Inf(1)
	}
	return s.nearest(rank)
}

// nearest is the log of the duration of the rank that there is.
func (s sample) nearest(rank int64) float64 {
	rank = min(max(rank, 1), s.count)
	at := sort.Search(len(s.upTo), func(i int) bool { return s.upTo[i] >= rank })
	if at == len(s.to) { // there are no samples
		return 0
	}
	return math.Log(math.Max(s.to[at], 1))
}

// estimate is a statistic of a sample on a logarithmic scale, with an interval that misses on each side with the
// probability tail.
type estimate func(s sample, tail float64) interval

// percentile is that of a share of the sample, by order statistics: so many of n samples are at most the true percentile
// as a binomial distribution says.
func percentile(share float64) estimate {
	return func(s sample, tail float64) interval {
		high := upperRank(s.count, share, tail)
		low := s.count + 1 - upperRank(s.count, 1-share, tail)
		rank := int64(math.Ceil(share*float64(s.count) - 1e-6))
		return interval{at: s.nearest(rank), low: s.log(low), high: s.log(high)}
	}
}

// mean is that of the sample.
func mean(s sample, tail float64) interval {
	at := math.Log(math.Max(s.mean, 1))
	if s.count < 2 || s.clipped > 0 {
		return interval{at, math.Inf(-1), math.Inf(1)}
	}
	half := student(tail, s.count-1) * s.sd / math.Sqrt(float64(s.count)) / math.Max(s.mean, 1)
	return interval{at, at - half, at + half}
}

// upperRank is the least number that a binomial count of n with probability p reaches with a probability of at most
// tail; n+1 when there is none.
func upperRank(n int64, p, tail float64) int64 {
	count := float64(n)
	sd := math.Sqrt(count * p * (1 - p))
	if sd > 1e4 { // where the normal distribution is as good, and does not take long
		return min(n+1, int64(math.Ceil(count*p+normal(tail)*sd))+1)
	}
	k := min(n, int64(count*p+10*sd)+40) // above which nothing is left
	a, _ := math.Lgamma(count + 1)
	b, _ := math.Lgamma(float64(k) + 1)
	c, _ := math.Lgamma(float64(n-k) + 1)
	mass, sum := math.Exp(a-b-c+float64(k)*math.Log(p)+float64(n-k)*math.Log1p(-p)), 0.0
	for ; k >= 0; k-- {
		if sum += mass; sum > tail {
			return k + 1
		}
		mass *= float64(k) / float64(n-k+1) * (1 - p) / p
	}
	return 0
}

// wilson is the interval of a share, of which k of n were seen.
func wilson(k, n int64, tail float64) interval {
	if n == 0 {
		return interval{0, math.Inf(-1), math.Inf(1)}
	}
	z, count, p := normal(tail), float64(n), float64(k)/float64(n)
	center := (p + z*z/(2*count)) / (1 + z*z/count)
	half := z / (1 + z*z/count) * math.Sqrt(p*(1-p)/count+z*z/(4*count*count))
	return interval{at: p, low: math.Min(p, math.Max(0, center-half)), high: math.Max(p, math.Min(1, center+half))}
}

// normal is what a standard normal variable exceeds with the probability tail.
func normal(tail float64) float64 { return math.Sqrt2 * math.Erfinv(1-2*tail) }

// chiSquared is what a variable of that distribution exceeds with the probability tail, after Wilson and Hilferty.
func chiSquared(tail, freedom float64) float64 {
	part := 2 / (9 * freedom)
	root := 1 - part + normal(tail)*math.Sqrt(part)
	return freedom * root * root * root
}

// student is what a variable of Student's distribution exceeds with the probability tail.
func student(tail float64, freedom int64) float64 {
	if freedom > 200 {
		z := normal(tail)
		return z + (z*z*z+z)/(4*float64(freedom)) // the first term of Cornish and Fisher
	}
	low, high := 0.0, 1.0
	for upper(high, freedom) > tail && high < 1e12 {
		high *= 2
	}
	for range 100 {
		if middle := (low + high) / 2; upper(middle, freedom) > tail {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// upper is the probability of Student's distribution above t: Abramowitz and Stegun, 26.7.3 and 26.7.4.
func upper(t float64, freedom int64) float64 {
	angle := math.Atan(t / math.Sqrt(float64(freedom)))
	sine, cosine := math.Sincos(angle)
	sum, term := 0.0, 1.0
	if freedom%2 == 1 {
		term = cosine
	}
	for k := freedom % 2; k <= freedom-2; k += 2 {
		sum += term
		term *= cosine * cosine * float64(k+1) / float64(k+2)
	}
	inner := sine * sum
	if freedom%2 == 1 {
		inner = 2 / math.Pi * (angle + sine*sum)
	}
	return (1 - inner) / 2
}

// reading is a statistic of one run: its value and the variance of that within the run; below zero: not known.
type reading struct{ at, variance, weight float64 }

// betweenRuns estimates the variance between runs of the same side beyond that within them, and the degrees of freedom
// that it was estimated with; 0 when no side has two runs.
func betweenRuns(sides ...[]reading) (variance float64, freedom int64) {
	q, c, unknown, squares := 0.0, 0.0, false, 0.0
	for _, side := range sides {
		freedom += int64(len(side) - 1)
		weights, weighted, ofSquares, plain := 0.0, 0.0, 0.0, 0.0
		for _, r := range side {
			unknown = unknown || r.variance < 0
			w := 1 / math.Max(r.variance, 1e-12)
			weights, weighted, ofSquares, plain = weights+w, weighted+w*r.at, ofSquares+w*w, plain+r.at
		}
		for _, r := range side {
			w, off, plainOff := 1/math.Max(r.variance, 1e-12), r.at-weighted/weights, r.at-plain/float64(len(side))
			q, squares = q+w*off*off, squares+plainOff*plainOff
		}
		c += weights - ofSquares/weights
	}
	switch {
	case freedom == 0:
		return 0, 0
	case unknown: // so take all of the spread for that between runs
		return squares / float64(freedom), freedom
	}
	return math.Max(0, (q-float64(freedom))/c), freedom
}

// spread is what the interval of a difference gets added because runs differ.
func spread(old, recent []reading, tail float64) float64 {
	variance, freedom := betweenRuns(old, recent)
	if variance == 0 {
		return 0
	}
	shares := 0.0
	for _, side := range [][]reading{old, recent} {
		whole := 0.0
		for _, r := range side {
			whole += r.weight
		}
		for _, r := range side {
			shares += r.weight * r.weight / (whole * whole)
		}
	}
	return student(tail, freedom) * math.Sqrt(variance*shares)
}
