package control_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/control/seal"
	"sourceloop/schema"
)

func testDirectory(t *testing.T, dsn string) {
	keys := controltest.Keys(t)
	s := controltest.Open(t, dsn, control.Options{Keys: keys})
	// Another process on the same database.
	other := controltest.Open(t, dsn, control.Options{Keys: keys, Poll: 10 * time.Millisecond})
	ann := controltest.NewOwner(t, s, "ann@example.com")
	w, found := s.Directory().Workspace(ann.Workspace)
	if !found || w.Zone != time.UTC || w.Currency != "EUR" || len(w.Settings) != 1 || w.Settings[0].Timeout != 30*time.Minute {
		t.Fatalf("the directory has %+v", w)
	}
	if byKey, found := s.Directory().BySiteKey(w.SiteKey); !found || byKey != w {
		t.Fatal("the site key does not lead to the workspace")
	}
	controltest.Within(t, "the other process knows the workspace", func() bool {
		_, found := other.Directory().BySiteKey(w.SiteKey)
		return found
	})
	slow := controltest.Open(t, dsn, control.Options{Keys: keys, Poll: time.Hour})
	ben := controltest.NewOwner(t, s, "ben@example.com")
	if _, found := slow.Directory().Workspace(ben.Workspace); found {
		t.Fatal("the slow process looked already")
	}
	if err := slow.Directory().Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, found := slow.Directory().Workspace(ben.Workspace); !found {
		t.Fatal("a look at the settings did not find the workspace")
	}
	if _, found := s.Directory().BySiteKey("nobody's"); found {
		t.Fatal("an unknown site key leads somewhere")
	}
	if len(s.Directory().Workspaces()) != 2 || s.Directory().Err() != nil {
		t.Fatal(s.Directory().Workspaces(), s.Directory().Err())
	}
}

func testSettings(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	ann := controltest.NewOwner(t, s, "ann@example.com")
	set := schema.DefaultSettings()
	set.Timeout = time.Second
	_, err := s.SaveSettings(ctx, ann, set)
	wantKind(t, err, schema.KindInvalid)
	set.Timeout = time.Hour
	set.Domains = []string{" Shop.Example. "}
	set.Rules = []schema.ChannelRule{{Name: "partners", Channel: "Partners", Conditions: []schema.ChannelCondition{{Field: "source", Operator: "regex", Value: "("}}}}
	_, err = s.SaveSettings(ctx, ann, set)
	wantKind(t, err, schema.KindInvalid)
	set.Rules[0].Conditions[0].Value = "^partner"
	saved := must[schema.Settings](t)(s.SaveSettings(ctx, ann, set))
	now := schema.MillisOf(clock.Now())
	if saved.Version != 2 || saved.From != now.Add(10*time.Second) {
		t.Fatalf("saved as %+v", saved)
	}
	_, err = s.SaveSettings(ctx, ann, set) // Made from version 1.
	wantKind(t, err, schema.KindConflict)
	set.Version = saved.Version
	again := must[schema.Settings](t)(s.SaveSettings(ctx, ann, set))
	if again.Version != 3 || again.From <= saved.From {
		t.Fatalf("the third version is %+v", again)
	}
	w, _ := s.Directory().Workspace(ann.Workspace)
	if got := w.At(now); got.Version != 1 {
		t.Fatalf("in force now is %+v", got)
	}
	got := w.At(saved.From)
	if got.Version != 2 || got.Timeout != time.Hour || got.Domains[0] != "shop.example" || got.Rules[0].Conditions[0].Value != "^partner" || got.Zone != time.UTC {
		t.Fatalf("in force later is %+v", got)
	}
	viewer := ann
	viewer.Role = control.Viewer
	_, err = s.SaveSettings(ctx, viewer, set)
	wantKind(t, err, schema.KindDenied)
}

