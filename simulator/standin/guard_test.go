package standin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/standin"
)

func TestOtherSitesCannotUseTheStandIn(t *testing.T) {
	s := start(t, standin.Options{ServerNames: []string{"hookcheck"}})
	port := s.url[strings.LastIndex(s.url, ":"):]
	for name, c := range map[string]struct {
		method  string
		headers []string
		status  int
	}{
		"curl":                                {"POST", nil, 204},
		"its own page":                        {"POST", []string{"Origin: " + s.url, "Sec-Fetch-Site: same-origin"}, 204},
		"localhost":                           {"POST", []string{"Host: localhost" + port}, 204},
		"a name it was given":                 {"POST", []string{"Host: hookcheck" + port}, 204},
		"a page of another site":              {"POST", []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		"an old browser on another site":      {"POST", []string{"Origin: https://evil.example"}, 403},
		"a name that resolves to 127.0.0.1":   {"POST", []string{"Host: evil.example" + port}, 421},
		"reading by such a name":              {"GET", []string{"Host: evil.example" + port}, 421},
		"another site's page, another port's": {"POST", []string{"Origin: http://127.0.0.1:1", "Sec-Fetch-Site: same-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			path := "/_hookcheck/reset"
			if c.method == "GET" {
				path = "/_hookcheck/status"
			}
			req, err := http.NewRequestWithContext(t.Context(), c.method, s.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range c.headers {
				key, value, _ := strings.Cut(h, ": ")
				if key == "Host" {
					req.Host = value
				} else {
					req.Header.Set(key, value)
				}
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != c.status {
				t.Errorf("status %d, want %d", res.StatusCode, c.status)
			}
		})
	}
}
