package clickhouse

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"text/template"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// biViews holds one CREATE OR REPLACE VIEW each.
//
//go:embed bi/*.sql
var biViews embed.FS

// DetailsView is the one view with personal data, for whom that was granted.
const DetailsView = "contact_details"

// Views are those that BI tools read, in the database BIDatabase. Every one has
// a column workspace, by which rows are kept apart.
func Views() []string {
	return []string{"contacts", "sessions", "touchpoints", "conversations", "conversions", "channel_daily", "funnel_steps", DetailsView}
}

// BIDatabase is the database of the views on a database: bi beside sourceloop.
func BIDatabase(database string) string {
	if database == "sourceloop" {
		return "bi"
	}
	return database + "_bi"
}

// MigrateViews makes the views of BI tools as they are now. They run as whoever
// makes them, so that their users need no right to the tables. It may run in
// several processes at once.
func MigrateViews(ctx context.Context, options *driver.Options, database string) error {
	if !databaseName.MatchString(database) {
		return fmt.Errorf("cannot use the database %q: %w", database, ErrDatabaseName)
	}
	bi := BIDatabase(database)
	if err := createDatabase(ctx, options, bi); err != nil {
		return err
	}
	conn, err := driver.Open(within(options, database))
	if err != nil {
		return fmt.Errorf("cannot connect to ClickHouse: %w", err)
	}
	for _, view := range slices.Concat([]string{"conversions_now"}, Views()) {
		statement, err := viewStatement(view, database, bi)
		if err == nil {
			err = conn.Exec(ctx, statement)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("cannot make the view %s: %w", view, err), conn.Close())
		}
	}
	return conn.Close()
}

func viewStatement(view, database, bi string) (string, error) {
	t, err := template.New(view+".sql").ParseFS(biViews, "bi/"+view+".sql")
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct{ Database, BI string }{database, bi})
	return out.String(), err
}
