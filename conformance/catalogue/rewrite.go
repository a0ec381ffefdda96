package catalogue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

// document is JSON with everything kept that a parser is free to lose: the
// order of keys, keys that stand twice, and how numbers and strings are written.
type document struct {
	raw     string // of a scalar, as written
	members []member
	kind    byte // '{', '[' or 0 for a scalar
}

type member struct {
	key   string // as written, quotes included; empty in arrays
	value *document
}

// parseDocument reads JSON that is known to be valid.
func parseDocument(body []byte) (*document, error) {
	if !json.Valid(body) {
		return nil, fmt.Errorf("not JSON: %.40q", body)
	}
	s := &scanner{in: body}
	return s.value(), nil
}

// scanner walks over valid JSON.
type scanner struct {
	in []byte
	at int
}

func (s *scanner) space() {
	for s.at < len(s.in) && bytes.IndexByte([]byte(" \t\r\n"), s.in[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) value() *document {
	s.space()
	switch open := s.in[s.at]; open {
	case '{', '[':
		s.at++
		d := &document{kind: open}
		for s.space(); s.in[s.at] != open+2; s.space() { // } and ] are two behind { and [
			if s.in[s.at] == ',' {
				s.at++
				s.space()
			}
			var m member
			if open == '{' {
				m.key = s.scalar()
				s.space()
				s.at++ // the colon
			}
			m.value = s.value()
			d.members = append(d.members, m)
		}
		s.at++
		return d
	default:
		return &document{raw: s.scalar()}
	}
}

func (s *scanner) scalar() string {
	start := s.at
	if s.in[s.at] == '"' {
		for s.at++; s.in[s.at] != '"'; s.at++ {
			if s.in[s.at] == '\\' {
				s.at++
			}
		}
		s.at++
		return string(s.in[start:s.at])
	}
	for s.at < len(s.in) && bytes.IndexByte([]byte(" \t\r\n,]}"), s.in[s.at]) < 0 {
		s.at++
	}
	return string(s.in[start:s.at])
}

// at returns the value under a path of keys, nil if there is none.
func (d *document) at(path ...string) *document {
	for _, key := range path {
		var next *document
		for _, m := range d.members {
			if m.key == strconv.Quote(key) {
				next = m.value
			}
		}
		if next == nil {
			return nil
		}
		d = next
	}
	return d
}

// set puts raw JSON under a key, replacing what is there.
func (d *document) set(key, raw string) {
	value := &document{raw: raw}
	for i := range d.members {
		if d.members[i].key == strconv.Quote(key) {
			d.members[i].value = value
			return
		}
	}
	d.members = append(d.members, member{strconv.Quote(key), value})
}

// style is how a language's library writes JSON.
type style struct {
	comma, colon string
	scalar       func(raw string) string
	members      func([]member) []member
}

var (
	// asWritten changes nothing but the white space.
	asWritten = style{comma: ",", colon: ":"}
	// python is json.dumps with its defaults.
	python = style{comma: ", ", colon: ": ", scalar: pythonScalar, members: lastOfEach}
	// pythonCompact is json.dumps with separators=(",", ":").
	pythonCompact = style{comma: ",", colon: ":", scalar: pythonScalar, members: lastOfEach}
	// node is JSON.stringify with its defaults.
	node = style{comma: ",", colon: ":", scalar: nodeScalar, members: func(ms []member) []member { return integersFirst(lastOfEach(ms)) }}
)

// write is d as the style writes it.
func (d *document) write(s style) []byte {
	var out bytes.Buffer
	d.append(&out, s)
	return out.Bytes()
}

func (d *document) append(out *bytes.Buffer, s style) {
	if d.kind == 0 {
		raw := d.raw
		if s.scalar != nil {
			raw = s.scalar(raw)
		}
		out.WriteString(raw)
		return
	}
	members := d.members
	if s.members != nil && d.kind == '{' {
		members = s.members(members)
	}
	out.WriteByte(d.kind)
	for i, m := range members {
		if i > 0 {
			out.WriteString(s.comma)
		}
		if d.kind == '{' {
			key := m.key
			if s.scalar != nil {
				key = s.scalar(key)
			}
			out.WriteString(key + s.colon)
		}
		m.value.append(out, s)
	}
	out.WriteByte(d.kind + 2)
}

// lastOfEach keeps the last value of a key that stands twice, in the place of
// the first, as dictionaries and objects do.
func lastOfEach(members []member) []member {
	at := map[string]int{}
	var out []member
	for _, m := range members {
		key := quote(units(m.key), true) // the same for every way of writing it
		if i, ok := at[key]; ok {
			out[i].value = m.value
			continue
		}
		at[key] = len(out)
		out = append(out, m)
	}
	return out
}

// integersFirst is the order of JavaScript's objects: keys that are array
// indices come first, ascending.
func integersFirst(members []member) []member {
	index := func(key string) (uint64, bool) {
		text := strings.Trim(quote(units(key), true), `"`)
		n, err := strconv.ParseUint(text, 10, 32)
		return n, err == nil && n < math.MaxUint32 && strconv.FormatUint(n, 10) == text
	}
	out := append([]member(nil), members...)
	sort.SliceStable(out, func(i, j int) bool {
		a, isA := index(out[i].key)
		b, isB := index(out[j].key)
		return isA && (!isB || a < b)
	})
	return out
}

// pythonScalar writes as float.__repr__ does: exponents from 1e16 and below 1e-4.
func pythonScalar(raw string) string {
	switch {
	case raw[0] == '"':
		return quote(units(raw), true)
	case raw == "-0":
		return "0"
	case !strings.ContainsAny(raw, ".eE"), raw[0] > '9': // an integer of any size; true, false or null
		return raw
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		return raw
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	switch size := math.Abs(f); {
	case size < 1e16 && f == math.Trunc(f):
		return text + ".0"
	case size < 1e16 && size >= 1e-4:
		return text
	}
	return strconv.FormatFloat(f, 'e', -1, 64)
}

// nodeScalar writes as Number::toString does: exponents from 1e21 and below 1e-6.
func nodeScalar(raw string) string {
	switch raw[0] {
	case '"':
		return quote(units(raw), false)
	case 't', 'f', 'n':
		return raw
	}
	f, err := strconv.ParseFloat(raw, 64)
	switch size := math.Abs(f); {
	case err != nil:
		return raw
	case size == 0: // whatever its sign
		return "0"
	case size >= 1e-6 && size < 1e21:
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	// Go writes exponents with at least two digits.
	return strings.NewReplacer("e-0", "e-", "e+0", "e+").Replace(strconv.FormatFloat(f, 'e', -1, 64))
}
