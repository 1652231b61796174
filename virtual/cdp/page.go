package cdp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-rod/rod/lib/proto"
)

// Page is a page of a device, driven step by step as a person would. Each step waits until it can be
// done: until the element is there, visible, enabled, not covered. What cannot be done in time, or at
// all, is a [*StepError] with evidence.
//
// Elements are named by selectors: role=button[name="Sign in"], label=Username, placeholder=…, text=…,
// or CSS, inside frames with frame=… >>, of several with >> nth=0. CSS reaches into open shadow trees.
type Page struct{ target *target }

// Actions of a [Step].
const (
	ActionGoto       = "goto"        // Value is the URL
	ActionFill       = "fill"        // Selector, Value
	ActionClick      = "click"       // Selector
	ActionPress      = "press"       // Value is a key, Selector what has the focus (optional)
	ActionSelect     = "select"      // Selector, Value is an option's value or label
	ActionWait       = "wait-for"    // Selector is to be visible
	ActionWaitGone   = "wait-gone"   // Selector is not to be visible
	ActionExpectText = "expect-text" // Selector (or the whole page) is to contain Value
	ActionEvaluate   = "evaluate"    // Value is a JavaScript expression, promises are awaited
)

// Step is something to do on a page.
type Step struct {
	Action   string
	Selector string
	Value    string
	First    bool // of several visible elements that the selector finds, the first is meant
}

// chain is the selector as the page's side looks for it.
func (s Step) chain() string {
	if s.First && s.Selector != "" {
		return s.Selector + " >> nth=0"
	}
	return s.Selector
}

// String describes the step in a few words; a value that is typed may be a secret and is left out.
func (s Step) String() string {
	switch s.Action {
	case ActionFill, ActionEvaluate:
		return joinWords(s.Action, s.Selector)
	case ActionGoto:
		return joinWords(s.Action, s.Value)
	}
	if s.Value != "" {
		return joinWords(s.Action, s.Selector, fmt.Sprintf("%q", s.Value))
	}
	return joinWords(s.Action, s.Selector)
}

func joinWords(words ...string) string {
	out := ""
	for _, w := range words {
		if w != "" && out != "" {
			out += " "
		}
		out += w
	}
	return out
}

// Do does a step. The value is that of [ActionEvaluate] as JSON, or the text that [ActionExpectText]
// found; nil for others.
func (p *Page) Do(ctx context.Context, s Step) (json.RawMessage, error) {
	b := p.target.device.browser
	ctx, cancel := b.bounded(ctx, s.String())
	defer cancel()
	ctx, release := p.target.living(ctx)
	defer release()
	started := b.cfg.Clock()
	var value json.RawMessage
	err := p.target.device.native.settle(ctx)
	if err == nil {
		value, err = p.do(ctx, s)
	}
	if err != nil {
		err = p.failed(ctx, s, b.cfg.Clock().Sub(started), err)
	}
	p.traced(ctx, s)
	if b.cfg.SlowMo > 0 {
		pause(ctx, b.cfg.SlowMo)
	}
	return value, err
}

func (p *Page) do(ctx context.Context, s Step) (json.RawMessage, error) {
	switch s.Action {
	case ActionGoto:
		return nil, p.navigate(ctx, s.Value)
	case ActionFill, ActionClick, ActionSelect:
		return p.act(ctx, s.Action, s.chain(), s.Value)
	case ActionPress:
		return nil, p.press(ctx, s.chain(), s.Value)
	case ActionWait:
		return p.act(ctx, "wait", s.chain(), "")
	case ActionWaitGone:
		return p.act(ctx, "gone", s.chain(), "")
	case ActionExpectText:
		return p.act(ctx, "expect", s.chain(), s.Value)
	case ActionEvaluate:
		return p.evaluate(ctx, s.Value)
	}
	return nil, fmt.Errorf("unknown action %q", s.Action)
}

// Goto opens a URL and waits until its document is read (DOMContentLoaded).
func (p *Page) Goto(ctx context.Context, url string) error {
	_, err := p.Do(ctx, Step{Action: ActionGoto, Value: url})
	return err
}

// Fill replaces what is in a text field.
func (p *Page) Fill(ctx context.Context, selector, value string) error {
	_, err := p.Do(ctx, Step{Action: ActionFill, Selector: selector, Value: value})
	return err
}

// Click clicks, with a user gesture. Scripts can tell that no mouse was involved (isTrusted).
func (p *Page) Click(ctx context.Context, selector string) error {
	_, err := p.Do(ctx, Step{Action: ActionClick, Selector: selector})
	return err
}

// Press presses a key, such as "Enter", "Escape", "ArrowDown" or "a", in the element, or without a
// selector in whatever has the focus.
func (p *Page) Press(ctx context.Context, selector, key string) error {
	_, err := p.Do(ctx, Step{Action: ActionPress, Selector: selector, Value: key})
	return err
}

// Select chooses an option of a list by its value or its label.
func (p *Page) Select(ctx context.Context, selector, option string) error {
	_, err := p.Do(ctx, Step{Action: ActionSelect, Selector: selector, Value: option})
	return err
}

// WaitFor waits until the element is visible.
func (p *Page) WaitFor(ctx context.Context, selector string) error {
	_, err := p.Do(ctx, Step{Action: ActionWait, Selector: selector})
	return err
}

// ExpectText waits until the element, or with an empty selector the page, contains the text, without
// regard to white space.
func (p *Page) ExpectText(ctx context.Context, selector, text string) error {
	_, err := p.Do(ctx, Step{Action: ActionExpectText, Selector: selector, Value: text})
	return err
}

