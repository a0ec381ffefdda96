package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/load"
)

// The programs that are compared.
const (
	nameOurs   = "hookcheck"
	nameVegeta = "vegeta"
	nameWrk    = "wrk"
)

// program is a command that sends for the time set, and ends.
type program struct {
	name    string
	command []string
}

const secret = "whsec_test_0123456789abcdef0123456789abcdef" //nolint:gosec // signs for nobody but the sink

// programs writes what the peers read into a directory that cleanUp removes.
func programs(s settings, url string) (ours program, peers []program, cleanUp func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return program{}, nil, nil, err
	}
	dir, err := os.MkdirTemp("", "hookcheck-compare-")
	if err != nil {
		return program{}, nil, nil, err
	}
	cleanUp = func() { _ = os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			cleanUp()
		}
	}()
	event := fixtures.NewGenerator(1).Event("appointment.created")
	delivery := emitter.NewDelivery(event, secret, emitter.DeliveryID(1, 1))
	body := filepath.Join(dir, "body.json")
	if err = os.WriteFile(body, delivery.Body, 0o600); err != nil {
		return program{}, nil, nil, err
	}
	vegeta := []string{
		s.vegeta, "attack", "-rate=0", "-duration=" + s.duration.String(), "-body=" + body,
		"-max-workers=" + strconv.Itoa(s.connections), "-workers=" + strconv.Itoa(s.connections),
		"-targets=" + filepath.Join(dir, "targets"), "-output=" + filepath.Join(dir, "results"),
	}
	lua := fmt.Sprintf("wrk.method = 'POST'\nwrk.body = [==[%s]==]\n", delivery.Body)
	for name, values := range delivery.Header {
		vegeta = append(vegeta, "-header="+name+": "+values[0])
		lua += fmt.Sprintf("wrk.headers['%s'] = '%s'\n", name, values[0])
	}
	script := filepath.Join(dir, "post.lua")
	if err = errors.Join(
		os.WriteFile(filepath.Join(dir, "targets"), []byte("POST "+url+"\n"), 0o600),
		os.WriteFile(script, []byte(lua), 0o600),
	); err != nil {
		return program{}, nil, nil, err
	}
	threads := s.threads
	if threads == 0 {
		threads = max(2, runtime.GOMAXPROCS(0)/2)
	}
	connections := strconv.Itoa(s.connections)
	ours = program{name: nameOurs, command: []string{
		self, "-duration", s.duration.String(), "-connections", connections, "-threads", strconv.Itoa(threads),
		"emit", url, filepath.Join(dir, "record.jsonl"),
	}}
	peers = []program{{name: nameVegeta, command: vegeta}}
	if _, err := exec.LookPath(s.wrk); err != nil {
		fmt.Fprintln(os.Stderr, "compare: without wrk, which is not installed (apt-get install wrk)")
		return ours, peers, cleanUp, nil
	}
	return ours, append(peers, program{name: nameWrk, command: []string{
		s.wrk, "-t" + strconv.Itoa(threads), "-c" + connections, "-d" + strconv.Itoa(max(1, int(s.duration.Seconds()))),
		"-s", script, url,
	}}), cleanUp, nil
}

// emit is ours: every event unique, signed, and recorded in a file.
func emit(ctx context.Context, s settings, url, record string) (err error) {
	file, err := os.Create(record) //nolint:gosec // named by compare itself
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<20)
	err = load.Run(ctx, load.Options{
		URL: url, Secret: secret, Seed: 1, Duration: s.duration, Connections: s.connections, Threads: s.threads,
		Record: load.WriteRecords(out, 1),
	})
	return errors.Join(err, out.Flush(), file.Close())
}

// pace is the rate at which the error of the send times is measured, a second.
const pace = 1000

// showPace sends at an exact rate and prints how late events were sent.
func showPace(ctx context.Context, s settings, url string) error {
	late := hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	err := load.Run(ctx, load.Options{
		URL: url, Secret: secret, Seed: 2, Duration: s.duration, Rate: pace, Connections: s.connections,
		Record: func(batch []load.Exchange) error {
			for _, x := range batch {
				if err := late.RecordValue(max(1, (x.Start - x.Due).Microseconds())); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nerror of the send times at %d a second, open loop, %d events: p50 %d µs, p99 %d µs, max %d µs\n",
		pace, late.TotalCount(), late.ValueAtQuantile(50), late.ValueAtQuantile(99), late.Max())
	return nil
}
