package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"sourceloop/schema"
)

// ErrFenced is returned when the partition has another owner.
var ErrFenced = errors.New("the partition has another owner")

// Config says where Redis is. Several addresses mean Redis Cluster.
type Config struct {
	Addrs      []string
	Username   string
	Password   string
	Log        *slog.Logger
	Registerer prometheus.Registerer
	Unsafe     Unsafe
}

// Unsafe switches mechanisms off, so that a test can see that each is needed.
// Nothing but tests may set it.
type Unsafe struct {
	NoEpochs   bool // anybody whose applied offset fits may write
	NoVersions bool // all rows get the same version
}

// Store is a connection to Redis, safe for concurrent use.
type Store struct {
	client    redis.UniversalClient
	log       *slog.Logger
	unsafe    Unsafe
	roundTrip *prometheus.HistogramVec
}

// Open connects and asks for an answer.
func Open(ctx context.Context, config Config) (*Store, error) {
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: config.Addrs, Username: config.Username, Password: config.Password,
		ClientName: "sourceloop", DisableIdentity: true, MaxRetries: 1,
		ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
	})
	s := &Store{client: client, log: config.Log, unsafe: config.Unsafe, roundTrip: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sourceloop_state_seconds", Help: "Time of one round trip to Redis, by operation.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
	}, []string{"op"})}
	config.Registerer.MustRegister(s.roundTrip)
	if err := s.Ping(ctx); err != nil {
		_ = client.Close()
		return nil, err
	}
	return s, nil
}

// Ping asks Redis for an answer.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("cannot reach Redis: %w", err)
	}
	return nil
}

// Close disconnects.
func (s *Store) Close() error { return s.client.Close() }

func (s *Store) observe(op string, start time.Time) {
	s.roundTrip.WithLabelValues(op).Observe(time.Since(start).Seconds())
}

// mgetChunk is the most keys of one MGET.
const mgetChunk = 1000

// Get reads values of a partition, nil where there is none. It may be called
// by anybody; only the owner may rely on what it reads.
func (s *Store) Get(ctx context.Context, tag string, keys []string) ([][]byte, error) {
	values := make([][]byte, 0, len(keys))
	for some := range slices.Chunk(keys, mgetChunk) {
		start := time.Now()
		got, err := s.client.MGet(ctx, full(tag, some)...).Result()
		s.observe("get", start)
		if err != nil {
			return nil, fmt.Errorf("cannot read %d values of %s: %w", len(some), tag, err)
		}
		values = append(values, bytesOf(got)...)
	}
	return values, nil
}

func bytesOf(got []any) [][]byte {
	values := make([][]byte, len(got))
	for i, v := range got {
		if text, ok := v.(string); ok {
			values[i] = []byte(text)
		}
	}
	return values
}

func full(tag string, keys []string) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = key(tag, k)
	}
	return names
}

func key(tag, k string) string { return "{" + tag + "}:" + k }

func ownerKey(tag string) string { return "{" + tag + "}" }

// claimScript takes an epoch, and answers nothing when there was none and the
// lowest safe one is not known yet (ARGV[2] is '0'). It tells the name of the
// server's run in which the values were saved last, and that of the present one.
// The embedded Redis, which has no second run, has no name either.
var claimScript = redis.NewScript(`
local last = redis.call('HGET', KEYS[1], 'epoch')
if not last and ARGV[2] == '0' then return {} end
local epoch = string.format('%.0f', math.max(tonumber(last or '0') + 1, tonumber(ARGV[1])))
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local before = redis.call('HGET', KEYS[1], 'run') or run
redis.call('HSET', KEYS[1], 'epoch', epoch)
return {epoch, redis.call('HGET', KEYS[1], 'applied') or '-1',
  redis.call('HGET', KEYS[1], 'progress') or '0', redis.call('HGET', KEYS[1], 'cold') or '1',
  before, run}
`)

