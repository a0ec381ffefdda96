package catalogue

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escapes are JSON's short ones, by the letter behind the backslash.
var escapes = map[byte]uint16{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// units are the UTF-16 code units of a JSON string. Python and JavaScript keep
// half a surrogate pair, which a Go string cannot hold.
func units(raw string) (out []uint16) {
	for text := raw[1 : len(raw)-1]; text != ""; {
		switch {
		case text[0] != '\\':
			r, size := utf8.DecodeRuneInString(text)
			out = utf16.AppendRune(out, r)
			text = text[size:]
		case text[1] == 'u':
			unit, _ := strconv.ParseUint(text[2:6], 16, 16) // four hex digits: the JSON is valid
			out = append(out, uint16(unit))
			text = text[6:]
		default:
			out = append(out, escapes[text[1]])
			text = text[2:]
		}
	}
	return out
}

// quote writes a JSON string with as few escapes as possible, or in ASCII only.
func quote(text []uint16, ascii bool) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := 0; i < len(text); i++ {
		unit := rune(text[i])
		pair := rune(utf8.RuneError)
		if utf16.IsSurrogate(unit) && i+1 < len(text) {
			pair = utf16.DecodeRune(unit, rune(text[i+1]))
		}
		switch short := shortEscape(text[i]); {
		case short != "":
			out.WriteString(short)
		case unit < ' ', ascii && unit > '~', utf16.IsSurrogate(unit) && pair == utf8.RuneError:
			fmt.Fprintf(&out, `\u%04x`, unit)
		case pair != utf8.RuneError:
			out.WriteRune(pair)
			i++
		default:
			out.WriteRune(unit)
		}
	}
	out.WriteByte('"')
	return out.String()
}

func shortEscape(unit uint16) string {
	for letter, meant := range escapes {
		if meant == unit && letter != '/' {
			return `\` + string(letter)
		}
	}
	return ""
}
