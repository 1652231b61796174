package cdp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// anyInterval is how often the elements of WaitAny are looked for.
const anyInterval = 15 * time.Millisecond

// WaitAny waits until something that one of several selectors finds is visible, and returns its index. Elements inside frames
// of other origins are not looked for.
func (p *Page) WaitAny(ctx context.Context, selectors ...string) (int, error) {
	step := Step{Action: ActionWait, Selector: strings.Join(selectors, " or ")}
	b := p.target.device.browser
	ctx, cancel := b.bounded(ctx, step.String())
	defer cancel()
	started := b.cfg.Clock()
	found, err := p.waitAny(ctx, selectors)
	if err != nil {
		return found, p.failed(ctx, step, b.cfg.Clock().Sub(started), err)
	}
	return found, nil
}

func (p *Page) waitAny(ctx context.Context, selectors []string) (int, error) {
	actions := make([]action, len(selectors))
	for i, s := range selectors {
		chain, err := parseSelector(s)
		if err != nil {
			return -1, err
		}
		actions[i] = action{Action: "wait", Chain: append(chain, part{By: "nth"})}
	}
	why := "there is no document"
	for {
		id, err := p.target.contextOf(ctx, world{p.target.id, stepWorld})
		if err != nil {
			return -1, &waitError{why, err}
		}
		for i, a := range actions {
			result, err := p.ask(ctx, id, "passrig.attempt("+quote(a)+")", false)
			switch {
			case contextLost(err): // the document was replaced: look again in the new one
			case err != nil:
				return -1, &waitError{why, err}
			case result.Done:
				return i, nil
			case result.Broken:
				return -1, errors.New(result.Why)
			case result.Hop != nil:
				return -1, fmt.Errorf("%s: an element in a frame cannot be waited for together with others", selectors[i])
			default:
				why = "none of them is visible"
			}
		}
		if !pause(ctx, anyInterval) {
			return -1, &waitError{why, context.Cause(ctx)}
		}
	}
}
