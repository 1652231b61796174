package cdp

import (
	"context"
	"errors"
	"strings"
	"time"
)

// anyInterval is how often the elements of WaitAny are looked for.
const anyInterval = 15 * time.Millisecond

// WaitAny waits until something that one of several selectors finds is visible, and returns its index.
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
		for i, a := range actions {
			result, err := p.look(ctx, a)
			switch {
			case contextLost(err): // the document was replaced: look again in the new one
			case err != nil:
				return -1, &waitError{why, err}
			case result.Done:
				return i, nil
			case result.Broken:
				return -1, errors.New(result.Why)
			default:
				why = "none of them is visible"
			}
		}
		if !pause(ctx, anyInterval) {
			return -1, &waitError{why, context.Cause(ctx)}
		}
	}
}

// look attempts an action once, in whatever frame its selector leads to.
func (p *Page) look(ctx context.Context, a action) (attempt, error) {
	t := p.target
	id, err := t.contextOf(ctx, world{t.id, stepWorld})
	if err != nil {
		return attempt{}, err
	}
	for {
		result, err := p.ask(ctx, id, "passrig.attempt("+quote(a)+")", false)
		if err != nil || result.Hop == nil {
			return result, err
		}
		frame, err := p.enter(ctx, id, a.Chain[:*result.Hop+1])
		t.mu.Lock()
		id = t.worlds[world{frame, stepWorld}]
		t.mu.Unlock()
		if err != nil || id == 0 {
			return attempt{}, ctx.Err() // the frame is not there yet, or no more
		}
		a.Chain = a.Chain[*result.Hop+1:]
	}
}
