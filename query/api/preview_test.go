package api_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/session"
	"sourceloop/query/api"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// previewed is a workspace of random visitors, and what is told of them naively.
type previewed struct {
	workspace uint32
	random    *rand.Rand
	channels  *enrich.Channels
	settings  schema.Settings // those that the sessions were derived under
	batch     sink.Batch
	came      []came
}

// came is one session with the hit that its source was read from.
type came struct {
	channel     string
	bot         bool
	at, since   schema.Millis // its start, and that of the session whose source it has
	hit         *schema.Hit
	conversions int64
}

func newPreviewed(t *testing.T, workspace uint32, seed uint64) *previewed {
	t.Helper()
	channels, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	p := &previewed{workspace: workspace, random: rand.New(rand.NewPCG(seed, 7)), channels: channels, settings: schema.DefaultSettings()}
	p.settings.Rules = []schema.ChannelRule{{Name: "Old", Channel: "Podcasts", Conditions: []schema.ChannelCondition{{Field: "campaign", Operator: "contains", Value: "pod"}}}}
	for i := range 60 {
		p.add(i, p.visits())
	}
	first := time.Date(2026, 8, 22, 0, 0, 0, 0, time.UTC)
	p.add(100, p.restless(first.AddDate(0, 0, 3), 4))    // Midnights within the days.
	p.add(101, p.restless(first.AddDate(0, 0, -3), 5))   // From before them.
	p.add(102, p.restless(first.AddDate(0, 0, -12), 14)) // From too long before.
	return p
}

