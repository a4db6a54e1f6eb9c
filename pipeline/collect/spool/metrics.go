package spool

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Why records were not taken.
const (
	refusedFull    = "full"
	refusedDisk    = "disk"
	refusedStopped = "stopped"
)

type metrics struct {
	records, bytes, drained           *prometheus.CounterVec // by topic
	syncs                             prometheus.Counter
	damaged, damagedBytes, cut, aside prometheus.Counter
	refused                           *prometheus.CounterVec // by reason
}

func newMetrics(reg prometheus.Registerer, s *Spool) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "sourceloop_spool_" + name, Help: help})
	}
	by := func(label, name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sourceloop_spool_" + name, Help: help}, []string{label})
	}
	m := &metrics{
		records:      by("topic", "records_total", "Records that were kept on the disk because Kafka did not acknowledge in time."),
		bytes:        by("topic", "bytes_total", "Bytes that were written to the spool."),
		drained:      by("topic", "drained_total", "Records of the spool that Kafka has acknowledged."),
		syncs:        counter("syncs_total", "Times that the spool was fsynced."),
		damaged:      counter("damaged_total", "Stretches of a file that were damaged after they had been written."),
		damagedBytes: counter("damaged_bytes_total", "Bytes of these stretches."),
		cut:          counter("cut_bytes_total", "Bytes of torn ends that were left out."),
		aside:        counter("set_aside_total", "Records that Kafka refuses for good; their file was set aside."),
		refused:      by("reason", "refused_total", "Records that neither Kafka nor the spool took."),
	}
	for _, reason := range []string{refusedFull, refusedDisk, refusedStopped} {
		m.refused.WithLabelValues(reason)
	}
	reg.MustRegister(m.records, m.bytes, m.drained, m.syncs, m.damaged, m.damagedBytes, m.cut, m.aside, m.refused,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sourceloop_spool_limit_bytes", Help: "How large the spool may grow.",
		}, func() float64 { return float64(s.config.MaxBytes) }))
	return m
}

// watch shows what waits in a queue.
func (m *metrics) watch(reg prometheus.Registerer, q *queue) {
	labels := prometheus.Labels{"topic": q.topic}
	for _, c := range []*prometheus.CounterVec{m.records, m.bytes, m.drained} {
		c.With(labels)
	}
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sourceloop_spool_backlog_bytes", Help: "Bytes of files that wait for Kafka.", ConstLabels: labels,
		}, func() float64 { return float64(q.backlog()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sourceloop_spool_oldest_seconds", Help: "Age of the oldest record that waits for Kafka.", ConstLabels: labels,
		}, func() float64 { return q.age(time.Now()).Seconds() }))
}
