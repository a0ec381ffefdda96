package standin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/moncreneau/hookcheck/simulator/standin"
)

// A test of your own can use the stand-in's API without a port: deliveries go
// out while Run runs.
func ExampleNew() {
	server, err := standin.New(context.Background(), standin.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()

	req := httptest.NewRequest("POST", "http://localhost/api/v1/appointments",
		strings.NewReader(`{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"Aïssatou Diallo"}`))
	req.Header.Set("X-API-Key", "mk_test")
	answer := httptest.NewRecorder()
	server.Handler().ServeHTTP(answer, req)
	fmt.Println(answer.Code, http.StatusText(answer.Code))
	// Output: 201 Created
}
