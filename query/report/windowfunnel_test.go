package report_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sourceloop/query/report"
	sink "sourceloop/sinks/clickhouse"
)

// disjoint are steps of which a hit is one at most, as the report and as
// ClickHouse is asked for them.
func disjoint() map[string]report.Step {
	return map[string]report.Step{
		"type = 'pageview' AND path(url) = '/'":                {Type: "pageview", Operator: "equals", Value: "/"},
		"type = 'pageview' AND path(url) = '/pricing'":         {Type: "pageview", Operator: "equals", Value: "/pricing"},
		"type = 'pageview' AND startsWith(path(url), '/docs')": {Type: "pageview", Operator: "starts_with", Value: "/docs"},
		"type = 'event' AND name = 'signup'":                   {Type: "event", Name: "signup"},
		"type = 'event' AND name = 'play'":                     {Type: "event", Name: "play"},
	}
}

// Where the rules are the same, every visitor gets as far as ClickHouse's own
// windowFunnel says. They are where no two things happen at one time and none is
// two steps; under the strict order also only where nobody does a step twice, since
// windowFunnel then goes on from a step in spite of what came between.
func TestFunnelEqualsWindowFunnel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	s, begin := open(t), at(t, "3T10:00")
	w := &world{random: random, workspace: 1, apart: true}
	w.fillVisitors(400, begin)
	s.write(&sink.Batch{Sessions: w.sessions})
	for _, order := range []report.Order{report.Sequential, report.Strict} {
		far := 0
		for range 8 {
			f := report.Funnel{
				Order: order, Window: time.Duration(1+random.IntN(60)) * time.Minute,
				Period: report.Period{Begin: begin.Add(10 * time.Minute), End: begin.Add(time.Hour)},
			}
			var conditions []string
			for condition, step := range disjoint() { // In the order of the map, which is random.
				if len(f.Steps) < 2+random.IntN(3) {
					f.Steps, conditions = append(f.Steps, step), append(conditions, condition)
				}
			}
			if len(f.Steps) < 2 {
				continue
			}
			far += s.sameLevels(f, conditions)
		}
		if far < 10 {
			t.Errorf("in %s order only %d got beyond step 1: the test is too weak", order, far)
		}
	}
}

// sameLevels compares visitor by visitor, and tells how many got beyond step 1.
func (s *store) sameLevels(f report.Funnel, conditions []string) (far int) {
	s.t.Helper()
	want := s.levels(f, conditions)
	q, got := report.FunnelPeople{Funnel: f, Step: 1, Limit: report.MaxContacts}, map[string]int{}
	for {
		page, err := s.in(1).FunnelPeople(s.t.Context(), q)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, p := range page.People {
			got[p.ID] = p.Reached
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	for visitor, level := range want {
		if got[visitor] != level {
			s.t.Fatalf("%s gets to step %d of %+v, and windowFunnel says %d", visitor, got[visitor], f, level)
		}
		if level > 1 {
			far++
		}
	}
	return far
}

func (s *store) levels(f report.Funnel, conditions []string) map[string]int {
	s.t.Helper()
	first, mode, once := conditions[0], "", "true"
	if f.Order == report.Strict {
		mode = ", 'strict_order'"
		var each []string
		for _, c := range conditions {
			each = append(each, fmt.Sprintf("countIf(%s) <= 1", c))
		}
		once = strings.Join(each, " AND ")
	}
	conditions[0] = fmt.Sprintf("%s AND ms >= %d AND ms < %d", first, f.Period.Begin, f.Period.End)
	sql := fmt.Sprintf(`
		SELECT visitor, toInt64(windowFunnel(%d%s)(ms, %s))
		FROM (
			SELECT visitor, toUInt64(toUnixTimestamp64Milli(started_at) + offset) AS ms, type, url, CAST(title AS String) AS name
			FROM sessions FINAL
			ARRAY JOIN items_at AS offset, items_type AS type, items_url AS url, items_name AS title
			WHERE workspace = 1 AND name != 'chat_opened'
		)
		WHERE ms >= %d
		GROUP BY visitor
		HAVING %s`, f.Window.Milliseconds(), mode, strings.Join(conditions, ", "), f.Period.Begin, once)
	rows, err := s.conn.Query(s.t.Context(), sql)
	if err != nil {
		s.t.Fatal(err)
	}
	levels := map[string]int{}
	for rows.Next() {
		var visitor string
		var level int64
		if err := rows.Scan(&visitor, &level); err != nil {
			s.t.Fatal(err)
		}
		levels[visitor] = int(level)
	}
	if err := rows.Close(); err != nil {
		s.t.Fatal(err)
	}
	if len(levels) == 0 {
		s.t.Fatal("windowFunnel saw nobody")
	}
	return levels
}
