package checks

import (
	"fmt"
	"strings"

	"github.com/passrig/passrig/report"
)

// Finding is what performing a check, or one case of it, came to. The check's level turns it into a verdict.
type Finding struct {
	kind      kind
	Actual    string // what happened, in one sentence
	escalated bool   // what happened is a failure whatever the level is
}

type kind int

// In the order in which one of several findings decides.
const (
	kindInapplicable kind = iota // there was nothing to check
	kindConforms
	kindUnable   // the adapter offers too little to tell
	kindCrashes  // refused, but by falling over
	kindWeak     // said yes without anything coming of it
	kindUntold   // something broke: it could not be told
	kindDeviates // what was expected did not happen
)

func conforms(format string, args ...any) Finding {
	return Finding{kind: kindConforms, Actual: fmt.Sprintf(format, args...)}
}

func deviates(format string, args ...any) Finding {
	return Finding{kind: kindDeviates, Actual: fmt.Sprintf(format, args...)}
}

// breaks is a deviation with an effect that is a failure whatever the check's level is.
func breaks(format string, args ...any) Finding {
	return Finding{kind: kindDeviates, Actual: fmt.Sprintf(format, args...), escalated: true}
}

func crashes(reason string) Finding {
	return Finding{kind: kindCrashes, Actual: "refused by failing: " + reason}
}

func weak(actual string) Finding {
	return Finding{kind: kindWeak, Actual: actual}
}

// untold is for what broke on the way.
func untold(format string, args ...any) Finding {
	return Finding{kind: kindUntold, Actual: fmt.Sprintf(format, args...)}
}

// unable is for what the adapter gives no means to see.
func unable(format string, args ...any) Finding {
	return Finding{kind: kindUnable, Actual: fmt.Sprintf(format, args...)}
}

func inapplicable(format string, args ...any) Finding {
	return Finding{kind: kindInapplicable, Actual: fmt.Sprintf(format, args...)}
}

// either is what a check that only records came to.
func either(deviated bool, format string, args ...any) Finding {
	if deviated {
		return deviates(format, args...)
	}
	return conforms(format, args...)
}

// verdict is what a finding means at the check's level. ungated says that a gate was not declared.
func (f Finding) verdict(c *Check, strict, ungated bool) report.Verdict {
	switch f.kind {
	case kindInapplicable, kindUnable:
		return report.VerdictSkip
	case kindUntold:
		return report.VerdictError
	case kindConforms, kindCrashes, kindWeak, kindDeviates:
	}
	switch {
	case c.Level == Info:
		return report.VerdictInfo
	case f.kind == kindConforms:
		return report.VerdictPass
	case ungated:
		return report.VerdictInfo
	case f.kind != kindDeviates:
		return report.VerdictWarn
	case f.escalated || strict || c.Level == Must || c.Level == Accept:
		return report.VerdictFail
	}
	return report.VerdictWarn
}

// named is a finding of one case.
type named struct {
	name string
	Finding
}

// sum is what several cases come to: the worst decides, and says which cases it was.
func sum(cases []named) Finding {
	if len(cases) == 0 {
		return inapplicable("none of the cases applies to this relying party")
	}
	if len(cases) == 1 {
		return cases[0].Finding
	}
	worst := cases[0]
	for _, c := range cases[1:] {
		if c.kind > worst.kind {
			worst = c
		}
	}
	var same []string
	applied := 0
	for _, c := range cases {
		if c.kind == worst.kind {
			same = append(same, c.name)
			worst.escalated = worst.escalated || c.escalated
		}
		if c.kind != kindInapplicable {
			applied++
		}
	}
	if len(same) == len(cases) {
		worst.Actual = fmt.Sprintf("%s (%d cases)", worst.Actual, len(cases))
	} else if worst.kind != kindInapplicable {
		worst.Actual = fmt.Sprintf("%s (%d of %d cases: %s)", worst.Actual, len(same), applied, strings.Join(same, ", "))
	}
	return worst.Finding
}
