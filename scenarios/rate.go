package scenarios

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// MaxRate is the highest rate a file may ask for, in iterations per second.
const MaxRate = 1e6

// Rate is how often something happens: 200/s, 30/m, 1.5/s, a number per second, or expressions for it.
type Rate struct{ t *template }

// ParseRate reads a rate as it is written in a file.
func ParseRate(text string) (Rate, error) {
	if _, problem, _ := rateOf(text); problem != "" {
		return Rate{}, fmt.Errorf("%q %s", text, problem)
	}
	return Rate{&template{raw: text, literal: text}}, nil
}

// IsZero says whether the value was not given.
func (r Rate) IsZero() bool { return r.t == nil }

// Pos is where the value is written.
func (r Rate) Pos() Pos { return r.t.pos() }

// Value is the rate per second; 0 when it was not given.
func (r Rate) Value(env Env) (float64, error) {
	if r.t == nil {
		return 0, nil
	}
	v, err := r.t.eval(env)
	if err != nil {
		return 0, err
	}
	perSecond, problem, _ := rateOf(v)
	if problem != "" {
		return 0, fmt.Errorf("%s: %q %s", r.Pos(), r.t.raw, problem)
	}
	return perSecond, nil
}

func (r Rate) written() *template { return r.t }

func (r Rate) expressions() []*expression { return r.t.expressions() }

const rateExample = "a rate such as 200/s or 30/m"

// rateOf reads a rate. The problem continues the sentence "X …".
func rateOf(v any) (perSecond float64, problem, hint string) {
	const units = "write how many in a second, a minute or an hour: 200/s, 30/m, 100/h"
	per := time.Second
	if s, ok := v.(string); ok {
		number, unit, written := strings.Cut(s, "/")
		spans := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}
		if written {
			if per, ok = spans[unit]; !ok {
				return 0, "is not " + rateExample, units
			}
		}
		v = number
	}
	n, ok := decimal(v)
	switch {
	case !ok:
		if _, text := v.(string); text {
			return 0, "is not " + rateExample, units
		}
		return 0, "is " + describe(v) + ", not " + rateExample, units
	case math.Signbit(n):
		return 0, "is a rate below zero", ""
	}
	if n /= per.Seconds(); n > MaxRate {
		return 0, fmt.Sprintf("is more than %.0f in a second", MaxRate), ""
	}
	return n, "", ""
}

// decimal also takes numbers in text, as --param and the environment give them.
func decimal(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case string:
		if strings.Trim(v, "0123456789.+-eE") != "" { // neither hexadecimal nor Inf
			return 0, false
		}
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil
	}
	return 0, false
}

// Share is a part of a whole: 5%, a number from 0 to 1, or expressions for it.
type Share struct{ t *template }

// IsZero says whether the value was not given.
func (s Share) IsZero() bool { return s.t == nil }

// Pos is where the value is written.
func (s Share) Pos() Pos { return s.t.pos() }

// Value is the share, from 0 to 1; 0 when it was not given.
func (s Share) Value(env Env) (float64, error) {
	if s.t == nil {
		return 0, nil
	}
	v, err := s.t.eval(env)
	if err != nil {
		return 0, err
	}
	share, problem, _ := shareOf(v)
	if problem != "" {
		return 0, fmt.Errorf("%s: %q %s", s.Pos(), s.t.raw, problem)
	}
	return share, nil
}

func (s Share) written() *template { return s.t }

func (s Share) expressions() []*expression { return s.t.expressions() }

const shareExample = "a share such as 5%"

// shareOf reads a share. The problem continues the sentence "X …".
func shareOf(v any) (share float64, problem, hint string) {
	written, percent := v, false
	if s, ok := v.(string); ok {
		var number string
		if number, percent = strings.CutSuffix(s, "%"); percent {
			written = number
		}
	}
	n, ok := decimal(written)
	if percent {
		n /= 100
	}
	switch {
	case !ok && percent, !ok && isText(v):
		return 0, "is not " + shareExample, ""
	case !ok:
		return 0, "is " + describe(v) + ", not " + shareExample, ""
	case n > 1 && !percent:
		return 0, "is more than the whole", fmt.Sprintf("write %v%%", v)
	case n > 1:
		return 0, "is more than the whole", ""
	case math.Signbit(n):
		return 0, "is a share below zero", ""
	}
	return n, "", ""
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}