// Claim takes a new epoch for a partition: higher than every one before, and
// at least now in unix seconds. When Redis knows nothing of the partition, or
// what it knows turns out to be old, floor is asked for the lowest epoch that
// is safe, since others may have written rows with higher ones. The claim must
// be confirmed by the broker and then be settled before it is used.
func (s *Store) Claim(ctx context.Context, tag string, now time.Time, floor func(context.Context) (uint32, error)) (*Owner, error) {
	lowest := uint32(now.Unix())
	fields, err := s.claim(ctx, tag, lowest, false)
	if err == nil && len(fields) == 0 {
		f, failed := floor(ctx)
		if failed != nil {
			return nil, fmt.Errorf("cannot find the highest epoch of %s: %w", tag, failed)
		}
		fields, err = s.claim(ctx, tag, max(lowest, f), true)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot claim %s: %w", tag, err)
	}
	return newOwner(s, tag, floor, fields)
}

func (s *Store) claim(ctx context.Context, tag string, lowest uint32, safe bool) ([]string, error) {
	start := time.Now()
	defer func() { s.observe("claim", start) }()
	return claimScript.Run(ctx, s.client, []string{ownerKey(tag)}, lowest, safe).StringSlice()
}

func newOwner(s *Store, tag string, floor func(context.Context) (uint32, error), fields []string) (*Owner, error) {
	var n [4]int64
	for i := range n {
		v, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("cannot read the owner of %s: %w", tag, err)
		}
		n[i] = v
	}
	return &Owner{
		store: s, tag: tag, floor: floor, epoch: uint32(n[0]), applied: max(n[1], 0),
		progress: schema.Millis(n[2]), cold: n[3] == 1, known: n[1] >= 0, saved: fields[4], server: fields[5],
	}, nil
}

// GetWarm reads values of a partition, as Get does, and tells whether they are
// all there are: false while the partition has lost values that were not
// brought back yet.
func (s *Store) GetWarm(ctx context.Context, tag string, keys []string) (values [][]byte, warm bool, err error) {
	for some := range slices.Chunk(keys, mgetChunk) {
		var owner, got *redis.SliceCmd
		start := time.Now()
		_, err := s.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
			owner = p.HMGet(ctx, ownerKey(tag), "applied", "cold")
			got = p.MGet(ctx, full(tag, some)...)
			return nil
		})
		s.observe("get", start)
		if err != nil {
			return nil, false, fmt.Errorf("cannot read %d values of %s: %w", len(some), tag, err)
		}
		if known := owner.Val(); known[0] == nil || known[1] != "0" {
			return nil, false, nil
		}
		values = append(values, bytesOf(got.Val())...)
	}
	return values, true, nil
}

// Forget deletes everything that Redis has of a partition, its owner included,
// as if Redis had been lost: whoever owns it is fenced, and the next owner
// starts cold.
func (s *Store) Forget(ctx context.Context, tag string) error {
	if err := s.client.Del(ctx, ownerKey(tag)).Err(); err != nil {
		return fmt.Errorf("cannot forget %s: %w", tag, err)
	}
	keys, err := s.stored(ctx, tag)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(keys, mgetChunk) {
		if err := s.client.Del(ctx, some...).Err(); err != nil {
			return fmt.Errorf("cannot forget %s: %w", tag, err)
		}
	}
	return nil
}

// stored finds the full names of a partition's values.
func (s *Store) stored(ctx context.Context, tag string) ([]string, error) {
	pattern := key(tag, "*")
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return scan(ctx, s.client, pattern)
	}
	var mu sync.Mutex
	var all []string
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error {
		keys, err := scan(ctx, c, pattern)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, keys...)
		return err
	})
	return all, err
}

func scan(ctx context.Context, c redis.Cmdable, pattern string) ([]string, error) {
	var all []string
	var cursor uint64
	for {
		keys, next, err := c.Scan(ctx, cursor, pattern, 1000).Result()
		if err != nil {
			return nil, fmt.Errorf("cannot look for old values: %w", err)
		}
		all = append(all, keys...)
		if cursor = next; cursor == 0 {
			return all, nil
		}
	}
}
