package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/schema"
)

//go:embed sql/account_ours.sql
var oursAccount string

//go:embed sql/account_loop.sql
var loopAccount string

// piping is a measurement of the pipeline: how fast what lies in Kafka becomes sessions and contacts in ClickHouse, against
// a bare loop that only stores the hits. Broker, Redis and ClickHouse are on the same cores for both.
type piping struct {
	host  *host
	hits  int
	kafka string
	admin *kadm.Client
	db    *database
	dir   string // settings
	turn  int    // which of turns it is
	turns int

	ours, loop []float64 // hits a second, by turn
	memory     [3]float64
	cpu        struct{ ours, loop, oursDatabase, loopDatabase time.Duration }
	account    account
}

// account is what one side made of the hits.
type account struct {
	hits, visitors            uint64
	times                     int64
	items, sessions, contacts uint64
}

func pipeline(ctx context.Context, h *host, report *Report) error {
	m, err := newPiping(ctx, h)
	if err != nil {
		return err
	}
	m.turns = (h.config.rounds() + 1) / 2 // Each takes longer than in other areas.
	for m.turn = range m.turns {
		if err := errors.Join(m.runLoop(ctx), m.runOurs(ctx)); err != nil {
			return err
		}
	}
	m.report(report)
	return insert(ctx, m.db, h.config, report)
}

func newPiping(ctx context.Context, h *host) (*piping, error) {
	m := &piping{host: h, hits: h.config.Hits}
	var err error
	if m.kafka, err = h.kafka("kafka"); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(m.kafka))
	if err != nil {
		return nil, fmt.Errorf("cannot reach Kafka: %w", err)
	}
	h.onClose(func() error { client.Close(); return nil })
	m.admin = kadm.NewClient(client)
	if m.db, err = h.database(ctx); err != nil {
		return nil, err
	}
	if m.dir, err = h.workspace(ctx, "settings"); err != nil {
		return nil, err
	}
	return m, m.fill(ctx)
}

// fill has the collector put the hits into Kafka, so that they are what the pipeline reads in production.
func (m *piping) fill(ctx context.Context) error {
	p, err := m.host.serve(ctx, m.dir, "collect", "SOURCELOOP_KAFKA="+m.kafka, "SOURCELOOP_CLICKHOUSE="+m.db.server.DSN("collector"))
	if err != nil {
		return err
	}
	traffic := newTraffic(2, time.Now(), 24*time.Hour)
	for left := m.hits; left > 0; {
		n := min(left, 200_000)
		if err := newSender(p.address, "202").send(ctx, batches(traffic.hits(n))); err != nil {
			return p.failure(err)
		}
		left -= n
	}
	return p.close()
}

// runOurs lets the pipeline read everything into a database of its own, with an empty Redis.
func (m *piping) runOurs(ctx context.Context) error {
	redis, address, err := m.host.part(PartRedis)
	if err != nil {
		return err
	}
	if err := m.rewind(ctx); err != nil {
		return err
	}
	leads, err := m.end(ctx, schema.TopicLeads)
	if err != nil {
		return err
	}
	name := "ours_" + strconv.Itoa(m.turn)
	p, err := m.host.serve(ctx, m.dir, "pipeline", "SOURCELOOP_KAFKA="+m.kafka, "SOURCELOOP_REDIS="+address,
		"SOURCELOOP_CLICKHOUSE="+m.db.server.DSN(name))
	if err != nil {
		return err
	}
	if err := m.costing(p.process, &m.cpu.ours, &m.cpu.oursDatabase, func() error { return m.watch(ctx, p, leads) }); err != nil {
		return err
	}
	if err := errors.Join(p.close(), redis.close()); err != nil {
		return err
	}
	return m.settle(ctx, name, oursAccount)
}

// rewind makes the pipeline begin with the first hit, and with no lead of a former turn.
func (m *piping) rewind(ctx context.Context) error {
	groups := m.host.config.Groups
	if _, err := m.admin.DeleteGroups(ctx, groups.Hits); err != nil {
		return fmt.Errorf("cannot rewind the pipeline: %w", err)
	}
	ends, err := m.admin.ListEndOffsets(ctx, schema.TopicLeads)
	if err != nil {
		return fmt.Errorf("cannot find the end of the leads: %w", err)
	}
	if _, err := m.admin.CommitOffsets(ctx, groups.Leads, ends.Offsets()); err != nil {
		return fmt.Errorf("cannot rewind the pipeline: %w", err)
	}
	return nil
}

// end is how many records a topic has.
func (m *piping) end(ctx context.Context, topic string) (int64, error) {
	ends, err := m.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("cannot find the end of a topic: %w", err)
	}
	var n int64
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n, nil
}

