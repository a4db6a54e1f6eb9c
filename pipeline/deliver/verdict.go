package deliver

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
)

const (
	// firstPause doubles with each try, up to lastPause.
	firstPause = 30 * time.Second
	lastPause  = 6 * time.Hour
	// patience is for how long a push is tried.
	patience = 7 * 24 * time.Hour
	// unclearFor is for how long a push is repeated of which it is not known
	// whether it arrived; less where the platform forgets sooner.
	unclearFor = 48 * time.Hour
	// longestAfter bounds what a platform asks for.
	longestAfter = 24 * time.Hour

	firstAsk, lastAsk = 2 * time.Second, 15 * time.Minute // between two questions by a receipt
	askFor            = 24 * time.Hour

	deniedPause = time.Minute
)

// backOff is the pause after so many tries, within a fifth more or less.
func backOff(tries int, first, last time.Duration) time.Duration {
	pause := last
	if doublings := max(tries-1, 0); doublings < 30 && first<<doublings < last {
		pause = first << doublings
	}
	return time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // Jitter is no secret.
}

// repeatable tells whether a push may go out again of which an attempt is open:
// whether the platform would know it as the same one.
func repeatable(c *Channel, p *control.Push, now schema.Millis) bool {
	return now.Sub(p.OpenSince) < min(unclearFor, c.Remembers)
}

// before is what a push was like before an attempt that was made of it.
type before struct {
	open    bool // an attempt was open
	partial bool // it was in a request that the platform took a part of
}

// result says where a verdict leaves a push that was begun.
func result(c *Channel, p *control.Push, was before, v *schema.Verdict, now schema.Millis) control.PushResult {
	r := control.PushResult{Push: *p, State: stateOf(v.Outcome), Words: v.Words, Code: v.Code, Outcome: v.Outcome, Alone: p.Alone}
	switch v.Outcome {
	case schema.OutcomeSent, schema.OutcomeNoIdentity, schema.OutcomeNoConsent, schema.OutcomeRefused:
		if was.open && v.Outcome != schema.OutcomeSent {
			// This attempt did nothing, but an earlier one may have.
			r.State, r.Words = schema.PushError, strings.TrimSpace(v.Words+" "+wordsUnsure)
		}
	case schema.OutcomeDuplicate:
		if was.open || was.partial { // It has it from us.
			r.State = schema.PushSent
		}
	case schema.OutcomeTaken:
		r.Due = now.Add(max(firstAsk, min(v.After, lastAsk)))
	case schema.OutcomeAlone:
		r.Alone = true
	case schema.OutcomeDenied:
		r.Due = now.Add(deniedPause)
	case schema.OutcomeLater:
		later(c, p, was, v, now, &r)
	case schema.OutcomeUnclear:
		unclear(c, p, v, now, &r)
	default:
		r.State, r.Outcome = schema.PushError, schema.OutcomeUnclear
		r.Words = "The platform's answer was not understood. " + wordsUnsure
	}
	return r
}

func later(c *Channel, p *control.Push, was before, v *schema.Verdict, now schema.Millis, r *control.PushResult) {
	if was.open && !repeatable(c, p, now) {
		r.State, r.Words = schema.PushError, strings.TrimSpace(v.Words+" "+wordsUnsure)
		return
	}
	if again(p, v, now, r); r.State == schema.PushError && (was.open || was.partial) {
		r.Words += " " + wordsUnsure
	}
}

// again has a push sent once more after a while, unless it was tried for long
// enough.
func again(p *control.Push, v *schema.Verdict, now schema.Millis, r *control.PushResult) {
	if now.Sub(p.FirstAt) >= patience {
		r.State = schema.PushError
		r.Words = strings.TrimSpace(v.Words + " It was tried for seven days and is given up; send it again when the reason is gone.")
		return
	}
	r.Due = now.Add(pause(v.After, p.Tries))
}

func pause(asked time.Duration, tries int) time.Duration {
	if asked > 0 {
		return min(asked, longestAfter)
	}
	return backOff(tries, firstPause, lastPause)
}

func unclear(c *Channel, p *control.Push, v *schema.Verdict, now schema.Millis, r *control.PushResult) {
	if !repeatable(c, p, now) {
		r.State, r.Words = schema.PushError, strings.TrimSpace(v.Words+" "+wordsUnsure)
		return
	}
	r.Words = strings.TrimSpace(v.Words + " " + wordsRepeat)
	r.Due = now.Add(pause(v.After, p.Tries))
}

// confirmed says where a platform's word about a receipt leaves a push.
func confirmed(p *control.Push, v *schema.Verdict, now schema.Millis) control.PushResult {
	r := control.PushResult{Push: *p, State: stateOf(v.Outcome), Words: v.Words, Code: v.Code, Outcome: v.Outcome, Alone: p.Alone}
	switch v.Outcome {
	case schema.OutcomeAlone:
		r.Alone = true
		if v.After > 0 { // It did not count for a passing reason.
			again(p, v, now, &r)
		}
	case schema.OutcomeDuplicate:
		// It has it from the request before, also where that had no answer.
		if p.Alone || p.Attempts > 1 {
			r.State = schema.PushSent
		}
	case schema.OutcomeTaken, schema.OutcomeUnclear, schema.OutcomeDenied, schema.OutcomeLater:
		r.Receipt = p.Receipt
		if v.Outcome != schema.OutcomeTaken {
			r.Outcome, r.Words = 0, p.Words // Nothing was learned of the push.
			r.Code = p.Code
		}
		age := now.Sub(p.FirstAt)
		if age >= askFor {
			r.State, r.Receipt, r.Outcome = schema.PushSent, "", schema.OutcomeSent
			r.Words = "The platform took it and did not say within a day what became of it. Its own reports show whether it counted."
			return r
		}
		// Pauses grow with the age: asked at 2 s, 4 s, 8 s …
		r.Due = now.Add(max(v.After, min(lastAsk, max(firstAsk, age))))
	case schema.OutcomeNoIdentity, schema.OutcomeNoConsent, schema.OutcomeRefused:
		if p.Open { // An attempt before had no answer, and may have counted.
			r.State, r.Words = schema.PushError, strings.TrimSpace(v.Words+" "+wordsUnsure)
		}
	case schema.OutcomeSent:
	}
	return r
}

// A receipt is kept with how many pushes have it: "17 request-id".

func packReceipt(n int, receipt string) string { return strconv.Itoa(n) + " " + receipt }

func unpackReceipt(packed string) (n int, receipt string) {
	count, receipt, _ := strings.Cut(packed, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		return 1, packed
	}
	return n, receipt
}