// Text waits for an element to be visible and returns its text with white space collapsed.
func (p *Page) Text(ctx context.Context, selector string) (string, error) {
	var text string
	value, err := p.Do(ctx, Step{Action: ActionExpectText, Selector: selector})
	if err != nil {
		return "", err
	}
	return text, errors.Join(json.Unmarshal(value, &text))
}

// Evaluate runs a JavaScript expression in the page, with a user gesture, awaits it if it is a promise,
// and returns its value as JSON.
func (p *Page) Evaluate(ctx context.Context, expression string) (json.RawMessage, error) {
	return p.Do(ctx, Step{Action: ActionEvaluate, Value: expression})
}

// URL is where the page is.
func (p *Page) URL() string {
	p.target.mu.Lock()
	defer p.target.mu.Unlock()
	return p.target.url
}

// Log returns the newest lines of the page's console, uncaught exceptions, what Chrome says about its
// requests, and dialog boxes, which are dismissed.
func (p *Page) Log() []Line { return p.target.journal.all() }

func (p *Page) navigate(ctx context.Context, address string) error {
	t := p.target
	t.mu.Lock()
	before := t.loads
	t.mu.Unlock()
	result, err := proto.PageNavigate{URL: address}.Call(t.session.in(ctx))
	if err != nil {
		return t.explain(err)
	}
	if result.ErrorText != "" {
		return &NavigationError{URL: address, Code: result.ErrorText}
	}
	if result.LoaderID == "" {
		return nil // within the document
	}
	return t.await(ctx, func() bool { return t.loads > before })
}

func (p *Page) evaluate(ctx context.Context, expression string) (json.RawMessage, error) {
	t := p.target
	id, err := t.contextOf(ctx, world{frame: t.id})
	if err != nil {
		return nil, err
	}
	value, err := t.evaluate(ctx, id, expression, true, true)
	if contextLost(err) {
		return nil, fmt.Errorf("the page was left meanwhile: %w", err)
	}
	return value, err
}

// attempt is what the page's side says of a step.
type attempt struct {
	Done   bool            `json:"done"`
	Value  json.RawMessage `json:"value"`
	Why    string          `json:"why"`
	Broken bool            `json:"broken"` // it will never do
	Hop    *int            `json:"hop"`    // the frame in the chain that has to be entered from here
}

// action is a step as the page's side takes it.
type action struct {
	Action string `json:"action"`
	Chain  []part `json:"chain"`
	Value  string `json:"value"`
}

// act has an action done as soon as it can be: tried at once, then after each wait of the page's own
// that ends well. Only the trying acts, and it is never lost: when it makes the page leave, its answer
// is out already.
func (p *Page) act(ctx context.Context, name, selector, value string) (json.RawMessage, error) {
	a := action{Action: name, Chain: []part{}, Value: value}
	if selector != "" || name != "expect" {
		chain, err := parseSelector(selector)
		if err != nil {
			return nil, err
		}
		a.Chain = chain
	}
	why := "there is no document"
	frame := p.target.id
	step := a
	for {
		id, err := p.target.contextOf(ctx, world{frame, stepWorld})
		if err != nil {
			return nil, &waitError{why, err}
		}
		result, err := p.try(ctx, id, step)
		switch {
		case contextLost(err) || frame != p.target.id && result.Hop == nil && !result.Done && err == nil && result.Why == "":
			frame, step = p.target.id, a // the document was replaced: from the top
			continue
		case err != nil:
			return nil, &waitError{why, err}
		case result.Done:
			return result.Value, nil
		case result.Broken:
			return nil, errors.New(result.Why)
		case result.Hop != nil:
			inner, err := p.enter(ctx, id, step.Chain[:*result.Hop+1])
			if err != nil {
				why = "the frame could not be entered"
				frame, step = p.target.id, a
				if !pause(ctx, 40*time.Millisecond) {
					return nil, &waitError{why, context.Cause(ctx)}
				}
				continue
			}
			frame, step.Chain = inner, step.Chain[*result.Hop+1:]
			continue
		}
		why = result.Why
	}
}

// try attempts an action, waiting first if it is not possible at once.
func (p *Page) try(ctx context.Context, contextID int64, a action) (attempt, error) {
	step := quote(a)
	result, err := p.ask(ctx, contextID, "passrig.attempt("+step+")", false)
	if err != nil || result.Done || result.Broken || result.Hop != nil {
		return result, err
	}
	waited, err := p.ask(ctx, contextID, fmt.Sprintf("passrig.until(%s,%d)", step, slice(ctx).Milliseconds()), true)
	if err != nil || !waited.Done {
		return waited, err
	}
	return p.ask(ctx, contextID, "passrig.attempt("+step+")", false)
}

// slice is how long the page's side may wait before it says what it sees, so that this can be told
// when time is up.
func slice(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Second
	}
	return max(5*time.Millisecond, min(time.Second, time.Until(deadline)/2))
}

func (p *Page) ask(ctx context.Context, contextID int64, script string, await bool) (attempt, error) {
	var result attempt
	data, err := p.target.evaluate(ctx, contextID, script, await, true)
	if err != nil {
		return result, err
	}
	return result, json.Unmarshal(data, &result)
}

// enter finds the frame that the chain's last part names, when the page's side cannot reach into it.
func (p *Page) enter(ctx context.Context, contextID int64, chain []part) (string, error) {
	t := p.target
	object, err := proto.RuntimeEvaluate{
		Expression: "passrig.frame(" + quote(chain) + ")", ContextID: proto.RuntimeExecutionContextID(contextID),
	}.Call(t.session.in(ctx))
	if err != nil {
		return "", err
	}
	node, err := proto.DOMDescribeNode{ObjectID: object.Result.ObjectID}.Call(t.session.in(ctx))
	if err != nil {
		return "", err
	}
	if node.Node.FrameID == "" {
		return "", errors.New("not a frame")
	}
	return string(node.Node.FrameID), nil
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
