package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/simulator/standin"
	"github.com/moncreneau/hookcheck/simulator/standin/api"
	"github.com/moncreneau/hookcheck/simulator/standin/delivery"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// simulateFlags are the flags of simulate as they were given.
type simulateFlags struct {
	listen, data                 string
	memory                       bool
	secret                       secretFlags
	endpoints                    []string
	retry, dialect, limit, level string
	options                      standin.Options
}

func newSimulateCommand() *cobra.Command {
	f := simulateFlags{}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a moncreneau of your own: its API, its webhooks, and a dashboard",
		Long: `simulate is moncreneau on your machine: its HTTP API, which takes any key that begins with mk_,
signed webhooks with retries for every change of an appointment, and a dashboard that shows
each delivery. Point moncreneau's client libraries at it by changing their base URL.

The secret of the endpoints given with --endpoint is taken from --secret-file or from the variable
` + secretVariable + `; without either, one is made up and shown.`,
		Example: `  # every event to your endpoint; then send one, signed:
  hookcheck simulate --endpoint http://127.0.0.1:8080/webhooks/moncreneau
  curl -X POST http://127.0.0.1:4010/_hookcheck/events

  # in CI: nothing kept, no waiting between retries
  hookcheck simulate --memory --retry 10ms,10ms --endpoint http://127.0.0.1:8080/webhooks/moncreneau

  # in a container, for others on its network
  hookcheck simulate --listen 0.0.0.0:4010 --server-name hookcheck --allow-host receiver --endpoint http://receiver:8080/webhooks/moncreneau`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:4010", "address to serve on")
	flags.StringArrayVar(&f.endpoints, "endpoint", nil, "URL to register for every event (repeatable)")
	flags.StringVar(&f.data, "data", "", "directory of the state (default: hookcheck/stand-in in your cache directory)")
	flags.BoolVar(&f.memory, "memory", false, "keep no state")
	flags.StringVar(&f.retry, "retry", "guide", "waits before the retries: "+strings.Join(delivery.ScheduleNames(), ", ")+", none, or a list such as 2s,4s,8s")
	flags.Float64Var(&f.options.Jitter, "jitter", 0.1, "lengthen each wait by up to this fraction of it")
	flags.DurationVar(&f.options.Timeout, "timeout", delivery.DefaultTimeout, "how long an endpoint may take to answer")
	flags.IntVar(&f.options.Concurrency, "concurrency", delivery.DefaultConcurrency, "attempts under way to one endpoint")
	flags.DurationVar(&f.options.SwitchOff, "switch-off", delivery.DefaultSwitchOff, "switch an endpoint off after it has failed for so long")
	flags.StringArrayVar(&f.options.AllowHosts, "allow-host", nil, "deliver to this host, too; only this machine otherwise (repeatable)")
	flags.StringArrayVar(&f.options.ServerNames, "server-name", nil, "further name by which the stand-in may be called (repeatable)")
	flags.StringVar(&f.dialect, "dialect", string(delivery.Docs), "send webhooks as moncreneau's documentation (docs) or its libraries' READMEs (sdk) describe them")
	flags.IntVar(&f.options.Credits, "credits", standin.DefaultCredits, "what a new account can pay for")
	flags.StringVar(&f.limit, "rate-limit", "1000/1h", "requests that an API key may make, or none")
	flags.StringVar(&f.level, "log", "info", "what to log to standard error: debug, info, warn or error")
	f.secret.register(cmd)
	cmd.MarkFlagsMutuallyExclusive("data", "memory")
	return cmd
}

func (f *simulateFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	secret, err := f.parse()
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return exitWith(exitNoResult, fmt.Errorf("simulate: %w (--listen chooses another address)", err))
	}
	defer func() { _ = listener.Close() }()

	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return fmt.Errorf("simulate: --log %q: want debug, info, warn or error", f.level)
	}
	f.options.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
	f.options.Version = version
	server, err := standin.New(ctx, f.options)
	switch {
	case errors.Is(err, store.ErrInUse):
		return exitWith(exitNoResult, fmt.Errorf("simulate: %w (--data chooses another directory, --memory none)", err))
	case err != nil:
		return exitWith(exitNoResult, fmt.Errorf("simulate: %w", err))
	}
	defer func() { _ = server.Close() }()

	var shown bytes.Buffer // when all is well: an endpoint may be refused
	banner := banner{out: &shown, base: "http://" + reachable(listener.Addr())}
	banner.begin(f.options)
	if err := banner.earlier(ctx, server, f.endpoints); err != nil {
		return exitWith(exitNoResult, fmt.Errorf("simulate: %w", err))
	}
	for _, url := range f.endpoints {
		w, made, err := server.Endpoints.Ensure(ctx, url, secret)
		if err != nil {
			return fmt.Errorf("simulate: --endpoint %s: %w", url, err)
		}
		banner.endpoint(w, made && secret == "", secret != "")
	}
	banner.open(listener.Addr())
	banner.end(len(f.endpoints) > 0)
	if _, err := shown.WriteTo(cmd.OutOrStdout()); err != nil {
		return exitWith(exitNoResult, fmt.Errorf("simulate: %w", err))
	}
	if err := server.Run(ctx, listener); err != nil && ctx.Err() == nil {
		return exitWith(exitNoResult, fmt.Errorf("simulate: %w", err))
	}
	return nil
}

