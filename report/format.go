package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// FormatDuration writes a duration given in nanoseconds for people: three significant digits and
// the unit that keeps them short, like "850µs", "212ms", "3.4s", "2m05s".
func FormatDuration(ns float64) string {
	switch {
	case math.IsNaN(ns) || math.IsInf(ns, 0):
		return "unknown"
	case ns < 0:
		return "-" + FormatDuration(-ns)
	case ns == 0:
		return "0ms"
	case ns < 999.5*1e3:
		return threeDigits(ns/1e3) + "µs"
	case ns < 999.5*1e6:
		return threeDigits(ns/1e6) + "ms"
	case ns < 59.95*1e9:
		return threeDigits(ns/1e9) + "s"
	case ns < 3599.5*1e9:
		s := int(math.Round(ns / 1e9))
		return strconv.Itoa(s/60) + "m" + twoDigits(s%60) + "s"
	default:
		m := int(math.Round(ns / 60e9))
		return strconv.Itoa(m/60) + "h" + twoDigits(m%60) + "m"
	}
}

// FormatMS is FormatDuration for the millisecond members of the model.
func FormatMS(ms float64) string { return FormatDuration(ms * 1e6) }

// FormatShare writes a share of 1 as a percentage with three significant digits: "0.35%", "12.5%", "100%".
func FormatShare(share float64) string {
	switch percent := share * 100; {
	case math.IsNaN(percent) || math.IsInf(percent, 0):
		return "unknown"
	case percent > 99.95 && percent < 100:
		return "99.9%" // one that is not there must not look like none
	case percent > 0 && percent < 0.01:
		return strconv.FormatFloat(percent, 'g', 2, 64) + "%"
	default:
		return threeDigits(percent) + "%"
	}
}

// FormatRate writes how often something happened in a second: "198/s", "0.5/s", "12500/s".
func FormatRate(perSecond float64) string {
	if math.IsNaN(perSecond) || math.IsInf(perSecond, 0) {
		return "unknown"
	}
	return threeDigits(perSecond) + "/s"
}

func threeDigits(v float64) string {
	decimals := 0
	switch {
	case v < 9.995:
		decimals = 2
	case v < 99.95:
		decimals = 1
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func twoDigits(v int) string {
	if v < 10 {
		return "0" + strconv.Itoa(v)
	}
	return strconv.Itoa(v)
}

func exactDuration(ns float64) string { return time.Duration(math.Round(ns)).String() }

// plural writes "1 step" or "3 steps"; the second word defaults to the first with an s.
func plural(n int, words ...string) string {
	word := words[0]
	if n != 1 {
		if word = words[0] + "s"; len(words) > 1 {
			word = words[1]
		}
	}
	return strconv.Itoa(n) + " " + word
}
