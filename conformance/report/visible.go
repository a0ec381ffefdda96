package report

import (
	"fmt"
	"strings"
	"unicode"
)

// Visible writes characters that a terminal obeys instead of showing them, or
// that nobody sees, as escapes. A receiver's answer may hold anything; line
// feeds stay, for the caller to indent.
func Visible(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&out, `\x%02x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// indented is Visible text whose further lines begin with margin.
func indented(text, margin string) string {
	return strings.ReplaceAll(strings.TrimRight(Visible(text), "\n"), "\n", "\n"+margin)
}
