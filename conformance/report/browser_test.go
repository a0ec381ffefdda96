package report

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chromium opens the report in a browser, as a file, as its reader does.
func chromium(t *testing.T, r Report) (ctx context.Context, problems chan string) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI looks at the report in a browser: %v", err)
		}
		t.Skipf("the report is not looked at in a browser: %v", err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, written(t, r.WriteHTML), 0o600); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WSURLReadTimeout(time.Minute))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root otherwise
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(360, 740)); err != nil { // a small phone
		t.Fatal(err)
	}
	problems = make(chan string, 100)
	err = chromedp.Listen(ctx, func(event any) {
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			problems <- fmt.Sprintf("exception: %+v", event.ExceptionDetails)
		case *log.EventEntryAdded:
			problems <- fmt.Sprintf("%s: %s", event.Entry.Level, event.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+file)); err != nil {
		t.Fatal(err)
	}
	return ctx, problems
}

func TestThePageWorksOnAPhoneAndWithAKeyboard(t *testing.T) {
	r, _ := sample()
	ctx, problems := chromium(t, r)
	is := func(what, expression string) {
		t.Helper()
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err != nil || !ok {
			t.Errorf("not so: %s (%v)", what, err)
		}
	}
	becomes := func(what, expression string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(30*time.Second))); err != nil {
			t.Errorf("does not come: %s (%v)", what, err)
		}
	}
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	is("the style is applied", `getComputedStyle(document.querySelector(".checklist")).display === "grid"`)
	is("nothing is wider than the screen", `document.documentElement.scrollWidth <= 360`)
	is("the verdict is on the first screen", `document.querySelector(".verdict").getBoundingClientRect().bottom < 740`)
	is("the checklist begins on the first screen", `document.querySelector(".checklist").getBoundingClientRect().top < 740`)
	is("no word of the receiver's became an element", `document.querySelectorAll("script").length === 1`)
	is("passes are folded", `!document.getElementById("passed").open`)

	do(chromedp.KeyEvent(kb.Tab))
	is("Tab leads to the link past the head first", `document.activeElement.className === "skip"`)
	do(chromedp.KeyEvent(kb.Tab))
	is("Tab leads to what decided the verdict next", `document.activeElement.closest(".verdict") !== null && document.activeElement.getAttribute("href") === "#SIG-02"`)
	do(chromedp.KeyEvent(kb.Tab))
	do(chromedp.KeyEvent(kb.Tab))
	is("Tab leads to the checklist after it", `document.activeElement.textContent === "signature"`)
	do(chromedp.KeyEvent(kb.Enter))
	is("Enter leads to the item's first failure", `location.hash === "#SIG-02"`)

	do(chromedp.Evaluate[chromedp.Void](`location.hash = "#SIG-01"`))
	becomes("a link to a pass unfolds the passes", `document.getElementById("passed").open`)

	do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#SIG-02 .copyable button").focus()`))
	do(chromedp.KeyEvent(kb.Enter))
	becomes("the button copies", `["Copied", "Selected"].includes(document.querySelector("#SIG-02 .copyable button").textContent)`)
	select {
	case problem := <-problems:
		t.Errorf("the browser complains: %s", problem)
	default:
	}
}
