package load

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// How long a loop waits for answers: first shortly, without telling the runtime,
// and if none came until it has to look at its context again, as a thread that
// blocks. Telling the runtime each time would have it take our processor away and
// give it back thousands of times a second; never telling it would make the
// garbage collector wait for an answer.
const (
	shortWait   = time.Millisecond
	longestWait = 100 * time.Millisecond
)

// yieldToOthers has this thread wait until a processor has nothing else to do, or
// until its turn comes, rather than interrupt others for each answer. The endpoint
// often runs on the same processors; interrupted less, it answers more. At a pace
// this is not for: events would be late.
//
// Linux would let such a thread sleep 50 µs longer than it asks, to wake several at
// once; rest means what it says.
func yieldToOthers() {
	if attr, err := unix.SchedGetAttr(0, 0); err == nil {
		attr.Policy = unix.SCHED_BATCH
		_ = unix.SchedSetAttr(0, attr, 0) // where it is not allowed we are merely slower
	}
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// A loop without a pace rests before it looks for answers, for each exchange under way
// about as long as an endpoint takes for one, but not longer than anybody notices. Answers
// then come in groups: to be woken costs as much processor time as an event does.
const (
	restEach = 6 * time.Microsecond
	restMost = 200 * time.Microsecond
)

func (o *loop) rest() {
	t := unix.NsecToTimespec(min(time.Duration(o.busy)*restEach, restMost).Nanoseconds())
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0) //nolint:gosec // unsafe's pattern 4
}

// wait fills events with what has happened.
func (o *loop) wait(events []unix.EpollEvent) ([]unix.EpollEvent, error) {
	if o.interval == 0 {
		o.rest()
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(o.epoll),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(shortWait.Milliseconds()), 0, 0) //nolint:gosec // unsafe's pattern 4
	if errno == 0 && n > 0 {
		return events[:n], nil
	}
	if errno != 0 && errno != unix.EINTR {
		return nil, errno
	}
	m, err := unix.EpollWait(o.epoll, events, int(longestWait.Milliseconds()))
	if err != nil && err != unix.EINTR { //nolint:errorlint // unix returns it bare
		return nil, err
	}
	return events[:max(m, 0)], nil
}

// transfer is sendto or recvfrom without waiting. The runtime is not told, as above:
// the call never waits.
func transfer(call uintptr, fd int, b []byte, flags uintptr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(call, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags|unix.MSG_DONTWAIT, 0, 0) //nolint:gosec // unsafe's pattern 4
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
