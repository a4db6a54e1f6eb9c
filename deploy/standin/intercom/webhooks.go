package intercom

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sourceloop/deploy/standin/front"
)

// metaDisabled holds the URL that ended its subscription.
const metaDisabled = "webhooks_disabled"

const (
	// senders is how many batches travel at the same time.
	senders = 8
	// userAgent is that of Intercom's notifications.
	userAgent = "intercom-parrot-service-client/1.0"
	// throttledFor bounds how long a notification that is answered with 429 is
	// kept for, in units of Config.RetryAfter: two hours where that is a minute.
	throttledFor = 120
	// More than maxErrors failures in a row within errorWindow pause all sending
	// for errorPause.
	maxErrors   = 1000
	errorWindow = 15 * time.Minute
	errorPause  = 15 * time.Minute
)

// webhook is one queued notification. Times are Unix milliseconds.
type webhook struct {
	seq                int64
	id, batch, topic   string
	item               json.RawMessage
	attempts           int
	createdMS, firstMS int64
}

// envelope is a notification on the wire. ID is null on a ping.
type envelope struct {
	Type             string       `json:"type"`
	AppID            string       `json:"app_id"`
	Data             envelopeData `json:"data"`
	Links            struct{}     `json:"links"`
	ID               *string      `json:"id"`
	Topic            string       `json:"topic"`
	DeliveryStatus   string       `json:"delivery_status"`
	DeliveryAttempts int          `json:"delivery_attempts"`
	DeliveredAt      int64        `json:"delivered_at"`
	FirstSentAt      int64        `json:"first_sent_at"`
	CreatedAt        int64        `json:"created_at"`
	Self             *string      `json:"self"`
}

type envelopeData struct {
	Type string          `json:"type"`
	Item json.RawMessage `json:"item"`
}

// body is what is signed and sent.
func (s *Server) body(h webhook) ([]byte, error) {
	e := envelope{
		Type: "notification_event", AppID: s.config.AppID,
		Data:  envelopeData{Type: "notification_event_data", Item: h.item},
		Topic: h.topic, DeliveryStatus: "pending", DeliveryAttempts: h.attempts + 1,
		FirstSentAt: h.firstMS / 1000, CreatedAt: h.createdMS / 1000,
	}
	if h.topic != topicPing {
		e.ID = &h.id
	}
	return json.Marshal(e)
}

// Sign returns the X-Hub-Signature of a notification's body.
func Sign(body []byte, clientSecret string) string {
	mac := hmac.New(sha1.New, []byte(clientSecret))
	mac.Write(body)
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

// sender is the state of one Run.
type sender struct {
	*Server
	checked  atomic.Pointer[string] // The URL that answered HEAD.
	mu       sync.Mutex
	flying   map[string]bool // Batches on their way.
	paused   time.Time
	failures []time.Time // Failures in a row.
}

// Run sends notifications until ctx ends, beginning with those that earlier
// runs left unanswered. It returns nil when ctx ended it, and is called once:
// who waits for a notification when it ends is told so.
func (s *Server) Run(ctx context.Context) error {
	run := &sender{Server: s, flying: map[string]bool{}}
	if err := s.batches.Run(ctx, run.dispatch); err != nil {
		return fmt.Errorf("cannot send notifications: %w", err)
	}
	return nil
}

// dispatch sets everything due on its way and returns how long nothing will be due.
func (r *sender) dispatch(ctx context.Context) (time.Duration, error) {
	if pause := r.pause(); pause > 0 {
		return pause, nil
	}
	now := r.config.Now().UnixMilli()
	due, err := r.due(ctx, now)
	if err != nil {
		return 0, err
	}
	for _, batch := range due {
		if err := r.batches.Start(ctx, func() { r.send(ctx, batch) }); err != nil {
			return 0, err
		}
	}
	return r.untilNext(ctx, now)
}

func (r *sender) pause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paused.Sub(r.config.Now())
}

