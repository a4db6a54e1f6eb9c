package stream

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"sourceloop/schema"
)

// fewTrials is how many lanes of a process may be trying suspected records for
// each to do it alone. With more, the process was under load when it died, and
// would stand still for too long.
const fewTrials = 4

// How long a trial waits to be alone: where that would be good, and where
// nothing is learned without.
const (
	aloneLimit = 5 * time.Second
	needLimit  = time.Minute
)

// gate lets the lanes of one process work side by side, or one alone.
type gate struct {
	turns  *semaphore.Weighted
	trying atomic.Int32 // lanes with suspected records

	mu    sync.Mutex
	ahead int           // lanes whose trials come first
	clear chan struct{} // closed when there is none
}

func newGate() *gate {
	return &gate{turns: semaphore.NewWeighted(math.MaxInt32), clear: closed()}
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// goAhead lets a lane's trials come before others': one where a process died
// with a record alone in work, so that it is the first thing tried and no other
// death can be laid at its door; and a lane that does not know its mark yet.
func (g *gate) goAhead() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ahead++; g.ahead == 1 {
		g.clear = make(chan struct{})
	}
}

func (g *gate) through() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ahead--; g.ahead == 0 {
		close(g.clear)
	}
}

// letAhead waits, for a while, until those are through that come first.
func (g *gate) letAhead(ctx context.Context) {
	g.mu.Lock()
	clear := g.clear
	g.mu.Unlock()
	limit := time.NewTimer(aloneLimit)
	defer limit.Stop()
	select {
	case <-clear:
	case <-limit.C:
	case <-ctx.Done():
	}
}

// enter waits for a turn, beside others or alone. Call leave after it.
func (g *gate) enter(ctx context.Context, alone bool) (leave func(), err error) {
	width := int64(1)
	if alone {
		width = math.MaxInt32
	}
	if err := g.turns.Acquire(ctx, width); err != nil {
		return nil, err
	}
	return func() { g.turns.Release(width) }, nil
}

// enterTrial waits for a turn alone, where that is needed or holds up few. When
// others take long, it is beside them: a trial must not stop the whole process
// for a provider that answers slowly.
func (g *gate) enterTrial(ctx context.Context, needed bool) (leave func(), alone bool, err error) {
	if needed || g.trying.Load() <= fewTrials {
		limit := aloneLimit
		if needed {
			limit = needLimit
		}
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		if leave, err = g.enter(limited, true); err == nil {
			return leave, true, nil
		}
	}
	leave, err = g.enter(ctx, false)
	return leave, false, err
}

// work processes the next records of a stretch, durably, and returns how many.
// Where a former owner died, it is a part of the stretch.
func (l *lane) work(w Worker, batch []*Record) (int, error) {
	if l.suspects(batch[0].Offset) {
		return l.try(w, batch)
	}
	leave, err := l.group.log.gate.enter(l.taking, false)
	if err != nil {
		return 0, err
	}
	defer leave()
	if err := l.process(l.working, w, batch); err != nil {
		return 0, err
	}
	if err := l.group.config.beforeCommit(); err != nil {
		return 0, err
	}
	l.advance(batch[len(batch)-1])
	return len(batch), nil
}

// suspects tells whether a record is in the zone. A zone that was passed is
// forgotten.
func (l *lane) suspects(offset int64) bool {
	switch zone := l.where().mark.Zone; {
	case zone == 0:
		return false
	case offset >= zone:
		l.acquit()
		return false
	case l.share == 0:
		l.beginTrials(offset)
	}
	return true
}

// beginTrials tells how the zone is to be tried.
func (l *lane) beginTrials(offset int64) {
	m := l.where().mark
	l.share = m.share(offset)
	l.group.log.gate.trying.Add(1)
	if !l.ahead {
		l.group.log.gate.letAhead(l.taking)
	}
	level := slog.LevelDebug // One death is nothing to worry about.
	if m.Deaths > 1 {
		level = slog.LevelWarn
	}
	l.group.slog.Log(l.taking, level, "a process ended while it worked here; its records are tried a few at a time",
		"partition", l.partition, "from", offset, "to", m.Zone, "deaths", m.Deaths)
}

