package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

const (
	// copyTakes is how long copying may take at most. A copy that is older and has no head is what a crash left.
	copyTakes = 12 * time.Hour
	// copyStays is for how long a copy that stands no longer is kept for those who read it.
	copyStays = 10 * time.Minute
	// copyAge is when a copy is made again in any case; notes of changes are kept for longer.
	copyAge = 365 * 24 * time.Hour
	// changedShare is the part of a month's sessions that may change before it is copied again: one in so many.
	changedShare = 200
	// dropTakes is how long dropping a copy that failed may take, also when the work was called off.
	dropTakes = 10 * time.Second
	// dayTries is how often a day is copied while people are erased, one after the other.
	dayTries = 5
)

// CopyJourneys brings the table journeys up to date: it copies the sessions of
// the days that rest since the last time, months that are over or changed much as
// a whole, and drops copies that stand no longer. Months with a copy that was begun
// before a moment (since; 0 is never) are copied again, so that nothing of them is left
// to be read from sessions but the last days. When it fails, nothing is left of the copies that did, and
// called with the same moment it goes on where it was. Reports give the same whether it was ever called
// or not. Several may call it at a time.
func (s *Sink) CopyJourneys(ctx context.Context, since schema.Millis) error {
	begun := time.Now()
	made, clock, err := s.copyMonths(ctx, since)
	took := time.Since(begun)
	if err != nil {
		s.metrics.failures.WithLabelValues("journeys").Inc()
	}
	heads, failure := s.journeyCopies(ctx)
	if failure != nil {
		return errors.Join(err, failure)
	}
	if err == nil {
		s.noteCopied(made, heads, took)
	}
	return errors.Join(err, s.dropCopies(ctx, heads, clock))
}

// copyMonths copies what is to be copied, and gives the numbers of the copies and
// when it began. A month that fails keeps no other from being copied.
func (s *Sink) copyMonths(ctx context.Context, since schema.Millis) (made []uint64, clock schema.Millis, err error) {
	ctx, cancel := context.WithTimeout(ctx, copyTakes)
	defer cancel()
	heads, err := s.journeyCopies(ctx)
	if err != nil {
		return nil, 0, err
	}
	standing := schema.JourneyCopies(heads)
	months, clock, err := s.journeyMonths(ctx, standing)
	if err != nil {
		return nil, 0, err
	}
	for _, m := range months {
		begins, ok := m.next(standing, since, clock)
		if !ok || ctx.Err() != nil {
			continue
		}
		build := schema.JourneyBuild(clock)
		if failure := s.copyMonth(ctx, m, build, begins, clock); failure != nil {
			err = errors.Join(err, failure)
			continue
		}
		made = append(made, build)
	}
	return made, clock, errors.Join(err, ctx.Err())
}

// noteCopied tells operators what a copying was.
func (s *Sink) noteCopied(made []uint64, heads []schema.JourneyCopy, took time.Duration) {
	var rows uint64
	for _, c := range heads {
		if slices.Contains(made, c.Build) {
			rows += c.Rows
		}
	}
	s.metrics.rows.WithLabelValues("journeys").Add(float64(rows))
	s.metrics.copied.Set(took.Seconds())
	s.config.Log.Info("sessions were copied into journeys", slog.Int("copies", len(made)), slog.Uint64("rows", rows), slog.Duration("took", took))
}

// journeyMonth is a month with sessions that rest.
type journeyMonth struct {
	month             uint32
	sessions, changed uint64
	rests             time.Time // the day behind the last that rests
}

func (m *journeyMonth) first() time.Time {
	return time.Date(int(m.month/100), time.Month(m.month%100), 1, 0, 0, 0, 0, time.UTC)
}

// ends is the day behind the last that can be copied.
func (m *journeyMonth) ends() time.Time {
	if end := m.first().AddDate(0, 1, 0); end.Before(m.rests) {
		return end
	}
	return m.rests
}

// next tells from which day on the month is to be copied, if at all.
func (m *journeyMonth) next(standing []schema.JourneyCopy, since, clock schema.Millis) (time.Time, bool) {
	covered, copies, oldest := m.first(), 0, clock
	for _, c := range standing {
		if c.Month == m.month {
			covered, copies, oldest = c.Covers, copies+1, min(oldest, schema.JourneyMade(c.Build))
		}
	}
	over := m.ends().Equal(m.first().AddDate(0, 1, 0)) && copies > 1
	if over || copies > 0 && (oldest < since || m.changed*changedShare > m.sessions || clock.Sub(oldest) > copyAge) {
		return m.first(), true
	}
	return covered, covered.Before(m.ends())
}

// copyMonth copies days of a month, one after the other, so that a statement never takes long.
func (s *Sink) copyMonth(ctx context.Context, m journeyMonth, build uint64, begins time.Time, clock schema.Millis) error {
	part := journeyPart{m.month, build}
	for day := begins; day.Before(m.ends()); day = day.AddDate(0, 0, 1) {
		if err := s.copyDay(ctx, driver.Named("month", m.month), driver.Named("build", build), driver.Named("day", day.Format(time.DateOnly))); err != nil {
			return errors.Join(err, s.dropFailed(ctx, part))
		}
	}
	err := s.do(ctx, "journey_head", driver.Named("month", m.month), driver.Named("build", build), driver.Named("day", begins.Format(time.DateOnly)),
		driver.Named("covers", m.ends().Format(time.DateOnly)), driver.Named("noted", int64(clock.Add(-s.config.Settle))))
	// Of a head that ClickHouse did not refuse nobody knows whether it is there, or will be, and funnels read by it.
	if _, refused := exceptionCode(err); refused {
		return errors.Join(err, s.dropFailed(ctx, part))
	}
	return err
}

