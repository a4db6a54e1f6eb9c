package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

//go:embed sql/loop_hits.sql
var loopTable string

// loopRows is how many rows the bare loop puts into one insert, and loopWait how long it waits for them.
const (
	loopRows = 50_000
	loopWait = 150 * time.Millisecond
)

// bareLoop is the baseline of the pipeline: franz-go polls, protobuf decodes, clickhouse-go inserts columns. No sessions,
// no identity, nothing that survives a crash but the hits themselves. It prints "ready", then after every insert how many
// hits are stored.
func bareLoop(ctx context.Context, c PartConfig) (err error) {
	options, err := clickhouse.ParseDSN(c.ClickHouse)
	if err != nil {
		return fmt.Errorf("cannot read ClickHouse's address: %w", err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return fmt.Errorf("cannot reach ClickHouse: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.Exec(ctx, loopTable); err != nil {
		return fmt.Errorf("cannot make the table: %w", err)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.Kafka), kgo.ConsumeTopics(schema.TopicHits),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return fmt.Errorf("cannot reach Kafka: %w", err)
	}
	defer client.Close()
	if err := errors.Join(client.Ping(ctx), conn.Ping(ctx)); err != nil {
		return fmt.Errorf("cannot start: %w", err)
	}
	if _, err := fmt.Fprintln(c.Out, "ready"); err != nil {
		return err
	}
	if err := runLoop(ctx, c, client, conn); err != nil && ctx.Err() == nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func runLoop(ctx context.Context, c PartConfig, client *kgo.Client, conn driver.Conn) error {
	var columns loopColumns
	for stored := 0; stored < c.Hits; {
		columns.reset()
		for due := time.Now().Add(loopWait); columns.rows() < min(loopRows, c.Hits-stored) && time.Now().Before(due); {
			waiting, cancel := context.WithDeadline(ctx, due)
			fetches := client.PollRecords(waiting, loopRows-columns.rows())
			cancel()
			if err := ctx.Err(); err != nil {
				return err
			}
			for _, r := range fetches.Records() {
				if err := columns.decode(r.Value); err != nil {
					return err
				}
			}
		}
		if columns.rows() == 0 {
			continue
		}
		if err := columns.insert(ctx, conn); err != nil {
			return err
		}
		stored += columns.rows()
		if _, err := fmt.Fprintln(c.Out, stored); err != nil {
			return err
		}
	}
	return nil
}

// loopColumns are the hits of one insert, column by column, used again and again.
type loopColumns struct {
	workspace                               []uint32
	id                                      []uuid.UUID
	at, received                            []time.Time
	kind                                    []int8
	bot                                     []bool
	shift                                   []int64
	visitor, url, referrer, title           []string
	name, properties                        []string
	email, phone, person, user              []string
	agent, tz, country, said, device, bname []string
	system, consent, fbp, fbc, liFatID      []string
}

func (c *loopColumns) rows() int { return len(c.id) }

func (c *loopColumns) reset() {
	c.workspace, c.id, c.at, c.received = c.workspace[:0], c.id[:0], c.at[:0], c.received[:0]
	c.kind, c.bot, c.shift = c.kind[:0], c.bot[:0], c.shift[:0]
	for _, column := range []*[]string{
		&c.visitor, &c.url, &c.referrer, &c.title, &c.name, &c.properties, &c.email, &c.phone, &c.person, &c.user,
		&c.agent, &c.tz, &c.country, &c.said, &c.device, &c.bname, &c.system,
		&c.consent, &c.fbp, &c.fbc, &c.liFatID,
	} {
		*column = (*column)[:0]
	}
}

func (c *loopColumns) decode(value []byte) error {
	var record schema.HitRecord
	if err := proto.Unmarshal(value, &record); err != nil {
		return fmt.Errorf("cannot read a record: %w", err)
	}
	h := record.GetHit()
	c.workspace = append(c.workspace, h.GetWorkspace())
	c.id = append(c.id, uuid.UUID(h.GetId()))
	c.at = append(c.at, time.UnixMilli(h.GetAt()))
	c.received = append(c.received, time.UnixMilli(h.GetReceived()))
	c.kind = append(c.kind, int8(h.GetType()))
	c.bot = append(c.bot, h.GetBot())
	c.shift = append(c.shift, h.GetClockShift())
	c.visitor = append(c.visitor, h.GetVisitor())
	c.url = append(c.url, h.GetUrl())
	c.referrer = append(c.referrer, h.GetReferrer())
	c.title = append(c.title, h.GetTitle())
	c.name = append(c.name, h.GetName())
	c.properties = append(c.properties, string(h.GetProperties()))
	c.email = append(c.email, h.GetTraits().GetEmail())
	c.phone = append(c.phone, h.GetTraits().GetPhone())
	c.person = append(c.person, h.GetTraits().GetName())
	c.user = append(c.user, h.GetTraits().GetUserId())
	c.agent = append(c.agent, h.GetUserAgent())
	c.tz = append(c.tz, h.GetTz())
	c.country = append(c.country, h.GetCountry())
	c.said = append(c.said, h.GetCountrySource())
	c.device = append(c.device, h.GetDevice())
	c.bname = append(c.bname, h.GetBrowser())
	c.system = append(c.system, h.GetOs())
	c.consent = append(c.consent, h.GetAdConsent())
	c.fbp = append(c.fbp, h.GetFbp())
	c.fbc = append(c.fbc, h.GetFbc())
	c.liFatID = append(c.liFatID, h.GetLiFatId())
	return nil
}

func (c *loopColumns) insert(ctx context.Context, conn driver.Conn) error {
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO hits")
	if err != nil {
		return fmt.Errorf("cannot insert: %w", err)
	}
	for i, column := range []any{
		c.workspace, c.id, c.visitor, c.at, c.received, c.kind, c.url, c.referrer, c.title, c.name, c.properties,
		c.email, c.phone, c.person, c.user, c.agent, c.tz, c.country, c.said, c.device, c.bname, c.system, c.bot, c.shift,
		c.consent, c.fbp, c.fbc, c.liFatID,
	} {
		if err := batch.Column(i).Append(column); err != nil {
			return errors.Join(fmt.Errorf("cannot fill a column: %w", err), batch.Abort())
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("cannot insert: %w", err)
	}
	return nil
}
