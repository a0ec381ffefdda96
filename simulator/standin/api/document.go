package api

import (
	_ "embed" // the document
	"net/http"
)

//go:embed openapi.yaml
var document []byte

// Document serves the OpenAPI document of the API and of the stand-in's own verbs.
func Document() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(document) // the caller may have gone
	})
}
