package report

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sourceloop/schema"
)

// sessionBytes is how much of sessions is kept unless KeepSessions says otherwise.
const sessionBytes = 1 << 30

// KeepSessions bounds what is kept of sessions, in bytes; 0 keeps nothing. It is called before anything is asked.
func (r *Reader) KeepSessions(bytes int) {
	r.resting = newRestingMemory(max(0, bytes), r.lookForResting)
}

// AwaitSessions waits until nothing is read to be kept: what was asked twice is kept then, if it can be.
func (r *Reader) AwaitSessions(ctx context.Context) error {
	select {
	case r.resting.reading <- struct{}{}:
		<-r.resting.reading
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// restingMemory has what was read of sessions that rest, for the next report of the same days. Whatever is written of them later is
// noted in journey_changes, as it is for the copies of sessions in journeys, and read beside. It is safe for concurrent use.
type restingMemory struct {
	*sweeper
	look    func(context.Context) (restingState, error)
	settle  time.Duration                    // how long an insert takes at most
	pinned  time.Duration                    // how long one is certain to be kept that was just used
	pairs   int                              // how many pairs of texts have a place each, and are not looked up
	reading chan struct{}                    // has a place for whoever reads pieces
	read    func(func(context.Context)) bool // has it done beside all else

	mu     sync.Mutex
	most   int
	bytes  int
	pieces *simplelru.LRU[pieceKey, *restingPiece]
	asked  *simplelru.LRU[pieceKey, time.Time] // from when on it may be read
	seen   restingState
}

// pieceKey tells a piece: a third of a month, by its first day since 1970.
type pieceKey struct {
	workspace uint32
	first     int32
}

// restingPiece are the sessions of a workspace's days that rest. It is not changed, except for when it was used.
type restingPiece struct {
	pieceKey
	run   *sessionRun
	end   int32        // the first day that it does not have
	noted int64        // what was noted before is in it, milliseconds since 1970
	state restingState // from before it was read
	bytes int
	used  time.Time // guarded by the memory
}

// How many pieces are known to have been asked for, how long one is certain to be kept for the next question, how long none is
// read again that was of no use, how many pairs of values have a place each, and of how many pieces a question is answered.
const (
	restingAsked  = 4096
	restingPinned = time.Minute
	restingPause  = 4 * time.Minute
	restingSettle = 2 * time.Minute
	restingPairs  = 1 << 21
	mostPieces    = 75 // of a question, which are two years and a month
)

func newRestingMemory(most int, look func(context.Context) (restingState, error)) *restingMemory {
	m := &restingMemory{most: most, look: look, settle: restingSettle, pinned: restingPinned, pairs: restingPairs, reading: make(chan struct{}, 1)}
	m.sweeper = newSweeper(m.forget, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.pieces.Len() > 0
	})
	m.read = m.beside
	// Errors are of sizes below 1.
	m.pieces, _ = simplelru.NewLRU(restingAsked, func(_ pieceKey, p *restingPiece) { m.bytes -= p.bytes })
	m.asked, _ = simplelru.NewLRU[pieceKey, time.Time](restingAsked, nil)
	return m
}

// pieceOf gives the third of a month in which a day lies, by days since 1970; the end excluded.
func pieceOf(day int32) (first, end int32) {
	at := schema.Millis(int64(day) * dayMillis).Time().UTC()
	third := min(2, (at.Day()-1)/10)
	first = day - int32(at.Day()-1-10*third)
	if third < 2 {
		return first, first + 10
	}
	next := time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	return first, int32(next.UnixMilli() / dayMillis)
}

// piecesOf are those that a period may need.
func piecesOf(workspace uint32, p Period) (keys []pieceKey) {
	for day := p.Begin.Day(); int64(day)*dayMillis < int64(p.End); {
		first, end := pieceOf(day)
		keys = append(keys, pieceKey{workspace, first})
		day = end
	}
	return keys
}

// again gives those that were asked for before. Now all were.
func (m *restingMemory) again(keys []pieceKey) (again []pieceKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		if m.asked.Contains(key) {
			again = append(again, key)
		} else {
			m.asked.Add(key, time.Time{})
		}
	}
	return again
}

