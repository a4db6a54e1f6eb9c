package resolve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sourceloop/pipeline/resolve"
	"sourceloop/schema"
)

// TestPlanRestricted: where the plan refuses questions, the webhook's own item
// is what is known.
func TestPlanRestricted(t *testing.T) {
	v := newVendor(t)
	v.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, `{"type":"error.list","errors":[{"code":"api_plan_restricted"}]}`, http.StatusForbidden)
		return true
	}
	d := newDesk(t, v, nil)
	for name, want := range map[string]string{
		"contact.lead.added_email": `verified email:ann.lee+tea@example.com = intercom:6a1f00000000000000000001 = phone:+4930901820
  at 2026-03-02 12:02:30.999, by intercom, on "intercom contact 6a1f00000000000000000001", name "Ann Lee"
asserted intercom:6a1f00000000000000000001 = visitor:visitor-ann`,
		"conversation.user.created": `verified email:ann.lee+tea@example.com = intercom:6a1f00000000000000000001
  at 2026-03-02 12:00:30.999, by intercom, on "intercom conversation 100", name "Ann Lee"
intercom_conversation 29df783d-7c9d-8260-ab88-41b223cda4af of intercom:6a1f00000000000000000001, visitor ""`,
		// A teammate's email is nobody's.
		"conversation.user.replied, begun by a teammate": `verified intercom:6a1f00000000000000000002
  at 2026-03-02 12:00:30.999, by intercom, on "intercom conversation 300", name ""`,
	} {
		result, err := d.Resolve(t.Context(), record(t, name))
		if err != nil {
			t.Fatal(name, err)
		}
		if got := render(t, result); !strings.Contains(got, want) {
			t.Errorf("%s gave\n%s\nwant\n%s", name, got, want)
		}
	}
	if len(d.failed) > 0 {
		t.Error("the card says", d.failed)
	}
}

func TestLater(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(d *desk) http.HandlerFunc
		after  time.Duration
		failed bool
	}{
		"too many requests, until": {after: 7 * time.Second, answer: func(d *desk) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(d.now.Unix()+7, 10))
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}},
		"too many requests": {after: time.Second, answer: status(http.StatusTooManyRequests)},
		"retry after":       {after: 30 * time.Second, answer: retryAfter("30")},
		"retry in a year":   {after: 10 * time.Minute, answer: retryAfter("31536000")},
		"server error":      {after: time.Second, answer: status(http.StatusBadGateway)},
		"no JSON": {after: time.Second, answer: func(*desk) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }
		}},
		"hangs up": {after: time.Second, answer: func(*desk) http.HandlerFunc {
			return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}},
		"redirect": {after: time.Second, answer: status(http.StatusFound)},
		"revoked":  {after: 15 * time.Minute, answer: status(http.StatusUnauthorized), failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t)
			d := newDesk(t, v, nil)
			d.now = d.now.Truncate(time.Second)
			v.refuse = func(w http.ResponseWriter, r *http.Request) bool {
				test.answer(d)(w, r)
				return true
			}
			_, err := d.Resolve(t.Context(), record(t, "contact.lead.created"))
			e := later(t, err)
			if e.After != test.after {
				t.Errorf("again in %s, want %s", e.After, test.after)
			}
			if (len(d.failed) == 1) != test.failed {
				t.Errorf("the card says %q", d.failed)
			}
			if strings.Contains(err.Error(), theToken) || strings.Contains(err.Error(), "6a1f") {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
}

func status(code int) func(*desk) http.HandlerFunc {
	return func(*desk) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
}

func retryAfter(seconds string) func(*desk) http.HandlerFunc {
	return func(*desk) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", seconds)
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}
}

// TestBackOff: while a connection rests it is not asked, each rest is longer
// than the one before, and an answer ends it all.
func TestBackOff(t *testing.T) {
	v := newVendor(t)
	down := true
	v.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down
	}
	d := newDesk(t, v, nil)
	for round, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		_, err := d.Resolve(t.Context(), record(t, "contact.lead.created"))
		if e := later(t, err); e.After != want {
			t.Fatalf("round %d: again in %s, want %s", round, e.After, want)
		}
		asked := len(v.asked)
		d.now = d.now.Add(want / 2)
		_, err = d.Resolve(t.Context(), record(t, "conversation.user.created"))
		if e := later(t, err); e.After != want/2 || len(v.asked) != asked {
			t.Fatalf("round %d: at rest it was asked, or is to rest %s", round, e.After)
		}
		d.now = d.now.Add(want / 2)
	}
	// A ping asks nothing, so that nothing holds it back.
	if result, err := d.Resolve(t.Context(), record(t, "ping")); err != nil || result.Outcome != resolve.Ignored {
		t.Fatal(result, err)
	}
	down = false
	if result, err := d.Resolve(t.Context(), record(t, "contact.lead.created")); err != nil || result.Outcome != resolve.Resolved {
		t.Fatal(result, err)
	}
	down = true
	_, err := d.Resolve(t.Context(), record(t, "contact.lead.created"))
	if e := later(t, err); e.After != time.Second {
		t.Fatalf("after an answer the first rest is %s", e.After)
	}
}

