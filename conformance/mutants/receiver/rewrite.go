package main

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// rewrite parses body and writes it again, as JSON.stringify(JSON.parse(body))
// does, with the given separators: escapes, numbers and white space change, and
// the order of the keys does not. What is no JSON stays as it is.
func rewrite(body []byte, comma, colon string) []byte {
	if !json.Valid(body) {
		return body
	}
	var out bytes.Buffer
	decoder := json.NewDecoder(bytes.NewReader(body))
	type level struct {
		object bool
		count  int // of tokens written on this level
	}
	levels := []level{{}}
	for {
		token, err := decoder.Token()
		if err != nil {
			return out.Bytes()
		}
		top := &levels[len(levels)-1]
		if d, ok := token.(json.Delim); ok && (d == '}' || d == ']') {
			levels = levels[:len(levels)-1]
			out.WriteRune(rune(d))
			continue
		}
		switch {
		case top.object && top.count%2 == 1:
			out.WriteString(colon)
		case top.count > 0:
			out.WriteString(comma)
		}
		top.count++
		switch value := token.(type) {
		case json.Delim:
			levels = append(levels, level{object: value == '{'})
			out.WriteRune(rune(value))
		case float64:
			out.WriteString(strconv.FormatFloat(value, 'f', -1, 64))
		default:
			out.Write(plain(value))
		}
	}
}

// plain writes a string, a truth value or null with as few escapes as possible.
func plain(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // a buffer takes everything, and the value comes from JSON
	return bytes.TrimRight(out.Bytes(), "\n")
}
