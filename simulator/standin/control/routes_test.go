package control

import (
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/moncreneau/hookcheck/simulator/standin/api"
)

func TestEveryRouteIsInTheDocument(t *testing.T) {
	served := httptest.NewRecorder()
	api.Document().ServeHTTP(served, httptest.NewRequest("GET", "/", nil))
	doc, err := openapi3.NewLoader().LoadFromData(served.Body.Bytes())
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
