package chaos

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// tally counts what was done, and what processes did meanwhile.
type tally struct {
	mu        sync.Mutex
	collected float64 // hits and webhooks that any collector ever took
	processed float64 // records that any pipeline ever processed
	kills     map[string]int
	idle      int // kills of what had handled nothing
	ends      map[string]int
	faults    map[string]int
	since     map[string]float64 // what had been handled when a server was started
}

func newTally() *tally {
	return &tally{kills: make(map[string]int), ends: make(map[string]int), faults: make(map[string]int), since: make(map[string]float64)}
}

func (t *tally) progress(role string, more float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch role {
	case roleCollect:
		t.collected += more
	case rolePipeline:
		t.processed += more
	}
}

func (t *tally) kill(name string, counts bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if counts {
		t.kills[name]++
	} else {
		t.idle++
	}
}

// killServer counts the kill of a server when records went through it since its
// start. What PostgreSQL has is no records.
func (t *tally) killServer(name string) {
	t.mu.Lock()
	counts := t.through(name) > t.since[name]
	t.mu.Unlock()
	t.kill(name, counts)
}

func (t *tally) serverStarted(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since[name] = t.through(name)
}

// through is how many records have gone through a server. It needs the lock.
func (t *tally) through(name string) float64 {
	switch name {
	case "kafka":
		return t.collected
	case "redis", "clickhouse":
		return t.processed
	}
	return 0
}

// end counts a process that ended by itself.
func (t *tally) end(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends[name]++
}

func (t *tally) fault(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults[name]++
}

// handledBy asks a process how many records it has handled since its start.
func handledBy(ctx context.Context, addr string) (float64, error) {
	sum := 0.0
	err := metrics(ctx, addr, func(name string, value float64) {
		switch {
		case name == "sourceloop_collect_hits_accepted_total",
			strings.HasPrefix(name, "sourceloop_collect_webhooks_total{") && strings.Contains(name, `outcome="accepted"`),
			strings.HasPrefix(name, "sourceloop_stage_records_total{"):
			sum += value
		}
	})
	return sum, err
}

// metrics calls back with every line of /metrics.
func metrics(ctx context.Context, addr string, line func(name string, value float64)) error {
	ctx, cancel := context.WithTimeout(ctx, look)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, number, ok := cutLast(lines.Text())
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return fmt.Errorf("cannot read the metric %s: %w", name, err)
		}
		line(name, value)
	}
	return lines.Err()
}

// cutLast cuts at the last space: label values may hold some.
func cutLast(text string) (before, after string, ok bool) {
	at := strings.LastIndexByte(text, ' ')
	if at < 0 {
		return "", "", false
	}
	return text[:at], text[at+1:], true
}
