package examine

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/doctor"
	"sourceloop/schema"
)

const (
	introspected = "POST /oauth/2026-03/token/introspect"
	propertyAt   = "GET /crm/v3/properties/contacts/sourceloop_id"
	threadsAt    = "GET /conversations/v3/conversations/threads"
	good         = `{"active":true,"hub_id":4242,"hub_domain":"acme.example","scopes":["oauth","conversations.read"]}`
	threads      = `{"results":[
		{"id":"1","createdAt":"2026-09-21T13:50:00.123Z","latestMessageReceivedTimestamp":"2026-09-21T13:50:00.123Z","originalChannelId":"1000","associatedContactId":"c1","spam":false},
		{"id":"2","createdAt":"2026-09-21T13:55:00Z","latestMessageReceivedTimestamp":"2026-09-21T13:55:00Z","originalChannelId":"1000","associatedContactId":"v2"},
		{"id":"3","createdAt":"2026-09-21T13:55:00Z","latestMessageReceivedTimestamp":"2026-09-21T13:55:00Z","originalChannelId":"1002","associatedContactId":"c1"},
		{"id":"4","createdAt":"2026-09-21T13:55:00Z","latestMessageReceivedTimestamp":"2026-09-21T13:55:00Z","originalChannelId":"1000","spam":true},
		{"id":"5","createdAt":"2026-09-21T13:55:00Z","latestMessageReceivedTimestamp":null,"originalChannelId":"1000"},
		{"id":"6","createdAt":"2026-08-21T13:55:00Z","latestMessageReceivedTimestamp":"2026-09-21T13:55:00Z","originalChannelId":"1000"}]}`
)

func (v *vendor) hubspot(t *testing.T) doctor.Vendor {
	t.Helper()
	server := httptest.NewServer(v)
	defer server.Close()
	h := &HubSpot{Base: server.URL, ClientID: "id", ClientSecret: "secret", Scopes: []string{"oauth", "crm.schemas.contacts.write"}, Client: server.Client(), Now: clock}
	return h.Ask(t.Context(), control.Connection{}, "token")
}

func TestWhatHubSpotIsAsked(t *testing.T) {
	v := &vendor{date: clock().Add(-90 * time.Second), answers: map[string]string{
		introspected: good, propertyAt: `{"name":"sourceloop_id","type":"string"}`, threadsAt: threads,
		"GET /crm/v3/objects/contacts/c1": `{"id":"c1","properties":{"email":"a@b.example","phone":null,"sourceloop_id":"v1"}}`,
		"GET /crm/v3/objects/contacts/v2": "404",
	}}
	got := v.hubspot(t)
	want := doctor.Vendor{
		At: schema.MillisOf(clock()), Identity: doctor.Told, App: "4242", Name: "acme.example", Clocked: true, Ahead: got.Ahead,
		Lacks: []string{"crm.schemas.contacts.write"}, Attributes: doctor.Told, Attribute: doctor.Attribute{Found: true, Writable: true, Type: "string"},
		Conversations: doctor.Told, Chats: []doctor.Chat{
			{ID: "2", At: moment(t, "2026-09-21T13:55:00Z"), Asked: true},
			{ID: "1", At: moment(t, "2026-09-21T13:50:00.123Z"), Asked: true, Tied: true, Named: true},
		},
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("\n%+v, not\n%+v", got, want)
	}
	if off := got.Ahead + 90*time.Second; off < -time.Second || off > time.Second {
		t.Errorf("HubSpot's clock is %s ahead", got.Ahead)
	}
	for _, asked := range v.asked {
		if !strings.HasPrefix(asked, "GET ") && asked != introspected {
			t.Errorf("the doctor writes: %s", asked)
		}
	}
}

func moment(t *testing.T, text string) schema.Millis {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return schema.MillisOf(at)
}

func TestWhatHubSpotDoesNotSay(t *testing.T) {
	for _, test := range []struct {
		name                                string
		answers                             map[string]string
		identity, attributes, conversations doctor.Answer
	}{
		{"a dead token", map[string]string{introspected: `{"active":false}`}, doctor.Denied, doctor.NotAsked, doctor.NotAsked},
		{"another secret", map[string]string{introspected: "401"}, doctor.Foreign, doctor.NotAsked, doctor.NotAsked},
		{"another client id", map[string]string{introspected: "400"}, doctor.Foreign, doctor.NotAsked, doctor.NotAsked},
		{"trouble", map[string]string{introspected: "500"}, doctor.Unreachable, doctor.NotAsked, doctor.NotAsked},
		{"no JSON", map[string]string{introspected: "<html>"}, doctor.Unreachable, doctor.NotAsked, doctor.NotAsked},
		{"a plan", map[string]string{introspected: good, propertyAt: "404", threadsAt: "403"}, doctor.Told, doctor.Told, doctor.Restricted},
		{"a 401 of a good token", map[string]string{introspected: good, propertyAt: "401", threadsAt: "401"}, doctor.Told, doctor.Unreachable, doctor.Unreachable},
		{"nothing yet", map[string]string{introspected: good, propertyAt: "{}", threadsAt: "{}"}, doctor.Told, doctor.Told, doctor.Told},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := (&vendor{date: clock(), answers: test.answers}).hubspot(t)
			if got.Identity != test.identity || got.Attributes != test.attributes || got.Conversations != test.conversations || !got.Clocked {
				t.Errorf("%+v", got)
			}
		})
	}
}

// refusing gives no token.
type refusing struct{ kind schema.Kind }

func (r refusing) Token(context.Context, int64) (string, error) {
	return "", schema.E("refresh the token", r.kind, "No.")
}

// TestATokenThatIsNotRenewed is told apart from one that is not there.
func TestATokenThatIsNotRenewed(t *testing.T) {
	for kind, want := range map[schema.Kind]doctor.Answer{
		schema.KindDenied: doctor.Denied, schema.KindLimited: doctor.Unreachable, schema.KindUnavailable: doctor.Unreachable,
	} {
		e := &Examiner{Tokens: refusing{kind}, Vendors: map[string]Vendor{"hubspot": &HubSpot{}}, Now: clock}
		if v := e.vendor(t.Context(), control.Connection{Provider: "hubspot"}); v == nil || v.Identity != want {
			t.Errorf("%v: %+v", kind, v)
		}
	}
	e := &Examiner{Tokens: refusing{schema.KindUnknown}, Vendors: map[string]Vendor{"hubspot": &HubSpot{}}, Now: clock}
	if v := e.vendor(t.Context(), control.Connection{Provider: "hubspot"}); v != nil {
		t.Errorf("without a token: %+v", v)
	}
}
