package google

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ads/adstest"
)

const (
	ingest = "/v1/events:ingest"
	// hash is the SHA-256 of joe@example.com, in both ways of writing.
	hash       = "2481f36dfc515ca76451aaadf1399026942a01ee50c6d0a61988b43cef039bc2"
	hashBase64 = "JIHzbfxRXKdkUaqt8TmQJpQqAe5QxtCmGYi0PO8Dm8I="
	place      = `"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1234567890"},"productDestinationId":"7001001"}]`
	good       = `{"eventTimestamp":"2026-11-25T10:00:00Z","transactionId":"c-1","eventSource":"WEB","adIdentifiers":{"gclid":"Cj0KCQiA-demo-click"},` +
		`"userData":{"userIdentifiers":[{"emailAddress":"` + hash + `"}]},"conversionValue":20.5,"currency":"USD","consent":{"adUserData":"CONSENT_GRANTED"}}`
)

func start(t *testing.T) *adstest.Bench {
	t.Helper()
	return adstest.Start(t, func(c ads.Config) (adstest.Vendor, error) { return New(Config{Config: c}) })
}

// body is a request with these events.
func body(events ...string) string {
	return `{` + place + `,"encoding":"HEX","events":[` + strings.Join(events, ",") + `]}`
}

// with replaces in the good event.
func with(old, replacement string) string {
	changed := strings.Replace(good, old, replacement, 1)
	if changed == good {
		panic(old + " is not in the event")
	}
	return changed
}

func TestIngest(t *testing.T) {
	for _, test := range []struct{ name, body string }{
		{"taken", body(good)},
		{"validate only", `{` + place + `,"encoding":"HEX","validateOnly":true,"events":[` + good + `]}`},
		{"hashes in BASE64", strings.Replace(strings.Replace(body(good), hash, hashBase64, 1), `"HEX"`, `"BASE64"`, 1)},
		{"a click without a person", body(`{"eventTimestamp":"2026-11-25T10:00:00.123+02:00","adIdentifiers":{"wbraid":"abc"}}`)},
		{"no JSON", `{"events":`},
		{"two values", `{}{}`},
		{"null", `null`},
		{"unknown field", body(with(`"eventSource"`, `"event_source"`))},
		{"unknown field at the top", `{"partialFailure":true}`},
		{"a number for a text", body(with(`"c-1"`, `1`))},
		{"a text for an object", body(with(`{"gclid":"Cj0KCQiA-demo-click"}`, `"Cj0KCQiA-demo-click"`))},
		{"unknown enum", body(with(`"WEB"`, `"CHAT"`))},
		{"a time without a zone", body(with(`10:00:00Z`, `10:00:00`))},
		{"a null event", body(`null`)},
		{"no event", body()},
		{"no destination", `{"events":[` + good + `]}`},
		{"no time", body(with(`"eventTimestamp":"2026-11-25T10:00:00Z",`, ``))},
		{"no identifier", body(`{"eventTimestamp":"2026-11-25T10:00:00Z"}`)},
		{"an empty identifier", body(with(`"emailAddress":"`+hash+`"`, ``))},
		{"no encoding", strings.Replace(body(good), `"encoding":"HEX",`, ``, 1)},
		{"a plain address", body(with(hash, `joe@example.com`))},
		{"a short hash", body(with(hash, `abcd`))},
		{"HEX where BASE64 is said", strings.Replace(body(good), `"HEX"`, `"BASE64"`, 1)},
		{"a resource name", strings.Replace(body(good), `"7001001"`, `"customers/1234567890/conversionActions/7001001"`, 1)},
		{"an unknown action", strings.Replace(body(good), `"7001001"`, `"1"`, 1)},
		{"an unknown account", strings.Replace(body(good), `"1234567890"`, `"99"`, 1)},
		{"a currency in words", body(with(`"USD"`, `"dollars"`))},
		{"an unknown reference", body(with(`"eventSource"`, `"destinationReferences":["x"],"eventSource"`))},
		{"eleven destinations", `{"destinations":[` + strings.Repeat(`{},`, 10) + `{}],"events":[` + good + `]}`},
		{"too many events", body(strings.TrimSuffix(strings.Repeat(`{},`, 2001), ","))},
		{"eleven identifiers", body(with(`[{"emailAddress"`, `[`+strings.Repeat(`{"phoneNumber":"`+hash+`"},`, 10)+`{"emailAddress"`))},
		{"two things wrong", body(good, with(`"USD"`, `"usd"`), with(hash, `xyz`))},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t)
			b.Golden(test.name, http.MethodPost, ingest, test.body)
			if test.name == "a plain address" {
				b.NothingPlain("joe@example.com")
			}
		})
	}
}

