package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/query/api"
	"sourceloop/schema"
)

// adProvider is a platform as far as package connect sees it: "good" is its
// code and its token.
type adProvider struct{ name string }

func (p *adProvider) Name() string { return p.name }

func (p *adProvider) Advertises() {}

func (p *adProvider) AuthorizeURL(state, _ string) string {
	return "https://" + p.name + ".example/oauth?state=" + state
}

func (p *adProvider) Refresh(_ context.Context, old control.Grant) (control.Grant, error) {
	return old, nil
}

func (p *adProvider) Exchange(_ context.Context, code, _ string) (control.Grant, error) {
	if code != "good" {
		return control.Grant{}, schema.E("exchange", schema.KindDenied, "The code is not known. Connect again.")
	}
	return control.Grant{Access: "good"}, nil
}

func (p *adProvider) Setup(_ context.Context, token string) (control.Setup, error) {
	if token != "good" {
		return control.Setup{}, schema.E("set up", schema.KindDenied, "The platform does not accept this token. Make a new one there, and paste it here.")
	}
	return control.Setup{App: "account of " + p.name, Name: "Acme ads"}, nil
}

func (p *adProvider) Revoke(context.Context, control.Grant) error { return nil }

func (p *adProvider) CleanUp() []string { return []string{"Remove the app at the platform."} }

// pastedAd is one without a consent page.
type pastedAd struct{ adProvider }

func (p *pastedAd) Pasted() {}

// targetedAd is one that lists its rules.
type targetedAd struct{ adProvider }

func (p *targetedAd) Targets(_ context.Context, token, account string) ([]control.AdTarget, error) {
	if token != "good" || account != "512345678" {
		return nil, schema.E("list", schema.KindUnknown, "There is no such account. Compare the number.")
	}
	return []control.AdTarget{{ID: "8001001", Name: "Chat started", Active: true}, {ID: "8001003", Name: "Of last year"}}, nil
}