// TestPace: Intercom's own count of what is left is believed before it has to
// refuse anything.
func TestPace(t *testing.T) {
	v := newVendor(t)
	d := newDesk(t, v, nil)
	d.now = d.now.Truncate(time.Second)
	left := "0"
	v.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("X-RateLimit-Remaining", left)
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(d.now.Unix()+8, 10))
		return false
	}
	if _, err := d.Resolve(t.Context(), record(t, "contact.lead.created")); err != nil {
		t.Fatal(err)
	}
	_, err := d.Resolve(t.Context(), record(t, "contact.lead.created"))
	if e := later(t, err); e.After != 8*time.Second || len(v.asked) != 1 {
		t.Fatalf("with nothing left it asked %d times, and then again in %s", len(v.asked), e.After)
	}
	d.now, left = d.now.Add(8*time.Second), "1"
	for range 2 {
		if _, err := d.Resolve(t.Context(), record(t, "contact.lead.created")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUninstallNotice: anybody could have sent it, so Intercom is asked.
func TestUninstallNotice(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		failed int
		later  bool
	}{
		"not true": {status: http.StatusOK}, "true": {status: http.StatusUnauthorized, failed: 1},
		"refused": {status: http.StatusForbidden}, "Intercom is busy": {status: http.StatusTooManyRequests, later: true},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t)
			v.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte("{}"))
				return true
			}
			d := newDesk(t, v, nil)
			result, err := d.Resolve(t.Context(), record(t, "uninstalled"))
			if test.later {
				later(t, err)
			} else if err != nil || result.Outcome != resolve.Ignored {
				t.Errorf("it ended as %v, %v", result, err)
			}
			if len(d.failed) != test.failed || len(d.seen) > 0 || len(v.asked) != 1 || v.asked[0] != "/me" {
				t.Errorf("the card says %q and has seen %v; asked was %q", d.failed, d.seen, v.asked)
			}
		})
	}
}

// TestRegions: a conversation reopens where its workspace is hosted.
func TestRegions(t *testing.T) {
	for region, host := range map[string]string{"US": "https://app.intercom.com/a/", "EU": "https://app.eu.intercom.com/a/", "AU": "https://app.au.intercom.com/a/", "": "https://app.intercom.com/a/"} {
		d := newDesk(t, newVendor(t), func(c *resolve.IntercomConfig) {
			c.Region = func(context.Context, int64) string { return region }
		})
		result, err := d.Resolve(t.Context(), record(t, "conversation.user.created"))
		if err != nil || !strings.HasPrefix(result.Evidence[0].Conversion.Url, host) {
			t.Errorf("region %q: %v, %v", region, result, err)
		}
	}
}

