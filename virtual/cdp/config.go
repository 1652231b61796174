package cdp

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config says which browser is started, and how.
type Config struct {
	// Path is the browser's executable, see [Find].
	Path string
	// Dir is where browser profiles live while they are used; empty means the system's folder for
	// temporary files.
	Dir string
	// Headed shows the browser to people.
	Headed bool
	// Hidden keeps full Chromium from drawing pages at all: a third of the memory and twice the pages
	// a second, for load. Hidden pages cannot open windows and have no screenshots. A headless shell is
	// as quick without; there, and with Headed, it means nothing.
	Hidden bool
	// SlowMo is a pause after every page step, for people who watch.
	SlowMo time.Duration
	// Hosts sends connections elsewhere: "login.example.test:443" to "127.0.0.1:8443". With it no
	// proxy is used.
	Hosts map[string]string
	// SPKI lists certificates to trust by the base64 SHA-256 of their public key (SubjectPublicKeyInfo).
	// An authority counts when servers send it in their chain.
	SPKI []string
	// NoSandbox runs Chrome without its sandbox, as some containers need. For the superuser, whom the
	// sandbox refuses, that is so anyhow.
	NoSandbox bool
	// StepTimeout bounds every page step and ceremony whose context has no deadline; 0 means 15 s.
	StepTimeout time.Duration
	// Notice hears what a person should know: what was switched off, or what did not travel. It may be
	// called from any goroutine; nil means nobody listens.
	Notice func(message string)
	// Clock tells the time; nil means the system clock.
	Clock func() time.Time
}

const defaultStepTimeout = 15 * time.Second

func (c Config) withDefaults() Config {
	if c.StepTimeout <= 0 {
		c.StepTimeout = defaultStepTimeout
	}
	if c.Notice == nil {
		c.Notice = func(string) {}
	}
	if c.Clock == nil {
		c.Clock = time.Now //nolint:forbidigo // the one real clock
	}
	return c
}

// shell reports whether a browser is the old headless mode that lives on as a program of its own: it
// has no windows at all, so there is nothing to hide.
func shell(path string) bool {
	return strings.Contains(filepath.Base(path), "headless-shell") || strings.Contains(filepath.Base(path), "headless_shell")
}

// arguments are Chrome's, without the profile.
func (c Config) arguments() []string {
	args := []string{
		"--remote-debugging-pipe",
		"--no-first-run",
		"--no-default-browser-check",
		"--disable-background-networking",
		"--disable-background-timer-throttling",
		"--disable-backgrounding-occluded-windows",
		"--disable-renderer-backgrounding",
		"--disable-component-update",
		"--disable-sync",
		"--disable-default-apps",
		"--disable-extensions",
		"--disable-quic",
		"--disable-breakpad",
		"--disable-popup-blocking",
		"--disable-dev-shm-usage", // containers have 64 MB of it
		"--password-store=basic",
		"--use-mock-keychain",
		"--metrics-recording-only",
		"--mute-audio",
		"--force-color-profile=srgb",
		// One process for all frames of a page: its scripts and steps reach frames of other sites too.
		// WebAuthn's rules are kept by the browser process and stay as they are.
		"--disable-site-isolation-trials",
		"--disable-features=IsolateOrigins,site-per-process,Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
	}
	if !c.Headed {
		args = append(args, "--headless=new")
	}
	if c.NoSandbox {
		args = append(args, "--no-sandbox")
	}
	if len(c.SPKI) > 0 {
		args = append(args, "--ignore-certificate-errors-spki-list="+strings.Join(c.SPKI, ","))
	}
	if len(c.Hosts) > 0 {
		rules := make([]string, 0, len(c.Hosts))
		for _, host := range slices.Sorted(maps.Keys(c.Hosts)) {
			rules = append(rules, "MAP "+host+" "+c.Hosts[host])
		}
		args = append(args, "--host-resolver-rules="+strings.Join(rules, ","), "--no-proxy-server")
	}
	return args
}
