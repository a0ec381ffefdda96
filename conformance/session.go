package conformance

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/moncreneau/hookcheck/conformance/catalogue"
	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/report"
	"github.com/moncreneau/hookcheck/conformance/target"
)

// Config is one certification.
type Config struct {
	// Receiver describes the receiver and what it promises.
	Receiver config.Config
	// Profile is wire, effects or lifecycle; "" is the highest that Receiver
	// makes observable.
	Profile string
	// Strict makes every SHOULD a MUST.
	Strict bool
	// Only and Skip choose requirements by id or item; empty chooses all.
	Only, Skip []string
	// Seed repeats a run; 0 chooses one at random.
	Seed uint64
	// ReportDir is where the report is written; "" writes none.
	ReportDir string
	// BuildOutput takes what building an image prints; nil drops it.
	BuildOutput io.Writer
	// ToolVersion appears in the report.
	ToolVersion string
	// Reproduce makes the command line that repeats a run with the seed, for
	// the report; nil leaves it out.
	Reproduce func(seed uint64) string
}

// Load reads a certification's configuration from a hookcheck.yaml.
func Load(path string) (Config, error) {
	receiver, err := config.Load(path)
	return Config{Receiver: receiver}, err
}

// session is one certification under way.
type session struct {
	cfg       Config
	profile   catalogue.Profile
	selection []catalogue.Requirement
	results   []report.Requirement // in the order of selection
	hooks     hooks

	target   target.Target
	lab      *lab.Lab
	recorder *report.Recorder
	started  time.Time
	bodies   map[string][]byte
	failure  error // why the receiver could not be started
	// interrupted says that the run is to end without a verdict; nil is never.
	interrupted func() bool

	starting   sync.Mutex
	finishing  sync.Once
	unfinished error
}

// hooks tell of progress. Each may be nil.
type hooks struct {
	preparing func(what string)
	awaiting  func(requirement report.Requirement)
	judged    func(result report.Requirement)
}

// newSession checks everything that can be checked before anything is started.
func newSession(cfg Config) (*session, error) {
	if err := complete(&cfg.Receiver); err != nil {
		return nil, err
	}
	if err := checkWaivers(cfg.Receiver); err != nil {
		return nil, err
	}
	if cfg.Seed == 0 {
		cfg.Seed = randomSeed()
	}
	s := &session{cfg: cfg, bodies: map[string][]byte{}}
	var err error
	if s.selection, err = Select(cfg.Only, cfg.Skip); err != nil {
		return nil, err
	}
	if s.profile, err = parseProfile(cfg.Profile, cfg.Receiver); err != nil {
		return nil, err
	}
	for _, r := range s.selection {
		s.results = append(s.results, planned(r, cfg.Receiver, s.profile, cfg.Profile != "", cfg.Strict))
	}
	return s, nil
}

// complete fills in what the configuration leaves to be found out, and checks it.
func complete(cfg *config.Config) error {
	if err := cfg.ReadSecret(); err != nil {
		return &UsageError{err.Error()}
	}
	if cfg.Observe.Sink == nil && cfg.Receiver.UsesEffectURL() {
		cfg.Observe.Sink = config.DefaultSink()
	}
	if err := cfg.Check(); err != nil {
		return &UsageError{err.Error()}
	}
	return nil
}

// randomSeed is short enough to be typed.
func randomSeed() uint64 {
	var bytes [4]byte
	_, _ = rand.Read(bytes[:]) // never fails, by its documentation
	return 1 + uint64(binary.BigEndian.Uint32(bytes[:]))%999_999
}

// start brings up the receiver and sets all experiments going.
func (s *session) start(ctx context.Context) error {
	s.starting.Lock()
	defer s.starting.Unlock()
	experiments := s.experiments()
	if len(experiments) == 0 {
		return nil // nothing can be judged, which the verdict will say
	}
	s.tell("preparing " + describeKind(s.cfg.Receiver.Receiver))
	var err error
	s.target, err = target.New(ctx, s.cfg.Receiver, s.cfg.BuildOutput)
	if onTheHost, ok := s.cfg.Receiver.OnTheHost(); ok && errors.Is(err, target.ErrNoDocker) {
		s.tell("no Docker daemon answers: running " + onTheHost.Receiver.Exec[0] + " as a process instead")
		s.cfg.Receiver = onTheHost
		s.target, err = target.New(ctx, s.cfg.Receiver, s.cfg.BuildOutput)
	}
	if err != nil {
		s.failure = err
		return err
	}
	if s.lab, err = lab.New(lab.Options{Config: s.cfg.Receiver, Target: s.target, Seed: s.cfg.Seed}); err != nil {
		s.failure = err
		return err
	}
	s.recorder = &report.Recorder{URL: s.cfg.Receiver.Receiver.URL, Secret: s.lab.Secret()}
	if s.cfg.ReportDir != "" {
		s.recorder.Bodies = s.bodies
	}
	s.tell("starting the receiver")
	s.started = time.Now()
	if err := s.lab.Start(ctx, experiments); err != nil {
		s.failure = s.recorder.RedactError(err) // it may hold what the receiver has printed
		return s.failure
	}
	s.tell("judging")
	return nil
}

func (s *session) tell(what string) {
	if s.hooks.preparing != nil {
		s.hooks.preparing(what)
	}
}

func describeKind(r config.Receiver) string {
	switch r.Kind() {
	case "dockerfile":
		return "the image of " + r.Dockerfile
	case "image":
		return "the image " + r.Image
	case "exec":
		return "the command " + r.Exec[0]
	}
	if u, err := url.Parse(r.URL); err == nil {
		return u.Redacted()
	}
	return r.URL
}

