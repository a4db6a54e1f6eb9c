package embeddedtest_test

import (
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/deploy/embedded/embeddedtest"
)

// Two tests of one binary share an engine and see nothing of each other.
func TestClickHouseGivesEachTestADatabaseOfItsOwn(t *testing.T) {
	names := map[string]bool{}
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			db := embeddedtest.ClickHouse(t)
			conn, err := clickhouse.Open(db.Options())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.Exec(t.Context(), "CREATE TABLE hits (id UInt64) ENGINE = MergeTree ORDER BY id"); err != nil {
				t.Fatal(err)
			}
			var database string
			var tables uint64
			row := conn.QueryRow(t.Context(), "SELECT currentDatabase(), count() FROM system.tables WHERE database = currentDatabase()")
			if err := row.Scan(&database, &tables); err != nil {
				t.Fatal(err)
			}
			if database != db.Name || tables != 1 || names[database] {
				t.Errorf("database %q with %d tables, want %q, new, with 1", database, tables, db.Name)
			}
			names[database] = true
		})
	}
}
