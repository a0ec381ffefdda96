package standin_test

import (
	"fmt"
	"net/http"
	"sort"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/standin"
)

// Every operation of the document is called with success once; the harness
// holds each exchange to it.
func TestEveryOperationOfTheDocumentConforms(t *testing.T) {
	s := start(t, standin.Options{})
	r := listen(t, nil)
	id := r.register(s)

	const v1, own = "/api/v1", "/_hookcheck"
	var made struct{ ID int64 }
	s.call("POST", v1+"/appointments", `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"Aïssatou Diallo","externalUserId":"u1","workerId":3,"phone":"+224622123456","email":"a@example.org"}`).
		want(http.StatusCreated).into(&made)
	appointment := fmt.Sprintf("/appointments/%d", made.ID)
	s.call("GET", v1+"/appointments?page=0&size=10&status=SCHEDULED&departmentId=5&externalUserId=u1&startDate=2026-01-20&endDate=2026-01-20", "").want(200)
	s.call("GET", v1+appointment, "").want(200)
	s.call("GET", own+"/appointments", "").want(200)
	s.call("PATCH", own+appointment, `{"dateTime":"2026-01-20T10:30:00","name":"Aïssatou Bah","phone":"+224 622 12 34 57","email":"b@example.org","workerId":4}`).want(200)
	s.call("POST", own+appointment+"/validate", "").want(200)
	s.call("POST", own+appointment+"/complete", "").want(200)
	s.call("POST", v1+"/appointments", `{"departmentId":1,"dateTime":"2026-01-20T10:00:00","name":"M. Camara"}`).want(201)
	s.call("DELETE", v1+"/appointments/2", "").want(204)
	s.call("POST", v1+"/appointments", `{"departmentId":1,"dateTime":"2026-01-20T10:00:00","name":"F. Barry"}`).want(201)
	s.call("POST", own+"/appointments/3/no-show", "").want(200)

	s.call("GET", v1+"/departments", "").want(200)
	s.call("GET", v1+"/departments/5", "").want(200)
	s.call("GET", v1+"/departments/5/availability?startDate=2026-01-20&endDate=2026-01-27", "").want(200)

	s.call("POST", v1+"/webhooks", fmt.Sprintf(`{"url":%q,"events":["appointment.created"]}`, r.url)).want(201)
	s.call("GET", v1+"/staff/webhooks", "").want(200)
	s.call("PUT", v1+"/staff/webhooks/"+id, `{"active":true}`).want(200)
	s.call("POST", v1+"/staff/webhooks/"+id+"/test", "").want(200)

	s.call("GET", own+"/status", "").want(200)
	s.call("GET", own+"/openapi.yaml", "").want(200)
	s.call("GET", own+"/webhooks", "").want(200)
	var endpoint struct{ ID string }
	s.call("POST", own+"/webhooks", fmt.Sprintf(`{"url":%q}`, r.url)).want(201).into(&endpoint)
	s.call("PATCH", own+"/webhooks/"+endpoint.ID, `{"active":false}`).want(200)
	s.call("GET", own+"/webhooks/"+id+"/secret", "").want(200)
	s.call("POST", own+"/webhooks/"+id+"/rotate-secret", `{"overlap":"1h","signWith":"alternate"}`).want(200)
	s.call("POST", own+"/webhooks/"+id+"/rotate-secret", "").want(200)
	s.call("POST", own+"/events", `{"type":"appointment.validated"}`).want(202)
	s.call("POST", own+"/events", "").want(202)
	var list struct{ Data []struct{ ID int64 } }
	s.call("GET", own+"/deliveries?limit=5&webhookId="+id, "").want(200).into(&list)
	first := fmt.Sprintf("%s/deliveries/%d", own, list.Data[0].ID)
	s.call("POST", first+"/redeliver", "").want(201)
	s.call("POST", first+"/redeliver", `{"times":2,"tamper":"missing"}`).want(201)
	s.call("GET", first, "").want(200)
	s.call("POST", own+"/keys", `{"scopes":["departments:read"],"organizationId":1,"departments":[5],"requestsAnHour":5,"expiresAt":"2030-01-01T00:00:00Z"}`).want(201)
	s.call("PUT", own+"/credits", `{"credits":5}`).want(200)
	s.call("PUT", own+"/api-failures", `{"status":503,"count":0}`).want(204)
	s.call("DELETE", v1+"/staff/webhooks/"+id, "").want(204)
	s.call("DELETE", own+"/webhooks/"+endpoint.ID, "").want(204)
	s.call("POST", own+"/reset", "").want(204)

	var missing []string
	for path, item := range s.spec.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if !s.spec.succeeded[operation.OperationID] && operation.OperationID != "stream" { // see TestStream
				missing = append(missing, method+" "+path)
			}
		}
	}
	sort.Strings(missing)
	for _, m := range missing {
		t.Errorf("the document has %s, which this test has not seen succeed", m)
	}
}
