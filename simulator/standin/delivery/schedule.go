package delivery

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Schedule is how long to wait after each failed attempt, the first one first.
// An event is attempted once more often than the schedule is long.
type Schedule []time.Duration

// schedules are those with a name, in the order in which they are listed.
var schedules = []struct {
	name  string
	waits Schedule
}{
	// moncreneau says nowhere how it retries. These are the numbers that its
	// guide gives to receivers for their own processing: 2, 4, 8 s.
	{"guide", Schedule{2 * time.Second, 4 * time.Second, 8 * time.Second}},
	// The example of the Standard Webhooks specification, "Deliverability and reliability".
	{"standard-webhooks", Schedule{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}},
	// docs.svix.com/retries.
	{"svix", Schedule{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour}},
}

// ScheduleNames lists the schedules that ParseSchedule knows by name.
func ScheduleNames() []string {
	names := make([]string, len(schedules))
	for i, s := range schedules {
		names[i] = s.name
	}
	return names
}

// ParseSchedule reads the name of a schedule, a list of waits such as "2s,4s,8s",
// or "none" for no retries.
func ParseSchedule(text string) (Schedule, error) {
	for _, s := range schedules {
		if s.name == text {
			return s.waits, nil
		}
	}
	if text == "none" {
		return Schedule{}, nil
	}
	var waits Schedule
	for item := range strings.SplitSeq(text, ",") {
		wait, err := time.ParseDuration(strings.TrimSpace(item))
		if err != nil || wait < 0 {
			return nil, fmt.Errorf("retry schedule %q: %q is neither a duration nor the name of a schedule: want %s, none, or a list such as 2s,4s,8s",
				text, item, strings.Join(ScheduleNames(), ", "))
		}
		waits = append(waits, wait)
	}
	return waits, nil
}

// String is the list of waits.
func (s Schedule) String() string {
	if len(s) == 0 {
		return "none"
	}
	items := make([]string, len(s))
	for i, wait := range s {
		items[i] = short(wait)
	}
	return strings.Join(items, ", ")
}

// short writes whole hours and minutes without the zeros behind them.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// next is the wait after attempt number (1 is the first) failed; ok is false when the schedule is used up.
func (s Schedule) next(number int) (wait time.Duration, ok bool) {
	if number < 1 || number > len(s) {
		return 0, false
	}
	return s[number-1], true
}

// jittered lengthens wait by up to the fraction jitter of it, so that the retries
// of many events do not all come back at one moment. It never shortens it. The
// same delivery and attempt are lengthened alike every time.
func jittered(wait time.Duration, jitter float64, deliveryID int64, number int) time.Duration {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d/%d", deliveryID, number) // a hash takes every write
	unit := float64(h.Sum64()>>11) / (1 << 53)
	return wait + time.Duration(float64(wait)*jitter*unit)
}

// maxRetryAfter bounds what an endpoint can ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter is how long an answer asks to wait: seconds or an HTTP date (RFC
// 9110, section 10.2.3). It is zero when it does not ask or cannot be understood.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
