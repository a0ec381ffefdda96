// Package dashboard is the page at /: plain HTML, CSS and JavaScript modules,
// embedded, without a build step and without anything from elsewhere.
package dashboard

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed static
var files embed.FS

// AssetPrefix is the path below which the page's scripts and styles are.
const AssetPrefix = "/_hookcheck/dashboard/"

// policy allows what comes with the page and nothing else: no inline script
// can run, whatever an endpoint answers.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Page serves the page itself.
func Page() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, files, "static/index.html")
	})
}

// Assets serves what the page loads, below AssetPrefix.
func Assets() http.Handler {
	static, err := fs.Sub(files, "static")
	if err != nil {
		return http.NotFoundHandler() // cannot be: the folder is embedded
	}
	serve := http.StripPrefix(AssetPrefix, http.FileServerFS(static))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		serve.ServeHTTP(w, r)
	})
}