// experiments are those that the judgeable requirements need, each once.
func (s *session) experiments() []lab.Experiment {
	var out []lab.Experiment
	seen := map[lab.Experiment]bool{}
	for i, r := range s.selection {
		if s.results[i].Status != "" {
			continue
		}
		for _, e := range r.Experiments() {
			if !seen[e] {
				seen[e] = true
				out = append(out, e)
			}
		}
	}
	return out
}

// judge waits for what the i-th requirement needs and settles it.
func (s *session) judge(ctx context.Context, i int) report.Requirement {
	result := &s.results[i]
	if result.Status == "" {
		if s.hooks.awaiting != nil {
			s.hooks.awaiting(*result)
		}
		s.settle(result, s.selection[i].Judge(ctx, s.lab))
	}
	if s.hooks.judged != nil {
		s.hooks.judged(*result)
	}
	return *result
}

func (s *session) settle(result *report.Requirement, j catalogue.Judgement) {
	result.Observations = j.Observed
	switch {
	case len(j.Findings) > 0:
		result.Status = report.Failed
	case j.Passed():
		result.Status = report.Passed
	default:
		result.Status, result.Reason = report.NotObserved, s.recorder.Redact(j.Unobserved)
		if result.Reason == "" {
			result.Reason = "the experiment brought back nothing to judge"
		}
	}
	s.recorder.URL = s.lab.URL()
	for _, f := range j.Findings {
		s.recorder.Find(result, report.Finding{
			Expected: f.Expected, Actual: f.Actual, Diagnosis: f.Diagnosis, Accepts: f.Accepts,
		}, f.Attempts)
	}
	if len(j.Findings) == 0 {
		for _, a := range j.Evidence {
			s.recorder.Witness(result, a)
		}
	}
	if reason, waived := s.cfg.Receiver.Waive[result.ID]; waived {
		result.Waive(reason)
	}
}

// finish ends everything, removes what was made for the run, and writes the
// report. Called again, it waits for the first call and returns the same.
func (s *session) finish() error {
	s.finishing.Do(func() {
		s.starting.Lock() // or what is being made at this moment would stay behind
		defer s.starting.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if s.lab != nil {
			s.unfinished = s.lab.Close(ctx)
		}
		if s.target != nil {
			s.unfinished = errors.Join(s.unfinished, s.target.Close(ctx))
		}
		if s.cfg.ReportDir != "" {
			s.unfinished = errors.Join(s.unfinished, s.report().WriteDir(s.cfg.ReportDir, s.bodies))
		}
	})
	return s.unfinished
}

// report is the result so far. What has not been judged by now was not observed.
func (s *session) report() report.Report {
	r := report.Report{
		Version: report.Version,
		Tool:    report.Tool{Name: "hookcheck", Version: s.cfg.ToolVersion},
		Seed:    s.cfg.Seed, Started: s.started, Profile: string(s.profile), Strict: s.cfg.Strict,
		Partial: partial(s.cfg), Receiver: s.receiver(), Requirements: s.results,
	}
	if !s.started.IsZero() {
		r.DurationSeconds = time.Since(s.started).Seconds()
		r.Machine = machine()
	}
	if s.cfg.Reproduce != nil {
		r.Reproduce = s.cfg.Reproduce(s.cfg.Seed)
	}
	if s.lab != nil {
		wait, what := s.lab.LongestWait()
		r.LongestWait = report.LongestWait{Seconds: wait.Seconds(), For: what}
	}
	for i := range r.Requirements {
		if r.Requirements[i].Status == "" {
			r.Requirements[i].Status, r.Requirements[i].Reason = report.NotObserved, "the run ended before it was judged"
		}
	}
	r.Decide()
	if s.lab != nil && r.Verdict != report.Conformant {
		if shared := s.lab.Shared(); shared != nil {
			r.Verdict, r.Reason = report.NoVerdict, shared.Error()
		}
	}
	if s.failure != nil {
		r.Verdict, r.Reason = report.NoVerdict, s.failure.Error()
	}
	if s.interrupted != nil && s.interrupted() {
		r.Verdict, r.Reason = report.NoVerdict, "the run was interrupted"
	}
	return r
}

// machine is what Linux tells of the machine (proc(5)); elsewhere nothing is known.
func machine() *report.Machine {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return nil
	}
	m := &report.Machine{Processors: runtime.NumCPU()}
	if _, err := fmt.Sscan(string(text), &m.Load); err != nil {
		return nil
	}
	return m
}

func (s *session) receiver() report.Receiver {
	r := s.cfg.Receiver.Receiver
	out := report.Receiver{Name: r.Name, Version: r.Version, Target: describeKind(r)}
	if s.target != nil {
		out.Target = s.target.Describe()
	}
	if out.Name == "" {
		out.Name = nameOf(r)
	}
	return out
}

// nameOf makes a name of what is configured: the image without its tag, the
// folder of the Dockerfile, the program or script, the host.
func nameOf(r config.Receiver) string {
	switch r.Kind() {
	case "image":
		name, _, _ := strings.Cut(r.Image[strings.LastIndex(r.Image, "/")+1:], ":")
		return name
	case "exec":
		last := r.Exec[0]
		for _, arg := range r.Exec[1:] {
			if !strings.HasPrefix(arg, "-") && strings.ContainsAny(arg, "./") {
				last = arg
				break
			}
		}
		return last[strings.LastIndex(last, "/")+1:]
	}
	return "receiver"
}

func partial(cfg Config) string {
	var parts []string
	if len(cfg.Only) > 0 {
		parts = append(parts, "only "+strings.Join(cfg.Only, ", "))
	}
	if len(cfg.Skip) > 0 {
		parts = append(parts, "without "+strings.Join(cfg.Skip, ", "))
	}
	return strings.Join(parts, "; ")
}
