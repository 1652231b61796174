package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/demorp"
)

const rpLong = `Rp serves the demo relying party: sign-up, registration and login with passkeys, and the
management of them, as a JSON API and as a page to try with a browser. It is for trying out
passrig and for testing tests, not for people's accounts.

An --origin outside the RP ID's domain is a related origin, listed at /.well-known/webauthn. With
an --embedder, /embed-me is the page for its frames, and /host plays the embedder: a page with such
a frame, which with ?allow=none must not use passkeys.

With --enrolled N it knows N users from the beginning: those of a load with the same --seed as
--enrolled-seed, which then needs no prepare. --export writes them for load.users.import.

When it is ready, it prints one line with its origin on standard output. It stops on Ctrl-C.`

const rpExample = `  passrig rp
  passrig rp --listen 127.0.0.1:0 --db passkeys.db
  passrig rp --fault origin-suffix --fault type-unchecked   # for trying out passrig check
  passrig rp --enrolled 100000 --enrolled-seed 7 --max-sessions 50000 --quiet   # for trying out passrig load
  passrig rp --tls --ca-out ca.pem --listen 127.0.0.1:8443
  passrig rp --tls --ca-out ca.pem --listen 127.0.0.1:8443 --origin https://login.localhost:8443 \
    --embedder https://shop.localhost:8443`

