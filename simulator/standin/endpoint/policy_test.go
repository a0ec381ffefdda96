package endpoint

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWhereDeliveriesMayGo(t *testing.T) {
	allowing := Policy{AllowHosts: []string{"receiver", "203.0.113.7"}}
	for url, want := range map[string]struct{ byDefault, allowing bool }{
		"http://127.0.0.1:8080/webhooks/moncreneau": {true, true},
		"https://localhost/":                        {true, true},
		"http://app.localhost:3000/":                {true, true},
		"http://[::1]:8080/":                        {true, true},
		"http://127.1.2.3/":                         {true, true},
		"http://[::ffff:127.0.0.1]/":                {true, true},
		"http://receiver:8080/":                     {false, true},
		"http://RECEIVER/":                          {false, true},
		"http://203.0.113.7/":                       {false, true},
		"http://203.0.113.8/":                       {false, false},
		"http://example.org/":                       {false, false},
		"http://localhost.example.org/":             {false, false},
		"http://0.0.0.0/":                           {false, false},
		"http://169.254.169.254/latest/meta-data":   {false, false},
		"http://user:secret@127.0.0.1/":             {false, false},
		"ftp://127.0.0.1/":                          {false, false},
		"/webhooks":                                 {false, false},
		"":                                          {false, false},
	} {
		if _, err := (Policy{}).Check(url); (err == nil) != want.byDefault {
			t.Errorf("%s by default: %v", url, err)
		}
		if _, err := allowing.Check(url); (err == nil) != want.allowing {
			t.Errorf("%s with hosts allowed: %v", url, err)
		}
	}
}

func TestAnErrorDoesNotRepeatAPassword(t *testing.T) {
	_, err := Policy{}.Check("ftp://user:hunter2@127.0.0.1/")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

// The address that is dialled decides, not the name: whatever resolves to
// elsewhere is refused before a packet is sent.
func TestClientDialsOnlyWhatIsAllowed(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := Policy{}.Client()
	defer client.CloseIdleConnections()
	for _, host := range []string{"127.0.0.1", "localhost"} {
		res, err := client.Get("http://" + net.JoinHostPort(host, port))
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		res.Body.Close()
	}
	if _, err := client.Get("http://192.0.2.1/"); err == nil || !strings.Contains(err.Error(), "--allow-host") {
		t.Errorf("an address of elsewhere: %v", err)
	}
}
