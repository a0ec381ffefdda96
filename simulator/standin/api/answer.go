package api

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/delivery"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
)

// errorBody is the body of every error. One of moncreneau's guides shows the time
// and the path beside the error; the libraries read the error only.
type errorBody struct {
	Error     errorValue `json:"error"`
	Timestamp string     `json:"timestamp,omitempty"`
	Path      string     `json:"path,omitempty"`
}

type errorValue struct {
	Code    problem.Code   `json:"code"`
	Message string         `json:"message"`
	Details map[string]any `json:"details"`
}

func (c *call) fail(err error) {
	p := AsProblem(c.api.Log, c.r, err)
	body := newErrorBody(p)
	if c.api.Dialect != delivery.SDK {
		body.Timestamp = c.api.Clock.Now().UTC().Format(time.RFC3339)
		body.Path = c.r.URL.Path
	}
	c.log(p.Status(), p.Code)
	WriteJSON(c.w, p.Status(), body)
}

// log tells those who debug a client what it has asked for; the key stays out.
func (c *call) log(status int, code problem.Code) {
	c.api.Log.Debug("API", slog.String("method", c.r.Method), slog.String("path", c.r.URL.RequestURI()), slog.Int("status", status), slog.String("code", string(code)))
}

// WriteError answers with an error.
func WriteError(w http.ResponseWriter, p *problem.Error) { WriteJSON(w, p.Status(), newErrorBody(p)) }

func newErrorBody(p *problem.Error) errorBody {
	body := errorBody{Error: errorValue{Code: p.Code, Message: p.Message, Details: p.Details}}
	if body.Error.Details == nil {
		body.Error.Details = map[string]any{} // always an object
	}
	return body
}

// AsProblem is err as an error of the API. One that is none is internal: it is
// logged, and the caller learns no more than that.
func AsProblem(log *slog.Logger, r *http.Request, err error) *problem.Error {
	var p *problem.Error
	if errors.As(err, &p) {
		return p
	}
	if r.Context().Err() == nil { // otherwise the caller has gone, which is no error
		log.ErrorContext(r.Context(), "request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	return problem.New(problem.InternalError, "an internal error of the stand-in; its log says more")
}

func (c *call) succeed(value any) {
	status := c.status
	switch {
	case value == nil:
		status = http.StatusNoContent
	case status == 0:
		status = http.StatusOK
	}
	c.log(status, "")
	if value == nil {
		c.w.WriteHeader(status)
		return
	}
	WriteJSON(c.w, status, value)
}

// WriteJSON answers with a status and a value as compact JSON.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the caller may have gone
}

// maxBody is how long a request's body may be, in bytes.
const maxBody = 1 << 20

// ReadJSON reads a request's body, one JSON object, into value. Fields that value
// does not have are ignored.
func ReadJSON(w http.ResponseWriter, r *http.Request, value any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return problem.New(problem.InvalidRequest, "the body cannot be read: %v", err)
	}
	err = json.Unmarshal(body, value)
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return problem.Field(problem.InvalidFieldValue, wrongType.Field, "want %s, got a %s", jsonName(wrongType.Type.Kind().String()), wrongType.Value)
	case errors.As(err, &wrongType):
		return problem.New(problem.InvalidRequest, "the body is a JSON %s: want an object", wrongType.Value)
	case len(body) == 0:
		return problem.New(problem.InvalidRequest, "the body is empty: want a JSON object")
	}
	return problem.New(problem.InvalidRequest, "the body is not JSON: %v", err)
}

// jsonName is how JSON calls a Go kind.
func jsonName(kind string) string {
	switch kind {
	case "int", "int64", "float64":
		return "an integer"
	case "string":
		return "a string"
	case "slice":
		return "an array"
	case "bool":
		return "true or false"
	}
	return "an object"
}

// id is the number in the path.
func (c *call) id() (int64, error) {
	text := c.r.PathValue("id")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		// 123.0 is what Java programs send: the library reads every number as a double.
		return 0, problem.Field(problem.InvalidFieldValue, "id", "%q is not an id: want an integer such as 123", text)
	}
	return n, nil
}