func testAPIKeys(t *testing.T, dsn string) {
	ctx := t.Context()
	s := controltest.Open(t, dsn, control.Options{})
	ann, bob := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "bob@example.com")
	token := must[string](t)(s.CreateAPIKey(ctx, ann, control.NewAPIKey{Name: "reports", Role: control.Viewer}))
	who, found := s.Directory().APIKey(token)
	if !found || who.Workspace != ann.Workspace || who.Role != control.Viewer || who.User != 0 || who.Key == 0 {
		t.Fatalf("the key is %+v", who)
	}
	given := control.NewAPIKey{Name: "given", Role: control.Admin, Token: "0123456789abcdef0123456789abcdef"}
	for range 2 {
		must[string](t)(s.CreateAPIKey(ctx, ann, given))
	}
	_, err := s.CreateAPIKey(ctx, bob, given)
	wantKind(t, err, schema.KindConflict)
	given.Token = "short"
	_, err = s.CreateAPIKey(ctx, ann, given)
	wantKind(t, err, schema.KindInvalid)
	all := must[[]control.APIKey](t)(s.APIKeys(ctx, ann))
	if len(all) != 2 || all[0].Name != "reports" {
		t.Fatalf("the keys are %+v", all)
	}
	wantKind(t, s.DeleteAPIKey(ctx, bob, all[0].ID), schema.KindUnknown)
	ok(t, s.DeleteAPIKey(ctx, ann, all[0].ID))
	if _, found = s.Directory().APIKey(token); found {
		t.Fatal("a deleted key is still somebody's")
	}
}

// connect brings a workspace's Intercom connection to Connected.
func connect(t *testing.T, s *control.Store, who control.Principal, app, token string) control.Connection {
	t.Helper()
	ctx := t.Context()
	state := must[string](t)(s.BeginConnection(ctx, who, "intercom", "browser"))
	c := must[control.Connection](t)(s.UseState(ctx, "intercom", state, "browser"))
	ok(t, s.SaveGrant(ctx, c.ID, control.Grant{Access: token}))
	ok(t, s.MarkConnected(ctx, c.ID, control.Setup{App: app, Name: "Tea", Region: "EU", Details: map[string]string{"attribute": "7"}}))
	return must[control.Connection](t)(s.Connection(ctx, c.ID))
}

