package intercom

import (
	"context"
	_ "embed" // The SQL below.
	"path/filepath"

	"sourceloop/deploy/standin/chats"
	"sourceloop/deploy/standin/ledger"
)

//go:embed sql/schema.sql
var schemaSQL string

//go:embed sql/statements.sql
var statementsSQL string

// store is the ledger with this stand-in's tables and statements.
type store struct{ *ledger.Store }

// session is the ledger's, and knows what the stand-in keeps.
type session struct{ *ledger.Session }

// openStore opens the file in dir, creating both when they are not there.
func openStore(dir string) (store, error) {
	st, err := ledger.Open(filepath.Join(dir, "intercom.db"), ledger.Schema()+chats.Schema()+schemaSQL, ledger.Statements()+chats.Statements()+statementsSQL)
	return store{st}, err
}

// read returns a session on committed data.
func (st store) read(ctx context.Context) session { return session{st.Read(ctx)} }

// write runs fn alone; what it did is on disk when write returns.
func (st store) write(ctx context.Context, fn func(session) error) error {
	return st.Write(ctx, func(tx *ledger.Session) error { return fn(session{tx}) })
}
