package googleads

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ads/adstest"
	"sourceloop/deploy/standin/google"
	"sourceloop/schema"
	"sourceloop/sinks"
	"sourceloop/sinks/sinkstest"
)

const (
	account = "123-456-7890" // As Google's pages show it.
	action  = "7001001"
)

// bench is the stand-in and a subject that talks to it.
func bench(t *testing.T) (*adstest.Bench, *sinkstest.Subject) {
	t.Helper()
	b := adstest.Start(t, func(c ads.Config) (adstest.Vendor, error) {
		c.RequestsPerMinute = -1
		return google.New(google.Config{Config: c})
	})
	return b, &sinkstest.Subject{
		New:    func(base string) sinks.Platform { return New(Config{APIBase: base, Now: b.Now}) },
		URL:    b.URL,
		Target: schema.Target{Token: b.Token, Account: account, Action: action},
		Weak:   b.NewToken("openid"),
		Now:    b.Now, Fault: b.Fault,
		Accepted: func() (ids []string) {
			counted, _ := b.Accepted()
			for _, one := range counted {
				ids = append(ids, one.ID)
			}
			return ids
		},
		Refusal: func(status int, words string) string {
			text, err := json.Marshal(map[string]any{"requestId": words, "error": map[string]any{
				"code": status, "status": "INVALID_ARGUMENT", "message": words,
				"details": []any{map[string]any{"fieldViolations": []any{map[string]any{"field": "events[1]." + words, "description": words, "reason": "INVALID"}}}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		},
	}
}

func TestConformance(t *testing.T) {
	sinkstest.Run(t, func(t *testing.T) *sinkstest.Subject {
		_, s := bench(t)
		return s
	})
}

func TestVectors(t *testing.T) {
	sinkstest.Vectors(t, map[string]func(string) string{"email": NormalEmail, "phone": NormalPhone, "bare": withoutTag})
}

// TestWhatGoogleGets compares a whole event with what the stand-in kept of it.
func TestWhatGoogleGets(t *testing.T) {
	b, s := bench(t)
	o := s.Event(0)
	o.Email = "Ada.Quill+Chat@gmail.com"
	o.Clicks = append(o.Clicks, schema.Click{Name: "wbraid", Value: "older", At: o.At - 1e7})
	want := `{"transactionId":"` + o.Push.String() + `","eventTimestamp":"2026-11-25T11:00:00Z","eventSource":"MESSAGE",
		"adIdentifiers":{"gclid":"Cj0KCQjw-made_UP-8XtzBhCNARIsAJ"},
		"userData":{"userIdentifiers":[
			{"emailAddress":"` + sum("adaquill+chat@gmail.com") + `"},{"emailAddress":"` + sum("adaquill@gmail.com") + `"},{"phoneNumber":"` + sum("+4915199887766") + `"}]},
		"conversionValue":20.5,"currency":"USD","consent":{"adUserData":"CONSENT_GRANTED","adPersonalization":"CONSENT_GRANTED"}}`
	kept(t, b, s, o, want)

	o = s.Event(1)
	o.Email, o.Phone, o.Value, o.Consent = "", "", 0, schema.ConsentUnknown
	o.Clicks = []schema.Click{{Name: "gclid", Value: "older", At: o.At - 1000}, {Name: "gbraid", Value: "newest", At: o.At - 10}, {Name: "wbraid", Value: "not_this", At: o.At - 10}}
	kept(t, b, s, o, `{"transactionId":"`+o.Push.String()+`","eventTimestamp":"2026-11-25T11:00:00.001Z","eventSource":"MESSAGE",
		"adIdentifiers":{"gbraid":"newest"},"conversionValue":0,"currency":"USD"}`)

	o = s.Event(2)
	o.HasValue, o.Currency, o.Phone, o.Clicks = false, "", "", []schema.Click{{Name: "gclid", Value: "not a click", At: o.At}, {Name: "wbraid", Value: "last-year", At: o.At.Add(-91 * 24 * time.Hour)}}
	kept(t, b, s, o, `{"transactionId":"`+o.Push.String()+`","eventTimestamp":"2026-11-25T11:00:00.002Z","eventSource":"MESSAGE",
		"userData":{"userIdentifiers":[{"emailAddress":"`+sum("ada.quill@example.com")+`"}]},"consent":{"adUserData":"CONSENT_GRANTED","adPersonalization":"CONSENT_GRANTED"}}`)
}

func kept(t *testing.T, b *adstest.Bench, s *sinkstest.Subject, o schema.Outgoing, want string) {
	t.Helper()
	if v := sinkstest.Settle(t.Context(), t, s.New(s.URL), s.Target, []schema.Outgoing{o})[0]; v.Outcome != schema.OutcomeSent {
		t.Fatalf("%+v", v)
	}
	counted, _ := b.Accepted()
	last := counted[len(counted)-1]
	if last.Place != "1234567890/"+action {
		t.Errorf("it counts at %s", last.Place)
	}
	var got, wanted any
	if err := json.Unmarshal(last.Event, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("Google got %s, not %s", last.Event, want)
	}
}

// TestReasons: each reason that the stand-in knows ends in its outcome, of one
// event and of a batch that shares it; a batch that does not is to go alone.
func TestReasons(t *testing.T) {
	for _, test := range []struct {
		fault, code string
		outcome     schema.Outcome
		after       time.Duration
		words       string
	}{
		{"click_not_found", "PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", schema.OutcomeRefused, 0, "customer id of the account"},
		{"too_recent_click", "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK", schema.OutcomeAlone, 6 * time.Hour, "six hours"},
		{"expired_click", "PROCESSING_ERROR_REASON_EXPIRED_CLICK", schema.OutcomeRefused, 0, "click-through window"},
		{"invalid_gclid", "PROCESSING_ERROR_REASON_INVALID_GCLID", schema.OutcomeRefused, 0, "redirects"},
		{"event_too_old", "PROCESSING_ERROR_REASON_EVENT_TOO_OLD", schema.OutcomeRefused, 0, "too old"},
		{"no_consent", "PROCESSING_ERROR_REASON_NO_CONSENT", schema.OutcomeNoConsent, 0, "consent"},
		{"internal_error", "PROCESSING_ERROR_REASON_INTERNAL_ERROR", schema.OutcomeAlone, 10 * time.Minute, "by itself"},
	} {
		t.Run(test.fault, func(t *testing.T) {
			b, s := bench(t)
			b.Fault(test.fault, 3)
			one := sinkstest.Settle(t.Context(), t, s.New(s.URL), s.Target, s.Events(1))[0]
			if one.Outcome != test.outcome || one.Code != test.code || one.After != test.after || !strings.Contains(one.Words, test.words) {
				t.Errorf("%+v", one)
			}
			for _, v := range sinkstest.Settle(t.Context(), t, s.New(s.URL), s.Target, s.Events(2)) {
				if v.Outcome != test.outcome {
					t.Errorf("a batch that shares it: %+v", v)
				}
			}
			b.Fault(test.fault, 1)
			for _, v := range sinkstest.Settle(t.Context(), t, s.New(s.URL), s.Target, s.Events(3)) {
				if v.Outcome != schema.OutcomeAlone {
					t.Errorf("a batch that does not: %+v", v)
				}
			}
		})
	}
}

// TestEveryReasonHasWords: those of Google's description, and one from tomorrow.
func TestEveryReasonHasWords(t *testing.T) {
	description, err := os.ReadFile("../../deploy/standin/google/spec/datamanager-v1.discovery.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Schemas map[string]struct {
			Properties map[string]struct{ Enum []string }
		}
	}
	if err := json.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	reasons := d.Schemas["ErrorCount"].Properties["reason"].Enum
	if len(reasons) < 40 {
		t.Fatalf("%d reasons", len(reasons))
	}
	known := map[string]bool{}
	for _, reason := range append(reasons, "PROCESSING_ERROR_REASON_MADE_UP_TOMORROW", "something else") {
		known[strings.TrimPrefix(reason, reasonPrefix)] = true
		v := verdictOf(reason)
		if v.Outcome == 0 || len(v.Words) < 40 || strings.Contains(v.Words, "_") || strings.Contains(v.Words, "“”") {
			t.Errorf("%s: %+v", reason, v)
		}
	}
	for reason := range judgements() {
		if !known[reason] {
			t.Errorf("Google does not know the reason %s", reason)
		}
	}
}

// TestDryRunsTellWarnings: what Google would take, but not all of, is not said to
// be without fault.
func TestDryRunsTellWarnings(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"fieldWarnings":[{"field":"events[1].currency","description":"It is not used.","reason":"WARNING_REASON_GENERIC"}]}`) // The client sees what is missing.
	}))
	defer server.Close()
	_, s := bench(t)
	s.Target.DryRun = true
	all := s.New(server.URL).Send(t.Context(), s.Target, s.Events(3))
	for i, v := range all {
		warned := strings.Contains(v.Words, "not all of it") && strings.Contains(v.Words, "“It is not used.”")
		if v.Outcome != schema.OutcomeSent || warned != (i == 1) || warned == strings.Contains(v.Words, "nothing wrong") {
			t.Errorf("event %d: %+v", i, v)
		}
	}
}

// TestStillLooking: while Google looks, and does not know the request yet, it is
// taken; trouble in asking is about asking only.
func TestStillLooking(t *testing.T) {
	b, s := bench(t)
	p := s.New(s.URL)
	receipt := p.Send(t.Context(), s.Target, s.Events(1))[0].Receipt
	ask := func(receipt string) schema.Outcome { return p.Confirm(t.Context(), s.Target, receipt, 1).Outcome }
	b.Fault("processing", 2)
	for _, want := range []schema.Outcome{schema.OutcomeTaken, schema.OutcomeTaken, schema.OutcomeSent, schema.OutcomeSent} {
		if got := ask(receipt); got != want {
			t.Errorf("outcome %d, not %d", got, want)
		}
	}
	if got := ask("of nobody"); got != schema.OutcomeTaken {
		t.Errorf("a request that is not known yet: %d", got)
	}
	for _, fault := range []struct {
		kind string
		want schema.Outcome
	}{{"429", schema.OutcomeLater}, {"500", schema.OutcomeLater}, {"bad_token", schema.OutcomeDenied}} {
		b.Fault(fault.kind, 1)
		if got := ask(receipt); got != fault.want {
			t.Errorf("%s: %d", fault.kind, got)
		}
	}
}

// TestDestinations: a wrong account or action is its destination's error, and no
// other's; nothing is taken.
func TestDestinations(t *testing.T) {
	b, s := bench(t)
	for _, test := range []struct{ account, action, words string }{
		{"999-999-9999", action, "does not let the person who connected it send to the account 9999999999"},
		{account, "1", "the conversion action 1 is not right"},
		{account, "customers/1/conversionActions/7001001", "conversion action"},
		{"my account", action, "the customer id myaccount"},
		{account, "", "conversion action"},
	} {
		target := s.Target
		target.Account, target.Action = test.account, test.action
		for _, v := range sinkstest.Settle(t.Context(), t, s.New(s.URL), target, s.Events(3)) {
			if v.Outcome != schema.OutcomeRefused || !strings.Contains(v.Words, test.words) || !strings.Contains(v.Words, "send it again") {
				t.Errorf("%s %s: %+v", test.account, test.action, v)
			}
		}
	}
	if counted, _ := b.Accepted(); len(counted) != 0 {
		t.Errorf("%d count", len(counted))
	}
}

// TestOneIsToBlame: of a request that was refused for one event, named or not,
// all others count.
func TestOneIsToBlame(t *testing.T) {
	for _, field := range []string{"events[5].userData", "", "nonsense"} {
		_, s := bench(t)
		bad := s.Event(5).Push.String()
		next := s.New(s.URL)
		url := sinkstest.Proxy(t, s.URL, func(body string) (int, string) {
			i := strings.Index(body, bad)
			if i < 0 {
				return 0, ""
			}
			violations := ""
			if field != "" {
				// Its place in this request.
				place := strings.Count(body[:i], `"transactionId"`) - 1
				violations = fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":%q,"description":"bad","reason":"INVALID_HASH"}]}`, strings.Replace(field, "5", fmt.Sprint(place), 1))
			}
			return http.StatusBadRequest, `{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"no","details":[` + violations + `]}}`
		})
		events := s.Events(20)
		verdicts := s.New(url).Send(t.Context(), s.Target, events)
		for i, v := range verdicts {
			if i == 5 && v.Outcome != schema.OutcomeRefused || i != 5 && v.Outcome != schema.OutcomeTaken {
				t.Errorf("%q: event %d: %+v", field, i, v)
			}
		}
		if got := len(s.Accepted()); got != 19 || next == nil {
			t.Errorf("%q: %d count", field, got)
		}
	}
}

