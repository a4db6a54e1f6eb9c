package control_test

import (
	"strconv"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

// TestOutbox holds what is promised of destinations, pushes and stages on both
// databases.
func TestOutbox(t *testing.T) {
	controltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		for name, test := range map[string]func(*testing.T, *outboxWorld){
			"destinations":        testDestinations,
			"a push goes out":     testPushGoesOut,
			"plans are repeated":  testPlansRepeated,
			"shares":              testShares,
			"leases":              testPushLeases,
			"unclear attempts":    testUnclear,
			"disconnect":          testPushDisconnect,
			"log":                 testPushLog,
			"forgotten":           testPushesForgotten,
			"erased":              testPushesErased,
			"stages":              testStageList,
			"changes of stages":   testStageChanges,
			"retries and removal": testRetries,
			"another target":      testAnotherTarget,
		} {
			t.Run(name, func(t *testing.T) { test(t, newOutboxWorld(t, fresh(t))) })
		}
	})
}

// outboxWorld is a workspace that is connected to Google.
type outboxWorld struct {
	clock  *controltest.Clock
	store  *control.Store
	ann    control.Principal
	google control.Connection
}

func newOutboxWorld(t testing.TB, dsn string) *outboxWorld {
	t.Helper()
	w := &outboxWorld{clock: controltest.NewClock()}
	w.store = controltest.Open(t, dsn, control.Options{Now: w.clock.Now})
	w.ann = controltest.NewOwner(t, w.store, "ann@example.com")
	w.google = w.connect(t, w.ann, "google", "acc1")
	return w
}

func (w *outboxWorld) now() schema.Millis { return schema.MillisOf(w.clock.Now()) }

func (w *outboxWorld) connect(t testing.TB, who control.Principal, platform, app string) control.Connection {
	t.Helper()
	ctx := t.Context()
	state := must[string](t)(w.store.BeginConnection(ctx, who, platform, "browser"))
	c := must[control.Connection](t)(w.store.UseState(ctx, platform, state, "browser"))
	ok(t, w.store.SaveGrant(ctx, c.ID, control.Grant{Access: "secret"}))
	ok(t, w.store.MarkConnected(ctx, c.ID, control.Setup{App: app, Name: "Tea"}))
	return must[control.Connection](t)(w.store.Connection(ctx, c.ID))
}

// destination makes one at Google with an action of its own.
func (w *outboxWorld) destination(t testing.TB, action int) control.Destination {
	t.Helper()
	return must[control.Destination](t)(w.store.CreateDestination(t.Context(), w.ann, control.Destination{
		Platform: "google", Account: "123-456-7890", Action: strconv.Itoa(action), ActionName: "Chat",
	}))
}

// push is the plan of the nth conversion for a destination.
func (w *outboxWorld) push(d control.Destination, n int) control.Push {
	conversion := schema.Derive("conversion", strconv.Itoa(n))
	return control.Push{
		ID: d.PushID(conversion), Workspace: d.Workspace, Destination: d.ID, Conversion: conversion, Contact: schema.Derive("contact", strconv.Itoa(n)),
		ConversionName: "intercom_conversation", At: w.now(),
	}
}

func (w *outboxWorld) plan(t *testing.T, d control.Destination, count int) {
	t.Helper()
	var all []control.Push
	for n := range count {
		all = append(all, w.push(d, n))
	}
	ok(t, w.store.PlanPushes(t.Context(), all))
}

func (w *outboxWorld) take(t *testing.T, limit, each int) []control.Push {
	t.Helper()
	return must[[]control.Push](t)(w.store.TakePushes(t.Context(), limit, each, time.Minute))
}

func (w *outboxWorld) begin(t *testing.T, pushes ...control.Push) []control.Push {
	t.Helper()
	return must[[]control.Push](t)(w.store.BeginPushes(t.Context(), pushes))
}

