package collect

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the edge counts. Labels come from closed lists and never
// name a person, a key or an address.
type metrics struct {
	accepted prometheus.Counter
	plain    prometheus.Counter
	items    map[code]prometheus.Counter
	dropped  [adFields]prometheus.Counter
	requests map[code]prometheus.Counter
	hits     prometheus.Observer
	webhooks *prometheus.CounterVec
	hooks    prometheus.Observer
}

func newMetrics(reg prometheus.Registerer) *metrics {
	accepted := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sourceloop_collect_hits_accepted_total", Help: "Hits that the log has acknowledged.",
	})
	items := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sourceloop_collect_hits_refused_total", Help: "Hits that were not accepted, by reason.",
	}, []string{"reason"})
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sourceloop_collect_fields_dropped_total", Help: "Fields for advertising that were left out of accepted hits, because they were not what they should be.",
	}, []string{"field"})
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sourceloop_collect_requests_refused_total", Help: "Requests of which nothing was taken, by reason.",
	}, []string{"reason"})
	webhooks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sourceloop_collect_webhooks_total", Help: "Webhook deliveries, by provider and what became of them.",
	}, []string{"provider", "outcome"})
	latency := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sourceloop_collect_seconds", Help: "Time from reading a request to its answer.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"route"})
	plain := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sourceloop_collect_plain_requests_total", Help: "Requests for hits that were answered in front of the HTTP server.",
	})
	reg.MustRegister(accepted, plain, items, dropped, requests, webhooks, latency)
	m := &metrics{
		accepted: accepted, plain: plain, items: map[code]prometheus.Counter{}, requests: map[code]prometheus.Counter{},
		hits: latency.WithLabelValues("hits"), webhooks: webhooks, hooks: latency.WithLabelValues("webhooks"),
	}
	for _, c := range itemCodes() {
		m.items[c] = items.WithLabelValues(string(c))
	}
	for f := range adFields {
		m.dropped[f] = dropped.WithLabelValues(f.name())
	}
	for _, c := range requestCodes() {
		m.requests[c] = requests.WithLabelValues(string(c))
	}
	return m
}

func since(o prometheus.Observer, from, to time.Time) { o.Observe(to.Sub(from).Seconds()) }
