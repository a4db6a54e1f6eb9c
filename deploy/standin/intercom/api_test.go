package intercom

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestDataAttributes(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	id := b.attribute()
	list := b.api("GET", "/data_attributes?model=contact&include_archived=true", nil)
	if !hasAttribute(list, "sourceloop_id") || hasAttribute(list, "company_id") {
		t.Fatalf("the list is %v", list.body)
	}
	for _, test := range []struct {
		name          string
		body          any
		status        int
		code, message string
		version       string
	}{
		{"twice", `{"name":"sourceloop_id","model":"contact","data_type":"string"}`, 400, "parameter_invalid",
			"You already have 'sourceloop_id' in your people data. To save this as new people data, use a different name.", "2.16"},
		{"bad name", `{"name":"!nv@l!d n@me","model":"company","data_type":"string"}`, 400, "parameter_invalid",
			"Your name for this attribute must only contain alphanumeric characters, currency symbols, and hyphens", "2.16"},
		{"dot in name", `{"name":"a.b","model":"contact","data_type":"string"}`, 400, "parameter_invalid",
			"Your name for this attribute must only contain alphanumeric characters, currency symbols, and hyphens", "2.16"},
		{"bad type", `{"name":"Ring","model":"company","data_type":"mithril"}`, 400, "parameter_invalid", "Data Type isn't an option", "2.16"},
		{"no model", `{"description":"x","options":[{"value":"1"}]}`, 400, "parameter_invalid",
			"The Data Attribute model field must be either contact or company", "2.16"},
		{"one option", `{"name":"Ring","model":"company","data_type":"options","options":[{"value":"1"}]}`, 400, "parameter_invalid", "", "2.16"},
		{"not JSON", `{`, 400, "parameter_invalid", "", "2.16"},
		{"against the description", `{"name":"Ring","model":"company","data_type":"string","messenger_writable":"yes"}`, 400, "parameter_invalid", "", "2.16"},
		{"list", `{"name":"Size","model":"company","data_type":"options","options":[{"value":"1"},{"value":"2"}]}`, 200, "", "", "2.16"},
		{"datetime", `{"name":"Seen","model":"contact","data_type":"datetime"}`, 200, "", "", "2.16"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := b.api("POST", "/data_attributes", test.body, "Intercom-Version", test.version)
			if r.status != test.status || r.code() != test.code && test.code != "" {
				t.Fatalf("%d %v", r.status, r.body)
			}
			if test.message != "" && r.message() != test.message {
				t.Errorf("the message is %q", r.message())
			}
		})
	}
	updated := b.api("PUT", "/data_attributes/"+num(id), `{"archived":true}`)
	if updated.at("archived") != true || updated.at("messenger_writable") != true || updated.at("full_name") != "custom_attributes.sourceloop_id" {
		t.Fatalf("archived: %v", updated.body)
	}
	if hasAttribute(b.api("GET", "/data_attributes", nil), "sourceloop_id") {
		t.Error("an archived attribute is listed without being asked for")
	}
	if r := b.api("PUT", "/data_attributes/999999", `{"archived":false}`); r.status != 404 || r.code() != "field_not_found" {
		t.Errorf("an unknown attribute: %d %v", r.status, r.body)
	}
	if r := b.api("PUT", "/data_attributes/"+num(id), `{"options":{"value":"1-10"}}`); r.status != 400 || r.message() != "Options isn't an array" {
		t.Errorf("bad options: %d %v", r.status, r.body)
	}
	if r := b.api("PUT", "/data_attributes/"+num(id), `{"options":[{"value":"1"},{"value":"2"}]}`); r.status != 200 {
		t.Errorf("options, which match both branches of the description: %d %v", r.status, r.body)
	}
	if r := b.api("GET", "/data_attributes?model=conversation", nil); r.status != 422 || r.code() != "parameter_invalid" {
		t.Errorf("model=conversation: %d %v", r.status, r.body)
	}
}

func num(n int) string { return strconv.Itoa(n) }

func hasAttribute(r reply, name string) bool {
	list, _ := r.body["data"].([]any)
	for _, a := range list {
		if dig(a, "name") == name {
			return true
		}
	}
	return false
}

func TestMessengerWritableDefaultTurnedWith211(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	for version, want := range map[string]bool{"2.10": true, "2.11": false, "2.16": false} {
		r := b.api("POST", "/data_attributes", map[string]any{
			"name": "by " + strings.ReplaceAll(version, ".", "-"), "model": "contact", "data_type": "string",
		}, "Intercom-Version", version)
		if r.status != http.StatusOK || r.at("messenger_writable") != want {
			t.Errorf("%s: %d %v", version, r.status, r.body)
		}
	}
}

