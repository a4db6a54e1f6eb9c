package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWebhookInFindsWhoseAConversionIs: a shop sends its own JSON to an address
// that an Admin made; the visitor who gave the same email has the conversion
// with its value and source, once however often it is sent. What cannot be used
// is refused in words.
func TestWebhookInFindsWhoseAConversionIs(t *testing.T) {
	d := connected(t)
	made := decode[struct {
		Hook struct{ ID string }
		URL  string
	}](t, "address", d.ask(t, http.MethodPost, "/api/v1/hooks", map[string]any{
		"name": "Shop", "conversion": "shop_order", "id_path": "order.number", "value_path": "order.total",
	}))
	if !strings.HasPrefix(made.URL, d.url+"/hooks/in/") {
		t.Fatalf("the address is %q", made.URL)
	}
	ann, laptop, source := newEmail("ann"), newVisitor(), "shopped"+randomHex(4)
	began := time.Now().Add(-time.Minute)
	d.collect(t, pageview(laptop, began, shop+"/?utm_medium=cpc&utm_source="+source, ""), hit{
		"id": newHitID(began.Add(time.Second)), "visitor": laptop, "at": began.Add(time.Second).UnixMilli(), "type": "identify", "url": shop + "/", "traits": map[string]any{"email": ann},
	})
	order := map[string]any{"order": map[string]any{"number": 4711, "total": "99.50", "lines": []any{map[string]any{"sku": "x"}}}, "buyer": map[string]any{"contact_email": ann}}
	until(t, "the address to be known", func() (bool, string) {
		r := send(t, http.MethodPost, made.URL, order)
		return r.status == http.StatusAccepted, string(r.body)
	})
	for range 2 {
		equal(t, "the same order again", send(t, http.MethodPost, made.URL, order).status, http.StatusAccepted)
	}
	d.awaitContact(t, ann, func(c contact) bool { return c.ConvertedAt != nil && c.LastTouch.Source == source })
	until(t, "the order to count once, with its value", func() (bool, string) {
		row := get[attribution](t, d.account, "/api/v1/attribution?dimension=source&conversion=shop_order").row(source)
		return row.Conversions == 1 && row.Value == 99.5, text(t, row)
	})
	for body, status := range map[string]int{
		`{"order":{"number":1,"total":1}}`:                                                   http.StatusUnprocessableEntity,
		`{"order":{"number":1,"total":1},"email":"a@b.example","other_email":"c@d.example"}`: http.StatusUnprocessableEntity,
		`{"order":{"total":1},"email":"a@b.example"}`:                                        http.StatusUnprocessableEntity,
		`{"order":`: http.StatusBadRequest,
	} {
		response, err := http.Post(made.URL, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		equal(t, body, response.StatusCode, status)
	}
	equal(t, "a made-up address", send(t, http.MethodPost, d.url+"/hooks/in/in_"+randomHex(40), order).status, http.StatusNotFound)
	until(t, "what came to be counted", func() (bool, string) {
		r := d.ask(t, http.MethodGet, "/api/v1/hooks", nil)
		for _, h := range decode[struct {
			Items []struct {
				ID             string
				Taken, Refused int
			}
		}](t, "addresses", r).Items {
			if h.ID == made.Hook.ID {
				return h.Taken >= 3 && h.Refused == 4, string(r.body)
			}
		}
		return false, string(r.body)
	})
}
