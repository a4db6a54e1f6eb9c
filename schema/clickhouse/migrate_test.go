package clickhouse_test

import (
	"errors"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/deploy/embedded/embeddedtest"
	migrations "sourceloop/schema/clickhouse"
)

// Migrating twice changes nothing; every table says what it is for.
func TestMigrate(t *testing.T) {
	db := embeddedtest.ClickHouse(t)
	for range 2 {
		if err := migrations.Migrate(t.Context(), db.Options(), db.Name); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := driver.Open(db.Options())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rows, err := conn.Query(t.Context(), "SELECT name, comment, sorting_key FROM system.tables WHERE database = {db:String} AND name != 'goose_db_version'",
		driver.Named("db", db.Name))
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string]string)
	for rows.Next() {
		var name, comment, key string
		if err := rows.Scan(&name, &comment, &key); err != nil {
			t.Fatal(err)
		}
		if comment == "" {
			t.Errorf("the table %s has no comment", name)
		}
		keys[name] = key
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for table, key := range map[string]string{
		"hits": "workspace, id", "sessions": "workspace, day, visitor, session", "claims": "workspace, id",
		"identities": "workspace, node", "contacts": "workspace, id", "conversion_facts": "workspace, id",
		"conversions": "workspace, at, id, version", "dead_letters": "topic, topic_partition, topic_offset, id",
	} {
		if keys[table] != key {
			t.Errorf("the table %s is sorted by %q, want %q", table, keys[table], key)
		}
	}
}

func TestDatabaseNames(t *testing.T) {
	for _, name := range []string{"", "a b", "1a", "a;DROP DATABASE b", "a.b", "ä"} {
		err := migrations.Migrate(t.Context(), &driver.Options{Addr: []string{"127.0.0.1:1"}}, name)
		if !errors.Is(err, migrations.ErrDatabaseName) {
			t.Errorf("%q: %v, want a refusal", name, err)
		}
	}
}
