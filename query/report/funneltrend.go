package report

import (
	"context"
	"math"
	"sort"
	"time"

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
	bounds, err := s.bounds(f.Period, by)
	if err != nil {
		return nil, err
	}
	var seers []*trender
	_, err = s.seen(ctx, f, func(*funnelRun) seer {
		t := &trender{walker: f.walker(), funnelTally: funnelTally{steps: len(f.Steps)}, funnel: f, bounds: bounds}
		seers = append(seers, t)
		return t
	})
	if err != nil {
		return nil, err
	}
	all := funnelTally{steps: len(f.Steps)}
	for _, t := range seers {
		all.merge(&t.funnelTally)
	}
	points := make([]FunnelPoint, len(bounds))
	for i, part := range all.parts(len(bounds), func(entry int32) int { return int(entry) }) {
		points[i] = FunnelPoint{schema.Millis(bounds[i]), part.counts()}
		convert(points[i].Steps)
	}
	return points, nil
}

// trender tallies the best walk that everybody began in each stretch.
type trender struct {
	walker
	funnelTally // its entries are places of stretches
	funnel      Funnel
	bounds      []int64
}

func (t *trender) see(_ uint64, h []happening) {
	entries := uint16(1)
	if t.funnel.Order == AnyOrder {
		entries = math.MaxUint16
	}
	last := -1
	for i := range h {
		at := h[i].at()
		if h[i].mask&entries == 0 || at < int64(t.funnel.Period.Begin) || at >= int64(t.funnel.Period.End) {
			continue
		}
		if place := sort.Search(len(t.bounds), func(i int) bool { return t.bounds[i] > at }) - 1; place != last {
			last = place
			t.in(place, h)
		}
	}
}

// in tallies the walk that began in a stretch.
func (t *trender) in(place int, h []happening) {
	t.begin, t.end = max(t.bounds[place], int64(t.funnel.Period.Begin)), int64(t.funnel.Period.End)
	if place+1 < len(t.bounds) {
		t.end = t.bounds[place+1]
	}
	if best, _ := t.best(h, t.funnel.Order); best.n > 0 {
		t.add(int32(place), &best)
	}
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
