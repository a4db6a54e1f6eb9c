package examine

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/doctor"
	"sourceloop/schema"
)

// vendor is Intercom's API as far as the doctor asks it.
type vendor struct {
	answers map[string]string // by method and path; a number is a status
	asked   []string
	date    time.Time
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.asked = append(v.asked, r.Method+" "+r.URL.Path)
	w.Header().Set("Date", v.date.UTC().Format(http.TimeFormat))
	answer := v.answers[r.Method+" "+r.URL.Path]
	if status, err := strconv.Atoi(answer); err == nil {
		w.WriteHeader(status)
		return
	}
	fmt.Fprint(w, answer)
}

func (v *vendor) ask(t *testing.T) doctor.Vendor {
	t.Helper()
	server := httptest.NewServer(v)
	defer server.Close()
	return (&Intercom{Base: server.URL, Client: server.Client(), Now: clock}).Ask(t.Context(), control.Connection{}, "token")
}

const (
	whoIs  = `{"type":"admin","app":{"type":"app","id_code":"acme1","name":"Acme","identity_verification":true}}`
	listed = `{"data":[{"name":"sourceloop_id","custom":true,"archived":true,"data_type":"string"},
		{"name":"sourceloop_id","custom":true,"data_type":"string","messenger_writable":true},{"name":"email","data_type":"string"}]}`
	found = `{"conversations":[
		{"id":"11","created_at":1789999000,"source":{"url":"https://help.example/a","author":{"type":"lead","id":"c1"}},"contacts":{"contacts":[{"id":"c1"}]}},
		{"id":12,"created_at":1789999900,"source":{"url":null,"author":{"type":"user","id":"c2"}},"first_contact_reply":{"url":"https://shop.example/"},"contacts":{"contacts":[]}},
		{"id":"13","created_at":1789990000,"source":{"author":{"type":"admin","id":"7"}}}]}`
)

func TestWhatIntercomIsAsked(t *testing.T) {
	v := &vendor{date: clock().Add(90 * time.Second), answers: map[string]string{
		"GET /me": whoIs, "GET /data_attributes": listed, "POST /conversations/search": found,
		"GET /contacts/c1": `{"id":"c1","email":"a@b.example","custom_attributes":{"sourceloop_id":"v1"}}`,
		"GET /contacts/c2": `{"id":"c2","email":null,"custom_attributes":{"sourceloop_id":null}}`,
	}}
	got := v.ask(t)
	want := doctor.Vendor{
		At: schema.MillisOf(clock()), Identity: doctor.Told, App: "acme1", Name: "Acme", Verified: true, Clocked: true, Ahead: got.Ahead,
		Attributes: doctor.Told, Attribute: doctor.Attribute{Found: true, Writable: true, Type: "string"},
		Conversations: doctor.Told, Chats: []doctor.Chat{
			{ID: "12", At: 1_789_999_900_000, Host: "shop.example", Asked: true},
			{ID: "11", At: 1_789_999_000_000, Host: "help.example", Asked: true, Tied: true, Named: true},
			{ID: "13", At: 1_789_990_000_000},
		},
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("\n%+v, not\n%+v", got, want)
	}
	if off := got.Ahead - 90*time.Second; off < -time.Second || off > time.Second {
		t.Errorf("Intercom's clock is %s ahead", got.Ahead)
	}
	for _, asked := range v.asked {
		if !strings.HasPrefix(asked, "GET ") && asked != "POST /conversations/search" {
			t.Errorf("the doctor writes: %s", asked)
		}
	}
}

func TestWhatIntercomDoesNotSay(t *testing.T) {
	for _, test := range []struct {
		name                                string
		answers                             map[string]string
		identity, attributes, conversations doctor.Answer
	}{
		{"a dead token", map[string]string{"GET /me": "401"}, doctor.Denied, doctor.NotAsked, doctor.NotAsked},
		{"no permission", map[string]string{"GET /me": "403"}, doctor.Restricted, doctor.NotAsked, doctor.NotAsked},
		{"trouble", map[string]string{"GET /me": "500"}, doctor.Unreachable, doctor.NotAsked, doctor.NotAsked},
		{"no JSON", map[string]string{"GET /me": "<html>"}, doctor.Unreachable, doctor.NotAsked, doctor.NotAsked},
		{"a plan", map[string]string{"GET /me": whoIs, "GET /data_attributes": "403", "POST /conversations/search": "403"}, doctor.Told, doctor.Restricted, doctor.Restricted},
		{"too many questions", map[string]string{"GET /me": whoIs, "GET /data_attributes": "429", "POST /conversations/search": "429"}, doctor.Told, doctor.Unreachable, doctor.Unreachable},
		{"nothing yet", map[string]string{"GET /me": whoIs, "GET /data_attributes": "{}", "POST /conversations/search": "{}"}, doctor.Told, doctor.Told, doctor.Told},
		{"a contact that was merged", map[string]string{"GET /me": whoIs, "GET /data_attributes": "{}", "POST /conversations/search": found, "GET /contacts/c1": "410", "GET /contacts/c2": "404"}, doctor.Told, doctor.Told, doctor.Told},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := (&vendor{date: clock(), answers: test.answers}).ask(t)
			if got.Identity != test.identity || got.Attributes != test.attributes || got.Conversations != test.conversations || !got.Clocked {
				t.Errorf("%+v", got)
			}
			for _, c := range got.Chats {
				if c.Asked {
					t.Errorf("a contact that was not read: %+v", c)
				}
			}
		})
	}
	silent := (&Intercom{Base: "http://127.0.0.1:1", Client: http.DefaultClient, Now: clock}).Ask(t.Context(), control.Connection{}, "token")
	if silent.Identity != doctor.Unreachable || silent.Clocked {
		t.Errorf("%+v", silent)
	}
}

// TestTheRegionIsAsked: a workspace in Europe is asked at Europe's host.
func TestTheRegionIsAsked(t *testing.T) {
	europe := httptest.NewServer(&vendor{date: clock(), answers: map[string]string{"GET /me": whoIs, "GET /data_attributes": "{}", "POST /conversations/search": "{}"}})
	defer europe.Close()
	america := httptest.NewServer(&vendor{date: clock(), answers: map[string]string{"GET /me": "401"}})
	defer america.Close()
	i := &Intercom{Base: america.URL, Regions: map[string]string{"EU": europe.URL}, Client: http.DefaultClient, Now: clock}
	for region, want := range map[string]doctor.Answer{"EU": doctor.Told, "US": doctor.Denied, "": doctor.Denied} {
		if got := i.Ask(t.Context(), control.Connection{Region: region}, "token"); got.Identity != want {
			t.Errorf("in %q: %+v", region, got)
		}
	}
}
