package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// secretVariable is where commands, and the receivers that hookcheck knows, look
// for the secret that they share.
const secretVariable = "MONCRENEAU_WEBHOOK_SECRET" //nolint:gosec // its name, not the secret

// secretFlags is how a command is told the secret that signs.
type secretFlags struct{ value, file string }

func (f *secretFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "secret-file", "", "file that holds the endpoint's secret (whsec_…)")
	cmd.Flags().StringVar(&f.value, "secret", "", "the secret itself; other users of the machine can see it in the process list,\n"+
		"so better --secret-file or the variable "+secretVariable)
	cmd.MarkFlagsMutuallyExclusive("secret", "secret-file")
}

// read returns the secret, which there must be.
func (f *secretFlags) read() (string, error) {
	secret, err := f.find()
	if err == nil && secret == "" {
		err = errors.New("no secret to sign with: set " + secretVariable + ", or give --secret-file FILE")
	}
	return secret, err
}

// find returns the secret, or an empty one where none is given. A line feed at
// the end of a file is not part of it.
func (f *secretFlags) find() (string, error) {
	secret := f.value
	switch {
	case f.file != "":
		text, err := os.ReadFile(f.file)
		if err != nil {
			return "", fmt.Errorf("--secret-file: %w", err)
		}
		if secret = strings.TrimRight(string(text), "\r\n"); secret == "" {
			return "", fmt.Errorf("--secret-file: %s is empty", f.file)
		}
	case secret == "":
		secret = os.Getenv(secretVariable)
	}
	return secret, nil
}
