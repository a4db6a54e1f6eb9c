package tracker_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sourceloop/pipeline/collect/tracker"
)

const plain = `<script defer src="/sl.js" data-key="K1"></script>`

func TestInABrowser(t *testing.T) {
	open := startBrowser(t)
	for name, test := range map[string]func(*testing.T, tab){
		"first view":                    firstView,
		"visitor stays":                 visitorStays,
		"single-page app":               singlePageApp,
		"back-forward cache":            backForward,
		"calls before the load":         queuedCalls,
		"denied before the load":        deniedBeforeTheLoad,
		"batches":                       batches,
		"leaving":                       leaving,
		"retry after 503":               retryAfter503,
		"refused for good":              refusedForGood,
		"kept for the next page":        keptForTheNextPage,
		"consent required":              consentRequired,
		"consent withdrawn":             consentWithdrawn,
		"Global Privacy Control":        globalPrivacyControl,
		"Do Not Track":                  doNotTrack,
		"Google Consent Mode":           googleConsent,
		"what ad tags know":             adTags,
		"what ad tags know, refused":    adTagsRefused,
		"cookieless":                    cookieless,
		"blocked storage":               blockedStorage,
		"Messenger":                     messenger,
		"Messenger without consent":     messengerWithoutConsent,
		"HubSpot":                       hubspot,
		"HubSpot after consent":         hubspotConsent,
		"debug":                         debug,
		"attribution":                   attribution,
		"another domain of the owner's": anotherDomain,
		"renamed":                       renamed,
		"loaded twice":                  loadedTwice,
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			thrown := b.exceptions()
			test(t, b)
			if all := thrown(); len(all) > 0 {
				t.Errorf("thrown into the page: %q", all)
			}
		})
	}
}

