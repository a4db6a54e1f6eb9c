package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// balancer stands in front of processes of one role as a small balancer does:
// it asks /readyz, and gives each request to the next process that is ready. It
// repeats nothing, so that whatever a process does not answer is a failure.
type balancer struct {
	*httptest.Server
	backends []*backend
	client   *http.Client

	mu       sync.Mutex
	next     int
	failures []string
	gate     chan struct{} // a hit request takes one before it goes on; closed when all may
	hits     atomic.Int64  // hit requests that were answered
}

// backend is one process behind the balancer.
type backend struct {
	url     string
	ready   atomic.Bool
	open    atomic.Int64 // requests under way
	answers atomic.Int64
}

func newBalancer(t *testing.T, addrs ...string) *balancer {
	t.Helper()
	// A connection for each request, so that none ends between two.
	b := &balancer{gate: make(chan struct{}), client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	for _, addr := range addrs {
		b.backends = append(b.backends, &backend{url: "http://" + addr})
	}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	for _, one := range b.backends {
		watching.Go(func() { b.watch(ctx, one) })
	}
	t.Cleanup(func() { cancel(); watching.Wait() })
	return b
}

// watch asks a process again and again whether it is ready.
func (b *balancer) watch(ctx context.Context, one *backend) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, one.url+"/readyz", nil)
		if err != nil {
			return
		}
		response, err := b.client.Do(request)
		one.ready.Store(err == nil && response.StatusCode == http.StatusOK)
		if err == nil {
			_ = response.Body.Close() // Its status is all that was asked for.
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// take gives the next process that is ready.
func (b *balancer) take() *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		one := b.backends[b.next%len(b.backends)]
		b.next++
		if one.ready.Load() {
			one.open.Add(1) // Under the lock: whoever sees it out of rotation sees this, too.
			return one
		}
	}
	return nil
}

// await waits until a process is ready: on a slow machine one may take a while
// to say so, and the other is being restarted.
func (b *balancer) await(ctx context.Context) *backend {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if one := b.take(); one != nil {
			return one
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/sl/hits") {
		<-b.gate
		defer b.hits.Add(1)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // The client went away.
	}
	one := b.await(r.Context())
	if one == nil {
		return // The client went away.
	}
	defer one.open.Add(-1)
	request, err := http.NewRequestWithContext(r.Context(), r.Method, one.url+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		b.fail(w, r, err.Error())
		return
	}
	request.Header = r.Header.Clone()
	response, err := b.client.Transport.RoundTrip(request) // A redirect is for the client.
	if err != nil {
		b.fail(w, r, err.Error())
		return
	}
	defer response.Body.Close()
	one.answers.Add(1)
	if response.StatusCode >= http.StatusInternalServerError && response.Header.Get("Retry-After") == "" {
		b.note(r, response.Status) // Else an engine is slow, and the client was told to come again.
	}
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body) // The client may have gone away.
}

func (b *balancer) fail(w http.ResponseWriter, r *http.Request, words string) {
	b.note(r, words)
	http.Error(w, words, http.StatusBadGateway)
}

func (b *balancer) note(r *http.Request, words string) {
	if r.Context().Err() != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = append(b.failures, fmt.Sprintf("%s %s: %s", r.Method, r.URL.Path, words))
}

// failed are the requests that a process did not answer, or with an error.
func (b *balancer) failed() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures
}

// pass lets this many more requests with hits through, and waits until they were
// answered.
func (b *balancer) pass(t *testing.T, n int) {
	t.Helper()
	want := b.hits.Load() + int64(n)
	deadline := time.After(patience)
	for range n {
		select {
		case b.gate <- struct{}{}:
		case <-deadline:
			t.Fatal("nobody sends hits any more")
		}
	}
	until(t, "the answers to these hits", func() (bool, string) {
		got := b.hits.Load()
		return got >= want, fmt.Sprint(got)
	})
}

// awaitOut waits until a process gets no more requests and has answered those it
// got.
func (b *balancer) awaitOut(t *testing.T, url string) {
	t.Helper()
	for _, one := range b.backends {
		if one.url != url {
			continue
		}
		until(t, url+" to be out of rotation", func() (bool, string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return !one.ready.Load() && one.open.Load() == 0, fmt.Sprint(one.open.Load())
		})
	}
}