// watch measures from the moment at which the pipeline owns its partitions until every hit and every lead that came of
// them is done.
func (m *piping) watch(ctx context.Context, p *product, leads int64) error {
	const hits, stitched = `sourceloop_stage_records_total{stage="sessionize"}`, `sourceloop_stage_records_total{stage="stitch"}`
	err := until(ctx, "the pipeline to own its partitions", 10*time.Millisecond, func() (bool, error) {
		n, err := p.metric(ctx, `sourceloop_stage_partitions{stage="sessionize"}`)
		return n == schema.HitsPartitions, err
	})
	if err != nil {
		return err
	}
	begun := time.Now()
	wait := func() error { return nil }
	if m.turn == m.turns-1 {
		wait = p.profile(ctx, "pipeline")
	}
	done := time.Duration(0)
	err = until(ctx, "the pipeline to be through", 50*time.Millisecond, func() (bool, error) {
		n, err := p.metric(ctx, hits)
		for i, part := range []float64{0.25, 0.5, 1} {
			if m.memory[i] == 0 && n >= part*float64(m.hits) {
				m.memory[i] = p.memory()
			}
		}
		if err != nil || int(n) < m.hits {
			return false, err
		}
		end, err := m.end(ctx, schema.TopicLeads)
		if err != nil {
			return false, err
		}
		now := time.Since(begun)
		through, err := p.metric(ctx, stitched)
		done = now
		return int64(through) >= end-leads, err
	})
	m.ours = append(m.ours, float64(m.hits)/done.Seconds())
	return errors.Join(err, wait())
}

// runLoop lets the bare loop read everything into a database of its own.
func (m *piping) runLoop(ctx context.Context) error {
	name := "loop_" + strconv.Itoa(m.turn)
	if err := m.db.conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return fmt.Errorf("cannot make a database: %w", err)
	}
	p, _, err := m.host.part(PartLoop, "--kafka", m.kafka, "--clickhouse", m.db.server.DSN(name), "--hits", strconv.Itoa(m.hits))
	if err != nil {
		return err
	}
	begun := time.Now()
	err = m.costing(p, &m.cpu.loop, &m.cpu.loopDatabase, func() error {
		for stored := 0; stored < m.hits; {
			line, err := p.line()
			if err != nil {
				return err
			}
			if stored, err = strconv.Atoi(line); err != nil {
				return p.failure(err)
			}
		}
		return nil
	})
	m.loop = append(m.loop, float64(m.hits)/time.Since(begun).Seconds())
	if err := errors.Join(err, p.close()); err != nil {
		return err
	}
	return m.settle(ctx, name, loopAccount)
}

// costing adds up the processor time that a process and ClickHouse take for something.
func (m *piping) costing(p *process, own, database *time.Duration, do func() error) error {
	ownBefore, errOwn := p.cpu()
	databaseBefore, errDatabase := m.db.cpu()
	if err := errors.Join(errOwn, errDatabase, do()); err != nil {
		return err
	}
	ownAfter, errOwn := p.cpu()
	databaseAfter, errDatabase := m.db.cpu()
	*own += ownAfter - ownBefore
	*database += databaseAfter - databaseBefore
	return errors.Join(errOwn, errDatabase)
}

// settle compares what was made of the hits with the other side and the turns before, and deletes it.
func (m *piping) settle(ctx context.Context, database, query string) error {
	var a account
	into := []any{&a.hits, &a.visitors, &a.times}
	if query == oursAccount {
		into = append(into, &a.items, &a.sessions, &a.contacts)
	}
	conn, err := m.db.in(database)
	if err != nil {
		return err
	}
	if err := errors.Join(conn.QueryRow(ctx, query).Scan(into...), conn.Close()); err != nil {
		return fmt.Errorf("cannot count what was stored: %w", err)
	}
	switch {
	case a.hits != uint64(m.hits):
		return fmt.Errorf("cannot compare: %d hits were sent, %s has %d", m.hits, database, a.hits)
	case query == oursAccount && a.items != a.hits:
		return fmt.Errorf("cannot compare: %d hits were sent, and the sessions hold %d", m.hits, a.items)
	case m.account.hits != 0 && (a.visitors != m.account.visitors || a.times != m.account.times):
		return fmt.Errorf("cannot compare: %s has other hits than the other side", database)
	}
	if query == oursAccount || m.account.hits == 0 {
		m.account = a
	}
	if err := m.db.conn.Exec(ctx, "DROP DATABASE "+database+" SYNC"); err != nil {
		return fmt.Errorf("cannot drop a database: %w", err)
	}
	return nil
}

func (m *piping) report(r *Report) {
	r.add("pipeline, Kafka to sessions and contacts in ClickHouse, hits a second", median(m.ours), median(m.loop), 0.6)
	r.note("pipeline hits a second, broker and database included", median(m.ours))
	perMillion := func(d time.Duration) float64 { return d.Seconds() / float64(m.turns*m.hits) * 1e6 }
	r.note("processor seconds a million hits, pipeline", perMillion(m.cpu.ours))
	r.note("processor seconds a million hits, pipeline's ClickHouse", perMillion(m.cpu.oursDatabase))
	r.note("processor seconds a million hits, bare loop", perMillion(m.cpu.loop))
	r.note("processor seconds a million hits, bare loop's ClickHouse", perMillion(m.cpu.loopDatabase))
	r.note("pipeline memory MiB at a quarter", m.memory[0])
	r.note("pipeline memory MiB at a half", m.memory[1])
	r.note("pipeline memory MiB at the end", m.memory[2])
	r.note("pipeline hits", m.account.hits)
	r.note("pipeline visitors", m.account.visitors)
	r.note("pipeline sessions", m.account.sessions)
	r.note("pipeline contacts", m.account.contacts)
	r.note("redis", "embedded, in its own process")
	r.note("kafka", "embedded, in its own process, without fsync")
}
