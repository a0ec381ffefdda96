package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
)

var durationType = reflect.TypeFor[time.Duration]()

// shape is the type of every key that a configuration file may have, by the
// key's dotted path.
func shape() map[string]reflect.Type {
	out := map[string]reflect.Type{}
	var walk func(above string, t reflect.Type)
	walk = func(above string, t reflect.Type) {
		for field := range t.Fields() {
			name := field.Tag.Get("yaml")
			if name == "-" {
				continue
			}
			path, kind := name, field.Type
			if above != "" {
				path = above + "." + name
			}
			if kind.Kind() == reflect.Pointer {
				kind = kind.Elem()
			}
			out[path] = kind
			if kind.Kind() == reflect.Struct {
				walk(path, kind)
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
	return out
}

// keysOf are the keys whose values have a type, in a fixed order.
func keysOf(want reflect.Type) (paths []string) {
	for path, t := range shape() {
		if t == want {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// examples show what is expected of keys that are often written otherwise.
var examples = map[string]string{
	"receiver.exec":     `[python3, receiver.py]`,
	"receiver.env":      `{PORT: "{{.Port}}"}`,
	"observe.sink":      `{eventId: "body:/eventId"}`,
	"observe.metrics":   `{path: /metrics}`,
	"observe.command":   `{exec: [receiver, count, "{{.EventID}}"]}`,
	"declare.retries":   `{attempts: 3, backoff: 2s, factor: 2}`,
	"declare.rateLimit": `{requests: 100, window: 1m}, or the word none`,
	"declare.allowlist": `{cidrs: [41.223.45.0/24]}, or the word none`,
	"declare.replay":    `{exec: [receiver, replay, "{{.EventID}}"]}, or the word none`,
	"waive":             `{RATE-03: the gateway in front sets the headers}`,
}

// wanted says in a user's words what the value at path has to be.
func wanted(path string) string {
	t, known := shape()[path]
	above := parent(path)
	switch {
	case known:
	case shape()[above] != nil && shape()[above].Kind() != reflect.Struct: // an element of a list or a mapping
		t = shape()[above].Elem()
	default:
		t = reflect.TypeFor[Config]()
	}
	words := "a mapping"
	switch {
	case t == durationType:
		words = "a duration such as 5s, 1m or 250ms"
	case t.Kind() == reflect.Int:
		words = "a whole number"
	case t.Kind() == reflect.Float64:
		words = "a number"
	case t.Kind() == reflect.String:
		words = "a text"
	case t.Kind() == reflect.Slice:
		words = "a list"
	}
	if example := examples[path]; example != "" {
		words += " such as " + example
	}
	return words
}

// parent is "receiver.env" for "receiver.env.PORT", "receiver.exec" for
// "receiver.exec[1]", and "" above.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// last is "PORT" for "receiver.env.PORT".
func last(path string) string { return path[strings.LastIndex(path, ".")+1:] }

// meant is the key that a user had in mind who wrote key below above: one that
// is spelled nearly so, or else one that belongs elsewhere. "" if there is none.
func meant(above, key string) (path string) {
	const least = 3 // edits make another word
	distance := least
	for _, name := range siblings(above) {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(key)); d < min(distance, len(key)) {
			path, distance = name, d
		}
	}
	if path != "" {
		return path
	}
	for _, other := range slices.Sorted(maps.Keys(shape())) {
		if last(other) == key && (path == "" || len(other) < len(path)) {
			path = other
		}
	}
	return path
}

// siblings are the keys that are known below above.
func siblings(above string) (names []string) {
	for path := range shape() {
		if parent(path) == above {
			names = append(names, last(path))
		}
	}
	slices.Sort(names)
	return names
}
