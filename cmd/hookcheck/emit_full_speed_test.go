package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestFullSpeedSendsSignedEventsAndRecordsThem(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("full speed needs Linux")
	}
	t.Setenv(secretVariable, testSecret)
	record := filepath.Join(t.TempDir(), "record.jsonl")
	stdout, stderr, code := exiting(t, "emit", "--full-speed", "--to", judging(t), "--count", "500", "--connections", "8",
		"--seed", "3", "--record", record, "--format", "json")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var result loadResult
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || result.Sent != 500 || result.Outcomes["200"] != 500 {
		t.Errorf("%v: %s", err, stdout)
	}
	text, err := os.ReadFile(record)
	if err != nil || strings.Count(string(text), "\n") != 500 {
		t.Errorf("%d lines in the record: %v", strings.Count(string(text), "\n"), err)
	}
}

func TestFullSpeedExitCodes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("full speed needs Linux")
	}
	t.Setenv(secretVariable, testSecret)
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing acknowledged": {[]string{"--to", refusing.URL, "--count", "5"}, exitFailed, "404: 5"},
		"nobody listens":       {[]string{"--to", closed.URL}, exitNoResult, "connection refused"},
		"https":                {[]string{"--to", "https://127.0.0.1:1"}, exitUsage, "--full-speed"},
		"with a fault":         {[]string{"--to", closed.URL, "--delay", "1s"}, exitUsage, "delay"},
		"a weighted type":      {[]string{"--to", closed.URL, "--type", "appointment.created=2"}, exitUsage, "--type"},
		"count and duration":   {[]string{"--to", closed.URL, "--count", "1", "--duration", "1s"}, exitUsage, "duration"},
		"no connections":       {[]string{"--to", closed.URL, "--connections", "0"}, exitUsage, "--connections"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := exiting(t, append([]string{"emit", "--full-speed"}, c.args...)...)
			if code != c.code || !strings.Contains(stdout+stderr, c.says) {
				t.Errorf("exit %d, want %d and %q in\n%s%s", code, c.code, c.says, stdout, stderr)
			}
		})
	}
}
