package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What the collector is measured by.
const (
	connections    = 256     // browsers that send at the same time
	hitsPerRequest = 20      // as many as the tracker sends at most
	hitsPerCPU     = 250_000 // hits a second of processor time that 20 hits a request must reach
)

// collecting is a measurement of the collector: the processor time that requests cost it, acknowledged by Kafka.
type collecting struct {
	hits    int // of one round
	product *product
	echo    *process
	meter   *meter
	traffic *traffic
	last    bool // the last round, which is profiled

	one, many, idle *sender // one hit a request, 20 hits a request, to the handler that does nothing

	perCPU struct{ one, many, idle []float64 } // requests or hits a second of processor time, by round
	weight struct{ one, many weight }
}

func collect(ctx context.Context, h *host, report *Report) error {
	m, err := newCollecting(ctx, h)
	if err != nil {
		return err
	}
	if err := m.round(ctx, m.hits/2); err != nil { // Warms both up.
		return err
	}
	m.forget()
	for i := range h.config.rounds() {
		m.last = i == h.config.rounds()-1
		if err := m.round(ctx, m.hits); err != nil {
			return err
		}
	}
	m.report(report)
	return nil
}

func newCollecting(ctx context.Context, h *host) (*collecting, error) {
	m := &collecting{hits: h.config.Hits / h.config.rounds(), traffic: newTraffic(1, time.Now(), time.Hour)}
	kafka, err := h.kafka("kafka")
	if err != nil {
		return nil, err
	}
	db, err := h.database(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := h.workspace(ctx, "collector")
	if err != nil {
		return nil, err
	}
	m.product, err = h.serve(ctx, dir, "collect", "SOURCELOOP_KAFKA="+kafka, "SOURCELOOP_CLICKHOUSE="+db.server.DSN("sourceloop"))
	if err != nil {
		return nil, err
	}
	echo, address, err := h.part(PartEcho)
	if err != nil {
		return nil, err
	}
	m.echo = echo
	if m.meter, err = newMeter(kafka); err != nil {
		return nil, err
	}
	h.onClose(m.meter.close)
	m.one = newSender(m.product.address, "202")
	m.many = newSender(m.product.address, "202")
	m.idle = newSender(address, "204")
	return m, nil
}

// forget drops what was measured so far.
func (m *collecting) forget() {
	m.one.waits, m.many.waits, m.idle.waits = nil, nil, nil
	m.perCPU.one, m.perCPU.many, m.perCPU.idle = nil, nil, nil
	m.weight.one, m.weight.many = weight{}, weight{}
}

// round lets every side have its turn.
func (m *collecting) round(ctx context.Context, hits int) error {
	single := singles(m.traffic.hits(hits))
	batch := batches(m.traffic.visits(hits))
	for _, turn := range []struct {
		name     string
		who      *process
		sender   *sender
		requests [][]byte
		hits     int // in all requests, that must come to Kafka
		count    int // what a second of processor time is divided by
		into     *[]float64
		weight   *weight
	}{
		{"", m.echo, m.idle, single, 0, len(single), &m.perCPU.idle, &weight{}},
		{"collect-one", m.product.process, m.one, single, hits, len(single), &m.perCPU.one, &m.weight.one},
		{"collect-many", m.product.process, m.many, batch, hits, hits, &m.perCPU.many, &m.weight.many},
	} {
		wait := func() error { return nil }
		if m.last && turn.name != "" {
			wait = m.product.profile(ctx, turn.name)
		}
		spent, err := turn.sender.costing(ctx, turn.who, turn.requests)
		if err = errors.Join(err, wait()); err != nil {
			return err
		}
		*turn.into = append(*turn.into, float64(turn.count)/spent.Seconds())
		added, err := m.meter.weigh(ctx)
		if err != nil {
			return err
		}
		if added.hits != turn.hits {
			return fmt.Errorf("cannot compare: %d hits were acknowledged, and Kafka has %d", turn.hits, added.hits)
		}
		turn.weight.add(added)
	}
	return nil
}

// costing sends requests and gives the processor time that they cost a server.
func (s *sender) costing(ctx context.Context, who *process, requests [][]byte) (time.Duration, error) {
	before, err := who.cpu()
	if err != nil {
		return 0, err
	}
	if err := s.send(ctx, requests); err != nil {
		return 0, who.failure(err)
	}
	after, err := who.cpu()
	return max(after-before, clockTick), err
}

func (m *collecting) report(r *Report) {
	r.add("collector, one hit a request, requests per CPU second", median(m.perCPU.one), median(m.perCPU.idle), 0.75)
	r.add("collector, 20 hits a request, hits per CPU second", median(m.perCPU.many), hitsPerCPU, 1)
	r.note("collector, 20 hits a request: the baseline is the limit", hitsPerCPU)
	r.note("bytes a hit in Kafka, 20 hits a request (limit 60)", m.weight.many.perHit())
	r.note("bytes a hit in Kafka, one hit a request", m.weight.one.perHit())
	r.note("hits acknowledged", m.weight.one.hits+m.weight.many.hits)
	r.note("hits in Kafka", m.weight.one.hits+m.weight.many.hits)
	r.note("acknowledged after ms, one hit a request, p50", quantile(m.one.waits, 0.5))
	r.note("acknowledged after ms, one hit a request, p99", quantile(m.one.waits, 0.99))
	r.note("acknowledged after ms, 20 hits a request, p50", quantile(m.many.waits, 0.5))
	r.note("acknowledged after ms, 20 hits a request, p99", quantile(m.many.waits, 0.99))
	r.note("answered after ms, Echo, p50", quantile(m.idle.waits, 0.5))
	r.note("connections", connections)
	r.note("kafka", "embedded, in its own process, without fsync")
}
