package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

const (
	// changesSettle is how long an insert may take between noting a change and being seen: what was noted
	// shortly before a copy began is read from sessions until the next one.
	changesSettle = 15 * time.Minute
	// copyStays is for how long a copy that stands no longer is kept for those who read it.
	copyStays = 10 * time.Minute
	// copyUnheaded is how long making a copy may take. One without a head is then what a crash left.
	copyUnheaded = 24 * time.Hour
	// copyAge is when a copy is made again in any case; notes of changes are kept for longer.
	copyAge = 365 * 24 * time.Hour
	// changedShare is the part of a month's sessions that may change before it is copied again: one in so many.
	changedShare = 200
)

// CopyJourneys brings the table journeys up to date: it copies the sessions of
// the days that rest since the last time, months that are over or changed much as
// a whole, and drops copies that stand no longer. With anew everything is copied
// again, so that nothing of a month is left to be read from sessions but its last days. Reports give
// the same whether it was ever called or not. Several may call it at a time.
func (s *Sink) CopyJourneys(ctx context.Context, anew bool) error {
	heads, err := s.journeyCopies(ctx)
	if err != nil {
		return err
	}
	standing := schema.JourneyCopies(heads)
	months, clock, err := s.journeyMonths(ctx, standing)
	if err != nil {
		return err
	}
	for _, m := range months {
		if begins, ok := m.next(standing, anew, clock); ok {
			if err := s.copyMonth(ctx, m, begins, clock); err != nil {
				return err
			}
		}
	}
	return s.dropCopies(ctx, clock)
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
func (m *journeyMonth) next(standing []schema.JourneyCopy, anew bool, clock schema.Millis) (time.Time, bool) {
	covered, copies, oldest := m.first(), 0, clock
	for _, c := range standing {
		if c.Month == m.month {
			covered, copies, oldest = c.Covers, copies+1, min(oldest, schema.JourneyMade(c.Build))
		}
	}
	over := m.ends().Equal(m.first().AddDate(0, 1, 0)) && copies > 1
	if anew || over || copies > 0 && (m.changed*changedShare > m.sessions || clock.Sub(oldest) > copyAge) {
		return m.first(), true
	}
	return covered, covered.Before(m.ends())
}

// copyMonth copies days of a month, one after the other.
func (s *Sink) copyMonth(ctx context.Context, m journeyMonth, begins time.Time, clock schema.Millis) error {
	build := schema.JourneyBuild(clock)
	for day := begins; day.Before(m.ends()); day = day.AddDate(0, 0, 1) {
		for _, statement := range []string{"journey_items", "journey_rows"} {
			if err := s.do(ctx, statement, driver.Named("day", day.Format(time.DateOnly)), driver.Named("build", build)); err != nil {
				return err
			}
		}
	}
	return s.do(ctx, "journey_head", driver.Named("month", m.month), driver.Named("build", build), driver.Named("day", begins.Format(time.DateOnly)),
		driver.Named("covers", m.ends().Format(time.DateOnly)), driver.Named("noted", int64(clock.Add(-changesSettle))))
}

func (s *Sink) journeyCopies(ctx context.Context) (heads []schema.JourneyCopy, err error) {
	err = s.each(ctx, "journey_copies", func(rows chdriver.Rows) error {
		var c schema.JourneyCopy
		var noted int64
		err := rows.Scan(&c.Month, &c.Build, &c.Begins, &c.Covers, &noted, &c.Rows)
		c.Noted = schema.Millis(noted)
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
		months, clock = append(months, m), schema.Millis(now)
		return err
	}, driver.Named("months", of), driver.Named("noted", noted))
	return months, clock, err
}

// dropCopies drops what nobody reads any more: copies in whose place others stand, and what a crash left.
func (s *Sink) dropCopies(ctx context.Context, clock schema.Millis) error {
	heads, err := s.journeyCopies(ctx)
	if err != nil {
		return err
	}
	type part struct {
		month uint32
		build uint64
	}
	headed, standing, newest := map[part]bool{}, map[part]bool{}, map[uint32]uint64{}
	for _, c := range heads {
		headed[part{c.Month, c.Build}] = true
	}
	for _, c := range schema.JourneyCopies(heads) {
		standing[part{c.Month, c.Build}], newest[c.Month] = true, max(newest[c.Month], c.Build)
	}
	return s.each(ctx, "journey_parts", func(rows chdriver.Rows) error {
		var p part
		if err := rows.Scan(&p.month, &p.build); err != nil {
			return err
		}
		replaced := headed[p] && clock.Sub(schema.JourneyMade(newest[p.month])) > copyStays
		crashed := !headed[p] && clock.Sub(schema.JourneyMade(p.build)) > copyUnheaded
		if standing[p] || !replaced && !crashed {
			return nil
		}
		// Partitions are named in a statement by numbers, which cannot be bound.
		return explain("drop a copy of journeys", s.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE journeys DROP PARTITION (%d, %d)", p.month, p.build)))
	})
}
