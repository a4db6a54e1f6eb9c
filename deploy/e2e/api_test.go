package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// account speaks to the product as one workspace's programs and sites do.
type account struct {
	url, key, siteKey string
	conversion        string // the id of one, where the test made it
}

// reply is an HTTP answer, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send makes one request. A body that is no string is sent as JSON.
func send(t testing.TB, method, address string, body any, headers ...string) reply {
	t.Helper()
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(text)
		headers = append([]string{"Content-Type", "application/json"}, headers...)
	}
	request, err := http.NewRequestWithContext(within(t), method, address, content)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, text}
}

// ask sends a request with the account's key.
func (a *account) ask(t testing.TB, method, path string, body any) reply {
	t.Helper()
	return send(t, method, a.url+path, body, "Authorization", "Bearer "+a.key)
}

// get reads an answer of the API into a value of type T.
func get[T any](t testing.TB, a *account, path string) T {
	t.Helper()
	return decode[T](t, path, a.ask(t, http.MethodGet, path, nil))
}

func decode[T any](t testing.TB, what string, r reply) T {
	t.Helper()
	var value T
	if r.status >= http.StatusBadRequest {
		t.Fatalf("%s: %d %s", what, r.status, r.body)
	}
	if err := json.Unmarshal(r.body, &value); err != nil {
		t.Fatalf("%s: %v: %s", what, err, r.body)
	}
	return value
}

// The shapes that outside programs rely on.
type (
	touch struct {
		Channel, Source, Medium, Campaign, Content, Term, Referrer, Rule string
		LandingPage                                                      string `json:"landing_page"`
		At                                                               time.Time
	}
	conversation struct {
		Provider, ID, URL, Message, State string
		At                                time.Time
	}
	evidence struct {
		Node, Method, Evidence string
		Verified               bool
		At                     time.Time
	}
	contact struct {
		ID, Email, Phone, Name, Stage, Device, Country, Browser string
		CreatedAt                                               time.Time  `json:"created_at"`
		ConvertedAt                                             *time.Time `json:"converted_at"`
		FirstTouch                                              touch      `json:"first_touch"`
		LastTouch                                               touch      `json:"last_touch"`
		ReferrerChain                                           []string   `json:"referrer_chain"`
		PagesBefore                                             int        `json:"pages_before"`
		SecondsOnSite                                           float64    `json:"seconds_on_site"`
		ReturnVisits                                            int        `json:"return_visits"`
		Conversations                                           []conversation
		Evidence                                                []evidence
		Emails                                                  []string
	}
	contactList struct {
		Items []contact
		Next  string
	}
	journeyItem struct {
		At                     time.Time
		Type, URL, Title, Name string
		ClickID                string `json:"click_id"`
		Conversation           string
	}
	journeySession struct {
		touch
		ID, Visitor, Reason, Device, Country, Browser string
		StartedAt                                     time.Time `json:"started_at"`
		EndedAt                                       time.Time `json:"ended_at"`
		Items                                         []journeyItem
	}
	journey struct{ Sessions []journeySession }

	attributionRow struct {
		Key                          string
		Conversions, Value, Sessions float64
	}
	attribution struct {
		Rows              []attributionRow
		Attributed, Total float64
	}
	funnelStep struct {
		Entered, Converted int
		MedianSeconds      *float64 `json:"median_seconds"`
	}
	funnelRow struct {
		Key   string
		Steps []funnelStep
	}
	funnelReport struct {
		Steps     []funnelStep
		Breakdown []funnelRow
	}
	card struct {
		Provider, State string
		WorkspaceName   string     `json:"workspace_name"`
		LastError       string     `json:"last_error"`
		LastEventAt     *time.Time `json:"last_event_at"`
	}
)

// row finds a row by its key; a missing one is all zeros.
func (a attribution) row(key string) attributionRow {
	for _, r := range a.Rows {
		if r.Key == key {
			return r
		}
	}
	return attributionRow{}
}

func (f funnelReport) row(key string) []funnelStep {
	for _, r := range f.Breakdown {
		if r.Key == key {
			return r.Steps
		}
	}
	return nil
}

// search lists the contacts that a text finds.
func (a *account) search(t testing.TB, text string) []contact {
	t.Helper()
	return get[contactList](t, a, "/api/v1/contacts?q="+url.QueryEscape(text)).Items
}

// awaitContact waits until a search finds a contact that is as it should be,
// and returns it.
func (a *account) awaitContact(t testing.TB, text string, ready func(contact) bool) contact {
	t.Helper()
	var found contact
	until(t, "the contact "+text, func() (bool, string) {
		list := a.search(t, text)
		if len(list) == 1 {
			found = list[0]
			return ready(found), fmt.Sprintf("%+v", found)
		}
		return false, fmt.Sprintf("%d contacts", len(list))
	})
	return found
}

