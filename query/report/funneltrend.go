package report

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// maxPoints is how many stretches a trend may have.
const maxPoints = 400

// FunnelPoint is the funnel of one stretch of a trend: exactly what the funnel
// asked of these days alone answers. Who enters in two stretches counts in both.
type FunnelPoint struct {
	Start schema.Millis
	Steps []StepCount
}

// FunnelTrend gives the funnel of every hour, day or week (seven days from the
// first) of its period, those in which nobody entered included. The breakdown is
// not read.
func (s Scoped) FunnelTrend(ctx context.Context, f Funnel, by Granularity) ([]FunnelPoint, error) {
	f.Breakdown = ""
	b, err := buildFunnel(f)
	if err != nil {
		return nil, err
	}
	bounds, err := s.bounds(f.Period, by)
	if err != nil {
		return nil, err
	}
	points, place := make([]FunnelPoint, len(bounds)), make(map[int64]int, len(bounds))
	for i, start := range bounds {
		points[i], place[start] = FunnelPoint{schema.Millis(start), make([]StepCount, len(f.Steps))}, i
	}
	b.Bucket, b.arguments["bounds"] = "toInt64(roundDown(e.1, {bounds:Array(Int64)}))", bounds
	err = s.query(ctx, "funnel_trend", b, b.arguments, func(r driver.Rows) error {
		var bucket int64
		var step uint32
		var count StepCount
		if err := r.Scan(&bucket, &step, &count.Entered, &count.Median, &count.P90); err != nil {
			return err
		}
		points[place[bucket]].Steps[step-1] = count.rounded()
		return nil
	})
	for i := range points {
		convert(points[i].Steps)
	}
	return points, err
}

// bounds are the starts of a period's stretches, in the workspace's zone.
func (s Scoped) bounds(p Period, by Granularity) ([]int64, error) {
	next := map[Granularity]func(time.Time) time.Time{
		Hour: func(t time.Time) time.Time { return t.Add(time.Hour) },
		Day:  func(t time.Time) time.Time { return t.AddDate(0, 0, 1) },
		Week: func(t time.Time) time.Time { return t.AddDate(0, 0, 7) },
	}[by]
	if next == nil {
		return nil, invalid("the trend must be by day or week, and is by %q", by)
	}
	var bounds []int64
	for t := p.Begin.Time().In(s.zone); t.Before(p.End.Time()); t = next(t) {
		if len(bounds) == maxPoints {
			return nil, invalid("a trend has up to %d points; ask for fewer days, or by week", maxPoints)
		}
		bounds = append(bounds, t.UnixMilli())
	}
	return bounds, nil
}
