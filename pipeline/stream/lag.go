package stream

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// lagEvery is how often lag is measured of all lanes, those included that
// stand still since they have nothing to do or cannot go on.
const lagEvery = 5 * time.Second

func (g *Group) watchLag(ctx context.Context) {
	tick := time.NewTicker(lagEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := g.measureLag(ctx); err != nil && ctx.Err() == nil {
			g.slog.Warn("cannot measure the lag; trying again", "err", err)
		}
	}
}

func (g *Group) measureLag(ctx context.Context) error {
	admin, topic := g.log.admin, g.config.Topic
	starts, errStarts := admin.ListStartOffsets(ctx, topic)
	ends, errEnds := admin.ListEndOffsets(ctx, topic)
	committed, errCommitted := admin.FetchOffsetsForTopics(ctx, g.config.Name, topic)
	if err := errors.Join(errStarts, errEnds, errCommitted); err != nil {
		return err
	}
	for _, p := range g.owned() {
		g.mu.Lock()
		l := g.lanes[p]
		g.mu.Unlock()
		end, ok := ends.Lookup(topic, p)
		if l == nil || !ok || end.Err != nil {
			continue
		}
		g.setLag(l, end.Offset-max(l.next.Load(), firstOffset(starts, committed, topic, p)))
	}
	return nil
}

// firstOffset is where somebody who owns a partition from now on would begin.
func firstOffset(starts kadm.ListedOffsets, committed kadm.OffsetResponses, topic string, partition int32) int64 {
	first := int64(0)
	if s, ok := starts.Lookup(topic, partition); ok && s.Err == nil {
		first = s.Offset
	}
	if c, ok := committed.Lookup(topic, partition); ok && c.Err == nil {
		first = max(first, c.At)
	}
	return first
}

// setLag reports the lag of a lane that was not stopped in the meantime.
func (g *Group) setLag(l *lane, records int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lanes[l.partition] == l {
		g.metrics.lag.WithLabelValues(l.label).Set(float64(max(0, records)))
	}
}
