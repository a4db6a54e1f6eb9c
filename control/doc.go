// Package control is the settings database: who works with SourceLoop, in
// which workspaces, with which settings, and what each workspace is connected
// to.
//
// It is a relational database, SQLite in the data folder or PostgreSQL, with
// one text of SQL for both (folder sql, migrations in folder migrations).
//
// # Who reads it, and when
//
// What collects and processes hits never asks the database. It asks the
// Directory, an immutable snapshot in memory. Every write that concerns the
// snapshot adds a row to the table changes in its own transaction; every
// process looks at the highest number of that table four times a second and
// reads the snapshot anew when it grew, so that a change is in force
// everywhere within a second.
//
// # Secrets
//
// Passwords are kept as argon2id. Session tokens, API keys, sign-up links and
// OAuth states are random, and kept as their SHA-256. Tokens of providers are
// needed in the clear, so they are sealed (package seal) with the workspace,
// the provider and the connection as associated data; destroying one is
// deleting its row and, on SQLite, rewriting what held it.
//
// # Errors
//
// Every exported call returns a *schema.Error, whose kind says what the caller
// can do and whose text can be shown.
package control
