package resolve

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// backOffs holds back the questions of connections whose provider needs rest,
// each by itself.
type backOffs struct {
	now func() time.Time
	mu  sync.Mutex
	of  map[int64]backOff
}

type backOff struct {
	until    time.Time
	bulk     time.Time // until when looks rest, to leave the rest of the window to webhooks
	failures int
}

const (
	shortestPause = time.Second
	longestPause  = 10 * time.Minute
)

func newBackOffs(now func() time.Time) *backOffs {
	return &backOffs{now: now, of: map[int64]backOff{}}
}

// check refuses while a connection rests; looks through a provider are bulk and
// rest earlier.
func (b *backOffs) check(connection int64, bulk bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.of[connection]
	until := o.until
	if bulk && o.bulk.After(until) {
		until = o.bulk
	}
	if left := until.Sub(b.now()); left > 0 {
		return &ErrLater{After: left, Reason: "the connection backs off"}
	}
	return nil
}

// later begins a rest: as long as asked for, else twice as long as the last.
func (b *backOffs) later(connection int64, asked time.Duration, reason string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.of[connection]
	pause := max(asked, shortestPause)
	if asked <= 0 {
		pause = shortestPause << min(o.failures, 10)
	}
	pause = min(pause, longestPause)
	b.of[connection] = backOff{until: b.now().Add(pause), failures: o.failures + 1}
	return &ErrLater{After: pause, Reason: reason}
}

// reserve is the part of a provider's window that looks leave to webhooks.
const reserve = 5

// pace rests until the provider's present window is over when that allows no
// further request; looks rest when a fifth is left. It is no failure, so that
// the next rest is none the longer.
func (b *backOffs) pace(connection int64, header http.Header) {
	left, err := strconv.Atoi(header.Get("X-RateLimit-Remaining"))
	if err != nil {
		return
	}
	limit, err := strconv.Atoi(header.Get("X-RateLimit-Limit"))
	if err != nil {
		limit = 0
	}
	unix, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || left > 0 && left*reserve > limit {
		return
	}
	until := time.Unix(unix, 0)
	if longest := b.now().Add(longestPause); until.After(longest) {
		until = longest
	}
	o := backOff{bulk: until}
	if left <= 0 {
		o.until = until
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.of[connection] = o
}

func (b *backOffs) forget(connection int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.of, connection)
}
