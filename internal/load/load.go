package load

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/load/journey"
	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/providers"
)

// Config is what a load needs from outside.
type Config struct {
	File      *scenarios.File // with a load
	Wishes    Wishes
	Tool      report.Tool
	Seed      uint64
	Clock     func() time.Time // with a monotonic reading, as time.Now
	LookupEnv func(string) (string, bool)
	ReadFile  func(string) ([]byte, error)
	Path      func(string) string  // where on disk a file is that the user named; nil: there
	Providers *providers.Catalogue // nil: the built-in ones

	Pace   func(zero time.Time) pace.Clock // the clock that iterations begin by; nil: pace.NewClock
	Soft   <-chan struct{}                 // closed: nothing more begins, and what is under way is finished; nil: never
	Events Events
	Live   net.Listener // serves the metrics while the load runs, which closes it; nil: nobody collects them
	Dry    bool         // only for looking at: no file is made
}

// Load is a load that is ready to run. Nothing has been sent for it.
type Load struct {
	Plan   *scenarios.LoadPlan
	Target report.Target
	Seed   uint64

	cfg     Config
	target  *engine.Target
	client  wire.Client
	general bool // the client is Go's
	fleet   *fleet.Fleet
	program *journey.Program

	// Of the run under way.
	begun     time.Time
	clock     pace.Clock
	newcomers *fleet.Fleet // nil when no journey is for some
	met       atomic.Int64 // newcomers so far
	stop      *stop
	crossed   string // the threshold that ended the load; written by the watcher, and read once that has ended
	live      *feed
	run       *report.Run
	out       *report.LoadRun // run.Load
}

// Run opens a load, runs it and closes it. The error means that it could not begin, and that nothing was sent.
func Run(ctx context.Context, cfg Config) (run *report.Run, err error) {
	l, err := Open(cfg) //nolint:contextcheck // nothing in it waits
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.Run(ctx), nil
}

// Open prepares a load. Nothing is sent. Close it.
func Open(cfg Config) (*Load, error) {
	if cfg.Path == nil {
		cfg.Path = func(name string) string { return name }
	}
	l := &Load{cfg: cfg, Seed: cfg.Seed}
	err := l.open()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Load) open() (err error) {
	cfg := &l.cfg
	l.target, err = engine.Open(engine.Config{
		Files: []*scenarios.File{cfg.File}, Tool: cfg.Tool, Seed: cfg.Seed, Clock: cfg.Clock, LookupEnv: cfg.LookupEnv, ReadFile: cfg.ReadFile,
	}, cfg.File)
	if err != nil {
		return err
	}
	l.Target = l.target.Report
	if l.Plan, err = cfg.File.LoadPlan(l.target.Env()); err != nil {
		return err
	}
	if l.Plan == nil {
		return fmt.Errorf("%s has no load", cfg.File.Path)
	}
	if err := cfg.Wishes.apply(l.Plan); err != nil {
		return err
	}
	if l.client, err = l.newClient(); err != nil {
		return err
	}
	if l.program, err = journey.Compile(l.target.Party, cfg.File, journey.Config{Plan: l.Plan, Env: l.target.Env()}); err != nil {
		return err
	}
	return l.newFleet()
}

// Close gives up what the load holds: connections, and the state file.
func (l *Load) Close() error {
	var err error
	for _, users := range []*fleet.Fleet{l.fleet, l.newcomers} {
		if users != nil {
			err = errors.Join(err, users.Close())
		}
	}
	if l.client != nil {
		l.client.Close()
	}
	if l.target != nil {
		l.target.Close()
	}
	if l.cfg.Live != nil {
		if closed := l.cfg.Live.Close(); !errors.Is(closed, net.ErrClosed) {
			err = errors.Join(err, closed)
		}
	}
	return err
}