func TestAttributesAreLimitedTo250InUse(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	id := b.attribute()
	for i := 1; i < maxAttributes; i++ {
		if r := b.api("POST", "/data_attributes", map[string]any{"name": "a" + num(i), "model": "contact", "data_type": "string"}); r.status != 200 {
			t.Fatalf("attribute %d: %v", i, r.body)
		}
	}
	one := map[string]any{"name": "one more", "model": "contact", "data_type": "string"}
	if r := b.api("POST", "/data_attributes", one); r.status != 400 {
		t.Fatalf("past the limit: %d", r.status)
	}
	b.api("PUT", "/data_attributes/"+num(id), `{"archived":true}`)
	if r := b.api("POST", "/data_attributes", one); r.status != 200 {
		t.Fatalf("after archiving one: %v", r.body)
	}
}

func TestContactAndConversation(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.attribute()
	at := time.Date(2026, 11, 20, 10, 11, 12, 987e6, time.UTC)
	contactID, conversationID := b.chat(map[string]any{
		"id": "chat-1", "at": at.UnixMilli(), "email": "joe@example.com", "name": "Joe", "phone": "+3531234567",
		"message": "<b>Hello</b> there", "page": "https://shop.example/pricing?utm_source=test&utm_medium=verify",
		"sourceloop_id": "visitor-1",
	})
	c := b.api("GET", "/contacts/"+contactID, nil)
	for path, want := range map[string]any{
		"role": "lead", "email": "joe@example.com", "name": "Joe", "phone": "+3531234567", "created_at": float64(at.Unix()),
		"custom_attributes.sourceloop_id": "visitor-1", "utm_source": "test", "utm_medium": "verify", "utm_term": nil,
		"external_id": nil, "workspace_id": "abc123",
	} {
		if got := c.at(path); got != want {
			t.Errorf("contact %s is %v, want %v", path, got, want)
		}
	}
	v := b.api("GET", "/conversations/"+conversationID, nil)
	for path, want := range map[string]any{
		"id": conversationID, "created_at": float64(at.Unix()), "state": "open",
		"source.body": "<p>&lt;b&gt;Hello&lt;/b&gt; there</p>", "source.delivered_as": "customer_initiated",
		"source.url":         "https://shop.example/pricing?utm_source=test&utm_medium=verify",
		"source.author.type": "lead", "source.author.id": contactID, "source.author.email": "joe@example.com",
		"contacts.type": "contact.list", "contacts.contacts.0.id": contactID, "contacts.contacts.0.email": nil,
		"first_contact_reply.url":        "https://shop.example/pricing?utm_source=test&utm_medium=verify",
		"conversation_parts.total_count": float64(0),
	} {
		if got := v.at(path); got != want {
			t.Errorf("conversation %s is %v, want %v", path, got, want)
		}
	}
	plain := b.api("GET", "/conversations/"+conversationID+"?display_as=plaintext", nil)
	if got := plain.at("source.body"); got != "<b>Hello</b> there" {
		t.Errorf("plain text: %v", got)
	}
	if r := b.api("GET", "/contacts/none", nil); r.status != 404 || r.code() != "not_found" {
		t.Errorf("an unknown contact: %d %v", r.status, r.body)
	}
	if r := b.api("GET", "/conversations/1", nil); r.status != 404 || r.code() != "not_found" {
		t.Errorf("an unknown conversation: %d %v", r.status, r.body)
	}
	if r := b.api("GET", "/conversations/abc", nil); r.status != 400 {
		t.Errorf("a conversation id that is no number: %d", r.status)
	}
}