func TestOtherEnds(t *testing.T) {
	v := newVendor(t)
	t.Run("the connection was closed", func(t *testing.T) {
		rec := record(t, "conversation.user.created")
		rec.Connection = 71
		result, err := newDesk(t, v, nil).Resolve(t.Context(), rec)
		if err != nil || result.Outcome != resolve.Discarded || len(result.Evidence) > 0 {
			t.Fatal(result, err)
		}
	})
	t.Run("a token that does not open", func(t *testing.T) {
		d := newDesk(t, sealedShut{}, nil)
		_, err := d.Resolve(t.Context(), record(t, "contact.lead.created"))
		if later(t, err); len(d.failed) != 1 {
			t.Fatal("the card says nothing")
		}
	})
	t.Run("the process stops", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newDesk(t, v, nil).Resolve(ctx, record(t, "contact.lead.created"))
		var e *resolve.ErrLater
		if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
			t.Fatalf("got %v: our own stopping is no fault of the provider's", err)
		}
	})
	t.Run("the card cannot be written", func(t *testing.T) {
		away := schema.E("note", schema.KindUnavailable, "The database is away.")
		d := newDesk(t, v, func(c *resolve.IntercomConfig) {
			c.Seen = func(context.Context, int64, schema.Millis) error { return away }
		})
		if _, err := d.Resolve(t.Context(), record(t, "ping")); !errors.Is(err, away) {
			t.Fatal(err)
		}
	})
	t.Run("the question is refused", func(t *testing.T) {
		odd := newVendor(t)
		odd.refuse = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadRequest); return true }
		if _, err := newDesk(t, odd, nil).Resolve(t.Context(), record(t, "contact.lead.created")); schema.KindOf(err) != schema.KindInvalid {
			t.Fatal(err)
		}
	})
	t.Run("merges without an end", func(t *testing.T) {
		loop := newVendor(t)
		loop.refuse = func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Link", `</contacts/x`+strconv.Itoa(len(r.URL.Path))+`>; rel="canonical"`)
			if r.URL.Path == "/contacts/x35" {
				w.Header().Set("Link", `</contacts/longer>; rel="canonical"`)
			}
			w.WriteHeader(http.StatusGone)
			return true
		}
		result, err := newDesk(t, loop, nil).Resolve(t.Context(), record(t, "contact.lead.created"))
		if err != nil || result.Outcome != resolve.Gone || len(loop.asked) > 4 {
			t.Fatal(result, err, loop.asked)
		}
	})
	t.Run("incomplete", func(t *testing.T) {
		if _, err := resolve.NewIntercom(resolve.IntercomConfig{}); err == nil {
			t.Fatal("a resolver without anything was made")
		}
	})
}

type sealedShut struct{}

func (sealedShut) Access(context.Context, int64) (string, string, error) {
	return "", "", schema.E("open", schema.KindInternal, "It does not open.")
}

// TestNeverResolved: what no repetition will mend is a dead letter, whose
// reason does not quote it.
func TestNeverResolved(t *testing.T) {
	d := newDesk(t, newVendor(t), nil)
	for name, body := range map[string]string{
		"empty":           ``,
		"no JSON":         `{"app_id":"tea1","topic":"secret@example.com`,
		"no object":       `["secret@example.com"]`,
		"no topic":        `{"app_id":"tea1","type":"notification_event"}`,
		"no app":          `{"topic":"ping"}`,
		"another app":     `{"app_id":"tea2","topic":"ping"}`,
		"no item":         `{"app_id":"tea1","topic":"contact.lead.created"}`,
		"null item":       `{"app_id":"tea1","topic":"conversation.user.created","data":{"item":null}}`,
		"item no object":  `{"app_id":"tea1","topic":"contact.merged","data":{"item":"secret@example.com"}}`,
		"ten thousand in": `{"app_id":"tea1","topic":"ping","data":{"item":` + strings.Repeat("[", 20000) + `}}`,
	} {
		rec := &schema.WebhookRecord{Provider: "intercom", App: "tea1", Workspace: workspace, Connection: connection, Body: []byte(body)}
		_, err := d.Resolve(t.Context(), rec)
		if schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("%s: got %v", name, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the reason quotes the body: %v", name, err)
		}
	}
}

// TestRefusedVisitors: what a program writes when it knows no id ties nobody.
func TestRefusedVisitors(t *testing.T) {
	for _, value := range []any{
		"", "null", "undefined", "none", "0", "true", "[object Object]", "anonymous", "guest", `"null"`, "'Guest'", " NULL ",
		0, true, 17, []string{"a"}, map[string]any{}, strings.Repeat("x", 256), "a\x00b",
	} {
		body := contactHook(t, map[string]any{"id": "1", "role": "lead", "custom_attributes": map[string]any{"sourceloop_id": value}})
		result := resolveRefused(t, body)
		if len(result.Refused) != 1 || result.Refused[0].Field != "sourceloop_id" || len(result.Evidence[0].Claims) != 1 {
			t.Errorf("%v: refused %v, claims %v", value, result.Refused, result.Evidence[0].Claims)
		}
	}
	for _, value := range []any{nil, "0198c7a0-1111-7222-8333-444455556666"} {
		body := contactHook(t, map[string]any{"id": "1", "role": "lead", "custom_attributes": map[string]any{"sourceloop_id": value}})
		if result := resolveRefused(t, body); len(result.Refused) != 0 {
			t.Errorf("%v is refused", value)
		}
	}
}

