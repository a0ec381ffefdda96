package conformance_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
)

// interruptWithin bounds how long an interrupted run may take to clean up.
const interruptWithin = 20 * time.Second

func TestAnInterruptedRunLeavesNothingBehind(t *testing.T) {
	program := func(_ *testing.T, ready string) (map[string]string, []string) {
		return map[string]string{"hookcheck.yaml": fmt.Sprintf("receiver:\n  exec: [%s, fails]\n  ready: %s\n  env: {PORT: \"{{.Port}}\", DOWNSTREAM_URL: \"{{.EffectURL}}\"}\n", hostile, ready)}, nil
	}
	image := func(t *testing.T, ready string) (map[string]string, []string) {
		return nil, []string{"--image", imageOf(t, `"fails"`), "--ready", ready, "--env", "PORT=8080", "--env", "HOST=0.0.0.0", "--env", "DOWNSTREAM_URL={{.EffectURL}}", "--data", "/data"}
	}
	for _, kind := range []struct {
		name  string
		start func(t *testing.T, ready string) (map[string]string, []string)
	}{{"a process", program}, {"a container", image}} {
		for _, moment := range []struct{ name, ready, after string }{
			{"while it is waited for", "/never", "starting the receiver"},
			{"while it is examined", "/healthz", "judging"},
		} {
			for _, signals := range []struct {
				name string
				send []os.Signal
			}{
				{"Ctrl-C", []os.Signal{os.Interrupt}},
				{"SIGTERM", []os.Signal{syscall.SIGTERM}},
				{"Ctrl-C three times", []os.Signal{os.Interrupt, os.Interrupt, os.Interrupt}},
			} {
				t.Run(kind.name+" "+moment.name+" "+signals.name, func(t *testing.T) {
					expect := gomega.NewWithT(t)
					files, args := kind.start(t, moment.ready)
					run := hookcheck(t, files, append([]string{"certify"}, args...)...).marked()
					progress := gbytes.NewBuffer()
					run.cmd.Stderr = progress
					if err := run.cmd.Start(); err != nil {
						t.Fatal(err)
					}
					expect.Eventually(progress, exitWithin).Should(gbytes.Say(moment.after))
					for _, signal := range signals.send {
						_ = run.cmd.Process.Signal(signal) // it may be over already after the first
					}
					code, output := run.wait(t, interruptWithin)
					expect.Expect(code).To(gomega.Equal(3), output+string(progress.Contents()))
					expect.Expect(output + string(progress.Contents())).To(gomega.ContainSubstring("interrupted"))
					expect.Expect(string(progress.Contents())).NotTo(gomega.ContainSubstring("context canceled"))
					run.leavesNothing(t)
				})
			}
		}
	}
}

func TestAnInterruptedBuildIsNotTakenForAMissingDaemon(t *testing.T) {
	needs(t, "docker")
	expect := gomega.NewWithT(t)
	run := hookcheck(t, map[string]string{
		"Dockerfile":     "FROM scratch\nCOPY large /\n",
		"large":          string(make([]byte, 64<<20)), // so that there is something to interrupt
		"hookcheck.yaml": "receiver:\n  dockerfile: Dockerfile\n  withoutDocker: {exec: [" + hostile + ", accepts]}\n",
	}, "certify").marked()
	progress := gbytes.NewBuffer()
	run.cmd.Stderr = progress
	if err := run.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	expect.Eventually(progress, exitWithin).Should(gbytes.Say("preparing the image"))
	_ = run.cmd.Process.Signal(os.Interrupt) // it has just begun
	code, _ := run.wait(t, interruptWithin)
	output := string(progress.Contents())
	expect.Expect(code).To(gomega.Equal(3), output)
	expect.Expect(output).To(gomega.ContainSubstring("hookcheck: certify: interrupted"))
	expect.Expect(output).NotTo(gomega.Or(gomega.ContainSubstring("no Docker daemon"), gomega.ContainSubstring("level=error")))
	run.leavesNothing(t)
}