func TestSearch(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.attribute()
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	_, first := b.chat(map[string]any{"id": "1", "at": noon.UnixMilli(), "email": "ann@example.com", "sourceloop_id": "v1", "page": "https://a.example/x"})
	b.chat(map[string]any{"id": "2", "at": noon.Add(24 * time.Hour).UnixMilli(), "email": "bob@example.org", "sourceloop_id": "v2"})
	b.chat(map[string]any{"id": "3", "at": noon.Add(48 * time.Hour).UnixMilli(), "name": "Cid"})

	one := func(field, operator string, value any) any {
		return map[string]any{"field": field, "operator": operator, "value": value}
	}
	both := func(operator string, filters ...any) any {
		return map[string]any{"operator": operator, "value": filters}
	}
	for _, test := range []struct {
		name  string
		query any
		want  string // The emails, newest first.
	}{
		{"by visitor", one("custom_attributes.sourceloop_id", "=", "v1"), "ann@example.com"},
		{"by email, in any case", one("email", "=", "ANN@example.com"), "ann@example.com"},
		{"contains", one("email", "~", "example"), "bob@example.org ann@example.com"},
		{"ends with", one("email", "$", ".org"), "bob@example.org"},
		{"one of", one("email", "IN", []string{"ann@example.com", "bob@example.org"}), "bob@example.org ann@example.com"},
		{"the whole day", one("created_at", "=", noon.Add(-11*time.Hour).Unix()), "ann@example.com"},
		{"after that day", one("created_at", ">", noon.Add(-11*time.Hour).Unix()), " bob@example.org"},
		{"before the day", one("created_at", "<", noon.Add(30*time.Hour).Unix()), "ann@example.com"},
		{"and", both("AND", one("email", "~", "example"), one("email", "!~", "ann")), "bob@example.org"},
		{"nested", both("AND", both("OR", one("email", "^", "ann"), one("email", "^", "bob")), both("OR", one("role", "=", "lead"), one("role", "=", "user"))), "bob@example.org ann@example.com"},
		{"no email", one("email", "!~", "@"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := b.api("POST", "/contacts/search", map[string]any{"query": test.query})
			if r.status != 200 {
				t.Fatalf("%d %v", r.status, r.body)
			}
			var emails []string
			for _, c := range r.body["data"].([]any) {
				emails = append(emails, dig(c, "email").(string))
			}
			if got := strings.Join(emails, " "); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
	for name, body := range map[string]any{
		"bad sort order":     map[string]any{"query": one("role", "=", "lead"), "sort": map[string]any{"field": "created_at", "order": "desc"}},
		"unknown field":      map[string]any{"query": one("shoe_size", "=", "44")},
		"operator on a date": map[string]any{"query": one("created_at", ">=", noon.Unix())},
		"a date in words":    map[string]any{"query": one("created_at", ">", "yesterday")},
		"three levels":       map[string]any{"query": both("AND", both("AND", both("AND", one("role", "=", "lead"))))},
		"no query":           map[string]any{},
		"a forged cursor":    map[string]any{"query": one("role", "=", "lead"), "pagination": map[string]any{"starting_after": "zzz"}},
	} {
		if r := b.api("POST", "/contacts/search", body); r.status != 400 || name == "bad sort order" && r.code() != "invalid_sort_order" {
			t.Errorf("%s: %d %v", name, r.status, r.body)
		}
	}
	r := b.api("POST", "/conversations/search", map[string]any{"query": one("source.url", "=", "https://a.example/x")})
	if r.at("conversations.0.id") != first || r.at("total_count") != float64(1) {
		t.Errorf("conversations: %v", r.body)
	}
}

func TestPagesFollowEachOther(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	for range 5 {
		b.chat(map[string]any{})
	}
	seen, cursor := map[any]bool{}, any(nil)
	for pages := 1; ; pages++ {
		pagination := map[string]any{"per_page": 2}
		if cursor != nil {
			pagination["starting_after"] = cursor
		}
		r := b.api("POST", "/conversations/search", map[string]any{
			"query": map[string]any{"field": "state", "operator": "=", "value": "open"}, "pagination": pagination,
		})
		for _, v := range r.body["conversations"].([]any) {
			seen[dig(v, "id")] = true
		}
		if cursor = r.at("pages.next.starting_after"); cursor == nil {
			if pages != 3 || len(seen) != 5 || r.at("pages.total_pages") != float64(3) {
				t.Fatalf("%d pages, %d conversations, %v", pages, len(seen), r.at("pages"))
			}
			return
		}
	}
}

func TestMergedContactsAreGoneWithALink(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.fault("merge", 1)
	lead, conversation := b.chat(map[string]any{"id": "1", "email": "joe@example.com"})
	if got := b.product.topics(); got != "contact.lead.created conversation.user.created contact.user.created contact.merged" {
		t.Errorf("topics: %s", got)
	}
	first := b.gone(t, lead)
	b.fault("merge", 1)
	b.chat(map[string]any{"id": "2", "contact_id": lead, "message": "again"})
	second := b.gone(t, lead) // Two hops, resolved.
	if first == second || b.gone(t, first) != second {
		t.Errorf("the chain is %s, %s, %s", lead, first, second)
	}
	if got := b.api("GET", "/contacts/"+second, nil).at("email"); got != "joe@example.com" {
		t.Errorf("the surviving email is %v", got)
	}
	if got := b.api("GET", "/conversations/"+conversation, nil).at("contacts.contacts.0.id"); got != second {
		t.Errorf("the conversation belongs to %v", got)
	}
	if r := b.api("GET", "/contacts/"+lead, nil, "Intercom-Version", "2.15"); r.status != 404 {
		t.Errorf("before 2.16: %d", r.status)
	}
	r := b.api("POST", "/contacts/search", `{"query":{"field":"email","operator":"=","value":"joe@example.com"}}`)
	if r.at("total_count") != float64(1) || r.at("data.0.id") != second {
		t.Errorf("a search finds %v", r.body)
	}
	history := b.api("GET", "/contacts/"+second+"?include_merge_history=true", nil)
	if history.at("merge_history.0.source_contact_id") != first {
		t.Errorf("the history is %v", history.at("merge_history"))
	}
}

// gone expects 410 and returns the canonical contact.
func (b *bench) gone(t *testing.T, id string) string {
	t.Helper()
	r := b.api("GET", "/contacts/"+id, nil)
	link := r.header.Get("Link")
	to, found := strings.CutPrefix(link, "</contacts/")
	to, ended := strings.CutSuffix(to, `>; rel="canonical"`)
	if r.status != http.StatusGone || r.code() != "contact_merged" || !found || !ended {
		t.Fatalf("contact %s: %d %v, link %q", id, r.status, r.body, link)
	}
	return to
}

func TestFaultsOfTheAPI(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	_, conversation := b.chat(map[string]any{})
	b.fault("429", 1)
	if r := b.api("GET", "/me", nil); r.status != 429 || r.code() != "rate_limit_exceeded" || r.header.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("429: %d %v %v", r.status, r.body, r.header)
	}
	b.fault("500", 2)
	for range 2 {
		if r := b.api("GET", "/me", nil); r.status != 500 {
			t.Errorf("500: %d", r.status)
		}
	}
	b.fault("plan_restricted", 1)
	if r := b.api("GET", "/me", nil); r.status != 200 {
		t.Errorf("/me under plan_restricted: %d", r.status)
	}
	if r := b.api("GET", "/conversations/"+conversation, nil); r.status != 403 || r.code() != "api_plan_restricted" {
		t.Errorf("plan_restricted: %d %v", r.status, r.body)
	}
	if r := b.api("GET", "/conversations/"+conversation, nil); r.status != 200 {
		t.Errorf("afterwards: %d", r.status)
	}
	b.fault("slow", 1, 120)
	began := time.Now()
	if r := b.api("GET", "/me", nil); r.status != 200 || time.Since(began) < 120*time.Millisecond {
		t.Errorf("slow: %d after %v", r.status, time.Since(began))
	}
	b.fault("slow", 5, 60_000)
	b.fault("slow", 0)
	if r := b.api("GET", "/me", nil); r.status != 200 {
		t.Errorf("after ending a fault: %d", r.status)
	}
	if status, got := b.post("/standin/fault", map[string]any{"kind": "flood"}); status != 400 || !strings.Contains(got["error"].(string), "bad_signature") {
		t.Errorf("an unknown fault: %d %v", status, got)
	}
}

func TestRevokeTellsTheProduct(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.fault("revoke", 1)
	if r := b.api("GET", "/me", nil); r.status != 401 {
		t.Errorf("/me: %d", r.status)
	}
	b.product.mu.Lock()
	defer b.product.mu.Unlock()
	if len(b.product.uninstalls) != 1 || b.product.uninstalls[0] != `{"app_id":"abc123"}` {
		t.Errorf("uninstall notices: %v", b.product.uninstalls)
	}
}

func TestRateLimit(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.RequestsPerMinute = 12
		c.Now = func() time.Time { return time.Unix(1_800_000_003, 0) }
	})
	b.connect()
	for i, want := range []int{200, 200, 429} {
		r := b.api("GET", "/me", nil)
		if r.status != want || r.header.Get("X-RateLimit-Reset") != "1800000010" {
			t.Errorf("request %d: %d %v", i, r.status, r.header)
		}
	}
}

