package e2e

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"
)

// changes are what became of credits since a moment, and why.
type changes struct {
	Then, Now float64
	Erased    int
	Causes    []struct {
		Cause       string
		Conversions int
		Change      float64
	}
	Rows []struct {
		Key       string
		Then, Now float64
		ByCause   map[string]float64 `json:"by_cause"`
	}
	Items []struct {
		Name   string
		Causes []string
	}
}

// witness sees what happens to the credits of one workspace.
type witness struct {
	*demo
	dimension string
}

// credits are those of the linear model, as they were known at a moment.
func (w witness) credits(t testing.TB, asOf time.Time) map[string]float64 {
	t.Helper()
	got := get[attribution](t, w.account, "/api/v1/attribution?"+w.question(asOf).Encode())
	all := map[string]float64{}
	for _, row := range got.Rows {
		if row.Conversions > 0 {
			all[row.Key] = row.Conversions
		}
	}
	return all
}

func (w witness) question(asOf time.Time) url.Values {
	q := url.Values{"model": {"linear"}, "dimension": {w.dimension}, "lookback": {"all"}}
	if !asOf.IsZero() {
		q.Set("as_of", asOf.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	return q
}

// after lets something happen, waits until the credits are these, and checks that what changed has this cause alone, adds up,
// and leaves what was known before as it was. It returns the moment before.
func (w witness) after(t *testing.T, cause string, happen func(), want map[string]float64) time.Time {
	t.Helper()
	before := w.credits(t, time.Time{})
	then := time.Now()
	until(t, "the clock to go on", func() (bool, string) { return time.Since(then) > 5*time.Millisecond, "" })
	happen()
	same := func(a, b map[string]float64) bool {
		return maps.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-6 })
	}
	until(t, "credits after "+cause, func() (bool, string) {
		got := w.credits(t, time.Time{})
		return same(got, want), fmt.Sprint(got)
	})
	if got := w.credits(t, then); !same(got, before) {
		t.Errorf("as of the moment before %s the credits are %v; they were %v", cause, got, before)
	}
	c := get[changes](t, w.account, "/api/v1/attribution/changes?"+w.question(then).Encode())
	if len(c.Causes) != 1 || c.Causes[0].Cause != cause || len(c.Items) == 0 {
		t.Errorf("what changed by %s is said to be %s", cause, text(t, c))
	}
	moved := map[string]float64{}
	for _, row := range c.Rows {
		if math.Abs(row.Now-row.Then-row.ByCause[cause]) > 1e-6 {
			t.Errorf("the row %+v does not add up", row)
		}
		moved[row.Key] = row.Now - row.Then
	}
	for _, key := range slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(want))) {
		if math.Abs(want[key]-before[key]-moved[key]) > 1e-6 {
			t.Errorf("%s moved %s by %v, and it is said by %v", cause, key, want[key]-before[key], moved[key])
		}
	}
	return then
}

// TestCreditsAsOfAMomentAndWhatChangedThem: a late hit, a merge, an undo, a changed rule and an erasure each change the credits
// they should, say why, and leave what was known before as it was; who was erased is in no answer, and named as a number.
func TestCreditsAsOfAMomentAndWhatChangedThem(t *testing.T) {
	d := startDemo(t, t.TempDir(), "--connected")
	w := witness{d, "source"}
	ann, bob := newEmail("ann"), newEmail("bob")
	laptop, phone := newVisitor(), newVisitor()
	began := time.Now().Add(-3 * time.Hour)
	visit := func(visitor string, at time.Time, source string) hit {
		return pageview(visitor, at, shop+"/?utm_medium=cpc&utm_source="+source, "")
	}
	d.collect(t, visit(laptop, began.Add(time.Hour), "ann"), visit(phone, began.Add(time.Hour), "bob"))
	d.chat(t, map[string]any{"at": began.Add(2 * time.Hour).UnixMilli(), "email": ann, "message": "I am Ann", "sourceloop_id": laptop})
	second := d.chat(t, map[string]any{"at": began.Add(2*time.Hour + time.Minute).UnixMilli(), "email": bob, "message": "I am Bob", "sourceloop_id": phone})
	d.awaitContact(t, ann, func(c contact) bool { return converted(c) && c.LastTouch.Source == "ann" })
	two := d.awaitContact(t, bob, func(c contact) bool { return converted(c) && c.LastTouch.Source == "bob" })
	settled := map[string]float64{"ann": 1, "bob": 1}
	until(t, "credits of the chats", func() (bool, string) {
		got := w.credits(t, time.Time{})
		return maps.Equal(got, settled), fmt.Sprint(got)
	})

	late := map[string]float64{"ann": 0.5, "early": 0.5, "bob": 1}
	first := w.after(t, "late_hit", func() { d.collect(t, visit(laptop, began, "early")) }, late)
	w.after(t, "merge", func() { d.operate(t, "contact", map[string]any{"contact_id": second.ContactID, "email": ann}) },
		map[string]float64{"early": 2. / 3, "ann": 2. / 3, "bob": 2. / 3})
	one := d.awaitContact(t, ann, func(c contact) bool { return len(c.Conversations) == 2 })
	w.after(t, "undo", func() {
		if r := d.ask(t, http.MethodPost, "/api/v1/contacts/"+one.ID+"/merges", map[string]any{"contact": two.ID, "apart": true}); r.status != http.StatusAccepted {
			t.Fatalf("undo: %d %s", r.status, r.body)
		}
	}, late)

	byChannel := witness{d, "channel"}
	byChannel.after(t, "rule_change", func() {
		settings := get[map[string]any](t, d.account, "/api/v1/settings")
		settings["rules"] = []any{map[string]any{"name": "Bob's", "channel": "Partner", "conditions": []any{map[string]string{"field": "source", "operator": "is", "value": "bob"}}}}
		delete(settings, "in_force_from")
		if r := d.ask(t, http.MethodPut, "/api/v1/settings", settings); r.status != http.StatusOK {
			t.Fatalf("settings: %d %s", r.status, r.body)
		}
		if r := d.ask(t, http.MethodPost, "/api/v1/rebuilds", map[string]any{}); r.status != http.StatusAccepted {
			t.Fatalf("rebuild: %d %s", r.status, r.body)
		}
	}, map[string]float64{"Paid Search": 1, "Partner": 1})

	c := get[changes](t, d.account, "/api/v1/attribution/changes?"+w.question(first).Encode())
	if c.Erased != 0 || c.Then != 2 || c.Now != 2 {
		t.Errorf("since the beginning %s changed", text(t, c))
	}
	if r := d.ask(t, http.MethodPost, "/api/v1/erasures", map[string]string{"contact": two.ID}); r.status != http.StatusAccepted {
		t.Fatalf("erasure: %d %s", r.status, r.body)
	}
	until(t, "the erased to be in no answer", func() (bool, string) {
		now, then := w.credits(t, time.Time{}), w.credits(t, first)
		c := get[changes](t, d.account, "/api/v1/attribution/changes?"+w.question(first).Encode())
		return maps.Equal(now, map[string]float64{"ann": 0.5, "early": 0.5}) && maps.Equal(then, map[string]float64{"ann": 1}) && c.Erased == 1 && c.Then == 1,
			fmt.Sprint(now, then, text(t, c))
	})
}
