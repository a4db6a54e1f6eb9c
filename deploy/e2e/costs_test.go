package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// What ads cost is uploaded and stands beside what they brought, also after a
// restart.
func TestAdCostIsShownInTraffic(t *testing.T) {
	s := startServe(t)
	a := s.signUp(t, tokenOf(t, s.link), "payer")
	visitor, at := newVisitor(), time.Now().Add(-time.Minute)
	known := hit{
		"id": newHitID(at.Add(time.Second)), "visitor": visitor, "at": at.Add(time.Second).UnixMilli(), "type": "identify",
		"url": "https://payer.example/", "traits": map[string]any{"email": "person@payer.example"},
	}
	a.collect(t, pageview(visitor, at, "https://payer.example/?utm_source=google&utm_medium=cpc&utm_campaign=Brand", ""), known)
	r := a.ask(t, http.MethodPost, "/api/v1/conversions", map[string]any{
		"id": "order-1", "name": "order", "at": time.Now().UTC().Format(time.RFC3339Nano), "visitor": visitor, "value": 100, "currency": "EUR",
	})
	equal(t, "conversion", r.status, http.StatusAccepted)
	a.awaitAttribution(t, "/api/v1/attribution?dimension=campaign", "Brand", 1)

	day := at.UTC().Format(time.DateOnly)
	file := fmt.Sprintf("Day;Campaign;Cost;Currency\r\n%s;Brand;20,50;EUR\r\n%s;Brand;4,50;EUR\r\n%s;Launch;10,00;EUR\r\n", day, day, day)
	upload := func(body string) reply {
		return send(t, http.MethodPost, a.url+"/api/v1/costs?source=google", body, "Authorization", "Bearer "+a.key, "Content-Type", "text/csv")
	}
	equal(t, "a bad file", upload(file+"yesterday;Launch;1,00;EUR\r\n").status, http.StatusBadRequest)
	equal(t, "the file", upload(file).status, http.StatusOK)
	equal(t, "the file again", upload(file).status, http.StatusOK)
	s.again(t)
	type row struct {
		Cost               float64
		Sessions           int
		CostPerConversion  float64 `json:"cost_per_conversion"`
		ReturnOnSpend      float64 `json:"return_on_spend"`
		Conversions, Value float64
		Key                string
	}
	// Yesterday is asked as well, since the day may have changed.
	from := at.UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	got := get[struct {
		Cost float64
		Rows []row
	}](t, a, "/api/v1/attribution?dimension=campaign&conversion=order&from="+from)
	equal(t, "cost of all", got.Cost, 35)
	rows := map[string]row{}
	for _, r := range got.Rows {
		rows[r.Key] = r
	}
	equal(t, "Brand", rows["Brand"], row{Key: "Brand", Cost: 25, Sessions: 1, Conversions: 1, Value: 100, CostPerConversion: 25, ReturnOnSpend: 4})
	equal(t, "Launch", rows["Launch"], row{Key: "Launch", Cost: 10})
}
