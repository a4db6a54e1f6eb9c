package clickhouse

import "github.com/prometheus/client_golang/prometheus"

// metrics are what an operator watches of the writes, by table.
type metrics struct {
	rows     *prometheus.CounterVec
	failures *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	joined   prometheus.Histogram
	copied   prometheus.Gauge
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_clickhouse_rows_total", Help: "Rows that ClickHouse acknowledged.",
		}, []string{"table"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_clickhouse_insert_failures_total", Help: "Inserts that failed; their rows are written again.",
		}, []string{"table"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sourceloop_clickhouse_insert_seconds", Help: "Time of one insert.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 14),
		}, []string{"table"}),
		joined: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sourceloop_clickhouse_joined_batches", Help: "Batches of workers that one flush wrote together.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		copied: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sourceloop_clickhouse_journeys_copied_seconds", Help: "How long the last copying of sessions into journeys took.",
		}),
	}
	if registerer == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.rows, m.failures, m.seconds, m.joined, m.copied} {
		if err := registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
