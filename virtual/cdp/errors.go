package cdp

import (
	"context"
	"fmt"
	"time"
)

// OldError says that the browser is too old for something.
type OldError struct {
	Version string // as [Browser.Version]
	Feature string
	Needs   int // major version of Chromium
}

// Error implements error.
func (e *OldError) Error() string {
	return fmt.Sprintf("%s is too old for %s, which needs Chromium %d", e.Version, e.Feature, e.Needs)
}

// SandboxError says that the browser could not start for its sandbox.
type SandboxError struct {
	Path string
	Said string // the browser's own last line
}

// Error implements error.
func (e *SandboxError) Error() string {
	return fmt.Sprintf("browser %q cannot set up its sandbox: %s", e.Path, e.Said)
}

// Hint says what helps.
func (e *SandboxError) Hint() string {
	return "in a container that is safe enough by itself, run it without (no-sandbox)"
}

// TimeoutError says that something did not happen in time.
type TimeoutError struct {
	What  string
	Limit time.Duration
}

// Error implements error.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("waited %v for %s", e.Limit, e.What)
}

// Unwrap makes it a [context.DeadlineExceeded].
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// UnsupportedError says that the road a device takes cannot do something.
type UnsupportedError struct {
	Road    Road
	What    string
	Instead string // what to do
}

// Error implements error.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s: not possible with %s", e.What, e.Road)
}

// Hint says what to do instead.
func (e *UnsupportedError) Hint() string { return e.Instead }