// dropFailed drops what there is of a copy that failed, so that trying again
// does not fill the disk. It must never have been given a head.
func (s *Sink) dropFailed(ctx context.Context, p journeyPart) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTakes)
	defer cancel()
	return s.dropCopy(ctx, p)
}

// dropCopy drops a partition. They are named in a statement by numbers, which cannot be bound.
func (s *Sink) dropCopy(ctx context.Context, p journeyPart) error {
	return explain("drop a copy of journeys", s.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE journeys DROP PARTITION (%d, %d)", p.month, p.build)))
}

// copyDay copies a day, once more when somebody was erased meanwhile: their rows
// might have been read before and stored behind what deleted them. What items
// stand for comes behind the rows with them, so that it is never seen as needless.
func (s *Sink) copyDay(ctx context.Context, args ...any) error {
	for range dayTries {
		before, err := s.journeyErasures(ctx)
		if err != nil {
			return err
		}
		for _, statement := range []string{"journey_rows", "journey_items"} {
			if err := s.do(ctx, statement, args...); err != nil {
				return err
			}
		}
		if after, err := s.journeyErasures(ctx); err != nil || after == before {
			return err
		}
		if err := s.do(ctx, "journey_undo", args...); err != nil {
			return err
		}
	}
	return schema.E("copy sessions into journeys", schema.KindUnavailable, "people are being erased, one after the other; a later copy takes the day")
}

// journeyErasures tells apart two moments between which somebody was erased from journeys.
func (s *Sink) journeyErasures(ctx context.Context) (mark [2]uint64, err error) {
	err = s.each(ctx, "journey_erasures", func(rows chdriver.Rows) error { return rows.Scan(&mark[0], &mark[1]) })
	return mark, err
}

func (s *Sink) journeyCopies(ctx context.Context) (heads []schema.JourneyCopy, err error) {
	err = s.each(ctx, "journey_copies", func(rows chdriver.Rows) error {
		var c schema.JourneyCopy
		var noted int64
		err := rows.Scan(&c.Month, &c.Build, &c.Begins, &c.Covers, &noted, &c.Rows)
		c.Begins, c.Covers, c.Noted = schema.UTCDay(c.Begins), schema.UTCDay(c.Covers), schema.Millis(noted)
		heads = append(heads, c)
		return err
	})
	return heads, err
}

func (s *Sink) journeyMonths(ctx context.Context, standing []schema.JourneyCopy) (months []journeyMonth, clock schema.Millis, err error) {
	var of []uint32
	var noted []int64
	for _, c := range standing {
		if i := slices.Index(of, c.Month); i >= 0 {
			noted[i] = min(noted[i], int64(c.Noted))
			continue
		}
		of, noted = append(of, c.Month), append(noted, int64(c.Noted))
	}
	err = s.each(ctx, "journey_months", func(rows chdriver.Rows) error {
		var m journeyMonth
		var now int64
		err := rows.Scan(&m.month, &m.sessions, &m.changed, &m.rests, &now)
		m.rests = schema.UTCDay(m.rests)
		months, clock = append(months, m), schema.Millis(now)
		return err
	}, driver.Named("months", of), driver.Named("noted", noted))
	return months, clock, err
}

// dropCopies drops what nobody reads any more.
func (s *Sink) dropCopies(ctx context.Context, heads []schema.JourneyCopy, clock schema.Millis) error {
	var parts []journeyPart
	err := s.each(ctx, "journey_parts", func(rows chdriver.Rows) error {
		var p journeyPart
		err := rows.Scan(&p.month, &p.build)
		parts = append(parts, p)
		return err
	})
	for _, p := range needless(parts, heads, clock) {
		if err == nil {
			err = s.dropCopy(ctx, p)
		}
	}
	return err
}

// journeyPart is a partition of the table journeys: a copy, or what there is of it.
type journeyPart struct {
	month uint32
	build uint64
}

// needless are the copies in whose place others stand, and what crashes left. A
// number says when a copy was begun, hence one may have come to stand copyTakes
// later, and those who look for what stands read for copyStays what did before.
func needless(parts []journeyPart, heads []schema.JourneyCopy, clock schema.Millis) []journeyPart {
	headed, standing, newest := map[journeyPart]bool{}, map[journeyPart]bool{}, map[uint32]uint64{}
	for _, c := range heads {
		headed[journeyPart{c.Month, c.Build}] = true
	}
	for _, c := range schema.JourneyCopies(heads) {
		standing[journeyPart{c.Month, c.Build}], newest[c.Month] = true, max(newest[c.Month], c.Build)
	}
	return slices.DeleteFunc(parts, func(p journeyPart) bool {
		since := p.build
		if headed[p] {
			since = newest[p.month]
		}
		return standing[p] || clock.Sub(schema.JourneyMade(since)) <= copyTakes+copyStays
	})
}
