package api

import (
	"net/http"
	"sync"

	"github.com/moncreneau/hookcheck/simulator/standin/problem"
)

// Failures makes the next calls of the API fail with 500 or 503, for those who
// want to see what their program does then. The zero value fails none.
type Failures struct {
	mu     sync.Mutex
	status int
	left   int
}

// Set makes the next count calls fail with status, 500 or 503.
func (f *Failures) Set(status, count int) error {
	if status != http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		return problem.Field(problem.InvalidFieldValue, "status", "want 500 or 503")
	}
	if count < 0 {
		return problem.Field(problem.InvalidFieldValue, "count", "want 0 or more")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.left = status, count
	return nil
}

// next is the failure of the next call, nil when it is to succeed.
func (f *Failures) next() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return nil
	}
	f.left--
	code := problem.InternalError
	if f.status == http.StatusServiceUnavailable {
		code = problem.ServiceUnavailable
	}
	return problem.New(code, "a failure made on purpose; %d more to come", f.left)
}