func (w *outboxWorld) end(t *testing.T, p control.Push, state schema.PushState, outcome schema.Outcome) {
	t.Helper()
	ok(t, w.store.EndPushes(t.Context(), []control.PushResult{{Push: p, State: state, Outcome: outcome, Words: outcome.String(), Code: "42"}}))
}

func (w *outboxWorld) get(t *testing.T, id schema.ID) control.Push {
	t.Helper()
	p, _, err := w.store.Push(t.Context(), w.ann, id)
	ok(t, err)
	return p
}

func testDestinations(t *testing.T, w *outboxWorld) {
	ctx := t.Context()
	good := control.Destination{Platform: "google", Account: " 123-456-7890 ", Action: "77", ActionName: "Chat"}
	d := must[control.Destination](t)(w.store.CreateDestination(ctx, w.ann, good))
	if d.Account != "1234567890" || d.Name != "Chat" || d.Trigger != control.OnConversion || d.Consent != control.NotDenied ||
		d.Value.Kind != control.NoValue || d.From != w.now() || d.Connection != w.google.ID || d.ID == 0 {
		t.Fatalf("made as %+v", d)
	}
	bad := map[string]func(d *control.Destination){
		"platform": func(d *control.Destination) { d.Platform = "myspace" },
		"account":  func(d *control.Destination) { d.Account = "123" },
		"action":   func(d *control.Destination) { d.Action = "seventy" },
		"trigger":  func(d *control.Destination) { d.Trigger = "moon" },
		"no stage": func(d *control.Destination) { d.Trigger = control.OnStage },
		"stage":    func(d *control.Destination) { d.Trigger, d.Stage = control.OnStage, "Nowhere" },
		"consent":  func(d *control.Destination) { d.Consent = "maybe" },
		"value":    func(d *control.Destination) { d.Value.Kind = "guess" },
		"negative": func(d *control.Destination) { d.Value = control.ValueRule{Kind: control.FixedValue, Fixed: -1} },
		"currency": func(d *control.Destination) {
			d.Value = control.ValueRule{Kind: control.FixedValue, Fixed: 1, Currency: "euro"}
		},
		"no values": func(d *control.Destination) { d.Value = control.ValueRule{Kind: control.StageValue} },
		"value at": func(d *control.Destination) {
			d.Value = control.ValueRule{Kind: control.StageValue, ByStage: map[string]float64{"Nowhere": 1}}
		},
		"conversion": func(d *control.Destination) { d.Conversions = []string{" "} },
		"event":      func(d *control.Destination) { d.Platform, d.Event = "meta", "Lead!" },
	}
	for what, spoil := range bad {
		spoilt := good
		spoilt.Action = "78"
		spoil(&spoilt)
		_, err := w.store.CreateDestination(ctx, w.ann, spoilt)
		if schema.KindOf(err) != schema.KindInvalid || err == nil {
			t.Errorf("a bad %s was answered with %v", what, err)
		}
	}
	_, err := w.store.CreateDestination(ctx, w.ann, good)
	wantKind(t, err, schema.KindConflict) // The same target.
	_, err = w.store.CreateDestination(ctx, w.ann, control.Destination{Platform: "linkedin", Action: "urn:lla:llaPartnerConversion:5"})
	wantKind(t, err, schema.KindConflict) // Not connected.
	editor := w.ann
	editor.Role = control.Editor
	_, err = w.store.CreateDestination(ctx, editor, good)
	wantKind(t, err, schema.KindDenied)

	w.connect(t, w.ann, "linkedin", "acc2")
	li := must[control.Destination](t)(w.store.CreateDestination(ctx, w.ann, control.Destination{
		Platform: "linkedin", Account: "urn:li:sponsoredAccount:9", Action: "urn:lla:llaPartnerConversion:5", Trigger: control.OnStage, Stage: "Converted",
		Value: control.ValueRule{Kind: control.StageValue, ByStage: map[string]float64{"Converted": 20}}, Conversions: []string{"a", "b", "a"},
	}))
	if li.Account != "9" || li.Action != "5" || li.Value.Currency != "EUR" || len(li.Conversions) != 2 || !li.Sends("b") || li.Sends("intercom_conversation") {
		t.Fatalf("made as %+v", li)
	}
	if !d.Sends("hubspot_conversation") || d.Sends("contact") {
		t.Error("the default conversions are others")
	}
	d.Paused, d.Name = true, "Chats"
	d = must[control.Destination](t)(w.store.UpdateDestination(ctx, w.ann, d))
	all := must[[]control.Destination](t)(w.store.Destinations(ctx, editor))
	if len(all) != 2 || all[0].Name != "Chats" || !all[0].Paused || all[1].Value.ByStage["Converted"] != 20 || all[1].Stage != "Converted" {
		t.Fatalf("the destinations are %+v", all)
	}
	bob := controltest.NewOwner(t, w.store, "bob@example.com")
	wantKind(t, w.store.DeleteDestination(ctx, bob, d.ID), schema.KindUnknown)
	d.Workspace = bob.Workspace
	_, err = w.store.UpdateDestination(ctx, bob, d)
	wantKind(t, err, schema.KindUnknown)
	must[control.Connection](t)(w.store.CloseRoute(ctx, w.ann, w.google.ID))
	if active := must[[]control.Destination](t)(w.store.ActiveDestinations(ctx, w.ann.Workspace)); len(active) != 1 || active[0].ID != li.ID {
		t.Fatalf("active are %+v", active)
	}
	ok(t, w.store.DeleteDestination(ctx, w.ann, li.ID))
	if active := must[[]control.Destination](t)(w.store.ActiveDestinations(ctx, w.ann.Workspace)); len(active) != 0 {
		t.Fatalf("active are %+v", active)
	}
}