func firstView(t *testing.T, b tab) {
	s := newSite(t, plain)
	url := s.url("www.shop.example", "/landing?utm_source=test&utm_medium=verify&utm_campaign=intercom-check")
	before := time.Now().UnixMilli()
	b.open(url + "#part")
	h := s.wait("pageview", 1)[0]
	d := s.received()[0]
	if d.key != "K1" || !strings.HasPrefix(d.contentType, "text/plain") {
		t.Errorf("sent with key %q as %q", d.key, d.contentType)
	}
	if now := time.Now().UnixMilli(); h.At < before || h.At > now || d.clock < h.At || d.clock > now {
		t.Errorf("at %d, clock %d, but it happened between %d and %d", h.At, d.clock, before, now)
	}
	if h.URL != url || h.Referrer != "" || h.Title != "/landing" || h.TZ == "" {
		t.Errorf("hit %+v", h)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(h.ID) {
		t.Errorf("id %s is no UUIDv7", h.ID)
	}
	if got := strings.ReplaceAll(h.ID, "-", "")[:12]; got != fmt.Sprintf("%012x", h.At) {
		t.Errorf("id %s was not made at %x", h.ID, h.At)
	}
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(h.Visitor) {
		t.Errorf("visitor %q", h.Visitor)
	}
	if id := b.text("sourceloop.id()"); id != h.Visitor {
		t.Errorf("sourceloop.id() is %s", id)
	}
}

func visitorStays(t *testing.T, b tab) {
	s := newSite(t, plain)
	b.open(s.url("www.shop.example", "/"))
	first := s.wait("pageview", 1)[0]
	b.do(chromedp.Reload())
	b.open(s.url("deep.docs.shop.example", "/"))
	for _, h := range s.wait("pageview", 3) {
		if h.Visitor != first.Visitor {
			t.Errorf("%s was another visitor", h.URL)
		}
	}
	if all := b.text("document.cookie"); all != "_sl="+first.Visitor {
		t.Errorf("cookies: %s", all)
	}
	b.open(s.server.URL)
	if h := s.wait("pageview", 4)[3]; h.Visitor == first.Visitor {
		t.Error("a cookie of shop.example reached an address without a name")
	}
	other := b.text("document.cookie")
	b.do(chromedp.Reload())
	s.wait("pageview", 5)
	if all := b.text("document.cookie"); all != other {
		t.Errorf("on a bare IP address the cookie became %s after %s", all, other)
	}
	b.open(s.url("localhost", "/"))
	local := s.wait("pageview", 6)[5]
	if all := b.text("document.cookie"); all != "_sl="+local.Visitor {
		t.Errorf("on localhost there is the cookie %s", all)
	}
}

func singlePageApp(t *testing.T, b tab) {
	s := newSite(t, plain)
	home := s.url("www.shop.example", "/")
	b.open(home)
	s.wait("pageview", 1)
	b.until("window.SourceLoopData")
	b.run(`history.pushState({}, "", "/a"); history.pushState({}, "", "/a#there"); history.replaceState({}, "", "/a");
		history.replaceState({}, "", "/b?x=1"); history.pushState({}, "", "/c")`)
	s.wait("pageview", 4)
	b.do(chromedp.NavigateBack())
	views := s.wait("pageview", 5)
	want := [][2]string{{"/", ""}, {"/a", "/"}, {"/b?x=1", "/a"}, {"/c", "/b?x=1"}, {"/b?x=1", "/c"}}
	origin := strings.TrimSuffix(home, "/")
	for i, view := range views {
		referrer := want[i][1]
		if referrer != "" {
			referrer = origin + referrer
		}
		if view.URL != origin+want[i][0] || view.Referrer != referrer {
			t.Errorf("view %d: %s from %q, want %v", i, view.URL, view.Referrer, want[i])
		}
		if i > 0 && view.At <= views[i-1].At {
			t.Errorf("view %d has the time of the one before", i)
		}
	}
	if len(views) != 5 {
		t.Errorf("%d views", len(views))
	}
	for _, leave := range s.wait("leave", 4) {
		if leave.Properties["engaged_ms"].(float64) < 0 {
			t.Errorf("leave %+v", leave)
		}
	}
}

func backForward(t *testing.T, b tab) {
	s := newSite(t, plain)
	b.open(s.url("www.shop.example", "/one"))
	s.wait("pageview", 1)
	b.until("window.SourceLoopData")
	// A headless browser under remote control keeps no page alive, so the event is told as the browser would.
	b.run(`dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true}))`)
	if again := s.wait("pageview", 2)[1]; !strings.HasSuffix(again.URL, "/one") || again.Referrer != "" {
		t.Errorf("hit %+v", again)
	}
}

func queuedCalls(t *testing.T, b tab) {
	s := newSite(t, "")
	s.tag = tracker.Snippet("", "K1") + `<script>
		sourceloop.identify({email: "ann@example.com", user_id: "7"});
		sourceloop.track("signed_up", {plan: "pro"});
		sourceloop.id().then(id => window.told = id)</script>`
	b.open(s.url("www.shop.example", "/"))
	view := s.wait("pageview", 1)[0]
	who := s.wait("identify", 1)[0]
	event := s.wait("event", 1)[0]
	if who.Traits["email"] != "ann@example.com" || who.Traits["user_id"] != "7" || who.Visitor != view.Visitor {
		t.Errorf("identify %+v", who)
	}
	if event.Name != "signed_up" || event.Properties["plan"] != "pro" || event.URL != view.URL {
		t.Errorf("event %+v", event)
	}
	if view.At >= who.At || who.At >= event.At {
		t.Errorf("view %d, identify %d, event %d are out of order", view.At, who.At, event.At)
	}
	if told := b.text("window.told"); told != view.Visitor {
		t.Errorf("the early call of id() was told %s", told)
	}
}

func deniedBeforeTheLoad(t *testing.T, b tab) {
	s := newSite(t, "")
	s.tag = tracker.Snippet("", "K1") + `<script>sourceloop.consent("denied"); sourceloop.track("x").then(() => window.replayed = 1)</script>`
	b.open(s.url("www.shop.example", "/"))
	b.until("window.replayed")
	nothing(t, s, b)
}

// nothing fails when something was sent or stored. Whatever waits is flushed first, and a hit of another kind, sent by
// the test itself, closes the race with what may be under way.
func nothing(t *testing.T, s *site, b tab) {
	t.Helper()
	b.run(`sourceloop.track("nothing"); sourceloop.flush();
		fetch("/sl/hits?key=marker&t=1", {method: "POST", body: "[]"}); navigator.sendBeacon("/sl/hits?key=marker&t=1", "[]")`)
	s.until("the markers", func() bool { return len(markers(s)) >= 2 })
	if all := s.received(); len(all) != len(markers(s)) {
		t.Errorf("sent %+v", all)
	}
	if kept := b.text("document.cookie + Object.keys(localStorage) + Object.keys(sessionStorage)"); kept != "" {
		t.Errorf("stored %s", kept)
	}
	if id := b.text("sourceloop.id()"); id != "undefined" {
		t.Errorf("the visitor has the id %s", id)
	}
}

func markers(s *site) []delivery {
	return slices.DeleteFunc(s.received(), func(d delivery) bool { return d.key != "marker" })
}

func batches(t *testing.T, b tab) {
	s := newSite(t, plain)
	b.open(s.url("www.shop.example", "/"))
	s.wait("pageview", 1)
	b.run(`for (let i = 0; i < 19; i++) sourceloop.track("e" + i)`)
	s.wait("event", 19)
	b.run(`for (let i = 0; i < 20; i++) sourceloop.track("f" + i)`)
	s.wait("event", 39)
	b.run(`sourceloop.track("last"); sourceloop.flush()`)
	s.wait("event", 40)
	var sizes []int
	for _, d := range s.received() {
		if n := len(slices.DeleteFunc(d.hits, func(h hit) bool { return h.Type != "event" })); n > 0 {
			sizes = append(sizes, n)
		}
	}
	if !slices.Equal(sizes, []int{19, 20, 1}) {
		t.Errorf("batches of %v", sizes)
	}
	b.run(`const round = {}; round.round = round; sourceloop.track("round", round); sourceloop.track("after"); sourceloop.flush()`)
	if events := s.wait("event", 41); events[40].Name != "after" {
		t.Errorf("after properties that are no JSON came %+v", events[40])
	}
}

func leaving(t *testing.T, b tab) {
	s := newSite(t, plain)
	b.open(s.url("www.shop.example", "/one"))
	s.wait("pageview", 1)
	b.until("window.SourceLoopData")
	b.run(`sourceloop.track("just before")`)
	b.open(s.url("www.shop.example", "/two"))
	leave := s.wait("leave", 1)[0]
	if ms, ok := leave.Properties["engaged_ms"].(float64); !ok || ms < 0 || ms > float64(deadline.Milliseconds()) || !strings.HasSuffix(leave.URL, "/one") {
		t.Errorf("leave %+v", leave)
	}
	if events := s.wait("event", 1); events[0].Name != "just before" {
		t.Errorf("events %+v", events)
	}
}

func retryAfter503(t *testing.T, b tab) {
	s := newSite(t, plain)
	s.answers(http.StatusServiceUnavailable)
	b.open(s.url("www.shop.example", "/"))
	s.until("two tries", func() bool { return len(s.received()) >= 2 })
	s.answers(http.StatusTooManyRequests)
	s.until("three tries", func() bool { return len(s.received()) >= 3 })
	b.run(`sourceloop.track("meanwhile")`)
	s.answers(http.StatusAccepted)
	view, event := s.wait("pageview", 1)[0], s.wait("event", 1)[0]
	for _, d := range s.received() {
		for _, h := range d.hits {
			if h.Type == "pageview" && h.ID != view.ID {
				t.Errorf("the view was sent again under another id: %+v", d)
			}
		}
	}
	if event.Visitor != view.Visitor {
		t.Errorf("another visitor: %+v", event)
	}
	b.until(`!Object.keys(localStorage).some(key => key.startsWith('_sl{"id'))`)
}

func refusedForGood(t *testing.T, b tab) {
	s := newSite(t, plain)
	s.answers(http.StatusBadRequest)
	b.open(s.url("www.shop.example", "/"))
	s.until("a try", func() bool { return len(s.received()) >= 1 })
	b.until(`!Object.keys(localStorage).some(key => key.startsWith('_sl{"id'))`)
	s.answers(http.StatusAccepted)
	b.run(`sourceloop.track("next"); sourceloop.flush()`)
	s.wait("event", 1)
	if views := s.hits("pageview"); len(views) != 0 {
		t.Errorf("sent again: %+v", views)
	}
}

func keptForTheNextPage(t *testing.T, b tab) {
	s := newSite(t, plain)
	s.answers(http.StatusServiceUnavailable)
	b.open(s.url("www.shop.example", "/lost"))
	// By the second try the page knows that the collector is in trouble, and trusts no beacon.
	s.until("two tries", func() bool { return len(s.received()) >= 2 })
	b.run(`sourceloop.track("lost too")`)
	b.open(s.url("www.shop.example", "/away.html"))
	s.answers(http.StatusAccepted)
	b.open(s.url("www.shop.example", "/found"))
	s.until("the hits of the page before", func() bool {
		return slices.ContainsFunc(s.hits("pageview"), func(h hit) bool { return strings.HasSuffix(h.URL, "/lost") }) && len(s.hits("event")) == 1
	})
	b.until(`!Object.keys(localStorage).some(key => key.startsWith('_sl{"id'))`)
}

func consentRequired(t *testing.T, b tab) {
	s := newSite(t, `<script defer src="/sl.js" data-key="K1" data-consent="required"></script>`)
	landing := s.url("www.shop.example", "/landing?utm_source=test")
	b.open(landing)
	b.until(`window.sourceloop`)
	b.run(`sourceloop.track("early"); sourceloop.flush(); document.dispatchEvent(new Event("visibilitychange"))`)
	if kept := b.text("document.cookie + Object.keys(localStorage) + sourceloop.id()"); kept != "undefined" || len(s.received()) > 0 {
		t.Fatalf("before consent: stored %q, sent %+v", kept, s.received())
	}
	b.until(`history.pushState.toString().indexOf("native") < 0`)
	b.run(`history.pushState({}, "", "/second"); sourceloop.consent("granted")`)
	views := s.wait("pageview", 2)
	if views[0].URL != landing || views[1].URL != s.url("www.shop.example", "/second") {
		t.Errorf("views %+v", views)
	}
	s.wait("event", 1)
	if cookie := b.text("document.cookie"); cookie != "_sl="+views[0].Visitor {
		t.Errorf("cookie %s", cookie)
	}
}

func consentWithdrawn(t *testing.T, b tab) {
	s := newSite(t, plain)
	b.open(s.url("www.shop.example", "/"))
	old := s.wait("pageview", 1)[0]
	b.until(`window.SourceLoopData && localStorage.length == 1`)
	b.run(`localStorage["_slow"] = "the site's own"; sourceloop.track("dropped"); sourceloop.consent("denied")`)
	if kept := b.text("document.cookie + Object.keys(localStorage)"); kept != "_slow" {
		t.Errorf("after consent was withdrawn %q stays", kept)
	}
	if told := b.text("sourceloop.id()") + b.text("sourceloop.getAttribution()") + b.text("window.SourceLoopData"); told != "undefinedundefinedundefined" {
		t.Errorf("told %s", told)
	}
	b.run(`sourceloop.track("dropped too"); sourceloop.consent("granted")`)
	if again := s.wait("pageview", 2)[1]; again.Visitor == old.Visitor {
		t.Error("the visitor came back under the id that was to be forgotten")
	}
	if events := s.hits("event"); len(events) > 0 {
		t.Errorf("sent %+v", events)
	}
}

func globalPrivacyControl(t *testing.T, b tab) {
	s := newSite(t, plain)
	b.before(`Object.defineProperty(Navigator.prototype, "globalPrivacyControl", {get: () => true})`)
	b.open(s.url("www.shop.example", "/"))
	b.until("window.sourceloop")
	b.run(`sourceloop.consent("granted")`)
	nothing(t, s, b)
}

func doNotTrack(t *testing.T, b tab) {
	s := newSite(t, `<script defer src="/sl.js" data-key="K1" data-dnt></script>`)
	b.before(`Object.defineProperty(Navigator.prototype, "doNotTrack", {get: () => "1"})`)
	b.open(s.url("www.shop.example", "/"))
	b.until(`window.sourceloop && history.pushState.toString().indexOf("native") < 0`)
	b.run(`sourceloop.consent("granted")`)
	nothing(t, s, b)
}

func googleConsent(t *testing.T, b tab) {
	s := newSite(t, `<script>window.dataLayer = []; function gtag() { dataLayer.push(arguments) }
		gtag("consent", "default", {analytics_storage: "granted", region: ["US"]});
		gtag("consent", "default", {analytics_storage: "denied"})</script>
		<script defer src="/sl.js" data-key="K1" data-consent="google"></script>`)
	b.open(s.url("www.shop.example", "/"))
	b.until(`dataLayer.push.toString().indexOf("native") < 0`)
	if id := b.text("sourceloop.id()"); id != "undefined" || len(s.received()) > 0 {
		t.Errorf("before the visitor's answer: id %s, sent %+v", id, s.received())
	}
	b.run(`gtag("event", "x"); gtag("consent", "update", {ad_storage: "denied", analytics_storage: "granted"})`)
	s.wait("pageview", 1)
	b.run(`gtag("consent", "update", {analytics_storage: "denied"})`)
	if cookie := b.text("document.cookie"); cookie != "" {
		t.Errorf("after the refusal there is the cookie %s", cookie)
	}
	if n := b.text("dataLayer.length"); n != "5" {
		t.Errorf("the dataLayer has %s entries", n)
	}
}

func adTags(t *testing.T, b tab) {
	s := newSite(t, `<script>document.cookie = "_fbp=fb.1.1763900000000.1098115397"; document.cookie = "x_fbc=other";
		window.dataLayer = []; function gtag() { dataLayer.push(arguments) }</script>`+plain)
	b.open(s.url("www.shop.example", "/?fbclid=AbCd"))
	view := s.wait("pageview", 1)[0]
	first := s.wait("ads", 1)[0]
	if first.FBP != "fb.1.1763900000000.1098115397" || first.FBC != "" || first.AdConsent != "" || first.Visitor != view.Visitor || first.URL != view.URL {
		t.Errorf("before anything was said: %+v", first)
	}
	b.run(`gtag("consent", "default", {ad_storage: "granted", ad_user_data: "granted", region: ["US"]}); gtag("event", "x");
		document.cookie = "_fbc=fb.1.1763900000001.AbCd"; document.cookie = "li_fat_id=3e0fb0b4-5b1c-4d36-8a9b-3a0b5f4f6a01"`)
	s.until("the other cookies", func() bool { return last(s).FBC == "fb.1.1763900000001.AbCd" && last(s).LiFatID != "" })
	if got := last(s); got.FBP == "" || got.LiFatID != "3e0fb0b4-5b1c-4d36-8a9b-3a0b5f4f6a01" || got.AdConsent != "" {
		t.Errorf("after the pixel: %+v", got)
	}
	b.run(`gtag("consent", "update", {ad_storage: "granted", ad_user_data: "granted"})`)
	s.until("consent", func() bool { return last(s).AdConsent == "granted" && last(s).FBP != "" })
	n := len(s.hits("ads"))
	b.run(`gtag("consent", "update", {ad_user_data: "granted"}); gtag("consent", "default", {ad_user_data: "denied"}); sourceloop.track("marker"); sourceloop.flush()`)
	s.wait("event", 1)
	if again := s.hits("ads"); len(again) != n {
		t.Errorf("nothing changed, but %+v was said", again[n:])
	}
	b.run(`gtag("consent", "update", {ad_user_data: "denied"})`)
	s.until("the refusal", func() bool { return last(s).AdConsent == "denied" })
	if got := last(s); got.FBP+got.FBC+got.LiFatID != "" {
		t.Errorf("after the refusal: %+v", got)
	}
	b.run(`sourceloop.consent("granted", "granted")`)
	s.until("the site's own word", func() bool { return last(s).AdConsent == "granted" })
	if kept := b.text("document.cookie"); strings.Count(kept, "fb.1.") != 2 {
		t.Errorf("the cookies are %s", kept)
	}
}

// last is the last hit of the type ads, or an empty one.
func last(s *site) hit {
	all := s.hits("ads")
	if len(all) == 0 {
		return hit{}
	}
	return all[len(all)-1]
}

func adTagsRefused(t *testing.T, b tab) {
	s := newSite(t, `<script>document.cookie = "_fbp=fb.1.1763900000000.1098115397"; window.dataLayer = [];
		function gtag() { dataLayer.push(arguments) } gtag("consent", "default", {ad_user_data: "denied", region: ["DE"]});
		gtag("consent", "default", {ad_user_data: "granted", ad_storage: "granted"})</script>
		<script defer src="/sl.js" data-key="K1" data-consent="required"></script>`)
	b.open(s.url("www.shop.example", "/"))
	b.until("window.sourceloop && sourceloop.consent")
	b.run(`sourceloop.consent("granted")`)
	if got := s.wait("ads", 1)[0]; got.AdConsent != "denied" || got.FBP != "" {
		t.Errorf("refused by default in some region: %+v", got)
	}
	// The second word, too, may be what makes the tracker begin.
	b.open(s.url("www.shop.example", "/second"))
	b.until("window.sourceloop && sourceloop.consent")
	b.run(`sourceloop.consent("granted", "granted")`)
	if got := s.wait("ads", 2)[1]; got.AdConsent != "granted" || got.FBP == "" || !strings.HasSuffix(got.URL, "/second") {
		t.Errorf("the site's own word: %+v", got)
	}
	b.run(`sourceloop.consent("denied")`)
	b.until(`sourceloop.id() === undefined`)
	n := len(s.received())
	b.run(`gtag("consent", "update", {ad_user_data: "granted"}); fetch("/sl/hits?key=marker&t=1", {method: "POST", body: "[]"})`)
	s.until("the marker", func() bool { return len(markers(s)) == 1 })
	if all := s.received(); len(all) != n+1 {
		t.Errorf("sent after the refusal: %+v", all[n:])
	}
}

func cookieless(t *testing.T, b tab) {
	s := newSite(t, `<script defer src="/sl.js" data-key="K1" data-cookie="none"></script>`)
	b.open(s.url("www.shop.example", "/"))
	first := s.wait("pageview", 1)[0]
	b.until("window.SourceLoopData")
	b.run(`history.pushState({}, "", "/more")`)
	if more := s.wait("pageview", 2)[1]; more.Visitor != first.Visitor {
		t.Error("the id did not live as long as the page")
	}
	if kept := b.text("document.cookie + Object.keys(localStorage) + Object.keys(sessionStorage)"); kept != "" {
		t.Errorf("stored %s", kept)
	}
	b.do(chromedp.Reload())
	if again := s.wait("pageview", 3)[2]; again.Visitor == first.Visitor {
		t.Error("the id outlived the page")
	}
}

func blockedStorage(t *testing.T, b tab) {
	s := newSite(t, plain)
	b.before(`for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, {get() { throw new DOMException("blocked", "SecurityError") }});
		Object.defineProperty(Document.prototype, "cookie", {get() { throw new DOMException("blocked", "SecurityError") }, set() { throw new DOMException("blocked", "SecurityError") }})`)
	b.open(s.url("www.shop.example", "/"))
	first := s.wait("pageview", 1)[0]
	b.until("window.SourceLoopData")
	b.run(`sourceloop.track("still works"); sourceloop.flush()`)
	if event := s.wait("event", 1)[0]; event.Visitor != first.Visitor {
		t.Errorf("event %+v", event)
	}
	b.run(`sourceloop.consent("denied")`)
	if id := b.text("sourceloop.id()"); id != "undefined" {
		t.Errorf("id after the refusal: %s", id)
	}
}

// fakeMessenger is what Intercom's own snippet leaves: a function that queues calls. fire plays the Messenger's part.
const fakeMessenger = `window.Intercom = function () { Intercom.c(arguments) }; Intercom.q = []; Intercom.c = args => Intercom.q.push([...args]);
	window.pushes = () => Intercom.q.filter(c => c[0] == "update" && c[1] && c[1].sourceloop_id).map(c => c[1].sourceloop_id);
	window.fire = name => Intercom.q.filter(c => c[0] == name).forEach(c => c[1]());`

func messenger(t *testing.T, b tab) {
	s := newSite(t, plain)
	b.open(s.url("www.shop.example", "/"))
	visitor := s.wait("pageview", 1)[0].Visitor
	b.until("window.SourceLoopData")
	b.run(fakeMessenger + `Intercom("boot", {app_id: "abc"})`)
	b.until("pushes().length")
	b.run(`history.pushState({}, "", "/more"); sourceloop.consent("granted"); fire("onShow")`)
	if event := s.wait("event", 1)[0]; event.Name != "chat_opened" || event.Properties["provider"] != "intercom" {
		t.Errorf("event %+v", event)
	}
	if pushed := b.text("pushes()"); pushed != visitor {
		t.Errorf("pushed %s for visitor %s", pushed, visitor)
	}
	b.run(`Intercom("shutdown"); Intercom("boot", {app_id: "abc"})`)
	if pushed := b.text("pushes()"); pushed != visitor+","+visitor {
		t.Errorf("after another boot: pushed %s", pushed)
	}
	if q := b.text("Intercom.q.length > 0 && typeof Intercom"); q != "function" {
		t.Errorf("the stub's queue is hidden from the Messenger: %s", q)
	}
	b.run(`for (let i = 0; i < 30; i++) Intercom("boot", {})`)
	if n := b.text("pushes().length"); n != "10" {
		t.Errorf("%s pushes, near the limit of 20", n)
	}
	b.until(`sourceloop.chat == "stub"`) // A queue that nobody empties.
	b.run(`Intercom.booted = true`)
	b.until(`sourceloop.chat == "throttled"`) // The last boot asked once too often.
	b.run(`history.pushState({}, "", "/end")`)
	leaves := s.wait("leave", 2)
	if leaves[0].Properties["chat"] != "stub" || leaves[1].Properties["chat"] != "throttled" {
		t.Errorf("what is told of the Messenger when a page is left: %v, %v", leaves[0].Properties, leaves[1].Properties)
	}
}

func messengerWithoutConsent(t *testing.T, b tab) {
	s := newSite(t, `<script>`+fakeMessenger+`</script><script defer src="/sl.js" data-key="K1" data-consent="required"></script>`)
	b.open(s.url("www.shop.example", "/"))
	b.until(`history.pushState.toString().indexOf("native") < 0`)
	b.run(`Intercom("boot", {})`)
	if pushed := b.text("pushes()"); pushed != "" {
		t.Errorf("pushed %s before consent", pushed)
	}
	b.run(`sourceloop.consent("granted")`)
	b.until("pushes().length == 1")
	b.run(`sourceloop.consent("denied"); Intercom("shutdown"); Intercom("boot", {})`)
	if n := b.text("pushes().length"); n != "1" {
		t.Errorf("pushed after consent was withdrawn: %s", n)
	}
}

func hubspot(t *testing.T, b tab) {
	s := newSite(t, `<script>window.handlers = {}; window.HubSpotConversations = {on: (name, f) => handlers[name] = f}</script>`+plain)
	b.open(s.url("www.shop.example", "/"))
	b.until("handlers.conversationStarted")
	b.run("handlers.conversationStarted({})")
	if event := s.wait("event", 1)[0]; event.Name != "chat_opened" || event.Properties["provider"] != "hubspot" || event.Properties["conversation"] != nil {
		t.Errorf("event %+v", event)
	}
	b.run("handlers.conversationStarted({conversation: {conversationId: 43210987654}})")
	if event := s.wait("event", 2)[1]; event.Properties["conversation"] != "43210987654" {
		t.Errorf("event %+v", event)
	}
	if told := b.text(`JSON.stringify(_hsq)`); told != `[["identify",{"sourceloop_id":"`+b.text("sourceloop.id()")+`"}]]` {
		t.Errorf("HubSpot was told %s", told)
	}
	// HubSpot's own queue is no array any more once its script is there.
	b.run(`window.told = []; window._hsq = {push: call => told.push(call)};
		sourceloop.identify({name: "Joe"}); sourceloop.identify({email: "joe@example.com"}); sourceloop.identify({email: "joe@example.com"})`)
	if told := b.text(`JSON.stringify(told)`); told != `[["identify",{"email":"joe@example.com","sourceloop_id":"`+b.text("sourceloop.id()")+`"}],["trackPageView"]]` {
		t.Errorf("HubSpot was told %s", told)
	}
}

func hubspotConsent(t *testing.T, b tab) {
	s := newSite(t, `<script>window._hsq = []; window.handlers = {}; window.HubSpotConversations = {on: (name, f) => handlers[name] = f}</script>`+
		`<script defer src="/sl.js" data-key="K1" data-consent="required"></script>`)
	b.open(s.url("www.shop.example", "/"))
	b.until("window.sourceloop && sourceloop.consent")
	if told := b.text("_hsq.length"); told != "0" {
		t.Errorf("HubSpot was told something before consent")
	}
	b.run(`sourceloop.consent("granted")`)
	b.until("_hsq.length == 1 && handlers.conversationStarted")
	b.run(`sourceloop.consent("denied"); sourceloop.identify({email: "joe@example.com"}); handlers.conversationStarted({})`)
	if told := b.text("_hsq.length"); told != "1" {
		t.Errorf("HubSpot was told something after consent was withdrawn")
	}
}

func debug(t *testing.T, b tab) {
	s := newSite(t, `<script>window.said = []; console.log = (...a) => said.push(a.join(" "))</script>`+plain)
	url := s.url("www.shop.example", "/?sl_debug=1")
	b.open(url)
	visitor := s.wait("pageview", 1)[0].Visitor
	b.until("window.SourceLoopData")
	b.run(fakeMessenger)
	for _, words := range []string{
		"[SourceLoop] tracker loaded: key K1, endpoint http://www.shop.example",
		"consent not required",
		"[SourceLoop] consent granted, visitor " + visitor,
		"[SourceLoop] hit sent: pageview " + url,
		`[SourceLoop] answer 202 {"accepted":1,"refused":[]}`,
		"[SourceLoop] Messenger found: Intercom",
		"[SourceLoop] sourceloop_id pushed to Intercom: " + visitor,
	} {
		b.until(fmt.Sprintf("said.some(line => line.includes(%q))", words))
	}
	s.answers(http.StatusServiceUnavailable)
	b.run(`sourceloop.track("unlucky"); sourceloop.flush()`)
	b.until(`said.some(line => line.includes("answer 503")) && said.some(line => line.includes("event unlucky"))`)
	s.answers(http.StatusAccepted)
	s.wait("event", 1)
	b.open(s.url("www.shop.example", "/second"))
	b.until(`said.some(line => line.includes("hit sent: pageview") && line.includes("/second"))`)
}

func attribution(t *testing.T, b tab) {
	s := newSite(t, plain)
	b.open(s.url("www.shop.example", "/in?utm_source=google&utm_medium=cpc&gclid=G1&other=x"))
	b.until("window.SourceLoopData")
	b.open(s.url("www.shop.example", "/next"))
	if got := b.text(`sourceloop.getAttribution().then(a => [a.first.utm_source, a.first.gclid, a.first.other, a.last.landing_page == a.first.landing_page])`); got != "google,G1,,true" {
		t.Errorf("after an internal page: %s", got)
	}
	b.open(s.url("www.shop.example", "/again?utm_source=mail"))
	if got := b.text(`sourceloop.getAttribution().then(a => [a.first.utm_source, a.last.utm_source, a.visitor == sourceloop.id(), Object.isFrozen(SourceLoopData), SourceLoopData == a])`); got != "google,mail,true,true,true" {
		t.Errorf("after another campaign: %s", got)
	}
}

func anotherDomain(t *testing.T, b tab) {
	s := newSite(t, `<script defer src="/sl.js" data-key="K1" data-domains="shop.example, help.example"></script>`)
	b.open(s.url("www.shop.example", "/"))
	visitor := s.wait("pageview", 1)[0].Visitor
	b.until("window.SourceLoopData")
	for _, link := range []struct {
		host string
		same bool
	}{{"help.example", true}, {"foreign.example", false}} {
		n := len(s.hits("pageview")) + 1
		b.open(s.url("www.shop.example", "/"))
		b.until("window.SourceLoopData")
		s.wait("pageview", n)
		b.run(fmt.Sprintf(`out.href = %q`, s.url(link.host, "/landed?a=1")))
		b.do(chromedp.Click(chromedp.ID("out")))
		landed := s.wait("pageview", n+1)[n]
		if landed.URL != s.url(link.host, "/landed?a=1") || (landed.Visitor == visitor) != link.same {
			t.Errorf("%s: landed as %+v, from visitor %s", link.host, landed, visitor)
		}
	}
	n := len(s.hits("pageview"))
	b.open(s.url("other.help.example", "/?_sl="+strings.Repeat("a", 32)+"."+"k0000000"))
	forged := s.wait("pageview", n+1)[n]
	if forged.Visitor == strings.Repeat("a", 32) || strings.Contains(forged.URL, "_sl") {
		t.Errorf("an old hand-over with no referrer was believed: %+v", forged)
	}
}

func renamed(t *testing.T, b tab) {
	s := newSite(t, `<script defer src="/loop.js?v=1" data-key="K1"></script>`)
	b.open(s.url("www.shop.example", "/"))
	s.wait("pageview", 1)
	b.until("window.SourceLoopData")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, file := range s.loaded {
		if !strings.HasPrefix(file, "/loop.") {
			t.Errorf("loaded %s, a name that the operator did not choose", file)
		}
	}
}

func loadedTwice(t *testing.T, b tab) {
	s := newSite(t, plain+plain)
	b.open(s.url("www.shop.example", "/"))
	s.wait("pageview", 1)
	b.run(`sourceloop.track("once"); sourceloop.flush()`)
	s.wait("event", 1)
	if views := s.hits("pageview"); len(views) != 1 {
		t.Errorf("%d views of one page", len(views))
	}
}
