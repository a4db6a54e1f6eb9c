package deliver

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/control"
	"sourceloop/schema"
)

// metrics of sending, by platform.
type metrics struct {
	outcomes             *prometheus.CounterVec
	sent                 *prometheus.HistogramVec
	pending, due, oldest *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sourceloop_outbox_" + name, Help: help}, []string{"platform"})
	}
	m := &metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_pushes_total", Help: "Conversions that a platform gave a verdict of, by outcome.",
		}, []string{"platform", "outcome"}),
		sent: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sourceloop_push_seconds", Help: "From a conversion until a platform has it.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 11),
		}, []string{"platform"}),
		pending: gauge("pending_pushes", "Conversions that wait to be sent."),
		due:     gauge("due_pushes", "Conversions that are to be sent now."),
		oldest:  gauge("oldest_due_seconds", "For how long the oldest of those that are to be sent now has been due."),
	}
	reg.MustRegister(m.outcomes, m.sent, m.pending, m.due, m.oldest)
	return m
}

func (m *metrics) count(platform string, event *schema.Outgoing, r *control.PushResult, o schema.Outcome, now schema.Millis) {
	m.outcomes.WithLabelValues(platform, o.String()).Inc()
	if r.State == schema.PushSent {
		m.sent.WithLabelValues(platform).Observe(now.Sub(event.At).Seconds())
	}
}

// measure reads how large the outbox is.
func (s *Sender) measure(ctx context.Context) {
	sizes, err := s.deps.Queue.OutboxSizes(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.deps.Slog.Warn("cannot measure the outbox", "err", err)
		}
		return
	}
	for name := range s.deps.Channels {
		s.metrics.size(control.OutboxSize{Platform: name}, s.deps.now())
	}
	for _, size := range sizes {
		s.metrics.size(size, s.deps.now())
	}
}

func (m *metrics) size(size control.OutboxSize, now schema.Millis) {
	age := 0.0
	if size.Oldest > 0 {
		age = max(0, now.Sub(size.Oldest).Seconds())
	}
	m.pending.WithLabelValues(size.Platform).Set(float64(size.Pending))
	m.due.WithLabelValues(size.Platform).Set(float64(size.Due))
	m.oldest.WithLabelValues(size.Platform).Set(age)
}