// post ingests and returns the status of the first destination.
func post(b *adstest.Bench, body string) (one status) {
	b.T.Helper()
	var took struct{ RequestID string }
	b.JSON(http.MethodPost, ingest, body, http.StatusOK, &took)
	return retrieve(b, took.RequestID)
}

func retrieve(b *adstest.Bench, id string) status {
	b.T.Helper()
	var told struct{ RequestStatusPerDestination []status }
	b.JSON(http.MethodGet, "/v1/requestStatus:retrieve?requestId="+id, "", http.StatusOK, &told)
	return told.RequestStatusPerDestination[0]
}

// counts are "REASON=n", in order.
func counts(one status) string {
	var list []string
	if one.ErrorInfo != nil {
		for _, c := range one.ErrorInfo.Counts {
			list = append(list, strings.TrimPrefix(c.Reason, reasonPrefix)+"="+c.Count)
		}
	}
	return strings.Join(list, " ")
}

func TestStatus(t *testing.T) {
	second := with("c-1", "c-2")
	for _, test := range []struct {
		name, fault, body, status, counts string
		counted                           int
	}{
		{"all count", "", body(good, second), "SUCCESS", "", 2},
		{"the same twice", "", body(good, good), "PARTIAL_SUCCESS", "DUPLICATE_TRANSACTION_ID=1", 1},
		{"the same click at the same time", "", body(with(`"transactionId":"c-1",`, ``), with(`"transactionId":"c-1",`, ``)), "PARTIAL_SUCCESS", "DUPLICATE_GCLID=1", 1},
		{"consent denied", "", body(with("CONSENT_GRANTED", "CONSENT_DENIED")), "FAILED", "DENIED_CONSENT=1", 0},
		{"consent denied for all", "", strings.Replace(body(with(`,"consent":{"adUserData":"CONSENT_GRANTED"}`, ``)), `"encoding"`, `"consent":{"adUserData":"CONSENT_DENIED"},"encoding"`, 1), "FAILED", "DENIED_CONSENT=1", 0},
		{"a gclid with a space", "", body(with("Cj0KCQiA-demo-click", "Cj0 KCQ"), second), "PARTIAL_SUCCESS", "INVALID_GCLID=1", 1},
		{"too old", "", body(with("2026-11-25T10", "2026-08-25T10")), "FAILED", "EVENT_TOO_OLD=1", 0},
		{"unknown click", "click_not_found", body(good, second), "PARTIAL_SUCCESS", "CLICK_NOT_FOUND=1", 1},
		{"recent click", "too_recent_click", body(good), "FAILED", "TOO_RECENT_CLICK=1", 0},
		{"no consent", "no_consent", body(good), "FAILED", "NO_CONSENT=1", 0},
		{"processing", "processing", body(good), "PROCESSING", "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t)
			if test.fault != "" {
				b.Fault(test.fault, 1)
			}
			one := post(b, test.body)
			counted, _ := b.Accepted()
			if one.Status != test.status || counts(one) != test.counts || len(counted) != test.counted {
				t.Errorf("%s %q, %d count", one.Status, counts(one), len(counted))
			}
		})
	}
}

// TestAnEventGoesWhereItRefersTo: each destination has its own account of ids.
func TestAnEventGoesWhereItRefersTo(t *testing.T) {
	b := start(t)
	destination := func(reference, action string) string {
		return `{"reference":"` + reference + `","operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1234567890"},"productDestinationId":"` + action + `"}`
	}
	var took struct{ RequestID string }
	b.JSON(http.MethodPost, ingest, `{"destinations":[`+destination("a", "7001001")+`,`+destination("b", "7001002")+`],"encoding":"HEX","events":[`+
		good+`,`+with(`"transactionId":"c-1"`, `"transactionId":"c-2","destinationReferences":["b"]`)+`]}`, http.StatusOK, &took)
	b.Golden("status of two destinations", http.MethodGet, "/v1/requestStatus:retrieve?requestId="+took.RequestID, "")
	counted, _ := b.Accepted()
	var list []string
	for _, c := range counted {
		list = append(list, c.Place+" "+c.ID)
	}
	if got := strings.Join(list, ", "); got != "1234567890/7001001 c-1, 1234567890/7001002 c-1, 1234567890/7001002 c-2" {
		t.Error(got)
	}
	b.Golden("status of nothing", http.MethodGet, "/v1/requestStatus:retrieve?requestId=x", "")
	b.Golden("status without an id", http.MethodGet, "/v1/requestStatus:retrieve", "")
}

