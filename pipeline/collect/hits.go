package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// maxItems is how many hits one request may hold.
const maxItems = 10_000

var errItems = fmt.Errorf("the body holds more than %d hits; send fewer at once", maxItems)

// hits takes hits.
func (e *Edge) hits(c echo.Context) error {
	e.handle(c.Response(), c.Request())
	return nil
}

// handle answers a request for hits. It keeps nothing of it.
func (e *Edge) handle(w http.ResponseWriter, r *http.Request) {
	b := e.batches.Get().(*batch)
	w.Header()["Access-Control-Allow-Origin"] = e.anyOrigin
	start := e.deps.Now()
	reusable := e.serve(w, r, b, start)
	since(e.metrics.hits, start, e.deps.Now())
	if reusable && b.reset() {
		e.batches.Put(b)
	}
}

// serve answers one request, and tells whether its buffers may be used again.
func (e *Edge) serve(w http.ResponseWriter, r *http.Request, b *batch, now time.Time) bool {
	s := sender{now: now, received: schema.MillisOf(now), origin: e.trust.origin(r), header: r.UserAgent()}
	key, clock := parameters(r.URL.RawQuery)
	s.shift = shift(clock, s.received)
	if wait := e.limit(&s, key, 1); wait > 0 {
		e.refuseAll(w, limited, http.StatusTooManyRequests, "too many hits; send these again later", wait)
		return true
	}
	if len(r.Header["Sec-Gpc"]) > 0 && r.Header["Sec-Gpc"][0] == "1" {
		e.metrics.requests[optedOut].Inc()
		e.answer(w, http.StatusAccepted, []byte(`{"accepted":0,"refused":[]}`))
		return true
	}
	body, err := b.readBody(r)
	if err != nil {
		e.refuseBody(w, err)
		return true
	}
	workspace, known := e.deps.Sites.BySiteKey(key)
	if known {
		s.workspace = workspace.ID
	}
	single, err := e.read(b, &s, string(body))
	if err != nil {
		e.refuseBody(w, err)
		return true
	}
	if b.items > 1 {
		e.limit(&s, key, b.items-1)
	}
	if !known {
		e.metrics.requests[unknownKey].Inc()
		e.report(w, b, single)
		return true
	}
	return e.store(w, b, single)
}

// limit charges a number of hits to the sender's address and key.
func (e *Edge) limit(s *sender, key string, n int) time.Duration {
	if address := s.origin.limitKey(); address != "" {
		if wait := e.addresses.take(s.now, address, n); wait > 0 {
			return wait
		}
	}
	return e.keys.take(s.now, key, n)
}

// parameters reads ?key= and ?t= without building a map.
func parameters(query string) (key, clock string) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "key" && key == "":
			key = value
		case name == "t" && clock == "":
			clock = value
		}
	}
	if strings.ContainsAny(key, "%+") {
		if plain, err := url.QueryUnescape(key); err == nil {
			key = plain
		}
	}
	return key, clock
}

// shift is what to add to the browser's times, 0 when its clock is right to a
// minute or not known.
func shift(clock string, received schema.Millis) int64 {
	sent, err := strconv.ParseInt(clock, 10, 64)
	if err != nil || sent <= 0 || sent > 1<<53 {
		return 0
	}
	by := int64(received) - sent
	if by <= maxOff.Milliseconds() && by >= -maxOff.Milliseconds() {
		return 0
	}
	return by
}

// read parses and judges a body: a hit, or an array of hits.
func (e *Edge) read(b *batch, s *sender, body string) (single bool, err error) {
	r := &b.reader
	r.src, r.pos = body, 0
	if r.peek() == '[' {
		err = r.array(0, func() error { return e.item(b, s) })
	} else {
		single = true
		if r.peek() != '{' {
			return true, errSyntax
		}
		err = e.item(b, s)
	}
	if err == nil {
		err = r.end()
	}
	return single, err
}

func (e *Edge) item(b *batch, s *sender) error {
	if b.items++; b.items > maxItems {
		return errItems
	}
	r := &b.reader
	r.space()
	start := r.pos
	if err := r.hit(&b.draft); err != nil {
		return err
	}
	f := e.judge(b, s)
	if f.code == "" {
		b.add()
		return nil
	}
	if f.setAside() {
		b.dead = append(b.dead, setAside(r.src[start:r.pos], f, b, s))
	}
	b.refuse(f, strings.ToValidUTF8(b.draft.id.value, "\uFFFD"))
	return nil
}

