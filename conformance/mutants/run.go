package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say how the mutants are run.
type Options struct {
	// Mutants are those to run; nil is all of Choose.
	Mutants []Mutant
	// Parallel is how many are certified at the same time; 0 is 2.
	Parallel int
	// Timeout bounds one certification; 0 is 2 minutes.
	Timeout time.Duration
	// Module is the folder of hookcheck's go.mod; "" is the current one.
	Module string
	// Done is called after each mutant, one call at a time. It may be nil.
	Done func(Outcome)
}

// Requirement is a line of the catalogue, as hookcheck lists it.
type Requirement struct {
	ID    string `json:"id"`
	Level string `json:"level"`
}

type runner struct {
	dir       string // of this run
	hookcheck string // the programs
	receiver  string
	timeout   time.Duration
	authority *authority
}

// Run builds hookcheck and the receiver, and certifies each mutant as a user
// would: by running hookcheck certify. Whatever it writes is under dir.
func Run(ctx context.Context, dir string, o Options) (Matrix, error) {
	complete := o.Mutants == nil
	if complete {
		o.Mutants, _ = Choose() // without names there is none that is unknown
	}
	r := &runner{dir: dir, hookcheck: filepath.Join(dir, "hookcheck"), receiver: filepath.Join(dir, "receiver"), timeout: o.Timeout}
	if r.timeout == 0 {
		r.timeout = 2 * time.Minute
	}
	var err error
	if r.authority, err = newAuthority(dir); err != nil {
		return Matrix{}, err
	}
	if err := r.build(ctx, o.Module); err != nil {
		return Matrix{}, err
	}
	matrix := Matrix{Complete: complete, Outcomes: make([]Outcome, len(o.Mutants))}
	if matrix.Requirements, err = r.requirements(ctx); err != nil {
		return Matrix{}, err
	}
	finished := make(chan Outcome)
	go func() {
		defer close(finished)
		var group errgroup.Group
		group.SetLimit(max(o.Parallel, 1))
		for i, m := range o.Mutants {
			group.Go(func() error {
				matrix.Outcomes[i] = r.certify(ctx, m)
				finished <- matrix.Outcomes[i]
				return nil
			})
		}
		_ = group.Wait() // what goes wrong is in the outcomes
	}()
	for outcome := range finished {
		if o.Done != nil && ctx.Err() == nil {
			o.Done(outcome)
		}
	}
	return matrix, context.Cause(ctx)
}

// Choose returns the mutants of these names, without names all, with the correct
// receiver first.
func Choose(names ...string) ([]Mutant, error) {
	all := append([]Mutant{correct, correctHTTPS}, All()...)
	if len(names) == 0 {
		return all, nil
	}
	var chosen []Mutant
	for _, name := range names {
		i := slices.IndexFunc(all, func(m Mutant) bool { return m.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no mutant %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (r *runner) build(ctx context.Context, module string) error {
	for path, program := range map[string]string{r.hookcheck: "./cmd/hookcheck", r.receiver: "./conformance/mutants/receiver"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", path, program)
		cmd.Dir = module
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", program, err, out)
		}
	}
	return nil
}

func (r *runner) requirements(ctx context.Context) (all []Requirement, err error) {
	out, err := exec.CommandContext(ctx, r.hookcheck, "requirements", "--format", "json").Output() //nolint:gosec // the program that was just built
	if err != nil {
		return nil, fmt.Errorf("hookcheck requirements: %w", err)
	}
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("hookcheck requirements: %w", err)
	}
	return all, nil
}

// certify runs hookcheck certify for m, and judges its report.
func (r *runner) certify(ctx context.Context, m Mutant) Outcome {
	start := time.Now()
	o, err := r.try(ctx, m)
	if err != nil {
		o = Outcome{Mutant: m, Problem: err.Error()}
	}
	o.Took, o.Folder = time.Since(start), filepath.Join(r.dir, m.Name)
	return o
}

func (r *runner) try(ctx context.Context, m Mutant) (o Outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	s, err := r.set(ctx, m)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, s.strike()) }()
	output, err := os.Create(filepath.Join(s.dir, "output.txt"))
	if err != nil {
		return o, err
	}
	defer output.Close()
	reports := filepath.Join(s.dir, "report")
	args := append([]string{"certify", "--quiet", "--config", s.config, "--report", reports}, s.flags...)
	cmd := exec.CommandContext(ctx, r.hookcheck, args...) //nolint:gosec // the program that was just built
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = output, output
	// hookcheck gets one interrupt, from us, and time to remove what it started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return o, fmt.Errorf("hookcheck certify: not through after %v", r.timeout)
	}
	// 1 says that a MUST does not hold. Anything but that and 0 is no verdict.
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return o, fmt.Errorf("hookcheck certify: %w; see %s", err, output.Name())
	}
	result, err := readReport(filepath.Join(reports, "report.json"))
	if err != nil {
		return o, err
	}
	return judge(m, result), nil
}
