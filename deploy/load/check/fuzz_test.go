package check_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"sourceloop/deploy/load"
	"sourceloop/deploy/load/check"
)

// FuzzAccount: whatever file is given as what must come out, and whatever the
// API answers, comparing ends, in differences or in words.
func FuzzAccount(f *testing.F) {
	f.Add(`{}`, `{}`)
	f.Add(`{"from":"2026-01-01","to":"2026-02-01","attribution":[{"dimension":"channel","rows":[{"key":"Direct","credits":{}}]}]}`,
		`{"rows":[{"key":"Email"}],"items":[{"id":"x","email":"a@x.example","conversations":null}],"trend":[{}],"next":""}`)
	f.Add(`{"contacts":[{"email":"a@x.example","conversions":[{"touches":[]}],"journey":[{}]}],"funnels":[{"steps":[{}],"breakdown":[{"key":"x"}]}]}`,
		`{"items":[{"email":"a@x.example","first_touch":{},"conversations":[{}]}],"steps":[],"sessions":[{"items":[{}]}],"figures":[{"name":"sessions","value":1}]}`)
	f.Add(`{"traffic":{"trend":null},"days":-1}`, `[]`)
	f.Fuzz(func(t *testing.T, account, answer string) {
		var want load.Account
		if json.Unmarshal([]byte(account), &want) != nil || len(want.Contacts)+len(want.Attribution)+len(want.Funnels) > 20 {
			return
		}
		var asked atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) > 200 {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			_, _ = w.Write([]byte(answer))
		}))
		defer server.Close()
		report, err := check.Once(t.Context(), check.NewAPI(server.URL, "k"), &want)
		if err == nil && report.Compared == 0 {
			t.Error("nothing was compared, and nobody says so")
		}
	})
}