// resolveRefused resolves a webhook by its own item, the plan refusing the rest.
func resolveRefused(t *testing.T, body []byte) *resolve.Result {
	t.Helper()
	v := newVendor(t)
	v.refuse = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true }
	result, err := newDesk(t, v, nil).Resolve(t.Context(), &schema.WebhookRecord{App: "tea1", Workspace: workspace, Connection: connection, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func contactHook(t *testing.T, item map[string]any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"app_id": "tea1", "topic": "contact.lead.created", "created_at": 1772452900, "data": map[string]any{"item": item},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestRepeatedAfterAChange: an old webhook that comes again after the email was
// changed does not make the new email as old as the old one.
func TestRepeatedAfterAChange(t *testing.T) {
	v := newVendor(t)
	email, updated := "old@example.com", 1772452900
	v.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
		answer, _ := json.Marshal(map[string]any{"id": "6a1f00000000000000000001", "role": "lead", "email": email, "updated_at": updated})
		_, _ = w.Write(answer)
		return true
	}
	d := newDesk(t, v, nil)
	at := func() int64 {
		result, err := d.Resolve(t.Context(), record(t, "contact.lead.created"))
		if err != nil {
			t.Fatal(err)
		}
		return result.Evidence[0].Claims[0].At
	}
	before := at()
	if before != int64(schema.EndOfSecond(1772452900)) {
		t.Fatalf("first claimed at %d", before)
	}
	email, updated = "new@example.com", 1772453000
	if after := at(); after != int64(schema.EndOfSecond(1772453000)) {
		t.Fatalf("the new email is claimed as of %d", after)
	}
}

func TestOldBodies(t *testing.T) {
	body := []byte(`{"app_id":"tea1","topic":"conversation.user.created","created_at":1772452900,"data":{"item":{"id":5,
		"created_at":1772452830,"open":true,"source":{"body":"<p>Hello &amp; welcome</p><p>second<br>third</p>","author":{"type":"lead","id":"9","email":"x@example.com"}}}}}`)
	result := resolveRefused(t, body)
	fact := result.Evidence[0].Conversion
	if fact.Message != "Hello & welcome\nsecond\nthird" || fact.State != "open" || fact.ExternalId != "5" || fact.Node != "intercom:9" {
		t.Fatalf("got %v", fact)
	}
	long := []byte(`{"app_id":"tea1","topic":"conversation.user.created","data":{"item":{"id":5,"source":{"body":"` + strings.Repeat("ü", 9000) + `","author":{"type":"user","id":"9"}}}}}`)
	fact = resolveRefused(t, long).Evidence[0].Conversion
	if len(fact.Message) != 8<<10 || !strings.HasSuffix(fact.Message, "ü") {
		t.Fatalf("a long message is kept with %d bytes", len(fact.Message))
	}
}

// FuzzResolve: whatever the body, resolving it by itself ends in evidence of
// the record's workspace, with sound ids, or in words.
func FuzzResolve(f *testing.F) {
	files, err := filepath.Glob("testdata/webhooks/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.ReplaceAll(body, []byte("\n"), nil))
	}
	refuse := &http.Client{Transport: refusing{}}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := newDesk(t, openDoor{}, func(c *resolve.IntercomConfig) { c.Client = refuse })
		rec := &schema.WebhookRecord{App: "tea1", Workspace: workspace, Connection: connection, Received: int64(received), Body: body}
		result, err := d.Resolve(t.Context(), rec)
		if err != nil {
			if schema.KindOf(err) != schema.KindInvalid {
				t.Fatalf("got %v", err)
			}
			return
		}
		again, err := d.Resolve(t.Context(), rec)
		if err != nil || !same(result, again) {
			t.Fatalf("not the same twice: %v, %v, %v", result, again, err)
		}
		for _, e := range result.Evidence {
			for _, c := range e.Claims {
				if c.Workspace != workspace || len(c.Id) != 16 || len(c.Nodes) == 0 || c.At <= 0 {
					t.Fatalf("claim %v", c)
				}
				for _, n := range c.Nodes {
					if schema.Node(n).Value() == "" {
						t.Fatalf("claim %v has an empty node", c)
					}
				}
			}
			if c := e.Conversion; c != nil && (c.Workspace != workspace || len(c.Id) != 16 || c.Node == "intercom:" || c.At <= 0) {
				t.Fatalf("conversion %v", c)
			}
		}
	})
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody}, nil
}

type openDoor struct{}

func (openDoor) Access(context.Context, int64) (string, string, error) {
	return "http://127.0.0.1:9", theToken, nil
}
