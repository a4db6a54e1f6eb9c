package intercom_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/control/connect/intercom"
)

// TestAttribute: what stands in the way is repaired where it can be.
func TestAttribute(t *testing.T) {
	for name, test := range map[string]struct {
		before map[string]any // as created
		change map[string]any // and then changed
		wrong  string         // part of the words, where it stays an error
	}{
		"not writable": {before: map[string]any{"data_type": "string", "messenger_writable": false}},
		"archived":     {before: map[string]any{"data_type": "string", "messenger_writable": true}, change: map[string]any{"archived": true}},
		"archived and not writable": {
			before: map[string]any{"data_type": "string", "messenger_writable": false}, change: map[string]any{"archived": true},
		},
		"archived, of another type": {
			before: map[string]any{"data_type": "integer"}, change: map[string]any{"archived": true}, wrong: "Intercom's support",
		},
		"a number": {before: map[string]any{"data_type": "integer"}, wrong: "must be text"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			// Somebody's own integration made the attribute earlier.
			provider, err := intercom.New(intercom.Config{ClientID: clientID, ClientSecret: clientSecret, APIBase: h.vendor.URL})
			if err != nil {
				t.Fatal(err)
			}
			grant, err := provider.Exchange(t.Context(), h.consent(h.who, "authorize").Get("code"), "")
			if err != nil {
				t.Fatal(err)
			}
			token := grant.Access
			test.before["name"], test.before["model"] = "sourceloop_id", "contact"
			made := h.ask(http.MethodPost, "/data_attributes", token, test.before)
			if test.change != nil {
				h.ask(http.MethodPut, fmt.Sprintf("/data_attributes/%.0f", made["id"]), token, test.change)
			}
			before := len(h.writes())
			_, err = h.service.Callback(t.Context(), "intercom", browser, h.consent(h.who, "authorize"))
			if test.wrong != "" {
				if err == nil || !strings.Contains(h.card().LastError, test.wrong) || h.card().State != control.Failed {
					t.Fatalf("error %v, card %+v", err, h.card())
				}
				return
			}
			if err != nil || h.card().State != control.Connected {
				t.Fatalf("error %v, card %+v", err, h.card())
			}
			a := h.attribute(token)
			if a["id"] != made["id"] || a["archived"] != false || a["messenger_writable"] != true {
				t.Fatalf("the attribute is %v", a)
			}
			if writes := h.writes()[before:]; len(writes) != 1 || !strings.HasPrefix(writes[0], "PUT /data_attributes/") {
				t.Fatalf("what was written: %v", writes)
			}
		})
	}
}

// attributes stands in front of the stand-in's attributes, and refuses.
type attributes struct {
	h      *house
	method string
	status int
	body   string
}

