package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is one Chromium with an empty profile.
type browser struct{ ctx context.Context }

// openBrowser starts Chromium. It believes to be in Norway, which is where the
// country of its visits then comes from. An agent replaces its own, which says
// that it is headless.
func openBrowser(t *testing.T, agent string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		path, err = exec.LookPath("google-chrome")
	}
	if err != nil {
		if strings.Contains(os.Getenv("REQUIRE"), "chromium") {
			t.Fatal("no Chromium on this machine, and REQUIRE asks for it")
		}
		t.Skip("not tried in a browser: no Chromium on this machine")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Env("TZ=Europe/Oslo"), chromedp.WindowSize(1360, 900),
	}
	if agent != "" {
		options = append(options, chromedp.UserAgent(agent))
	}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { cancel(); cancelAllocator() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return &browser{ctx}
}

// tab is one person's window: cookies and storage are its own.
type tab struct {
	t       *testing.T
	ctx     context.Context
	console *transcript
}

// person opens a window of a new profile.
func (b *browser) person(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	w := &tab{t: t, ctx: ctx, console: newTranscript()}
	// The first step opens the window, which closes with the context of that step.
	if err := chromedp.Do(ctx, desk()); err != nil {
		t.Fatal(err)
	}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(w.console, "%s: %s\n", m.Type, m.Text) // Never fails.
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			w.shot("when-it-failed")
			t.Logf("console:\n%s", w.console)
		}
	})
	return w
}

func (w *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *tab) open(address string) {
	w.t.Helper()
	w.do(chromedp.Navigate(address))
}

// click clicks what a person would: it must be there and visible.
func (w *tab) click(selector string) {
	w.t.Helper()
	w.see(selector)
	w.do(chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// fill types into an empty field.
func (w *tab) fill(selector, value string) {
	w.t.Helper()
	w.see(selector)
	w.do(chromedp.SendKeys(chromedp.CSS(selector), value))
}

// choose takes an option of a list. The list itself is the system's, and cannot
// be clicked without a screen.
func (w *tab) choose(selector, option string) {
	w.t.Helper()
	w.see(selector)
	w.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event("change", {bubbles: true})); return e.value })()`,
		selector, option))
}

// see waits until something is visible.
func (w *tab) see(selector string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(selector))); err != nil {
		w.t.Fatalf("%s is not to be seen at %s: %v", selector, w.eval("location.href"), err)
	}
}

// eval reads a value of the page as text.
func (w *tab) eval(expression string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		w.t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// await waits until an expression of the page has a value.
func (w *tab) await(expression, value string) {
	w.t.Helper()
	until(w.t, expression+" = "+value, func() (bool, string) {
		got := w.eval(expression)
		return got == value, got
	})
}

// text is what a person reads in the first element that a selector finds.
func (w *tab) text(selector string) string {
	w.t.Helper()
	w.see(selector)
	return w.eval(fmt.Sprintf("document.querySelector(%q).innerText.trim()", selector))
}

// texts is the same of all elements, one a line.
func (w *tab) texts(selector string) []string {
	w.t.Helper()
	return strings.Split(w.eval(fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.textContent.trim()).join("\n")`, selector)), "\n")
}

// shot keeps a picture of the whole page, once nothing in it is loading.
func (w *tab) shot(name string) {
	w.t.Helper()
	if !w.t.Failed() {
		w.await(`document.querySelectorAll("[aria-busy=true]").length`, "0")
	}
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		dir = w.t.ArtifactDir()
	}
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Minute)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644)
	}
	if err != nil {
		w.t.Logf("no picture of %s: %v", name, err)
	}
}

// id finds an element of the dashboard by its name for tests.
func id(name string) string { return `[data-testid="` + name + `"]` }

// field is a value in the drawer of a contact, as the API gives it.
func (w *tab) field(name string) string {
	w.t.Helper()
	return w.eval(fmt.Sprintf(`document.querySelector('%s [data-field="%s"]')?.dataset.value`, id("contact"), name))
}

// signIn types email and password.
func (w *tab) signIn(d *demo) {
	w.t.Helper()
	w.open(d.url)
	w.see(id("sign-in"))
	w.shot("sign-in")
	w.fill(id("email"), d.file.OwnerEmail)
	w.fill(id("password"), d.file.OwnerPassword)
	w.click(id("submit"))
	w.see(id("workspace"))
}

func phone() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile)
}

func desk() chromedp.Action[chromedp.Void] { return chromedp.EmulateViewport(1360, 900) }
