package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"sourceloop/deploy/walk"
	"sourceloop/schema"
)

//go:embed sql/visible.sql
var visibleVisitors string

// What freshness is measured at, and by.
const (
	fullRate   = 20_000 // hits a second
	leastRate  = 1_250
	carried    = 0.95 // of the rate that was asked for, or it was too much
	caughtUp   = 2 * time.Second
	limitP50   = 150.0 // ms
	limitP99   = 500.0
	limitChat  = 1000.0
	probeEvery = 20 * time.Millisecond
	chatEvery  = 500 * time.Millisecond
	lookEvery  = 5 * time.Millisecond
)

// freshening is a measurement of how soon what was sent is answered: by a query for a hit's session, by the API for the
// contact and the journey of a chat. The product runs whole in one process, with ClickHouse beside it, while traffic goes on.
type freshening struct {
	host     *host
	product  *product
	intercom string // address of the stand-in
	conn     driver.Conn
	traffic  *traffic
	sent     atomic.Int64 // hits that were acknowledged, probes included
	chats    int          // so far: every one has a number of its own

	visible []float64 // ms from a hit's sending until its session is found
	known   []float64 // ms from a chat's webhook until the API has the contact with its journey
}

func freshness(ctx context.Context, h *host, report *Report) error {
	m, err := newFreshening(ctx, h)
	if err != nil {
		return err
	}
	rate := min(fullRate, h.config.Hits)
	for {
		ok, err := m.at(ctx, rate)
		if err != nil {
			return err
		}
		if ok || rate <= leastRate {
			break
		}
		rate = max(rate/2, leastRate)
		m.visible, m.known = nil, nil
	}
	if err := m.account(ctx); err != nil {
		return err
	}
	m.report(report, rate)
	return nil
}

func newFreshening(ctx context.Context, h *host) (*freshening, error) {
	m := &freshening{host: h, traffic: newTraffic(5, time.Now(), time.Minute)}
	db, err := h.database(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := h.workspace(ctx, "product")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if m.intercom, err = h.standin("http://" + address); err != nil {
		return nil, err
	}
	m.product, err = h.serveAt(ctx, address, dir, "collect,pipeline,query", "SOURCELOOP_CLICKHOUSE="+db.server.DSN("sourceloop"), "SOURCELOOP_NO_SYNC=true",
		"SOURCELOOP_INTERCOM_CLIENT_ID=bench", "SOURCELOOP_INTERCOM_CLIENT_SECRET="+standinSecret,
		"SOURCELOOP_INTERCOM_AUTHORIZE_URL="+m.intercom+"/oauth", "SOURCELOOP_INTERCOM_API_URL="+m.intercom, "SOURCELOOP_INTERCOM_INBOX_URL="+m.intercom)
	if err != nil {
		return nil, err
	}
	owner, err := walk.New(m.product.url)
	if err != nil {
		return nil, err
	}
	if err := owner.Connect(ctx, "intercom", ownerEmail, ownerPassword); err != nil {
		return nil, m.product.failure(err)
	}
	if m.conn, err = db.in("sourceloop"); err != nil {
		return nil, err
	}
	h.onClose(m.conn.Close)
	return m, nil
}

// at measures at one rate, and tells whether the machine carried it.
func (m *freshening) at(ctx context.Context, rate int) (ok bool, err error) {
	n := max(min(m.host.config.Hits, 20*rate), rate)
	requests := batches(m.traffic.hits(n))
	wait := m.product.profile(ctx, "freshness")
	traffic, stop := context.WithCancel(ctx)
	defer stop()
	group, inside := errgroup.WithContext(ctx)
	begun := time.Now()
	var took time.Duration
	s := newSender(m.product.address, "202")
	s.every = time.Second * hitsPerRequest / time.Duration(rate)
	group.Go(func() error {
		defer stop()
		err := s.send(inside, requests)
		took = time.Since(begun)
		return err
	})
	group.Go(func() error { return m.probe(inside, traffic) })
	group.Go(func() error { return m.chatting(inside, traffic) })
	if err := errors.Join(group.Wait(), wait()); err != nil {
		return false, m.product.failure(err)
	}
	m.sent.Add(int64(n))
	return m.drained(ctx, s.repeated.Load() == 0 && float64(n)/took.Seconds() >= carried*float64(rate))
}

// drained waits until everything sent is stored, and tells whether that was soon.
func (m *freshening) drained(ctx context.Context, ok bool) (bool, error) {
	begun := time.Now()
	err := until(ctx, "all hits to be stored", 20*time.Millisecond, func() (bool, error) {
		n, err := m.product.metric(ctx, `sourceloop_stage_records_total{stage="sessionize"}`)
		return int64(n) >= m.sent.Load(), err
	})
	return ok && time.Since(begun) < caughtUp, err
}

// account fails when not every hit is stored once, and in a session.
func (m *freshening) account(ctx context.Context) error {
	var a account
	if err := m.conn.QueryRow(ctx, oursAccount).Scan(&a.hits, &a.visitors, &a.times, &a.items, &a.sessions, &a.contacts); err != nil {
		return fmt.Errorf("cannot count what was stored: %w", err)
	}
	if sent := uint64(m.sent.Load()); a.hits != sent || a.items != sent {
		return fmt.Errorf("cannot compare: %d hits were acknowledged, %d are stored, %d of them in sessions", sent, a.hits, a.items)
	}
	return nil
}

// probe sends a hit of somebody new every now and then, and looks for its session.
func (m *freshening) probe(ctx, traffic context.Context) error {
	open := make(chan probe, 10_000)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { defer close(open); return m.sendProbes(ctx, traffic, open) })
	group.Go(func() error { return m.look(ctx, open) })
	return group.Wait()
}

