package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/conformance"
	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/report"
)

// defaultConfig is read when no --config is given and it exists.
const defaultConfig = "hookcheck.yaml"

// certifyFlags are the command line of certify. Those that override the
// configuration count only where they are set.
type certifyFlags struct {
	config  string
	quiet   bool
	format  string
	attempt conformance.Config

	image, dockerfile, context, exec, url, path, ready, data, secretFile, metrics, logs, runbook string
	port                                                                                         int
	env                                                                                          []string
	ack, patience                                                                                time.Duration
}

func newCertifyCommand() *cobra.Command {
	f := &certifyFlags{}
	cmd := &cobra.Command{
		Use:   "certify [flags]",
		Short: "Certify a receiver and print a verdict",
		Long: `certify starts your receiver (or finds it at a URL), sends it real signed traffic,
watches what it does, and prints a verdict.

It reads hookcheck.yaml from the current folder if there is one; flags override it.
Exit codes: 0 conformant, 1 a requirement is not met, 2 the command line or the
configuration is wrong, 3 no verdict (not started, not reached, not observed).`,
		Example: `  # a receiver that runs already: what an HTTP exchange shows
  MONCRENEAU_WEBHOOK_SECRET=whsec_… hookcheck certify --url http://127.0.0.1:8080/webhooks/moncreneau

  # an image; its effects are seen where it calls {{.EffectURL}}
  hookcheck certify --image acme/webhooks:1.4 --ready /healthz --data /data \
    --env 'MONCRENEAU_WEBHOOK_SECRET={{.Secret}}' --env 'DOWNSTREAM_URL={{.EffectURL}}'

  # a command, in any language
  hookcheck certify --exec 'python3 receiver.py' \
    --env 'PORT={{.Port}}' --env 'MONCRENEAU_WEBHOOK_SECRET={{.Secret}}'

  # as hookcheck.yaml says, signatures only, with a report in ./report
  hookcheck certify --only signature --report report`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.config, "config", "c", "", "configuration file (default hookcheck.yaml, if there is one)")
	flags.StringVar(&f.url, "url", "", "certify the receiver at this URL, which runs already")
	flags.StringVar(&f.image, "image", "", "certify this container image")
	flags.StringVar(&f.dockerfile, "dockerfile", "", "build this Dockerfile and certify its image")
	flags.StringVar(&f.context, "context", "", "build context of --dockerfile (default its folder)")
	flags.StringVar(&f.exec, "exec", "", "certify this command, which listens on {{.Port}}")
	flags.StringVar(&f.path, "path", "", "path of the endpoint (default /webhooks/moncreneau)")
	flags.IntVar(&f.port, "port", 0, "port inside the container (default 8080)")
	flags.StringVar(&f.ready, "ready", "", "path that answers 2xx when the receiver is ready")
	flags.StringVar(&f.data, "data", "", "folder inside the container that survives a restart")
	flags.StringArrayVarP(&f.env, "env", "e", nil, "NAME=value for the receiver; {{.Instance}}, {{.Secret}}, {{.Port}}, {{.DataDir}}, {{.EffectURL}} and {{.RateLimit.Requests}}/{{.RateLimit.Window}} are filled in")
	flags.StringVar(&f.secretFile, "secret-file", "", "file with the receiver's secret (or set MONCRENEAU_WEBHOOK_SECRET)")
	flags.StringVar(&f.metrics, "metrics", "", "path or URL of the Prometheus metrics")
	flags.StringVar(&f.logs, "logs", "", "json: read the receiver's standard output as structured logs")
	flags.StringVar(&f.runbook, "runbook", "", "the receiver's runbook, to be judged too")
	flags.DurationVar(&f.ack, "ack", 0, "the acknowledgement time that the receiver declares (default 5s)")
	flags.DurationVar(&f.patience, "patience", 0, "how long to wait for what should happen (default 20s)")
	flags.StringVar(&f.attempt.Profile, "profile", "", "wire, effects or lifecycle (default the highest that can be observed)")
	flags.BoolVar(&f.attempt.Strict, "strict", false, "take every SHOULD for a MUST")
	flags.StringSliceVar(&f.attempt.Only, "only", nil, "judge these requirements or items only (SIG-04,idempotency)")
	flags.StringSliceVar(&f.attempt.Skip, "skip", nil, "leave these requirements or items out")
	flags.Uint64Var(&f.attempt.Seed, "seed", 0, "repeat a run: same events, ids and faults (default random)")
	flags.StringVar(&f.attempt.ReportDir, "report", "", "write report.html, report.json, junit.xml, summary.md and badge.svg into this folder")
	formatFlag(cmd, &f.format, "what standard output gets: text or json", "text", "json")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress on standard error")
	completeRequirements(cmd, "only", "skip")
	completeWords(cmd, "profile", "wire", "effects", "lifecycle")
	completeWords(cmd, "logs", "json")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml") // fails only for a flag that does not exist
	_ = cmd.MarkFlagDirname("report")
	_ = cmd.MarkFlagDirname("context")
	return cmd
}