// FuzzNormalEmail: what is normal stays so, and is nothing or an address.
func FuzzNormalEmail(f *testing.F) {
	for _, text := range []string{"A.B+c@gmail.com", " a@b ", "@", "a@@b", "..@googlemail.com", "Ä@Ö.example", "İ@x.example"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		normal := NormalEmail(text)
		if again := NormalEmail(normal); again != normal {
			t.Errorf("%q becomes %q, and that %q", text, normal, again)
		}
		local, domain, found := strings.Cut(normal, "@")
		if normal != "" && (!found || local == "" || domain == "" || isGmail(domain) && strings.Contains(local, ".")) {
			t.Errorf("%q becomes %q", text, normal)
		}
		if bare := withoutTag(normal); bare != "" && (!isGmail(domain) || len(bare) >= len(normal) || NormalEmail(bare) != bare) {
			t.Errorf("%q without its tag is %q", normal, bare)
		}
	})
}

// FuzzNormalPhone: digits and their order stay, and nothing else.
func FuzzNormalPhone(f *testing.F) {
	f.Add("+49 (151) 1")
	f.Add("٣")
	f.Fuzz(func(t *testing.T, text string) {
		normal := NormalPhone(text)
		if NormalPhone(normal) != normal || normal != "" && (normal[0] != '+' || strings.Trim(normal[1:], "0123456789") != "" || len(normal) < 2) {
			t.Errorf("%q becomes %q", text, normal)
		}
	})
}
