package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema/clickhouse/farewell"
	"sourceloop/sinks"
)

// Sink writes to one ClickHouse database, reads back what the pipeline needs
// for a cold start, and has touches computed. It is safe for concurrent use.
type Sink struct {
	config  Config
	metrics *metrics
	conn    chdriver.Conn // reads and statements
	insert  *inserter     // owned by the joiner's goroutine
	join    *joiner
	close   func() error
	asked   sync.Map // names of tables → *shared[uint64]: their highest version

	attributeAtOnce, everybodyAtOnce, visitsAtOnce int
}

var _ sinks.Sink[*Batch] = (*Sink)(nil)

// New connects to ClickHouse, whose migrations must have run. It fails with
// KindUnavailable when no address answers.
func New(ctx context.Context, config Config) (*Sink, error) {
	config = config.withDefaults()
	if len(config.Addr) == 0 || config.Database == "" {
		return nil, errors.New("cannot make a ClickHouse sink: an address and a database must be configured")
	}
	m, err := newMetrics(config.Registerer)
	if err != nil {
		return nil, fmt.Errorf("cannot register the metrics of ClickHouse: %w", err)
	}
	conn, err := driver.Open(Options(config))
	if err != nil {
		return nil, fmt.Errorf("cannot use the ClickHouse configuration: %w", err)
	}
	s := &Sink{
		config: config, metrics: m, conn: conn, insert: newInserter(config, m),
		attributeAtOnce: attributeAtOnce, everybodyAtOnce: everybodyAtOnce, visitsAtOnce: visitsAtOnce,
	}
	if err := s.Connect(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s.join = newJoiner(config.Every, config.Rows, s.flush)
	s.close = sync.OnceValue(s.shutdown)
	return s, nil
}

// Options are how clickhouse-go reaches the configured database.
func Options(config Config) *driver.Options {
	return farewell.Options(&driver.Options{
		Addr:             config.Addr,
		Auth:             driver.Auth{Database: config.Database, Username: config.User, Password: config.Password},
		Compression:      &driver.Compression{Method: driver.CompressionLZ4},
		ConnOpenStrategy: driver.ConnOpenInOrder,
		DialTimeout:      5 * time.Second,
		ReadTimeout:      5 * time.Minute,
		Settings:         driver.Settings{"async_insert": 0},
	})
}

// Connect asks ClickHouse whether it is there.
func (s *Sink) Connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	return explain("connect to ClickHouse", s.conn.Ping(ctx))
}

// Write returns nil when all rows of the batch are stored. It is joined with
// other callers' writes; when one insert fails, all of them get its error and
// write again. The batch must not be changed until Write has returned.
func (s *Sink) Write(ctx context.Context, batch *Batch) error {
	if batch.Len() == 0 {
		return nil
	}
	return explain("write to ClickHouse", s.join.write(ctx, batch))
}

// flush runs in the joiner's goroutine. It follows no caller's context: the
// callers are many, and a batch half written helps none of them.
func (s *Sink) flush(batches []*Batch) error {
	s.metrics.joined.Observe(float64(len(batches)))
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Timeout)
	defer cancel()
	return s.insert.write(ctx, batches)
}

// Close ends the writes that have begun and the connections.
func (s *Sink) Close() error { return s.close() }

func (s *Sink) shutdown() error {
	s.join.close()
	return errors.Join(s.insert.close(), s.conn.Close())
}
