package intercom

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// signedBy checks a signature the way a receiver does, apart from Sign.
func signedBy(a arrival, secret string) bool {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(a.body)
	return a.signature == "sha1="+hex.EncodeToString(mac.Sum(nil))
}

func TestChatTellsTheProductBeforeItIsAnswered(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.attribute()
	at := time.Date(2026, 11, 20, 10, 11, 12, 0, time.UTC)
	contactID, conversationID := b.chat(map[string]any{
		"id": "1", "at": at.UnixMilli(), "email": "joe@example.com", "message": "<b>Hi</b>", "page": "https://shop.example/", "sourceloop_id": "v1",
	})
	list := b.product.all()
	if len(list) != 2 {
		t.Fatalf("%d webhooks when the chat was answered: %s", len(list), b.product.topics())
	}
	for _, a := range list {
		e := a.Envelope
		if !signedBy(a, testClientSecret) || a.agent != "intercom-parrot-service-client/1.0" {
			t.Errorf("%s: signature %q, agent %q", e.Topic, a.signature, a.agent)
		}
		if e.Type != "notification_event" || e.AppID != "abc123" || e.Data.Type != "notification_event_data" ||
			e.ID == nil || !strings.HasPrefix(*e.ID, "notif_") || e.DeliveryAttempts != 1 || e.DeliveredAt != 0 || e.CreatedAt == 0 {
			t.Errorf("%s: the envelope is %s", e.Topic, a.body)
		}
	}
	lead, talk := list[0].Envelope.Data.Item, list[1].Envelope.Data.Item
	if lead["id"] != contactID || lead["created_at"] != "2026-11-20T10:11:12.000+00:00" || dig(lead, "custom_attributes.sourceloop_id") != "v1" {
		t.Errorf("the lead is %v", lead)
	}
	if talk["id"] != conversationID || talk["created_at"] != float64(at.Unix()) || dig(talk, "source.body") != "<b>Hi</b>" ||
		dig(talk, "contacts.contacts.0.id") != contactID || dig(talk, "source.url") != "https://shop.example/" {
		t.Errorf("the conversation is %v", talk)
	}
	b.fitsButForTimes(t, "contact", lead)
	b.fitsButForTimes(t, "conversation", talk)
}

