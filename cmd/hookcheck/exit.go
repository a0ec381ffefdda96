package main

import "errors"

// Exit codes, as every command of hookcheck uses them.
const (
	exitOK       = 0
	exitFailed   = 1 // a MUST (or an expectation of a scenario) does not hold
	exitUsage    = 2 // the command line, the configuration or an input file is wrong
	exitNoResult = 3 // nothing could be judged: not started, not reached, interrupted
)

// exitError carries the exit code that an error leads to. A message that is
// empty prints nothing: the command has already said what there was to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exitWith makes err end the program with code; a nil err ends it silently.
func exitWith(code int, err error) error { return &exitError{code: code, err: err} }

// isUsage tells errors of the command line itself, which have no code of their
// own, from those of what it names.
func isUsage(err error) bool {
	var e *exitError
	return err != nil && !errors.As(err, &e)
}

// exitCode is the code for what a command returned.
func exitCode(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.code
	}
	return exitUsage
}
