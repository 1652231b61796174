package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/load"
	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const loadLong = `Load plays a scenario as many times as its load section says, with a user of its own each time,
and says how the relying party bore it. Every operation is timed from the moment at which it should
have begun, nothing that was due is left out, and when passrig itself could not keep up it says so
instead of naming a latency.

FILE is a scenario file with a load section, builtin:NAME, or - for standard input. Before the load,
users are registered if the file says so, and every journey is played once: what would go wrong each
time is told then, and nothing else is sent.

Ctrl-C ends the load early and waits for what is under way; once more, and it does not wait. The
reports hold what was measured until then. passrig run does the same with such a file.`

const loadExample = `  passrig rp --enrolled 100000 --enrolled-seed 7 --quiet &   # a relying party that knows the users
  passrig load login.yaml --origin http://localhost:8080 --seed 7 --report html=load.html
  passrig load login.yaml --rate 500/s --for 2m --connections per-user
  passrig load login.yaml --find-limit
  passrig load login.yaml --prepare-only --state users.state --seed 7
  passrig load login.yaml --segment 2/4 --seed 7 --report json=part-2.json
  passrig load login.yaml --dry-run`

// newLoadCommand plays a scenario many times at once.
func newLoadCommand(env *Env) *cobra.Command {
	o := newLoadOptions(env)
	cmd := &cobra.Command{
		Use: "load FILE", Short: "Play a scenario many times at once, and measure", Example: loadExample,
		Long: loadLong + exits(
			"0", "all thresholds were met",
			"1", "a threshold was crossed",
			"2", "bad flags, or a mistake in a file: nothing was sent",
			"3", "could not tell: relying party down, nothing answered as expected, passrig could not keep up (generator-limited), report not written",
			"130", "interrupted: the reports hold what was measured until then"),
		Args:              exactlyOne("scenario file"),
		ValidArgsFunction: scenarioWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	o.addFlags(cmd)
	return cmd
}

type loadOptions struct {
	env     *Env
	target  targetOptions
	outputs outputs
	summary summaryOptions
	seed    string
	rate    string
	users   int
	segment string
	live    string
	mayTest string
	dryRun  bool

	connections, client, signing *enum

	seedValue uint64
	wishes    load.Wishes
}

func newLoadOptions(env *Env) *loadOptions {
	return &loadOptions{
		env:         env,
		connections: newEnum("", report.ConnectionsKeepAlive, report.ConnectionsPerUser, report.ConnectionsPerCeremony),
		client:      newEnum("", load.ClientFast, load.ClientGeneral),
		signing:     newEnum("", "pool", "fresh"),
	}
}

func (o *loadOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	o.target.add(cmd)
	flags.StringVar(&o.rate, "rate", "", "highest `RATE` of iterations, such as 500/s: an open model")
	flags.IntVar(&o.wishes.VUs, "vus", 0, "`N` virtual users in a loop: a closed model")
	flags.DurationVar(&o.wishes.For, "for", 0, "how long is measured, such as 2m; of --find-limit, each rate")
	flags.IntVar(&o.users, "users", 0, "`N` users take part")
	flags.BoolVar(&o.wishes.FindLimit, "find-limit", false, "search for the highest rate that keeps the thresholds")
	o.connections.flag(cmd, "connections", "how long a connection lives")
	o.client.flag(cmd, "client", "what speaks HTTP: passrig's own HTTP/1.1, or Go's (default: fast where it can)")
	o.signing.flag(cmd, "signing", "whether signatures take their nonces from a pool made beforehand")
	flags.IntVar(&o.wishes.Nonces, "nonces", 0, "`N` nonces are made before the load, 72 bytes each (default: as many as it needs, at most 65536)")
	flags.StringVar(&o.wishes.State, "state", "", "`FILE` that keeps who is registered, to go on with in another run")
	flags.BoolVar(&o.wishes.PrepareOnly, "prepare-only", false, "register the users, and do nothing else")
	flags.StringVar(&o.segment, "segment", "", "`I/N`: play the I-th of N parts of the load, for N processes with the same --seed")
	flags.StringVar(&o.live, "live", "", "serve OpenMetrics at http://`HOST:PORT`/metrics meanwhile")
	flags.StringVar(&o.mayTest, "i-may-test", "", "repeat the `ORIGIN` of a target that is not on this machine: its owner agrees")
	flags.StringVar(&o.seed, "seed", "", "`NUMBER` that users and arrivals are made from, to repeat a load (default: a new one, which is shown)")
	flags.BoolVar(&o.dryRun, "dry-run", false, "show what would be done, and send nothing")
	o.outputs.add(cmd)
	o.summary.add(cmd)
	for _, name := range []string{"rate", "vus", "for", "users", "nonces", "segment", "live", "i-may-test", "seed"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
}

func (o *loadOptions) validate(cmd *cobra.Command) (err error) {
	if o.seedValue, err = seedOf(cmd, o.env, o.seed); err != nil {
		return err
	}
	if o.rate != "" {
		rate, err := scenarios.ParseRate(o.rate)
		if err == nil {
			o.wishes.Rate, err = rate.Value(nil)
		}
		if err != nil || o.wishes.Rate == 0 {
			return usageError(cmd, "write how many in a second or a minute: 500/s, 30/m", "--rate %q: not a rate above 0", o.rate)
		}
	}
	if o.wishes.Segment, err = segmentOf(o.segment); err != nil {
		return usageError(cmd, "such as 2/4, the second of four parts", "--segment %q: %w", o.segment, err)
	}
	for _, f := range []struct {
		name  string
		value int64
	}{{"vus", int64(o.wishes.VUs)}, {"for", int64(o.wishes.For)}, {"users", int64(o.users)}, {"nonces", int64(o.wishes.Nonces)}} {
		if cmd.Flags().Changed(f.name) && f.value <= 0 {
			return usageError(cmd, "", "--%s %s: not above 0", f.name, cmd.Flags().Lookup(f.name).Value)
		}
	}
	if o.live != "" {
		if host, _, err := net.SplitHostPort(o.live); err != nil || !loopback(host) {
			return usageError(cmd, "such as 127.0.0.1:9464", "--live %q: not an address of this machine", o.live)
		}
	}
	o.wishes.Users, o.wishes.Connections, o.wishes.Client, o.wishes.Signing = int64(o.users), o.connections.value, o.client.value, o.signing.value
	return o.summary.validate(cmd)
}

// segmentOf reads I/N, counted from 1.
func segmentOf(text string) (pace.Segment, error) {
	if text == "" {
		return pace.Segment{}, nil
	}
	first, second, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(first)
	n, err2 := strconv.Atoi(second)
	if errors.Join(err, err2) != nil || i < 1 || i > n {
		return pace.Segment{}, errors.New("not I/N with I from 1 to N")
	}
	return pace.Segment{Index: i - 1, Of: n}, nil
}

func (o *loadOptions) run(ctx context.Context, path string) error {
	options, err := o.target.load(o.env)
	if err != nil {
		return err
	}
	options.WithoutPages = true
	file, err := scenarios.Load(path, options)
	if err != nil {
		return err
	}
	return o.play(ctx, file)
}

// play plays a file's load.
func (o *loadOptions) play(ctx context.Context, file *scenarios.File) (err error) {
	if err := notALab(file); err != nil {
		return err
	}
	if file.Load == nil {
		return badFile("passrig run "+file.Path, "%s has no load section", file.Path)
	}
	cfg := o.config(file)
	if o.dryRun {
		cfg.Dry = true
		return o.showPlan(cfg) //nolint:contextcheck // nothing in it waits
	}
	if err := o.outputs.check(o.env); err != nil {
		return err
	}
	progress := newLoadProgress(o.env)
	defer progress.finish()
	cfg.Events = progress.events()
	if o.live != "" {
		if cfg.Live, err = listen(ctx, o.live); err != nil {
			return couldNot("choose another address with --live", "cannot serve metrics: %w", err)
		}
		progress.log("metrics at http://" + cfg.Live.Addr().String() + "/metrics")
	}
	soft := o.env.ask.listen()
	cfg.Soft = soft
	l, err := load.Open(cfg) //nolint:contextcheck // nothing in it waits
	if err != nil {
		return loadError(err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := o.mayBeLoaded(file, l); err != nil {
		return err
	}
	progress.log(targetLine(l.Target, o.seedValue))
	progress.log(strings.Join(l.Terms(), ", "))
	defer progress.announce(soft, l.Plan.Drain)()
	run := l.Run(ctx)
	progress.finish()
	if err := o.outputs.write(o.env, run, o.summary); err != nil {
		return err
	}
	select {
	case <-soft:
		return interruption("the reports hold what was measured until then")
	default:
		return verdict(ctx, run)
	}
}

// loadError is why a load cannot begin: most often the file's mistake.
func loadError(err error) error {
	return badFile(hintOf(err), "%w", err)
}

func (o *loadOptions) config(file *scenarios.File) load.Config {
	return load.Config{
		File: file, Wishes: o.wishes, Tool: toolOf(o.env), Seed: o.seedValue, Clock: o.env.Now,
		LookupEnv: o.env.LookupEnv, ReadFile: o.env.readFile, Path: o.env.path, Providers: o.target.providers.known,
	}
}

// mayBeLoaded refuses to flood somebody else's machine.
func (o *loadOptions) mayBeLoaded(file *scenarios.File, l *load.Load) error {
	here, err := onThisMachine(file, l.Target)
	if err != nil || here || consented(file, l.Target, o.mayTest) || l.Gentle(politeRate) {
		return err
	}
	return badFile("if its owner agrees, add --i-may-test "+l.Target.Origin,
		"%s is not on this machine: a load above %d/s can bring it down", l.Target.Origin, politeRate)
}

// showPlan writes what a load would do.
func (o *loadOptions) showPlan(cfg load.Config) error {
	l, err := load.Open(cfg)
	if err != nil {
		return loadError(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", l.Name(), cfg.File.Path)
	for _, line := range append([]string{targetLine(l.Target, o.seedValue)}, l.Describe()...) {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	_, err = fmt.Fprintf(o.env.Stdout, "%s\ndry run: nothing was sent\n", b.String())
	return errors.Join(err, l.Close())
}

// seedOf reads a --seed flag; empty is a new one.
func seedOf(cmd *cobra.Command, env *Env, text string) (uint64, error) {
	if text == "" {
		return env.Seed(), nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, usageError(cmd, "", "--seed %q: not a whole number of 0 or more, below 2^64", text)
	}
	return seed, nil
}
