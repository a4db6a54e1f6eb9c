package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// adCard is the card of a platform, as a selector.
func adCard(platform string) string { return id("ads-" + platform) }

func adState(platform string) string {
	return fmt.Sprintf("document.querySelector(%q)?.dataset.state", adCard(platform))
}

// connectsAd clicks through a platform's consent page.
func connectsAd(w *tab, d *demo, platform string) {
	w.t.Helper()
	w.open(d.url + "/setup/ads")
	w.click(adCard(platform) + " " + id("connect"))
	w.see("#authorize")
	w.shot("ads-consent-" + platform)
	w.click("#authorize")
	w.await(adState(platform), "connected")
	equal(w.t, "the page after agreeing", w.eval("location.pathname"), "/setup/ads")
}

// pastesMeta makes a token in the Events Manager and pastes it.
func pastesMeta(w *tab, d *demo) {
	w.t.Helper()
	w.open(d.file.MetaURL + "/events_manager")
	w.click("#generate")
	token := w.text("#token")
	w.open(d.url + "/setup/ads")
	w.click(adCard("meta") + " " + id("connect"))
	w.fill(adCard("meta")+" "+id("token"), "not a token")
	w.click(adCard("meta") + " " + id("token-save"))
	refused := w.text(adCard("meta") + " " + id("problem"))
	if !strings.Contains(refused, "Meta") || strings.Contains(refused, "not a token") {
		w.t.Errorf("a wrong token is answered by %q", refused)
	}
	w.shot("ads-meta-wrong-token")
	w.eval(fmt.Sprintf("document.querySelector(%q).select()", adCard("meta")+" "+id("token")))
	w.fill(adCard("meta")+" "+id("token"), token)
	w.click(adCard("meta") + " " + id("token-save"))
	w.await(adState("meta"), "connected")
	if strings.Contains(w.eval("document.documentElement.outerHTML"), token) {
		w.t.Error("the page holds the token")
	}
}

// makesDestination fills the form of a platform.
func makesDestination(w *tab, d *demo, platform, name string, fields map[string]string, more func()) {
	w.t.Helper()
	w.open(d.url + "/setup/ads")
	w.click(adCard(platform) + " " + id("new-destination"))
	w.fill(id("name"), name)
	for field, value := range fields {
		w.fill(id(field), value)
	}
	if more != nil {
		more()
	}
	w.shot("ads-form-" + platform)
	w.click(id("save-destination"))
	w.see(adCard(platform) + fmt.Sprintf(` [data-name=%q]`, name))
}

// setsUpAds connects all three and makes a destination at each.
func setsUpAds(w *tab, d *demo) {
	w.t.Helper()
	w.open(d.url + "/setup/ads")
	for _, platform := range []string{"google", "meta", "linkedin"} {
		w.await(adState(platform), "disconnected")
	}
	w.shot("ads-not-set-up")
	connectsAd(w, d, "google")
	connectsAd(w, d, "linkedin")
	pastesMeta(w, d)
	about := decode[struct {
		Dataset string `json:"dataset_id"`
	}](w.t, "Meta's front page", send(w.t, http.MethodGet, d.file.MetaURL+"/", nil))
	makesDestination(w, d, "google", "Chats at Google", map[string]string{"account": "123-456-7890", "action": "7001001", "action-name": "Chat started"}, func() {
		w.choose(id("value"), "fixed")
		w.see(id("value-fixed"))
		w.eval(fmt.Sprintf("document.querySelector(%q).select()", id("value-fixed")))
		w.fill(id("value-fixed"), "40")
	})
	makesDestination(w, d, "meta", "Chats at Meta", map[string]string{"action": about.Dataset}, nil)
	makesDestination(w, d, "linkedin", "Chats at LinkedIn", map[string]string{"account": "512345678"}, func() {
		w.click(id("list-rules"))
		w.see(id("rule"))
		equal(w.t, "the rule that is chosen first", w.eval(fmt.Sprintf("document.querySelector(%q).value", id("rule"))), "8001001")
	})
	w.shot("ads-set-up")
}

// adDestination is a destination as the API tells it.
type adDestination struct {
	ID, Platform, Name, Account, Action, Event string
	ActionName                                 string `json:"action_name"`
	Value                                      struct {
		Kind, Currency string
		Fixed          float64
	}
	Paused bool
}

func (a *account) adDestinations(t testing.TB) map[string]adDestination {
	t.Helper()
	all := map[string]adDestination{}
	for _, d := range get[struct{ Items []adDestination }](t, a, "/api/v1/destinations").Items {
		all[d.Platform] = d
	}
	return all
}

// TestAdPlatformsAreSetUpByClicking connects Google and LinkedIn on their
// consent pages and Meta by a token, makes a destination of each, changes,
// pauses, disconnects and connects again.
func TestAdPlatformsAreSetUpByClicking(t *testing.T) {
	w := openBrowser(t, chromeOnLinux).person(t)
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"))
	w.signIn(d)
	w.open(d.url + "/setup/ads")
	w.click(adCard("google") + " " + id("connect"))
	w.click("#cancel")
	w.await(`document.body?.innerText.includes("left without agreeing")`, "true")
	w.click(`a[href="/setup/ads"]`)
	w.await(adState("google"), "error")
	if words := w.text(adCard("google") + ` [data-field="last_error"]`); !strings.Contains(words, "click Connect and agree") {
		t.Errorf("after Cancel the card says %q", words)
	}
	connectsAd(w, d, "google")
	w.click(adCard("google") + " " + id("disconnect"))
	w.click(id("disconnect-confirm"))
	w.await(adState("google"), "disconnected")

	setsUpAds(w, d)
	made := d.adDestinations(t)
	equal(t, "Google's account", made["google"].Account, "1234567890")
	equal(t, "Google's action", made["google"].Action+made["google"].ActionName, "7001001Chat started")
	equal(t, "Google's value", fmt.Sprint(made["google"].Value), "{fixed USD 40}")
	equal(t, "Meta's event", made["meta"].Event, "Lead")
	equal(t, "LinkedIn's rule", made["linkedin"].Action+made["linkedin"].ActionName, "8001001Chat started")

	for _, platform := range []string{"google", "meta", "linkedin"} {
		w.click(adCard(platform) + " " + id("test"))
		w.await(fmt.Sprintf("document.querySelector('%s %s [data-ok]')?.dataset.ok", adCard(platform), id("test-result")), "true")
	}
	w.click(adCard("linkedin") + " " + id("pause"))
	w.await(fmt.Sprintf("document.querySelector('%s %s').innerText.includes('Paused')", adCard("linkedin"), id("destination")), "true")
	equal(t, "LinkedIn is paused", d.adDestinations(t)["linkedin"].Paused, true)

	w.click(adCard("google") + " " + id("disconnect"))
	if words := w.text(id("disconnect-dialog")); !strings.Contains(words, "tokens here are destroyed") || !strings.Contains(words, "cancelled") || !strings.Contains(words, "30 days") {
		t.Errorf("the dialog says %q", words)
	}
	w.shot("ads-disconnect")
	w.click(id("disconnect-confirm"))
	w.await(adState("google"), "disconnected")
	w.see(adCard("google") + ` [data-name="Chats at Google"]`)
	connectsAd(w, d, "google")
	w.see(adCard("google") + ` [data-name="Chats at Google"]`)
}
