package main

import (
	"io"
	"net/http"
	"os"
	"time"
)

// bareCommand makes this program the server that everything is compared with: a
// handler that reads the body, throws it away and answers.
const bareCommand = "bare"

func serveBare() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
	})
	server := http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), ReadHeaderTimeout: 5 * time.Second}
	_ = server.ListenAndServe()
}
