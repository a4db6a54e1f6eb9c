package chaos

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// ids are what was acknowledged or stored, by kind and id, and how often.
type ids map[string]int

// acknowledged reads load's log. Its lines are the ids' own names.
func acknowledged(file string) (ids, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read what was acknowledged: %w", err)
	}
	defer f.Close()
	all := make(ids)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		all[lines.Text()]++
	}
	return all, lines.Err()
}

// stored asks ClickHouse for every id it has, past the proxy.
func (c *cluster) stored(ctx context.Context) (ids, error) {
	options, err := clickhouse.ParseDSN(c.clickhouse.DSN(database))
	if err != nil {
		return nil, fmt.Errorf("cannot ask what is stored: %w", err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, fmt.Errorf("cannot ask what is stored: %w", err)
	}
	defer conn.Close()
	all := make(ids)
	for kind, question := range map[string]string{
		"hit ":          "SELECT toString(UUIDNumToString(id)), count() FROM hits FINAL GROUP BY id",
		"conversation ": "SELECT external_id, count() FROM conversion_facts FINAL WHERE NOT deleted GROUP BY external_id",
	} {
		rows, err := conn.Query(ctx, question)
		if err != nil {
			return nil, fmt.Errorf("cannot ask what is stored: %w", err)
		}
		for rows.Next() {
			var id string
			var times uint64
			if err := rows.Scan(&id, &times); err != nil {
				return nil, fmt.Errorf("cannot read what is stored: %w", err)
			}
			all[kind+id] += int(times)
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("cannot read what is stored: %w", err)
		}
	}
	return all, nil
}

// judge counts what of the acknowledged is stored, and what is stored twice.
func (r *Report) judge(acknowledged, stored ids) {
	r.Acknowledged = len(acknowledged)
	for id := range acknowledged {
		if stored[id] > 0 {
			r.Stored++
		} else {
			r.Lost = append(r.Lost, id)
		}
	}
	for id, times := range stored {
		if times > 1 {
			r.Twice = append(r.Twice, strings.Clone(id))
		}
	}
}
