// Package problem holds the errors that moncreneau's API answers with: a status,
// a code, a message, and details.
package problem

import (
	"fmt"
	"net/http"
	"strings"
)

// Code is the machine-readable name of an error.
type Code string

// The codes of moncreneau's documentation.
//
//nolint:gosec // names of errors about credentials, no credentials
const (
	MissingAPIKey          Code = "MISSING_API_KEY"
	InvalidAPIKey          Code = "INVALID_API_KEY"
	ExpiredAPIKey          Code = "EXPIRED_API_KEY"
	InvalidTokenFormat     Code = "INVALID_TOKEN_FORMAT"
	InsufficientCredits    Code = "INSUFFICIENT_CREDITS"
	InsufficientScope      Code = "INSUFFICIENT_SCOPE"
	OrganizationMismatch   Code = "ORGANIZATION_MISMATCH"
	DepartmentAccessDenied Code = "DEPARTMENT_ACCESS_DENIED"
	InvalidRequest         Code = "INVALID_REQUEST"
	MissingRequiredField   Code = "MISSING_REQUIRED_FIELD"
	InvalidFieldValue      Code = "INVALID_FIELD_VALUE"
	InvalidDateTime        Code = "INVALID_DATE_TIME"
	InvalidPhoneNumber     Code = "INVALID_PHONE_NUMBER"
	InvalidEmail           Code = "INVALID_EMAIL"
	AppointmentNotFound    Code = "APPOINTMENT_NOT_FOUND"
	DepartmentNotFound     Code = "DEPARTMENT_NOT_FOUND"
	SlotNotAvailable       Code = "SLOT_NOT_AVAILABLE"
	DuplicateAppointment   Code = "DUPLICATE_APPOINTMENT"
	RateLimitExceeded      Code = "RATE_LIMIT_EXCEEDED"
)

// Codes that no source names: the documentation lists the status alone, or the
// case is not documented.
const (
	WebhookNotFound    Code = "WEBHOOK_NOT_FOUND"
	NotFound           Code = "NOT_FOUND"
	MethodNotAllowed   Code = "METHOD_NOT_ALLOWED"
	CrossOriginRequest Code = "CROSS_ORIGIN_REQUEST"
	MisdirectedRequest Code = "MISDIRECTED_REQUEST"
	InternalError      Code = "INTERNAL_ERROR"
	ServiceUnavailable Code = "SERVICE_UNAVAILABLE"
)

// statuses gives each code its HTTP status. The documentation says "400/422" for
// the codes about a request: here 400 is for a request that cannot be read or
// lacks something, 422 for a value that is there and wrong.
var statuses = map[Code]int{
	MissingAPIKey:          http.StatusUnauthorized,
	InvalidAPIKey:          http.StatusUnauthorized,
	ExpiredAPIKey:          http.StatusUnauthorized,
	InvalidTokenFormat:     http.StatusUnauthorized,
	InsufficientCredits:    http.StatusPaymentRequired,
	InsufficientScope:      http.StatusForbidden,
	OrganizationMismatch:   http.StatusForbidden,
	DepartmentAccessDenied: http.StatusForbidden,
	InvalidRequest:         http.StatusBadRequest,
	MissingRequiredField:   http.StatusBadRequest,
	InvalidFieldValue:      http.StatusUnprocessableEntity,
	InvalidDateTime:        http.StatusUnprocessableEntity,
	InvalidPhoneNumber:     http.StatusUnprocessableEntity,
	InvalidEmail:           http.StatusUnprocessableEntity,
	AppointmentNotFound:    http.StatusNotFound,
	DepartmentNotFound:     http.StatusNotFound,
	WebhookNotFound:        http.StatusNotFound,
	NotFound:               http.StatusNotFound,
	MethodNotAllowed:       http.StatusMethodNotAllowed,
	CrossOriginRequest:     http.StatusForbidden,
	MisdirectedRequest:     http.StatusMisdirectedRequest,
	SlotNotAvailable:       http.StatusConflict,
	DuplicateAppointment:   http.StatusConflict,
	RateLimitExceeded:      http.StatusTooManyRequests,
	InternalError:          http.StatusInternalServerError,
	ServiceUnavailable:     http.StatusServiceUnavailable,
}

// Error is an error of the API.
type Error struct {
	Code    Code
	Message string
	// Details says more to a program, for example which field; may be nil.
	Details map[string]any
}

// Status is the HTTP status that goes with the code.
func (e *Error) Status() int {
	if status, ok := statuses[e.Code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// With adds a detail and returns e.
func (e *Error) With(key string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[key] = value
	return e
}

// New makes an error with a formatted message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Unknown makes an error about a field that has none of the values that it can have.
func Unknown[T ~string](field, value string, known []T) *Error {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return Field(InvalidFieldValue, field, "%q is unknown: want one of %s", value, strings.Join(names, ", "))
}

// Field makes an error about one field of the request.
func Field(code Code, field, format string, args ...any) *Error {
	return New(code, field+": "+format, args...).With("field", field)
}
