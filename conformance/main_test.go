package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// Built once for all tests that run them as a user would.
var (
	program string // hookcheck
	hostile string // testdata/hostile
)

func TestMain(m *testing.M) {
	// Certifications wait more than they work. The command line still has the last word.
	_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.NumCPU()+1))
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hookcheck-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program, hostile = filepath.Join(dir, "hookcheck"), filepath.Join(dir, "hostile")
	for binary, source := range map[string]string{program: "../cmd/hookcheck", hostile: "./testdata/hostile"} {
		build := exec.Command("go", "build", "-o", binary, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // hostile also runs in images from scratch
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}
