package effects

import (
	"net/http"
	"time"
)

// Always as a Script's count means every call.
const Always = -1

// Script says how the calls for one event are answered, counted from the first
// one the sink saw: the first Reset of them are reset, the next Fail of them
// fail, and all after that are done (200). The zero value does every call at once.
type Script struct {
	// Reset is how many calls get a TCP reset instead of an answer; Always is all.
	Reset int
	// Fail is how many calls fail after those; Always is all.
	Fail int
	// Status is what a failing call is answered; 0 means 500.
	Status int
	// Hang makes failing calls get no answer instead of Status. With Fail 0
	// every call hangs.
	Hang bool
	// HangFor is how long a hanging call is held before its connection is
	// closed; 0 is until the caller gives up.
	HangFor time.Duration
	// Delay is how long every call waits before what is said above happens.
	Delay time.Duration
}

// step is what happens to one call.
type step struct {
	outcome        Outcome
	status         int
	delay, holdFor time.Duration
}

// step is what happens to the nth call of an event, from 0.
func (s Script) step(nth int) step {
	fail := s.Fail
	if s.Hang && fail == 0 {
		fail = Always
	}
	status := s.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	switch {
	case s.Reset == Always || nth < s.Reset:
		return step{outcome: Reset, delay: s.Delay}
	case fail != Always && nth >= s.Reset+fail:
		return step{outcome: Done, status: http.StatusOK, delay: s.Delay}
	case s.Hang:
		return step{outcome: Hung, delay: s.Delay, holdFor: s.HangFor}
	default:
		return step{outcome: Failed, status: status, delay: s.Delay}
	}
}
