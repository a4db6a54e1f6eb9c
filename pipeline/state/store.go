package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
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
}

// Store is a connection to Redis, safe for concurrent use.
type Store struct {
	client    redis.UniversalClient
	log       *slog.Logger
	roundTrip *prometheus.HistogramVec
}

// Open connects and asks for an answer.
func Open(ctx context.Context, config Config) (*Store, error) {
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: config.Addrs, Username: config.Username, Password: config.Password,
		ClientName: "sourceloop", DisableIdentity: true, MaxRetries: 1,
		ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
	})
	s := &Store{client: client, log: config.Log, roundTrip: prometheus.NewHistogramVec(prometheus.HistogramOpts{
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
	full := make([]string, len(keys))
	for i, k := range keys {
		full[i] = key(tag, k)
	}
	for len(full) > 0 {
		n := min(len(full), mgetChunk)
		start := time.Now()
		got, err := s.client.MGet(ctx, full[:n]...).Result()
		s.observe("get", start)
		if err != nil {
			return nil, fmt.Errorf("cannot read %d values of %s: %w", n, tag, err)
		}
		for _, v := range got {
			text, ok := v.(string)
			if !ok {
				values = append(values, nil)
				continue
			}
			values = append(values, []byte(text))
		}
		full = full[n:]
	}
	return values, nil
}

func key(tag, k string) string { return "{" + tag + "}:" + k }

func ownerKey(tag string) string { return "{" + tag + "}" }

var claimScript = redis.NewScript(`
local last = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
local epoch = math.max(last + 1, tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch))
return {string.format('%.0f', epoch), redis.call('HGET', KEYS[1], 'applied') or '0',
  redis.call('HGET', KEYS[1], 'progress') or '0', redis.call('HGET', KEYS[1], 'cold') or '0'}
`)

// Claim takes a new epoch for a partition: higher than every one before, and
// at least now in unix seconds. When Redis knows nothing of the partition,
// floor is asked for the lowest epoch that is safe, since others may have
// written rows with higher ones. The claim must be confirmed by the broker and
// then be settled before it is used.
func (s *Store) Claim(ctx context.Context, tag string, now time.Time, floor func(context.Context) (uint32, error)) (*Owner, error) {
	known, err := s.client.HExists(ctx, ownerKey(tag), "epoch").Result()
	if err != nil {
		return nil, fmt.Errorf("cannot read the owner of %s: %w", tag, err)
	}
	lowest := uint32(now.Unix())
	if !known {
		f, err := floor(ctx)
		if err != nil {
			return nil, fmt.Errorf("cannot find the highest epoch of %s: %w", tag, err)
		}
		lowest = max(lowest, f)
	}
	start := time.Now()
	got, err := claimScript.Run(ctx, s.client, []string{ownerKey(tag)}, lowest).StringSlice()
	s.observe("claim", start)
	if err != nil {
		return nil, fmt.Errorf("cannot claim %s: %w", tag, err)
	}
	return newOwner(s, tag, known, got)
}

func newOwner(s *Store, tag string, known bool, fields []string) (*Owner, error) {
	var n [4]int64
	for i := range n {
		v, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("cannot read the owner of %s: %w", tag, err)
		}
		n[i] = v
	}
	return &Owner{
		store: s, tag: tag, epoch: uint32(n[0]), applied: n[1],
		progress: schema.Millis(n[2]), cold: n[3] == 1 || !known, known: known,
	}, nil
}

// Forget deletes everything that Redis has of a partition, its owner included,
// as if Redis had been lost: whoever owns it is fenced, and the next owner
// starts cold.
func (s *Store) Forget(ctx context.Context, tag string) error {
	if err := s.client.Del(ctx, ownerKey(tag)).Err(); err != nil {
		return fmt.Errorf("cannot forget %s: %w", tag, err)
	}
	return s.purge(ctx, tag)
}
