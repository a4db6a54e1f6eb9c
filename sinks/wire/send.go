package wire

import (
	"context"
	"time"

	"sourceloop/schema"
	"sourceloop/sinks"
)

// dividing bounds how many requests more than planned one Send makes to find
// the event that had a request refused: enough for one bad event of a
// thousand, and for a few.
const dividing = 40

// Said is what came of one request. Exactly one of Each, Blamed, Divide and All
// counts, in this order.
type Said struct {
	Each   []schema.Verdict       // one for each event of the request
	Blamed map[int]schema.Verdict // events for which the request was refused whole; the others were not taken
	Divide bool                   // refused whole for one event, and it is not said which
	All    schema.Verdict         // of every event, or of the only one that was to be divided
}

// Sender is a platform without Send: with one request, and what can be known
// before it.
type Sender interface {
	Name() string
	Limits() sinks.Limits
	Check(event *schema.Outgoing, now schema.Millis) (schema.Verdict, bool)
}

// Post sends one request that holds these events.
type Post func(ctx context.Context, events []schema.Outgoing) Said

// Send is Platform.Send by a platform's Post.
func Send(ctx context.Context, p Sender, title string, now time.Time, events []schema.Outgoing, post Post) []schema.Verdict {
	s := &sending{title: title, post: post, events: events, verdicts: make([]schema.Verdict, len(events)), spare: dividing}
	first, twins := map[schema.ID]int{}, map[int]int{}
	var due []int
	for i := range events {
		verdict, known := p.Check(&events[i], schema.MillisOf(now))
		twin, seen := first[events[i].Push]
		switch {
		case known:
			s.verdicts[i] = verdict
		case seen:
			twins[i] = twin
		default:
			first[events[i].Push] = i
			due = append(due, i)
		}
	}
	for len(due) > 0 {
		n := min(len(due), max(p.Limits().Batch, 1))
		s.part(ctx, due[:n])
		due = due[n:]
	}
	for i, twin := range twins {
		s.verdicts[i] = s.verdicts[twin]
	}
	return s.verdicts
}

// sending is one Send under way.
type sending struct {
	title    string
	post     Post
	events   []schema.Outgoing
	verdicts []schema.Verdict
	spare    int             // requests that may still be made beyond those planned
	halted   *schema.Verdict // why nothing more is sent
}

// part sends the events at these places.
func (s *sending) part(ctx context.Context, at []int) {
	if s.halted == nil && ctx.Err() != nil {
		s.halted = &schema.Verdict{Outcome: schema.OutcomeLater, Words: "There was no time left to send it to " + s.title + ", so nothing was sent. It is tried again by itself."}
	}
	if s.halted != nil {
		s.all(at, *s.halted)
		return
	}
	batch := make([]schema.Outgoing, len(at))
	for i, place := range at {
		batch[i] = s.events[place]
	}
	said := s.post(ctx, batch)
	switch {
	case len(said.Each) == len(at):
		for i, place := range at {
			s.verdicts[place] = said.Each[i]
		}
	case len(said.Blamed) > 0:
		s.without(ctx, at, said.Blamed)
	case said.Divide && len(at) > 1:
		s.divide(ctx, at)
	default:
		s.all(at, said.All)
		s.perhapsHalt(said.All)
	}
}

// without sends again those that were not to blame.
func (s *sending) without(ctx context.Context, at []int, blamed map[int]schema.Verdict) {
	var rest []int
	for i, place := range at {
		if verdict, is := blamed[i]; is {
			s.verdicts[place] = verdict
		} else {
			rest = append(rest, place)
		}
	}
	switch {
	case len(rest) == len(at) || s.spare == 0:
		s.alone(rest)
	case len(rest) > 0:
		s.spare--
		s.part(ctx, rest)
	}
}

func (s *sending) divide(ctx context.Context, at []int) {
	if s.spare < 2 {
		s.alone(at)
		return
	}
	s.spare -= 2
	s.part(ctx, at[:len(at)/2])
	s.part(ctx, at[len(at)/2:])
}

func (s *sending) alone(at []int) {
	s.all(at, schema.Verdict{Outcome: schema.OutcomeAlone, Words: s.title + " refused a request for some of the conversions in it and does not say which. Each of them is sent again by itself."})
}

func (s *sending) all(at []int, verdict schema.Verdict) {
	for _, place := range at {
		s.verdicts[place] = verdict
	}
}

// perhapsHalt ends the sending when the next request would fare no better.
func (s *sending) perhapsHalt(v schema.Verdict) {
	switch v.Outcome {
	case schema.OutcomeDenied, schema.OutcomeLater:
		s.halted = &v
	case schema.OutcomeUnclear:
		s.halted = &schema.Verdict{Outcome: schema.OutcomeLater, Words: s.title + " did not answer a moment ago, so this was not sent. It is tried again by itself."}
	}
}