func testPushGoesOut(t *testing.T, w *outboxWorld) {
	d := w.destination(t, 1)
	plan := w.push(d, 1)
	plan.Waits, plan.WaitUntil = []control.Mark{{Topic: "hits", Partition: 3, Offset: 1 << 40}}, w.now().Add(time.Minute)
	ok(t, w.store.PlanPushes(t.Context(), []control.Push{plan, plan}))
	taken := w.take(t, 10, 10)
	if len(taken) != 1 || taken[0].ID != plan.ID || taken[0].Waits[0] != plan.Waits[0] || taken[0].WaitUntil != plan.WaitUntil ||
		taken[0].Contact != plan.Contact || taken[0].Conversion != plan.Conversion || taken[0].Open || taken[0].At != plan.At {
		t.Fatalf("took %+v, want %+v", taken, plan)
	}
	if again := w.take(t, 10, 10); len(again) != 0 {
		t.Fatalf("took twice: %+v", again)
	}
	begun := w.begin(t, taken...)
	if len(begun) != 1 || !begun[0].Open || begun[0].Attempts != 1 || begun[0].FirstAt != w.now() || begun[0].OpenSince != w.now() {
		t.Fatalf("begun as %+v", begun)
	}
	if twice := w.begin(t, taken...); len(twice) != 0 {
		t.Fatalf("begun twice: %+v", twice)
	}
	w.end(t, begun[0], schema.PushSent, schema.OutcomeSent)
	p, attempts, err := w.store.Push(t.Context(), w.ann, plan.ID)
	ok(t, err)
	if p.State != schema.PushSent || p.Open || p.Words != "sent" || p.Code != "42" || p.Attempts != 1 || p.Platform != "google" || p.DestinationName != "Chat" {
		t.Fatalf("sent as %+v", p)
	}
	if len(attempts) != 1 || attempts[0].N != 1 || attempts[0].Outcome != schema.OutcomeSent || attempts[0].Words != "sent" || attempts[0].EndedAt == 0 {
		t.Fatalf("the attempts are %+v", attempts)
	}
	w.clock.Advance(time.Hour)
	if again := w.take(t, 10, 10); len(again) != 0 {
		t.Fatalf("took what was sent: %+v", again)
	}
}
