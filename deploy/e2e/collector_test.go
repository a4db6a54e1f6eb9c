package e2e

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCollectorRefusals(t *testing.T) {
	d := connected(t)
	now := time.Now()
	landing := shop + "/refusals-" + randomHex(6)
	good := pageview(newVisitor(), now, landing, "")
	wrongType := pageview(newVisitor(), now, landing, "")
	wrongType["type"] = "click"
	nobody := pageview("null", now, landing, "")
	noUUID := pageview(newVisitor(), now, landing, "")
	noUUID["id"] = "0b7e8d1e-7a0b-4c0d-9e0f-000000000000"
	future := pageview(newVisitor(), now, landing, "")
	future["at"] = now.Add(48 * time.Hour).UnixMilli()

	address := d.url + "/sl/hits?key=" + d.siteKey
	t.Run("a mixed batch says what was wrong with which", func(t *testing.T) {
		got := decode[receipt](t, "hits", send(t, http.MethodPost, address, []hit{wrongType, good, nobody, noUUID, future}))
		equal(t, "accepted", got.Accepted, 1)
		var refused []int
		for _, v := range got.Refused {
			refused = append(refused, v.Index)
			if v.Reason == "" {
				t.Errorf("no reason: %+v", v)
			}
		}
		if !slices.Equal(refused, []int{0, 2, 3, 4}) {
			t.Errorf("refused: %+v", got.Refused)
		}
	})
	for _, test := range []struct {
		name, address, body string
		status, accepted    int
	}{
		{"a single bad hit", address, text(t, wrongType), http.StatusBadRequest, 0},
		{"an array of bad hits", address, "[" + text(t, wrongType) + "]", http.StatusAccepted, 0},
		{"an unknown key", d.url + "/sl/hits?key=sl_nobody", "[" + text(t, pageview(newVisitor(), now, landing, "")) + "]", http.StatusAccepted, 1},
		{"no key", d.url + "/sl/hits", "[" + text(t, pageview(newVisitor(), now, landing, "")) + "]", http.StatusAccepted, 1},
		{"no JSON", address, `{"type":`, http.StatusBadRequest, 0},
		{"too large", address, `{"title":"` + strings.Repeat("x", 1<<20) + `"}`, http.StatusRequestEntityTooLarge, 0},
		{"an empty array", address, `[]`, http.StatusAccepted, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := send(t, http.MethodPost, test.address, test.body, "Content-Type", "text/plain")
			equal(t, "status", r.status, test.status)
			if test.status == http.StatusAccepted {
				equal(t, "accepted", decode[receipt](t, "hits", r).Accepted, test.accepted)
			}
			equal(t, "Access-Control-Allow-Origin", r.header.Get("Access-Control-Allow-Origin"), "*")
		})
	}
	t.Run("only the good one is counted", func(t *testing.T) {
		d.awaitSessions(t, landing, 1, "")
	})
}

func TestCollectorTakesGzipAndDuplicatesOnce(t *testing.T) {
	d := connected(t)
	landing := shop + "/gzip-" + randomHex(6)
	visitor, began := newVisitor(), time.Now().Add(-time.Minute)
	batch := "[" + text(t, pageview(visitor, began, landing, "https://duckduckgo.com/")) + "," +
		text(t, pageview(visitor, began.Add(time.Second), shop+"/next", landing)) + "]"
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write([]byte(batch))
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	address := d.url + "/sl/hits?key=" + d.siteKey
	for range 3 {
		r := send(t, http.MethodPost, address, packed.String(), "Content-Encoding", "gzip", "Content-Type", "text/plain")
		equal(t, "accepted", decode[receipt](t, "hits", r).Accepted, 2)
	}
	d.awaitSessions(t, landing, 1, "")
	filtered := "&filter=" + "landing_page:is:" + landing
	got := get[attribution](t, d.account, "/api/v1/attribution?dimension=source"+filtered)
	equal(t, "sessions from duckduckgo", got.row("duckduckgo").Sessions, 1)
	figures := get[struct {
		Figures []struct {
			Name  string
			Value float64
		}
	}](t, d.account, "/api/v1/traffic?compare=none"+filtered).Figures
	for _, f := range figures {
		if f.Name == "page_views" {
			equal(t, "page views", f.Value, 2)
		}
	}
}

func TestTrackerIsServedForCaching(t *testing.T) {
	d := connected(t)
	snippet := get[struct {
		Snippet    string
		TrackerURL string `json:"tracker_url"`
		SRI        string
		SiteKey    string `json:"site_key"`
	}](t, d.account, "/api/v1/tracking")
	equal(t, "site key", snippet.SiteKey, d.siteKey)
	for _, part := range []string{"<script", d.url + "/sl.js", `data-key="` + d.siteKey + `"`} {
		if !strings.Contains(snippet.Snippet, part) {
			t.Errorf("the snippet has no %s: %s", part, snippet.Snippet)
		}
	}
	loose, fixed := send(t, http.MethodGet, d.url+"/sl.js", nil), send(t, http.MethodGet, snippet.TrackerURL, nil)
	equal(t, "sl.js", loose.status, http.StatusOK)
	equal(t, "the fixed version", fixed.status, http.StatusOK)
	if !strings.Contains(fixed.header.Get("Cache-Control"), "immutable") {
		t.Errorf("Cache-Control of the fixed version: %q", fixed.header.Get("Cache-Control"))
	}
	if !bytes.Equal(loose.body, fixed.body) || len(fixed.body) == 0 {
		t.Errorf("sl.js (%d bytes) is not the fixed version (%d bytes)", len(loose.body), len(fixed.body))
	}
}
