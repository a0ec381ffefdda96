// Command mutants certifies one defective receiver after another, and fails
// unless each is caught by the requirements that its table names and by no
// other. Run it from the root of the module: make mutants.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/moncreneau/hookcheck/conformance/mutants"
)

func main() {
	os.Exit(run())
}

func run() int {
	only := flag.String("only", "", "names of mutants, with commas between; all by default")
	parallel := flag.Int("parallel", 2*runtime.NumCPU()+1, "how many are certified at the same time")
	timeout := flag.Duration("timeout", 2*time.Minute, "bound for one certification")
	page := flag.String("page", "", "write the matrix to this Markdown file, if all is well")
	keep := flag.Bool("keep", false, "keep the reports, and say where they are")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "mutants: unexpected argument %q\n", flag.Arg(0))
		return 2
	}
	o := mutants.Options{Parallel: *parallel, Timeout: *timeout, Done: show}
	if *only != "" {
		var err error
		if o.Mutants, err = mutants.Choose(strings.Split(*only, ",")...); err != nil {
			fmt.Fprintln(os.Stderr, "mutants:", err)
			return 2
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "hookcheck-mutants-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		return 3
	}
	if *keep {
		defer fmt.Println("reports in", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	start := time.Now()
	fmt.Fprintln(os.Stderr, "building hookcheck and the receiver")
	matrix, err := mutants.Run(ctx, dir, o)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "mutants: interrupted")
		return 3
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutants:", err)
		return 3
	}
	problems := matrix.Problems()
	fmt.Printf("\n%d receivers in %v: ", len(matrix.Outcomes), time.Since(start).Round(time.Second))
	if len(problems) > 0 {
		fmt.Printf("%d problems\n  %s\n", len(problems), strings.Join(problems, "\n  "))
		return 1
	}
	fmt.Println("every mutant caught, and by what should catch it")
	if err := write(matrix, *page); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		return 3
	}
	return 0
}

// show prints one line for a mutant that is through.
func show(o mutants.Outcome) {
	word, what := "caught", strings.Join(o.Failed, " ")
	switch {
	case o.Well() && len(o.Mutant.Caught) == 0:
		word, what = "conformant", fmt.Sprintf("%d requirements hold", len(o.Passed))
	case len(o.Missed) > 0:
		word, what = "SURVIVED", "not failed: "+strings.Join(o.Missed, " ")
	case o.Problem != "":
		word, what = "PROBLEM", o.Problem
	}
	if len(o.Unexpected) > 0 {
		what += "; unexpected: " + strings.Join(o.Unexpected, " ")
	}
	fmt.Printf("%-10s  %-35s  %5.1fs  %s\n", word, o.Mutant.Name, o.Took.Seconds(), what)
}

func write(matrix mutants.Matrix, page string) error {
	if page == "" {
		return nil
	}
	if !matrix.Complete {
		return errors.New("the page is written only when all mutants were run")
	}
	file, err := os.Create(page) //nolint:gosec // the user names the file
	if err != nil {
		return err
	}
	return errors.Join(matrix.WriteMarkdown(file), file.Close())
}
