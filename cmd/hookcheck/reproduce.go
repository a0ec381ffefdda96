package main

import (
	"fmt"
	"regexp"
	"strings"
)

// What a command line should not have held, and a report must not: the value of
// a variable that is named like a secret, and the password in a URL.
var (
	secretValue = regexp.MustCompile(`(?i)([a-z0-9_]*(?:SECRET|TOKEN|PASSWORD|KEY)[a-z0-9_]*=)[^{].*`)
	urlPassword = regexp.MustCompile(`(://[^/@:]*:)[^/@]+@`)
)

// reproduce is the command line that repeats a run: args as they were given,
// without what only says where the result goes, and with the seed.
func reproduce(args []string, seed uint64) string {
	line := []string{"hookcheck"}
	for i := 0; i < len(args); i++ {
		switch name, _, joined := strings.Cut(args[i], "="); name {
		case "--seed", "--report", "--format", "-f":
			if !joined {
				i++ // its value
			}
			continue
		case "--quiet", "-q":
			continue
		}
		arg := secretValue.ReplaceAllString(args[i], "${1}[secret]")
		arg = urlPassword.ReplaceAllString(arg, "${1}[secret]@")
		if arg == "" || strings.ContainsAny(arg, " '\"{}$*&|<>;()[]?~#`\\!\n\t") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		line = append(line, arg)
	}
	return strings.Join(append(line, fmt.Sprintf("--seed=%d", seed)), " ")
}