func TestRequestLog(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.attribute()
	b.api("POST", "/contacts/search", `{"query":{"field":"role","operator":"=","value":"lead"}}`)
	b.api("DELETE", "/contacts/abc", nil)
	b.api("POST", "/auth/uninstall", nil)
	var lines []string
	for _, e := range b.get("/standin/requests")["requests"].([]any) {
		line := dig(e, "method").(string) + " " + dig(e, "path").(string)
		if dig(e, "write") == true {
			line += " (write)"
		}
		lines = append(lines, line)
		if dig(e, "path") == "/auth/eagle/token" && (dig(e, "body.code") != "(hidden)" || dig(e, "body.client_secret") != "(hidden)") {
			t.Errorf("the log holds a secret: %v", e)
		}
	}
	want := "POST /oauth, POST /auth/eagle/token, POST /data_attributes (write), POST /contacts/search, DELETE /contacts/abc (write), POST /auth/uninstall"
	if got := strings.Join(lines, ", "); got != want {
		t.Errorf("the log is\n%s, want\n%s", got, want)
	}
	accepted := b.get("/standin/accepted")
	if writes := accepted["writes"].([]any); len(writes) != 1 || dig(writes[0], "body.name") != "sourceloop_id" {
		t.Errorf("accepted: %v", accepted)
	}
}