// store appends what was accepted and what is set aside, and answers.
func (e *Edge) store(w http.ResponseWriter, b *batch, single bool) bool {
	if err := e.appendAll(e.deadlines.context(), b); err != nil {
		e.unavailable(w, "hits", err)
		return false // the log may hold on to the buffers
	}
	e.metrics.accepted.Add(float64(b.accepted()))
	e.report(w, b, single)
	return true
}

func (e *Edge) appendAll(ctx context.Context, b *batch) error {
	if err := e.deps.Fail.At("collect.before-append"); err != nil {
		return err
	}
	if b.accepted() > 0 {
		keys, values := b.records()
		if err := e.deps.Log.Append(ctx, schema.TopicHits, keys, values); err != nil {
			return err
		}
	}
	if err := e.appendDead(ctx, b.dead); err != nil {
		return err
	}
	return e.deps.Fail.At("collect.after-append")
}

func (e *Edge) appendDead(ctx context.Context, letters []*schema.DeadRecord) error {
	if len(letters) == 0 {
		return nil
	}
	keys, values := make([][]byte, len(letters)), make([][]byte, len(letters))
	for i, d := range letters {
		value, err := proto.Marshal(d)
		if err != nil {
			return fmt.Errorf("cannot encode a dead letter: %w", err)
		}
		keys[i], values[i] = []byte(d.GetTopic()), value
	}
	return e.deps.Log.Append(ctx, schema.TopicDead, keys, values)
}

// report counts and answers with a verdict for every item that was not
// accepted. A single hit that was not is a bad request, also when its bytes are
// kept in the dead letters.
func (e *Edge) report(w http.ResponseWriter, b *batch, single bool) {
	for _, f := range b.faults {
		e.metrics.items[f.code].Inc()
	}
	if len(b.refused) == 0 {
		var room [48]byte
		body := strconv.AppendInt(append(room[:0], `{"accepted":`...), int64(b.accepted()), 10)
		e.answer(w, http.StatusAccepted, append(body, `,"refused":[]}`...))
		return
	}
	switch f := b.faults[0]; {
	case b.accepted() == 0 && onlyFlood(b.faults):
		retryAfter(w, time.Second)
		problem(w, http.StatusTooManyRequests, f.words, b.refused)
	case single:
		problem(w, http.StatusBadRequest, f.words, b.refused)
	default:
		body, err := json.Marshal(struct {
			Accepted int       `json:"accepted"`
			Refused  []verdict `json:"refused"`
		}{b.accepted(), b.refused})
		if err != nil {
			problem(w, http.StatusInternalServerError, "the verdicts cannot be written; the hits are stored", nil)
			return
		}
		e.answer(w, http.StatusAccepted, body)
	}
}

// onlyFlood tells whether all that was refused may be sent again.
func onlyFlood(faults []fault) bool {
	return !slices.ContainsFunc(faults, func(f fault) bool { return f.code != flood })
}

func (e *Edge) refuseBody(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errItems):
		e.refuseAll(w, tooLarge, http.StatusRequestEntityTooLarge, err.Error(), 0)
	case errors.Is(err, errEncoding):
		e.refuseAll(w, unsupported, http.StatusUnsupportedMediaType, err.Error(), 0)
	case errors.Is(err, errSyntax), errors.Is(err, errDepth), errors.Is(err, errGzip):
		e.refuseAll(w, malformed, http.StatusBadRequest, err.Error(), 0)
	default: // the connection broke
		e.refuseAll(w, malformed, http.StatusBadRequest, "the body cannot be read", 0)
	}
}

func (e *Edge) refuseAll(w http.ResponseWriter, c code, status int, words string, wait time.Duration) {
	e.metrics.requests[c].Inc()
	if wait > 0 {
		retryAfter(w, wait)
	}
	problem(w, status, words, nil)
}

// complaintsEvery is how often it is logged that nothing is taken.
const complaintsEvery = time.Second

// unavailable answers when the log did not acknowledge.
func (e *Edge) unavailable(w http.ResponseWriter, what string, err error) {
	level, now := slog.LevelDebug, e.deps.Now().UnixNano()
	if last := e.complained.Load(); now-last > int64(complaintsEvery) && e.complained.CompareAndSwap(last, now) {
		level = slog.LevelError
	}
	e.deps.Logger.Log(context.Background(), level, "the log did not acknowledge; the sender was told to try again", slog.String("what", what), slog.Any("error", err))
	e.refuseAll(w, unavailable, http.StatusServiceUnavailable, "these could not be stored; send them again", 2*time.Second)
}

// retryAfter says when to try again, to scripts of other origins too.
func retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(wait, time.Second).Seconds()))))
}
