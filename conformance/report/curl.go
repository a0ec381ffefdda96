package report

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// curl is a line that repeats an attempt when pasted into a POSIX shell. It
// signs freshly, with the secret from the environment, wherever the header
// holds digits that only somebody with the secret could have made.
func (r *Recorder) curl(a emitter.Attempt, request Request, name string) string {
	signed := a.Delivery.Signed
	signedFile := request.BodyFile
	if signed == nil {
		signed = a.Delivery.Body
	} else if r.Bodies != nil {
		signedFile = path.Join("bodies", name+".signed.json")
		r.Bodies[signedFile] = signed
	}
	digits := strings.TrimPrefix(fixtures.Sign(r.Secret, signed), "sha256=")

	var line strings.Builder
	fmt.Fprintf(&line, "curl -sS -i -X %s", request.Method)
	fresh := false
	for _, header := range slices.Sorted(maps.Keys(a.Delivery.Header)) {
		for _, value := range a.Delivery.Header[header] {
			written, isFresh := shellHeader(header, r.redact(value), digits)
			fresh = fresh || isFresh
			line.WriteString(" -H " + written)
		}
	}
	if request.BodyFile != "" {
		line.WriteString(" --data-binary @" + request.BodyFile)
	} else {
		line.WriteString(" --data-binary " + quote(string(a.Delivery.Body)))
	}
	line.WriteString(` "${HOOKCHECK_URL:-` + request.URL + `}"`)
	if !fresh {
		return line.String()
	}
	sign := `openssl dgst -sha256 -hmac "$MONCRENEAU_WEBHOOK_SECRET"`
	if signedFile != "" {
		return fmt.Sprintf("SIG=$(%s %s | sed 's/^.*= *//'); %s", sign, signedFile, line.String())
	}
	return fmt.Sprintf("SIG=$(printf %%s %s | %s | sed 's/^.*= *//'); %s", quote(string(signed)), sign, line.String())
}

// shellHeader writes a header for the shell, with the genuine digits, or their
// beginning, taken from $SIG.
func shellHeader(name, value, digits string) (written string, fresh bool) {
	const recognisable = 16 // digits in a row do not agree by accident
	for n := len(digits); n >= recognisable; n-- {
		before, after, found := strings.Cut(value, digits[:n])
		if !found {
			continue
		}
		sig := "$SIG"
		if n < len(digits) {
			sig = fmt.Sprintf("$(printf %%.%ds \"$SIG\")", n)
		}
		return quote(name+": "+before) + `"` + sig + `"` + quote(after), true
	}
	if value == "" {
		return quote(name + ";"), false // curl's way of sending an empty header
	}
	return quote(name + ": " + value), false
}

// quote is text as one word of a POSIX shell; nothing for no text.
func quote(text string) string {
	if text == "" {
		return ""
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
