package load

import (
	"context"
	"fmt"
	"sync"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
)

// tryOut plays every journey once before the load, which shows what would go wrong each time. It says whether the
// load can go on.
func (l *Load) tryOut(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer l.cutOff(ctx, cancel)()
	steps := make([]report.Step, len(l.Plan.Journeys))
	var playing sync.WaitGroup
	for i := range l.Plan.Journeys { // at a time, as a journey may take its time to think
		playing.Go(func() { steps[i] = l.tryOne(ctx, i) })
	}
	playing.Wait()
	fine := true
	for _, s := range steps {
		fine = fine && s.Verdict == report.VerdictPass
		l.addStep(s)
	}
	return fine && !l.stop.asked(ctx)
}

func (l *Load) tryOne(ctx context.Context, journey int) report.Step {
	users := l.usersOf(journey)
	player := l.program.NewPlayer(journey, l.client, users, l.clock)
	defer player.Close()
	begin := l.clock.Now()
	of := max(int64(l.cfg.Wishes.Segment.Of), 1)
	user := (int64(journey)*of + int64(l.cfg.Wishes.Segment.Index)) % users.Count() // one of this segment
	it, samples := player.Play(ctx, journey, user, begin)
	step := report.Step{
		Action: "try", Title: "try out " + l.journeyName(journey), Verdict: report.VerdictPass,
		StartMS: millis(begin), DurationMS: millis(l.clock.Now() - begin),
	}
	switch {
	case it.Censored:
		step.Verdict, step.Message = report.VerdictSkip, "interrupted"
	case it.Failed:
		step.Verdict = report.VerdictError
		step.Message, step.Hint = l.complaint(samples)
	}
	return step
}

// journeyName is what a journey is called in sentences.
func (l *Load) journeyName(journey int) string {
	if name := l.Plan.Journeys[journey].Name; name != "" {
		return "journey " + name
	}
	return "the steps"
}

// complaint is what was not as expected in an iteration, and what to do.
func (l *Load) complaint(samples []ledger.Sample) (message, hint string) {
	for i := range samples {
		s := &samples[i]
		if s.Expected {
			continue
		}
		operation := l.program.Operations()[s.Operation].Operation
		if message = s.Example; message == "" {
			message = fmt.Sprintf("%s ended with %s", operation, s.Class)
		}
		return message, l.hint(s.Class)
	}
	return "a step was not as expected", ""
}

// hint is what to do about a class of outcome before a load.
func (l *Load) hint(c ledger.Class) string {
	switch c {
	case ledger.Unreachable:
		return rp.HintNobodyThere
	case ledger.Timeout:
		return "is the relying party stuck or overloaded? A longer limit: load.timeout"
	case ledger.Rejected, ledger.Refused, ledger.NoOptions:
		if l.Plan.Prepare == nil && l.Plan.Users.Import == "" {
			return "does the relying party know the users? load.prepare: register enrolls them first; passrig rp --enrolled starts the demo with them"
		}
	case ledger.Exhausted:
		return "raise the limit of open files, such as by ulimit -n, or keep connections alive"
	default:
	}
	return "passrig run with the same steps and without load shows every request and answer"
}
