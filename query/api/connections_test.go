package api_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/query/api"
)

// card is the one card of the list.
func (c *client) card() api.Connection {
	c.t.Helper()
	var list api.ConnectionList
	c.want(200, "GET", "/api/v1/connections", nil).into(c.t, &list)
	if len(list.Items) != 1 {
		c.t.Fatalf("there are %d cards", len(list.Items))
	}
	return list.Items[0]
}

// begin clicks on Connect and returns the state that the consent page was
// given.
func (c *client) begin() string {
	c.t.Helper()
	a := c.ask("GET", c.card().ConnectUrl, nil)
	target, err := url.Parse(a.header.Get("Location"))
	if a.status != 303 || err != nil || target.Host != "chat.example" {
		c.t.Fatalf("starting answers %d to %q: %s", a.status, a.header.Get("Location"), a.body)
	}
	return target.Query().Get("state")
}

func TestConnectingInABrowser(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	if card := c.card(); card.State != "disconnected" || card.Name != "Intercom" || card.ConnectedAt != nil {
		t.Errorf("before, the card is %+v", card)
	}
	state := c.begin()
	if card := c.card(); card.State != "pending" {
		t.Errorf("after the click the card says %s", card.State)
	}
	callback := "/connect/intercom/callback?code=good&state=" + url.QueryEscape(state)
	a := c.ask("GET", callback, nil)
	if a.status != 303 || a.header.Get("Location") != "/setup/chat?connection=intercom&result=connected" {
		t.Fatalf("the callback answers %d %q: %s", a.status, a.header.Get("Location"), a.body)
	}
	if card := c.card(); card.State != "connected" || card.WorkspaceName != "Acme" || card.ConnectedAt == nil || card.LastEventAt != nil {
		t.Errorf("afterwards the card is %+v", card)
	}
	reused := c.ask("GET", callback, nil)
	if reused.status != 403 {
		t.Errorf("a used state answers %d", reused.status)
	}
	contains(t, string(reused.body), "was used already", "/setup/chat")

	var checks api.CheckList
	c.want(200, "POST", "/api/v1/connections/intercom/test", nil).into(t, &checks)
	if len(checks.Checks) != 2 || !checks.Checks[0].Ok || checks.Checks[1].Ok || checks.Checks[1].Fix == "" {
		t.Errorf("the test says %+v", checks)
	}
	w.chat.mu.Lock()
	w.chat.dead = true
	w.chat.mu.Unlock()
	c.want(200, "POST", "/api/v1/connections/intercom/test", nil).into(t, &checks)
	if len(checks.Checks) != 1 || checks.Checks[0].Ok || checks.Checks[0].Fix != "Connect again." {
		t.Errorf("with a dead token the test says %+v", checks)
	}
	if card := c.card(); card.State != "error" || card.LastError == "" {
		t.Errorf("the card is %+v", card)
	}
	var left api.Disconnected
	c.want(200, "POST", "/api/v1/connections/intercom/disconnect", nil).into(t, &left)
	if len(left.CleanUp) != 1 || c.card().State != "disconnected" {
		t.Errorf("disconnecting leaves %+v, %+v", left, c.card())
	}
}

// TestImportFromBefore: offered with the click, and on the card.
func TestImportFromBefore(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	a := c.ask("GET", "/connect/intercom/start?backfill=1", nil)
	target, err := url.Parse(a.header.Get("Location"))
	if a.status != 303 || err != nil {
		t.Fatalf("starting answers %d: %s", a.status, a.body)
	}
	if looks := c.card().Backfill; looks == nil || looks.Done || looks.Found != 0 {
		t.Errorf("on the consent page the import is %+v", looks)
	}
	if look, err := w.store.TakeLook(t.Context(), time.Minute); err != nil || look != nil {
		t.Errorf("it begins before it is connected: %+v, %v", look, err)
	}
	c.ask("GET", "/connect/intercom/callback?code=good&state="+url.QueryEscape(target.Query().Get("state")), nil)
	look, err := w.store.TakeLook(t.Context(), time.Minute)
	if err != nil || look == nil || look.Kind != control.Backfill {
		t.Fatalf("connected, the look is %+v, %v", look, err)
	}
	look.Found, look.Total, look.Note = 20, 45, "It waits."
	if err = w.store.PauseLook(t.Context(), look, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := c.card().Backfill; got == nil || *got != (api.Backfill{Found: 20, Total: 45, Note: "It waits."}) {
		t.Errorf("under way the card says %+v", got)
	}
	c.want(204, "POST", "/api/v1/connections/intercom/backfill", nil)
	if got := c.card().Backfill; got == nil || got.Found != 20 {
		t.Errorf("asking while it is under way begins anew: %+v", got)
	}
	c.want(404, "POST", "/api/v1/connections/hubspot/backfill", nil)
}

func TestConnectingThatIsRefusedIsAPageInWords(t *testing.T) {
	w := newWorld(t)
	if err := w.store.AddMember(t.Context(), w.ben, "ann@a.example", control.Viewer); err != nil {
		t.Fatal(err)
	}
	ann, ben := w.signedIn("ann@a.example"), w.signedIn("ben@b.example")
	page := func(c *client, status int, path string, says ...string) {
		t.Helper()
		a := c.ask("GET", path, nil)
		if a.status != status || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s answers %d %s", path, a.status, a.header.Get("Content-Type"))
		}
		contains(t, string(a.body), append(says, `<a href="/setup/chat">`)...)
		if strings.Contains(string(a.body), "<script>") {
			t.Errorf("%s shows what it was given: %s", path, a.body)
		}
	}
	page(w.browser(), 401, "/connect/intercom/start", "not signed in")
	page(ann, 404, "/connect/zendesk/start", "nothing to connect")
	page(w.browser(), 403, "/connect/intercom/callback?code=good&state=x", "Nothing was connected")
	page(ann, 403, "/connect/intercom/callback?code=good&state=%3Cscript%3E", "not yours")
	page(ben, 403, "/connect/intercom/callback?code=good&state="+url.QueryEscape(ann.begin()), "not yours")
	page(ann, 403, "/connect/intercom/callback?error=access_denied&state="+url.QueryEscape(ann.begin()), "left without agreeing", "click Connect and agree")
	if card := ann.card(); card.State != "error" {
		t.Errorf("after a refusal the card says %s", card.State)
	}
	page(ann, 403, "/connect/intercom/callback?code=bad&state="+url.QueryEscape(ann.begin()), "code is not known")
	keyed := w.keyed(w.ann, control.Owner)
	page(keyed, 403, "/connect/intercom/start", "signed in with a browser")
	foreign := ann.ask("GET", "/connect/intercom/start", nil, "Sec-Fetch-Site", "cross-site")
	if foreign.status != 403 {
		t.Errorf("a link on a foreign page starts connecting: %d", foreign.status)
	}
	if err := w.store.RemoveMember(t.Context(), w.ben, w.ann.User); err != nil {
		t.Fatal(err)
	}
	if err := w.store.AddMember(t.Context(), w.ann, "ben@b.example", control.Owner); err != nil {
		t.Fatal(err)
	}
	if err := w.store.SetRole(t.Context(), w.ann, w.ann.User, control.Editor); err != nil {
		t.Fatal(err)
	}
	page(ann, 403, "/connect/intercom/start", "Only an Owner or an Admin")
}
