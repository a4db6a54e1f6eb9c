package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/ClickHouse/ch-go"

	"sourceloop/schema/clickhouse/farewell"
)

// block is one table's columns.
type block interface {
	fill(batches []*Batch)
	insert() *prepared
}

func (p *prepared) insert() *prepared { return p }

// inserter owns the column buffers and the one connection they are sent
// through. It belongs to the goroutine that flushes.
type inserter struct {
	config  Config
	metrics *metrics
	blocks  []block
	client  *ch.Client
}

func newInserter(config Config, m *metrics) *inserter {
	return &inserter{config: config, metrics: m, blocks: []block{
		newHitBlock(), newSessionBlock(), newClaimBlock(), newFactBlock(), newIdentityBlock(), newContactBlock(), newLateBlock(),
		newDeadBlock(),
	}}
}

// write makes one insert a table, in the tables' order.
func (w *inserter) write(ctx context.Context, batches []*Batch) error {
	for _, b := range w.blocks {
		b.fill(batches)
		p := b.insert()
		if p.rows() == 0 {
			continue
		}
		begun := time.Now()
		if err := w.send(ctx, p); err != nil {
			w.metrics.failures.WithLabelValues(p.table).Inc()
			return fmt.Errorf("cannot insert %d rows into %s: %w", p.rows(), p.table, err)
		}
		w.metrics.seconds.WithLabelValues(p.table).Observe(time.Since(begun).Seconds())
		w.metrics.rows.WithLabelValues(p.table).Add(float64(p.rows()))
	}
	return nil
}

// send inserts what the columns hold. A connection that failed in any way is
// given up: what the server has read of the block is not known.
func (w *inserter) send(ctx context.Context, p *prepared) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	err := w.client.Do(ctx, ch.Query{Body: p.into, Input: p.input})
	if err != nil {
		return errors.Join(err, w.close())
	}
	return nil
}

// connect keeps the open connection, or takes the first address that answers.
func (w *inserter) connect(ctx context.Context) error {
	if w.client != nil && !w.client.IsClosed() {
		return nil
	}
	var failed []error
	for _, address := range w.config.Addr {
		client, err := ch.Dial(ctx, w.options(address))
		if err == nil {
			w.client = client
			w.config.Log.Info("connected to ClickHouse", slog.String("address", address), slog.String("database", w.config.Database))
			return nil
		}
		failed = append(failed, fmt.Errorf("cannot connect to ClickHouse at %s: %w", address, err))
	}
	return errors.Join(failed...)
}

func (w *inserter) options(address string) ch.Options {
	return ch.Options{
		Address: address, Database: w.config.Database, User: w.config.User, Password: w.config.Password,
		ClientName: "sourceloop", Compression: ch.CompressionLZ4,
		Dialer: farewell.Dialer{Dialer: net.Dialer{Timeout: 5 * time.Second}}, DialTimeout: 5 * time.Second, HandshakeTimeout: w.config.Timeout, ReadTimeout: w.config.Timeout,
		Settings: []ch.Setting{
			// The answer must mean that the rows are stored; 26.7 defaults to asynchronous inserts.
			ch.SettingInt("async_insert", 0),
			// A repeated block is dropped by key and version; a block that happens to equal an older one must not be.
			ch.SettingInt("insert_deduplicate", 0),
			// Hits of many months at once are a late visitor, no mistake; refusing them would hold up everybody.
			ch.SettingInt("max_partitions_per_insert_block", 0),
			ch.SettingInt("throw_on_max_partitions_per_insert_block", 0),
		},
	}
}

func (w *inserter) close() error {
	if w.client == nil {
		return nil
	}
	client := w.client
	w.client = nil
	if err := client.Close(); err != nil && !errors.Is(err, ch.ErrClosed) {
		return fmt.Errorf("cannot close the connection to ClickHouse: %w", err)
	}
	return nil
}