// fitsButForTimes: a notification's contact fits the REST schema, were it not
// for the times of creation and change.
func (b *bench) fitsButForTimes(t *testing.T, schema string, item map[string]any) {
	t.Helper()
	copied := map[string]any{}
	for name, value := range item {
		copied[name] = value
	}
	if schema == "contact" {
		for _, name := range []string{"created_at", "updated_at"} {
			if text, isText := item[name].(string); !isText || !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$`).MatchString(text) {
				t.Errorf("%s is %v", name, item[name])
			}
			copied[name] = float64(0)
		}
	}
	value := b.server.spec.doc.Components.Schemas[schema].Value
	if err := value.VisitJSON(copied); err != nil {
		t.Errorf("the %s does not fit the description: %v", schema, err)
	}
}

func TestTopicsOfWhatPeopleDo(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.attribute()
	lead, _ := b.chat(map[string]any{"id": "1", "message": "hi"})
	steps := []struct {
		name, want string
		do         func()
	}{
		{"a message first", "contact.lead.created conversation.user.created", func() {}},
		{"then the email", "contact.lead.added_email", func() { b.chat(map[string]any{"id": "2", "contact_id": lead, "email": "a@example.com"}) }},
		{"the same email again, in a message", "conversation.user.replied", func() {
			b.chat(map[string]any{"id": "3", "contact_id": lead, "email": "a@example.com", "message": "still there?"})
		}},
		{"another email", "contact.email.updated", func() { b.chat(map[string]any{"id": "4", "contact_id": lead, "email": "b@example.com"}) }},
		{"a phone", "contact.lead.updated", func() { b.chat(map[string]any{"id": "5", "contact_id": lead, "phone": "+491701234567"}) }},
		{"a second conversation", "conversation.user.created", func() {
			b.chat(map[string]any{"id": "6", "contact_id": lead, "message": "new topic", "new_conversation": true})
		}},
		{"a user made by hand", "contact.user.created", func() { b.post("/standin/contact", map[string]any{"email": "u@example.com"}) }},
		{"a merge", "contact.user.created contact.merged", func() { b.post("/standin/merge", map[string]any{"from": lead}) }},
		{"a ping", "ping", func() { b.post("/standin/ping", nil) }},
		{"a deletion", "contact.deleted", func() { b.post("/standin/delete", map[string]any{"contact_id": lead}) }},
	}
	seen := 0
	for _, step := range steps {
		step.do()
		list := b.product.all()
		var topics []string
		for _, a := range list[seen:] {
			topics = append(topics, a.Envelope.Topic)
		}
		seen = len(list)
		if got := strings.Join(topics, " "); got != step.want {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
	list := b.product.all()
	pinged, deleted := list[len(list)-2], list[len(list)-1]
	if pinged.Envelope.ID != nil || !strings.Contains(string(pinged.body), `"id":null`) {
		t.Errorf("the ping is %s", pinged.body)
	}
	if len(deleted.Envelope.Data.Item) != 4 || deleted.Envelope.Data.Item["deleted"] != true {
		t.Errorf("the deletion is %v", deleted.Envelope.Data.Item)
	}
	merged := list[len(list)-3].Envelope.Data.Item
	if dig(merged, "merged_from.id") != lead || merged["role"] != "user" {
		t.Errorf("the merge is %v", merged)
	}
}

func TestAttributesThatMayNotBeWrittenAreDroppedInSilence(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	value := func(chat string) any {
		id, _ := b.chat(map[string]any{"id": chat, "sourceloop_id": "v-" + chat})
		return b.api("GET", "/contacts/"+id, nil).at("custom_attributes.sourceloop_id")
	}
	if got := value("undefined"); got != nil {
		t.Errorf("undefined: %v", got)
	}
	id := b.attribute()
	if got := value("defined"); got != "v-defined" {
		t.Errorf("defined: %v", got)
	}
	b.api("PUT", "/data_attributes/"+num(id), `{"messenger_writable":false}`)
	if got := value("unwritable"); got != nil {
		t.Errorf("unwritable: %v", got)
	}
	b.api("PUT", "/data_attributes/"+num(id), `{"messenger_writable":true,"archived":true}`)
	if got := value("archived"); got != nil {
		t.Errorf("archived: %v", got)
	}
}

func TestARepeatedChatChangesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	body := map[string]any{"id": "once", "at": 1_700_000_000_999, "email": "a@example.com"}
	contact1, conversation1 := b.chat(body)
	b.restart()
	body["email"] = "other@example.com"
	contact2, conversation2 := b.chat(body)
	if contact1 != contact2 || conversation1 != conversation2 {
		t.Errorf("answered %s %s, then %s %s", contact1, conversation1, contact2, conversation2)
	}
	if n := len(b.product.all()); n != 2 {
		t.Errorf("%d webhooks: %s", n, b.product.topics())
	}
	got := b.api("GET", "/contacts/"+contact1, nil)
	if got.at("email") != "a@example.com" || got.at("created_at") != float64(1_700_000_000) {
		t.Errorf("the contact is %v", got.body)
	}
}

func TestChatsThatAreRefused(t *testing.T) {
	b := newBench(t, nil)
	for name, test := range map[string]struct {
		body   any
		status int
	}{
		"unknown contact":    {map[string]any{"contact_id": "none"}, 404},
		"a number as id":     {map[string]any{"id": 5}, 400},
		"before 1970":        {map[string]any{"at": -1}, 400},
		"an object as value": {map[string]any{"attributes": map[string]any{"a": map[string]any{}}}, 400},
	} {
		if status, got := b.post("/standin/chat", test.body); status != test.status || got["error"] == "" {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
}

func TestAFailedNotificationIsRepeatedOnce(t *testing.T) {
	for name, test := range map[string]struct {
		answers []int
		want    string
	}{
		"500 then 200": {[]int{500, 200}, "delivered after 2"},
		"404 twice":    {[]int{404, 404}, "failed after 2"},
		"a redirect":   {[]int{302, 200}, "delivered after 2"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.connect()
			b.product.mu.Lock()
			b.product.answers = test.answers
			b.product.mu.Unlock()
			b.post("/standin/ping", nil)
			list := b.product.await(t, 2)
			if list[1].Envelope.DeliveryAttempts != 2 || list[1].Envelope.FirstSentAt != list[0].Envelope.FirstSentAt {
				t.Errorf("the repetition is %s", list[1].body)
			}
			b.awaitState(t, test.want)
			if n := len(b.product.all()); n != 2 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// A test may let a notification be tried as long as it takes.
func TestNotificationsAreRepeatedAsOftenAsAsked(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Attempts = 4 })
	b.connect()
	b.product.mu.Lock()
	b.product.answers = []int{500, 503, 500, 200}
	b.product.mu.Unlock()
	b.post("/standin/ping", nil)
	b.product.await(t, 4)
	b.awaitState(t, "delivered after 4")
}

// awaitState waits until the first notification is e.g. "delivered after 2".
func (b *bench) awaitState(t *testing.T, want string) {
	t.Helper()
	got, deadline := "", time.After(patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		first := b.get("/standin/webhooks")["webhooks"].([]any)[0]
		if got = fmt.Sprintf("%v after %v", dig(first, "state"), dig(first, "attempts")); got == want {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("the notification is %s, want %s", got, want)
		}
	}
}

func TestGoneDisablesTheSubscription(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.product.mu.Lock()
	b.product.answers = []int{http.StatusGone}
	b.product.mu.Unlock()
	b.chat(map[string]any{"id": "1"})
	b.restart()
	b.chat(map[string]any{"id": "2"})
	if n := len(b.product.all()); n != 1 {
		t.Errorf("%d webhooks after 410: %s", n, b.product.topics())
	}
	b.post("/standin/webhooks/enable", nil)
	b.chat(map[string]any{"id": "3"})
	if n := len(b.product.all()); n != 3 {
		t.Errorf("%d webhooks after enabling again: %s", n, b.product.topics())
	}
}

func TestTooManyRequestsThrottles(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.product.mu.Lock()
	b.product.answers = []int{429, 429, 429}
	b.product.mu.Unlock()
	b.post("/standin/ping", nil)
	b.product.await(t, 4) // More often than a failure would be repeated.
	b.awaitState(t, "delivered after 4")
}

func TestFaultsOfNotifications(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.fault("bad_signature", 1)
	b.post("/standin/ping", nil)
	if list := b.product.await(t, 1); signedBy(list[0], testClientSecret) {
		t.Error("bad_signature: the signature is right")
	}
	b.fault("duplicate", 1)
	b.chat(map[string]any{"id": "d"})
	list := b.product.await(t, 4)
	if *list[1].Envelope.ID != *list[2].Envelope.ID || string(list[1].body) != string(list[2].body) || !signedBy(list[1], testClientSecret) {
		t.Errorf("duplicate: %s", b.product.topics())
	}
	b.fault("shuffle", 1)
	b.chat(map[string]any{"id": "s"})
	list = b.product.await(t, 6)
	if list[4].Envelope.Topic != "conversation.user.created" || list[5].Envelope.Topic != "contact.lead.created" {
		t.Errorf("shuffle: %s", b.product.topics())
	}
}

func TestTheURLIsCheckedWithHEADOnce(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	b.chat(map[string]any{"id": "1"})
	b.chat(map[string]any{"id": "2"})
	b.product.mu.Lock()
	defer b.product.mu.Unlock()
	if b.product.heads != 1 {
		t.Errorf("%d HEAD requests", b.product.heads)
	}
}

func TestASilentReceiverIsGivenUpAfterTheTimeLimit(t *testing.T) {
	hang := make(chan struct{})
	b := newBench(t, func(c *Config) { c.AnswerWithin = 50 * time.Millisecond; c.RetryAfter = time.Hour })
	t.Cleanup(func() { close(hang) })
	b.product.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
	})
	b.connect()
	b.chat(map[string]any{"id": "1"}) // Answered although nobody answers the webhooks.
	b.awaitState(t, "pending after 1")
}

func TestManyChatsAtOnce(t *testing.T) {
	b := newBench(t, nil)
	b.connect()
	const people, each = 16, 5
	var group sync.WaitGroup
	began := time.Now()
	for person := range people {
		group.Go(func() {
			for n := range each {
				status, got := b.post("/standin/chat", map[string]any{"id": fmt.Sprint(person, "-", n), "email": fmt.Sprint("p", person, "@example.com")})
				if status != http.StatusOK {
					t.Errorf("chat: %d %v", status, got)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%.0f chats a second", people*each/time.Since(began).Seconds())
	if n := len(b.product.all()); n != 2*people*each {
		t.Errorf("%d webhooks when all chats were answered", n)
	}
}

func TestStoppingTellsWhoWaits(t *testing.T) {
	hang := make(chan struct{})
	arrived := make(chan struct{}, 1)
	b := newBench(t, nil)
	t.Cleanup(func() { close(hang) })
	b.product.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			arrived <- struct{}{}
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
	})
	b.connect()
	status := make(chan int, 1)
	go func() {
		code, _ := b.post("/standin/chat", map[string]any{"id": "1"})
		status <- code
	}()
	<-arrived
	b.cancel()
	if got := <-status; got != http.StatusServiceUnavailable {
		t.Errorf("the chat was answered with %d", got)
	}
}
