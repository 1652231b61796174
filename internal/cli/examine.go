package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/cdp"
)

func (o *doctorOptions) version(context.Context) examination {
	tool := toolOf(o.env)
	return healthy("passrig %s, %s, %s/%s", tool.Version, tool.Go, tool.OS, tool.Arch)
}

// directory tries whether reports can be written where no path is given.
func (o *doctorOptions) directory(context.Context) examination {
	if err := o.env.writable("passrig-report.json"); err != nil {
		return worrying("run in a directory that you may write to, or give reports a path: --report html=/tmp/report.html", "reports cannot be written here: %v", err)
	}
	return healthy("reports can be written here")
}

// proxy looks for proxy settings that catch names of this machine. net/http leaves localhost and
// loopback addresses alone, but not the names below localhost.
func (o *doctorOptions) proxy(context.Context) examination {
	either := func(name string) string {
		if v := o.env.getenv(strings.ToUpper(name)); v != "" {
			return v
		}
		return o.env.getenv(name)
	}
	cfg := httpproxy.Config{HTTPProxy: either("http_proxy"), HTTPSProxy: either("https_proxy"), NoProxy: either("no_proxy")}
	if cfg.HTTPProxy == "" && cfg.HTTPSProxy == "" {
		return healthy("none is set")
	}
	choose := cfg.ProxyFunc()
	for _, target := range []string{o.origin, "http://rp.localhost", "https://rp.localhost"} {
		u, err := url.Parse(target)
		if err != nil || target == "" {
			continue
		}
		if through, err := choose(u); err != nil {
			return failing("correct the variable: scheme://host:port", "the proxy variables are not valid: %v", err)
		} else if through != nil {
			return worrying("if that is not wanted: NO_PROXY="+u.Hostname(), "requests to %s go through %s", u.Host, through.Host)
		}
	}
	return healthy("set, and loopback goes around it")
}

// loopbackWorks opens a connection to this machine.
func loopbackWorks(ctx context.Context) examination {
	const fix = "a firewall or sandbox forbids it; the demo relying party needs it"
	l, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return failing(fix, "cannot listen on 127.0.0.1: %v", err)
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", l.Addr().String())
	if err == nil {
		err = conn.Close()
	}
	if err = errors.Join(err, l.Close()); err != nil {
		return failing(fix, "cannot connect to 127.0.0.1: %v", err)
	}
	return healthy("listening on 127.0.0.1 works")
}

// ceremony runs the first smoke scenario with a software authenticator against a demo relying party.
func (o *doctorOptions) ceremony(ctx context.Context) examination {
	run, err := tour(ctx, o.env, []string{builtinPrefix + smokeTag}, func(cfg engine.Config) (*report.Run, error) { return engine.Run(ctx, cfg) })
	switch {
	case err != nil:
		return failing("see the line about loopback", "a trial against the demo relying party did not run: %v", err)
	case report.ExitCode(run) != report.ExitPassed:
		return failing("passrig demo shows what failed", "a trial against the demo relying party: %s", run.Verdict())
	}
	return healthy("a trial against the demo relying party: %d steps passed in %s", run.Summary.Passed, report.FormatMS(run.DurationMS))
}

// browser starts Chrome, if there is one, and runs the same trial on the demo relying party's page.
// Only the browser driver needs it, so that a machine without one is still a healthy machine.
func (o *doctorOptions) browser(ctx context.Context) examination {
	driver := newDriverOptions()
	driver.quiet = true
	driver.driver.value = engine.DriverBrowser
	path, err := cdp.Find(exec.LookPath, o.env.LookupEnv)
	if err != nil {
		return worrying(hintOf(err), "%v; only --driver browser needs one", err)
	}
	run, err := tour(ctx, o.env, []string{builtinPrefix + smokeTag}, func(cfg engine.Config) (run *report.Run, err error) {
		cfg, stop, err := driver.drive(ctx, o.env, cfg)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, stop()) }()
		return engine.Run(ctx, cfg)
	})
	switch {
	case err != nil:
		return failing(hintOf(err), "%s: %v", path, err)
	case report.ExitCode(run) != report.ExitPassed:
		return failing("passrig demo --driver browser shows what failed", "%s: a trial on the demo relying party's page: %s", path, run.Verdict())
	}
	return healthy("%s, %s: a trial on the demo relying party's page: %d steps passed in %s", run.Browser, path, run.Summary.Passed, report.FormatMS(run.DurationMS))
}

func (o *doctorOptions) adapterFits(context.Context) examination {
	adapter, err := scenarios.LoadAdapter(o.adapter, scenarios.Options{ReadFile: o.env.readFile, Partial: true})
	if problems := diag.From(err); problems != nil {
		first := problems.List[0]
		fix := first.Hint
		if first.Line > 0 {
			fix = "passrig validate " + o.adapter
		}
		return failing(fix, "%s", first)
	}
	if err != nil {
		return failing("", "%v", err)
	}
	return healthy("%s: %s, tested with %s", adapter.Name, count(len(adapter.Operations), "operation"), orElse(adapter.Tested, "nothing yet"))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
