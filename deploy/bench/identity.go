package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stitch"
	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// How the identity map is asked.
const (
	stretch    = 5_000  // hits that a worker takes at once, as the pipeline's workers do
	deep       = 64     // GETs in one pipeline of the baseline
	mostGets   = 20_000 // hits for which the baseline asks one by one: it is slow
	components = 20_000 // people for the merges
)

// identifying is a measurement of the identity map: whose hits they are, against a GET for every hit.
type identifying struct {
	hits     []string // their visitors
	tag      string
	store    *state.Store
	registry *prometheus.Registry
	redis    *redis.Client

	ours, gets, pipelined []float64 // hits a second
	known                 int       // hits of identified visitors among the first mostGets
}

func identify(ctx context.Context, h *host, report *Report) error {
	m, err := newIdentifying(ctx, h)
	if err != nil {
		return err
	}
	for range h.config.rounds() {
		if err := m.round(ctx); err != nil {
			return err
		}
	}
	trips, err := m.roundTrips()
	if err != nil {
		return err
	}
	report.add("identity of hits, hits a second, against one GET a hit", median(m.ours), median(m.gets), 50)
	report.note("identity, hits a second", median(m.ours))
	report.note("identity, ratio to pipelined GET, 64 deep", median(m.ours)/median(m.pipelined))
	report.note("identity, round trips a hit (limit 0.1)", trips/float64(h.config.rounds()*len(m.hits)))
	report.note("identity, merges a second (at least 100000)", merges())
	report.note("identity, hits of identified visitors", m.known)
	report.note("redis", "embedded, in its own process")
	return nil
}

func newIdentifying(ctx context.Context, h *host) (*identifying, error) {
	_, address, err := h.part(PartRedis)
	if err != nil {
		return nil, err
	}
	m := &identifying{registry: prometheus.NewRegistry(), redis: redis.NewClient(&redis.Options{Addr: address, DisableIdentity: true})}
	h.onClose(m.redis.Close)
	m.store, err = state.Open(ctx, state.Config{Addrs: []string{address}, Log: slog.New(slog.DiscardHandler), Registerer: m.registry})
	if err != nil {
		return nil, err
	}
	h.onClose(m.store.Close)
	m.tag = "l" + strconv.Itoa(int(stream.Partition(schema.LeadKey(1), schema.LeadsPartitions)))
	for _, h := range newTraffic(4, time.Now(), time.Hour).hits(h.config.Hits) {
		m.hits = append(m.hits, h.visitor)
	}
	return m, m.fill(ctx)
}

// fill writes the identity map as stitch does: every third visitor is somebody.
func (m *identifying) fill(ctx context.Context) error {
	owner, err := m.store.Claim(ctx, m.tag, time.Now(), func(context.Context) (uint32, error) { return 0, nil })
	if err != nil {
		return err
	}
	if _, err := owner.Settle(ctx, 0); err != nil {
		return err
	}
	var pairs []state.Pair
	for i, visitor := range slices.Compact(slices.Sorted(slices.Values(m.hits))) {
		flag := "0"
		if i%3 == 0 {
			flag = "1"
		}
		pairs = append(pairs, state.Pair{Key: nodeKey(visitor), Value: []byte(flag + "email:person-" + strconv.Itoa(i) + "@mail.example")})
	}
	if err := owner.Save(ctx, 1, 1, pairs, nil); err != nil {
		return err
	}
	return owner.Warmed(ctx)
}

func nodeKey(visitor string) string {
	return "n:1/" + string(schema.NewNode(schema.NodeVisitor, visitor))
}