// newClient makes the client: the fast one where it can do what is asked for.
func (l *Load) newClient() (wire.Client, error) {
	target := l.cfg.File.Target
	cfg := wire.Config{
		Mode: l.Plan.Connections, HTTP2: l.Plan.HTTP == "2", ConnectTo: target.ConnectTo, Clock: l.cfg.Clock,
		TLS: wire.TLSConfig{NoResumption: !l.Plan.Resumption},
	}
	for _, name := range l.Plan.Curves {
		cfg.TLS.Curves = append(cfg.TLS.Curves, curves()[name])
	}
	var err error
	if target.CA != "" {
		if cfg.RootCAs, err = l.cfg.ReadFile(target.CA); err != nil {
			return nil, fmt.Errorf("target.ca: %w", err)
		}
	}
	proxied, err := behindProxy(l.target.Party.BaseURL())
	if err != nil {
		return nil, err
	}
	switch wish := l.cfg.Wishes.Client; {
	case wish == ClientFast && proxied:
		return nil, errors.New("the fast client knows no proxies, and one leads to the target")
	case wish == ClientGeneral, cfg.HTTP2, proxied:
		l.general = true
		return wire.NewGeneral(cfg)
	}
	return wire.NewFast(cfg)
}

// behindProxy says whether the environment names a proxy for a URL.
func behindProxy(base string) (bool, error) {
	u, err := url.Parse(base)
	if err != nil {
		return false, err
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	return proxy != nil, err
}

// curves are the key exchanges by the names that files have for them.
func curves() map[string]tls.CurveID {
	return map[string]tls.CurveID{"X25519MLKEM768": tls.X25519MLKEM768, "X25519": tls.X25519, "P256": tls.CurveP256, "P384": tls.CurveP384}
}

// newFleet makes the users, who have the passkeys of the file's account.
func (l *Load) newFleet() error {
	cfg, err := l.fleetConfig()
	if err != nil {
		return err
	}
	if l.Plan.Prepare != nil && l.Plan.Prepare.State != "" && !l.cfg.Dry {
		cfg.State = l.cfg.Path(l.Plan.Prepare.State)
	}
	name := l.Plan.Users.Import
	if name == "" {
		l.fleet, err = fleet.New(cfg)
		return err
	}
	file, err := os.Open(l.cfg.Path(name))
	if err != nil {
		return fmt.Errorf("load.users.import: %w", err)
	}
	cfg.Import, cfg.ImportName = file, name
	l.fleet, err = fleet.New(cfg)
	return errors.Join(err, file.Close())
}

func (l *Load) fleetConfig() (fleet.Config, error) {
	device, err := l.device()
	cfg := fleet.Config{
		Seed: l.Seed, Count: l.Plan.Users.Count, Prefix: l.Plan.Users.Prefix, Device: device, Signing: l.Plan.Signing,
		Origin: l.Target.Origin, RPID: l.Target.RPID, Adapter: l.Target.Adapter, PoolSize: l.nonces(),
	}
	for _, a := range l.Plan.Users.Algorithms {
		cfg.Algorithms = append(cfg.Algorithms, fleet.Weighted{Algorithm: a.Algorithm, Weight: a.Weight})
	}
	return cfg, err
}

// newNewcomers makes those who sign up in the load itself. Nobody may know them yet, not even from an earlier run with
// the same seed, so the time goes into theirs.
func (l *Load) newNewcomers() error {
	for i := range l.Plan.Journeys {
		if !l.program.Newcomer(i) {
			continue
		}
		cfg, err := l.fleetConfig()
		if err != nil {
			return err
		}
		cfg.PoolSize = min(cfg.PoolSize, newcomersPool)
		cfg.Seed, cfg.Count = mix(l.Seed^uint64(l.begun.UnixNano())), maxNewcomers
		l.newcomers, err = fleet.New(cfg)
		return err
	}
	return nil
}

// newcomersPool is how many nonces there are for newcomers, who register more often than they sign in.
const newcomersPool = 1 << 12

// maxNewcomers is how many can sign up in one run before the first comes again. Their state file has holes, and takes
// only the room of those who came.
const maxNewcomers = 1 << 28

// device is how the users' authenticators behave: as the file's first account has it.
func (l *Load) device() (virtual.Config, error) {
	names := slices.Sorted(maps.Keys(l.cfg.File.Accounts))
	if len(names) == 0 {
		return engine.DeviceConfig(l.cfg.Providers, "", nil)
	}
	account := l.cfg.File.Accounts[names[0]]
	var differs *scenarios.Authenticator
	for _, name := range slices.Sorted(maps.Keys(account.Devices)) {
		differs = cmp.Or(differs, account.Devices[name].Authenticator)
	}
	return engine.DeviceConfig(l.cfg.Providers, account.Provider, differs)
}
