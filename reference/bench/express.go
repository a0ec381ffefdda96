package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/moncreneau/hookcheck/reference/internal/drive"
)

// express is the guide's recommendation: Node, Express and a Redis queue. Redis brings
// each command to the disk before it answers, as the receiver does.
func (o options) withExpress() server {
	return server{"Express, Redis", func(ctx context.Context) (*drive.Process, func(), error) {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return nil, nil, err
		}
		redis, url, err := startRedis(ctx, dir)
		clean := func() {
			if redis != nil {
				_ = redis.Process.Kill()
				_ = redis.Wait()
			}
			_ = os.RemoveAll(dir)
		}
		if err != nil {
			clean()
			return nil, nil, err
		}
		env := []string{"MONCRENEAU_WEBHOOK_SECRET=" + drive.Secret, "REDIS_URL=" + url, "NODE_PATH=/usr/share/nodejs", "NODE_ENV=production"}
		p, err := drive.Start(ctx, o.express, env, "node", "receiver.cjs")
		if err != nil {
			clean()
		}
		return p, clean, err
	}}
}

func startRedis(ctx context.Context, dir string) (*exec.Cmd, string, error) {
	port, err := drive.FreePort()
	if err != nil {
		return nil, "", err
	}
	cmd := exec.CommandContext(ctx, "redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--logfile", "redis.log") // #nosec G204 -- our own port
	if err := cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("redis: %w", err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			return cmd, "redis://" + address, conn.Close()
		}
	}
	return cmd, "", errors.New("redis does not answer")
}
