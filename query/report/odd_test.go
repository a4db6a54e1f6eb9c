package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// TestOddValuesAreFoundAsTheyAre: whatever a visitor wrote is stored, grouped by,
// filtered by and walked through as it is, and asking for it breaks no statement.
func TestOddValuesAreFoundAsTheyAre(t *testing.T) {
	s := open(t)
	odd := []string{
		"'", `"`, `\`, `\'`, `\\`, "a\tb", "a\nb", "\x00", "a\x00b", "\x1b[31m", "%", "_", "{value:String}", "{{.}}", "$$", "--", "/*", ";", "' OR ''='",
		"\u202e", "\u200b", "\ufeff", "😀", "e\u0301", "ＮＵＬＬ", "NULL", "\\N", "nan", "__proto__", "<script>", "=cmd|' /C calc'!A0", "\xff\xfe",
	}
	b, begin := &sink.Batch{}, at(t, "3T10:00")
	walk := schema.Session{ID: schema.Derive("walk"), Workspace: 1, Visitor: "walker", StartedAt: begin, Touch: schema.Touch{Source: "walk", At: begin}}
	for i, value := range odd {
		b.Sessions = append(b.Sessions, schema.SessionRow{Version: 1, Session: schema.Session{
			ID: schema.Derive("odd", fmt.Sprint(i)), Workspace: 1, Visitor: fmt.Sprint("v", i), StartedAt: begin, EndedAt: begin,
			Touch: schema.Touch{Channel: "Email", Source: value, Campaign: value, At: begin},
		}})
		walk.EndedAt = begin + schema.Millis(i)
		walk.Items = append(walk.Items,
			schema.Item{Hit: hitID("page", fmt.Sprint(i)), At: walk.EndedAt, Type: schema.HitType_HIT_TYPE_PAGEVIEW, URL: "https://a.example/" + value},
			schema.Item{Hit: hitID("sign", fmt.Sprint(i)), At: walk.EndedAt, Type: schema.HitType_HIT_TYPE_EVENT, Name: value})
	}
	b.Sessions = append(b.Sessions, schema.SessionRow{Version: 1, Session: walk})
	s.write(b)
	september := report.Period{Begin: at(t, "1T00:00"), End: at(t, "30T00:00")}
	for part := range slices.Chunk(odd, 8) {
		s.without(part, september, len(odd)+1-len(part))
		s.walksThrough(part, september)
		if _, err := s.in(1).Contacts(t.Context(), report.ContactQuery{Search: strings.Join(part, "")}); err != nil {
			t.Errorf("searching for %q: %v", part, err)
		}
	}
}

// without asks for all sources but some.
func (s *store) without(values []string, p report.Period, others int) {
	s.t.Helper()
	q := report.Credits{Model: "last_touch", Dimension: "source", Period: p}
	for _, value := range values {
		q.Filters = append(q.Filters, report.Filter{Dimension: "source", Operator: "is_not", Value: value})
	}
	a, err := s.in(1).Attribution(s.t.Context(), q)
	if err != nil || len(a.Rows) != others || slices.ContainsFunc(a.Rows, func(r report.AttributionRow) bool { return slices.Contains(values, r.Key) }) {
		s.t.Errorf("%d sources without %q, want %d; %v", len(a.Rows), values, others, err)
	}
	q.Filters = []report.Filter{{Dimension: "campaign", Operator: "is", Value: values[0]}}
	a, err = s.in(1).Attribution(s.t.Context(), q)
	if err != nil || len(a.Rows) != 1 || a.Rows[0].Key != values[0] {
		s.t.Errorf("%q alone: %+v, %v", values[0], a, err)
	}
}

// walksThrough asks for a funnel over pages, and one over events, of that name.
func (s *store) walksThrough(values []string, p report.Period) {
	s.t.Helper()
	pages := report.Funnel{Window: time.Hour, Period: p, Breakdown: "source"}
	events := pages
	for _, value := range values {
		pages.Steps = append(pages.Steps, report.Step{Type: "pageview", Operator: "equals", Value: "https://a.example/" + value})
		events.Steps = append(events.Steps, report.Step{Type: "event", Name: value})
	}
	for _, f := range []report.Funnel{pages, events} {
		got, err := s.in(1).Funnel(s.t.Context(), f)
		if err != nil || got.Steps[len(values)-1].Entered != 1 {
			s.t.Errorf("a funnel of %ss through %q: %+v, %v", f.Steps[0].Type, values, got, err)
		}
	}
}
