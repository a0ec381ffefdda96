package standin

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/simulator/standin/api"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
)

// guard keeps web pages of other sites from using the stand-in through the
// developer's browser. Requests that a browser makes for another origin are
// refused, and so is every request that calls the stand-in by a name that is
// not its own: a name that somebody else resolves to 127.0.0.1 would otherwise
// make their page the same origin (DNS rebinding).
//
// Without a check of the origin a page could still send what needs no
// permission, such as a POST without a body, which is enough to send an event.
func guard(next http.Handler, names []string) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		api.WriteError(w, problem.New(problem.CrossOriginRequest, "pages of other origins may not use the stand-in"))
	}))
	checked := origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ownName(r.Host, names) {
			api.WriteError(w, problem.New(problem.MisdirectedRequest,
				"the stand-in is not called %q: call it by localhost or an address, or start it with --server-name", r.Host))
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		checked.ServeHTTP(w, r)
	})
}

// ownName says whether a Host header names the stand-in: an IP address, which
// nobody can redirect, localhost, or one of names.
func ownName(hostport string, names []string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
}
