package e2e

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	chrome "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestMarketersSessionByKeyboard: somebody without a mouse asks which campaign
// earned what, why one conversion counts for it, and takes the numbers away.
func TestMarketersSessionByKeyboard(t *testing.T) {
	b := openBrowser(t, "")
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"), "--connected")
	d.campaignStory(t)
	w := b.person(t)
	files := t.TempDir()
	w.keepDownloads(files)

	w.open(d.url)
	w.typeInto(id("email"), d.file.OwnerEmail)
	w.typeInto(id("password"), d.file.OwnerPassword)
	w.press(kb.Enter)
	w.see(id("workspace"))
	w.activate(id("nav-dashboards-traffic"))
	w.see(id("by-campaign") + " " + campaignRow)

	w.activate(id("period"))
	w.activate(id("period-7d"))
	w.await("new URLSearchParams(location.search).get('period')", "7d")
	w.reach(id("model"))
	w.turnTo(id("model"), "linear")
	w.await("new URLSearchParams(location.search).get('model')", "linear")
	third := strconv.FormatFloat(1./3, 'f', 4, 64)
	w.await(credited+".toFixed(4)", third)
	w.shot("marketer-model")

	w.activate(id("by-campaign") + " " + campaignRow + " button")
	w.see(id("filters"))
	w.await("new URLSearchParams(location.search).get('f')", "campaign:is:spring")
	w.await(`document.querySelector('[data-testid="attributed-campaign"]')?.dataset.total.slice(0, 6)`, third)
	w.press("x")
	w.see(id("figure-sessions") + " .tile-change")
	w.see(id("by-campaign") + ` [data-column="previous_conversions"]`)
	w.shot("marketer-compared")

	w.explainOne()
	w.exportCampaigns(d, files)
}

const campaignRow = `tr[data-key="spring"]`

// credited is what the campaign earned, in the page.
const credited = `Number(document.querySelector('[data-testid="by-campaign"] tr[data-key="spring"] [data-column="conversions"]')?.dataset.value ?? NaN)`

// campaignStory is a person who came by a campaign and two other ways before
// they chatted, and one whom the campaign did not bring.
func (d *demo) campaignStory(t *testing.T) {
	t.Helper()
	story := newThreeDays()
	d.collect(t, story.hits()...)
	other, email := newVisitor(), newEmail("Olaf")
	d.collect(t, pageview(other, story.third, shop+"/?utm_source=letter&utm_medium=email&utm_campaign=autumn", ""))
	d.chat(t, map[string]any{"at": story.chat.UnixMilli(), "email": story.email, "name": "Ada Lovelace", "page": shop + "/contact", "sourceloop_id": story.visitor})
	d.chat(t, map[string]any{"at": story.third.Add(time.Minute).UnixMilli(), "email": email, "name": "Olaf", "page": shop + "/", "sourceloop_id": other})
	d.awaitAttribution(t, "/api/v1/attribution?dimension=campaign"+story.days, "intercom-check", 1)
	d.awaitAttribution(t, "/api/v1/attribution?dimension=campaign"+story.days, "autumn", 1)
}

// explainOne opens what is behind the campaign's number, and of that why.
func (w *tab) explainOne() {
	w.t.Helper()
	w.activate(id("by-campaign") + " " + campaignRow + ` [data-column="conversions"] a`)
	w.see(id("behind-conversion"))
	w.await("document.activeElement.id", "behind-name")
	w.shot("marketer-behind")
	w.activate(id("explain"))
	w.see(id("touch"))
	equal(w.t, "touches", w.eval(`document.querySelectorAll('[data-testid="touch"]').length`), "3")
	equal(w.t, "all shares together", w.eval(`Number(document.querySelector('[data-testid="sum-linear"]').dataset.value).toFixed(6)`), "1.000000")
	got := w.text(id("touches"))
	for _, part := range []string{"Paid Search", "spring", "First visit of this browser", "hacker-news", "33.33%", "100%"} {
		if !strings.Contains(got, part) {
			w.t.Errorf("the explanation does not say %q:\n%s", part, got)
		}
	}
	w.shot("marketer-explained")
	w.press(kb.Escape)
	w.await(`document.querySelectorAll('[data-testid="behind"]').length`, "0")
	w.await(fmt.Sprintf("document.activeElement.matches(%q)", id("by-campaign")+" "+campaignRow+` [data-column="conversions"] a`), "true")
}

