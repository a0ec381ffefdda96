package api

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestEveryRouteIsInTheDocument(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		item := doc.Paths.Value(Prefix + r.path)
		if item == nil || item.GetOperation(r.method) == nil {
			t.Errorf("%s %s is served but not in openapi.yaml", r.method, Prefix+r.path)
		}
	}
}
