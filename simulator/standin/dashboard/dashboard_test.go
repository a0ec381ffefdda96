package dashboard

import (
	"io/fs"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestThePageAllowsNothingFromElsewhere(t *testing.T) {
	answer := httptest.NewRecorder()
	Page().ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	if answer.Code != 200 || !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", answer.Code, answer.Header())
	}
	csp := answer.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("the policy %q has a hole", csp)
	}
}

// Nothing in the page may turn text into HTML or fetch from another host.
func TestTheScriptsBuildNoHTML(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://[a-z]`)
	err := fs.WalkDir(files, "static", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".js") {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if found := forbidden.Find(content); found != nil {
			t.Errorf("%s has %s", path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEverythingThatThePageLoadsIsThere(t *testing.T) {
	page, err := fs.ReadFile(files, "static/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?:src|href)="(`+AssetPrefix+`[^"]+)"`).FindAllSubmatch(page, -1) {
		answer := httptest.NewRecorder()
		Assets().ServeHTTP(answer, httptest.NewRequest("GET", string(match[1]), nil))
		if answer.Code != 200 {
			t.Errorf("%s: %d", match[1], answer.Code)
		}
	}
}