// newDestination makes one at Google, to an action that nobody else has.
func (w *world) newDestination(t *testing.T, owner control.Principal, n int) control.Destination {
	t.Helper()
	w.connectTo(t, owner, "google")
	d, err := w.store.CreateDestination(t.Context(), owner, control.Destination{
		Platform: "google", Name: fmt.Sprint("mine ", n), Account: "123-456-7890", Action: fmt.Sprint(7000000 + n), Value: control.ValueRule{Kind: control.NoValue},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newPush plans one that failed.
func (w *world) newPush(t *testing.T, d control.Destination, contact schema.ID, state schema.PushState) control.Push {
	t.Helper()
	p := control.Push{
		Workspace: d.Workspace, Destination: d.ID, Conversion: schema.Derive("conversion", d.Name, string(state)), Contact: contact,
		ConversionName: "intercom_conversation", At: schema.MillisOf(w.clock.Now()), State: state, Words: "The click is not known.", Code: "CLICK_NOT_FOUND",
	}
	p.ID = d.PushID(p.Conversion)
	if err := w.store.PlanPushes(t.Context(), []control.Push{p}); err != nil {
		t.Fatal(err)
	}
	return p
}

// stageNames are the stages of a workspace and one more.
func stageNames(more string) map[string]any {
	var items []any
	for _, name := range append(control.BuiltInStages(), more) {
		items = append(items, map[string]string{"name": name})
	}
	return map[string]any{"items": items}
}

// adSample is sample for what is about advertising platforms.
func (w *world) adSample(t *testing.T, operation, path string, owner control.Principal, contact schema.ID, n int) (sample, bool) {
	t.Helper()
	byID := func(id string) string { return strings.Replace(path, "{id}", id, 1) }
	byNumber := func(id int64) string { return byID(fmt.Sprint(id)) }
	input := map[string]any{
		"platform": "google", "name": "changed", "account": "123-456-7890", "action": fmt.Sprint(9000000 + n), "conversions": []string{},
		"trigger": "conversion", "value": map[string]any{"kind": "fixed", "fixed": 40}, "consent": "granted", "dry_run": false, "paused": true,
	}
	switch operation {
	case "connectAdsByToken":
		return sample{strings.Replace(path, "{platform}", "meta", 1), map[string]string{"token": "good"}, false, 200}, true
	case "listAdTargets":
		w.connectTo(t, owner, "linkedin")
		return sample{strings.Replace(path, "{platform}", "linkedin", 1) + "?account=512345678", nil, false, 200}, true
	case "createDestination":
		w.connectTo(t, owner, "google")
		return sample{path, input, false, 201}, true
	case "getDestination":
		return sample{byNumber(w.newDestination(t, owner, n).ID), nil, true, 200}, true
	case "replaceDestination":
		return sample{byNumber(w.newDestination(t, owner, n).ID), input, true, 200}, true
	case "deleteDestination":
		return sample{byNumber(w.newDestination(t, owner, n).ID), nil, true, 204}, true
	case "retryPushes":
		return sample{byNumber(w.newDestination(t, owner, n).ID), nil, true, 200}, true
	case "getPush", "retryPush":
		return sample{byID(w.newPush(t, w.newDestination(t, owner, n), contact, schema.PushError).ID.String()), nil, true, 200}, true
	case "listPushes":
		w.newPush(t, w.newDestination(t, owner, n), contact, schema.PushError)
		return sample{path + "?contact=" + contact.String(), nil, false, 200}, true
	case "replaceStages":
		return sample{path, stageNames(fmt.Sprint("own ", n)), false, 200}, true
	}
	return sample{}, false
}

func (c *client) adCard(platform string) api.AdCard {
	c.t.Helper()
	var list api.AdList
	c.want(200, "GET", "/api/v1/ads", nil).into(c.t, &list)
	i := slices.IndexFunc(list.Items, func(a api.AdCard) bool { return string(a.Platform) == platform })
	if len(list.Items) != 3 || i < 0 {
		c.t.Fatalf("the cards are %+v", list.Items)
	}
	return list.Items[i]
}

func TestConnectingAnAdPlatform(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	if card := c.adCard("google"); card.State != "disconnected" || card.How != "oauth" || card.ConnectUrl != "/connect/google/start" {
		t.Errorf("at first the card is %+v", card)
	}
	var chats api.ConnectionList
	c.want(200, "GET", "/api/v1/connections", nil).into(t, &chats)
	if len(chats.Items) != 1 {
		t.Errorf("the chats are %+v", chats.Items)
	}
	target := c.ask("GET", "/connect/google/start", nil).header.Get("Location")
	_, state, _ := strings.Cut(target, "state=")
	a := c.ask("GET", "/connect/google/callback?code=good&state="+state, nil)
	if where := a.header.Get("Location"); a.status != 303 || where != "/setup/ads?connection=google&result=connected" {
		t.Errorf("the callback answers %d to %s", a.status, where)
	}
	if card := c.adCard("google"); card.State != "connected" || card.AccountName != "Acme ads" || card.ConnectedAt == nil {
		t.Errorf("connected the card is %+v", card)
	}
	var checks api.CheckList
	c.want(200, "POST", "/api/v1/connections/google/test", nil).into(t, &checks)
	if len(checks.Checks) != 1 || !checks.Checks[0].Ok || checks.Checks[0].Name != "Google Ads answers" {
		t.Errorf("the test says %+v", checks)
	}
	page := c.ask("GET", "/connect/google/callback?code=bad&state=x", nil)
	contains(t, string(page.body), "Google Ads was not connected.", `<a href="/setup/ads">Go to the ad platforms</a>`)

	refused := c.want(400, "POST", "/api/v1/ads/meta/token", map[string]string{"token": "bad"}).problem(t)
	if refused.Detail != "The platform does not accept this token." {
		t.Errorf("a bad token: %+v", refused)
	}
	if card := c.adCard("meta"); card.State != "disconnected" || card.How != "token" || card.ConnectUrl != "" {
		t.Errorf("after a bad token the card is %+v", card)
	}
	c.want(400, "POST", "/api/v1/ads/google/token", map[string]string{"token": "good"})
	var card api.AdCard
	w.keyed(w.ann, control.Admin).want(200, "POST", "/api/v1/ads/meta/token", map[string]string{"token": " good\n"}).into(t, &card)
	if card.State != "connected" || card.Platform != "meta" {
		t.Errorf("a good token gives %+v", card)
	}
	var left api.Disconnected
	c.want(200, "POST", "/api/v1/connections/meta/disconnect", nil).into(t, &left)
	if len(left.CleanUp) != 1 || c.adCard("meta").State != "disconnected" {
		t.Errorf("disconnecting leaves %+v, %+v", left, c.adCard("meta"))
	}
}

func TestWhatADestinationCanSendTo(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	c.want(404, "GET", "/api/v1/ads/linkedin/targets?account=512345678", nil)
	w.connectTo(t, w.ann, "linkedin")
	w.connectTo(t, w.ann, "google")
	var list api.AdTargetList
	c.want(200, "GET", "/api/v1/ads/linkedin/targets?account=512345678", nil).into(t, &list)
	if !list.Listed || len(list.Items) != 2 || list.Items[0] != (api.AdTarget{Id: "8001001", Name: "Chat started", Active: true}) || list.Items[1].Active {
		t.Errorf("the rules are %+v", list)
	}
	c.want(400, "GET", "/api/v1/ads/linkedin/targets", nil)
	c.want(200, "GET", "/api/v1/ads/google/targets?account=1", nil).into(t, &list)
	if list.Listed || len(list.Items) != 0 {
		t.Errorf("what Google lists is %+v", list)
	}
	c.want(404, "GET", "/api/v1/ads/tiktok/targets", nil)
}

func TestDestinationsAndTheirPushes(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	input := map[string]any{
		"platform": "google", "name": "Chats", "account": "123-456-7890", "action": "7001001", "conversions": []string{"intercom_conversation"}, "trigger": "stage",
		"stage": "Converted", "value": map[string]any{"kind": "stage", "by_stage": map[string]float64{"Converted": 400}}, "consent": "not_denied", "dry_run": true, "paused": false,
		"from": "2026-09-01T00:00:00.000Z",
	}
	c.want(409, "POST", "/api/v1/destinations", input)
	w.connectTo(t, w.ann, "google")
	var d api.Destination
	c.want(201, "POST", "/api/v1/destinations", input).into(t, &d)
	if d.Account != "1234567890" || *d.Stage != "Converted" || (*d.Value.ByStage)["Converted"] != 400 || *d.Value.Currency == "" || !d.DryRun || d.Counts != (api.PushCounts{}) {
		t.Errorf("made: %+v, value %+v", d, d.Value)
	}
	c.want(409, "POST", "/api/v1/destinations", input)
	input["trigger"], input["stage"], input["paused"] = "conversion", "", true
	path := "/api/v1/destinations/" + d.Id
	c.want(200, "PUT", path, input).into(t, &d)
	if d.Trigger != "conversion" || *d.Stage != "" || !d.Paused {
		t.Errorf("changed: %+v", d)
	}
	held, err := w.store.Destinations(t.Context(), w.ann)
	if err != nil || len(held) != 1 {
		t.Fatalf("%+v, %v", held, err)
	}
	contact := schema.Derive("contact", "somebody")
	failed := w.newPush(t, held[0], contact, schema.PushError)
	w.newPush(t, held[0], contact, schema.PushSkippedConsent)
	var all api.PushList
	c.want(200, "GET", "/api/v1/pushes?destination="+d.Id+"&limit=1", nil).into(t, &all)
	if len(all.Items) != 1 || all.Next == "" {
		t.Fatalf("the first page is %+v", all)
	}
	c.want(400, "GET", "/api/v1/pushes?cursor="+all.Next, nil)
	c.want(200, "GET", "/api/v1/pushes?destination="+d.Id+"&limit=1&cursor="+all.Next, nil).into(t, &all)
	if len(all.Items) != 1 || all.Next != "" {
		t.Errorf("the second page is %+v", all)
	}
	c.want(200, "GET", "/api/v1/pushes?state=error&contact="+contact.String(), nil).into(t, &all)
	if len(all.Items) != 1 || all.Items[0].Id != failed.ID.String() || all.Items[0].Words == "" || all.Items[0].DestinationName != "Chats" || all.Items[0].DueAt != nil {
		t.Errorf("what failed is %+v", all.Items)
	}
	if card := c.adCard("google"); len(card.Destinations) != 1 || card.Destinations[0].Counts != (api.PushCounts{Error: 1, SkippedConsent: 1}) {
		t.Errorf("the card is %+v", card)
	}
	var again api.PushDetail
	c.want(200, "POST", "/api/v1/pushes/"+failed.ID.String()+"/retry", nil).into(t, &again)
	if again.State != "pending" || again.Id != failed.ID.String() || again.DueAt == nil || len(again.History) != 0 {
		t.Errorf("sent again it is %+v", again)
	}
	c.want(409, "POST", "/api/v1/pushes/"+failed.ID.String()+"/retry", nil)
	var n api.Retried
	c.want(200, "POST", path+"/retry", nil).into(t, &n)
	if n.Pushes != 0 {
		t.Errorf("nothing failed, and %d are sent again", n.Pushes)
	}
	c.want(204, "DELETE", path, nil)
	c.want(404, "GET", path, nil)
	c.want(200, "GET", "/api/v1/pushes/"+failed.ID.String(), nil).into(t, &again)
	if again.State != "error" || !strings.Contains(again.Words, "ancelled") {
		t.Errorf("after its destination was deleted the push is %+v", again)
	}
}

// TestTheLeastOfADestination: what is left out has its default; what must be
// said is asked for in words.
func TestTheLeastOfADestination(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	for _, platform := range []string{"google", "meta", "linkedin"} {
		w.connectTo(t, w.ann, platform)
	}
	for _, one := range []struct {
		body                 map[string]any
		account, event, name string
	}{
		{map[string]any{"platform": "google", "account": "123-456-7890", "action": "7001001"}, "1234567890", "", "7001001"},
		{map[string]any{"platform": "meta", "action": "1029384756102938"}, "", "Lead", "Lead"},
		{map[string]any{"platform": "linkedin", "action": "urn:lla:llaPartnerConversion:8001001", "action_name": "Chat started"}, "", "", "Chat started"},
	} {
		var d api.Destination
		c.want(201, "POST", "/api/v1/destinations", one.body).into(t, &d)
		if d.Account != one.account || *d.Event != one.event || d.Name != one.name {
			t.Errorf("%v becomes %+v", one.body, d)
		}
		if d.Trigger != "conversion" || d.Consent != "not_denied" || d.Value.Kind != "none" || len(d.Conversions) != 0 || d.DryRun || d.Paused || *d.From != d.CreatedAt {
			t.Errorf("the defaults of %v are %+v", one.body, d)
		}
		// Changed it is as a whole, so that nothing is changed by being left out.
		c.want(400, "PUT", "/api/v1/destinations/"+d.Id, one.body)
	}
	for body, says := range map[string]string{
		`{"platform":"google"}`:                    "The field action is missing.",
		`{"action":"7001001"}`:                     "The field platform is missing.",
		`{"platform":"google","action":"7001001"}`: "The Google Ads customer id has ten digits, such as 123-456-7890.",
	} {
		if p := c.want(400, "POST", "/api/v1/destinations", json.RawMessage(body)).problem(t); p.Detail != says {
			t.Errorf("%s is refused by %q, not %q", body, p.Detail, says)
		}
	}
}

func TestTheListOfStages(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Editor)
	names := func(path string) (all []string, in map[string]int64) {
		var list api.StageList
		c.want(200, "GET", path, nil).into(t, &list)
		in = map[string]int64{}
		for _, s := range list.Items {
			all = append(all, s.Name)
			if s.Contacts != nil {
				in[s.Name] = *s.Contacts
			}
		}
		return all, in
	}
	change := func(status int, items ...map[string]string) {
		t.Helper()
		c.want(status, "PUT", "/api/v1/stages", map[string]any{"items": items})
	}
	builtIn := func(more ...map[string]string) (all []map[string]string) {
		for _, name := range control.BuiltInStages() {
			all = append(all, map[string]string{"name": name})
		}
		return append(all, more...)
	}
	change(200, builtIn(map[string]string{"name": "Demo"})...)
	c.want(200, "PATCH", "/api/v1/contacts/"+w.ada.String(), map[string]string{"stage": "Demo"})
	change(200, slices.Insert(builtIn(), 1, map[string]string{"name": "Demo booked", "was": "Demo"})...)
	all, counts := names("/api/v1/stages?count=true")
	if want := slices.Insert(control.BuiltInStages(), 1, "Demo booked"); !slices.Equal(all, want) {
		t.Errorf("the stages are %v, want %v", all, want)
	}
	if _, first := counts["New"]; first || counts["Demo booked"] != 1 || counts["Lost"] != 0 || len(counts) != 5 {
		t.Errorf("in them are %v", counts)
	}
	if _, counts = names("/api/v1/stages"); len(counts) != 0 {
		t.Errorf("nobody asked how many, and there are %v", counts)
	}
	change(400, builtIn()[1:]...)
	change(400, builtIn(map[string]string{"name": "lost"})...)
	change(200, builtIn()...)
	var ada api.Contact
	c.want(200, "GET", "/api/v1/contacts/"+w.ada.String(), nil).into(t, &ada)
	if ada.Stage != "New" {
		t.Errorf("of a stage that is gone she is in %s", ada.Stage)
	}
}
