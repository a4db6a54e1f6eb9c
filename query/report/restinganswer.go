package report

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"sourceloop/schema"
)

// rested gives the sessions of a question in runs, of which those that are kept are not read; none when it has to be answered without.
// All is as it was when the last was read: what is written of days that rest is noted before it is seen, and nothing was meanwhile.
func (s Scoped) rested(ctx context.Context, q Credits, columns []string) ([]countedRun, error) {
	m := s.reader.resting
	if m.most == 0 || len(s.reader.columnar.options.Addr) > 1 || q.Period.End <= q.Period.Begin || !q.toldByCodes() {
		return nil, nil
	}
	for _, dimension := range dimensionsOf(slices.Concat(q.Filters, q.Exclude)...) {
		if _, err := ParseDimension(string(dimension)); err != nil {
			return nil, err
		}
	}
	keys := piecesOf(s.workspace, q.Period)
	if len(keys) > mostPieces {
		return nil, nil
	}
	if keys = m.again(keys); len(keys) == 0 {
		return nil, nil
	}
	before, err := s.restingState(ctx)
	if err != nil || before.tables == "" {
		return nil, err
	}
	for range 2 {
		all, err := s.restedOnce(ctx, q, keys, before, columns)
		if !errors.Is(err, errNoted) {
			return all, err
		}
		if before, err = s.restingState(ctx); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// errNoted says that something was written of days that rest while they were counted.
var errNoted = errors.New("sessions that rest were written meanwhile")

// restedOnce reads what is not kept.
func (s Scoped) restedOnce(ctx context.Context, q Credits, keys []pieceKey, before restingState, columns []string) ([]countedRun, error) {
	needed := slices.Clone(columns)
	for _, dimension := range dimensionsOf(slices.Concat(q.Filters, q.Exclude)...) {
		needed = append(needed, string(dimension))
	}
	pieces := s.pieces(keys, needed, before)
	if len(pieces) == 0 {
		return nil, nil
	}
	notes, err := s.notesOf(ctx, pieces)
	if err != nil {
		return nil, err
	}
	runs, changed, usable := s.countedPieces(q, pieces, &notes)
	if !usable {
		return nil, nil
	}
	rest, err := s.readRest(ctx, q, pieces, changed, columns)
	if err != nil {
		return nil, err
	}
	if rest != nil {
		runs = append(runs, countedRun{sessionRun: rest, whole: true})
	}
	return runs, s.unchanged(ctx, pieces, before, &notes)
}

// unchanged gives errNoted if it is not.
func (s Scoped) unchanged(ctx context.Context, pieces []*restingPiece, before restingState, notes *restingNotes) error {
	after, err := s.restingState(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(pieces, func(p *restingPiece) bool { return !p.stands(&after) }) {
		return errNoted
	}
	if after.blocks == before.blocks {
		return nil
	}
	again, err := s.notesOf(ctx, pieces)
	if err == nil && !again.equal(notes) {
		err = errNoted
	}
	return err
}

// equal tells whether others are the same, in whatever order.
func (n *restingNotes) equal(others *restingNotes) bool {
	if len(n.noted) != len(others.noted) {
		return false
	}
	last := make(map[visitorDay]int64, len(n.noted))
	for i, browser := range n.browser {
		last[visitorDay{browser, int32(n.day[i])}] = n.noted[i]
	}
	for i, browser := range others.browser {
		if noted, ok := last[visitorDay{browser, int32(others.day[i])}]; !ok || noted != others.noted[i] {
			return false
		}
	}
	return true
}

// pieces are those that are kept. What is missing is read beside, for later questions: to read and to order it takes longer than to answer
// without.
func (s Scoped) pieces(keys []pieceKey, columns []string, state restingState) (all []*restingPiece) {
	m := s.reader.resting
	// Before this day nothing is written without being noted, by inserts that began a while ago, too.
	end := schema.Millis(state.clock-m.settle.Milliseconds()).Day() - 1
	var missing []pieceKey
	m.learn(&state)
	for _, key := range keys {
		if _, some := state.firsts[key.month()]; !some {
			continue // There is nothing of that month.
		}
		piece, read := m.take(key, end, columns)
		if read {
			missing = append(missing, key)
		}
		if piece != nil && piece.has(columns) {
			all = append(all, piece)
		}
	}
	if len(missing) > 0 {
		s.readBeside(missing, end, columns, state)
	}
	return all
}

// readBeside reads pieces to be kept, unless some are being read already: at most one core is taken from who asks.
func (s Scoped) readBeside(missing []pieceKey, end int32, columns []string, state restingState) {
	m := s.reader.resting
	select {
	case m.reading <- struct{}{}:
	default:
		return
	}
	began := m.read(func(ctx context.Context) {
		defer func() { <-m.reading }()
		for _, key := range missing {
			if former, read := m.take(key, end, columns); read && s.readPiece(ctx, former, key, end, columns, state) != nil {
				m.spare(key) // It is tried again later; who asks is answered without.
			}
		}
	})
	if !began {
		<-m.reading
	}
}

// readPiece reads one to be kept, with what the former one had.
func (s Scoped) readPiece(ctx context.Context, former *restingPiece, key pieceKey, end int32, columns []string, state restingState) error {
	m := s.reader.resting
	_, last := pieceOf(key.first)
	base := int64(key.first) * dayMillis
	piece := &restingPiece{pieceKey: key, end: min(end, last), noted: state.clock - m.settle.Milliseconds(), state: state}
	days := Credits{Period: Period{schema.Millis(base), schema.Millis(int64(piece.end) * dayMillis)}}
	read, err := s.readSessions(ctx, days, columnsToKeep(former, columns), restingData{}, nil, func(bytes int) error {
		if bytes > m.most {
			return errCrowded
		}
		return nil
	})
	if err != nil {
		return err
	}
	piece.run = read.run(base, true)
	piece.bytes = piece.run.bytes()
	m.put(piece)
	return nil
}

// notesOf are those of pieces, as far as they are not in them.
func (s Scoped) notesOf(ctx context.Context, pieces []*restingPiece) (restingNotes, error) {
	oldest := pieces[0].noted
	for _, p := range pieces {
		oldest = min(oldest, p.noted)
	}
	return s.restingNotes(ctx, oldest, pieces[0].first, pieces[len(pieces)-1].end)
}

// How much of a piece may have changed: beyond, it is read again at some time.
const (
	mostNoted   = 1000 // browsers' days, in any case
	onePerNoted = 50   // browsers
)

// countedPieces leaves out of pieces what was noted since they were read, which is what changed. Not usable are those of which too much did.
func (s Scoped) countedPieces(q Credits, pieces []*restingPiece, notes *restingNotes) (runs []countedRun, changed *changes, usable bool) {
	changed, usable = &changes{}, true
	tooMany := notes.visitor.Rows() > s.reader.funnelLimits.changes
	for _, p := range pieces {
		run := countedRun{sessionRun: p.run, conditions: q.conditionsOn(p.run), whole: int64(p.first)*dayMillis >= int64(q.Period.Begin) && int64(p.end)*dayMillis <= int64(q.Period.End)}
		for i, browser := range notes.browser {
			if day := int32(notes.day[i]); notes.noted[i] >= p.noted && day >= p.first && day < p.end {
				run.leftOut = append(run.leftOut, visitorDay{browser, day})
				changed.day = append(changed.day, notes.day[i])
				changed.visitor.AppendBytes(notes.visitor.RowBytes(i))
			}
		}
		if tooMany || len(run.leftOut) > max(mostNoted, len(p.run.browsers)/onePerNoted) {
			s.reader.resting.spare(p.pieceKey)
			usable = false
		}
		slices.SortFunc(run.leftOut, func(a, b visitorDay) int {
			return cmp.Or(cmp.Compare(a.browser, b.browser), cmp.Compare(a.day, b.day))
		})
		runs = append(runs, run)
	}
	return runs, changed, usable
}

// readRest reads the days that no piece has, and what was noted; nil for nothing.
func (s Scoped) readRest(ctx context.Context, q Credits, pieces []*restingPiece, changed *changes, columns []string) (*sessionRun, error) {
	data := restingData{Days: gaps(q.Period, pieces), Changed: len(changed.day) > 0}
	if data.Days == "" {
		if !data.Changed {
			return nil, nil
		}
		data.Days = "false"
	}
	turn := crowdTurn{turns: s.reader.crowds}
	defer turn.leave()
	read, err := s.readSessions(ctx, q, columns, data, changed, func(bytes int) error {
		if bytes > s.reader.mostCrowd {
			return errCrowded
		}
		return turn.take(ctx, bytes)
	})
	if err != nil {
		return nil, err
	}
	return read.run(0, false), nil
}

// gaps is a condition on the days of a period that no piece has; empty when there are none.
func gaps(period Period, pieces []*restingPiece) string {
	var all []string
	from, end := period.Begin.Day(), (period.End-1).Day()+1
	for _, p := range pieces {
		if p.first > from {
			all = append(all, dayCondition(from, p.first))
		}
		from = max(from, p.end)
	}
	if from < end {
		all = append(all, dayCondition(from, end))
	}
	return strings.Join(all, " OR ")
}
