package report

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// tieSize is the size of what orders events at equal times: an id.
const tieSize = 16

// funnelStream reads entities with what they did, a block at a time.
type funnelStream struct {
	times                *proto.ColArr[int64] // doubled, one more for conversions
	ties                 *proto.ColArr[[]byte]
	masks, stops         *proto.ColArr[uint16]
	flatTimes            *proto.ColInt64
	flatTies             *proto.ColFixedStr
	flatMasks, flatStops *proto.ColUInt16
	stopping             bool         // there are stops
	entries              *codedColumn // what each event's session has; nil without a breakdown

	places []int32 // of an entity's events, in order
	sorted []happening
}

func newFunnelStream(b *funnelBuild) (*funnelStream, proto.Results) {
	s := &funnelStream{
		flatTimes: &proto.ColInt64{}, flatTies: &proto.ColFixedStr{Size: tieSize}, flatMasks: &proto.ColUInt16{}, flatStops: &proto.ColUInt16{},
	}
	s.times, s.ties = proto.NewArray(s.flatTimes), proto.NewArray(s.flatTies)
	s.masks, s.stops = proto.NewArray(s.flatMasks), proto.NewArray(s.flatStops)
	result := proto.Results{
		{Name: "times", Data: s.times}, {Name: "ties", Data: s.ties}, {Name: "masks", Data: s.masks},
	}
	if s.stopping = b.Exclusions; s.stopping {
		result = append(result, proto.ResultColumn{Name: "stops", Data: s.stops})
	}
	if b.Breakdown {
		s.entries = &codedColumn{names: newNames()}
		result = append(result, proto.ResultColumn{Name: "entries", Data: s.entries})
	}
	return s, result
}

// each hands over what every entity of the block did, in order. The list is used
// again for the next one.
func (s *funnelStream) each(yield func([]happening)) {
	from := 0
	for _, end := range s.times.Offsets {
		to := int(end)
		s.sort(from, to)
		yield(s.sorted)
		from = to
	}
}

// sort orders the events from..to of the block.
func (s *funnelStream) sort(from, to int) {
	times, ties := *s.flatTimes, s.flatTies.Buf
	s.places = s.places[:0]
	for i := from; i < to; i++ {
		s.places = append(s.places, int32(i))
	}
	slices.SortFunc(s.places, func(a, b int32) int {
		if order := cmp.Compare(times[a], times[b]); order != 0 {
			return order
		}
		return bytes.Compare(ties[int(a)*tieSize:int(a+1)*tieSize], ties[int(b)*tieSize:int(b+1)*tieSize])
	})
	s.sorted = s.sorted[:0]
	for _, i := range s.places {
		one := happening{at: times[i] >> 1, mask: (*s.flatMasks)[i]}
		if s.stopping {
			one.stop = (*s.flatStops)[i]
		}
		if s.entries != nil {
			one.entry = s.entries.codes[i]
		}
		s.sorted = append(s.sorted, one)
	}
}

// values are those that entries are places of.
func (s *funnelStream) values() []string {
	if s.entries == nil {
		return []string{""}
	}
	return s.entries.names.texts
}

// walks finds the best walk of every entity.
func (s Scoped) walks(ctx context.Context, f Funnel) (*funnelTally, []string, error) {
	statement, b, err := f.streams()
	if err != nil {
		return nil, nil, err
	}
	stream, result := newFunnelStream(b)
	w := &walker{
		steps: len(f.Steps), window: f.Window.Milliseconds(), begin: int64(f.Period.Begin), end: int64(f.Period.End), exclusions: b.Exclusions,
	}
	t := &funnelTally{steps: len(f.Steps)}
	err = s.columns(ctx, statement, b, b.arguments, result, func() error {
		stream.each(func(h []happening) {
			if best, entry := w.best(h, f.Order); best.n > 0 {
				t.add(h[entry].entry, &best)
			}
		})
		return nil
	})
	return t, stream.values(), err
}

// streams builds the statement that reads what happened, and gives its name.
func (f Funnel) streams() (string, *funnelBuild, error) {
	if f.Scope == ByContact {
		b, err := buildFunnel(f)
		return "funnel_contacts", b, err
	}
	b, err := buildFunnelOn(f, "page")
	return "funnel_streams", b, err
}
