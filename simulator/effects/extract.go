package effects

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// extractor finds the event id in a call, or returns the empty string.
type extractor func(header http.Header, body []byte) string

func parseExtractor(rule string) (extractor, error) {
	if rule == "" {
		rule = "body:/eventId"
	}
	place, path, _ := strings.Cut(rule, ":")
	switch {
	case place == "header" && path != "":
		return func(h http.Header, _ []byte) string { return h.Get(path) }, nil
	case place == "body" && strings.HasPrefix(path, "/"):
		keys := pointer(path)
		return func(_ http.Header, body []byte) string { return lookUp(body, keys) }, nil
	}
	return nil, fmt.Errorf("event id %q: want body:/json/pointer or header:Name", rule)
}

// pointer splits a JSON pointer into its keys (RFC 6901, section 4).
func pointer(path string) []string {
	keys := strings.Split(path[1:], "/")
	for i, k := range keys {
		keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(k)
	}
	return keys
}

func lookUp(body []byte, keys []string) string {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // an integer id must not become 1e+06
	var value any
	if decoder.Decode(&value) != nil {
		return ""
	}
	for _, key := range keys {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return ""
			}
			value = v[i]
		default:
			return ""
		}
	}
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
