package clickhouse

import (
	"context"
	"strings"

	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// AttributeAtOnce changes how many contacts are looked up at once, also when
// everybody is credited, and how many sessions one statement then takes.
func (s *Sink) AttributeAtOnce(contacts, visits int) {
	s.attributeAtOnce, s.everybodyAtOnce, s.visitsAtOnce = contacts, contacts, visits
}

// Before has something done before every statement that begins so and gives no
// rows, with what is bound in it.
func (s *Sink) Before(begins string, do func(bound map[string]any)) {
	s.conn = &interrupted{s.conn, begins, do}
}

type interrupted struct {
	chdriver.Conn
	begins string
	do     func(map[string]any)
}

func (c *interrupted) Exec(ctx context.Context, sql string, args ...any) error {
	text := sql
	for strings.HasPrefix(text, "--") {
		_, text, _ = strings.Cut(text, "\n")
	}
	if strings.HasPrefix(text, c.begins) {
		bound := make(map[string]any, len(args))
		for _, a := range args {
			if named, ok := a.(chdriver.NamedValue); ok {
				bound[named.Name] = named.Value
			}
		}
		c.do(bound)
	}
	return c.Conn.Exec(ctx, sql, args...)
}
