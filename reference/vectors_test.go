package reference

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The test vectors of hookcheck's contract, which were made without this package.
func TestTheAnswersToHookchecksTestVectors(t *testing.T) {
	files, err := filepath.Glob("../fixtures/vectors/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("this folder was copied without ../fixtures/vectors")
	}
	for _, file := range files {
		var vectors []struct {
			Name, Group, Secret, Verdict string
			Headers                      []struct{ Name, Value string }
			BodyBase64                   string
			Status                       []string
			SignatureValid               bool
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(content, &vectors); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, vector := range vectors {
			t.Run(vector.Group+"/"+vector.Name, func(t *testing.T) {
				body, err := base64.StdEncoding.DecodeString(vector.BodyBase64)
				if err != nil {
					t.Fatal(err)
				}
				r := newTestReceiver(t, Config{Secrets: []string{vector.Secret}})
				req := httptest.NewRequest(http.MethodPost, WebhookPath, strings.NewReader(string(body)))
				for _, header := range vector.Headers {
					req.Header.Add(header.Name, header.Value)
				}
				if len(vector.Status) == 0 { // a known answer: only the signature is judged
					err := newSecrets([]string{vector.Secret}).verify(body, [][]byte{[]byte(req.Header.Get("X-Moncreneau-Signature"))})
					if (err == nil) != vector.SignatureValid {
						t.Fatalf("verify: %v", err)
					}
					return
				}
				w := exchange(t, r, req)
				status := strconv.Itoa(w.Code)
				if !slices.Contains(vector.Status, status) && !slices.Contains(vector.Status, status[:1]+"xx") {
					t.Errorf("answered %s %s, want %v", status, w.Body, vector.Status)
				}
			})
		}
	}
}
