package hubspot

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sourceloop/deploy/standin/front"
	"sourceloop/deploy/standin/ledger"
)

const (
	// senders is how many arrays travel at the same time.
	senders = 10
	// maxEvents is how many events an array has at most.
	maxEvents = 100
)

// Sign returns the X-HubSpot-Signature-v3 of a request: method, the URL as it
// is called with the escapes of reserved characters decoded, raw body,
// timestamp in Unix milliseconds.
func Sign(clientSecret, method, address string, body []byte, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(clientSecret))
	mac.Write([]byte(method + decoded(address)))
	mac.Write(body)
	mac.Write([]byte(timestamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// decoded decodes the escapes that HubSpot lists, and leaves others.
func decoded(address string) string {
	for _, c := range ":/?@!$'()*,;" {
		escape := fmt.Sprintf("%%%02X", c)
		address = strings.ReplaceAll(address, escape, string(c))
		address = strings.ReplaceAll(address, strings.ToLower(escape), string(c))
	}
	return address
}

// queued is one event that waits to be sent.
type queued struct {
	seq      int64
	batch    string
	event    event
	attempts int
}

// sender is the state of one Run.
type sender struct {
	*Server
	mu     sync.Mutex
	flying map[int64]bool // Events on their way.
}

// Run sends events until ctx ends, beginning with those that earlier runs left
// unanswered. It returns nil when ctx ended it, and is called once.
func (s *Server) Run(ctx context.Context) error {
	run := &sender{Server: s, flying: map[int64]bool{}}
	if err := s.batches.Run(ctx, run.dispatch); err != nil {
		return fmt.Errorf("cannot send events: %w", err)
	}
	return nil
}

// dispatch sets everything due on its way and returns how long nothing will be due.
func (r *sender) dispatch(ctx context.Context) (time.Duration, error) {
	now := r.config.Now().UnixMilli()
	due, err := r.due(ctx, now)
	if err != nil {
		return 0, err
	}
	for array := range slices.Chunk(due, maxEvents) {
		if err := r.batches.Start(ctx, func() { r.send(ctx, array) }); err != nil {
			return 0, err
		}
	}
	return r.untilNext(ctx, now)
}

// due reads what is to be sent now, and marks it as flying.
func (r *sender) due(ctx context.Context, now int64) ([]queued, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []queued
	err := r.store.Read(ctx).Rows("event_due", []any{now, senders * maxEvents}, func(scan func(...any) error) error {
		var q queued
		var doc string
		if err := scan(&q.seq, &q.batch, &doc, &q.attempts); err != nil {
			return err
		}
		if r.flying[q.seq] {
			return nil
		}
		r.flying[q.seq] = true
		list = append(list, q)
		return json.Unmarshal([]byte(doc), &list[len(list)-1].event)
	})
	return list, err
}

// untilNext is the time to the earliest event that was not due by a moment.
func (r *sender) untilNext(ctx context.Context, now int64) (time.Duration, error) {
	var next int64
	if _, err := r.store.Read(ctx).Row("event_next_due", []any{now}, &next); err != nil {
		return 0, err
	}
	if next == 0 {
		return time.Hour, nil
	}
	return max(0, time.Duration(next-r.config.Now().UnixMilli()+1)*time.Millisecond), nil
}

// send delivers one array, keeps what became of it, and tells who waits for it.
func (r *sender) send(ctx context.Context, array []queued) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, q := range array {
			delete(r.flying, q.seq)
		}
	}()
	status, outcome := r.post(ctx, array)
	if ctx.Err() != nil {
		return // The next start sends it again.
	}
	if err := r.record(ctx, array, status/100 == 2, outcome); err != nil {
		r.config.Log.Error("the outcome of events could not be kept", "error", err)
		return
	}
	for _, q := range array {
		r.batches.Finish(q.batch)
	}
}

// record: what was not taken is sent again, after RetryAfter and up to as much
// again.
func (r *sender) record(ctx context.Context, array []queued, taken bool, outcome string) error {
	now := r.config.Now()
	due := now.Add(r.config.RetryAfter + rand.N(r.config.RetryAfter)).UnixMilli() //nolint:gosec // Jitter is no secret.
	return r.store.Write(ctx, func(tx *ledger.Session) error {
		for _, q := range array {
			state := "pending"
			switch {
			case taken:
				state = "delivered"
			case q.attempts >= r.config.Retries:
				state = "failed"
			}
			if _, err := tx.Exec("event_record", state, q.attempts+1, due, outcome, q.seq); err != nil {
				return err
			}
		}
		return nil
	})
}

// post returns the answer's status, 0 when there was none, and words for it.
func (r *sender) post(ctx context.Context, array []queued) (status int, outcome string) {
	events := make([]event, len(array))
	for i, q := range array {
		events[i] = q.event
		events[i].Attempt = q.attempts
	}
	if len(events) > 1 && r.takes(ctx, faultShuffle) {
		slices.Reverse(events)
	}
	body, err := json.Marshal(events)
	if err != nil {
		return 0, fmt.Sprintf("cannot encode the events: %v", err)
	}
	copies := 1
	if r.takes(ctx, faultDuplicate) {
		copies = 2
	}
	for range copies {
		if status, err = r.deliver(ctx, body); err != nil {
			return 0, err.Error()
		}
	}
	return status, strconv.Itoa(status)
}

func (r *sender) takes(ctx context.Context, kind string) bool {
	_, on, err := r.faults.Take(ctx, kind)
	return on && err == nil
}

func (r *sender) deliver(ctx context.Context, body []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.settings.Load().WebhookURL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("cannot send the events: %w", err)
	}
	now, secret := r.config.Now(), r.secret()
	if r.takes(ctx, faultBadSignature) {
		secret = "not the secret of " + secret
	}
	if r.takes(ctx, faultStale) {
		now = now.Add(-6 * time.Minute)
	}
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client) - WebhooksExecutorDaemon-executor")
	request.Header.Set("X-HubSpot-Request-Timestamp", timestamp)
	request.Header.Set("X-HubSpot-Signature-Version", "v1")
	request.Header.Set("X-HubSpot-Signature", plainSignature(secret, body))
	request.Header.Set("X-HubSpot-Signature-v3", Sign(secret, http.MethodPost, called(request.URL), body, timestamp))
	response, err := r.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("cannot send the events: %w", err)
	}
	defer response.Body.Close()
	front.Drain(response)
	return response.StatusCode, nil
}

// called is a URL as the request carries it.
func called(u *url.URL) string { return u.Scheme + "://" + u.Host + u.RequestURI() }

// plainSignature is the v1 signature, which HubSpot still sends beside v3.
func plainSignature(secret string, body []byte) string {
	return front.HashSecret(secret + string(body))
}