// probe is a visitor whose first hit was sent.
type probe struct {
	visitor string
	sent    time.Time
}

func (m *freshening) sendProbes(ctx, traffic context.Context, open chan<- probe) error {
	probes := newTraffic(6+uint64(m.sent.Load()), time.Now(), time.Minute)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	s := newSender(m.product.address, "202")
	for first := true; first || traffic.Err() == nil; first = false {
		h := probes.fresh()
		p := probe{visitor: h.visitor, sent: time.Now()}
		if err := s.send(ctx, singles([]hit{h})); err != nil {
			return err
		}
		m.sent.Add(1)
		open <- p
		select {
		case <-tick.C:
		case <-traffic.Done():
		}
	}
	return nil
}

// look asks for the sessions of all probes that were not found yet, again and again.
func (m *freshening) look(ctx context.Context, open <-chan probe) error {
	waiting := map[string]time.Time{}
	return until(ctx, "the sessions of the probes", lookEvery, func() (bool, error) {
		done := false
		for more := true; more; {
			select {
			case p, ok := <-open:
				if more = ok; ok {
					waiting[p.visitor] = p.sent
				} else {
					done = true
				}
			default:
				more = false
			}
		}
		if len(waiting) == 0 {
			return done, nil
		}
		return false, m.find(ctx, waiting)
	})
}

func (m *freshening) find(ctx context.Context, waiting map[string]time.Time) error {
	visitors := make([]string, 0, len(waiting))
	for v := range waiting {
		visitors = append(visitors, v)
	}
	found, err := m.visibleOf(ctx, visitors)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, v := range found {
		m.visible = append(m.visible, milliseconds(now.Sub(waiting[v])))
		delete(waiting, v)
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (m *freshening) report(r *Report, rate int) {
	within := func(name string, limit float64, measured []float64, q float64) {
		ms := max(quantile(measured, q), 0.001)
		r.add(name, 1000/ms, 1000/limit, 1)
		r.note(name+", ms", ms)
	}
	within("freshness, hit sent to answered by a query, p50", limitP50, m.visible, 0.5)
	within("freshness, hit sent to answered by a query, p99", limitP99, m.visible, 0.99)
	within("freshness, webhook to contact with its journey, p99", limitChat, m.known, 0.99)
	r.note("freshness, rows are answers a second; the baseline is the limit", true)
	r.note("freshness, hits a second", rate)
	r.note("freshness, hits a second asked for", fullRate)
	r.note("freshness, probes", len(m.visible))
	r.note("freshness, chats", len(m.known))
	r.note("freshness, hits stored", m.sent.Load())
	r.note("freshness, webhook to contact with its journey, p50, ms", median(m.known))
	r.note("kafka", "embedded, in the product's process, without fsync")
}

// fresh is the first hit of somebody new, just now.
func (t *traffic) fresh() hit {
	t.known = t.known[:0]
	t.base, t.within = time.Now(), time.Millisecond
	h := t.visit()[0]
	h.at = schema.MillisOf(t.base)
	return h
}