// learn drops what is not there any more.
func (m *restingMemory) learn(state *restingState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.check(state)
}

// take gives a piece, nil when it is not there, and whether it is to be read for some columns: days before end are at rest.
func (m *restingMemory) take(key pieceKey, end int32, columns []string) (piece *restingPiece, read bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, last := pieceOf(key.first)
	piece, _ = m.pieces.Get(key)
	if piece != nil {
		piece.used = time.Now()
		if piece.end >= min(end, last) && piece.has(columns) {
			return piece, false
		}
	}
	from, asked := m.asked.Get(key)
	return piece, asked && end > key.first && time.Now().After(from)
}

// put keeps a piece. The longest unused go when there is too much, but not what was just used: whoever asks for more than fits would
// read it all each time.
func (m *restingMemory) put(piece *restingPiece) {
	m.mu.Lock()
	defer m.mu.Unlock()
	former, _ := m.pieces.Peek(piece.pieceKey)
	m.pieces.Remove(piece.pieceKey)
	for m.bytes+piece.bytes > m.most {
		_, oldest, some := m.pieces.GetOldest()
		if !some || time.Since(oldest.used) < m.pinned {
			m.asked.Add(piece.pieceKey, time.Now().Add(restingPause))
			if former != nil && m.bytes+former.bytes <= m.most { // It has fewer columns, which are of use.
				m.bytes += former.bytes
				m.pieces.Add(former.pieceKey, former)
			}
			return
		}
		m.pieces.RemoveOldest()
	}
	if m.closed() {
		return
	}
	m.bytes += piece.bytes
	piece.used = time.Now()
	m.pieces.Add(piece.pieceKey, piece)
	m.start()
}

// spare drops a piece that is of no use, and has it not be read for a while.
func (m *restingMemory) spare(key pieceKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pieces.Remove(key)
	m.asked.Add(key, time.Now().Add(restingPause))
}

// check drops what is not there any more.
func (m *restingMemory) check(state *restingState) {
	// Notes that were taken away are not seen in those that stay. Only of two questions of which the one began when the other was answered
	// it is known which is the later.
	if state.begun.After(m.seen.ended) {
		if state.notes < m.seen.notes {
			m.pieces.Purge()
		}
		m.seen = *state
	}
	for _, key := range m.pieces.Keys() {
		if piece, _ := m.pieces.Peek(key); !piece.stands(state) {
			m.pieces.Remove(key)
		}
	}
}

// has tells whether columns are there.
func (p *restingPiece) has(columns []string) bool {
	return !slices.ContainsFunc(columns, func(c string) bool { return p.run.columns[c] == nil })
}

// stands tells whether a piece is still right but for what was noted.
func (p *restingPiece) stands(state *restingState) bool {
	month := p.month()
	return state.tables != "" && state.tables == p.state.tables && state.erasures == p.state.erasures && state.notes >= p.state.notes && state.firsts[month] == p.state.firsts[month]
}

// month is the piece's, as 202611.
func (p pieceKey) month() uint32 {
	at := schema.Millis(int64(p.first) * dayMillis).Time().UTC()
	return uint32(at.Year()*100 + int(at.Month()))
}

// forget drops what is not there any more, what nobody asks for, and all if it cannot be known.
func (m *restingMemory) forget(ctx context.Context) {
	state, err := m.look(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.pieces.Purge()
		return
	}
	m.check(&state)
	for _, key := range m.pieces.Keys() {
		if piece, _ := m.pieces.Peek(key); time.Since(piece.used) > keptUnused {
			m.pieces.Remove(key)
		}
	}
}

// close lets go of everything.
func (m *restingMemory) close() {
	m.sweeper.close()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pieces.Purge()
}

// lookForResting asks how things are, of all workspaces.
func (r *Reader) lookForResting(ctx context.Context) (restingState, error) {
	return Scoped{reader: r}.restingState(ctx)
}
