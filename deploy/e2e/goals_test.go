package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

type goal struct{ ID, Name, Rebuild string }

// setGoal makes or changes a goal.
func (a *account) setGoal(t testing.TB, id string, definition map[string]any) goal {
	t.Helper()
	method, path := http.MethodPost, "/api/v1/goals"
	if id != "" {
		method, path = http.MethodPut, path+"/"+id
	}
	return decode[goal](t, "goal", a.ask(t, method, path, definition))
}

// awaitCredits waits until conversions of a name are credited to sources.
func (a *account) awaitCredits(t testing.TB, name string, bySource map[string]float64) {
	t.Helper()
	total := 0.0
	for _, n := range bySource {
		total += n
	}
	path := "/api/v1/attribution?model=last_touch&dimension=source&conversion=" + url.QueryEscape(name)
	until(t, fmt.Sprint("credits of ", name), func() (bool, string) {
		got := get[attribution](t, a, path)
		as := got.Total == total
		for source, n := range bySource {
			as = as && got.row(source).Conversions == n
		}
		return as, text(t, got)
	})
}

// awaitRebuild waits until the past is counted for a goal as it was saved.
func (a *account) awaitRebuild(t testing.TB, g goal) {
	t.Helper()
	type rebuilds struct {
		Items []struct {
			ID, What string
			Finished bool
		}
	}
	until(t, "the rebuild to be done", func() (bool, string) {
		all := get[rebuilds](t, a, "/api/v1/rebuilds")
		for _, r := range all.Items {
			if r.ID == g.Rebuild {
				return r.Finished && r.What == "credits", fmt.Sprint(all)
			}
		}
		return false, fmt.Sprint(all)
	})
}

// TestGoalsAreConversions: goals by page, by event with a condition, by stage and
// by a server's conversion count for contacts, also in the past and for chats that
// come later; they move with their definition, are steps of funnels, also of those
// who stay unknown, and go when they are deleted.
func TestGoalsAreConversions(t *testing.T) {
	d := connected(t)
	token := randomHex(6)
	ann, bob, source := newEmail("ann"), newEmail("bob"), "goal"+token
	known, later, nobody := newVisitor(), newVisitor(), newVisitor()
	began := time.Now().Add(-2 * time.Hour)
	plan := func(visitor string, at time.Time, name string) hit {
		h := pageview(visitor, at, shop+"/plans/"+token, "")
		h["type"], h["name"], h["properties"] = "event", "plan"+token, map[string]any{"plan": name}
		return h
	}
	d.collect(t,
		pageview(known, began, shop+"/plans/"+token+"?utm_source="+source+"-a&utm_medium=cpc", ""),
		plan(known, began.Add(time.Second), "free"),
		pageview(later, began, shop+"/plans/"+token+"?utm_source="+source+"-b&utm_medium=cpc", ""),
		plan(later, began.Add(time.Second), "pro"), plan(later, began.Add(2*time.Second), "pro"),
		pageview(nobody, began, shop+"/plans/"+token+"?utm_source="+source+"-c&utm_medium=cpc", ""))
	d.chat(t, map[string]any{"at": began.Add(time.Minute).UnixMilli(), "email": ann, "message": "I am Ann", "sourceloop_id": known})
	one := d.awaitContact(t, ann, func(c contact) bool { return converted(c) && c.LastTouch.Source == source+"-a" })

	page := d.setGoal(t, "", map[string]any{"name": "page " + token, "kind": "page", "operator": "equals", "value": "/plans/" + token, "worth": 7})
	event := map[string]any{"name": "pro " + token, "kind": "event", "event": "plan" + token,
		"properties": []any{map[string]string{"key": "plan", "operator": "equals", "value": "pro"}}}
	pro := d.setGoal(t, "", event)
	stage := d.setGoal(t, "", map[string]any{"name": "won " + token, "kind": "stage", "stage": "Converted"})
	sent := d.setGoal(t, "", map[string]any{"name": "sent " + token, "kind": "api", "worth": 30})

	d.awaitCredits(t, page.Name, map[string]float64{source + "-a": 1})
	d.awaitRebuild(t, pro) // Or nobody could have been credited yet.
	d.awaitCredits(t, pro.Name, map[string]float64{})
	d.chat(t, map[string]any{"at": began.Add(2 * time.Minute).UnixMilli(), "email": bob, "message": "I am Bob", "sourceloop_id": later})
	d.awaitCredits(t, page.Name, map[string]float64{source + "-a": 1, source + "-b": 1})
	d.awaitCredits(t, pro.Name, map[string]float64{source + "-b": 1})
	if r := d.ask(t, http.MethodPatch, "/api/v1/contacts/"+one.ID, map[string]string{"stage": "Converted"}); r.status != http.StatusOK {
		t.Fatalf("stage: %d %s", r.status, r.body)
	}
	d.awaitCredits(t, stage.Name, map[string]float64{source + "-a": 1})
	if r := d.ask(t, http.MethodPost, "/api/v1/conversions", map[string]any{"id": token, "name": sent.Name, "at": time.Now().UTC(), "email": ann}); r.status != http.StatusAccepted {
		t.Fatalf("conversion: %d %s", r.status, r.body)
	}
	d.awaitCredits(t, sent.Name, map[string]float64{source + "-a": 1})
	equal(t, "what one is worth that came without a value", get[attribution](t, d.account, "/api/v1/attribution?dimension=source&conversion="+url.QueryEscape(sent.Name)).row(source+"-a").Value, 30)

	// Of those who stay unknown the page is a step all the same.
	report := decode[funnelReport](t, "funnel", d.ask(t, http.MethodPost, "/api/v1/funnels/query", map[string]any{
		"steps": []any{map[string]string{"type": "conversion", "name": page.Name}, map[string]string{"type": "conversion", "name": pro.Name}},
	}))
	equal(t, "visitors who reached the page", report.Steps[0].Entered, 3)
	equal(t, "of them the pro plan", report.Steps[1].Entered, 1)

	event["properties"] = []any{map[string]string{"key": "plan", "operator": "equals", "value": "free"}}
	changed := d.setGoal(t, pro.ID, event)
	d.awaitCredits(t, pro.Name, map[string]float64{source + "-a": 1})
	d.awaitRebuild(t, changed)
	for _, g := range []goal{page, pro, stage} {
		if r := d.ask(t, http.MethodDelete, "/api/v1/goals/"+g.ID, nil); r.status != http.StatusNoContent {
			t.Fatalf("delete: %d %s", r.status, r.body)
		}
		d.awaitCredits(t, g.Name, map[string]float64{})
	}
	d.awaitCredits(t, sent.Name, map[string]float64{source + "-a": 1})
}
