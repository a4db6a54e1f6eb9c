package main

import (
	"context"
	"time"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/pipeline/deliver"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
	"sourceloop/sinks"
)

// startDeliver sends conversions back to advertising platforms.
func (n *node) startDeliver() error {
	deps := &deliver.Deps{
		Destinations: n.control, Outbox: n.control, Queue: n.control, Stages: n.control, Reader: n.sink, Progress: reach{n.logs},
		Connections: adConnections{n.connect.Tokens(), n.control}, Erasures: n.control.Directory(), Channels: adChannels(n.platforms),
		Slog: n.log, Now: time.Now, Fail: n.reach,
	}
	planner := &deliver.Planner{Deps: deps, Dead: n.logs}
	stages := &deliver.Stages{Deps: deps}
	n.runners = append(n.runners, stages.Run, deliver.NewSender(deps, 0, n.registry).Run)
	n.consume(stream.GroupConfig{
		Name: groupDeliver, Topic: schema.TopicCredited, Stage: deliver.Stage, New: planner.New, MaxBatch: deliver.MaxBatch,
	})
	return nil
}

// adChannels are platforms as the stage sees them.
func adChannels(platforms []sinks.Platform) map[string]deliver.Channel {
	all := make(map[string]deliver.Channel, len(platforms))
	for _, p := range platforms {
		l := p.Limits()
		all[p.Name()] = deliver.Channel{Platform: p, Batch: l.Batch, Oldest: l.Oldest, Remembers: l.Remembers, PerMinute: l.PerMinute}
	}
	return all
}

// adConnections are the connections to advertising platforms.
type adConnections struct {
	*connect.Tokens
	store *control.Store
}

func (c adConnections) MarkFailed(ctx context.Context, connection int64, words string) error {
	return c.store.MarkFailed(ctx, connection, words)
}

// reach tells how far the pipeline is.
type reach struct{ *stream.Log }

// Done is how far the first of a topic's readers is, which writes to ClickHouse
// what the topic says.
func (r reach) Done(ctx context.Context, topic string) (map[int32]int64, error) {
	return r.Log.Done(ctx, readers()[topic][0], topic)
}

// Partition is where a key goes.
func (r reach) Partition(topic string, key []byte) int32 {
	return stream.Partition(key, stream.Partitions(topic))
}