func testConnections(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	ann, bob := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "bob@example.com")
	c := connect(t, s, ann, "tea1", "secret")
	if c.State != control.Connected || c.Details["attribute"] != "7" || c.Region != "EU" {
		t.Fatalf("connected as %+v", c)
	}
	workspace, id, found := s.Directory().Route("intercom", "tea1")
	if !found || workspace != ann.Workspace || id != c.ID {
		t.Fatal("the connection has no route")
	}
	// The same provider workspace goes to one place.
	state := must[string](t)(s.BeginConnection(ctx, bob, "intercom", "browser"))
	bobs := must[control.Connection](t)(s.UseState(ctx, "intercom", state, "browser"))
	wantKind(t, s.MarkConnected(ctx, bobs.ID, control.Setup{App: "tea2"}), schema.KindConflict) // No token.
	ok(t, s.SaveGrant(ctx, bobs.ID, control.Grant{Access: "other"}))
	if due := must[[]control.Connection](t)(s.TakeSetups(ctx, time.Minute)); len(due) != 0 {
		t.Fatalf("due at once, while the callback works: %+v", due)
	}
	clock.Advance(time.Minute)
	if due := must[[]control.Connection](t)(s.TakeSetups(ctx, time.Minute)); len(due) != 1 || due[0].ID != bobs.ID || due[0].Attempts != 1 {
		t.Fatalf("due for setup are %+v", due)
	}
	if due := must[[]control.Connection](t)(s.TakeSetups(ctx, time.Minute)); len(due) != 0 {
		t.Fatalf("taken twice: %+v", due)
	}
	wantKind(t, s.MarkConnected(ctx, bobs.ID, control.Setup{App: "tea1", Name: "Tea"}), schema.KindConflict)
	ok(t, s.MarkFailed(ctx, bobs.ID, "words"))
	bobs = must[control.Connection](t)(s.WorkspaceConnection(ctx, bob, "intercom"))
	if bobs.State != control.Failed || bobs.LastError != "words" {
		t.Fatalf("failed as %+v", bobs)
	}
	// Clicking again while connected closes nothing.
	must[string](t)(s.BeginConnection(ctx, ann, "intercom", "browser"))
	if _, _, found = s.Directory().Route("intercom", "tea1"); !found {
		t.Fatal("a click on Connect closed the route")
	}
	at := schema.MillisOf(clock.Now())
	ok(t, s.NoteEvent(ctx, c.ID, at))
	ok(t, s.NoteEvent(ctx, c.ID, at+5)) // Too soon to be written.
	if c = must[control.Connection](t)(s.Connection(ctx, c.ID)); c.LastEventAt != at {
		t.Fatalf("the newest webhook is of %d, want %d", c.LastEventAt, at)
	}
	// Disconnecting is for the workspace's own people.
	_, err := s.CloseRoute(ctx, bob, c.ID)
	wantKind(t, err, schema.KindUnknown)
	must[control.Connection](t)(s.CloseRoute(ctx, ann, c.ID))
	if _, _, found = s.Directory().Route("intercom", "tea1"); found {
		t.Fatal("a closed connection is routed")
	}
	wantKind(t, s.MarkConnected(ctx, c.ID, control.Setup{App: "tea1"}), schema.KindConflict)
	wantKind(t, s.SaveGrant(ctx, c.ID, control.Grant{Access: "late"}), schema.KindConflict)
	if left := must[[]control.Connection](t)(s.UndestroyedTokens(ctx, 0)); len(left) != 1 || left[0].ID != c.ID {
		t.Fatalf("tokens to destroy: %+v", left)
	}
	ok(t, s.DestroyToken(ctx, c.ID))
	_, err = s.Token(ctx, c.ID)
	wantKind(t, err, schema.KindUnknown)
	// Now it may be connected elsewhere, and later anew under its number.
	ok(t, s.MarkConnected(ctx, bobs.ID, control.Setup{App: "tea1", Name: "Tea"}))
	if again := connect(t, s, ann, "tea3", "secret"); again.ID != c.ID {
		t.Fatalf("reconnecting made connection %d, want %d", again.ID, c.ID)
	}
}

func testStates(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	ann, bob := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "bob@example.com")
	ok(t, s.AddMember(ctx, ann, "bob@example.com", control.Admin))
	bob.Workspace, bob.Role = ann.Workspace, control.Admin
	begin := func(who control.Principal) string {
		return must[string](t)(s.BeginConnection(ctx, who, "intercom", "browser"))
	}
	refused := func(provider, state, browser string) {
		t.Helper()
		_, err := s.UseState(ctx, provider, state, browser)
		wantKind(t, err, schema.KindDenied)
	}
	used := begin(ann)
	must[control.Connection](t)(s.UseState(ctx, "intercom", used, "browser"))
	refused("intercom", used, "browser")
	stolen := begin(ann)
	refused("intercom", stolen, "another browser")
	refused("intercom", stolen, "browser") // Trying it used it up.
	refused("hubspot", begin(ann), "browser")
	refused("intercom", "made up", "browser")
	late := begin(ann)
	clock.Advance(11 * time.Minute)
	refused("intercom", late, "browser")
	demoted := begin(bob)
	ok(t, s.SetRole(ctx, ann, bob.User, control.Viewer))
	refused("intercom", demoted, "browser")
	_, err := s.BeginConnection(ctx, control.Principal{Key: 1, Workspace: ann.Workspace, Role: control.Owner}, "intercom", "browser")
	wantKind(t, err, schema.KindDenied)
	// Left on the consent page, the connection says so.
	ok(t, s.FailAbandoned(ctx, 15*time.Minute, "left"))
	clock.Advance(16 * time.Minute)
	ok(t, s.FailAbandoned(ctx, 15*time.Minute, "left"))
	if c := must[control.Connection](t)(s.WorkspaceConnection(ctx, ann, "intercom")); c.State != control.Failed || c.LastError != "left" {
		t.Fatalf("abandoned: %+v", c)
	}
}

