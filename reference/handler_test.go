package reference

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheExampleCallsAnAPIWithAnIdempotencyKey(t *testing.T) {
	status := http.StatusNoContent
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if key := r.Header.Get("Idempotency-Key"); key != "evt_1" {
			t.Errorf("Idempotency-Key: %q", key)
		}
		if !strings.Contains(string(body), `"data":{"object":{"id":7,`) || !strings.Contains(string(body), `"eventId":"evt_1"`) {
			t.Errorf("body: %s", body)
		}
		w.WriteHeader(status)
	}))
	defer api.Close()
	h, err := NewHandler(t.Context(), Config{DownstreamURL: api.URL, DownstreamTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Handle(t.Context(), testEvent(t, "evt_1")); err != nil {
		t.Errorf("a 204: %v", err)
	}
	for _, status = range []int{302, 404, 500} {
		if err := h.Handle(t.Context(), testEvent(t, "evt_1")); err == nil {
			t.Errorf("a %d was taken for success", status)
		}
	}
}

func TestTheErrorOfTheExampleDoesNotRepeatTheURL(t *testing.T) {
	h, err := NewHandler(t.Context(), Config{DownstreamURL: "http://user:hidden@127.0.0.1:1/", DownstreamTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Handle(t.Context(), testEvent(t, "evt_1")); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("error: %v", err)
	}
}

func TestTheExamplesTableIsNotSetBackByALateEvent(t *testing.T) {
	table, err := openAppointments(t.Context(), filepath.Join(t.TempDir(), "appointments.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer table.db.Close()
	early, late := testEvent(t, "evt_early"), testEvent(t, "evt_late")
	late.Created = early.Created.Add(time.Second)
	for _, step := range []struct {
		event  Event
		status string
	}{{early, "SCHEDULED"}, {late, "CANCELLED"}, {early, "SCHEDULED"}, {late, "CANCELLED"}} {
		if err := table.save(t.Context(), step.event, Appointment{ID: 7, Status: step.status}); err != nil {
			t.Fatal(err)
		}
	}
	var status, id string
	if err := table.db.QueryRow("SELECT status, event_id FROM appointments").Scan(&status, &id); err != nil {
		t.Fatal(err)
	}
	if status != "CANCELLED" || id != "evt_late" {
		t.Errorf("the row is %s from %s, want CANCELLED from evt_late", status, id)
	}
}

func TestTheExamplesMailIsTheSameEachTimeItIsTried(t *testing.T) {
	var messages []string
	for range 2 {
		address, message := mailServer(t)
		if err := sendMail(t.Context(), address, testEvent(t, "evt_1"), Appointment{Email: "a@example.org", DateTime: "2026-01-25T10:00:00"}); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, <-message)
	}
	if messages[0] != messages[1] || !strings.Contains(messages[0], "Message-ID: <") {
		t.Errorf("messages: %q", messages)
	}
	err := sendMail(context.Background(), "127.0.0.1:1", testEvent(t, "evt_1"), Appointment{Email: "a@example.org"})
	if err == nil || strings.Contains(err.Error(), "a@example.org") {
		t.Errorf("error: %v", err)
	}
}

// mailServer takes one message.
func mailServer(t *testing.T) (address string, message <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		defer listener.Close()
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewScanner(conn)
		fmt.Fprint(conn, "220 test\r\n")
		var text strings.Builder
		for inData := false; in.Scan(); {
			line := in.Text()
			switch {
			case inData && line == ".":
				inData = false
				got <- text.String()
				fmt.Fprint(conn, "250 ok\r\n")
			case line == "QUIT":
				fmt.Fprint(conn, "221 bye\r\n")
			case inData:
				text.WriteString(line + "\n")
			case line == "DATA":
				inData = true
				fmt.Fprint(conn, "354 go on\r\n")
			default:
				fmt.Fprint(conn, "250 ok\r\n")
			}
		}
	}()
	return listener.Addr().String(), got
}
