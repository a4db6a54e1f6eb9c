package clickhouse_test

import (
	"errors"
	"io/fs"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sync/errgroup"

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

// Several processes that start at once all find the tables, and none of them
// stumbles over another.
func TestManyMigrateAtOnce(t *testing.T) {
	db := embeddedtest.ClickHouse(t)
	group, ctx := errgroup.WithContext(t.Context())
	for range 8 {
		group.Go(func() error { return migrations.Migrate(ctx, db.Options(), db.Name) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	conn, err := driver.Open(db.Options())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var versions, tables uint64
	row := conn.QueryRow(t.Context(), "SELECT uniqExact(version_id), (SELECT count() FROM system.tables WHERE database = currentDatabase() AND comment != '') FROM goose_db_version")
	if err := row.Scan(&versions, &tables); err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if int(versions) != len(files)+1 || tables < 8 {
		t.Errorf("%d versions of %d files were noted, and %d tables are there", versions-1, len(files), tables)
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