func (f *certifyFlags) run(cmd *cobra.Command) error {
	cfg, err := f.configuration(cmd)
	if err != nil {
		return exitWith(exitUsage, err)
	}
	total, err := conformance.Total(cfg)
	if err != nil {
		return exitWith(exitUsage, err)
	}
	if err := prepareReport(cfg.ReportDir); err != nil {
		return exitWith(exitUsage, err)
	}
	progress := newProgress(cmd.ErrOrStderr(), total, f.quiet)
	if limit := cfg.Receiver.Declare.RateLimit; !limit.None && !cfg.Receiver.Receiver.RateLimitSettable() {
		progress.note(fmt.Sprintf("requests are kept below the declared rate limit of %d in %v, which can take minutes", limit.Requests, limit.Window))
	}
	result, err := conformance.Certify(cmd.Context(), cfg, conformance.Progress{Preparing: progress.step, Awaiting: progress.awaiting, Judged: progress.judged})
	progress.status.end()
	var usage *conformance.UsageError
	if errors.As(err, &usage) {
		return exitWith(exitUsage, err)
	}
	if err := errors.Join(err, f.write(cmd.OutOrStdout(), result, err)); err != nil {
		return exitWith(exitNoResult, err)
	}
	if cfg.ReportDir != "" && f.format == "text" {
		fmt.Fprint(cmd.OutOrStdout(), f.whatNext(result, cfg))
	}
	if code := result.ExitCode(); code != exitOK {
		return exitWith(code, nil)
	}
	return nil
}

// prepareReport makes the folder of a report, and finds out now whether the
// report can be written there, rather than when the run is over.
func prepareReport(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a report is for others to read
		return fmt.Errorf("--report: %w", err)
	}
	probe, err := os.CreateTemp(dir, ".hookcheck-")
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// write prints the result. Of a run that failed there is a document for
// programs, and for people what had been judged by then.
func (f *certifyFlags) write(w io.Writer, result report.Report, failed error) error {
	switch {
	case f.format == "json":
		return result.WriteJSON(w)
	case failed == nil || result.Judged():
		return result.WriteText(w, !color.NoColor)
	}
	return nil
}

// whatNext says where the report is and how to see a finding of it again.
func (f *certifyFlags) whatNext(result report.Report, cfg conformance.Config) string {
	text := fmt.Sprintf("  report in %s; begin with report.html\n", cfg.ReportDir)
	for _, r := range result.Requirements {
		if r.Status != report.Failed || !r.Required || !r.Repeatable() {
			continue
		}
		text += "  the curl lines work in that folder; or repeat a finding with hookcheck replay " + cfg.ReportDir + " " + r.ID
		switch {
		case cfg.Receiver.Receiver.Kind() == "url":
		case f.image+f.dockerfile+f.exec != "": // which only this command line describes
			text += " --url URL"
		case f.config == "":
			text += " --config " + defaultConfig
		default:
			text += " --config " + f.config
		}
		return text + "\n"
	}
	return text
}

// configuration is the file with the flags over it.
func (f *certifyFlags) configuration(cmd *cobra.Command) (conformance.Config, error) {
	cfg := f.attempt
	cfg.ToolVersion = version
	cfg.Reproduce = func(seed uint64) string { return reproduce(os.Args[1:], seed) }
	cfg.Receiver = config.Default()
	path := f.config
	if path == "" {
		if _, err := os.Stat(defaultConfig); err == nil {
			path = defaultConfig
		} else if f.url+f.image+f.dockerfile+f.exec == "" {
			return cfg, errors.New("no receiver to certify: there is no " + defaultConfig + " here, and none of --url, --image, --dockerfile and --exec is given")
		}
	}
	if path != "" {
		var err error
		if cfg.Receiver, err = config.Load(path); err != nil {
			return cfg, err
		}
	}
	return cfg, f.override(cmd, &cfg.Receiver)
}

// typed is a path from the command line, which is relative to where it was
// typed, as the configuration wants it: relative to its own folder, dir.
func typed(dir, path string) string {
	if path == "" || dir == "" || filepath.IsAbs(path) {
		return path
	}
	relative, err := filepath.Rel(dir, path)
	if err != nil {
		if absolute, err := filepath.Abs(path); err == nil {
			return absolute
		}
		return path
	}
	return "./" + relative // with a slash, so that a program is not looked for in PATH
}

func (f *certifyFlags) override(cmd *cobra.Command, cfg *config.Config) error {
	r := &cfg.Receiver
	if f.url+f.image+f.dockerfile+f.exec != "" { // another kind of receiver than the file's
		r.Image, r.Dockerfile, r.Exec, r.URL = f.image, typed(cfg.Dir, f.dockerfile), strings.Fields(f.exec), f.url
		if len(r.Exec) > 0 && strings.Contains(r.Exec[0], "/") {
			r.Exec[0] = typed(cfg.Dir, r.Exec[0])
		}
		r.WithoutDocker = config.WithoutDocker{}
		if f.dockerfile == "" {
			r.Context = ""
		}
		if f.url != "" {
			r.Env = nil // a running receiver has its own
		}
	}
	for flag, set := range map[string]func(){
		"context":     func() { r.Context = typed(cfg.Dir, f.context) },
		"path":        func() { r.Path = f.path },
		"port":        func() { r.Port = f.port },
		"ready":       func() { r.Ready = f.ready },
		"data":        func() { r.Data = f.data },
		"secret-file": func() { cfg.SecretFile, cfg.Secret = typed(cfg.Dir, f.secretFile), "" },
		"runbook":     func() { cfg.Runbook = typed(cfg.Dir, f.runbook) },
		"ack":         func() { cfg.Declare.Ack = f.ack },
		"patience":    func() { cfg.Patience = f.patience },
		"metrics": func() {
			m := config.DefaultMetrics()
			m.Path = f.metrics
			cfg.Observe.Metrics = &m
		},
		"logs": func() {
			l := config.DefaultLogs()
			l.Format = f.logs
			cfg.Observe.Logs = &l
		},
	} {
		if cmd.Flags().Changed(flag) {
			set()
		}
	}
	for _, entry := range f.env {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return fmt.Errorf("--env: expected NAME=value, not %q", entry)
		}
		if r.Env == nil {
			r.Env = map[string]string{}
		}
		r.Env[name] = value
	}
	return nil
}
