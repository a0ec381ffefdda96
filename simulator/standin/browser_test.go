package standin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/standin"
)

// browser finds a Chromium. A machine of a developer may have none; in CI
// (CI=true) its absence is a failure, because nobody would notice the skip.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no Chromium on this machine: the dashboard is not tested (apt-get install chromium)")
	}
	t.Skip("no Chromium on this machine: the dashboard is not tested (apt-get install chromium)")
	return ""
}

// page is the dashboard in a real browser.
type page struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // exceptions, and what the browser complains about
}

func openPage(t *testing.T, url string) *page {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser(t)), chromedp.WSURLReadTimeout(patience))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root otherwise
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx}
	p.do(chromedp.EmulateViewport(1440, 900))
	err := chromedp.Listen(ctx, func(ev any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			p.problems = append(p.problems, fmt.Sprintf("exception: %+v", ev.ExceptionDetails))
		case *log.EventEntryAdded:
			p.problems = append(p.problems, fmt.Sprintf("%s: %s %s", ev.Entry.Level, ev.Entry.Text, ev.Entry.URL))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(url))
	return p
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until a JavaScript expression holds.
func (p *page) wait(expression string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(patience))); err != nil {
		body, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		p.t.Fatalf("%s does not become true: %v\n%s\n%v", expression, err, body, p.problems)
	}
}

// has waits until an element's text contains text.
func (p *page) has(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`document.querySelector(%q)?.innerText.includes(%q) === true`, selector, text))
}

// press clicks the button with that label inside an element.
func (p *page) press(within, label string) {
	p.t.Helper()
	button := fmt.Sprintf(`[...document.querySelectorAll(%q + " button")].find((b) => b.innerText === %q && !b.disabled)`, within, label)
	p.wait(button + ` !== undefined`)
	p.do(chromedp.Evaluate[chromedp.Void](button + `.click()`))
}

func (p *page) text(expression string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// photograph keeps what the page looks like, where somebody wants to see it:
// HOOKCHECK_SCREENSHOTS names the directory.
func (p *page) photograph(name string) {
	p.t.Helper()
	dir := os.Getenv("HOOKCHECK_SCREENSHOTS")
	if dir == "" {
		return
	}
	image, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// The answer of the endpoint tries to become part of the page.
const hostile = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`

func TestDashboardInABrowser(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	s := start(t, standin.Options{Clock: clock, Version: "test"})
	r := listen(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Answer", hostile)
		_, _ = w.Write([]byte(hostile))
	})
	p := openPage(t, s.url)
	p.wait(`document.getElementById("live").innerText === "live"`)
	p.photograph("empty")

	// An endpoint is added, and its secret is shown.
	p.do(chromedp.SendKeys("#add-endpoint input", r.url+kb.Enter))
	p.has("#endpoints", r.url)
	p.press("#endpoints", "Show secret")
	p.has("#endpoints .secret", "whsec_")
	r.secret = p.text(`document.querySelector("#endpoints .secret").innerText`)
	verified := func(got received) bool {
		return got.header.Get("X-Moncreneau-Signature") == "sha256="+r.signature(got.body)
	}

	// A test event goes out, signed, and appears.
	p.press("#send", "Send test event")
	first := r.next()
	if !verified(first) {
		t.Error("the test event is not signed with the secret that the page shows")
	}
	p.has("#stream .row .outcome", "200")
	p.has("#stream .row", "created")

	// One delivery, with both sides of the exchange and nothing of it run.
	p.do(chromedp.Click("#stream .row"))
	p.has("#attempts", "X-Moncreneau-Signature: sha256="+r.signature(first.body))
	p.has("#attempts", hostile)
	p.has("#attempts", "first byte")
	p.photograph("detail")

	// Again, twice at once, tampered, delayed.
	p.press("#again", "Deliver again")
	second := r.next()
	if string(second.body) != string(first.body) || second.header.Get("X-Moncreneau-Delivery") == first.header.Get("X-Moncreneau-Delivery") {
		t.Error("delivered again, it is not the same event under a new delivery id")
	}
	p.press("#again", "Twice at once")
	if a, b := r.next(), r.next(); !verified(a) || !verified(b) {
		t.Error("twice at once, one is not signed")
	}
	p.press("#again", "Tamper")
	if got := r.next(); verified(got) {
		t.Error("tampered, it still verifies")
	}
	p.has("#stream .row .outcome", "not refused") // the endpoint takes everything
	p.press("#again", "Delay")
	p.has("#stream .row .outcome", "waiting")
	for len(r.got) == 0 { // the stand-in's clock moves only here
		select {
		case <-p.ctx.Done():
			t.Fatal("the delayed delivery never comes")
		default:
			clock.Advance(time.Second)
		}
	}
	if got := r.next(); !verified(got) {
		t.Error("delayed, it is not signed")
	}
	p.wait(`document.querySelectorAll("#stream .row").length === 6`)

	// With the keyboard: Escape closes and returns to the row, Enter opens it.
	p.do(chromedp.KeyEvent(kb.Escape))
	p.wait(`document.getElementById("detail").hidden && document.activeElement.matches(".row")`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.wait(`!document.getElementById("detail").hidden && document.activeElement.id === "detail-title"`)
	p.do(chromedp.KeyEvent(kb.Escape))

	// The life of an appointment.
	p.press("#book", "Book the next free slot")
	for _, step := range []struct{ button, event string }{{"", "created"}, {"Move", "updated"}, {"Validate", "validated"}, {"Complete", "completed"}} {
		if step.button != "" {
			p.press("#appointments", step.button)
		}
		var event struct{ Type string }
		if err := json.Unmarshal(r.next().body, &event); err != nil || event.Type != "appointment."+step.event {
			t.Errorf("%q sends %s, %v; want %s", step.button, event.Type, err, step.event)
		}
	}
	p.has("#appointments", "completed")
	p.has("#facts", "999")
	p.wait(`document.querySelectorAll("#stream .row").length === 10 && document.querySelectorAll("#stream .chip.busy").length === 0`)
	p.photograph("stream")

	// On a phone nothing is wider than the screen.
	p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateScale(2)))
	p.wait(`document.documentElement.scrollWidth <= 390`)
	p.photograph("phone")
	p.do(chromedp.Click("#stream .row"))
	p.has("#attempts", "X-Moncreneau-Event")
	p.wait(`document.getElementById("detail").getBoundingClientRect().width <= 390 && document.getElementById("detail").scrollWidth <= 390`)
	p.photograph("phone-detail")

	// What is forgotten leaves the page, the open delivery included.
	s.call("POST", "/_hookcheck/reset", "").want(http.StatusNoContent)
	p.wait(`document.querySelectorAll("#stream .row, #endpoints .card, #appointments .card").length === 0 && document.getElementById("detail").hidden`)
	p.has("#facts", "1000")

	if p.text(`String(window.pwned)`) != "undefined" {
		t.Error("the answer of an endpoint has run as a script")
	}
	if foreign := p.text(`performance.getEntriesByType("resource").map((e) => e.name).filter((name) => !name.startsWith(location.origin)).join(" ")`); foreign != "" {
		t.Errorf("the page loads from elsewhere: %s", foreign)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		t.Errorf("the browser complains: %s", problem)
	}
}
