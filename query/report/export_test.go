package report

import (
	"context"
	"math/rand/v2"
	"runtime"
	"time"
)

// EachModel answers a question under every model.
func (s Scoped) EachModel(ctx context.Context, q Credits) (map[Model]Attribution, error) {
	room := s.reader.rooms.take()
	defer s.reader.rooms.put(room)
	sums, err := s.summed(ctx, room, q, grouping{first: q.Dimension, second: q.Second})
	if err != nil {
		return nil, err
	}
	byKey := sums[0].earned()
	sessions, err := s.sessionsBy(ctx, q)
	if err != nil {
		return nil, err
	}
	costs, err := s.costs(ctx, q)
	if err != nil {
		return nil, err
	}
	answers := make(map[Model]Attribution)
	for i, m := range Models() {
		if m.dataDriven() {
			if err := s.addDataDriven(ctx, q, m, byKey); err != nil {
				return nil, err
			}
		}
		var table creditTable = sumTable{sums[0]}
		if m.dataDriven() {
			table = newEarnedTable(byKey)
		}
		answers[m] = tabulate(table, sessions, costs, i, -1, q.Rows)
	}
	return answers, nil
}

// Tighten has funnels be read in the ways that large ones are.
func (r *Reader) Tighten(random *rand.Rand) {
	r.funnelLimits.rows, r.funnelLimits.stories = 1+random.Uint64N(60), 1+random.IntN(60)
	r.funnelLimits.few = 1 + random.Uint64N(20)
	r.funnelLimits.runs, r.funnelLimits.apart = random.IntN(6), random.IntN(5)
	if random.IntN(4) == 0 {
		r.funnelLimits.items = random.IntN(3)
	}
}

// ReadsCopies tells whether a funnel is read from journeys, as far as sessions were copied.
func (s Scoped) ReadsCopies(ctx context.Context, f Funnel) (bool, error) {
	source, err := s.source(ctx, f, nil)
	return err == nil && len(source.copies) > 0, err
}

// ReadAtMostRest bounds what is held of what is not in journeys.
func (r *Reader) ReadAtMostRest(rows int) { r.funnelLimits.rest = rows }

// ReadContactsWithin bounds how long a funnel by contact takes.
func (r *Reader) ReadContactsWithin(time time.Duration) { r.funnelLimits.time = time }

// HoldAtMost bounds how many rows of contacts are held at once.
func (r *Reader) HoldAtMost(rows int) {
	r.funnelLimits.rows, r.funnelLimits.stories = uint64(rows), rows
}

// Show calls see for everybody whom a funnel looks at, or who did anything where all that was done is read.
func (s Scoped) Show(ctx context.Context, f Funnel, all bool, see func()) error {
	_, err := s.seenBy(ctx, f, func(source *funnelSource) { source.Stream = all }, func(*funnelRun) seer { return shown(see) })
	return err
}

type shown func()

func (s shown) see(uint64, []happening) { s() }

// CountAtMostWays bounds how many different ways people may have gone.
func (r *Reader) CountAtMostWays(ways int) { r.funnelLimits.ways = ways }

// Remembered is for how many funnels what they read of journeys is kept.
func (r *Reader) Remembered() int { return r.memory.rows.Len() }

// TakeAllTurns has funnels wait, not longer than a limit, until the turns are given back.
func (r *Reader) TakeAllTurns(ctx context.Context, limit time.Duration) (giveBack func(), err error) {
	var all []func()
	r.turns.limit = time.Minute
	for range max(2, min(runtime.GOMAXPROCS(0), mostTurns)) {
		done, err := r.turns.take(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, done)
	}
	r.turns.limit = limit
	return func() {
		for _, done := range all {
			done()
		}
	}, nil
}

// KeepNothing has every question be read anew.
func (r *Reader) KeepNothing() { r.kept.doubt() }

// KeepAtMost bounds what is kept, in bytes.
func (r *Reader) KeepAtMost(bytes int) {
	r.kept.most = bytes
	r.kept.all = nil
}

// KeptBytes is what is kept.
func (r *Reader) KeptBytes() int {
	r.kept.mutex.Lock()
	defer r.kept.mutex.Unlock()
	return r.kept.bytes()
}

// LookAtKept has it looked whether the parts are still there.
func (r *Reader) LookAtKept() { r.kept.once() }

// LookByHand has it looked after kept rows only when LookAtKept says so. It is called before anything is kept.
func (r *Reader) LookByHand() {
	r.kept.looks.Add(1)
	r.kept.timer = time.AfterFunc(time.Hour, r.kept.looks.Done)
}

// AfterLists has something happen whenever parts were listed.
func (r *Reader) AfterLists(happen func()) {
	list := r.kept.list
	r.kept.list = func(ask asking) (parts, error) {
		active, err := list(ask)
		happen()
		return active, err
	}
}

// SpoilKept has conversions that are kept not count.
func (r *Reader) SpoilKept() {
	for _, kept := range r.kept.all {
		clear(kept.rows.counted.rows)
	}
}

// GatherAtMost bounds what is gathered of sessions, in bytes; what is more is counted by ClickHouse.
func (r *Reader) GatherAtMost(bytes int) { r.mostCrowd = bytes }

// ListAtATime has lists be read by so few rows at first and next, and by so many bytes at most.
func (r *Reader) ListAtATime(few, many, bytes int) { r.listing = listing{few, many, bytes} }

// SettleAtOnce has sessions be kept that were written just before, and be read before the question that they are read for is
// answered. It is called before anything is asked.
func (r *Reader) SettleAtOnce() {
	r.SettleSoon()
	r.resting.read = func(read func(context.Context)) bool {
		read(context.Background())
		return true
	}
}

// SettleSoon has sessions be kept that were written just before. It is called before anything is asked.
func (r *Reader) SettleSoon() { r.resting.settle, r.resting.pinned = 0, 0 }

// RestAtMost bounds what is kept of sessions from now on, in bytes.
func (r *Reader) RestAtMost(bytes int) {
	r.resting.mu.Lock()
	defer r.resting.mu.Unlock()
	r.resting.most = bytes
}

// RestInPairs has so many pairs of texts have a place each.
func (r *Reader) RestInPairs(most int) { r.resting.pairs = most }

// RestedPieces is how many pieces of sessions are kept, and RestedBytes what they take.
func (r *Reader) RestedPieces() int {
	r.resting.mu.Lock()
	defer r.resting.mu.Unlock()
	return r.resting.pieces.Len()
}

// RestedBytes is what the pieces that are kept take.
func (r *Reader) RestedBytes() int {
	r.resting.mu.Lock()
	defer r.resting.mu.Unlock()
	return r.resting.bytes
}

// LookAtRested has it looked whether what is kept of sessions is still there.
func (r *Reader) LookAtRested() { r.resting.once() }

// RestAgain forgets what was of no use before.
func (r *Reader) RestAgain() {
	for _, key := range r.resting.asked.Keys() {
		r.resting.asked.Add(key, time.Time{})
	}
}

// SpoilRested has browsers that are kept be others.
func (r *Reader) SpoilRested() {
	for _, key := range r.resting.pieces.Keys() {
		piece, _ := r.resting.pieces.Peek(key)
		for _, column := range piece.run.columns {
			clear(column.texts)
		}
	}
}

// ReplayAtMost bounds how long one replay takes, and how many rows it holds.
func (r *Reader) ReplayAtMost(time time.Duration, rows int) { r.replays = replayLimits{time, rows} }

// TellApartAtMost bounds how many sets of states Shapley looks at.
func (r *Reader) TellApartAtMost(sets int) { r.mostSets = sets }