func one[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

func (p *previewed) hit(at time.Time) *schema.Hit {
	query := one(p.random, "", "", "?utm_source=partner-7&utm_medium=referral", "?gclid=Cj0K%d&utm_campaign=brand", "?gclid=Cj0K%d", "?fbclid=IwAR%d",
		"?fbclid=IwAR%d&utm_medium=cpc", "?utm_source=news&utm_medium=email&utm_campaign=pod", "?msclkid=%d&x=1", "?utm_campaign=brand")
	if slices.Contains([]byte(query), '%') {
		query = fmt.Sprintf(query, p.random.IntN(1000))
	}
	h := &schema.Hit{
		Id: make([]byte, 16), Workspace: p.workspace, At: at.UnixMilli(), Type: one(p.random, schema.HitType_HIT_TYPE_PAGEVIEW, schema.HitType_HIT_TYPE_PAGEVIEW, schema.HitType_HIT_TYPE_EVENT),
		Url:      "https://c.example" + one(p.random, "/", "/lp/a", "/LP/b", "/pricing") + query + one(p.random, "", "#top"),
		Referrer: one(p.random, "", "", "https://www.google.com/", "https://lists.example/x", "https://l.facebook.com/", "https://shop.c.example/", "https://www.paypal.com/done"),
		Name:     "seen", Bot: p.random.IntN(12) == 0,
	}
	for i := range h.GetId() {
		h.Id[i] = byte(p.random.Uint32())
	}
	return h
}

func (p *previewed) visits() (hits []*schema.Hit) {
	for i := range 1 + p.random.IntN(6) {
		at := today().AddDate(0, 0, -p.random.IntN(40)).Add(-time.Duration(p.random.IntN(12)) * time.Hour)
		if p.random.IntN(3) == 0 {
			at = time.Date(at.Year(), at.Month(), at.Day()-1, 23, 40, 0, 0, time.UTC)
		}
		at = at.Add(time.Duration(i) * time.Millisecond) // Which of two sessions of one millisecond came last, their rows do not say.
		for range 1 + p.random.IntN(5) {
			hits = append(hits, p.hit(at))
			at = at.Add(time.Duration(1+p.random.IntN(25)) * time.Minute)
		}
	}
	return hits
}

// restless visits every 25 minutes for some days, and says once where from.
func (p *previewed) restless(begin time.Time, days int) (hits []*schema.Hit) {
	for at := begin; at.Before(begin.AddDate(0, 0, days)); at = at.Add(25 * time.Minute) {
		h := p.hit(at)
		h.Bot, h.Url, h.Referrer = false, "https://c.example/", ""
		if at.Equal(begin) {
			h.Url, h.Referrer = "https://c.example/lp/a", "https://lists.example/x"
		}
		hits = append(hits, h)
	}
	return hits
}

func (p *previewed) add(number int, hits []*schema.Hit) {
	visitor := fmt.Sprint("browser-", number)
	w := &schema.Workspace{ID: p.workspace, Zone: time.UTC, Settings: []schema.Settings{p.settings}}
	sessions := session.Derive(w, visitor, nil, hits, p.channels)
	firsts := map[schema.ID]*schema.Hit{}
	for _, h := range hits {
		id, _ := schema.IDFromBytes(h.GetId())
		firsts[schema.SessionID(p.workspace, visitor, id)] = h
	}
	node := schema.Node(fmt.Sprint("intercom:", number))
	begin := len(p.came)
	for i := range sessions {
		s := &sessions[i]
		c := came{channel: s.Touch.Channel, bot: s.Bot, at: s.StartedAt, since: s.StartedAt, hit: firsts[s.ID]}
		if s.Reason == schema.ReasonMidnight {
			c.hit, c.since = p.came[len(p.came)-1].hit, p.came[len(p.came)-1].since
		}
		if number%3 == 0 && p.random.IntN(2) == 0 {
			c.conversions++
			p.batch.Facts = append(p.batch.Facts, chat(p.workspace, fmt.Sprint(number, "-", i), node, visitor, s.EndedAt))
		}
		p.came = append(p.came, c)
		p.batch.Sessions = append(p.batch.Sessions, schema.SessionRow{Session: *s, Version: 1})
	}
	contact, identities := person(p.workspace, fmt.Sprintf("p%d@c.example", number), p.came[begin].at, node, schema.Node("visitor:"+visitor))
	p.batch.Contacts, p.batch.Identities = append(p.batch.Contacts, contact), append(p.batch.Identities, identities...)
}

// naive is what the preview should say, each session looked at by itself.
func (p *previewed) naive(set *schema.Settings, begin schema.Millis) (sessions, conversions int64, changes map[string][2]int64) {
	changes = map[string][2]int64{}
	oldest := begin.Add(-7 * 24 * time.Hour)
	for _, c := range p.came {
		if c.at < begin {
			continue
		}
		n := int64(1)
		if c.bot {
			n = 0
		}
		sessions, conversions = sessions+n, conversions+c.conversions
		to := p.channels.Classify(c.hit, set).GetChannel()
		if to == c.channel || c.since < oldest || n+c.conversions == 0 {
			continue
		}
		key := c.channel + " → " + to
		changes[key] = [2]int64{changes[key][0] + n, changes[key][1] + c.conversions}
	}
	return sessions, conversions, changes
}

func TestAPreviewOfRulesIsWhatLookingAtEachSessionTells(t *testing.T) {
	w := newStory(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	owner := controltest.NewOwner(t, w.store, "cleo@c.example")
	p := newPreviewed(t, owner.Workspace, seed)
	if err := w.sink.Write(t.Context(), &p.batch); err != nil {
		t.Fatal(err)
	}
	if err := w.sink.Attribute(t.Context(), owner.Workspace, nil, 1); err != nil {
		t.Fatal(err)
	}
	c := w.keyed(owner, control.Admin)
	rule := func(name, channel string, conditions ...string) (r api.ChannelRule) {
		r.Name, r.Channel = name, channel
		for i := 0; i < len(conditions); i += 3 {
			r.Conditions = append(r.Conditions, api.ChannelCondition{Field: api.ChannelConditionField(conditions[i]), Operator: api.ChannelConditionOperator(conditions[i+1]), Value: conditions[i+2]})
		}
		return r
	}
	all := []api.ChannelRule{
		rule("Partners", "Partners", "source", "starts_with", "partner-"), rule("Lists", "Email", "referrer_host", "is", "lists.example"),
		rule("Landing", "Paid Social", "landing_path", "regex", "^/lp/", "medium", "is_not", "email"),
		rule("Brand", "Display", "click_id", "is", "gclid", "campaign", "contains", "brand"), rule("Old", "Podcasts", "campaign", "contains", "pod"),
	}
	changed := int64(0)
	for range 12 {
		p.random.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
		rules, paid, days := all[:p.random.IntN(len(all)+1)], p.random.IntN(2) == 0, one(p.random, 30, 30, 7)
		set := schema.DefaultSettings()
		set.PaidFbclid = paid
		for _, r := range rules {
			own := schema.ChannelRule{Name: r.Name, Channel: r.Channel}
			for _, x := range r.Conditions {
				own.Conditions = append(own.Conditions, schema.ChannelCondition{Field: string(x.Field), Operator: string(x.Operator), Value: x.Value})
			}
			set.Rules = append(set.Rules, own)
		}
		var got api.ChannelPreview
		c.want(200, "POST", "/api/v1/settings/preview", map[string]any{"rules": append([]api.ChannelRule{}, rules...), "paid_fbclid": paid, "days": days}).into(t, &got)
		begin := schema.MillisOf(time.Date(2026, 9, 21-days, 0, 0, 0, 0, time.UTC))
		sessions, conversions, want := p.naive(&set, begin)
		checkPreview(t, &got, sessions, conversions, want)
		changed += got.SessionsChanged
	}
	if changed == 0 {
		t.Error("no preview changed anything")
	}
	contains(t, string(c.want(400, "POST", "/api/v1/settings/preview", map[string]any{"rules": []api.ChannelRule{rule("Bad", "X", "source", "regex", "(")}}).body), "no regular expression")
}

func checkPreview(t *testing.T, got *api.ChannelPreview, sessions, conversions int64, want map[string][2]int64) {
	t.Helper()
	if got.Sessions != sessions || got.Conversions != conversions {
		t.Errorf("%d sessions and %d conversions, want %d and %d", got.Sessions, got.Conversions, sessions, conversions)
	}
	var moved, won int64
	for i, change := range got.Changes {
		key := change.From + " → " + change.To
		if want[key] != [2]int64{change.Sessions, change.Conversions} {
			t.Errorf("%s: %d sessions and %d conversions, want %v", key, change.Sessions, change.Conversions, want[key])
		}
		if n := len(change.Examples); n == 0 || n > 5 || change.Examples[0].Rule == "" || change.Examples[0].LandingPage == "" {
			t.Errorf("%s has the examples %+v", key, change.Examples)
		}
		if i > 0 && got.Changes[i-1].Sessions < change.Sessions {
			t.Errorf("%s is out of order", key)
		}
		moved, won = moved+change.Sessions, won+change.Conversions
	}
	if len(got.Changes) != len(want) || moved != got.SessionsChanged || won != got.ConversionsChanged {
		t.Errorf("%d changes of %d sessions and %d conversions, want %d; the sums say %d and %d", len(got.Changes), moved, won, len(want), got.SessionsChanged, got.ConversionsChanged)
	}
}
