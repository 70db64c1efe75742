// Package browser gives tests a headless Chromium that knows nothing and calls nobody.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds every wait. Nothing asserts how long something took.
const patience = 30 * time.Second

// Page is one tab in a browser of its own.
type Page struct {
	ctx context.Context
	t   testing.TB

	listeners sync.WaitGroup
	mu        sync.Mutex
	problems  []string // what the console and the network say went wrong
	requests  []string // URLs that were asked for
}

// binary finds Chromium. `make chromium` installs it.
func binary(t testing.TB) string {
	if path := os.Getenv("KAKEYA_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium: run `make chromium`, or name one in KAKEYA_CHROMIUM")
	return ""
}

// New starts a browser that ends with the test. Its profile is new and empty, and its window is 1280 by 860.
func New(t testing.TB) *Page {
	t.Helper()
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(binary(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("headless", "new"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WindowSize(1280, 860), chromedp.WSURLReadTimeout(patience),
	)
	ctx, cancel := chromedp.NewContext(allocator)
	p := &Page{ctx: ctx, t: t}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page at the end:\n%s", p.outline())
		}
		cancel()
		stop()
		p.listeners.Wait()
	})
	p.Do(call(network.Enable, network.EnableParams{}), call(runtime.Enable, cdp.Empty{}), call(log.Enable, cdp.Empty{}))
	listen(p, runtime.ExceptionThrown, func(e runtime.EventExceptionThrown) {
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.problems = append(p.problems, text)
	})
	listen(p, log.EntryAdded, func(e log.EventEntryAdded) {
		if e.Entry.Level == log.EntryLevelError {
			p.problems = append(p.problems, e.Entry.Text+" "+e.Entry.URL)
		}
	})
	listen(p, network.RequestWillBeSent, func(e network.EventRequestWillBeSent) {
		p.requests = append(p.requests, e.Request.URL)
	})
	p.Size(1280, 860)
	return p
}

// listen hears events of one kind, under the page's lock, until the browser ends.
func listen[E any](p *Page, event cdp.Event[E], hear func(E)) {
	events := chromedp.Events(p.ctx, event)
	p.listeners.Go(func() {
		for e, err := range events {
			if err != nil {
				return // the browser has ended
			}
			p.mu.Lock()
			hear(e)
			p.mu.Unlock()
		}
	})
}

// call is a command of the protocol whose answer does not matter.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// Do runs actions, and fails the test when one fails.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatalf("in the browser: %v", err)
	}
}

// Open goes to a page and waits until it is there.
func (p *Page) Open(url string) {
	p.t.Helper()
	p.Do(chromedp.Navigate(url))
}

// Size makes the window so large.
func (p *Page) Size(width, height int64) {
	p.t.Helper()
	p.Do(chromedp.EmulateViewport(width, height))
}

// Phone makes the window a phone's: narrow, with touch and without a mouse, at two pixels to one.
func (p *Page) Phone() {
	p.t.Helper()
	p.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait, chromedp.EmulateScale(2)))
}

// Prefer tells the page which colours the person prefers, "light" or "dark", and that nothing should move.
func (p *Page) Prefer(scheme string) {
	p.t.Helper()
	p.Do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}))
}

// Click clicks on what a selector finds first, once it is there.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Drag presses the mouse at a place of what a selector finds first, goes from place to place and lets go. Places are
// shares of its width and height, from the upper left.
func (p *Page) Drag(selector string, places ...[2]float64) {
	p.t.Helper()
	box := Eval[[]float64](p, fmt.Sprintf("(() => { const e = document.querySelector(%q); e.scrollIntoView({block: 'center'}); "+
		"const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()", selector))
	at := func(i int, kind input.DispatchMouseEventType) chromedp.Action[chromedp.Void] {
		return call(input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: kind, X: box[0] + places[i][0]*box[2], Y: box[1] + places[i][1]*box[3],
			Button: input.MouseButtonLeft, Buttons: 1, ClickCount: 1,
		})
	}
	p.Do(at(0, input.DispatchMouseEventTypeMousePressed))
	for i := range places {
		p.Do(at(i, input.DispatchMouseEventTypeMouseMoved))
	}
	p.Do(at(len(places)-1, input.DispatchMouseEventTypeMouseReleased))
}

// Type writes a text where the focus is, as a person's keyboard does.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.Do(chromedp.KeyEvent(text))
}

// Press presses a key where the focus is.
func (p *Page) Press(key string, modifiers ...chromedp.Modifier) {
	p.t.Helper()
	p.Do(chromedp.KeyEvent(key, chromedp.KeyModifiers(modifiers...)))
}

// Enter presses the Enter key as a keyboard does: a page that refuses the key gets no character from it.
func (p *Page) Enter() {
	p.t.Helper()
	press := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "Enter", Code: "Enter", Text: "\r", WindowsVirtualKeyCode: 13}
	release := press
	release.Type, release.Text = input.DispatchKeyEventTypeKeyUp, ""
	p.Do(call(input.DispatchKeyEvent, press), call(input.DispatchKeyEvent, release))
}

// Eval evaluates a JavaScript expression, awaiting it if it is a promise.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	out, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return out
}

// Until waits until a JavaScript expression is true.
func (p *Page) Until(what, expression string) {
	p.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !Eval[bool](p, "Boolean("+expression+")") {
		select {
		case <-tick.C:
		case <-deadline:
			p.t.Fatalf("waited in vain for %s: %s", what, expression)
		}
	}
}

// Text is the visible text of the first element of a selector.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return Eval[string](p, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// Problems are what went wrong so far, by the console, apart from what has one of the texts in it.
func (p *Page) Problems(but ...string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.problems), func(problem string) bool {
		return slices.ContainsFunc(but, func(text string) bool { return strings.Contains(problem, text) })
	})
}

// Requests are the URLs that the page has asked for.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Screenshot writes what the window shows as a PNG into the folder that KAKEYA_SCREENSHOTS names, if any.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	folder := os.Getenv("KAKEYA_SCREENSHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600)
	}
	if err != nil {
		p.t.Fatalf("screenshot: %v", err)
	}
}

func (p *Page) outline() string {
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text + "\n" + strings.Join(p.Problems(), "\n")
}