// goBehind lets others try, when the lane came first.
func (l *lane) goBehind() {
	if l.ahead {
		l.ahead = false
		l.group.log.gate.through()
	}
}

// acquit suspects nothing any more.
func (l *lane) acquit() {
	l.goBehind()
	if l.share > 0 {
		l.share = 0
		l.group.log.gate.trying.Add(-1)
	}
	l.update(func(p *position) { p.mark = mark{Open: true} })
}

// try processes a few suspected records, after a commit that says so: should
// the process die meanwhile, its successor suspects them and no others.
func (l *lane) try(w Worker, batch []*Record) (int, error) {
	first := batch[0].Offset
	m := l.where().mark
	if m.guilty(first) {
		return 1, l.setAside(w, batch[0])
	}
	few := portion(batch, min(first+l.share, m.Zone))
	leave, alone, err := l.group.log.gate.enterTrial(l.taking, m.Zone == first+1)
	if err != nil {
		return 0, err
	}
	defer leave()
	err = l.tried(w, few, alone)
	l.update(func(p *position) { p.mark.Until, p.mark.Alone = 0, false })
	if err == nil {
		l.advance(few[len(few)-1])
	}
	l.conclude(alone || err != nil)
	if err != nil {
		return 0, err
	}
	return len(few), nil
}

func (l *lane) tried(w Worker, few []*Record, alone bool) error {
	l.update(func(p *position) { p.mark.Until, p.mark.Alone = few[len(few)-1].Offset+1, alone })
	if err := l.commitNow(l.taking); err != nil {
		return err
	}
	patience := time.AfterFunc(trialLimit, func() {
		l.update(func(p *position) { p.mark.Alone = false })
		l.group.commitSoon()
	})
	defer patience.Stop()
	if err := l.process(l.working, w, few); err != nil {
		return err
	}
	return l.group.config.beforeCommit()
}

// trialLimit is after what time a trial proves nothing any more: an engine that
// does not answer makes it long, and a process dies for many reasons meanwhile.
const trialLimit = 3 * time.Second

// conclude commits that a trial is over, since a death from now on must not be
// laid at its door. Beside others that proves nothing, and the next trial's
// commit says it soon enough.
func (l *lane) conclude(now bool) {
	if !now && l.share > 0 {
		return
	}
	if err := l.commitNow(l.taking); err != nil && l.taking.Err() == nil {
		l.group.slog.Warn("cannot commit that a trial is over", "partition", l.partition, "err", err)
	}
}

// portion is the records before an offset, at least one.
func portion(batch []*Record, end int64) []*Record {
	n := 1
	for n < len(batch) && batch[n].Offset < end {
		n++
	}
	return batch[:n]
}

// advance moves on past a record, and past the zone with its last one.
func (l *lane) advance(last *Record) {
	l.next.Store(last.Offset + 1)
	l.update(func(p *position) {
		if last.Offset >= p.at { // Another may have been further, while the group had forgotten this member.
			p.at, p.epoch = last.Offset+1, last.LeaderEpoch
		}
	})
	if zone := l.where().mark.Zone; zone != 0 && last.Offset+1 >= zone {
		l.acquit()
	}
}

// setAside makes a record that killed its workers a dead letter.
func (l *lane) setAside(w Worker, r *Record) error {
	l.group.slog.Error("a record killed the process time and again; it is set aside", "partition", l.partition,
		"offset", r.Offset, "deaths", l.where().mark.Deaths)
	if err := l.bury(l.working, r, schema.DeadKilled, "the process ended while it worked on this record alone"); err != nil {
		return err
	}
	if err := w.Skip(l.working, r); err != nil {
		return err
	}
	l.advance(r)
	return l.commitNow(l.taking)
}
