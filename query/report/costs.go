package report

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Channels gives the source of a visit of which only UTM values are known.
type Channels interface {
	OfCampaign(source, medium, campaign string, s *schema.Settings) *schema.Source
}

// WithChannels is a reader that can also say what ads cost; without them costs
// are in no report.
func (r *Reader) WithChannels(c Channels) *Reader {
	with := *r
	with.channels = c
	return &with
}

// costed are the dimensions that a cost has.
func costed() []Dimension { return []Dimension{"channel", "source", "medium", "campaign"} }

// placesCosts tells whether the cost of a campaign can be told apart by all that
// the question names: nobody knows what was paid for visits from a device.
func (q *Credits) placesCosts() bool {
	asked := dimensionsOf(slices.Concat(q.Filters, q.Exclude)...)
	for _, d := range []Dimension{q.Dimension, q.Second} {
		if d != "" {
			asked = append(asked, d)
		}
	}
	return !slices.ContainsFunc(asked, func(d Dimension) bool { return !slices.Contains(costed(), d) })
}

// CostChannel is the channel that visits of a cost's campaign have, by the
// settings in force when the day ended. Rules about pages, referrers and click
// ids find these empty.
func (s Scoped) CostChannel(c *schema.AdCost) string {
	return s.costChannel(keysOfCost{c.Source, c.Medium, c.Campaign}, s.changesBy(c.Day))
}

type keysOfCost struct{ source, medium, campaign string }

func (s Scoped) costChannel(k keysOfCost, changed int) string {
	return s.reader.channels.OfCampaign(k.source, k.medium, k.campaign, &s.settings[changed]).Channel
}

// changes are the days, in the workspace's zone, on which other settings came
// into force, without the first.
func (s Scoped) changes() []string {
	days := []string{}
	for i := range s.settings {
		if i > 0 {
			days = append(days, s.settings[i].From.Time().In(s.zone).Format(time.DateOnly))
		}
	}
	return days
}

func (s Scoped) changesBy(day string) int {
	n := 0
	for _, change := range s.changes() {
		if change <= day {
			n++
		}
	}
	return n
}

// costs are what ads cost in the days of the question, by its keys; nil where
// nothing was uploaded for these days, or it cannot be told apart so.
func (s Scoped) costs(ctx context.Context, q Credits) (map[keys]float64, error) {
	if s.reader.channels == nil || len(s.settings) == 0 || !q.placesCosts() {
		return nil, nil
	}
	byChannel := func(f Filter) bool { return f.Dimension == "channel" }
	arguments := map[string]any{"changes": s.changes()}
	arguments["from"], arguments["to"] = s.calendar(q.Period)
	var data placed
	var err error
	if data.Filters, err = conditions(slices.DeleteFunc(slices.Clone(q.Filters), byChannel), sessionColumn, arguments); err != nil {
		return nil, err
	}
	if data.Exclusions, err = exclusions(slices.DeleteFunc(slices.Clone(q.Exclude), byChannel), sessionColumn, arguments); err != nil {
		return nil, err
	}
	var sums map[keys]float64
	err = s.query(ctx, "costs", data, arguments, func(rows driver.Rows) error {
		var k keysOfCost
		var changed uint32
		var counted bool
		var cost float64
		if err := rows.Scan(&k.source, &k.medium, &k.campaign, &changed, &counted, &cost); err != nil {
			return err
		}
		if sums == nil {
			sums = map[keys]float64{}
		}
		channel := s.costChannel(k, int(changed))
		if counted && q.countsChannel(channel) {
			sums[keys{k.value(q.Dimension, channel), k.value(q.Second, channel)}] += cost
		}
		return nil
	})
	return sums, err
}

// countsChannel asks the filters and exclusions that ClickHouse cannot, which
// knows the channels of sessions only.
func (q *Credits) countsChannel(channel string) bool {
	for _, f := range q.Filters {
		if f.Dimension == "channel" && !f.holds(channel) {
			return false
		}
	}
	return !slices.ContainsFunc(q.Exclude, func(f Filter) bool { return f.Dimension == "channel" && f.holds(channel) })
}

// value is a cost's dimension; "" for none.
func (k keysOfCost) value(d Dimension, channel string) string {
	return map[Dimension]string{"channel": channel, "source": k.source, "medium": k.medium, "campaign": k.campaign}[d]
}

// calendar gives a period's first and last day.
func (s Scoped) calendar(p Period) (from, to string) {
	day := func(m schema.Millis) string { return m.Time().In(s.zone).Format(time.DateOnly) }
	return day(p.Begin), day(p.End - 1)
}

// CostMonth is what there is of ad cost for one month, source and medium.
type CostMonth struct {
	Month, Source, Medium string // the month as 2026-11
	First, Last           string // days that have a cost
	Entries, Campaigns    uint64
	Cost                  float64
	Clicks, Impressions   uint64
	Currency              string
	Uploaded              schema.Millis // the newest of them
}

// maxCostMonths is how many of them are given.
const maxCostMonths = 2000

// CostMonths tells what is there, the newest month first.
func (s Scoped) CostMonths(ctx context.Context) ([]CostMonth, error) {
	var all []CostMonth
	arguments := map[string]any{"limit": uint32(maxCostMonths)}
	err := s.query(ctx, "cost_months", nil, arguments, func(rows driver.Rows) error {
		var m CostMonth
		err := rows.Scan(&m.Month, &m.Source, &m.Medium, &m.First, &m.Last, &m.Entries, &m.Campaigns, &m.Cost, &m.Clicks, &m.Impressions,
			&m.Currency, (*int64)(&m.Uploaded))
		all = append(all, m)
		return err
	})
	return all, err
}

// Replaced counts those of some costs that are there already, so that storing
// these would replace them.
func (s Scoped) Replaced(ctx context.Context, costs []schema.AdCost) (int, error) {
	if len(costs) == 0 {
		return 0, nil
	}
	type about struct{ day, source, medium, campaign string }
	asked := make(map[about]bool, len(costs))
	from, to := costs[0].Day, costs[0].Day
	for i := range costs {
		c := &costs[i]
		asked[about{c.Day, c.Source, c.Medium, c.Campaign}] = true
		from, to = min(from, c.Day), max(to, c.Day)
	}
	n := 0
	err := s.query(ctx, "cost_keys", nil, map[string]any{"from": from, "to": to}, func(rows driver.Rows) error {
		var k about
		err := rows.Scan(&k.day, &k.source, &k.medium, &k.campaign)
		if asked[k] {
			n++
		}
		return err
	})
	return n, err
}