// due reads what is to be sent now, by batch in order, and marks it as flying.
func (r *sender) due(ctx context.Context, now int64) ([][]webhook, error) {
	const most = 256
	r.mu.Lock()
	defer r.mu.Unlock()
	byBatch := map[string]int{}
	var list [][]webhook
	err := r.store.read(ctx).Rows("webhook_due", []any{now, most}, func(scan func(...any) error) error {
		var h webhook
		var item string
		if err := scan(&h.seq, &h.id, &h.batch, &h.topic, &item, &h.attempts, &h.createdMS, &h.firstMS); err != nil {
			return err
		}
		h.item = json.RawMessage(item)
		if r.flying[h.batch] {
			return nil
		}
		i, known := byBatch[h.batch]
		if !known {
			i = len(list)
			byBatch[h.batch] = i
			list = append(list, nil)
		}
		list[i] = append(list[i], h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for batch := range byBatch {
		r.flying[batch] = true
	}
	return list, nil
}

// untilNext is the time to the earliest notification that was not due by a moment.
func (r *sender) untilNext(ctx context.Context, now int64) (time.Duration, error) {
	var next int64
	if _, err := r.store.read(ctx).Row("webhook_next_due", []any{now}, &next); err != nil {
		return 0, err
	}
	if next == 0 {
		return time.Hour, nil
	}
	return max(0, time.Duration(next-r.config.Now().UnixMilli()+1)*time.Millisecond), nil
}

// send delivers one batch and tells who waits for it.
func (r *sender) send(ctx context.Context, batch []webhook) {
	name := batch[0].batch
	defer func() {
		r.mu.Lock()
		delete(r.flying, name)
		r.mu.Unlock()
	}()
	if len(batch) > 1 {
		if _, on, err := r.faults.Take(ctx, faultShuffle); err == nil && on {
			slices.Reverse(batch)
		}
	}
	for _, h := range batch {
		if err := r.attempt(ctx, h); err != nil {
			if ctx.Err() == nil {
				r.config.Log.Error("a notification's outcome could not be kept", "topic", h.topic, "error", err)
			}
			return
		}
	}
	r.batches.Finish(name)
}

// attempt sends one notification and keeps what became of it.
func (r *sender) attempt(ctx context.Context, h webhook) error {
	now := r.config.Now()
	if h.firstMS == 0 {
		h.firstMS = now.UnixMilli()
	}
	deliverable, err := r.store.read(ctx).deliverable(r.settings.Load().WebhookURL)
	if err != nil {
		return err
	}
	if !deliverable {
		return r.record(ctx, h, "dropped", now, "the app is not installed, or its subscription disabled")
	}
	status, outcome := r.post(ctx, h)
	if ctx.Err() != nil {
		return ctx.Err() // The next start sends it again.
	}
	h.attempts++
	switch {
	case status >= 200 && status < 300:
		r.succeeded()
		return r.record(ctx, h, "delivered", now, outcome)
	case status == http.StatusGone:
		return r.disable(ctx, h, now)
	case status == http.StatusTooManyRequests:
		return r.throttle(ctx, h, outcome)
	}
	r.failed()
	if h.attempts >= r.config.Attempts {
		return r.record(ctx, h, "failed", now, outcome)
	}
	return r.record(ctx, h, "pending", r.config.Now().Add(r.config.RetryAfter), outcome)
}

// throttle: everything waits, and the notification is kept for a bounded time.
func (r *sender) throttle(ctx context.Context, h webhook, outcome string) error {
	now := r.config.Now()
	due := now.Add(r.config.RetryAfter)
	r.mu.Lock()
	r.paused = due
	r.mu.Unlock()
	if now.Sub(time.UnixMilli(h.firstMS)) > throttledFor*r.config.RetryAfter {
		return r.record(ctx, h, "dropped", now, outcome)
	}
	return r.record(ctx, h, "pending", due, outcome)
}

// disable: 410 ends the app's subscription for every workspace, for good.
func (r *sender) disable(ctx context.Context, h webhook, now time.Time) error {
	r.config.Log.Warn("the webhook URL answered 410: the subscription is disabled")
	defer r.batches.FinishAll()
	return r.store.write(ctx, func(tx session) error {
		if _, err := tx.Exec("meta_put", metaDisabled, r.settings.Load().WebhookURL); err != nil {
			return err
		}
		if _, err := tx.Exec("webhook_drop_all", "the subscription is disabled: 410"); err != nil {
			return err
		}
		_, err := tx.Exec("webhook_record", "failed", h.attempts, h.firstMS, now.UnixMilli(), "410", h.seq)
		return err
	})
}

func (r *sender) record(ctx context.Context, h webhook, state string, due time.Time, outcome string) error {
	return r.store.write(ctx, func(tx session) error {
		_, err := tx.Exec("webhook_record", state, h.attempts, h.firstMS, due.UnixMilli(), outcome, h.seq)
		return err
	})
}

func (r *sender) succeeded() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = r.failures[:0]
}

// failed pauses sending after too many failures in a row.
func (r *sender) failed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.config.Now()
	r.failures = append(r.failures, now)
	if len(r.failures) > maxErrors {
		oldest := r.failures[0]
		r.failures = r.failures[1:]
		if now.Sub(oldest) <= errorWindow {
			r.paused = now.Add(errorPause)
			r.failures = r.failures[:0]
		}
	}
}

// post returns the answer's status, 0 when there was none, and words for it.
func (r *sender) post(ctx context.Context, h webhook) (status int, outcome string) {
	if err := r.checkURL(ctx); err != nil {
		return 0, err.Error()
	}
	body, err := r.body(h)
	if err != nil {
		return 0, fmt.Sprintf("cannot encode the notification: %v", err)
	}
	copies := 1
	if _, on, err := r.faults.Take(ctx, faultDuplicate); err == nil && on {
		copies = 2
	}
	for range copies {
		if status, err = r.deliver(ctx, body); err != nil {
			return 0, err.Error()
		}
	}
	return status, strconv.Itoa(status)
}

// checkURL asks the webhook URL once whether it is there, as Intercom does
// before it accepts one.
func (r *sender) checkURL(ctx context.Context) error {
	address := r.settings.Load().WebhookURL
	if seen := r.checked.Load(); seen != nil && *seen == address {
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return fmt.Errorf("cannot check the webhook URL: %w", err)
	}
	request.Header.Set("User-Agent", userAgent)
	response, err := r.client.Do(request)
	if err != nil {
		return fmt.Errorf("cannot check the webhook URL: %w", err)
	}
	defer response.Body.Close()
	front.Drain(response)
	if response.StatusCode >= 300 {
		return fmt.Errorf("cannot check the webhook URL: it answered HEAD with %d", response.StatusCode)
	}
	r.checked.Store(&address)
	return nil
}

func (r *sender) deliver(ctx context.Context, body []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.settings.Load().WebhookURL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("cannot send the notification: %w", err)
	}
	secret := cmp.Or(r.settings.Load().SigningSecret, r.config.ClientSecret)
	if _, on, err := r.faults.Take(ctx, faultBadSignature); err == nil && on {
		secret = "not the secret of " + secret
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("X-Hub-Signature", Sign(body, secret))
	response, err := r.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("cannot send the notification: %w", err)
	}
	defer response.Body.Close()
	front.Drain(response)
	return response.StatusCode, nil
}

// notifyUninstall tells the product that a workspace removed the app. It is
// told once, unsigned.
func (s *Server) notifyUninstall(ctx context.Context) error {
	if s.config.UninstallURL == "" {
		return nil
	}
	body, err := json.Marshal(map[string]string{"app_id": s.config.AppID})
	if err != nil {
		return fmt.Errorf("cannot encode the uninstall notice: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.UninstallURL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("cannot send the uninstall notice: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("cannot send the uninstall notice: %w", err)
	}
	defer response.Body.Close()
	front.Drain(response)
	return nil
}
