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
	s.Refuse(begins, func(bound map[string]any) error {
		do(bound)
		return nil
	})
}

// Refuse is Before in which such a statement may fail.
func (s *Sink) Refuse(begins string, do func(bound map[string]any) error) {
	s.conn = &interrupted{s.conn, begins, do}
}

type interrupted struct {
	chdriver.Conn
	begins string
	do     func(map[string]any) error
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
		if err := c.do(bound); err != nil {
			return err
		}
	}
	return c.Conn.Exec(ctx, sql, args...)
}
