// Package ledger is what stand-ins keep and how: one SQLite file whose writes
// are on disk before they are answered for, the log of the requests that came
// in, without what is secret in them, and the faults that were asked for. List and
// Faults.Post are how its operator sees and asks.
//
// A stand-in owns its tables and statements. Requests and faults need the
// tables of Schema and the statements of Statements, which it puts before its
// own.
package ledger

import _ "embed" // The SQL below.

//go:embed sql/schema.sql
var schemaSQL string

//go:embed sql/statements.sql
var statementsSQL string

// Schema makes the tables that requests, faults and Once need.
func Schema() string { return schemaSQL }

// Statements are what requests, faults and Once run.
func Statements() string { return statementsSQL }

// Once returns the kept value of a name, keeping value when there is none.
func (s *Session) Once(name, value string) (string, error) {
	var kept string
	found, err := s.Row("meta_get", []any{name}, &kept)
	if err != nil || found {
		return kept, err
	}
	_, err = s.Exec("meta_put", name, value)
	return value, err
}