// converted: the conversation counts, and its visitor's sessions are there.
func converted(c contact) bool { return c.ConvertedAt != nil && len(c.Conversations) > 0 }

// funnel asks for the two steps from any page to the conversation.
func (a *account) funnel(t testing.TB, scope, breakdown string, days ...string) funnelReport {
	t.Helper()
	query := map[string]any{
		"steps": []map[string]any{
			{"type": "pageview", "operator": "starts_with", "value": "/"},
			{"type": "conversion", "name": "intercom_conversation"},
		},
		"scope": scope, "order": "sequential", "window": "336h",
	}
	if breakdown != "" {
		query["breakdown"] = breakdown
	}
	if len(days) == 2 {
		query["from"], query["to"] = days[0], days[1]
	}
	return decode[funnelReport](t, "funnel", a.ask(t, http.MethodPost, "/api/v1/funnels/query", query))
}

// hit is one item for the collector; other fields are added by name.
type hit map[string]any

func pageview(visitor string, at time.Time, address, referrer string) hit {
	return hit{
		"id": newHitID(at), "visitor": visitor, "at": at.UnixMilli(), "type": "pageview", "url": address, "referrer": referrer,
		"title": "A page", "user_agent": chromeOnMac, "tz": "Europe/Oslo",
	}
}

const chromeOnMac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"

type verdict struct {
	Index  int
	ID     string
	Reason string
}

type receipt struct {
	Accepted int
	Refused  []verdict
}

// collect sends hits, and fails unless all are accepted.
func (a *account) collect(t testing.TB, hits ...hit) {
	t.Helper()
	r := send(t, http.MethodPost, a.url+"/sl/hits?key="+a.siteKey, hits)
	got := decode[receipt](t, "hits", r)
	if r.status != http.StatusAccepted || got.Accepted != len(hits) {
		t.Fatalf("hits: %d %s", r.status, r.body)
	}
}

// awaitSessions waits until reports count so many sessions of a landing page.
func (a *account) awaitSessions(t testing.TB, landing string, sessions int, days string) {
	t.Helper()
	path := "/api/v1/attribution?dimension=landing_page" + days
	until(t, fmt.Sprintf("%d sessions at %s", sessions, landing), func() (bool, string) {
		got := get[attribution](t, a, path)
		return int(got.row(landing).Sessions) == sessions, fmt.Sprintf("%+v", got)
	})
}

// chatAnswer is what a chat became in Intercom.
type chatAnswer struct {
	ContactID      string `json:"contact_id"`
	ConversationID string `json:"conversation_id"`
}

// chat chats without a browser, and returns when the webhooks were answered.
func (d *demo) chat(t testing.TB, fields map[string]any) chatAnswer {
	t.Helper()
	return decode[chatAnswer](t, "chat", send(t, http.MethodPost, d.file.IntercomURL+"/standin/chat", fields))
}

func (d *demo) fault(t testing.TB, kind string, times int) {
	t.Helper()
	r := send(t, http.MethodPost, d.file.IntercomURL+"/standin/fault", map[string]any{"kind": kind, "times": times})
	if r.status != http.StatusOK {
		t.Fatalf("fault %s: %d %s", kind, r.status, r.body)
	}
}

// standinRequest is what the stand-in was asked.
type standinRequest struct {
	Method, Path string
	Status       int
	Body         json.RawMessage
	Write        bool
}

func (d *demo) requests(t testing.TB) []standinRequest {
	t.Helper()
	r := send(t, http.MethodGet, d.file.IntercomURL+"/standin/requests", nil)
	return decode[struct{ Requests []standinRequest }](t, "requests", r).Requests
}

// sentWebhook is a notification of the stand-in and what became of it.
type sentWebhook struct {
	Seq                       int
	ID, Topic, State, Outcome string
	Attempts                  int
}

func (d *demo) webhooks(t testing.TB) []sentWebhook {
	t.Helper()
	r := send(t, http.MethodGet, d.file.IntercomURL+"/standin/webhooks", nil)
	return decode[struct{ Webhooks []sentWebhook }](t, "webhooks", r).Webhooks
}

// newHitID makes a UUIDv7 as the tracker does.
func newHitID(at time.Time) string {
	id := fmt.Sprintf("%012x7%s", at.UnixMilli(), randomHex(3)) + "8" + randomHex(15)
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:32]
}

// equal fails when a value is not what it should be.
func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, not %v", what, got, want)
	}
}
