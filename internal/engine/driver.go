package engine

import (
	"context"
	"errors"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// The drivers.
const (
	DriverAPI     = "api"     // speaks HTTP, with a software authenticator
	DriverBrowser = "browser" // drives the relying party's own pages in Chrome
)

// Who plays the devices of a run with pages.
const (
	AuthenticatorsPassrig = "passrig" // passrig's own authenticator, unless a device has others
	AuthenticatorsChrome  = "chrome"  // Chrome's virtual authenticators, wherever they can hold the provider's passkeys
)

// Driver performs the operations of one relying party. [rp.Party] is the API driver.
type Driver interface {
	// Do performs an operation in a session. It always returns a result; what went wrong is in it.
	Do(ctx context.Context, operation string, s *rp.Session, in rp.Input) *rp.Result
	// Release ends a session; its cookies are no longer needed.
	Release(s *rp.Session)
}

// PageDriver is a driver whose sessions have pages.
type PageDriver interface {
	Driver
	// NewDevice makes a device with Chrome's own authenticators. Its ceremonies are the page's. It is a
	// [fabric.Keychain] too.
	NewDevice(d ChromeDevice) (Device, error)
	// Behave changes how a device and its person behave, from now on.
	Behave(ctx context.Context, d Device, b Behavior) error
	// Enter says, before anything is done in a session, whose browser it is in and whose passkeys answer
	// its page from now on.
	Enter(s *rp.Session, v Visit)
	// Page does page steps in a session. What they save is in the result; what waited for something that was
	// not shown is rejected.
	Page(ctx context.Context, s *rp.Session, steps []scenarios.PageStep, env scenarios.Env) *rp.Result
}

// ChromeDevice is a device that Chrome's own authenticators play.
type ChromeDevice struct {
	Authenticators []scenarios.ChromeAuthenticator
	// Permit is asked before each ceremony, and brings the device up to date for it. An error ends the ceremony.
	// It may be called from any goroutine. Nil: everything is permitted.
	Permit func(ctx context.Context, kind string, req virtual.GetRequest) error
	// Heed does what a page signals, in place of Chrome. Nil: Chrome does as it does.
	Heed func(virtual.Signal) [][]byte
	// Uncounted says that the provider's passkeys do not count their signatures. Chrome always counts: copies of a
	// passkey then count together, so that no copy looks cloned.
	Uncounted bool
}

// Visit is how a session is used on the page.
type Visit struct {
	Home  Device // whose browser it is, and who hears what the page signals; nil: no device's
	Asked Device // who answers what the page asks; nil: Home
	Pick  []byte // id of the credential that the person picks where several fit; nil: the newest
}

// errNeedsPages is for a caller that did not look: [scenarios.Options] has WithoutPages.
var errNeedsPages = errors.New("it needs the relying party's pages: run it with --driver browser")

// enter tells a driver with pages how a session is used next.
func (w *world) enter(v *visit, asked *device, pick []byte) {
	if w.pages == nil {
		return
	}
	use := Visit{Pick: pick}
	if home := w.devices[v.device]; home != nil {
		use.Home = home.Device
	}
	if asked != nil {
		use.Asked = asked.Device
	}
	w.pages.Enter(v.session, use)
}
