package notify

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"sourceloop/control"
)

// pauses are how long a delivery waits after each attempt that failed; after
// the last one it is given up. The schedule is the one that the specification
// of Standard Webhooks suggests.
func pauses() []time.Duration {
	const h = time.Hour
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h}
}

// longestAsked bounds how long a receiver can ask to wait.
const longestAsked = 24 * time.Hour

// answer is what a receiver said, or why it said nothing.
type answer struct {
	status int // 0 without an answer
	failed string
	asked  time.Duration // by Retry-After
}

// verdict is what follows from an answer to the attempt of that number, from 1.
func verdict(a answer, attempt int) control.DeliveryResult {
	r := control.DeliveryResult{State: control.DeliveryPending, Status: a.status, Words: a.words()}
	switch list := pauses(); {
	case a.status/100 == 2:
		r.State = control.DeliverySent
	case a.status == http.StatusGone:
		r.State, r.Gone = control.DeliveryFailed, true
	case attempt > len(list):
		r.State = control.DeliveryFailed
		r.Words += " It was tried " + strconv.Itoa(attempt) + " times in three days and given up. Send it again once the receiver works."
	default:
		r.After = max(jitter(list[attempt-1]), min(a.asked, longestAsked))
	}
	return r
}

// jitter keeps what failed together from being tried together: up to a tenth
// longer.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/10)) //nolint:gosec // No secret hangs on it.
}

// words say for people what an answer means. What the receiver wrote is not
// among them, since it may repeat what it was told.
func (a answer) words() string {
	switch {
	case a.status == 0:
		return "The receiver could not be reached: " + a.failed + "."
	case a.status/100 == 2:
		return fmt.Sprintf("The receiver took it (%d).", a.status)
	case a.status/100 == 3:
		return fmt.Sprintf("The receiver answered %d and points elsewhere, where nothing is sent. Give the webhook the address that answers itself.", a.status)
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return fmt.Sprintf("The receiver refused it (%d). Check that it verifies the signature with this webhook's present secret.", a.status)
	case a.status == http.StatusNotFound:
		return "The receiver does not know the address (404). Check how it is written."
	case a.status == http.StatusGone:
		return "The receiver answered 410 Gone: it wants to be told nothing any more."
	case a.status == http.StatusTooManyRequests:
		return "The receiver asked for fewer at once (429)."
	case a.status/100 == 4:
		return fmt.Sprintf("The receiver refused it (%d). Its own log says why.", a.status)
	}
	return fmt.Sprintf("The receiver failed (%d). Its own log says why.", a.status)
}

// retryAfter reads how long an answer asks to wait, in seconds or as a date.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		return min(time.Duration(min(seconds, 1<<20))*time.Second, longestAsked)
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
