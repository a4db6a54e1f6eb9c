package api_test

import (
	"math"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/query/api"
)

func TestContactsAndJourneys(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Editor)
	var list api.ContactList
	a := c.want(200, "GET", "/api/v1/contacts", nil)
	a.into(t, &list)
	if len(list.Items) != 2 || list.Items[0].Email != "ada@a.example" || list.Items[1].Email != "bob@a.example" || list.Next != "" {
		t.Fatalf("the list is %s", a.body)
	}
	ada := list.Items[0]
	if ada.FirstTouch.Source != "google" || ada.LastTouch.Source != "news" || ada.PagesBefore != 4 || ada.ReturnVisits != 1 || ada.Stage != "New" {
		t.Errorf("Ada is %+v", ada)
	}
	if bob := list.Items[1]; bob.LastTouch.Channel != "Direct" || bob.FirstTouch.Source != "direct" {
		t.Errorf("Bob, who has no visitor, is %+v", bob)
	}
	if len(ada.Conversations) != 1 || ada.Conversations[0].Url != "https://chat.example/1" || len(ada.Evidence) != 3 {
		t.Errorf("Ada's conversations and evidence are %+v %+v", ada.Conversations, ada.Evidence)
	}
	times := regexp.MustCompile(`"(?:\w+_)?at":"([^"]*)"`).FindAllStringSubmatch(string(a.body), -1)
	for _, m := range times {
		if !regexp.MustCompile(`^2026-09-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(m[1]) {
			t.Errorf("%s is not written with three decimals in UTC", m[1])
		}
	}
	if len(times) < 10 {
		t.Errorf("only %d times were looked at", len(times))
	}
	var journey api.Journey
	c.want(200, "GET", "/api/v1/contacts/"+ada.Id+"/journey", nil).into(t, &journey)
	if len(journey.Sessions) != 2 || journey.Sessions[0].Campaign != "spring" || journey.Sessions[0].Term != "" {
		t.Fatalf("the journey is %+v", journey)
	}
	items := journey.Sessions[1].Items
	if last := items[len(items)-1]; last.Type != api.JourneyItemTypeConversation || last.Title != "Hello" {
		t.Errorf("the journey ends with %+v", last)
	}
	var bobs api.Journey
	c.want(200, "GET", "/api/v1/contacts/"+w.bob.String()+"/journey", nil).into(t, &bobs)
	if bobs.Sessions == nil || len(bobs.Sessions) != 0 {
		t.Errorf("Bob's journey is %+v", bobs)
	}
	var both api.JourneyList
	c.want(200, "GET", "/api/v1/journeys?contact="+ada.Id+"&contact="+w.bob.String(), nil).into(t, &both)
	if len(both.Items) != 2 || both.Items[0].Contact != ada.Id || !reflect.DeepEqual(both.Items[0].Sessions, journey.Sessions) || len(both.Items[1].Sessions) != 0 {
		t.Errorf("the journeys of both are %+v", both)
	}
	for _, query := range []string{"", "?contact=nobody", "?contact=" + strings.Repeat(ada.Id+"&contact=", 100) + ada.Id} {
		c.want(400, "GET", "/api/v1/journeys"+query, nil)
	}
	c.want(404, "GET", "/api/v1/contacts/nobody", nil)
	c.want(404, "GET", "/api/v1/contacts/6ba2b18c-0c3e-8f4e-9c27-2f0f5c1c7a10/journey", nil)
}

func TestPagesOfContacts(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	var first, second api.ContactList
	c.want(200, "GET", "/api/v1/contacts?limit=1", nil).into(t, &first)
	if len(first.Items) != 1 || first.Next == "" {
		t.Fatalf("the first page is %+v", first)
	}
	cursor := "cursor=" + url.QueryEscape(first.Next)
	c.want(200, "GET", "/api/v1/contacts?limit=2&"+cursor, nil).into(t, &second)
	if len(second.Items) != 1 || second.Next != "" || second.Items[0].Id == first.Items[0].Id {
		t.Fatalf("the second page is %+v", second)
	}
	for name, query := range map[string]string{
		"made up":                     "cursor=abc",
		"of the report's own form":    "cursor=1789891200500.ffffffffffffffffffffffffffffffff",
		"changed":                     cursor[:len(cursor)-1] + string('A'+(cursor[len(cursor)-1]+1)%26),
		"for another query":           "q=ada&" + cursor,
		"with another filter as well": "filter=source:is:google&" + cursor,
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			contains(t, string(c.want(400, "GET", "/api/v1/contacts?"+query, nil).body), "cursor")
		})
	}
	w.t = t
	w.keyed(w.ben, control.Viewer).want(400, "GET", "/api/v1/contacts?"+cursor, nil)
}

func TestContactsAreFiltered(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Editor)
	c.want(200, "PATCH", "/api/v1/contacts/"+w.bob.String(), map[string]string{"stage": "On Hold"})
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"", []string{"ada@a.example", "bob@a.example"}},
		{"q=ADA", []string{"ada@a.example"}},
		{"q=nobody", nil},
		{"stage=New", []string{"ada@a.example"}},
		{"stage=On+Hold", []string{"bob@a.example"}},
		{"stage=Lost", nil},
		{"filter=source:is:news", []string{"ada@a.example"}},
		{"filter=source:is:google&touch=first", []string{"ada@a.example"}},
		{"filter=source:is:google", nil},
		{"filter=channel:is:Direct&filter=campaign:is:(none)", []string{"bob@a.example"}},
		{"from=2026-09-05", []string{"ada@a.example"}},
		{"to=2026-09-04", []string{"bob@a.example"}},
		{"from=2026-09-04&to=2026-09-05", []string{"ada@a.example", "bob@a.example"}},
	} {
		t.Run(test.query, func(t *testing.T) {
			w.t = t
			var list api.ContactList
			c.want(200, "GET", "/api/v1/contacts?"+test.query, nil).into(t, &list)
			var got []string
			for _, one := range list.Items {
				got = append(got, one.Email)
			}
			if len(got) != len(test.want) || len(got) > 0 && got[0] != test.want[0] {
				t.Errorf("found %v, want %v", got, test.want)
			}
		})
	}
	w.t = t
	var stages api.StageList
	c.want(200, "GET", "/api/v1/stages", nil).into(t, &stages)
	if n := len(stages.Items); n != 6 || stages.Items[0].Name != "New" || stages.Items[5].Name != "On Hold" {
		t.Errorf("the stages are %+v", stages.Items)
	}
	var bob api.Contact
	c.want(200, "GET", "/api/v1/contacts/"+w.bob.String(), nil).into(t, &bob)
	if bob.Stage != "On Hold" {
		t.Errorf("Bob is in %q", bob.Stage)
	}
}

func TestAttribution(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	var a api.Attribution
	c.want(200, "GET", "/api/v1/attribution?dimension=source&compare_model=first_touch", nil).into(t, &a)
	if a.Total != 2 || a.Attributed != 1 || len(a.Rows) != 3 {
		t.Fatalf("attribution is %+v", a)
	}
	sum, compared := 0.0, 0.0
	for _, r := range a.Rows {
		sum, compared = sum+r.Conversions, compared+*r.CompareConversions
		if r.Key == "google" && (r.Conversions != 0 || *r.CompareConversions != 1 || r.Sessions != 2) {
			t.Errorf("google earned %+v", r)
		}
	}
	if math.Abs(sum-2) > 1e-9 || math.Abs(compared-2) > 1e-9 {
		t.Errorf("rows sum to %v and %v", sum, compared)
	}
	var campaigns api.Attribution
	c.want(200, "GET", "/api/v1/attribution?dimension=campaign&from=2026-09-01&to=2026-09-30&lookback=all", nil).into(t, &campaigns)
	if r := campaigns.Rows[0]; r.Key != "(none)" || r.Conversions != 2 || r.CompareConversions != nil {
		t.Errorf("by campaign it is %+v", campaigns)
	}
	c.want(200, "GET", "/api/v1/attribution?conversion=purchase", nil).into(t, &a)
	if a.Total != 0 {
		t.Errorf("nobody purchased, yet %+v", a)
	}
}

func TestTraffic(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	var traffic api.Traffic
	c.want(200, "GET", "/api/v1/traffic?from=2026-09-04&to=2026-09-06&compare=previous", nil).into(t, &traffic)
	figures := map[api.FigureName]api.Figure{}
	for _, f := range traffic.Figures {
		figures[f.Name] = f
	}
	if len(figures) != 6 || figures["sessions"].Value != 2 || *figures["sessions"].Previous != 1 || *figures["sessions"].Change != 1 ||
		figures["conversions"].Value != 2 || figures["conversions"].Change != nil || figures["conversion_rate"].Value != 1 || figures["page_views"].Value != 3 {
		t.Errorf("the figures are %+v", figures)
	}
	if traffic.Granularity != "day" || len(traffic.Trend) != 3 || len(traffic.Previous) != 3 || traffic.Trend[1].Start != "2026-09-05" || traffic.Trend[1].Sessions != 2 || traffic.Previous[0].Start != "2026-09-01" {
		t.Errorf("the trend is %+v", traffic)
	}
	c.want(200, "GET", "/api/v1/traffic?from=2026-09-05&to=2026-09-05", nil).into(t, &traffic)
	if traffic.Granularity != "hour" || len(traffic.Trend) != 24 || traffic.Trend[10].Start != "2026-09-05T10:00" || len(traffic.Previous) != 0 || traffic.Figures[0].Previous != nil {
		t.Errorf("the hours are %+v", traffic)
	}
	c.want(200, "GET", "/api/v1/traffic", nil).into(t, &traffic)
	if traffic.From != "2026-08-22" || traffic.To != "2026-09-20" || len(traffic.Trend) != 30 {
		t.Errorf("by default it is %s to %s, %d days", traffic.From, traffic.To, len(traffic.Trend))
	}
}

func TestFunnels(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Editor)
	steps := []any{
		map[string]string{"type": "pageview", "operator": "starts_with", "value": "/ad"},
		map[string]string{"type": "conversion", "name": "intercom_conversation"},
	}
	var r api.FunnelReport
	c.want(200, "POST", "/api/v1/funnels/query", map[string]any{"steps": steps, "breakdown": "source", "from": "2026-09-01", "to": "2026-09-30"}).into(t, &r)
	if len(r.Steps) != 2 || r.Steps[0].Entered != 2 || r.Steps[0].Converted != 1 || r.Steps[1].Entered != 1 || *r.Steps[1].MedianSeconds != 4*86400+240 {
		t.Errorf("the steps are %+v", r.Steps)
	}
	if len(r.Breakdown) != 1 || r.Breakdown[0].Key != "google" || r.Breakdown[0].Steps[1].Entered != 1 {
		t.Errorf("the breakdown is %+v", r.Breakdown)
	}
	if r.Credits != nil {
		t.Errorf("credits that nobody asked for are %+v", r.Credits)
	}
	c.want(200, "POST", "/api/v1/funnels/query", map[string]any{
		"steps": steps, "from": "2026-09-01", "to": "2026-09-30", "credits": map[string]any{"model": "full_path", "dimension": "source", "lookback": "all"},
	}).into(t, &r)
	sum := 0.
	if r.Credits == nil || r.Credits.Step != 2 || r.Credits.Conversion != "intercom_conversation" || r.Credits.Completed != 1 || r.Credits.Attributed != 1 || len(r.Breakdown) != 0 {
		t.Fatalf("the credits are %+v", r.Credits)
	}
	for _, row := range r.Credits.Rows {
		sum += row.Completed
	}
	if sum != 1 || r.Credits.Rows[0].Key != "news" || r.Credits.Rows[1].Key != "google" {
		t.Errorf("the credits are %+v", r.Credits)
	}
	c.want(200, "POST", "/api/v1/funnels/query", map[string]any{"steps": steps, "window": "24h"}).into(t, &r)
	if r.Steps[1].Entered != 0 || r.Steps[1].MedianSeconds != nil || r.Breakdown == nil {
		t.Errorf("within a day the steps are %+v", r)
	}
	for _, test := range []struct{ name, says string }{
		{`{"steps":[]}`, "The field steps"},
		{`{"steps":[{"type":"pageview"},{"type":"pageview"}]}`, "operator"},
		{`{"steps":[{"type":"event","name":"x"},{"type":"event","name":"x"}],"credits":{"model":"linear"}}`, "no conversion among its steps"},
		{`{"steps":[{"type":"event","name":"x"},{"type":"conversion","name":"x"}],"credits":{"model":"markov"}}`, "full_path"},
		{`{"steps":[{"type":"dance"},{"type":"event","name":"x"}]}`, "pageview, event, conversion"},
		{`{"steps":[{"type":"event","name":"x"},{"type":"event","name":"x"}],"window":"soon"}`, "duration"},
		{`{"steps":[{"type":"event","name":"x"},{"type":"event","name":"x"}],"breakdown":"shoe"}`, "landing_page"},
		{`{"steps":[{"type":"pageview","operator":"regex","value":"("},{"type":"event","name":"x"}]}`, "regular expression"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			contains(t, string(c.want(400, "POST", "/api/v1/funnels/query", reader(test.name)).body), test.says)
		})
	}
}

func TestSavedFunnels(t *testing.T) {
	w := newWorld(t)
	c := w.keyed(w.ann, control.Editor)
	funnel := func(name string) map[string]any {
		return map[string]any{"name": name, "definition": map[string]any{"window": "24h", "steps": []any{
			map[string]any{"type": "event", "name": "video", "properties": []any{map[string]string{"key": "id", "operator": "equals", "value": "7"}}},
			map[string]string{"type": "conversion", "name": "contact"},
		}}}
	}
	var b, a api.Funnel
	c.want(201, "POST", "/api/v1/funnels", funnel("B")).into(t, &b)
	c.want(201, "POST", "/api/v1/funnels", funnel("a")).into(t, &a)
	if b.Definition.Steps[0].Properties == nil || *b.Definition.Window != "24h" {
		t.Errorf("it was saved as %+v", b)
	}
	c.want(409, "POST", "/api/v1/funnels", funnel("B"))
	c.want(409, "PUT", "/api/v1/funnels/"+a.Id, funnel("B"))
	c.want(200, "PUT", "/api/v1/funnels/"+a.Id, funnel("a"))
	c.want(200, "PUT", "/api/v1/funnels/"+a.Id, funnel("C"))
	c.want(404, "PUT", "/api/v1/funnels/77", funnel("D"))
	c.want(404, "PUT", "/api/v1/funnels/x", funnel("D"))
	var list api.FunnelList
	c.want(200, "GET", "/api/v1/funnels", nil).into(t, &list)
	if len(list.Items) != 2 || list.Items[0].Name != "B" || list.Items[1].Name != "C" {
		t.Errorf("the list is %+v", list)
	}
	c.want(200, "GET", "/api/v1/funnels/"+b.Id, nil)
	c.want(204, "DELETE", "/api/v1/funnels/"+b.Id, nil)
	c.want(404, "GET", "/api/v1/funnels/"+b.Id, nil)
	c.want(404, "DELETE", "/api/v1/funnels/"+b.Id, nil)
}

func TestTrackingIsVerified(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	var code api.Tracking
	c.want(200, "GET", "/api/v1/tracking", nil).into(t, &code)
	contains(t, code.Snippet, code.SiteKey)
	var list api.CheckList
	c.want(200, "GET", "/api/v1/tracking/verify", nil).into(t, &list)
	if len(list.Checks) != 2 || list.Checks[0].Ok || list.Checks[0].Fix == "" || list.Checks[1].Ok {
		t.Errorf("before the first hit it says %+v", list.Checks)
	}
	w.hit("12:00")
	c.want(200, "GET", "/api/v1/tracking/verify", nil).into(t, &list)
	if !list.Checks[0].Ok || list.Checks[0].Fix != "" {
		t.Errorf("after it, it says %+v", list.Checks)
	}
	contains(t, list.Checks[0].Text, "just now", "a.example")
}
