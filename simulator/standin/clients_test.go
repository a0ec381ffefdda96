package standin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/standin"
)

// clientCall is a request as one of moncreneau's client libraries makes it, and
// what its user then reads from the answer.
type clientCall struct {
	Call   string // method and path
	Header map[string]string
	Body   string
	Status int
	Reads  map[string]any // by JSON pointer
}

// moncreneau's client libraries work against the stand-in with another base URL
// only. Their packages are not at hand where the tests run, so this replays what
// they send; see the file for where each was recorded. The PHP library is given
// the base URL …/api/v1 and loses it: its calls are to the root.
func TestRequestsOfTheClientLibraries(t *testing.T) {
	content, err := os.ReadFile("testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	var libraries []struct {
		Library string
		Calls   []clientCall
	}
	if err := json.Unmarshal(content, &libraries); err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries {
		t.Run(l.Library, func(t *testing.T) {
			s := start(t, standin.Options{})
			for _, call := range l.Calls {
				call.play(t, s)
			}
		})
	}
}

func (c clientCall) play(t *testing.T, s *sim) {
	t.Helper()
	method, path, _ := strings.Cut(c.Call, " ")
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(c.Body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range c.Header {
		req.Header.Set(name, value)
	}
	a := s.send(req, []byte(c.Body))
	if a.status != c.Status {
		t.Errorf("%s: status %d, want %d: %s", c.Call, a.status, c.Status, a.body)
		return
	}
	for pointer, want := range c.Reads {
		var body any
		a.into(&body)
		if got := at(body, pointer); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %s is %v, want %v", c.Call, pointer, got, want)
		}
	}
}

// at is what a JSON pointer without escapes points to; nil when there is nothing.
func at(value any, pointer string) any {
	for _, step := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}
