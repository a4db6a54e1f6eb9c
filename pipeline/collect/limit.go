package collect

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

// Rate is how much one address, key or visitor may send: PerSecond for ever,
// and Burst at once. A zero PerSecond means no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// limiter holds many keys to one rate in memory that never grows. Each key has
// two cells of a table, by a secret hash, and is over its limit only when both
// are: those who share one cell with a flood are not held up. A cell is the
// time at which everything taken so far would have been allowed (GCRA).
type limiter struct {
	cells []atomic.Int64 // unix nanoseconds; a power of two of them
	seed  maphash.Seed
	every time.Duration // the price of one
	burst time.Duration
}

func newLimiter(r Rate, cells int) *limiter {
	if r.PerSecond <= 0 {
		return &limiter{}
	}
	every := time.Duration(float64(time.Second) / r.PerSecond)
	return &limiter{
		cells: make([]atomic.Int64, cells), seed: maphash.MakeSeed(),
		every: max(every, 1), burst: max(every, 1) * time.Duration(max(r.Burst, 1)),
	}
}

// share is what a key is charged to: its two cells.
type share struct{ a, b *atomic.Int64 }

// share finds the cells of a key.
func (l *limiter) share(key []byte) share {
	if l.cells == nil {
		return share{}
	}
	return l.pair(maphash.Bytes(l.seed, key))
}

func (l *limiter) pair(hash uint64) share {
	mask := uint64(len(l.cells) - 1)
	return share{&l.cells[hash&mask], &l.cells[(hash>>32)&mask]}
}

// take charges n to a key and returns 0, or returns how long to wait when the
// key is over its limit. What is allowed may go over the limit once: a batch
// is taken whole or not.
func (l *limiter) take(now time.Time, key string, n int) time.Duration {
	if l.cells == nil {
		return 0
	}
	return l.charge(now, l.pair(maphash.String(l.seed, key)), n)
}

// charge is take, with the share of the key.
func (l *limiter) charge(now time.Time, s share, n int) time.Duration {
	if l.cells == nil {
		return 0
	}
	at := now.UnixNano()
	wait := min(s.a.Load(), s.b.Load()) - at - int64(l.burst) + int64(l.every)
	if wait > 0 {
		return time.Duration(wait)
	}
	l.add(s.a, at, n)
	if s.b != s.a {
		l.add(s.b, at, n)
	}
	return 0
}

func (l *limiter) add(cell *atomic.Int64, at int64, n int) {
	for {
		old := cell.Load()
		if cell.CompareAndSwap(old, max(old, at)+int64(n)*int64(l.every)) {
			return
		}
	}
}
