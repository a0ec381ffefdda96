// Command server is the smallest receiver that the target tests can start:
// it answers, keeps a counter of its starts in DATA_DIR, and calls DOWNSTREAM_URL on demand.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	fmt.Println(`{"message":"starting"}`)
	if os.Getenv("FAIL") != "" {
		fmt.Fprintln(os.Stderr, "FAIL is set")
		os.Exit(3)
	}
	if len(os.Args) > 1 {
		fmt.Println(os.Args[1])
		return
	}
	file := filepath.Join(os.Getenv("DATA_DIR"), "starts")
	starts, _ := os.ReadFile(file)
	starts = append(starts, 'x')
	if err := os.WriteFile(file, starts, 0o600); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		if os.Getenv("STUBBORN") == "" {
			os.Exit(0)
		}
	}()
	http.HandleFunc("/starts", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, len(starts)) })
	http.HandleFunc("/call", func(w http.ResponseWriter, _ *http.Request) {
		res, err := http.Get(os.Getenv("DOWNSTREAM_URL"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		res.Body.Close()
		fmt.Fprint(w, res.Status)
	})
	fmt.Println(http.ListenAndServe(net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), nil))
}
