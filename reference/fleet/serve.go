//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// serve runs the receivers and hands each connection to the next of them.
func serve(ctx context.Context) error {
	replicas, err := strconv.Atoi(os.Getenv(replicasVariable))
	if err != nil {
		return fmt.Errorf("%s: %w", replicasVariable, err)
	}
	database, err := createDatabase(ctx, os.Getenv(serverVariable), os.Getenv("DATA_DIR"))
	if err != nil {
		return err
	}
	// The system ends a child with the thread that started it.
	runtime.LockOSThread()
	var addresses []string
	for i := range replicas {
		cmd, address, err := startReplica(context.WithoutCancel(ctx), database, i)
		if err != nil {
			return err
		}
		defer func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}()
		addresses = append(addresses, address)
	}
	for _, address := range addresses {
		if err := awaitReady(ctx, address); err != nil {
			return err
		}
	}
	return balance(ctx, net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), addresses)
}

// runReceiver runs the receiver's program to its end.
func runReceiver(ctx context.Context, args []string) error {
	database, err := createDatabase(ctx, os.Getenv(serverVariable), os.Getenv("DATA_DIR"))
	if err != nil {
		return err
	}
	return receiver(ctx, database, args...).Run()
}

// createDatabase makes the database that belongs to a directory, if it is new.
func createDatabase(ctx context.Context, server, dir string) (string, error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(dir))
	name := fmt.Sprintf("fleet_%x", hash.Sum64())
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return "", err
	}
	if !exists {
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
			return "", err
		}
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// startReplica leaves it to serve to end the replica gently. Replicas listen on the
// fleet's own port, which is nobody else's, on loopback addresses of their own: of two
// fleets that look for a free port at the same time, one could reach the other's replica.
func startReplica(ctx context.Context, database string, number int) (*exec.Cmd, string, error) {
	host := net.IPv4(127, 0, 1, byte(number+1)).String() // #nosec G115 -- a handful
	cmd := receiver(ctx, database)
	cmd.Env = append(cmd.Env, "HOST="+host)
	return cmd, net.JoinHostPort(host, os.Getenv("PORT")), cmd.Start()
}

func receiver(ctx context.Context, database string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Getenv(receiverVariable), args...) // #nosec G204 G702 -- our own variable
	cmd.Env = append(os.Environ(), "DATABASE_URL="+database)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a killed fleet is killed as a whole
	return cmd
}

func awaitReady(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil) // #nosec G704 -- our own address
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil { // #nosec G704 -- our own address
			return resp.Body.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the replica at %s does not get ready", address)
		}
	}
}

// balance passes bytes on as they are, so that the replicas see what was sent.
func balance(ctx context.Context, address string, replicas []string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	var turn atomic.Uint64
	for {
		from, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		to := replicas[turn.Add(1)%uint64(len(replicas))]
		open.Go(func() { pass(ctx, from.(*net.TCPConn), to) })
	}
}

func pass(ctx context.Context, from *net.TCPConn, address string) {
	defer from.Close()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	to := conn.(*net.TCPConn)
	defer to.Close()
	stop := context.AfterFunc(ctx, func() {
		_ = from.Close()
		_ = to.Close()
	})
	defer stop()
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(to, from)
		_ = to.CloseWrite()
	})
	_, _ = io.Copy(from, to)
	_ = from.CloseWrite()
	_ = from.SetReadDeadline(time.Now().Add(time.Second))
	up.Wait()
}
