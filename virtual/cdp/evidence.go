package cdp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-rod/rod/lib/proto"
)

// Evidence is what a page looked like when a step failed. Typed passwords are not in it, but whatever
// else the page shows is.
type Evidence struct {
	URL        string
	Screenshot []byte // PNG; nil if the page is hidden, see [Config.Hidden]
	DOM        string // the start of the document, without scripts and styles
	Log        []Line
}

// StepError says which step of a page failed, and why.
type StepError struct {
	Step     Step
	Waited   time.Duration
	Evidence Evidence
	Err      error
}

// Error implements error.
func (e *StepError) Error() string {
	text := fmt.Sprintf("page step %q", e.Step)
	if _, ok := errors.AsType[*waitError](e.Err); ok && errors.Is(e.Err, context.DeadlineExceeded) {
		text += fmt.Sprintf(": gave up after %v", e.Waited.Round(100*time.Millisecond))
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *StepError) Unwrap() error { return e.Err }

// waitError is a wait that ended, with what was seen last.
type waitError struct {
	seen string
	err  error
}

func (e *waitError) Error() string {
	if errors.Is(e.err, context.DeadlineExceeded) {
		return e.seen
	}
	return e.err.Error()
}

func (e *waitError) Unwrap() error { return e.err }

// NavigationError says that a URL did not lead to a page.
type NavigationError struct {
	URL  string
	Code string // Chrome's, "net::ERR_CONNECTION_REFUSED"
}

// Error implements error.
func (e *NavigationError) Error() string {
	var what string
	switch {
	case strings.HasPrefix(e.Code, "net::ERR_CERT_"):
		what = "the server's certificate is not trusted"
	case e.Code == "net::ERR_CONNECTION_REFUSED":
		what = "nothing listens there"
	case e.Code == "net::ERR_NAME_NOT_RESOLVED":
		what = "the name is not known"
	case e.Code == "net::ERR_ABORTED":
		what = "the navigation was broken off, by a download or another one"
	default:
		return fmt.Sprintf("%s: %s", e.URL, e.Code)
	}
	return fmt.Sprintf("%s: %s (%s)", e.URL, what, e.Code)
}

// Screenshot returns a PNG of what is visible of the page.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) {
	if p.target.device.browser.hidden() {
		return nil, &UnsupportedError{Road: p.target.device.Road(), What: "a screenshot of a hidden page", Instead: "use a headless shell, or leave Config.Hidden"}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, screenshotTimeout, &TimeoutError{What: "a screenshot", Limit: screenshotTimeout})
	defer cancel()
	shot, err := proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatPng, OptimizeForSpeed: true}.Call(p.target.session.in(ctx))
	if err != nil {
		return nil, p.target.explain(err)
	}
	return shot.Data, nil
}

const screenshotTimeout = time.Second

// failed adds evidence to why a step failed.
func (p *Page) failed(ctx context.Context, s Step, waited time.Duration, cause error) error {
	failure := &StepError{Step: s, Waited: waited, Err: cause, Evidence: Evidence{URL: p.URL(), Log: p.Log()}}
	if errors.Is(ctx.Err(), context.Canceled) || errors.Is(cause, ErrBrowserGone) || errors.Is(cause, errClosed) || errors.Is(cause, errCrashed) {
		return failure
	}
	t := p.target
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), screenshotTimeout)
	defer cancel()
	t.mu.Lock()
	id := t.worlds[world{t.id, stepWorld}]
	t.mu.Unlock()
	if id != 0 {
		if data, err := t.evaluate(ctx, id, "passrig.excerpt()", false, false); err == nil {
			_ = json.Unmarshal(data, &failure.Evidence.DOM) // a string by construction
		}
	}
	failure.Evidence.Screenshot, _ = p.Screenshot(ctx) // evidence is best effort
	return failure
}
