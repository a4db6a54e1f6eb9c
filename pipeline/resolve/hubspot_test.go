package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/resolve"
	"sourceloop/schema"
)

// portal answers HubSpot's API from testdata/hubspot/api, as a server on
// loopback.
type portal struct {
	*httptest.Server
	asked   []string
	refuse  func(w http.ResponseWriter, r *http.Request) bool // true: it answered
	denied  error                                             // what opening the connection gives
	failed  []string
	doubted int
	dead    bool // what doubting the token gives
	now     time.Time
	erased  []string // who was to be erased, behind their workspace
}

func newPortal(t testing.TB) *portal {
	t.Helper()
	p := &portal{now: received.Time()}
	mux := http.NewServeMux()
	file := func(folder string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := os.ReadFile(filepath.Join("testdata", "hubspot", "api", folder, filepath.Base(r.PathValue("id"))+".json"))
			if err != nil {
				http.Error(w, `{"status":"error","category":"OBJECT_NOT_FOUND"}`, http.StatusNotFound)
				return
			}
			_, _ = w.Write(body)
		}
	}
	mux.HandleFunc("GET /crm/v3/objects/contacts/{id}", file("contacts"))
	mux.HandleFunc("GET /conversations/v3/conversations/threads/{id}", file("threads"))
	mux.HandleFunc("GET /conversations/v3/conversations/threads/{id}/messages", file("messages"))
	mux.HandleFunc("GET /conversations/v3/conversations/threads", func(w http.ResponseWriter, r *http.Request) {
		list := map[string]string{"51001 OPEN": `{"id":"7001"}`, "51002 CLOSED": `{"id":"7003"}`}[r.URL.Query().Get("associatedContactId")+" "+r.URL.Query().Get("threadStatus")]
		_, _ = w.Write([]byte(`{"results":[` + list + `]}`))
	})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked = append(p.asked, r.URL.RequestURI())
		if r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer "+theToken {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		if p.refuse == nil || !p.refuse(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// Access opens the portal for the one connection there is.
func (p *portal) Access(context.Context, int64) (string, string, error) {
	return p.URL, theToken, p.denied
}

func (p *portal) resolver(t testing.TB) *resolve.HubSpot {
	t.Helper()
	r, err := resolve.NewHubSpot(resolve.HubSpotConfig{
		Access: p, Identity: identity.Rules{}, InboxURL: "https://app.hubspot.example/", Now: func() time.Time { return p.now },
		Failed: func(_ context.Context, _ int64, words string) error { p.failed = append(p.failed, words); return nil },
		Doubt:  func(context.Context, int64) (bool, error) { p.doubted++; return p.dead, nil },
		Seen:   func(context.Context, int64, schema.Millis) error { return nil },
		Erase: func(_ context.Context, workspace uint32, contact schema.Node) error {
			p.erased = append(p.erased, fmt.Sprint(workspace, " ", contact))
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func hubspotRecord(body []byte) *schema.WebhookRecord {
	return &schema.WebhookRecord{
		Provider: "hubspot", App: "4242", Workspace: workspace, Connection: connection, Received: int64(received), Body: body,
	}
}

func golden(t testing.TB, name string) *schema.WebhookRecord {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "hubspot", "webhooks", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return hubspotRecord(body)
}

// TestHubSpotGolden resolves every delivery of testdata/hubspot/webhooks and
// compares what it asks and gives with the text beside it.
func TestHubSpotGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/hubspot/webhooks/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no golden webhooks", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			p := newPortal(t)
			r := p.resolver(t)
			first, err := r.Resolve(t.Context(), golden(t, name))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(p.asked, "\n") + "\n" + render(t, first)
			wantFile := strings.TrimSuffix(file, ".json") + ".txt"
			if *update {
				if err = os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("resolving gave\n%s\nwant\n%s", got, want)
			}
			again, err := r.Resolve(t.Context(), golden(t, name))
			if err != nil || !same(first, again) {
				t.Errorf("the second time it gave\n%s", render(t, again))
			}
		})
	}
}

// TestHubSpotGoldenTypes: there is a golden for every type that is known.
func TestHubSpotGoldenTypes(t *testing.T) {
	for _, name := range []string{
		"contact.creation", "contact.propertyChange", "contact.merge", "contact.deletion", "contact.restore", "contact.associationChange",
		"contact.privacyDeletion", "conversation.creation", "conversation.newMessage", "conversation.propertyChange", "conversation.deletion",
		"conversation.privacyDeletion",
	} {
		result, err := newPortal(t).resolver(t).Resolve(t.Context(), golden(t, name))
		if err != nil || result.Outcome == resolve.Aside {
			t.Errorf("%s: %v, %v", name, result, err)
		}
	}
}

func TestHubSpotThatIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"no array": `{"portalId":4242}`, "no UTF-8": "[\"\xff\"]", "another account's": `[{"portalId":1}]`, "nothing": ``, "no events but words": `["x"]`,
	} {
		_, err := newPortal(t).resolver(t).Resolve(t.Context(), hubspotRecord([]byte(body)))
		if schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHubSpotInTrouble: what may pass is tried later; a 401 is a doubt only.
func TestHubSpotInTrouble(t *testing.T) {
	answer := func(status int, headers ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			return true
		}
	}
	for _, test := range []struct {
		name    string
		refuse  func(http.ResponseWriter, *http.Request) bool
		after   time.Duration
		doubted int
	}{
		{"500", answer(500), time.Second, 0},
		{"401", answer(401), time.Second, 1},
		{"429 with its word", answer(429, "Retry-After", "7"), 7 * time.Second, 0},
		{"429 with its window", answer(429, "X-HubSpot-RateLimit-Interval-Milliseconds", "10000"), 10 * time.Second, 0},
		{"429 without a word", answer(429), time.Second, 0},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) bool { _, _ = w.Write([]byte("<html>")); return true }, time.Second, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPortal(t)
			p.refuse = test.refuse
			r := p.resolver(t)
			_, err := r.Resolve(t.Context(), golden(t, "conversation.newMessage"))
			if got := later(t, err).After; got != test.after || p.doubted != test.doubted || len(p.failed) > 0 {
				t.Errorf("again after %s, doubted %d times, card %q", got, p.doubted, p.failed)
			}
			asked := len(p.asked)
			if _, err := r.Resolve(t.Context(), golden(t, "contact.creation")); later(t, err).After <= 0 || len(p.asked) != asked {
				t.Error("it is asked while the connection rests")
			}
			p.refuse, p.now = nil, p.now.Add(test.after)
			if result, err := r.Resolve(t.Context(), golden(t, "conversation.newMessage")); err != nil || result.Outcome != resolve.Resolved {
				t.Errorf("after the rest: %v, %v", result, err)
			}
		})
	}
}

// TestHubSpotDeadToken: the delivery waits, and is asked about at once when the
// connection was made anew.
func TestHubSpotDeadToken(t *testing.T) {
	p := newPortal(t)
	p.dead, p.refuse = true, func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusUnauthorized); return true }
	r := p.resolver(t)
	if _, err := r.Resolve(t.Context(), golden(t, "conversation.newMessage")); later(t, err).After != 15*time.Minute || p.doubted != 1 {
		t.Errorf("%v, doubted %d times", err, p.doubted)
	}
	p.refuse = nil
	if result, err := r.Resolve(t.Context(), golden(t, "conversation.newMessage")); err != nil || result.Outcome != resolve.Resolved {
		t.Errorf("connected anew: %v, %v", result, err)
	}
}

// TestHubSpotRestsAtTheEndOfItsWindow: before it is refused.
func TestHubSpotRestsAtTheEndOfItsWindow(t *testing.T) {
	p := newPortal(t)
	p.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("X-HubSpot-RateLimit-Remaining", "0")
		w.Header().Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
		return false
	}
	if _, err := p.resolver(t).Resolve(t.Context(), golden(t, "conversation.newMessage")); later(t, err).After != 10*time.Second || len(p.asked) != 1 {
		t.Errorf("asked %q", p.asked)
	}
}

func TestHubSpotPlanAndToken(t *testing.T) {
	p := newPortal(t)
	p.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/conversations/") {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}
	result, err := p.resolver(t).Resolve(t.Context(), golden(t, "a batch, several events for one thread"))
	if err != nil || len(result.Evidence) != 1 || !slices.Contains(result.Evidence[0].Claims[0].Nodes, "email:joe@example.com") {
		t.Errorf("where the plan refuses conversations: %v, %v", result, err)
	}
	for kind, outcome := range map[schema.Kind]string{
		schema.KindDenied: "later", schema.KindLimited: "later", schema.KindInternal: "failed", schema.KindUnknown: "discarded", schema.KindUnavailable: "error",
	} {
		p := newPortal(t)
		p.denied = schema.E("open", kind, "No.")
		result, err := p.resolver(t).Resolve(t.Context(), golden(t, "conversation.newMessage"))
		var wait *resolve.ErrLater
		got := "error"
		switch {
		case err == nil && result.Outcome == resolve.Discarded:
			got = "discarded"
		case errors.As(err, &wait) && len(p.failed) == 1:
			got = "failed"
		case errors.As(err, &wait):
			got = "later"
		}
		if got != outcome {
			t.Errorf("%v: %s, not %s: %v, %v", kind, got, outcome, result, err)
		}
	}
}

// TestHubSpotPrivacyDeletion: who was deleted in HubSpot as their right is
// erased here, and no other deletion erases anybody.
func TestHubSpotPrivacyDeletion(t *testing.T) {
	p := newPortal(t)
	r := p.resolver(t)
	event := func(kind string, id int) string {
		return fmt.Sprintf(`{"eventId":1,"portalId":4242,"occurredAt":1772452921000,"subscriptionType":%q,"objectId":%d}`, kind, id)
	}
	events := []string{event("contact.deletion", 51001), event("contact.privacyDeletion", 51001), event("contact.deletion", 51002), event("conversation.privacyDeletion", 7001)}
	for range 2 { // It may be delivered again.
		if _, err := r.Resolve(t.Context(), &schema.WebhookRecord{
			Provider: "hubspot", App: "4242", Workspace: 7, Connection: 1, Received: int64(received), Body: []byte("[" + strings.Join(events, ",") + "]"),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"7 hubspot:51001", "7 hubspot:51001"}; !slices.Equal(p.erased, want) {
		t.Errorf("erased are %q, want %q", p.erased, want)
	}
}