// TestTakenOnce: what was taken stays taken and is taken once, without an
// answer too and after a restart.
func TestTakenOnce(t *testing.T) {
	b := start(t)
	b.Fault("timeout", 1)
	if reply, err := b.Do(http.MethodPost, ingest, "application/json", body(good)); err == nil {
		t.Fatalf("answered with %d", reply.Status)
	}
	b.Restart()
	if one := post(b, body(good)); one.Status != "FAILED" || counts(one) != "DUPLICATE_TRANSACTION_ID=1" {
		t.Errorf("%s %s", one.Status, counts(one))
	}
	counted, others := b.Accepted()
	if len(counted) != 1 || len(others) != 1 || others[0].Why != reasonPrefix+"DUPLICATE_TRANSACTION_ID" {
		t.Errorf("%v, %v", counted, others)
	}
	var kept map[string]any
	if err := json.Unmarshal(counted[0].Event, &kept); err != nil || kept["conversionValue"] != 20.5 {
		t.Errorf("%v %v", kept, err)
	}
	if !strings.Contains(string(counted[0].Event), hash) {
		t.Errorf("the hash is gone: %s", counted[0].Event)
	}
}

func TestRefusals(t *testing.T) {
	b := start(t)
	for _, fault := range []string{"429", "500", "bad_token"} {
		b.Fault(fault, 1)
		b.Golden("fault "+fault, http.MethodPost, ingest, body(good))
	}
	all := b.Token
	b.Token = b.NewToken("openid")
	b.Golden("scope missing", http.MethodPost, ingest, body(good))
	b.Token = ""
	b.Golden("no token", http.MethodPost, ingest, body(good))
	b.Token = all
	b.Golden("nothing there", http.MethodPost, "/v2/events:ingest", body(good))
	b.Fault("revoke", 1)
	b.Golden("no token", http.MethodPost, ingest, body(good))
	if counted, others := b.Accepted(); len(counted)+len(others) > 0 {
		t.Errorf("%v %v", counted, others)
	}
}

func TestTheLimitOfAMinute(t *testing.T) {
	b := start(t)
	for n := range 301 {
		status := http.StatusOK
		if n == 300 {
			status = http.StatusTooManyRequests
		}
		b.JSON(http.MethodPost, ingest, strings.Replace(body(good), `"events"`, `"validateOnly":true,"events"`, 1), status, nil)
	}
	b.Advance(time.Minute)
	b.JSON(http.MethodPost, ingest, body(good), http.StatusOK, nil)
}

