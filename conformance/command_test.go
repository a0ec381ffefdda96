package conformance_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/onsi/gomega"
)

// commandLine is one run of hookcheck in a folder and with a temporary folder
// of its own, so that what it leaves behind can be told from what others do.
type commandLine struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	dir, temporary string
	mark           string // in the environment of everything it starts
}

// exitWithin bounds how long a run may take that ends by itself.
const exitWithin = 2 * time.Minute

// hookcheck prepares a run; files are written into its folder by name.
func hookcheck(t *testing.T, files map[string]string, args ...string) *commandLine {
	t.Helper()
	c := &commandLine{dir: t.TempDir(), temporary: t.TempDir(), mark: "HOOKCHECK_TEST=" + uuid.NewString()}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.cmd = exec.Command(program, args...)
	c.cmd.Dir = c.dir
	c.cmd.Env = append(os.Environ(), "TMPDIR="+c.temporary, c.mark)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	return c
}

// run runs it to its end and returns the exit code and all it printed.
func (c *commandLine) run(t *testing.T) (code int, output string) {
	t.Helper()
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c.wait(t, exitWithin)
}

func (c *commandLine) wait(t *testing.T, within time.Duration) (code int, output string) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.cmd.Wait() // the exit code says how
	}()
	select {
	case <-ended:
	case <-time.After(within):
		_ = c.cmd.Process.Kill()
		<-ended
		t.Errorf("it was still running after %v", within)
	}
	return c.cmd.ProcessState.ExitCode(), c.stdout.String() + c.stderr.String()
}

// leavesNothing checks that no process, container, volume or file remains.
func (c *commandLine) leavesNothing(t *testing.T) {
	t.Helper()
	expect := gomega.NewWithT(t)
	expect.Eventually(c.processes, 5*time.Second, 20*time.Millisecond).Should(gomega.BeEmpty(), "processes are left")
	if _, err := exec.LookPath("docker"); err == nil {
		expect.Eventually(c.containers, 5*time.Second, 100*time.Millisecond).Should(gomega.BeEmpty(), "containers are left")
	}
	entries, err := os.ReadDir(c.temporary)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "hookcheck-") {
			t.Errorf("%s is left in the temporary folder", entry.Name())
		}
	}
}

// processes are the command lines of what was started and still runs.
func (c *commandLine) processes() (out []string) {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is right
	for _, path := range environments {
		environment, err := os.ReadFile(path)
		if err == nil && bytes.Contains(environment, []byte(c.mark)) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			out = append(out, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return out
}

// containers are those of receivers that were given the mark, see marked.
func (c *commandLine) containers() (out []string, err error) {
	ids, err := exec.Command("docker", "ps", "-aq", "--filter", "label=org.hookcheck.role").Output()
	if err != nil {
		return nil, fmt.Errorf("docker ps: %w", err)
	}
	for _, id := range strings.Fields(string(ids)) {
		environment, err := exec.Command("docker", "inspect", "--format", "{{.Config.Env}}", id).Output()
		if err == nil && bytes.Contains(environment, []byte(c.mark)) {
			out = append(out, id)
		}
	}
	return out, nil
}

// marked gives the mark to the receiver as well, which containers do not inherit.
func (c *commandLine) marked() *commandLine {
	c.cmd.Args = append(c.cmd.Args, "--env", c.mark)
	return c
}
