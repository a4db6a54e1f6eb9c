package collect_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/collect"
	"sourceloop/schema"
)

const publicURL = "https://sl.example"

// hubspotSigned is a delivery's headers as HubSpot makes them for an address.
func hubspotSigned(address, body string, ms int64) []string {
	timestamp := strconv.FormatInt(ms, 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("POST" + address + body + timestamp))
	return []string{
		"X-HubSpot-Signature-v3", base64.StdEncoding.EncodeToString(mac.Sum(nil)), "X-HubSpot-Request-Timestamp", timestamp,
	}
}

func event(portal int, more string) string {
	return fmt.Sprintf(`{"eventId":100,"portalId":%d,"appId":1,"subscriptionType":"conversation.newMessage","objectId":9%s}`, portal, more)
}

func TestHubSpotWebhooks(t *testing.T) {
	const minute = 60_000
	one := "[" + event(4242, "") + "]"
	here := publicURL + "/hooks/hubspot"
	good := hubspotSigned(here, one, clock)
	swap := func(headers []string, name, value string) []string {
		headers = append([]string(nil), headers...)
		for i := 0; i < len(headers); i += 2 {
			if headers[i] == name {
				headers[i+1] = value
			}
		}
		return headers
	}
	stranger := "[" + event(1, "") + "]"
	for _, test := range []struct {
		name, path, body string
		headers          []string
		status           int
		topic            string // where it is kept, or ""
		records          int
		outcome          string
	}{
		{"signed", "", one, good, 200, schema.TopicWebhooks, 1, "accepted"},
		{"with a query", "?x=a%3Ab%20c", one, hubspotSigned(here+"?x=a:b%20c", one, clock), 200, schema.TopicWebhooks, 1, "accepted"},
		{"a query that was not decoded", "?x=a%3Ab", one, hubspotSigned(here+"?x=a%3Ab", one, clock), 401, "", 0, "unsigned"},
		{"almost five minutes old", "", one, hubspotSigned(here, one, clock-5*minute), 200, schema.TopicWebhooks, 1, "accepted"},
		{"older than five minutes", "", one, hubspotSigned(here, one, clock-5*minute-1), 401, "", 0, "unsigned"},
		{"from the future", "", one, hubspotSigned(here, one, clock+6*minute), 401, "", 0, "unsigned"},
		{"a time that was not signed", "", one, swap(good, "X-HubSpot-Request-Timestamp", strconv.Itoa(clock+1)), 401, "", 0, "unsigned"},
		{"no time", "", one, good[:2], 401, "", 0, "unsigned"},
		{"a time with a sign", "", one, swap(good, "X-HubSpot-Request-Timestamp", "+"+strconv.Itoa(clock)), 401, "", 0, "unsigned"},
		{"no signature", "", one, good[2:], 401, "", 0, "unsigned"},
		{"another body's signature", "", one + " ", good, 401, "", 0, "unsigned"},
		{"another address's signature", "", one, hubspotSigned("https://other.example/hooks/hubspot", one, clock), 401, "", 0, "unsigned"},
		{"v1 only", "", one, []string{"X-HubSpot-Signature", strings.Repeat("0", 64), "X-HubSpot-Signature-Version", "v1"}, 401, "", 0, "unsigned"},
		{"unknown account", "", stranger, hubspotSigned(here, stranger, clock), 200, "", 0, "discarded"},
		{"no events", "", "[]", hubspotSigned(here, "[]", clock), 200, "", 0, "ping"},
		{"no array", "", `{"portalId":4242}`, hubspotSigned(here, `{"portalId":4242}`, clock), 200, schema.TopicDead, 1, "malformed"},
		{"no UTF-8", "", "[\"\xff\"]", hubspotSigned(here, "[\"\xff\"]", clock), 200, schema.TopicDead, 1, "malformed"},
		{"no portalId", "", `[{"objectId":1}]`, hubspotSigned(here, `[{"objectId":1}]`, clock), 200, schema.TopicDead, 1, "malformed"},
		{"a portalId that is no number", "", `[{"portalId":"../1"}]`, hubspotSigned(here, `[{"portalId":"../1"}]`, clock), 200, schema.TopicDead, 1, "malformed"},
		{"too large", "", strings.Repeat("x", 1<<20+1), nil, 413, "", 0, "too_large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, nil)
			got := p.do(t, "POST", "/hooks/hubspot"+test.path, test.body, test.headers...)
			if got.status != test.status {
				t.Fatalf("%d %s", got.status, got.body)
			}
			for topic, values := range p.log.topics {
				if topic != test.topic || len(values) != test.records {
					t.Errorf("%d records in %s", len(values), topic)
				}
			}
			if len(p.log.topics[test.topic]) != test.records {
				t.Errorf("%d records in %s", len(p.log.topics[test.topic]), test.topic)
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

// TestHubSpotSignatureAgainstAnother holds the signature to one that was made
// by other means: HMAC-SHA256 of method, decoded URL, body and time.
func TestHubSpotSignatureAgainstAnother(t *testing.T) {
	const body = `[{"portalId":4242,"subscriptionType":"conversation.creation","objectId":1}]`
	hooks := collect.NewHubSpotHooks("client secret", publicURL+"/", func() time.Time { return time.UnixMilli(clock) })
	r := httptest.NewRequest(http.MethodPost, "/hooks/hubspot?x=a%3Ab%20c", strings.NewReader(body))
	r.Header.Set("X-HubSpot-Request-Timestamp", strconv.Itoa(clock))
	r.Header.Set("X-HubSpot-Signature-v3", "0U/ZFtYFd/dX19yiYP+3q7I8sJhZ92g/WPQTPOiRjOo=")
	if !hooks.Genuine(r, []byte(body)) {
		t.Error("it is refused")
	}
	if hooks.Genuine(r, []byte(body+"\n")) || collect.NewHubSpotHooks("", publicURL, time.Now).Genuine(r, []byte(body)) {
		t.Error("another body, or nobody's secret, is taken")
	}
}

// TestHubSpotUnderAnotherName: who knows the secret signed the name that they
// called, so that it may be another of ours.
func TestHubSpotUnderAnotherName(t *testing.T) {
	p := start(t, nil)
	body := "[" + event(4242, "") + "]"
	if got := p.do(t, "POST", "/hooks/hubspot", body, hubspotSigned(p.url+"/hooks/hubspot", body, clock)...); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestHubSpotEventsGoToTheirAccounts: each byte for byte, in their order, those
// of strangers dropped, and never more than a hundred together.
func TestHubSpotEventsGoToTheirAccounts(t *testing.T) {
	p := start(t, nil)
	var events []string
	for i := range 150 {
		events = append(events, event([]int{4242, 4242, 1}[i%3], fmt.Sprintf(`,"propertyValue":"%d" `, i)))
	}
	events = append(events, event(4343, ` , "n":1.0`))
	body := "[" + strings.Join(events, " ,\n") + "]"
	if got := p.do(t, "POST", "/hooks/hubspot", body, hubspotSigned(publicURL+"/hooks/hubspot", body, clock)...); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	var apps []string
	var kept []string
	for i, value := range p.log.topics[schema.TopicWebhooks] {
		var record schema.WebhookRecord
		if err := proto.Unmarshal(value, &record); err != nil {
			t.Fatal(err)
		}
		apps = append(apps, record.GetApp())
		if p.log.keys[schema.TopicWebhooks][i] != "hubspot/"+record.GetApp() || record.GetProvider() != "hubspot" || record.GetWorkspace() != 7 {
			t.Errorf("%v under %s", &record, p.log.keys[schema.TopicWebhooks][i])
		}
		var list []json.RawMessage
		if err := json.Unmarshal(record.GetBody(), &list); err != nil || len(list) > 100 {
			t.Fatalf("%d events, %v", len(list), err)
		}
		for _, e := range list {
			kept = append(kept, string(e))
		}
	}
	if got := strings.Join(apps, " "); got != "4242 4343" || len(kept) != 101 || kept[0] != events[0] || kept[1] != events[1] || kept[2] != events[3] || kept[100] != events[150] {
		t.Errorf("%s, %d events: %q", got, len(kept), kept[:3])
	}

	many := "[" + strings.Repeat(event(4242, "")+",", 100) + event(4242, "") + "]"
	p.forget()
	if got := p.do(t, "POST", "/hooks/hubspot", many, hubspotSigned(publicURL+"/hooks/hubspot", many, clock)...); got.status != 200 || len(p.log.topics[schema.TopicWebhooks]) != 2 {
		t.Errorf("%d, %d records of 101 events", got.status, len(p.log.topics[schema.TopicWebhooks]))
	}
}

// FuzzHubSpot: a signed body is kept under the accounts that it names, whole,
// or set aside; what is kept resolves or is set aside; an unsigned one leaves
// nothing.
func FuzzHubSpot(f *testing.F) {
	f.Add("["+event(4242, "")+"]", "", "0", "")
	f.Add("["+event(4242, "")+","+event(4343, "")+","+event(1, "")+"]", "AAAA", "1764000000000", "?a=%3A%")
	f.Add(`[{"portalId":4242,"subscriptionType":"contact.merge","objectId":"1","mergedObjectIds":[1,null,"2"],"newObjectId":3}]`, "=", "-1", "?%2")
	f.Add(`[{"portalId":4242,"eventType":"contact.propertyChange","propertyName":"email","objectId":1e9,"occurredAt":99999999999999999}]`, "", "9e9", "")
	f.Add(`[{"portalId":1e3}]`, "", "", "")
	f.Add("\xff", "\x00", "\x00", "?\x7f")
	p := start(f, unlimited)
	f.Fuzz(func(t *testing.T, body, signature, timestamp, query string) {
		p.forget()
		headers := hubspotSigned(publicURL+"/hooks/hubspot", body, clock)
		if w := p.serve("/hooks/hubspot", body, headers...); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for _, letter := range p.log.dead(t) {
			if string(letter.GetValue()) != body {
				t.Errorf("set aside as %q", letter.GetValue())
			}
		}
		for _, value := range p.log.topics[schema.TopicWebhooks] {
			settles(t, value)
		}
		p.forget()
		r := httptest.NewRequest(http.MethodPost, "/hooks/hubspot", strings.NewReader(body))
		r.URL.RawQuery = strings.TrimPrefix(query, "?")
		r.Header.Set("X-HubSpot-Signature-v3", signature)
		r.Header.Set("X-HubSpot-Request-Timestamp", timestamp)
		w := httptest.NewRecorder()
		p.server.ServeHTTP(w, r)
		if w.Code != 401 || len(p.log.topics) > 0 {
			t.Errorf("signed %q: %d, %d topics", signature, w.Code, len(p.log.topics))
		}
	})
}

// settles resolves what was kept, before a provider that refuses everything.
func settles(t *testing.T, value []byte) {
	t.Helper()
	record := &schema.WebhookRecord{}
	if err := proto.Unmarshal(value, record); err != nil || record.GetApp() != "4242" && record.GetApp() != "4343" {
		t.Fatalf("kept %q, %v", value, err)
	}
	result, err := hubspotResolver(t).Resolve(t.Context(), record)
	if err != nil && schema.KindOf(err) != schema.KindInvalid {
		t.Errorf("resolving is stuck: %v", err)
	}
	if err == nil && result.Outcome == "" {
		t.Error("no outcome")
	}
}
