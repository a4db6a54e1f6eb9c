package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sourceloop/schema"
)

func config(seed uint64, days, hits, visitors, chats int) Config {
	return Config{Seed: seed, Base: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC), Days: days, Hits: hits, Visitors: visitors, Chats: chats}
}

// everything is a plan as bytes: what is sent, in its order.
func everything(t *testing.T, c Config) []byte {
	t.Helper()
	var all bytes.Buffer
	write := json.NewEncoder(&all)
	p := newPlanner(c)
	for w := p.wave(); w != nil; w = p.wave() {
		for _, s := range w.sendings {
			if err := write.Encode(s.wire()); err != nil {
				t.Fatal(err)
			}
		}
		for _, who := range w.chatters() {
			for _, talk := range who.chats {
				if err := write.Encode(talk.wire()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return all.Bytes()
}

func TestTheSameSeedIsTheSameBytes(t *testing.T) {
	c := config(7, 30, 120_000, 9_000, 400)
	first := everything(t, c)
	if !bytes.Equal(first, everything(t, c)) {
		t.Error("two plans of one seed differ")
	}
	if c.Seed = 8; bytes.Equal(first, everything(t, c)) {
		t.Error("two seeds give one plan")
	}
}

// units plans everything.
func units(c Config) []*unit {
	var all []*unit
	for p := newPlanner(c); ; {
		u := p.next()
		if u == nil {
			return all
		}
		all = append(all, u)
	}
}

// What the product's rules need in order to give the planned sessions holds for every plan.
func TestPlansAreWithoutAmbiguity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days, visitors := rapid.IntRange(1, 40).Draw(t, "days"), rapid.IntRange(1, 120).Draw(t, "visitors")
		hits := visitors * rapid.IntRange(1, min(12, maxHits(days))).Draw(t, "hits a visitor")
		c := config(rapid.Uint64().Draw(t, "seed"), days, hits, visitors, rapid.IntRange(0, visitors).Draw(t, "chats"))
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		seen := struct{ hits, visitors, chats int }{}
		ids := map[schema.ID]bool{}
		for _, u := range units(c) {
			seen.visitors += len(u.browsers)
			for _, p := range u.people {
				seen.chats += len(p.chats)
			}
			for _, s := range u.sessions {
				seen.hits += len(s.hits)
				inside(t, c, s, ids)
			}
			for _, b := range u.browsers {
				follow(t, b)
			}
			apart(t, u)
		}
		if seen.hits != c.Hits || seen.visitors != c.Visitors || seen.chats != c.Chats {
			t.Fatalf("planned %+v of %+v", seen, c)
		}
	})
}

// inside: a session lies in the range and on one day, its hits are at most half an hour apart, and every id is new.
func inside(t *rapid.T, c Config, s *session, ids map[schema.ID]bool) {
	if s.start() < schema.MillisOf(c.begin()) || s.end() >= schema.MillisOf(c.Base) || s.start().Day() != s.end().Day() {
		t.Fatalf("a session from %s to %s", s.start().Time(), s.end().Time())
	}
	for i, h := range s.hits {
		if i > 0 && (h.at <= s.hits[i-1].at || h.at.Sub(s.hits[i-1].at) > timeout) {
			t.Fatalf("hits at %s and %s in one session", s.hits[i-1].at.Time(), h.at.Time())
		}
		if ids[h.id] || !h.id.IsV7() || h.at%10 != 9 {
			t.Fatalf("hit %s at %d", h.id, h.at)
		}
		ids[h.id] = true
	}
}

// follow: each session of a browser begins for its reason and for no other.
func follow(t *rapid.T, b *browser) {
	for i, s := range b.sessions {
		if i == 0 {
			if s.reason != "first_hit" {
				t.Fatalf("the first session began by %s", s.reason)
			}
			continue
		}
		before := b.sessions[i-1]
		silence := s.start().Sub(before.end())
		switch s.reason {
		case "timeout":
			if silence <= timeout {
				t.Fatalf("a timeout after %s", silence)
			}
		case "attribution":
			if silence > timeout || s.origin.direct() || s.origin.channel == before.origin.channel {
				t.Fatalf("%s after %s, %s later", s.origin.channel, before.origin.channel, silence)
			}
		case "midnight":
			if silence > timeout || s.start().Day() == before.end().Day() || s.origin != before.origin {
				t.Fatalf("midnight at %s after %s", s.start().Time(), before.end().Time())
			}
		default:
			t.Fatalf("a session began by %q", s.reason)
		}
	}
}

// apart: nothing of a unit happens at the same time as another thing, and sessions do not overlap.
func apart(t *rapid.T, u *unit) {
	last := schema.Millis(0)
	taken := map[schema.Millis]bool{}
	for _, s := range u.sessions {
		if s.start() <= last {
			t.Fatalf("a session at %s, before %s", s.start().Time(), last.Time())
		}
		last = s.end()
		for _, h := range s.hits {
			taken[h.at] = true
		}
	}
	for _, p := range u.people {
		for _, c := range p.chats {
			if taken[c.happened()] || c.browser != nil && c.browser.skew != 0 {
				t.Fatalf("a chat at %s", c.happened().Time())
			}
			taken[c.happened()] = true
		}
	}
}

func TestAccountsAddUp(t *testing.T) {
	sum := newTally(config(3, 30, 8_000, 900, 120))
	for _, u := range units(sum.config) {
		sum.add(u)
	}
	a := sum.account()
	days, conversions := 0, 0.0
	for _, d := range a.Traffic.Trend {
		days, conversions = days+d.Sessions, conversions+d.Conversions
	}
	if days != a.Traffic.Sessions || conversions != a.Traffic.Conversions {
		t.Errorf("the days have %d sessions and %v conversions, the range %d and %v", days, conversions, a.Traffic.Sessions, a.Traffic.Conversions)
	}
	for _, q := range a.Attribution {
		for _, m := range models() {
			credits, sessions := 0.0, 0
			for _, r := range q.Rows {
				credits, sessions = credits+r.Credits[m], sessions+r.Sessions
			}
			if math.Abs(credits-q.Total) > 1e-9 || sessions != a.Traffic.Sessions {
				t.Errorf("%s by %s: %v credits of %v, %d sessions of %d", m, q.Dimension, credits, q.Total, sessions, a.Traffic.Sessions)
			}
		}
	}
	for i, f := range a.Funnels {
		if f.Steps[0].Entered == 0 || f.Steps[len(f.Steps)-1].Entered == 0 {
			t.Errorf("nobody gets through funnel %d: %+v", i+1, f.Steps)
		}
	}
	if len(a.Contacts) < 80 {
		t.Errorf("only %d contacts", len(a.Contacts))
	}
}

// Every kind of thing that is hard to get right must be in a plan of some size.
func TestAPlanHasEverything(t *testing.T) {
	found := map[string]int{}
	for _, u := range units(config(1, 30, 20_000, 2_000, 100)) {
		for _, s := range u.sessions {
			found["reason "+s.reason]++
			found["channel "+s.origin.channel]++
			for i, h := range s.hits {
				found["hit "+h.kind]++
				if i > 0 && h.at.Sub(s.hits[i-1].at) == timeout {
					found["half an hour"]++
				}
			}
		}
		for _, b := range u.browsers {
			owners := map[*person]bool{}
			for _, l := range b.links {
				owners[l.person] = true
			}
			found[fmt.Sprintf("browsers of %d", len(owners))]++
			if b.skew != 0 {
				found["wrong clock"]++
			}
		}
		for _, p := range u.people {
			for _, c := range p.chats {
				if c.browser == nil {
					found["no visitor"]++
				}
				if c.continues != nil {
					found["continues"]++
				}
				if !p.known() {
					found["anonymous"]++
				}
			}
		}
	}
	for _, kind := range strings.Split("reason timeout|reason attribution|reason midnight|hit leave|hit identify|hit event|half an hour|browsers of 0|"+
		"browsers of 1|browsers of 2|wrong clock|no visitor|continues|anonymous|channel Direct|channel Paid Search|channel Organic Search|"+
		"channel AI Assistant|channel Referral|channel Email|channel Paid Social|channel Unassigned", "|") {
		if found[kind] == 0 {
			t.Errorf("no %s in %v", kind, found)
		}
	}
}

// A collector that fails, throttles and asks for a single hit again gets everything in the end.
func TestSendingGoesOnUntilAcknowledged(t *testing.T) {
	answers := []struct {
		status int
		body   string
	}{
		{http.StatusServiceUnavailable, ""},
		{http.StatusTooManyRequests, ""},
		{http.StatusAccepted, `{"accepted":4,"refused":[{"index":2,"reason":"visitor: too many hits at once; send this one again later"}]}`},
		{http.StatusAccepted, `{"accepted":1,"refused":[]}`},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		next := answers[0] // One request at a time.
		answers = answers[1:]
		w.WriteHeader(next.status)
		_, _ = io.WriteString(w, next.body)
	}))
	defer server.Close()
	var log bytes.Buffer
	s := newSender(Target{URL: server.URL, Key: "k", Acknowledged: &log}, config(1, 3, 10, 5, 0))
	batch := make([]sending, 5)
	for i := range batch {
		batch[i] = sending{browser: &browser{id: "v"}, hit: &hit{id: schema.Derive("hit", fmt.Sprint(i)), kind: "pageview"}}
	}
	if err := s.hits(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(log.String(), "\n")
	if len(answers) != 0 || s.sent.Hits != 5 || s.sent.Retries != 2 || len(lines) != 6 || lines[4] != "hit "+batch[2].hit.id.String() {
		t.Errorf("%d answers left, %+v, acknowledged %q", len(answers), s.sent, lines)
	}
}

// A chat counts as acknowledged with the provider's id of its conversation, once the provider has answered.
func TestConversationsAreNotedToo(t *testing.T) {
	failures := 1
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if failures--; failures >= 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, `{"contact_id":"c1","conversation_id":"77"}`)
	}))
	defer server.Close()
	var log bytes.Buffer
	s := newSender(Target{Intercom: server.URL, Acknowledged: &log, Rate: 1000}, config(1, 3, 10, 5, 2))
	p := &person{}
	p.chats = []*chat{{id: "one", person: p}}
	if err := s.chats(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if log.String() != "conversation 77\n" || s.sent.Chats != 1 || s.sent.Retries != 1 {
		t.Errorf("acknowledged %q, %+v", log.String(), s.sent)
	}
}

func TestARefusalEndsTheRun(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"accepted":0,"refused":[]}`)
	}))
	defer server.Close()
	_, err := Run(context.Background(), config(1, 3, 10, 5, 0), Target{URL: server.URL, Key: "wrong"}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "site key") {
		t.Errorf("a collector that takes nothing gives %v", err)
	}
}
