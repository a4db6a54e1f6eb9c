package spool

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Why records were not taken.
const (
	refusedFull = "full"
	refusedDisk = "disk"
)

type metrics struct {
	records, bytes, drained, cut, cutBytes, setAside prometheus.Counter
	refused                                          *prometheus.CounterVec
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "sourceloop_spool_" + name, Help: help})
}

func newMetrics(reg prometheus.Registerer, s *Spool) *metrics {
	m := &metrics{
		records:  counter("records_total", "Records that were kept in the spool because Kafka did not acknowledge."),
		bytes:    counter("bytes_total", "Bytes that were written to the spool."),
		drained:  counter("drained_total", "Records of the spool that Kafka has acknowledged."),
		cut:      counter("cut_total", "Segments that were cut at a torn or damaged frame."),
		cutBytes: counter("cut_bytes_total", "Bytes that were cut off."),
		setAside: counter("set_aside_total", "Records that Kafka refuses for good, kept in a file of their own."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_spool_refused_total", Help: "Records that neither Kafka nor the spool took, by reason.",
		}, []string{"reason"}),
	}
	reg.MustRegister(m.records, m.bytes, m.drained, m.cut, m.cutBytes, m.setAside, m.refused,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sourceloop_spool_backlog_bytes", Help: "Bytes of segments that wait for Kafka.",
		}, func() float64 { return float64(s.Backlog()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sourceloop_spool_backlog_seconds", Help: "Age of the oldest segment that waits for Kafka.",
		}, func() float64 { return s.age(time.Now()).Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sourceloop_spool_kafka_away", Help: "1 while Kafka is known not to acknowledge.",
		}, s.circuit.gauge))
	return m
}
