package front

import (
	"sync"
	"time"
)

// Limiter counts requests in slices of time, as vendors' limits do.
type Limiter struct {
	most    int
	seconds int64 // of a slice
	now     func() time.Time

	mu    sync.Mutex
	slice int64
	used  int
}

// NewLimiter admits so many requests in every slice, any number where most is
// below zero. Slices are of whole seconds and begin where they began since 1970.
func NewLimiter(most int, slice time.Duration, now func() time.Time) *Limiter {
	return &Limiter{most: most, seconds: int64(slice / time.Second), now: now}
}

// Take returns what is left in this slice, and whether the request fits in.
func (l *Limiter) Take() (remaining int, admitted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slice := l.now().Unix() / l.seconds; slice != l.slice {
		l.slice, l.used = slice, 0
	}
	if l.most >= 0 && l.used >= l.most {
		return 0, false
	}
	l.used++
	return l.most - l.used, true
}

// Most is how many requests fit into a slice.
func (l *Limiter) Most() int { return l.most }

// Reset is when the next slice begins, in Unix seconds.
func (l *Limiter) Reset() int64 { return (l.now().Unix()/l.seconds + 1) * l.seconds }
