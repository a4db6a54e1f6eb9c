package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Target is where traffic goes.
type Target struct {
	URL      string // of the collector
	Key      string // the site's public key
	Intercom string // of the stand-in; "" when no chats are planned
	Rate     int    // hits a second, with chats in proportion; 0 for as fast as they are acknowledged
	Batch    int    // hits in one request at most; 500 when 0

	Client *http.Client // http.DefaultClient when nil
	Now    func() time.Time
	// Acknowledged is told what was acknowledged as soon as it is, a line each: "hit" with its id, "conversation" with
	// the provider's id of it; nil for nobody.
	Acknowledged io.Writer
}

// errRefused is for answers that no repetition changes.
var errRefused = errors.New("refused")

const (
	firstPause = 100 * time.Millisecond
	longPause  = 3 * time.Second
	patience   = time.Minute // for one answer
)

// sender sends to a target until it is acknowledged.
type sender struct {
	Target
	limit, chatLimit *rate.Limiter

	mu   sync.Mutex
	sent Sent
}

func newSender(t Target, c Config) *sender {
	if t.Client == nil {
		t.Client = http.DefaultClient
	}
	if t.Now == nil {
		t.Now = time.Now
	}
	if t.Batch <= 0 {
		t.Batch = batchHits
	}
	s := &sender{Target: t, limit: rate.NewLimiter(rate.Inf, 0), chatLimit: rate.NewLimiter(rate.Inf, 0)}
	if t.Rate > 0 {
		s.limit = rate.NewLimiter(rate.Limit(t.Rate), t.Batch)
		s.chatLimit = rate.NewLimiter(rate.Limit(float64(t.Rate)*float64(c.Chats)/float64(c.Hits)), 1)
	}
	return s
}

// hits sends one request's hits, again and again until every one is acknowledged.
func (s *sender) hits(ctx context.Context, batch []sending) error {
	if err := s.limit.WaitN(ctx, len(batch)); err != nil {
		return err
	}
	for left := batch; len(left) > 0; {
		content, err := body(left)
		if err != nil {
			return err
		}
		answer, err := s.post(ctx, func() string { return s.hitsURL(left[0].browser.skew) }, content, "gzip")
		if err != nil {
			return err
		}
		var verdict verdicts
		if err := json.Unmarshal(answer, &verdict); err != nil {
			return fmt.Errorf("cannot read the collector's answer %q: %w", answer, err)
		}
		done, again, err := verdict.split(left)
		if err != nil {
			return err
		}
		if err := s.acknowledge(done); err != nil {
			return err
		}
		if left = again; len(left) > 0 {
			if err := pause(ctx, firstPause); err != nil {
				return err
			}
		}
	}
	return nil
}

// hitsURL tells the browser's clock, as the tracker does.
func (s *sender) hitsURL(skew int64) string {
	clock := strconv.FormatInt(s.Now().UnixMilli()+skew, 10)
	return strings.TrimSuffix(s.URL, "/") + "/sl/hits?key=" + url.QueryEscape(s.Key) + "&t=" + clock
}

// verdicts are the collector's answer.
type verdicts struct {
	Accepted int `json:"accepted"`
	Refused  []struct {
		Index  int    `json:"index"`
		Reason string `json:"reason"`
	} `json:"refused"`
}

// split tells which hits were taken and which are to be sent again. Planned hits are good ones, so any other refusal is
// an error.
func (v *verdicts) split(batch []sending) (done, again []sending, err error) {
	refused := make(map[int]bool, len(v.Refused))
	for _, r := range v.Refused {
		if !strings.Contains(r.Reason, "again later") || r.Index < 0 || r.Index >= len(batch) {
			return nil, nil, fmt.Errorf("the collector refused a hit (%q): %w", r.Reason, errRefused)
		}
		refused[r.Index] = true
	}
	if v.Accepted+len(refused) != len(batch) {
		return nil, nil, fmt.Errorf("the collector accepted %d hits of %d and refused %d; is the site key right?: %w", v.Accepted, len(batch), len(refused), errRefused)
	}
	for i := range batch {
		if refused[i] {
			again = append(again, batch[i])
		} else {
			done = append(done, batch[i])
		}
	}
	return done, again, nil
}

func (s *sender) acknowledge(done []sending) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent.Requests++
	s.sent.Hits += len(done)
	var lines bytes.Buffer
	for _, d := range done {
		lines.WriteString("hit " + d.hit.id.String() + "\n")
	}
	return s.note(lines.Bytes())
}

// note needs the lock.
func (s *sender) note(lines []byte) error {
	if s.Acknowledged == nil {
		return nil
	}
	if _, err := s.Acknowledged.Write(lines); err != nil {
		return fmt.Errorf("cannot note what was acknowledged: %w", err)
	}
	return nil
}

// chats sends one person's chats, each after the one before was answered.
func (s *sender) chats(ctx context.Context, p *person) error {
	for _, c := range p.chats {
		if err := s.chatLimit.Wait(ctx); err != nil {
			return err
		}
		content, err := json.Marshal(c.wire())
		if err != nil {
			return fmt.Errorf("cannot write a chat: %w", err)
		}
		address := strings.TrimSuffix(s.Intercom, "/") + "/standin/chat"
		answer, err := s.post(ctx, func() string { return address }, content, "")
		if err != nil {
			return err
		}
		var known struct {
			ContactID      string `json:"contact_id"`
			ConversationID string `json:"conversation_id"`
		}
		if err := json.Unmarshal(answer, &known); err != nil {
			return fmt.Errorf("cannot read the stand-in's answer %q: %w", answer, err)
		}
		c.ContactID, c.ConversationID = known.ContactID, known.ConversationID
		if err := s.acknowledgeChat(known.ConversationID); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) acknowledgeChat(conversation string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent.Chats++
	return s.note([]byte("conversation " + conversation + "\n"))
}

// post sends until there is an answer that counts.
func (s *sender) post(ctx context.Context, address func() string, content []byte, encoding string) ([]byte, error) {
	for wait := firstPause; ; wait = min(2*wait, longPause) {
		answer, asked, err := s.try(ctx, address(), content, encoding)
		if err == nil || errors.Is(err, errRefused) || ctx.Err() != nil {
			return answer, err
		}
		s.mu.Lock()
		s.sent.Retries++
		s.mu.Unlock()
		if err := pause(ctx, max(wait, asked)); err != nil {
			return nil, err
		}
	}
}

// try sends once. Its errors are worth a repetition, except errRefused; asked is how long the answer asks to wait.
func (s *sender) try(ctx context.Context, address string, content []byte, encoding string) (answer []byte, asked time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(content))
	if err != nil {
		return nil, 0, fmt.Errorf("cannot send to %s (%w): %w", address, err, errRefused)
	}
	request.Header.Set("Content-Type", "application/json")
	if encoding != "" {
		request.Header.Set("Content-Encoding", encoding)
	}
	response, err := s.Client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch status := response.StatusCode; {
	case err != nil:
		return nil, 0, err
	case status == http.StatusOK || status == http.StatusAccepted:
		return answer, 0, nil
	case status == http.StatusTooManyRequests || status >= http.StatusInternalServerError:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return nil, min(time.Duration(seconds)*time.Second, longPause), fmt.Errorf("the answer is %d", status)
	default:
		return nil, 0, fmt.Errorf("the answer is %d %s: %w", status, bytes.TrimSpace(answer), errRefused)
	}
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