func testTokens(t *testing.T, dsn string) {
	ctx := t.Context()
	oldKey, newKey := seal.NewKey(), seal.NewKey()
	open := func(keys string) *control.Store {
		ring, err := seal.Parse(keys)
		ok(t, err)
		return must[*control.Store](t)(control.Open(ctx, dsn, control.Options{Keys: ring}))
	}
	s := open(oldKey)
	c := connect(t, s, controltest.NewOwner(t, s, "ann@example.com"), "tea", "the plain token")
	before := must[[]byte](t)(s.SealedToken(ctx, c.ID))
	if bytes.Contains(before, []byte("plain")) {
		t.Fatal("the token is not sealed")
	}
	ok(t, s.Close())

	s = open(newKey)
	_, err := s.Token(ctx, c.ID)
	wantKind(t, err, schema.KindInternal)
	if n := must[int](t)(s.Reseal(ctx)); n != 0 {
		t.Fatalf("%d tokens were sealed anew without their key", n)
	}
	ok(t, s.Close())

	s = open(newKey + "," + oldKey)
	if n := must[int](t)(s.Reseal(ctx)); n != 1 {
		t.Fatalf("%d tokens were sealed anew, want 1", n)
	}
	ok(t, s.Close())

	s = open(newKey)
	if got := must[string](t)(s.Token(ctx, c.ID)); got != "the plain token" {
		t.Fatalf("after the rotation the token is %q", got)
	}
	ok(t, s.Close())
}

func testInbox(t *testing.T, dsn string) {
	ctx := t.Context()
	clock := controltest.NewClock()
	s := controltest.Open(t, dsn, control.Options{Now: clock.Now})
	ann, bob := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "bob@example.com")
	busy, calm := connect(t, s, ann, "busy", "1"), connect(t, s, bob, "calm", "2")
	record := func(c control.Connection, n int) *schema.WebhookRecord {
		return &schema.WebhookRecord{Provider: "intercom", App: c.App, Connection: c.ID, Workspace: c.Workspace, Received: int64(n), Body: fmt.Appendf(nil, `{"n":%d}`, n)}
	}
	for n := range 5 {
		for range 2 { // A repeated batch puts the same once.
			ok(t, s.PutInbox(ctx, record(busy, n), 0, "429"))
		}
	}
	ok(t, s.PutInbox(ctx, record(calm, 9), time.Second, "timeout"))
	ok(t, s.PutInbox(ctx, &schema.WebhookRecord{Connection: 4711}, 0, "of nobody"))
	if n := must[int](t)(s.InboxSize(ctx)); n != 6 {
		t.Fatalf("%d webhooks wait, want 6", n)
	}
	clock.Advance(2 * time.Second)
	take := func() []control.InboxItem {
		return must[[]control.InboxItem](t)(s.TakeInbox(ctx, 10, 2, time.Minute))
	}
	first := take()
	if len(first) != 3 {
		t.Fatalf("took %d items, want 2 of the busy and 1 of the calm connection", len(first))
	}
	second := take()
	if len(second) != 2 {
		t.Fatalf("took %d items, want the busy connection's next 2", len(second))
	}
	ok(t, s.FinishInbox(ctx, second[0]))
	// The busy connection backs off, whole: what is left of it waits.
	ok(t, s.DelayInbox(ctx, second[1], time.Hour, "429"))
	clock.Advance(2 * time.Minute) // All leases end.
	retaken := take()
	if len(retaken) != 1 || retaken[0].Record.Connection != calm.ID || retaken[0].Attempts != 2 {
		t.Fatalf("took %+v, want the calm connection's again", retaken)
	}
	for _, item := range first { // Their lease was lost: nothing happens.
		ok(t, s.FinishInbox(ctx, item))
	}
	clock.Advance(time.Hour)
	// Concurrent takers never get the same item.
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for range 4 {
		wg.Go(func() {
			items, err := s.TakeInbox(ctx, 1, 4, time.Minute)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			for _, item := range items {
				got[string(item.ID)]++
			}
		})
	}
	wg.Wait()
	for id, times := range got {
		if times != 1 {
			t.Errorf("item %x was taken %d times", id, times)
		}
	}
	if len(got) == 0 {
		t.Error("nobody took anything")
	}
	must[control.Connection](t)(s.CloseRoute(ctx, ann, busy.ID))
	ok(t, s.PutInbox(ctx, record(busy, 10), 0, "after disconnecting"))
	clock.Advance(time.Hour)
	for _, item := range take() {
		if item.Record.Connection == busy.ID {
			t.Error("a webhook of a disconnected connection is still there")
		}
	}
}

