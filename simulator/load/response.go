package load

import (
	"bytes"
	"errors"
	"strconv"
)

// maxAnswer is the longest answer that is read, head and body, in bytes.
const maxAnswer = 1 << 20

var (
	errMalformed = errors.New("the answer is no HTTP/1.1 response")
	errTooLong   = errors.New("the answer is longer than 1 MiB")
	errClosed    = errors.New("the connection was closed before the answer was complete")
)

// answer is a response as far as it has come in.
type answer struct {
	status   int
	length   int  // of head and body in the buffer
	complete bool // all of it is there
	toClose  bool // the connection ends with it
}

// parseAnswer reads the response at the beginning of in. closed says that the
// other side sends no more. Interim responses (1xx) are skipped.
func parseAnswer(in []byte, closed bool) (answer, error) {
	skipped := 0
	for {
		a, err := parseOne(in[skipped:], closed)
		if err != nil || !a.complete || a.status >= 200 {
			a.length += skipped
			if err == nil && !a.complete && len(in) > maxAnswer {
				err = errTooLong
			}
			if err == nil && !a.complete && closed {
				err = errClosed
			}
			return a, err
		}
		skipped += a.length
	}
}

func parseOne(in []byte, closed bool) (answer, error) {
	end := bytes.Index(in, []byte("\r\n\r\n"))
	if end < 0 {
		return answer{}, nil
	}
	line, fields, _ := bytes.Cut(in[:end], []byte("\r\n"))
	var a answer
	var err error
	if a.status, a.toClose, err = parseStatusLine(line); err != nil {
		return a, err
	}
	length, chunked := -1, false
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, found := bytes.Cut(field, []byte(":"))
		if !found {
			return a, errMalformed
		}
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return a, errMalformed
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Connection")):
			a.toClose = bytes.EqualFold(value, []byte("close"))
		}
	}
	head := end + 4
	switch {
	case a.status < 200 || a.status == 204 || a.status == 304:
		a.length, a.complete = head, true
	case chunked:
		n, complete, err := chunkedLength(in[head:])
		a.length, a.complete = head+n, complete
		return a, err
	case length >= 0:
		a.length, a.complete = head+length, len(in) >= head+length
	default: // the body ends with the connection (RFC 9112, section 6.3)
		a.length, a.complete, a.toClose = len(in), closed, true
	}
	return a, nil
}

// parseStatusLine reads "HTTP/1.1 200 OK". HTTP/1.0 closes unless it says otherwise.
func parseStatusLine(line []byte) (status int, toClose bool, err error) {
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return 0, false, errMalformed
	}
	status, err = strconv.Atoi(string(line[9:12]))
	if err != nil || status < 100 {
		return 0, false, errMalformed
	}
	return status, line[7] == '0', nil
}

// chunkedLength is how long a chunked body is, its last chunk and trailer included.
func chunkedLength(in []byte) (length int, complete bool, err error) {
	at := 0
	for {
		size, rest, found := bytes.Cut(in[at:], []byte("\r\n"))
		if !found {
			return 0, false, nil
		}
		size, _, _ = bytes.Cut(size, []byte(";")) // extensions
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if err != nil {
			return 0, false, errMalformed
		}
		at = len(in) - len(rest)
		if n == 0 {
			return trailerEnd(in, at)
		}
		if at += int(n) + 2; at > len(in) {
			return 0, false, nil
		}
	}
}

// trailerEnd is where the trailer that begins at ends: with an empty line.
func trailerEnd(in []byte, at int) (length int, complete bool, err error) {
	for {
		line, rest, found := bytes.Cut(in[at:], []byte("\r\n"))
		if !found {
			return 0, false, nil
		}
		at = len(in) - len(rest)
		if len(line) == 0 {
			return at, true, nil
		}
	}
}
