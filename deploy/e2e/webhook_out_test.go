package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// told is one request that a receiver of webhooks had.
type told struct {
	ID        string
	Signed    bool
	Type      string
	Timestamp time.Time
	Data      struct{ ID, Email, Stage string }
}

// listener is a receiver of webhooks, a stranger to the product. The first time
// that it is told of one email it fails.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	fails  string // the email; "" once it has failed
	all    []told
}

func newListener(t *testing.T, fails string) *listener {
	l := &listener{fails: fails}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		one := told{ID: r.Header.Get("webhook-id"), Signed: signedBy(l.secret, r.Header, body)}
		if err := json.Unmarshal(body, &one); err != nil {
			t.Errorf("%v in %s", err, body)
		}
		l.all = append(l.all, one)
		if l.fails != "" && one.Data.Email == l.fails {
			l.fails = ""
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// signedBy verifies a request by the words of standardwebhooks.com alone.
func signedBy(secret string, h http.Header, body []byte) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < 24 {
		return false
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "."))
	_, _ = mac.Write(body)
	return slices.Contains(strings.Fields(h.Get("webhook-signature")), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// of are the requests about somebody.
func (l *listener) of(email, event string) (all []told) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.all {
		if one.Data.Email == email && one.Type == event {
			all = append(all, one)
		}
	}
	return all
}

type webhookMade struct {
	Webhook struct{ ID string }
	Secret  string
}

type delivery struct {
	ID, Event, State, Words string
	Attempts, Status        int
}

type deliveries struct{ Items []delivery }

// listens makes a webhook of the demo's workspace that leads to the listener.
func (l *listener) listens(t *testing.T, a *account) string {
	t.Helper()
	r := a.ask(t, http.MethodPost, "/api/v1/webhooks", map[string]any{
		"name": "CRM", "url": l.URL + "/hook", "events": []string{"lead.created", "lead.changed"},
	})
	equal(t, "making a webhook", r.status, http.StatusCreated)
	made := decode[webhookMade](t, "webhook", r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secret = made.Secret
	return "/api/v1/webhooks/" + made.Webhook.ID
}

// TestWebhookOutTellsOfALeadOnce: a visitor chats, and a stranger's server that
// fails at first is told of exactly one new lead, by requests that verify. Sent
// again by hand it comes under the same id; a stage that a person sets is a
// change.
func TestWebhookOutTellsOfALeadOnce(t *testing.T) {
	d := connected(t)
	ann, laptop := newEmail("ann"), newVisitor()
	l := newListener(t, ann)
	path := l.listens(t, d.account)
	d.collect(t, pageview(laptop, time.Now(), shop+"/?utm_medium=cpc&utm_source=told", ""))
	d.chat(t, map[string]any{"email": ann, "message": "Hello", "sourceloop_id": laptop})
	c := d.awaitContact(t, ann, converted)
	until(t, "the listener to take the new lead at a second attempt", func() (bool, string) {
		all := l.of(ann, "lead.created")
		return len(all) >= 2, text(t, all)
	})
	id := l.of(ann, "lead.created")[0].ID
	until(t, "the log to say that it was sent at a second attempt", func() (bool, string) {
		log := get[deliveries](t, d.account, path+"/deliveries?limit=100")
		i := slices.IndexFunc(log.Items, func(one delivery) bool { return one.ID == id })
		return i >= 0 && log.Items[i].Event == "lead.created" && log.Items[i].State == "sent" && log.Items[i].Attempts >= 2, text(t, log)
	})
	all := l.of(ann, "lead.created")
	for _, one := range all {
		equal(t, "id at every attempt", one.ID, id)
		equal(t, "contact", one.Data.ID, c.ID)
		equal(t, "signature", one.Signed, true)
	}
	equal(t, "sending it again", d.ask(t, http.MethodPost, path+"/deliveries/"+id+"/replay", nil).status, http.StatusNoContent)
	until(t, "the listener to have it once more", func() (bool, string) {
		again := l.of(ann, "lead.created")
		return len(again) > len(all), text(t, again)
	})
	equal(t, "setting the stage", d.ask(t, http.MethodPatch, "/api/v1/contacts/"+c.ID, map[string]any{"stage": "Contacted"}).status, http.StatusOK)
	until(t, "the listener to hear of the stage", func() (bool, string) {
		changes := l.of(ann, "lead.changed")
		return slices.ContainsFunc(changes, func(one told) bool { return one.Data.Stage == "Contacted" && one.Signed }), text(t, changes)
	})
	for _, one := range l.of(ann, "lead.created") {
		equal(t, "id of the one new lead", one.ID, id)
	}
	equal(t, "deleting the webhook", d.ask(t, http.MethodDelete, path, nil).status, http.StatusNoContent)
}

// TestWebhookOutRefusesPrivateNetworks: a server that was not told otherwise
// takes no address that leads into its own network.
func TestWebhookOutRefusesPrivateNetworks(t *testing.T) {
	s := startServe(t)
	a := s.signUp(t, tokenOf(t, s.link), "one")
	for _, address := range []string{
		"https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data",
		"https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://100.100.100.200/", "https://0.0.0.0/", "http://93.184.215.14/",
	} {
		r := a.ask(t, http.MethodPost, "/api/v1/webhooks", map[string]any{"name": "x", "url": address, "events": []string{"lead.created"}})
		equal(t, "a webhook to "+address, r.status, http.StatusBadRequest)
	}
}