// round lets the three ways have their turn and compares their answers.
func (m *identifying) round(ctx context.Context) error {
	few := m.hits[:min(len(m.hits), mostGets)]
	var known [3]int
	for i, turn := range []struct {
		hits []string
		ask  func(context.Context, []string) (int, error)
		into *[]float64
	}{
		{few, m.byGet, &m.gets}, {few, m.byPipeline, &m.pipelined}, {m.hits, m.byStretch, &m.ours},
	} {
		begun := time.Now()
		n, err := turn.ask(ctx, turn.hits)
		if err != nil {
			return fmt.Errorf("cannot ask the identity map: %w", err)
		}
		*turn.into = append(*turn.into, float64(len(turn.hits))/time.Since(begun).Seconds())
		known[i] = n
	}
	if len(few) < len(m.hits) {
		n, err := m.byStretch(ctx, few)
		if err != nil {
			return err
		}
		known[2] = n
	}
	if known[0] != known[1] || known[0] != known[2] || known[0] == 0 {
		return fmt.Errorf("cannot compare: the three ways found %d hits of identified visitors", known)
	}
	m.known = known[0]
	return nil
}

// byStretch asks as the pipeline does: the visitors of a stretch at once, each once.
func (m *identifying) byStretch(ctx context.Context, hits []string) (known int, err error) {
	lookup := stitch.Lookup{State: m.store}
	for some := range slices.Chunk(hits, stretch) {
		count := make(map[string]int, len(some)/2)
		for _, visitor := range some {
			count[visitor]++
		}
		visitors := make([]string, 0, len(count))
		for visitor := range count {
			visitors = append(visitors, visitor)
		}
		have, err := lookup.HaveConversions(ctx, 1, visitors)
		if err != nil {
			return known, err
		}
		for _, visitor := range have {
			known += count[visitor]
		}
	}
	return known, nil
}

func (m *identifying) key(visitor string) string { return "{" + m.tag + "}:" + nodeKey(visitor) }

// byGet asks for every hit and waits for the answer.
func (m *identifying) byGet(ctx context.Context, hits []string) (known int, err error) {
	for _, visitor := range hits {
		value, err := m.redis.Get(ctx, m.key(visitor)).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return known, err
		}
		known += knownBy(value)
	}
	return known, nil
}

// byPipeline asks for every hit, many at a time.
func (m *identifying) byPipeline(ctx context.Context, hits []string) (known int, err error) {
	answers := make([]*redis.StringCmd, 0, deep)
	for some := range slices.Chunk(hits, deep) {
		answers = answers[:0]
		_, err := m.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, visitor := range some {
				answers = append(answers, p.Get(ctx, m.key(visitor)))
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) {
			return known, err
		}
		for _, a := range answers {
			known += knownBy(a.Val())
		}
	}
	return known, nil
}

func knownBy(value string) int {
	if value != "" && value[0] == '1' {
		return 1
	}
	return 0
}

// roundTrips is how often the pipeline's way has asked Redis so far, and the comparisons between.
func (m *identifying) roundTrips() (float64, error) {
	families, err := m.registry.Gather()
	if err != nil {
		return 0, fmt.Errorf("cannot count the round trips: %w", err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "op" && label.GetValue() == "get" {
					return float64(metric.GetHistogram().GetSampleCount()), nil
				}
			}
		}
	}
	return 0, errors.New("cannot count the round trips: the metric is gone")
}

// merges is how many joins of two nodes a second the fold of claims makes, component by component, as stitch asks for it:
// two browsers, an email, a phone and a chat contact that become one person.
func merges() float64 {
	people := make([][]*schema.Claim, components)
	joins := 0
	for i := range people {
		n := strconv.Itoa(i)
		browser, other := schema.NewNode(schema.NodeVisitor, "a"+n), schema.NewNode(schema.NodeVisitor, "b"+n)
		email, chat := schema.NewNode(schema.NodeEmail, "p"+n+"@mail.example"), schema.NewNode(schema.NodeIntercom, "c"+n)
		phone := schema.NewNode(schema.NodePhone, "+4930"+n)
		for j, nodes := range [][]schema.Node{{browser, chat}, {chat, email}, {other, email}, {email, phone}} {
			people[i] = append(people[i], schema.NewClaim(1, nodes, true, schema.Millis(1000*i+j), "evidence "+n+"/"+strconv.Itoa(j), "bench", ""))
		}
		joins += len(people[i])
	}
	begun := time.Now()
	for _, claims := range people {
		if r := identity.Resolve(1, claims); len(r.Contacts) != 1 {
			return 0
		}
	}
	return float64(joins) / time.Since(begun).Seconds()
}
