package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/browser"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/virtual/cdp"
	"github.com/passrig/passrig/virtual/fabric/disk"
)

// driverOptions say how the relying party is driven.
type driverOptions struct {
	driver *enum
	headed bool
	slowMo time.Duration
	trace  string
	quiet  bool // no notices

	authenticators *enum
}

func newDriverOptions() *driverOptions {
	return &driverOptions{
		driver:         newEnum(engine.DriverAPI, engine.DriverAPI, engine.DriverBrowser),
		authenticators: newEnum(engine.AuthenticatorsPassrig, engine.AuthenticatorsPassrig, engine.AuthenticatorsChrome),
	}
}

func (o *driverOptions) add(cmd *cobra.Command) {
	o.driver.flag(cmd, "driver", "how the relying party is driven: by requests, or on its own pages in Chrome")
	cmd.Flags().BoolVar(&o.headed, "headed", false, "with --driver browser: show the browser")
	cmd.Flags().DurationVar(&o.slowMo, "slow-mo", 0, "with --driver browser: a pause after every page step, such as 500ms, to watch")
	cmd.Flags().StringVar(&o.trace, "trace", "", "with --driver browser: keep a screenshot and the requests of every page step in `DIR`, unredacted; slows down ceremonies")
	completeFlag(cmd, "slow-mo", cobra.NoFileCompletions)
	completeFlag(cmd, "trace", offering(func() []string { return nil }, cobra.ShellCompDirectiveFilterDirs))
}

// addAuthenticators adds the flag of commands that play devices as their providers are.
func (o *driverOptions) addAuthenticators(cmd *cobra.Command) {
	o.authenticators.flag(cmd, "authenticators", "with --driver browser: whose authenticators play the devices, passrig's, or Chrome's where they can hold the provider's passkeys")
}

func (o *driverOptions) validate(cmd *cobra.Command) error {
	if !o.hasPages() && o.watched() {
		return usageError(cmd, "add --driver browser", "--headed, --slow-mo and --trace are for the browser driver")
	}
	if !o.hasPages() && o.authenticators.value != engine.AuthenticatorsPassrig {
		return usageError(cmd, "add --driver browser", "--authenticators %s is for the browser driver", o.authenticators.value)
	}
	if o.slowMo < 0 {
		return usageError(cmd, "", "--slow-mo %s: not a duration of 0 or more", o.slowMo)
	}
	return nil
}