func TestOAuth(t *testing.T) {
	b := start(t)
	made := b.Token
	authorize := func(form url.Values) adstest.Grant {
		t.Helper()
		form.Set("scope", "openid "+scopeDataManager)
		if form["grant"] == nil {
			form["grant"] = []string{"openid", scopeDataManager}
		}
		return b.Authorize("/o/oauth2/auth", "/token", form)
	}
	if g := authorize(url.Values{}); g.Refresh != "" || g.Expires != 3599 {
		t.Errorf("without access_type=offline: %+v", g)
	}
	first := authorize(url.Values{"access_type": {"offline"}})
	if first.Refresh == "" {
		t.Fatal("no refresh token")
	}
	if g := authorize(url.Values{"access_type": {"offline"}}); g.Refresh != "" {
		t.Error("a second refresh token without prompt=consent")
	}
	if g := authorize(url.Values{"access_type": {"offline"}, "prompt": {"consent"}}); g.Refresh == "" {
		t.Error("no refresh token with prompt=consent")
	}
	narrow := authorize(url.Values{"grant": {"openid"}})
	b.Token = narrow.Access
	b.JSON(http.MethodPost, ingest, body(good), http.StatusForbidden, nil)

	b.Token = first.Access
	b.JSON(http.MethodPost, ingest, body(good), http.StatusOK, nil)
	b.Advance(time.Hour)
	b.JSON(http.MethodPost, ingest, body(good), http.StatusUnauthorized, nil)
	refresh := url.Values{"client_id": {adstest.ClientID}, "client_secret": {adstest.ClientSecret}, "grant_type": {"refresh_token"}, "refresh_token": {first.Refresh}}
	var again adstest.Grant
	b.Form("/token", refresh, http.StatusOK, &again)
	b.Token = again.Access
	b.JSON(http.MethodPost, ingest, body(good), http.StatusOK, nil)
	b.Form("/revoke", url.Values{"token": {again.Access}}, http.StatusOK, nil)
	b.JSON(http.MethodPost, ingest, body(good), http.StatusUnauthorized, nil)
	b.Form("/token", refresh, http.StatusBadRequest, nil)
	b.Form("/revoke", url.Values{"token": {again.Access}}, http.StatusBadRequest, nil)
	refresh.Set("client_secret", "wrong")
	b.Form("/token", refresh, http.StatusUnauthorized, nil)
	b.NothingPlain(made, first.Access, first.Refresh, again.Access, adstest.ClientSecret)
}

func TestConsentThatIsNotGiven(t *testing.T) {
	b := start(t)
	for _, wrong := range []url.Values{
		{"client_id": {"x"}}, {"redirect_uri": {"http://127.0.0.1/other"}}, {"scope": {"everything"}}, {"response_type": {"token"}},
	} {
		sent := url.Values{"client_id": {adstest.ClientID}, "redirect_uri": {adstest.Redirect}, "response_type": {"code"}, "scope": {scopeDataManager}}
		for name, values := range wrong {
			sent[name] = values
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			query := map[string]string{http.MethodGet: "?" + sent.Encode()}[method]
			reply, err := b.Do(method, "/o/oauth2/auth"+query, "application/x-www-form-urlencoded", sent.Encode())
			if err != nil || reply.Status != http.StatusBadRequest || !strings.Contains(string(reply.Body), `role="alert"`) {
				t.Errorf("%v %s: %v %d", wrong, method, err, reply.Status)
			}
		}
	}
	sent := url.Values{"client_id": {adstest.ClientID}, "redirect_uri": {adstest.Redirect}, "response_type": {"code"}, "scope": {scopeDataManager}, "decision": {"cancel"}}
	reply, err := b.Do(http.MethodPost, "/o/oauth2/auth", "application/x-www-form-urlencoded", sent.Encode())
	if err != nil || reply.Header.Get("Location") != adstest.Redirect+"?error=access_denied" {
		t.Errorf("%v %v", err, reply.Header)
	}
}

// FuzzParse: whatever comes, a request is refused in words or keeps the limits.
func FuzzParse(f *testing.F) {
	f.Add(body(good))
	f.Add(`{"destinations":[{"productDestinationId":"7001001"}],"events":[{},null],"encoding":"BASE64"}`)
	f.Add(`{"events":[{"userData":{"userIdentifiers":[{"address":{"givenName":""}}]}}],"events":[{}]}`)
	f.Add(fmt.Sprintf(`{"events":%s}`, strings.Repeat("[", 10000)))
	shape, err := loadDescription()
	if err != nil {
		f.Fatal(err)
	}
	s := &Server{account: "1234567890", actions: []Action{{ID: "7001001"}}, shape: shape}
	f.Fuzz(func(t *testing.T, text string) {
		r, refusal := s.parse([]byte(text))
		if refusal.Status != 0 {
			if refusal.Status != http.StatusBadRequest || refusal.Body == nil {
				t.Errorf("%+v", refusal)
			}
			return
		}
		if len(r.Events) != len(r.raw) || len(r.Events) == 0 || len(r.Events) > maxEvents || len(r.Destinations) == 0 {
			t.Errorf("%d events, %d raw, %d destinations", len(r.Events), len(r.raw), len(r.Destinations))
		}
		for _, e := range r.Events {
			_ = judge(e, r.Consent, time.Unix(0, 0))
			if id, why := key(e); (id == "") != (why == "") {
				t.Errorf("%q %q", id, why)
			}
		}
	})
}
