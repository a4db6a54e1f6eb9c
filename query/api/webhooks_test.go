package api_test

import (
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