func (a attributes) front() string {
	target, err := url.Parse(a.h.vendor.URL)
	if err != nil {
		a.h.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/data_attributes") && r.Method == a.method {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(a.status)
			fmt.Fprint(w, a.body)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	a.h.t.Cleanup(front.Close)
	return front.URL
}

// TestAttributeRefused: each reason has its own words, and what to do.
func TestAttributeRefused(t *testing.T) {
	const plain = `{"type":"error.list","errors":[{"code":"%s","message":"no"}]}`
	for name, test := range map[string]struct {
		method string
		status int
		code   string
		before []map[string]any
		change map[string]any // of the attribute sourceloop_id
		says   []string
	}{
		"no permission to create": {method: "POST", status: 403, code: "api_plan_restricted", says: []string{"create the attribute", "Developer Hub", "press Test"}},
		"no reason":               {method: "POST", status: 422, code: "data_invalid", says: []string{"create the attribute", "status 422, data_invalid", "press Test"}},
		"stays in the archive": {
			method: "PUT", status: 422, code: "data_invalid", before: []map[string]any{{"name": "sourceloop_id", "messenger_writable": true}},
			change: map[string]any{"archived": true}, says: []string{"out of the archive", "Settings → Data", "press Test"},
		},
		"stays unwritable": {
			method: "PUT", status: 404, code: "field_not_found", before: []map[string]any{{"name": "sourceloop_id", "messenger_writable": false}},
			says: []string{"writable by the Messenger", "press Test"},
		},
		"250 of them": {before: many(250), says: []string{"create the attribute", "250 data attributes", "Archive one", "press Test"}},
		"250 of them and ours in the archive": {
			method: "PUT", status: 422, code: "data_invalid", before: append(many(249), map[string]any{"name": "sourceloop_id"}, map[string]any{"name": "the last one"}),
			change: map[string]any{"archived": true}, says: []string{"out of the archive", "250 data attributes", "Archive one"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			provider, err := intercom.New(intercom.Config{ClientID: clientID, ClientSecret: clientSecret, APIBase: h.vendor.URL})
			if err != nil {
				t.Fatal(err)
			}
			grant, err := provider.Exchange(t.Context(), h.consent(h.who, "authorize").Get("code"), "")
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range test.before {
				a["model"], a["data_type"] = "contact", "string"
				made := h.ask(http.MethodPost, "/data_attributes", grant.Access, a)
				if a["name"] == "sourceloop_id" && test.change != nil {
					h.ask(http.MethodPut, fmt.Sprintf("/data_attributes/%.0f", made["id"]), grant.Access, test.change)
				}
			}
			address := h.vendor.URL
			if test.status != 0 {
				address = attributes{h, test.method, test.status, fmt.Sprintf(plain, test.code)}.front()
			}
			refused, err := intercom.New(intercom.Config{ClientID: clientID, ClientSecret: clientSecret, AuthorizeURL: h.vendor.URL + "/oauth", APIBase: address})
			if err != nil {
				t.Fatal(err)
			}
			h.service = connect.NewService(h.store, nil, 0, refused)
			_, err = h.service.Callback(t.Context(), "intercom", browser, h.consent(h.who, "authorize"))
			card := h.card()
			if err == nil || card.State != control.Failed {
				t.Fatalf("error %v, card %+v", err, card)
			}
			for _, words := range test.says {
				if !strings.Contains(card.LastError, words) {
					t.Errorf("the card does not say %q: %s", words, card.LastError)
				}
			}
			// Once it is repaired, the button repairs the card.
			h.service = connect.NewService(h.store, nil, 0, provider)
			if strings.Contains(name, "250") {
				return
			}
			if c, err := h.service.Test(t.Context(), h.who, "intercom"); err != nil || c.State != control.Connected {
				t.Errorf("after the repair: %+v, %v", c, err)
			}
		})
	}
}

func many(n int) []map[string]any {
	all := make([]map[string]any, n)
	for i := range all {
		all[i] = map[string]any{"name": fmt.Sprintf("own %d", i)}
	}
	return all
}

// TestRegions: the host that knows the token is found, and asked from then on.
func TestRegions(t *testing.T) {
	for region, knows := range map[string]string{"US": "plain", "EU": "plain", "AU": "its own"} {
		t.Run(region+" by "+knows, func(t *testing.T) {
			h := newHouse(t)
			var asked sync.Map
			host := func(name string) string {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked.Store(name+" "+r.URL.Path, true)
					w.Header().Set("Content-Type", "application/json")
					switch {
					case r.URL.Path == "/auth/eagle/token":
						fmt.Fprint(w, `{"token_type":"Bearer","token":"t","access_token":"t"}`)
					case knows == "plain" && name == "US" && r.URL.Path == "/me", name == region:
						fmt.Fprintf(w, `{"id":5,"name":"sourceloop_id","data_type":"string","custom":true,"messenger_writable":true,"app":{"id_code":"tea9","name":"Tea","region":%q}}`, region)
					default:
						w.WriteHeader(http.StatusUnauthorized)
					}
				}))
				t.Cleanup(server.Close)
				return server.URL
			}
			config := intercom.Config{
				ClientID: clientID, ClientSecret: clientSecret, AuthorizeURL: h.vendor.URL + "/oauth", APIBase: host("US"),
				Regions: map[string]string{"EU": host("EU"), "AU": host("AU")},
			}
			provider, err := intercom.New(config)
			if err != nil {
				t.Fatal(err)
			}
			h.service = connect.NewService(h.store, nil, 0, provider)
			c, err := h.service.Callback(t.Context(), "intercom", browser, h.consent(h.who, "authorize"))
			if err != nil || c.Region != region || c.State != control.Connected {
				t.Fatalf("connected as %+v, %v", c, err)
			}
			want := config.APIBase
			if region != "US" {
				want = config.Regions[region]
			}
			if provider.APIBase(c) != want {
				t.Errorf("its API is %s", provider.APIBase(c))
			}
			for name := range map[string]bool{"US": true, "EU": true, "AU": true} {
				if _, was := asked.Load(name + " /data_attributes"); was != (name == region) {
					t.Errorf("asked about attributes at %s: %v", name, was)
				}
			}
			if farewell, err := h.service.Disconnect(t.Context(), h.who, "intercom"); err != nil || !farewell.Revoked {
				t.Errorf("disconnecting: %+v, %v", farewell, err)
			}
			if _, was := asked.Load(region + " /auth/uninstall"); !was {
				t.Error("it was revoked somewhere else")
			}
		})
	}
}
