package report

import (
	"context"

	"github.com/ClickHouse/ch-go/proto"
)

// funnelStream reads entities with what they did, a block at a time.
type funnelStream struct {
	times                *proto.ColArr[int64]
	masks, stops         *proto.ColArr[uint16]
	flatTimes            *proto.ColInt64
	flatMasks, flatStops *proto.ColUInt16
	entries              *codedColumn // what each event's session has; nil without a breakdown
}

func newFunnelStream(b *funnelBuild) (*funnelStream, proto.Results) {
	s := &funnelStream{flatTimes: &proto.ColInt64{}, flatMasks: &proto.ColUInt16{}, flatStops: &proto.ColUInt16{}}
	s.times, s.masks, s.stops = proto.NewArray(s.flatTimes), proto.NewArray(s.flatMasks), proto.NewArray(s.flatStops)
	result := proto.Results{{Name: "times", Data: s.times}, {Name: "masks", Data: s.masks}, {Name: "stops", Data: s.stops}}
	if b.Breakdown {
		s.entries = &codedColumn{names: newNames()}
		result = append(result, proto.ResultColumn{Name: "entries", Data: s.entries})
	}
	return s, result
}

// each hands over the entities of the block; from is where their events begin
// among those of the block.
func (s *funnelStream) each(yield func(h happenings, from int)) {
	from := 0
	for _, end := range s.times.Offsets {
		to := int(end)
		yield(happenings{times: (*s.flatTimes)[from:to], masks: (*s.flatMasks)[from:to], stops: (*s.flatStops)[from:to]}, from)
		from = to
	}
}

// walks finds the best walk of every entity.
func (s Scoped) walks(ctx context.Context, f Funnel, b *funnelBuild) (*funnelTally, []string, error) {
	stream, result := newFunnelStream(b)
	w := &walker{
		steps: len(f.Steps), window: f.Window.Milliseconds(), begin: int64(f.Period.Begin), end: int64(f.Period.End), exclusions: b.Exclusions,
	}
	t := &funnelTally{steps: len(f.Steps)}
	err := s.columns(ctx, "funnel_streams", b, b.arguments, result, func() error {
		stream.each(func(h happenings, from int) {
			best, entry := w.best(h, f.Order)
			if best.n == 0 {
				return
			}
			value := int32(0)
			if stream.entries != nil {
				value = stream.entries.codes[from+entry]
			}
			t.add(value, &best)
		})
		return nil
	})
	if stream.entries == nil {
		return t, []string{""}, err
	}
	return t, stream.entries.names.texts, err
}
