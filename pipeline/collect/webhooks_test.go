package collect_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

func TestIntercomWebhooks(t *testing.T) {
	const delivery = `{"type":"notification_event","app_id":"connected","topic":"conversation.user.created","id":"notif_1","data":{"item":{}}}`
	upper := strings.Replace(signed(delivery), "sha1=", "SHA1=", 1)
	for _, test := range []struct {
		name, path, body, signature string
		status                      int
		topic                       string // where it is kept, or ""
		outcome                     string
	}{
		{"signed", "/hooks/intercom", delivery, signed(delivery), 200, schema.TopicWebhooks, "accepted"},
		{"no signature", "/hooks/intercom", delivery, "", 401, "", "unsigned"},
		{"another body's signature", "/hooks/intercom", delivery + " ", signed(delivery), 401, "", "unsigned"},
		{"reformatted signature", "/hooks/intercom", delivery, upper, 401, "", "unsigned"},
		{"bare signature", "/hooks/intercom", delivery, strings.TrimPrefix(signed(delivery), "sha1="), 401, "", "unsigned"},
		{"ping", "/hooks/intercom", `{"app_id":"connected","topic":"ping","id":null}`, signed(`{"app_id":"connected","topic":"ping","id":null}`), 200, "", "ping"},
		{"unknown app", "/hooks/intercom", `{"app_id":"stranger","topic":"x"}`, signed(`{"app_id":"stranger","topic":"x"}`), 200, "", "discarded"},
		{"unknown topic", "/hooks/intercom", `{"app_id":"connected","topic":"new.topic"}`, signed(`{"app_id":"connected","topic":"new.topic"}`), 200, schema.TopicWebhooks, "accepted"},
		{"unreadable", "/hooks/intercom", "\xff{", signed("\xff{"), 200, schema.TopicDead, "malformed"},
		{"app id that is no string", "/hooks/intercom", `{"app_id":7}`, signed(`{"app_id":7}`), 200, schema.TopicDead, "malformed"},
		{"too large", "/hooks/intercom", strings.Repeat("x", 1<<20+1), "", 413, "", "too_large"},
		{"uninstall", "/hooks/intercom/uninstall", `{"app_id":"connected"}`, "", 200, schema.TopicWebhooks, "accepted"},
		{"uninstall of a stranger", "/hooks/intercom/uninstall", `{"app_id":"stranger"}`, "", 200, "", "discarded"},
		{"uninstall, wrong signature", "/hooks/intercom/uninstall", `{"app_id":"connected"}`, "sha1=00", 401, "", "unsigned"},
		{"uninstall, unreadable", "/hooks/intercom/uninstall", `{`, "", 400, "", "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, nil)
			var headers []string
			if test.signature != "" {
				headers = []string{"X-Hub-Signature", test.signature}
			}
			got := p.do(t, "POST", test.path, test.body, headers...)
			if got.status != test.status {
				t.Fatalf("%d %s", got.status, got.body)
			}
			for topic, values := range p.log.topics {
				if topic != test.topic || len(values) != 1 {
					t.Errorf("%d records in %s", len(values), topic)
				}
			}
			if test.topic != "" && len(p.log.topics[test.topic]) != 1 {
				t.Errorf("nothing in %s", test.topic)
			}
			if p.count(t, "sourceloop_collect_webhooks_total", test.outcome) != 1 {
				t.Errorf("not counted as %s", test.outcome)
			}
			if p.logged.Len() > 0 {
				t.Errorf("logged: %s", p.logged)
			}
		})
	}
}

func TestAWebhookIsKeptByteForByte(t *testing.T) {
	p := start(t, nil)
	body := " {\"app_id\":\"connected\",\n\"topic\":\"contact.lead.created\",\"n\":1.0}\n"
	if got := p.do(t, "POST", "/hooks/intercom", body, "X-Hub-Signature", signed(body)); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	var record schema.WebhookRecord
	if err := proto.Unmarshal(p.log.topics[schema.TopicWebhooks][0], &record); err != nil {
		t.Fatal(err)
	}
	want := &schema.WebhookRecord{Provider: "intercom", App: "connected", Received: clock, Body: []byte(body), Workspace: 7, Connection: 42}
	if !proto.Equal(&record, want) {
		t.Errorf("got  %v\nwant %v", &record, want)
	}
	if key := p.log.keys[schema.TopicWebhooks][0]; key != "intercom/connected" {
		t.Errorf("key %q", key)
	}
}

// TestASignedDeliveryWithoutAnAppIsSetAside: with its bytes, whatever they are.
func TestASignedDeliveryWithoutAnAppIsSetAside(t *testing.T) {
	p := start(t, nil)
	if got := p.do(t, "POST", "/hooks/intercom", "\xff{", "X-Hub-Signature", signed("\xff{")); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	letters := p.log.dead(t)
	if len(letters) != 1 || letters[0].GetReason() != schema.DeadBadWebhook || string(letters[0].GetValue()) != "\xff{" {
		t.Errorf("%v", letters)
	}
}

func TestAnUnsignedUninstallNoticeCarriesNothingElse(t *testing.T) {
	p := start(t, nil)
	forged := `{"app_id":"connected","topic":"conversation.user.created","data":{"item":{"id":"1"}}}`
	if got := p.do(t, "POST", "/hooks/intercom/uninstall", forged); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	var record schema.WebhookRecord
	if err := proto.Unmarshal(p.log.topics[schema.TopicWebhooks][0], &record); err != nil {
		t.Fatal(err)
	}
	if string(record.GetBody()) != `{"app_id":"connected"}` {
		t.Errorf("kept %s", record.GetBody())
	}
}

func TestWebhookWithoutItsLog(t *testing.T) {
	p := start(t, nil)
	p.log.err = errors.New("no broker")
	body := `{"app_id":"connected","topic":"contact.lead.created","canary":1}`
	if got := p.do(t, "POST", "/hooks/intercom", body, "X-Hub-Signature", signed(body)); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", got.status, got.header)
	}
	if strings.Contains(p.logged.String(), "canary") {
		t.Errorf("the body was logged: %s", p.logged)
	}
	if got := p.do(t, "HEAD", "/hooks/intercom", ""); got.status != 200 {
		t.Errorf("HEAD: %d", got.status)
	}
}

// The first webhooks of an app come before every collector has heard of it.
func TestAWebhookOfAnAppThatWasConnectedAMomentAgo(t *testing.T) {
	body := `{"app_id":"new","topic":"conversation.user.created"}`
	p := start(t, nil)
	if got := p.do(t, "POST", "/hooks/intercom/uninstall", body); got.status != 200 || p.routes.fresh.Load() {
		t.Errorf("what is not signed gets %d, and has the settings asked: %t", got.status, p.routes.fresh.Load())
	}
	p.routes.away = errors.New("the settings are away")
	if got := p.do(t, "POST", "/hooks/intercom", body, "X-Hub-Signature", signed(body)); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("while the settings are away: %d %s", got.status, got.body)
	}
	if p.count(t, "sourceloop_collect_webhooks_total", "failed") != 1 {
		t.Error("not counted as failed")
	}
	p.routes.away = nil
	if got := p.do(t, "POST", "/hooks/intercom", body, "X-Hub-Signature", signed(body)); got.status != 200 || len(p.log.topics[schema.TopicWebhooks]) != 1 {
		t.Errorf("%d %s, and %d records", got.status, got.body, len(p.log.topics[schema.TopicWebhooks]))
	}
}
