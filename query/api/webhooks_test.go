package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/query/api"
	"sourceloop/query/report"
	"sourceloop/schema"
)

func webhook(n int) map[string]any {
	return map[string]any{"name": fmt.Sprint("crm ", n), "url": "https://receiver.example/hook", "events": []string{"lead.created", "lead.changed"}}
}

// webhookOf is a webhook of the owner's workspace; it is made when there is none.
func (w *world) webhookOf(t *testing.T, owner control.Principal) string {
	t.Helper()
	all, err := w.store.Endpoints(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > 0 {
		return strconv.FormatInt(all[0].ID, 10)
	}
	made, _, err := w.store.CreateEndpoint(t.Context(), owner, control.Endpoint{Name: "mine", URL: "https://receiver.example/", Events: control.LeadEvents()})
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatInt(made.ID, 10)
}

// incomingOf is an address of the owner's workspace; it is made when there is
// none.
func (w *world) incomingOf(t *testing.T, owner control.Principal) string {
	t.Helper()
	all, err := w.store.IncomingHooks(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > 0 {
		return strconv.FormatInt(all[0].ID, 10)
	}
	made, _, err := w.store.CreateIncomingHook(t.Context(), owner, schema.IncomingHook{Name: "mine", Conversion: "purchase"})
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatInt(made.ID, 10)
}

// spareWebhook makes room for one more.
func (w *world) spareWebhook(t *testing.T, owner control.Principal) {
	t.Helper()
	all, err := w.store.Endpoints(t.Context(), owner)
	for _, e := range all {
		if err == nil {
			err = w.store.DeleteEndpoint(t.Context(), owner, e.ID)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) delivery(t *testing.T, owner control.Principal, id string) string {
	t.Helper()
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.store.TestEndpoint(t.Context(), owner, number)
	if err != nil {
		t.Fatal(err)
	}
	return d.ID.String()
}

func TestWebhooksAreMadeShownAndRefused(t *testing.T) {
	w := newWorld(t)
	c := w.keyed(w.ann, control.Admin)
	for _, bad := range []map[string]any{
		{"name": "x", "url": "https://127.0.0.1/", "events": []string{"lead.created"}},
		{"name": "x", "url": "http://receiver.example/", "events": []string{"lead.created"}},
		{"name": "x", "url": "https://unknown.example/", "events": []string{"lead.created"}},
		{"name": " ", "url": "https://receiver.example/", "events": []string{"lead.created"}},
		{"name": "x", "url": "https://receiver.example/", "events": []string{"lead.sold"}},
		{"name": "x", "url": "https://receiver.example/", "events": []string{}},
	} {
		c.want(http.StatusBadRequest, "POST", "/api/v1/webhooks", bad)
	}
	var made api.NewWebhook
	c.want(201, "POST", "/api/v1/webhooks", webhook(1)).into(t, &made)
	if !strings.HasPrefix(made.Secret, "whsec_") {
		t.Errorf("the secret is %q", made.Secret)
	}
	path := "/api/v1/webhooks/" + made.Webhook.Id
	listed := c.want(200, "GET", "/api/v1/webhooks", nil)
	if strings.Contains(string(listed.body), "whsec_") {
		t.Error("a list shows secrets")
	}
	var renewed api.NewWebhook
	c.want(200, "POST", path+"/secret", nil).into(t, &renewed)
	if renewed.Secret == made.Secret || renewed.Webhook.FormerSecretUntil == nil {
		t.Errorf("renewed as %+v", renewed.Webhook)
	}
	for range 3 {
		c.want(202, "POST", path+"/test", nil)
		w.clock.Advance(time.Second)
	}
	var first, second api.DeliveryList
	c.want(200, "GET", path+"/deliveries?limit=2", nil).into(t, &first)
	c.want(200, "GET", path+"/deliveries?limit=2&cursor="+first.Next, nil).into(t, &second)
	if len(first.Items) != 2 || len(second.Items) != 1 || second.Next != "" || second.Items[0].Id == first.Items[1].Id {
		t.Errorf("the pages are %+v and %+v", first, second)
	}
	c.want(400, "GET", path+"/deliveries?cursor=forged", nil)
	c.want(404, "POST", path+"/deliveries/"+schema.Derive("nobody's").String()+"/replay", nil)
	c.want(200, "POST", path+"/pause", map[string]bool{"paused": true})
	for n := range 4 {
		c.want(201, "POST", "/api/v1/webhooks", webhook(2+n))
	}
	c.want(409, "POST", "/api/v1/webhooks", webhook(9))
	c.want(204, "DELETE", path, nil)
	c.want(404, "DELETE", path, nil)
}

func TestALeadIsTheContactOfTheAPI(t *testing.T) {
	ada := &report.Living{Contact: report.Contact{ID: schema.Derive("ada"), Email: "ada@a.example", CreatedAt: 5, ConvertedAt: 30, Evidence: []schema.ContactEvidence{
		{Node: "visitor:x", At: 5}, {Node: "email:ada@a.example", At: 20}, {Node: "phone:+4930123456", At: 25},
	}}, Former: []schema.ID{schema.Derive("former")}}
	lead, ok := api.LeadOf(ada, map[schema.Node]control.Stage{"visitor:x": {Name: "Lost", At: 40}})
	if !ok || lead.Since != 20 || lead.Changed != 40 || lead.Stage != "Lost" {
		t.Errorf("the lead is %+v", lead)
	}
	data, err := lead.JSON()
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(data), `"email":"ada@a.example"`, `"former_ids":["`+schema.Derive("former").String(), `"converted_at":"1970-01-01T00:00:00.030Z"`)
	if _, ok := api.LeadOf(&report.Living{Contact: report.Contact{Name: "nobody"}}, nil); ok {
		t.Error("somebody without email and phone is a lead")
	}
}

func TestAddressesOfIncomingWebhooksAreShownOnce(t *testing.T) {
	w := newWorld(t)
	c := w.keyed(w.ann, control.Admin)
	for _, bad := range []map[string]any{
		{"name": " ", "conversion": "purchase"}, {"name": "Shop"}, {"name": "Shop", "conversion": "contact"},
		{"name": "Shop", "conversion": "purchase", "currency": "euro"}, {"name": "Shop", "conversion": "purchase", "id_path": "a..b"},
	} {
		c.want(http.StatusBadRequest, "POST", "/api/v1/hooks", bad)
	}
	var made, renewed api.NewIncomingHook
	c.want(201, "POST", "/api/v1/hooks", map[string]any{"name": "Shop", "conversion": "purchase", "value": 5, "id_path": "order.id"}).into(t, &made)
	token := made.Url[strings.LastIndex(made.Url, "/")+1:]
	if h, known := w.store.Directory().IncomingHook(token); !known || h.Name != "Shop" || h.Value != 5 || !strings.HasSuffix(made.Url, "/hooks/in/"+token) {
		t.Errorf("the address %q is that of %+v", made.Url, h)
	}
	path := "/api/v1/hooks/" + made.Hook.Id
	var changed api.IncomingHook
	c.want(200, "PUT", path, map[string]any{"name": "Orders", "conversion": "order", "email_path": "buyer.Email address"}).into(t, &changed)
	if changed.Name != "Orders" || changed.Value != nil || changed.IdPath != "" || changed.EmailPath != "buyer.Email address" {
		t.Errorf("it was changed to %+v", changed)
	}
	c.want(200, "POST", path+"/token", nil).into(t, &renewed)
	if _, known := w.store.Directory().IncomingHook(token); known || renewed.Url == made.Url {
		t.Error("a renewed address is the former one")
	}
	if all := c.want(200, "GET", "/api/v1/hooks", nil); strings.Contains(string(all.body), "in_") {
		t.Errorf("a list shows addresses: %s", all.body)
	}
	c.want(204, "DELETE", path, nil)
	c.want(404, "PUT", path, map[string]any{"name": "Orders", "conversion": "order"})
	c.want(404, "POST", path+"/token", nil)
	c.want(404, "DELETE", path, nil)
	for n := range control.MostIncoming {
		c.want(201, "POST", "/api/v1/hooks", map[string]any{"name": strconv.Itoa(n), "conversion": "purchase"})
	}
	c.want(409, "POST", "/api/v1/hooks", map[string]any{"name": "one more", "conversion": "purchase"})
}

// TestACardSaysWhatCameToAnAddress: how much was taken, and why the last was not.
func TestACardSaysWhatCameToAnAddress(t *testing.T) {
	w := newWorld(t)
	id := w.incomingOf(t, w.ann)
	now := schema.MillisOf(w.clock.Now())
	signals := control.NewSignals(w.store)
	for what, at := range map[string]schema.Millis{"taken": now, "no_person": now - 9, "ambiguous": now - 3} {
		signals.Note(control.IncomingSignals, id, what, at)
	}
	signals.Note(control.IncomingSignals, id, "taken", now-1)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := signals.Run(ended); err != nil { // What was noted is written at the end.
		t.Fatal(err)
	}
	var list api.IncomingHookList
	w.keyed(w.ann, control.Admin).want(200, "GET", "/api/v1/hooks", nil).into(t, &list)
	if h := list.Items[0]; h.Taken != 2 || h.Refused != 2 || h.LastTakenAt == nil || schema.Millis(*h.LastTakenAt) != now ||
		h.LastRefusedAt == nil || schema.Millis(*h.LastRefusedAt) != now-3 || !strings.Contains(h.LastRefusal, "several emails") {
		t.Errorf("the card says %+v", h)
	}
}
