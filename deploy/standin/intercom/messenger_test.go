package intercom

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/standin/chats"
)

// say sends what the Messenger script sends, as it sends it.
func (b *bench) say(path string, fields map[string]any) (int, map[string]any) {
	b.t.Helper()
	body := map[string]any{"app_id": "abc123", "page": "https://shop.example/pricing?utm_source=test"}
	for name, value := range fields {
		body[name] = value
	}
	raw, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.Post(b.http.URL+"/messenger/"+path, "text/plain;charset=UTF-8", strings.NewReader(string(raw)))
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Header.Get("Access-Control-Allow-Origin") != "*" {
		b.t.Errorf("%s has no CORS header", path)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		b.t.Fatalf("%s answered %q", path, text)
	}
	return response.StatusCode, got
}

func TestAVisitorBecomesALeadWithTheFirstMessage(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.attribute()
	_, booted := b.say("boot", map[string]any{"settings": map[string]any{}})
	visitor := fmt.Sprint(booted["visitor_id"])
	b.say("update", map[string]any{"visitor_id": visitor, "settings": map[string]any{"sourceloop_id": "v1", "undefined": "x"}})
	if n := len(b.product.all()); n != 0 {
		t.Errorf("an anonymous visitor was told of: %s", b.product.topics())
	}
	status, said := b.say("message", map[string]any{"visitor_id": visitor, "id": "m1", "text": "Hello"})
	if status != 200 || said["has_email"] != false {
		t.Fatalf("message: %d %v", status, said)
	}
	b.say("message", map[string]any{"visitor_id": visitor, "id": "m1", "text": "Hello"}) // The script retries.
	_, said = b.say("message", map[string]any{"visitor_id": visitor, "id": "m2", "email": " a@example.com "})
	if said["has_email"] != true {
		t.Errorf("email: %v", said)
	}
	list := b.product.await(t, 3)
	topics := map[string]map[string]any{}
	for _, a := range list {
		topics[a.Envelope.Topic] = a.Envelope.Data.Item
	}
	added := topics["contact.lead.added_email"]
	if len(list) != 3 || added["email"] != "a@example.com" || dig(added, "custom_attributes.sourceloop_id") != "v1" ||
		dig(added, "custom_attributes.undefined") != nil {
		t.Errorf("told: %s, the email's is %v", b.product.topics(), added)
	}
	if got := dig(topics["conversation.user.created"], "source.url"); got != "https://shop.example/pricing?utm_source=test" {
		t.Errorf("the conversation began at %v", got)
	}
}

func TestMessengerRefusals(t *testing.T) {
	b := newBench(t, func(c *Config) { c.IdentityVerification = true })
	for name, test := range map[string]struct {
		path   string
		fields map[string]any
		status int
	}{
		"another workspace":  {"boot", map[string]any{"app_id": "other"}, 400},
		"nothing said":       {"message", map[string]any{"text": "  "}, 422},
		"half an email":      {"message", map[string]any{"text": "hi", "email": "joe@"}, 422},
		"only an email":      {"message", map[string]any{"email": "joe@example.com"}, 422},
		"an unsigned user":   {"boot", map[string]any{"settings": map[string]any{"user_id": "7"}}, 400},
		"an anonymous visit": {"boot", map[string]any{"settings": map[string]any{"plan": "x"}}, 200},
	} {
		if status, got := b.say(test.path, test.fields); status != test.status {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
}

func TestALeadWhoSignsIn(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	_, booted := b.say("boot", nil)
	visitor := booted["visitor_id"]
	_, said := b.say("message", map[string]any{"visitor_id": visitor, "text": "hi"})
	lead := fmt.Sprint(said["contact_id"])
	b.say("update", map[string]any{"visitor_id": visitor, "settings": map[string]any{"user_id": "7", "email": "seven@example.com"}})
	if got := b.api("GET", "/contacts/find_by_external_id/7", nil); got.at("id") != lead || got.at("role") != "user" {
		t.Errorf("the user is %v", got.body)
	}
	_, booted = b.say("boot", nil) // Another browser of the same person.
	other := booted["visitor_id"]
	_, said = b.say("message", map[string]any{"visitor_id": other, "text": "me again"})
	second := fmt.Sprint(said["contact_id"])
	b.say("update", map[string]any{"visitor_id": other, "settings": map[string]any{"user_id": "7"}})
	if to := b.gone(t, second); to != lead {
		t.Errorf("the second lead was merged into %s, want %s", to, lead)
	}
	topics := map[string]bool{}
	for _, a := range b.product.await(t, 6) {
		topics[a.Envelope.Topic] = true
	}
	if !topics["contact.lead.signed_up"] || !topics["contact.merged"] {
		t.Errorf("told: %s", b.product.topics())
	}
}

func TestPreflight(t *testing.T) {
	b := newBench(t, nil)
	request, err := http.NewRequest(http.MethodOptions, b.http.URL+"/messenger/boot", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent || response.Header.Get("Access-Control-Allow-Headers") != "Content-Type" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
}

func FuzzChat(f *testing.F) {
	f.Add([]byte(`{"id":"1","at":1700000000000,"email":"a@b.example","attributes":{"x":1}}`))
	f.Add([]byte(`{"at":-1}`))
	f.Add([]byte(`{"sourceloop_id":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := parseChat(body)
		if err != nil {
			return
		}
		if c.At != nil && *c.At < 0 || len(c.ID) > chats.MaxID {
			t.Errorf("taken: %+v", c)
		}
		if c.ContactID == "" && c.Text() == "" {
			t.Error("somebody new says nothing")
		}
	})
}

func FuzzSearch(f *testing.F) {
	f.Add([]byte(`{"query":{"field":"email","operator":"=","value":"a"}}`))
	f.Add([]byte(`{"query":{"operator":"AND","value":[{"field":"created_at","operator":">","value":1}]}}`))
	f.Add([]byte(`{"query":{"field":"custom_attributes.x","operator":"IN","value":["a",1]},"pagination":{"per_page":2}}`))
	s := &Server{location: time.UTC}
	object := contact{ID: "1", Role: roleLead, Email: "a@example.com", Custom: map[string]any{"x": "a"}}.wire("abc123")
	f.Fuzz(func(t *testing.T, body []byte) {
		request, refused := s.parseSearch(body, contactFields(), contactsPerPage)
		if !refused.isZero() {
			return
		}
		request.query.matches(object)
		if request.page.size < 1 || request.page.start < 0 {
			t.Errorf("the page is %+v", request.page)
		}
	})
}

func FuzzVersion(f *testing.F) {
	f.Add("2.16")
	f.Add("1.04")
	f.Fuzz(func(t *testing.T, text string) {
		if v, known := parseVersion(text); known && v.String() != text {
			t.Errorf("%q is taken for %s", text, v)
		}
	})
}

func FuzzTokenForm(f *testing.F) {
	f.Add("application/json", []byte(`{"code":"a="}`))
	f.Add("", []byte(`code=a%3D&client_id=x`))
	f.Fuzz(func(_ *testing.T, kind string, body []byte) {
		r := &http.Request{Header: http.Header{"Content-Type": {kind}}}
		_, _ = tokenForm(r, body)
	})
}
