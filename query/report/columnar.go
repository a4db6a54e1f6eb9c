package report

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	clickhouse "github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/schema/clickhouse/farewell"
)

// columnar reads whole columns, for statements that answer with very many
// rows: scanning them one by one would take longer than the server does.
type columnar struct {
	options *clickhouse.Options
	wait    time.Duration   // for the next packet
	idle    chan *ch.Client // connections that nobody uses
}

// idleColumns is how many connections are kept.
const idleColumns = 4

func newColumnar(options *clickhouse.Options, limit time.Duration) *columnar {
	// The server ends a statement that takes too long; its word for it is worth waiting for.
	return &columnar{options: options, wait: limit + 10*time.Second, idle: make(chan *ch.Client, idleColumns)}
}

// do asks a query, whose OnResult is called for every block.
func (c *columnar) do(ctx context.Context, q ch.Query) error {
	return c.with(ctx, func(ask asking) error { return ask(q) })
}

// asking asks a query by one connection.
type asking func(ch.Query) error

// with has queries asked by one connection, the one after the other. One that
// was idle may be dead, which is noticed by the first use of it: then a new one
// is tried.
func (c *columnar) with(ctx context.Context, ask func(asking) error) error {
	received := false
	by := func(client *ch.Client) error {
		return c.use(client, func() error {
			return ask(func(q ch.Query) error {
				each := q.OnResult
				q.OnResult = func(ctx context.Context, b proto.Block) error {
					received = true
					return each(ctx, b)
				}
				return answer(ctx, client, q)
			})
		})
	}
	select {
	case client := <-c.idle:
		err := by(client)
		if _, refused := ch.AsException(err); err == nil || refused || received || ctx.Err() != nil {
			return err
		}
	default:
	}
	client, err := c.dial(ctx)
	if err != nil {
		return err
	}
	return by(client)
}

// noticed is how long a question that is given up may take to end.
const noticed = time.Second

// answer asks a question, which ends soon when it is given up. The client looks for that whenever something comes; but nothing does when it was
// given up before it was sent.
func answer(ctx context.Context, client *ch.Client, q ch.Query) error {
	answered := make(chan struct{})
	defer close(answered)
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-answered:
		case <-time.After(noticed):
			_ = client.Close() // It is not used any more, and its question tells the error.
		}
	})
	defer stop()
	err := client.Do(ctx, q)
	if gone := ctx.Err(); gone != nil && err != nil && !errors.Is(err, gone) {
		return fmt.Errorf("%w: %w", gone, err) // The closed connection is what came of it, not the reason.
	}
	return err
}

// use gives the connection back only when all went well: what is left in one
// that failed is not known.
func (c *columnar) use(client *ch.Client, ask func() error) error {
	err := ask()
	if err == nil {
		select {
		case c.idle <- client:
			return nil
		default:
		}
	}
	if closed := client.Close(); err == nil && closed != nil && !errors.Is(closed, ch.ErrClosed) {
		return fmt.Errorf("cannot end a connection to ClickHouse: %w", closed)
	}
	return err
}

// dial takes the first address that answers.
func (c *columnar) dial(ctx context.Context) (*ch.Client, error) {
	var failed []error
	timeout := max(c.options.DialTimeout, 5*time.Second)
	for _, address := range c.options.Addr {
		client, err := ch.Dial(ctx, ch.Options{
			Dialer: c.dialer(timeout), Address: address, Database: c.options.Auth.Database, User: c.options.Auth.Username, Password: c.options.Auth.Password,
			ClientName: "sourceloop", TLS: c.options.TLS, DialTimeout: timeout, ReadTimeout: c.wait, HandshakeTimeout: c.wait,
		})
		if err == nil {
			return client, nil
		}
		failed = append(failed, fmt.Errorf("cannot connect to ClickHouse at %s: %w", address, err))
	}
	return nil, errors.Join(failed...)
}

// dialer makes connections; those behind TLS are the client's own.
func (c *columnar) dialer(timeout time.Duration) ch.Dialer {
	if c.options.TLS != nil {
		return nil
	}
	return farewell.Dialer{Dialer: net.Dialer{Timeout: timeout}}
}

func (c *columnar) close() error {
	var all []error
	for {
		select {
		case client := <-c.idle:
			all = append(all, client.Close())
		default:
			return errors.Join(all...)
		}
	}
}

// columns runs a named statement as query does, and calls read after every
// block that was read into the columns of result. tables go along with the statement.
func (s Scoped) columns(ctx context.Context, name string, data any, arguments map[string]any, result proto.Results, read func() error, tables ...ch.ExternalTable) error {
	q, err := s.columnQuery(name, data, arguments, result, read)
	if err != nil {
		return err
	}
	q.ExternalTables = tables
	return explain("read "+name, s.reader.columnar.do(ctx, q))
}

// columnQuery is a named statement with the workspace.
func (s Scoped) columnQuery(name string, data any, arguments map[string]any, result proto.Results, read func() error) (ch.Query, error) {
	var sql strings.Builder
	if err := s.reader.statements.ExecuteTemplate(&sql, name+".sql", data); err != nil {
		return ch.Query{}, fmt.Errorf("cannot build the statement %s: %w", name, err)
	}
	parameters := []proto.Parameter{{Key: "workspace", Value: parameter(s.workspace)}}
	for key, value := range arguments {
		parameters = append(parameters, proto.Parameter{Key: key, Value: parameter(value)})
	}
	var settings []ch.Setting
	for key, value := range s.reader.settings() {
		settings = append(settings, ch.Setting{Key: key, Value: fmt.Sprint(value), Important: true})
	}
	return ch.Query{
		Body: sql.String(), Parameters: parameters, Settings: settings, Result: result,
		OnResult: func(context.Context, proto.Block) error { return read() },
	}, nil
}

// parameter writes a number or a text as a statement's parameter travels: as
// ClickHouse's text form of the value, within quotes.
func parameter(value any) string {
	text := fmt.Sprint(value)
	if _, ok := value.(string); ok {
		text = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`).Replace(text)
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