// exportCampaigns takes the table away, and compares it with the API.
func (w *tab) exportCampaigns(d *demo, files string) {
	w.t.Helper()
	w.reachBack(id("export-campaign"))
	w.press(kb.Enter)
	w.see(id("export-csv"))
	w.shot("marketer-export")
	w.activate(id("export-csv"))
	path := filepath.Join(files, "traffic-campaign.csv")
	until(w.t, path, func() (bool, string) {
		_, err := os.Stat(path)
		return err == nil, fmt.Sprint(err)
	})
	text, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	records, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(records) != 2 || strings.Join(records[0][:3], ",") != "campaign,sessions,conversions" {
		w.t.Fatalf("the file is %q (%v)", text, err)
	}
	conversions, err := strconv.ParseFloat(records[1][2], 64)
	if err != nil || records[1][0] != "spring" {
		w.t.Errorf("the file is %q (%v)", text, err)
	}
	query := "/api/v1/attribution?dimension=campaign&model=linear&filter=campaign:is:spring"
	equal(w.t, "conversions in the file", conversions, get[attribution](w.t, d.account, query).row("spring").Conversions)
}

// press presses keys on what has the focus.
func (w *tab) press(keys string) {
	w.t.Helper()
	w.do(chromedp.KeyEvent(keys))
}

// reach goes to an element with the Tab key.
func (w *tab) reach(selector string) {
	w.t.Helper()
	w.walk(selector)
}

// reachBack goes there with Shift and Tab.
func (w *tab) reachBack(selector string) {
	w.t.Helper()
	w.walk(selector, chromedp.KeyModifiers(chromedp.ModifierShift))
}

// mostStops is more than the stops of any screen, twice around.
const mostStops = 400

func (w *tab) walk(selector string, options ...chromedp.KeyOption) {
	w.t.Helper()
	w.see(selector)
	there := fmt.Sprintf("!!document.activeElement?.matches(%q)", selector)
	for range mostStops {
		if w.eval(there) == "true" {
			return
		}
		w.do(chromedp.KeyEvent(kb.Tab, options...))
	}
	w.t.Fatalf("the keyboard does not come to %s at %s", selector, w.eval("location.href"))
}

// activate goes to a button or link and presses Enter.
func (w *tab) activate(selector string) {
	w.t.Helper()
	w.reach(selector)
	w.press(kb.Enter)
}

// typeInto goes to a field and types.
func (w *tab) typeInto(selector, text string) {
	w.t.Helper()
	w.reach(selector)
	w.press(text)
}

// turnTo presses the arrow down in a list until it has a value. Each value asks
// anew, and gives up what was asked before.
func (w *tab) turnTo(selector, value string) {
	w.t.Helper()
	now := fmt.Sprintf("document.querySelector(%q).value", selector)
	for range mostStops {
		if w.eval(now) == value {
			return
		}
		w.press(kb.ArrowDown)
	}
	w.t.Fatalf("%s has no %s", selector, value)
}

// keepDownloads puts what the page hands over into a folder.
func (w *tab) keepDownloads(dir string) {
	w.t.Helper()
	w.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		window, err := chromedp.Call(ctx, target.GetTargetInfo, target.GetTargetInfoParams{})
		if err != nil {
			return err
		}
		_, err = chromedp.Call(ctx, chrome.SetDownloadBehavior, chrome.SetDownloadBehaviorParams{
			Behavior: chrome.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, BrowserContextID: window.TargetInfo.BrowserContextID,
		})
		return err
	}))
}