// newRPCommand serves the demo relying party.
func newRPCommand(env *Env) *cobra.Command {
	o := &rpOptions{env: env}
	cmd := &cobra.Command{
		Use: "rp", Short: "Serve the demo relying party", Example: rpExample,
		Long: rpLong + exits("0", "stopped by Ctrl-C or SIGTERM", "2", "bad flags", "3", "the address is in use, or a file cannot be opened"),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addFlags(cmd)
	return cmd
}

type rpOptions struct {
	env       *Env
	listen    string
	origins   []string
	rpID      string
	embedders []string
	faults    []string
	db        string
	tls       bool
	caOut     string
	expose    bool
	quiet     bool
	sessions  int
	roster    rosterOptions
}

func (o *rpOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8080", "`HOST:PORT` to listen on; port 0 picks a free one")
	cmd.Flags().StringArrayVar(&o.origins, "origin", nil, "`ORIGIN` to accept answers from; can be repeated (default http://localhost:PORT)")
	cmd.Flags().StringVar(&o.rpID, "rp-id", "", "RP `ID` (default: the host of the first origin)")
	cmd.Flags().StringArrayVar(&o.embedders, "embedder", nil, "`ORIGIN` whose pages may show /embed-me in a frame; can be repeated")
	cmd.Flags().StringSliceVar(&o.faults, "fault", nil, "make the mistake of this `NAME`; can be repeated, see passrig list faults")
	cmd.Flags().StringVar(&o.db, "db", "", "SQLite `FILE` to keep users and passkeys in (default: memory)")
	cmd.Flags().BoolVar(&o.tls, "tls", false, "serve https, with a certificate of a throw-away authority")
	cmd.Flags().StringVar(&o.caOut, "ca-out", "", "with --tls: write the authority's certificate (PEM) to this `FILE`")
	cmd.Flags().BoolVar(&o.expose, "expose", false, "allow to listen on an address that others can reach")
	cmd.Flags().IntVar(&o.sessions, "max-sessions", 0, "keep at most `N` sessions, of about 500 bytes each; the oldest make room (default 1048576)")
	o.roster.add(cmd)
	cmd.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "do not say why ceremonies are refused")
	completeFlag(cmd, "fault", offering(faultWords, cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"listen", "origin", "rp-id", "embedder", "max-sessions"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
}

func (o *rpOptions) validate(cmd *cobra.Command) error {
	host, _, err := net.SplitHostPort(o.listen)
	switch {
	case err != nil:
		return usageError(cmd, "such as 127.0.0.1:8080", "--listen %q: not HOST:PORT", o.listen)
	case !o.expose && !loopback(host):
		return usageError(cmd, "add --expose if that is what you want; nothing protects the accounts in it",
			"--listen %q: others could reach this address", o.listen)
	case o.caOut != "" && !o.tls:
		return usageError(cmd, "add --tls", "--ca-out without --tls: there is no authority")
	case o.sessions < 0:
		return usageError(cmd, "", "--max-sessions %d: not above 0", o.sessions)
	}
	if err := o.roster.validate(cmd); err != nil {
		return err
	}
	for _, name := range o.faults {
		if err := known(cmd, "fault", name, faultNames()); err != nil {
			return err
		}
	}
	return nil
}

func faultNames() []string {
	var names []string
	for _, f := range demorp.Faults() {
		names = append(names, f.Name)
	}
	return names
}

func faultWords() []string {
	var words []string
	for _, f := range demorp.Faults() {
		words = append(words, described(f.Name, f.Doc))
	}
	return words
}

// loopback says whether only this machine can reach a host. An empty host is every address.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (o *rpOptions) run(ctx context.Context) (err error) {
	cfg := demorp.Config{RPID: o.rpID, Origins: o.origins, Embedders: o.embedders, Faults: o.faults, Clock: o.env.Now, MaxSessions: o.sessions}
	if !o.quiet {
		cfg.Logger = slog.New(slog.NewTextHandler(o.env.Stderr, nil))
	}
	if o.db != "" {
		store, err := demorp.OpenSQLite(ctx, o.env.path(o.db))
		if err != nil {
			return couldNot("", "cannot open the database: %w", err)
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		cfg.Store = store
	}
	if cfg.Store == nil {
		cfg.Store = demorp.NewMemoryStore()
	}
	if err := o.roster.enroll(ctx, o.env, cfg.Store); err != nil {
		return err
	}
	listener, err := listen(ctx, o.listen)
	if err != nil {
		return couldNot("choose another address with --listen; port 0 picks a free one", "cannot listen: %w", err)
	}
	scheme := "http"
	if o.tls {
		scheme = "https"
	}
	if len(cfg.Origins) == 0 {
		cfg.Origins = []string{localOrigin(scheme, listener)}
	}
	certificate, err := o.certificate(slices.Concat(cfg.Origins, cfg.Embedders))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server, err := serve(listener, cfg, certificate) //nolint:contextcheck // making a relying party takes no context
	if err != nil {
		return badFile("", "%w", err)
	}
	o.announce(cfg.Origins[0])
	err = server.wait(ctx)
	return errors.Join(err, server.stop(ctx))
}

// certificate makes a certificate for the origins' hosts and this machine, or none without --tls.
func (o *rpOptions) certificate(origins []string) (*tls.Certificate, error) {
	if !o.tls {
		return nil, nil //nolint:nilnil // no certificate is a proper answer
	}
	ca, err := demorp.NewCA(o.env.Now, nil)
	if err != nil {
		return nil, err
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	for _, origin := range origins {
		if u, err := url.Parse(origin); err == nil && u.Hostname() != "" && u.Hostname() != "localhost" {
			hosts = append(hosts, u.Hostname())
		}
	}
	certificate, err := ca.ServerCertificate(hosts...)
	if err != nil {
		return nil, err
	}
	if o.caOut != "" {
		if err := o.env.writeFile(o.caOut, func(w io.Writer) error { _, err := w.Write(ca.PEM()); return err }); err != nil {
			return nil, couldNot("", "cannot write the authority's certificate to %q: %w", o.caOut, err)
		}
	}
	return &certificate, nil
}

func (o *rpOptions) announce(origin string) {
	_, _ = fmt.Fprintf(o.env.Stdout, "demo RP listening on %s\n", origin) // nobody to tell when standard output is gone
	if o.quiet {
		return
	}
	trust := ""
	if o.caOut != "" {
		trust = "SSL_CERT_FILE=" + o.caOut + " "
	}
	o.env.complain("hint", fmt.Sprintf("in another terminal: %spassrig run builtin:smoke --adapter passrig-demo --origin %s", trust, origin))
	o.env.complain("hint", "or open it in a browser; Ctrl-C stops it")
}
