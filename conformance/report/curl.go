package report

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inlineAtMost is the largest body that a curl line holds in itself, in bytes:
// who pastes it still wants to see what it is.
const inlineAtMost = 4 << 10

// curl is a line that repeats a request when pasted into a POSIX shell. What
// follows from the secret is signed anew, with the secret of the environment.
func curl(q Request, body, signed []byte) string {
	if q.BodyFile == "" && max(len(body), len(signed)) > inlineAtMost {
		return ""
	}
	var line strings.Builder
	bodyText := quote(string(body))
	if q.Signing != nil {
		file := q.Signing.SignedFile
		if q.Signing.Signed == "" && file == "" {
			file = q.BodyFile
		}
		text := quote(string(signed))
		if file == "" && bytes.Equal(signed, body) && quotable(body) { // written once, used twice
			line.WriteString("BODY=" + bodyText + " && ")
			text, bodyText = `"$BODY"`, `"$BODY"`
		}
		line.WriteString(q.Signing.assign(file, signed, text))
	}
	// A body that cannot be named or quoted comes over a pipe. --data-raw is
	// --data-binary that takes no @ for a file.
	data := "--data-binary @-"
	switch {
	case q.BodyFile != "" && !compressed(q.BodyFile):
		data = "--data-binary @" + q.BodyFile
	case q.BodyFile != "":
		line.WriteString("gunzip -c " + q.BodyFile + " | ")
	case len(body) == 0:
		data = "--data-raw ''"
	case !quotable(body):
		line.WriteString(printf(body) + " | ")
	default:
		data = "--data-raw " + bodyText
	}
	fmt.Fprintf(&line, "curl -sS -i -X %s", quote(q.Method))
	for _, header := range q.shellHeaders() {
		line.WriteString(" -H " + header)
	}
	line.WriteString(" " + data + ` "${HOOKCHECK_URL:-` + inQuotes(q.URL) + `}"`)
	return line.String()
}

// assign puts the digest into SIG, or ends the line there with the shell's word
// on why it could not. What is signed is in file, or else it is signed, which
// text is in the shell if it can be quoted.
func (s Signing) assign(file string, signed []byte, text string) string {
	var d digest
	for _, candidate := range digests() {
		if candidate.name == s.Digest {
			d = candidate
		}
	}
	key := `"${MONCRENEAU_WEBHOOK_SECRET:?}"`
	if s.Key == unprefixedSecret {
		key = `"${MONCRENEAU_WEBHOOK_SECRET#whsec_}"`
	}
	sign := "openssl dgst " + d.shell + " -hmac " + key
	switch {
	case file == "" && quotable(signed):
		sign = "printf %s " + text + " | " + sign
	case file == "":
		sign = printf(signed) + " | " + sign
	case compressed(file):
		sign = "gunzip -c " + file + " | " + sign
	default:
		sign += " " + file
	}
	return fmt.Sprintf("SIG=$(%s | %s | grep .) && ", sign, d.filter)
}

func compressed(file string) bool { return strings.HasSuffix(file, ".gz") }

// shellHeaders are the arguments of -H, in the order of their names.
func (q Request) shellHeaders() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(q.Headers)) {
		values := q.Headers[name]
		if q.Signing != nil && q.Signing.Headers[name] != nil {
			values = q.Signing.Headers[name]
		}
		for _, value := range values {
			out = append(out, shellHeader(name, value))
		}
	}
	if q.Headers["Content-Type"] == nil {
		out = append(out, "Content-Type:") // curl would add one
	}
	if q.Chunked {
		out = append(out, quote("Transfer-Encoding: chunked"))
	}
	if q.MissingBytes > 0 {
		out = append(out, quote(fmt.Sprintf("Content-Length: %d", q.Bytes+q.MissingBytes)))
	}
	if q.Bytes >= 1<<20 {
		out = append(out, "Expect:") // curl would ask first
	}
	return out
}

func shellHeader(name, value string) string {
	if value == "" {
		return quote(name + ";") // curl's way of sending an empty header
	}
	var out strings.Builder
	text, at := name+": "+value, 0
	for _, match := range placeholders.FindAllStringSubmatchIndex(text, -1) {
		part := ""
		if match[2] >= 0 {
			part = text[match[2]:match[3]]
		}
		out.WriteString(quote(text[at:match[0]]) + shellDigest(part))
		at = match[1]
	}
	return out.String() + quote(text[at:])
}

// shellDigest is a part of the digest as a word of the shell.
func shellDigest(part string) string {
	switch part {
	case "":
		return `"$SIG"`
	case "off":
		return `"${SIG%?}$(printf %s "$SIG" | tail -c 1 | tr 0123456789abcdef 1000000000000000)"`
	}
	return `"$(printf %.` + part + `s "$SIG")"`
}

// quotable reports whether text survives on a command line, and on the way there.
func quotable(text []byte) bool {
	return utf8.Valid(text) && !slices.ContainsFunc([]rune(string(text)), func(r rune) bool { return !unicode.IsPrint(r) })
}

// quote is text as a part of a word of a POSIX shell; nothing for no text.
func quote(text string) string {
	if text == "" || strings.Trim(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// plain are characters that mean nothing to a shell.
const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:"

// inQuotes is a URL as it can stand inside "${NAME:-…}" in every shell: what
// means something there is percent-encoded, which means the same in a URL.
func inQuotes(url string) string {
	return strings.NewReplacer(`"`, "%22", "$", "%24", "`", "%60", `\`, "%5C", "}", "%7D", "'", "%27", "!", "%21").Replace(url)
}

// printf is a command that writes the bytes, whatever they are.
func printf(body []byte) string {
	var out strings.Builder
	for _, b := range body {
		switch {
		case b == '%':
			out.WriteString("%%")
		case b == '\\':
			out.WriteString(`\\`)
		case b == '\'':
			out.WriteString(`'\''`)
		case b < ' ' || b > '~':
			fmt.Fprintf(&out, `\%03o`, b)
		default:
			out.WriteByte(b)
		}
	}
	return "printf '" + out.String() + "'"
}
