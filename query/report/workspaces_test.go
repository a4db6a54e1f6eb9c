package report_test

import (
	"testing"
	"time"

	"sourceloop/query/report"
)

func TestWorkspacesNeverMeet(t *testing.T) {
	s := tell(t)
	contacts, err := s.in(2).Contacts(t.Context(), report.ContactQuery{})
	if err != nil || len(contacts.Contacts) != 1 || contacts.Contacts[0].Email != "eve@b.example" || contacts.Contacts[0].LastTouch.Channel != "Email" {
		t.Errorf("the second workspace lists %+v, %v", contacts, err)
	}
	a, err := s.in(2).Attribution(t.Context(), report.Credits{Model: "linear", Dimension: "landing_page", Period: s.september(), Lookback: report.AllTouches})
	if err != nil || len(a.Rows) != 1 || a.Rows[0] != (report.AttributionRow{Key: "https://a.example/", Conversions: 1, Value: 10, Sessions: 1}) {
		t.Errorf("the second workspace credits %+v, %v", a, err)
	}
	f, err := s.in(2).Funnel(t.Context(), report.Funnel{Window: time.Hour * 24 * 14, Period: s.september(), Scope: report.ByContact, Steps: []report.Step{
		{Type: "pageview", Operator: "contains", Value: "example"}, {Type: "conversion", Name: "intercom_conversation"},
	}})
	if err != nil || f.Steps[0].Entered != 1 || f.Steps[1].Entered != 1 {
		t.Errorf("the second workspace's funnel is %+v, %v", f, err)
	}
	for _, other := range []uint32{0, 3} {
		if page, err := s.in(other).Contacts(t.Context(), report.ContactQuery{}); err != nil || len(page.Contacts) != 0 {
			t.Errorf("workspace %d lists %+v, %v", other, page, err)
		}
	}
}