// parse checks the flags, fills in the options, and finds the secret.
func (f *simulateFlags) parse() (secret string, err error) {
	if f.options.Schedule, err = delivery.ParseSchedule(f.retry); err != nil {
		return "", fmt.Errorf("--retry: %w", err)
	}
	if f.options.Dialect, err = delivery.ParseDialect(f.dialect); err != nil {
		return "", fmt.Errorf("--dialect: %w", err)
	}
	if f.options.RateLimit, err = api.ParseRateLimit(f.limit); err != nil {
		return "", fmt.Errorf("--rate-limit: %w", err)
	}
	switch {
	case f.options.Jitter < 0 || f.options.Jitter > 1:
		return "", fmt.Errorf("--jitter %v: want a fraction from 0 to 1", f.options.Jitter)
	case f.options.Timeout <= 0:
		return "", fmt.Errorf("--timeout %s: want a duration above 0", f.options.Timeout)
	case f.options.SwitchOff <= 0:
		return "", fmt.Errorf("--switch-off %s: want a duration above 0", f.options.SwitchOff)
	case f.options.Concurrency < 1:
		return "", fmt.Errorf("--concurrency %d: want at least 1", f.options.Concurrency)
	case f.options.Credits < 1:
		return "", fmt.Errorf("--credits %d: want at least 1", f.options.Credits)
	}
	if f.options.Data = f.data; f.data == "" && !f.memory {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no place for the state: %w (give --data or --memory)", err)
		}
		f.options.Data = filepath.Join(cache, "hookcheck", "stand-in")
	}
	return f.secret.find()
}

// reachable is the address to call a listener by from this machine.
func reachable(addr net.Addr) string {
	at, err := netip.ParseAddrPort(addr.String())
	if err == nil && at.Addr().IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", at.Port())
	}
	return addr.String()
}

// banner tells a person what has been started and what to do next.
type banner struct {
	out  io.Writer
	base string
}

func (b banner) line(label, format string, args ...any) {
	_, _ = fmt.Fprintf(b.out, "  %-10s %s\n", label, fmt.Sprintf(format, args...))
}

func (b banner) begin(o standin.Options) {
	_, _ = fmt.Fprintln(b.out, color.New(color.Bold).Sprint("moncreneau, simulated"))
	b.line("dashboard", "%s/", b.base)
	b.line("API", "%s%s   with any key that begins with %s", b.base, api.Prefix, api.KeyPrefix)
	if o.Data == "" {
		b.line("state", "in memory, gone when this ends")
	} else {
		b.line("state", "%s", o.Data)
	}
	b.line("retries", "%s", o.Schedule)
}

// earlier lists the endpoints that the state has besides those of the command
// line: they get every event, too, and a person may have forgotten them.
func (b banner) earlier(ctx context.Context, server *standin.Server, named []string) error {
	list, err := server.Endpoints.List(ctx)
	for _, w := range list {
		if w.Active && !slices.Contains(named, w.URL) {
			b.line("endpoint", "%s   (registered earlier; the dashboard can remove it)", w.URL)
		}
	}
	return err
}

// endpoint shows a registered endpoint; its secret only when it was made up just
// now, since nobody could know it otherwise.
func (b banner) endpoint(w store.Webhook, show, given bool) {
	b.line("endpoint", "%s", w.URL)
	switch {
	case show:
		b.line("secret", "%s", w.Secret)
	case given:
		b.line("secret", "as given")
	default:
		b.line("secret", "as before: curl %s/_hookcheck/webhooks/%s/secret", b.base, w.ID)
	}
}

// open warns of an address that others can reach.
func (b banner) open(addr net.Addr) {
	if at, err := netip.ParseAddrPort(addr.String()); err == nil && !at.Addr().IsLoopback() {
		b.line("warning", "not only this machine can reach %s, and there is no password", addr)
	}
}

func (b banner) end(hasEndpoint bool) {
	if hasEndpoint {
		_, _ = fmt.Fprintf(b.out, "\nSend it a signed event:\n  curl -X POST %s/_hookcheck/events\n", b.base)
	} else {
		_, _ = fmt.Fprintf(b.out, "\nNo endpoint yet: add one in the dashboard, or start with --endpoint URL.\n")
	}
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	_, _ = fmt.Fprintf(b.out, "Or book an appointment:\n  curl %s%s/appointments -H 'X-API-Key: mk_test' -d '{\"departmentId\":5,\"dateTime\":\"%sT10:00:00\",\"name\":\"Aïssatou Diallo\"}'\n\n",
		b.base, api.Prefix, tomorrow)
}
