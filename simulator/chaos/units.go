package chaos

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// longest is the longest time that a scenario may name, and that a phase may last.
const longest = 366 * 24 * time.Hour

// ParseWhole reads "3".
func ParseWhole(text string) (Whole, error) {
	n, err := strconv.Atoi(text)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%q: want a whole number of at most %d", text, math.MaxInt)
	case err != nil:
		return 0, fmt.Errorf("%q: want a whole number", text)
	}
	return Whole(n), nil
}

// ParseDuration reads "2s".
func ParseDuration(text string) (Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf(`%q: want a duration such as "2s" or "100ms"`, text)
	}
	return Duration(d), nil
}

// ParseRange reads "2s" or "0s..3s".
func ParseRange(text string) (Range, error) {
	low, high, span := strings.Cut(text, "..")
	if !span {
		high = low
	}
	var r Range
	var err error
	if r.Min, err = time.ParseDuration(strings.TrimSpace(low)); err == nil {
		r.Max, err = time.ParseDuration(strings.TrimSpace(high))
	}
	switch {
	case err != nil:
		return Range{}, fmt.Errorf(`%q: want a duration such as "2s", or a range such as "0s..3s"`, text)
	case r.Min < -longest || r.Max > longest:
		return Range{}, fmt.Errorf("%q: want at most a year", text)
	case r.Max < r.Min:
		return Range{}, fmt.Errorf("%q: the end of the range is before its start", text)
	}
	return r, nil
}

// ParseRate reads "50/s", "100/m" or "6/h"; 50 alone is 50/s.
func ParseRate(text string) (Rate, error) {
	number, unit, found := strings.Cut(text, "/")
	if !found {
		unit = "s"
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	per, known := map[string]float64{"s": 1, "m": 60, "h": 3600}[strings.TrimSpace(unit)]
	if err != nil || !known || !(n > 0) || math.IsInf(n, 0) {
		return 0, fmt.Errorf(`%q: want a rate above 0 such as "50/s", "100/m" or "6/h"`, text)
	}
	return Rate(n / per), nil
}

// ParseShare reads "5%" or "0.05".
func ParseShare(text string) (Share, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		n /= 100
	}
	if err != nil || !(n >= 0 && n <= 1) {
		return 0, fmt.Errorf(`%q: want a share from 0%% to 100%%, such as "5%%" or 0.05`, text)
	}
	return Share(n), nil
}

// until is when the nth thing begins, from 0; with no rate all begin at once.
func (r Rate) until(n int) time.Duration {
	if r <= 0 {
		return 0
	}
	return time.Duration(math.Round(float64(n) / float64(r) * float64(time.Second)))
}

// String is the rate as it is written in a scenario, a second.
func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'g', 6, 64) + "/s" }

func (s Share) String() string { return strconv.FormatFloat(float64(s)*100, 'g', 6, 64) + "%" }