func testFunnels(t *testing.T, dsn string) {
	ctx := t.Context()
	s := controltest.Open(t, dsn, control.Options{})
	ann, bob := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "bob@example.com")
	_, err := s.SaveFunnel(ctx, ann, control.Funnel{Name: "x", Body: []byte("{")})
	wantKind(t, err, schema.KindInvalid)
	id := must[int64](t)(s.SaveFunnel(ctx, ann, control.Funnel{Name: "To chat", Body: []byte(`{"steps":[]}`)}))
	_, err = s.SaveFunnel(ctx, bob, control.Funnel{ID: id, Name: "mine", Body: []byte(`{}`)})
	wantKind(t, err, schema.KindUnknown)
	must[int64](t)(s.SaveFunnel(ctx, ann, control.Funnel{ID: id, Name: "To chat 2", Body: []byte(`{"steps":[1]}`)}))
	all := must[[]control.Funnel](t)(s.Funnels(ctx, ann))
	if len(all) != 1 || all[0].Name != "To chat 2" || string(all[0].Body) != `{"steps":[1]}` {
		t.Fatalf("the funnels are %+v", all)
	}
	wantKind(t, s.DeleteFunnel(ctx, bob, id), schema.KindUnknown)
	ok(t, s.DeleteFunnel(ctx, ann, id))

	node := schema.NewNode(schema.NodeEmail, "c@example.com")
	wantKind(t, s.SetStage(ctx, ann, node, " "), schema.KindInvalid)
	ok(t, s.SetStage(ctx, ann, node, "Contacted"))
	ok(t, s.SetStage(ctx, ann, node, "In Progress"))
	if got := must[map[schema.Node]control.Stage](t)(s.Stages(ctx, ann.Workspace)); got[node].Name != "In Progress" {
		t.Fatalf("the stages are %+v", got)
	}
	first := must[map[schema.Node]schema.Millis](t)(s.FirstReached(ctx, ann.Workspace, "In Progress"))
	ok(t, s.SetStage(ctx, ann, node, "Converted"))
	ok(t, s.SetStage(ctx, ann, node, "In Progress"))
	if got := must[map[schema.Node]schema.Millis](t)(s.FirstReached(ctx, ann.Workspace, "In Progress")); len(got) != 1 || got[node] == 0 || got[node] != first[node] {
		t.Fatalf("it was first in progress at %v, then at %v", first, got)
	}
	if got := must[map[schema.Node]control.Stage](t)(s.Stages(ctx, bob.Workspace)); len(got) != 0 {
		t.Fatalf("another workspace sees %+v", got)
	}
}

func testOpenedTwice(t *testing.T, dsn string) {
	ctx := t.Context()
	keys := controltest.Keys(t)
	var wg sync.WaitGroup
	for range 3 { // Several processes start on an empty database.
		wg.Go(func() {
			s, err := control.Open(ctx, dsn, control.Options{Keys: keys})
			if err != nil {
				t.Error(err)
				return
			}
			if err = s.Ping(ctx); err != nil {
				t.Error(err)
			}
			if err = s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
