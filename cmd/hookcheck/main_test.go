package main

import (
	"os"
	"testing"
)

// asCommand makes the test program behave as hookcheck itself, for tests that
// need a process of their own (to kill it, for example).
const asCommand = "HOOKCHECK_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}
