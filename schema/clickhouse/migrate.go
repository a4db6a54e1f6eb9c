package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"maps"
	"regexp"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"
)

// FS holds the migrations, one dated file each.
//
//go:embed *.sql
var FS embed.FS

// ErrDatabaseName is returned for a database whose name would have to be
// quoted.
var ErrDatabaseName = errors.New("the name of a ClickHouse database must be letters, digits and underscores and not begin with a digit")

var databaseName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Migrate creates the database where it is missing and brings its tables to
// the newest version. Options say how to reach the server; their database is
// ignored. It may run in several processes at once: every statement can be
// repeated.
func Migrate(ctx context.Context, options *driver.Options, database string) error {
	if !databaseName.MatchString(database) {
		return fmt.Errorf("cannot use the database %q: %w", database, ErrDatabaseName)
	}
	if err := createDatabase(ctx, options, database); err != nil {
		return err
	}
	db := driver.OpenDB(within(options, database))
	provider, err := goose.NewProvider(goose.DialectClickHouse, db, FS)
	if err != nil {
		_ = db.Close() // The provider would have closed it; nothing was written.
		return fmt.Errorf("cannot read the migrations of ClickHouse: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		_ = provider.Close() // The migration's own error is the one to tell.
		return fmt.Errorf("cannot migrate the ClickHouse database %s: %w", database, err)
	}
	if err := provider.Close(); err != nil {
		return fmt.Errorf("cannot close the connection of the migrations: %w", err)
	}
	return nil
}

func createDatabase(ctx context.Context, options *driver.Options, database string) error {
	conn, err := driver.Open(within(options, ""))
	if err != nil {
		return fmt.Errorf("cannot connect to ClickHouse: %w", err)
	}
	err = conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+database)
	if closed := conn.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("cannot create the ClickHouse database %s: %w", database, err)
	}
	return nil
}

// within copies options for another database. A version of a migration must
// be stored when goose is told so: asynchronous inserts are the default since
// 26.7.
func within(options *driver.Options, database string) *driver.Options {
	settings := maps.Clone(options.Settings)
	if settings == nil {
		settings = driver.Settings{}
	}
	settings["async_insert"] = 0
	return &driver.Options{
		Protocol: options.Protocol, TLS: options.TLS, Addr: options.Addr,
		Auth:        driver.Auth{Database: database, Username: options.Auth.Username, Password: options.Auth.Password},
		DialContext: options.DialContext, DialTimeout: options.DialTimeout, ReadTimeout: options.ReadTimeout,
		Compression: options.Compression, Settings: settings, Logger: options.Logger,
	}
}
