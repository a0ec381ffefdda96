package reference

import (
	"errors"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// What moncreneau documents of an event. Fields that are not listed are welcome
// anywhere. The envelope is the guide's rule; what is inside data.object is what the
// published payloads show.

var envelope = members{
	idMember:      required("id", text("a string that is not empty", isID)),
	typeMember:    required("type", text("a known event type", isEventType)),
	createdMember: required("created", instant),
	dataMember:    required("data", isObject),
}

const (
	idMember = iota
	typeMember
	createdMember
	dataMember
	envelopeMembers
)

// data has its one member checked by the event's type.
var data = members{required("object", isObject)}

// appointments holds the check of data.object for each type of event.
var appointments = map[string]check{
	TypeCreated: object(appointment...),
	TypeUpdated: object(append(appointment,
		required("updatedAt", instant),
		required("changes", values(object(optional("from", anything), optional("to", anything)))),
	)...),
	TypeCancelled: object(append(appointment,
		required("cancelledAt", instant),
		required("cancelledBy", anyText),
		optional("cancelReason", anyText),
		optional("creditsRefunded", integer),
	)...),
	TypeValidated: object(appointment...),
	TypeCompleted: object(appointment...),
}

var appointment = []field{
	required("id", integer),
	required("departmentId", integer),
	required("department", object(
		required("id", integer),
		required("name", anyText),
		required("organization", object(
			required("id", integer),
			required("name", anyText),
		)),
	)),
	required("dateTime", localTime),
	required("status", text("a known status", isStatus)),
	required("name", anyText),
	optional("phone", text("an international phone number", isPhone)),
	optional("email", text("an e-mail address", isEmail)),
	optional("qrCode", text("an absolute URL", isURL)),
	required("createdAt", instant),
	optional("creditsUsed", integer),
}

var (
	instant   = text("an ISO 8601 instant such as 2026-01-21T14:30:00Z", isInstant)
	localTime = text("a local date and time such as 2026-01-21T14:30:00", isLocalTime)
	anyText   = text("a string", func(string) bool { return true })
)

func isEventType(s string) bool {
	switch s {
	case TypeCreated, TypeUpdated, TypeCancelled, TypeValidated, TypeCompleted:
		return true
	}
	return false
}

// isID refuses what a lone surrogate is read as, because two ids could then look the
// same, and the one character that PostgreSQL cannot keep.
func isID(s string) bool { return s != "" && !strings.ContainsAny(s, "\uFFFD\x00") }

func isStatus(s string) bool {
	switch s {
	case "SCHEDULED", "COMPLETED", "CANCELLED", "NO_SHOW", "PENDING_PAYMENT":
		return true
	}
	return false
}

// isInstant is stricter than time.Parse, which takes an hour of one digit.
func isInstant(s string) bool { return new(time.Time).UnmarshalText([]byte(s)) == nil }

func isLocalTime(s string) bool {
	return len(s) == len("2006-01-02T15:04:05") && isInstant(s+"Z")
}

// isPhone wants 8 to 15 digits after the +, as E.164 does; spaces may group them.
func isPhone(s string) bool {
	digits := 0
	for i, c := range s {
		switch {
		case i == 0 && c != '+':
			return false
		case c >= '0' && c <= '9':
			digits++
		case i > 0 && c != ' ':
			return false
		}
	}
	return digits >= 8 && digits <= 15
}

func isEmail(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	return found && local != "" && domain != "" && !strings.ContainsAny(domain, "@ ") && !strings.Contains(local, " ")
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// isWhole says whether a JSON number has no fraction: as in JSON Schema, 1.0 is an
// integer.
func isWhole(number string) bool {
	if !strings.ContainsAny(number, ".eE") {
		return true
	}
	value := gjson.Parse(number).Num
	return value == math.Trunc(value) && !math.IsInf(value, 0)
}

// check judges one JSON value, and field one member of an object.
type check func(gjson.Result) error

type field struct {
	name     string
	check    check
	required bool
}

func required(name string, c check) field { return field{name, c, true} }

// optional fields may be left out, or be null.
func optional(name string, c check) field { return field{name, c, false} }

// members are the fields that an object is known to have.
type members []field

// object checks an object by the fields it knows.
func object(fields ...field) check {
	return func(value gjson.Result) error { return members(fields).read(value, nil) }
}

// read checks an object and puts the value of each field where found has room for it.
// A field that is there twice is refused, since two readers of the body could then see
// two different events.
func (m members) read(value gjson.Result, found []gjson.Result) error {
	if !value.IsObject() {
		return mismatch{"", "expected an object"}
	}
	if len(m) == 0 {
		return nil
	}
	var seen uint64
	var err error
	next := 0
	value.ForEach(func(name, member gjson.Result) bool {
		i := m.find(name.Str, next)
		if i < 0 {
			return true
		}
		next = i + 1
		if seen&(1<<i) != 0 {
			err = mismatch{name.Str, "is there twice"}
			return false
		}
		seen |= 1 << i
		if i < len(found) {
			found[i] = member
		}
		if member.Type == gjson.Null && !m[i].required {
			return true
		}
		if err = m[i].check(member); err != nil {
			err = inside(name.Str, err)
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	for i, f := range m {
		if f.required && seen&(1<<i) == 0 {
			return mismatch{f.name, "is missing"}
		}
	}
	return nil
}

// find looks for a field from where it is expected on: senders keep the order.
func (m members) find(name string, from int) int {
	for n := range m {
		if i := (from + n) % len(m); m[i].name == name {
			return i
		}
	}
	return -1
}

// values checks an object whose names are free.
func values(c check) check {
	return func(value gjson.Result) error {
		if !value.IsObject() {
			return mismatch{"", "expected an object"}
		}
		var err error
		value.ForEach(func(_, member gjson.Result) bool {
			err = c(member)
			return err == nil
		})
		return err
	}
}

func text(what string, holds func(string) bool) check {
	err := mismatch{"", "expected " + what}
	return func(value gjson.Result) error {
		if value.Type != gjson.String || !holds(value.Str) {
			return err
		}
		return nil
	}
}

func integer(value gjson.Result) error {
	if value.Type != gjson.Number || !isWhole(value.Raw) {
		return mismatch{"", "expected an integer"}
	}
	return nil
}

func isObject(value gjson.Result) error {
	if !value.IsObject() {
		return mismatch{"", "expected an object"}
	}
	return nil
}

func anything(gjson.Result) error { return nil }

// mismatch is where a body is not what it should be.
type mismatch struct{ path, problem string }

func (m mismatch) Error() string { return strings.TrimLeft(m.path+": "+m.problem, ": ") }

// inside puts the name of the surrounding field in front of a mismatch's path.
func inside(name string, err error) error {
	var m mismatch
	if err == nil || !errors.As(err, &m) {
		return err
	}
	switch {
	case name == "":
		return m
	case m.path == "":
		return mismatch{name, m.problem}
	}
	return mismatch{name + "." + m.path, m.problem}
}