// execute runs scenarios with the chosen driver, with progress.
func (o *driverOptions) execute(ctx context.Context, env *Env, cfg engine.Config) (run *report.Run, err error) {
	if _, err := plan(ctx, o.planned(env, cfg)); err != nil {
		return nil, err
	}
	cfg, stop, err := o.drive(ctx, env, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return execute(ctx, env, cfg)
}

// hasPages says whether the driver does what needs the relying party's pages.
func (o *driverOptions) hasPages() bool { return o.driver.value == engine.DriverBrowser }

// watched says whether somebody follows what the browser does, now or later.
func (o *driverOptions) watched() bool { return o.headed || o.slowMo != 0 || o.trace != "" }

// planned makes a run that ends before its first step use the chosen driver, without a browser.
func (o *driverOptions) planned(env *Env, cfg engine.Config) engine.Config {
	if o.hasPages() {
		cfg.Driver, cfg.Drive, cfg.Authenticators = engine.DriverBrowser, browser.Drive(nil, env.Now, nil), o.authenticators.value
	}
	return cfg
}

// drive makes a run use the chosen driver. stop ends what that takes.
func (o *driverOptions) drive(ctx context.Context, env *Env, cfg engine.Config) (driven engine.Config, stop func() error, err error) {
	cfg.OpenState = func(path string) (engine.State, error) { return openState(env.path(path)) } //nolint:contextcheck // a file is opened without one
	if !o.hasPages() {
		return cfg, func() error { return nil }, nil
	}
	chrome, err := o.launch(ctx, env, cfg)
	if err != nil {
		return cfg, nil, err
	}
	cfg.Driver, cfg.Browser, cfg.Authenticators = engine.DriverBrowser, chrome.Version(), o.authenticators.value
	if o.trace == "" {
		cfg.Drive = browser.Drive(chrome, env.Now, nil)
		return cfg, chrome.Close, nil
	}
	kept, err := newTrace(env.path(o.trace))
	if err != nil {
		return cfg, nil, errors.Join(err, chrome.Close())
	}
	cfg.Drive = browser.Drive(chrome, env.Now, kept.add)
	return cfg, func() error { return errors.Join(chrome.Close(), kept.close()) }, nil
}

// openState opens the file in which the providers' clouds keep what they know.
func openState(path string) (engine.State, error) {
	store, err := disk.Open(path)
	if err != nil {
		return engine.State{}, &stateError{err, cmp.Or(hintOf(err), stateHint(path))}
	}
	return engine.State{Journal: store, Ledger: store.Ledger(), LedgerFile: disk.LedgerPath(path)}, nil
}

// stateError is why a state file cannot be used.
type stateError struct {
	err  error
	hint string
}

// Error implements error.
func (e *stateError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *stateError) Unwrap() error { return e.err }

// Hint is what to do about it.
func (e *stateError) Hint() string { return e.hint }

// stateHint says more than SQLite does about a file that it could not open.
func stateHint(path string) string {
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
		return fmt.Sprintf("make the directory %q first", filepath.Dir(path))
	}
	file, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Sprintf("files have to be made in %q: look at its permissions, and at the room on the disk", filepath.Dir(path))
	case file.IsDir():
		return "it is a directory: name a file, such as " + filepath.Join(path, "fabric.db")
	}
	return fmt.Sprintf("has passrig made it? look at its permissions and those of %s, or name another file", disk.LedgerPath(path))
}

// launch starts Chrome so that it reaches and trusts what the files' targets name.
func (o *driverOptions) launch(ctx context.Context, env *Env, cfg engine.Config) (*cdp.Browser, error) {
	path, err := cdp.Find(exec.LookPath, env.LookupEnv)
	if err != nil {
		return nil, couldNot(hintOf(err), "%w", err)
	}
	hosts := make(map[string]string)
	var trusted []string
	for _, file := range cfg.Files {
		for host, to := range file.Target.ConnectTo {
			if other, ok := hosts[host]; ok && other != to {
				return nil, badFile("run the files one by one", "%s: target.connect-to sends %s to %s, another file to %s: one browser cannot do both", file.Path, host, to, other)
			}
			hosts[host] = to
		}
		if file.Target.CA == "" {
			continue
		}
		text, err := cfg.ReadFile(file.Target.CA)
		if err != nil {
			return nil, badFile("", "%s: target.ca: %w", file.Path, err)
		}
		trusted = append(trusted, publicKeys(text)...)
	}
	notice := func(message string) { env.complain("note", message) }
	if o.quiet {
		notice = nil
	}
	chrome, err := cdp.Launch(ctx, cdp.Config{
		Path: path, Headed: o.headed, SlowMo: o.slowMo, Hosts: hosts, SPKI: trusted, Clock: env.Now,
		Notice: notice,
	})
	switch {
	case ctx.Err() != nil:
		return nil, errors.Join(interruption(""), closed(chrome))
	case err != nil:
		return nil, couldNot(hintOf(err), "%w", err)
	}
	return chrome, nil
}

// closed closes a browser that may not have been started.
func closed(chrome *cdp.Browser) error {
	if chrome == nil {
		return nil
	}
	return chrome.Close()
}

// publicKeys are the hashes by which Chrome recognizes the certificates of a PEM file.
func publicKeys(text []byte) []string {
	var hashes []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
			hashes = append(hashes, base64.StdEncoding.EncodeToString(sum[:]))
		}
	}
	return hashes
}

// hintOf is what an error advises, if it does.
func hintOf(err error) string {
	if hinted, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return hinted.Hint()
	}
	return ""
}
