package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// fixtureOutput is where the fixtures commands write: standard output, or files.
type fixtureOutput struct {
	dir string // empty means standard output
}

// putFixture writes one fixture. The name is used where there are files.
type putFixture func(name string, content []byte) error

func (o *fixtureOutput) addFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "out", "", "write files into this `directory`, made if it is missing, instead of standard output")
}

// write calls produce with a function that writes to where the user wants it, until
// it is done or the user interrupts. Files get exactly the content; on standard
// output each ends with a line feed.
func (o *fixtureOutput) write(cmd *cobra.Command, produce func(putFixture) error) error {
	written := 0
	stdout := bufio.NewWriter(cmd.OutOrStdout())
	put := func(_ string, content []byte) error {
		if _, err := stdout.Write(content); err != nil {
			return err
		}
		if bytes.HasSuffix(content, []byte("\n")) {
			return nil
		}
		return stdout.WriteByte('\n')
	}
	if o.dir != "" {
		if err := os.MkdirAll(o.dir, 0o755); err != nil { //nolint:gosec // for anyone to read: there are no secrets in fixtures
			return fmt.Errorf("--out: %w", err)
		}
		put = func(name string, content []byte) error {
			return os.WriteFile(filepath.Join(o.dir, name), content, 0o644) //nolint:gosec // see above
		}
	}
	err := produce(func(name string, content []byte) error {
		if err := cmd.Context().Err(); err != nil {
			return exitWith(exitNoResult, fmt.Errorf("interrupted after %d fixtures", written))
		}
		written++
		return put(name, content)
	})
	if flushed := stdout.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return fmt.Errorf("fixtures: %w", err)
	}
	if o.dir != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d files in %s\n", written, o.dir)
	}
	return nil
}
