// Command hostile is a receiver that misbehaves in one way, for tests of what a
// certification makes of it. It listens on HOST (127.0.0.1) and PORT, and is named its way as the
// only argument.
package main

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// lifetime is how many deliveries a receiver takes that dies in the middle.
const lifetime = 12

// ways answer a delivery. None of them looks at what it is.
var ways = map[string]http.HandlerFunc{
	"dies": func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1) > lifetime {
			fmt.Fprintln(os.Stderr, "out of memory, or whatever it is that receivers die of")
			os.Exit(1)
		}
		w.WriteHeader(http.StatusOK)
	},
	"garbage": raw("you have reached a printer\r\n\r\n"),
	"closes":  raw(""),
	"half":    raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\":"),
	"headers": raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Padding: "+strings.Repeat("x", 1000)+"\r\n", 2000) + "\r\n"),
	"redirects": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	},
	"moves": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusMovedPermanently)
	},
	"throttles": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	},
	"accepts": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
	"fails":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	"hangs":   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"trickles": func(w http.ResponseWriter, r *http.Request) {
		drip(w, r, 100*time.Millisecond, []byte("."))
	},
	"endless": func(w http.ResponseWriter, r *http.Request) {
		drip(w, r, 0, make([]byte, 64<<10))
	},
}

var served atomic.Int64

func main() {
	answer, ok := ways[os.Args[len(os.Args)-1]]
	if !ok {
		fmt.Fprintln(os.Stderr, "hostile: no such way to misbehave")
		os.Exit(2)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/never", http.NotFound)
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/", answer)
	err := http.ListenAndServe(net.JoinHostPort(cmp.Or(os.Getenv("HOST"), "127.0.0.1"), os.Getenv("PORT")), mux) //nolint:gosec // no timeouts: it is to misbehave
	fmt.Fprintln(os.Stderr, "hostile:", err)
	os.Exit(1)
}

// raw writes text to the connection instead of an answer, and closes it.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(text)) // the client may have had enough
	}
}

// drip writes a chunk at a time until the client goes away.
func drip(w http.ResponseWriter, r *http.Request, pause time.Duration, chunk []byte) {
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(pause):
		case <-r.Context().Done():
		}
	}
}
