package main

import (
	"context"
	"path/filepath"
	"time"

	"sourceloop/pipeline/collect/spool"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// kafkaPatience is how long a process that collects waits for Kafka before it
// starts without.
const kafkaPatience = 3 * time.Second

// startLog connects to Kafka. A process that collects can do so without it, and
// goes on looking for it while it serves.
func (n *node) startLog(ctx context.Context) error {
	l, err := stream.NewLog(stream.Config{
		Brokers: n.engines.kafka, TopicConfigs: n.engines.topicConfigs, Log: n.log, Registerer: n.registry,
	})
	if err != nil {
		return err
	}
	n.logs = l
	n.onClose(func() error { l.Close(); return nil })
	if !n.has(roleCollect) {
		return l.Prepare(ctx)
	}
	asking, cancel := context.WithTimeout(ctx, kafkaPatience)
	defer cancel()
	if err := l.Prepare(asking); schema.KindOf(err) == schema.KindInvalid {
		return err
	}
	n.runners = append(n.runners, l.Run)
	return nil
}

// startSpool keeps what the collector takes while Kafka does not acknowledge.
func (n *node) startSpool(context.Context) error {
	if !n.has(roleCollect) {
		return nil
	}
	s, err := spool.New(spool.Config{
		Dir: filepath.Join(n.config.data, "spool"), MaxBytes: n.config.settings.SpoolBytes,
		Topics: []string{schema.TopicHits, schema.TopicWebhooks, schema.TopicLeads, schema.TopicDead}, Fail: n.reach,
	}, n.logs, n.registry, n.log)
	if err != nil {
		return err
	}
	n.spool = s
	n.onClose(s.Close)
	n.runners = append(n.runners, s.Run)
	return nil
}
