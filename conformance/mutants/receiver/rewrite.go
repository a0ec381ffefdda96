package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// style is how a language writes JSON.
type style struct {
	comma, colon string
	ascii        bool // escapes what is not ASCII
}

var (
	node   = style{",", ":", false} // JSON.stringify
	python = style{", ", ": ", true}
)

// rewrite parses body and writes it again in the style: escapes, numbers and
// white space change, and the order of the keys does not. What is no JSON stays
// as it is.
func rewrite(body []byte, s style) []byte {
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
			out.WriteString(s.colon)
		case top.count > 0:
			out.WriteString(s.comma)
		}
		top.count++
		switch value := token.(type) {
		case json.Delim:
			levels = append(levels, level{object: value == '{'})
			out.WriteRune(rune(value))
		case float64:
			out.WriteString(strconv.FormatFloat(value, 'f', -1, 64))
		default:
			out.WriteString(s.plain(value))
		}
	}
}

// plain writes a string, a truth value or null with as few escapes as the style has.
func (s style) plain(value any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // a buffer takes everything, and the value comes from JSON
	text := strings.TrimRight(out.String(), "\n")
	if !s.ascii {
		return text
	}
	var escaped strings.Builder
	for _, r := range text {
		if r < utf8.RuneSelf {
			escaped.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&escaped, "\\u%04x", unit)
		}
	}
	return escaped.String()
}
