package check

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"sourceloop/deploy/load"
)

func (c *comparison) days() string { return "from=" + c.want.From + "&to=" + c.want.To }

// traffic compares the figures of the range and of every day.
func (c *comparison) traffic(ctx context.Context) error {
	var got struct {
		Figures []struct {
			Name  string
			Value float64
		}
		Trend []load.Day
	}
	if err := c.api.get(ctx, "/api/v1/traffic?"+c.days(), &got); err != nil {
		return err
	}
	want := c.want.Traffic
	figures := map[string]float64{
		"sessions": float64(want.Sessions), "visitors": float64(want.Visitors), "page_views": float64(want.PageViews),
		"conversions": want.Conversions, "conversion_rate": 0, "value": 0,
	}
	if want.Sessions > 0 {
		figures["conversion_rate"] = want.Conversions / float64(want.Sessions)
	}
	for _, f := range got.Figures {
		c.number("traffic: "+f.Name, f.Value, figures[f.Name])
		delete(figures, f.Name)
	}
	for name := range figures {
		c.differ("traffic: "+name, "missing", figures[name])
	}
	c.trend(got.Trend, want.Trend)
	return nil
}

func (c *comparison) trend(got, want []load.Day) {
	c.number("traffic: days of the trend", float64(len(got)), float64(len(want)))
	for i := range min(len(got), len(want)) {
		day := "traffic of " + want[i].Start + ": "
		c.text(day+"day", got[i].Start, want[i].Start)
		c.number(day+"sessions", float64(got[i].Sessions), float64(want[i].Sessions))
		c.number(day+"visitors", float64(got[i].Visitors), float64(want[i].Visitors))
		c.number(day+"conversions", got[i].Conversions, want[i].Conversions)
	}
}

// models in the order in which they are asked for, two at a time.
func models() [][2]string {
	return [][2]string{
		{"last_touch", "first_touch"}, {"last_non_direct", "first_non_direct"}, {"linear", "position_based"}, {"time_decay", "last_touch"},
	}
}

type creditRow struct {
	Key                string
	Conversions        float64
	Value              float64
	Sessions           float64
	CompareConversions float64 `json:"compare_conversions"`
}

type credits struct {
	Rows              []creditRow
	Attributed, Total float64
}

// attribution compares every row of every report under every model.
func (c *comparison) attribution(ctx context.Context) error {
	pairs := models()
	return c.each(ctx, len(c.want.Attribution)*len(pairs), func(ctx context.Context, one *comparison, i int) error {
		return one.report(ctx, &c.want.Attribution[i/len(pairs)], pairs[i%len(pairs)])
	})
}

// report asks for one report under two models.
func (c *comparison) report(ctx context.Context, want *load.Credits, pair [2]string) error {
	query := url.Values{
		"model": {pair[0]}, "compare_model": {pair[1]}, "dimension": {want.Dimension}, "lookback": {want.Lookback}, "limit": {"100000"},
		"from": {c.want.From}, "to": {c.want.To},
	}
	if want.Conversion != "" {
		query.Set("conversion", want.Conversion)
	}
	var got credits
	if err := c.api.get(ctx, "/api/v1/attribution?"+query.Encode(), &got); err != nil {
		return err
	}
	c.credits(got, want, pair)
	return nil
}

func (c *comparison) credits(got credits, want *load.Credits, pair [2]string) {
	about := fmt.Sprintf("attribution of %s by %s, %s days back, %s",
		strings.TrimSpace(want.Conversion+" conversions"), want.Dimension, want.Lookback, pair[0])
	c.number(about+": total", got.Total, want.Total)
	c.number(about+": attributed", got.Attributed, want.Attributed)
	rows := make(map[string]creditRow, len(got.Rows))
	for _, r := range got.Rows {
		rows[r.Key] = r
	}
	for _, w := range want.Rows {
		row := fmt.Sprintf("%s: row %q: ", about, w.Key)
		g, found := rows[w.Key]
		if delete(rows, w.Key); !found {
			c.Compared++
			c.differ(row+"row", "missing", "there")
			continue
		}
		c.number(row+"conversions", g.Conversions, w.Credits[pair[0]])
		c.number(row+pair[1]+" beside it", g.CompareConversions, w.Credits[pair[1]])
		c.number(row+"value", g.Value, 0)
		c.number(row+"sessions", g.Sessions, float64(w.Sessions))
	}
	for key := range sorted(rows) {
		c.differ(fmt.Sprintf("%s: row %q", about, key), "there", "absent")
	}
}

type funnelReport struct {
	Steps     []load.StepCount
	Breakdown []load.FunnelRow
}

// funnels compares every step and every row.
func (c *comparison) funnels(ctx context.Context) error {
	for i, want := range c.want.Funnels {
		var got funnelReport
		if err := c.api.post(ctx, "/api/v1/funnels/query", want.Query, &got); err != nil {
			return err
		}
		about := fmt.Sprintf("funnel %d (%s, %s)", i+1, want.Query.Scope, want.Query.Window)
		c.steps(about, got.Steps, want.Steps)
		rows := make(map[string][]load.StepCount, len(got.Breakdown))
		for _, r := range got.Breakdown {
			rows[r.Key] = r.Steps
		}
		for _, w := range want.Breakdown {
			c.steps(fmt.Sprintf("%s by %s: row %q", about, want.Query.Breakdown, w.Key), rows[w.Key], w.Steps)
			delete(rows, w.Key)
		}
		for key := range sorted(rows) {
			c.differ(fmt.Sprintf("%s: row %q", about, key), "there", "absent")
		}
	}
	return nil
}

func (c *comparison) steps(about string, got, want []load.StepCount) {
	c.number(about+": steps", float64(len(got)), float64(len(want)))
	for i := range min(len(got), len(want)) {
		step := fmt.Sprintf("%s: step %d: ", about, i+1)
		c.number(step+"entered", float64(got[i].Entered), float64(want[i].Entered))
		c.number(step+"converted", float64(got[i].Converted), float64(want[i].Converted))
		c.maybe(step+"median seconds", got[i].Median, want[i].Median)
		c.maybe(step+"p90 seconds", got[i].P90, want[i].P90)
	}
}

// maybe compares numbers that may be null.
func (c *comparison) maybe(what string, got, want *float64) {
	switch {
	case got != nil && want != nil:
		c.number(what, *got, *want)
	case (got == nil) != (want == nil):
		c.Compared++
		c.differ(what, told(got), told(want))
	default:
		c.Compared++
	}
}

func told(n *float64) any {
	if n == nil {
		return "null"
	}
	return *n
}
