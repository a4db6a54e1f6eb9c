package report

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// teller is told what people did at a time that matters. No two are told of one entity, but the second may be of whom the first gave the span.
type teller interface {
	// span says when it matters what somebody did, given their walk that counts and what they entered with; false for never.
	span(entity uint64, best *walk, entry *happening) (span, bool)
	// tell is given what was done then, in order; the list is used again.
	tell(in span, h []happening)
}

// toldRun is where a funnel was read whose seers noted items, to look up what they are.
type toldRun struct {
	Scoped
	source *funnelSource
}

// story is where everything that people did is read. more asks something more of the source; nil for nothing.
func (s Scoped) story(ctx context.Context, f Funnel, more func(*funnelSource)) (told *toldRun, err error) {
	told = &toldRun{Scoped: s}
	told.source, err = s.source(ctx, f, func(source *funnelSource) {
		source.Stream = true
		if more != nil {
			more(source)
		}
	})
	return told, err
}

// seenWhole shows seers everything that those did who may have entered, and not only what the funnel looks at.
func (s Scoped) seenWhole(ctx context.Context, f Funnel, more func(*funnelSource), newSeer func(r *funnelRun) seer) (told *toldRun, err error) {
	err = s.inTime(ctx, f, func(ctx context.Context) error {
		if told, err = s.story(ctx, f, more); err != nil {
			return err
		}
		_, err = s.seenFrom(ctx, f, told.source, newSeer)
		return err
	})
	return told, err
}

// told tells as many tellers as see at once what people did who entered, when it matters to them.
func (s Scoped) told(ctx context.Context, f Funnel, more func(*funnelSource), tellers []teller) (told *toldRun, values []string, err error) {
	err = s.inTime(ctx, f, func(ctx context.Context) error {
		told, values, err = s.tell(ctx, f, more, tellers)
		return err
	})
	return told, values, err
}

func (s Scoped) tell(ctx context.Context, f Funnel, more func(*funnelSource), tellers []teller) (told *toldRun, values []string, err error) {
	if told, err = s.story(ctx, f, more); err != nil {
		return nil, nil, err
	}
	if values, err = s.narrow(ctx, f, told.source, tellers); err != nil {
		return nil, nil, err
	}
	spans, n := told.source.spans, 0
	wholeValues, err := s.seenFrom(ctx, f, told.source, func(*funnelRun) seer {
		n++
		if spans == nil {
			return &wholeTeller{walker: f.walker(), order: f.Order, teller: tellers[n-1]}
		}
		return &spanTeller{spans, tellers[n-1]}
	})
	if err != nil || spans == nil {
		return told, wholeValues, err
	}
	for i := range spans.all {
		if !spans.all[i].seen {
			tellers[0].tell(spans.all[i], nil)
		}
	}
	return told, values, nil
}

// spanTeller is shown what people did in their spans, and nothing else.
type spanTeller struct {
	spans  *spans
	teller teller
}

func (t *spanTeller) see(entity uint64, h []happening) {
	own := t.spans.of(entity)
	own.seen = true
	t.teller.tell(*own, h)
}

// wholeTeller is shown everything.
type wholeTeller struct {
	walker
	order  Order
	teller teller
}

func (t *wholeTeller) see(entity uint64, h []happening) {
	best, entry := t.best(h, t.order)
	if best.n == 0 {
		return
	}
	if own, matters := t.teller.span(entity, &best, &h[entry]); matters {
		from := slices.IndexFunc(h, func(one happening) bool { return one.at() > own.since })
		if from < 0 {
			from = len(h)
		}
		to := from
		for ; to < len(h) && h[to].at() < own.until; to++ {
		}
		t.teller.tell(own, h[from:to])
	}
}

// names tells what items are.
func (t *toldRun) names(ctx context.Context, items []uint64) (map[uint64]Happening, error) {
	told := make(map[uint64]Happening, len(items))
	if len(items) == 0 {
		return told, nil
	}
	slices.Sort(items)
	arguments := map[string]any{"items": slices.Compact(items), "begin": t.source.arguments["begin"], "end": t.source.arguments["end"], "window": t.source.arguments["window"]}
	read := func(statement string) error {
		return t.query(ctx, statement, t.source, arguments, func(r driver.Rows) error {
			var item uint64
			var label string
			err := r.Scan(&item, &label)
			told[item] = readHappening(label)
			return err
		})
	}
	if err := read("funnel_names"); err != nil || len(told) == len(arguments["items"].([]uint64)) {
		return told, err
	}
	return told, read("funnel_names_of_sessions")
}
