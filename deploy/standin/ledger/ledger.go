package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // The "sqlite" driver of database/sql.
)

// errClosed answers writes that arrive after Close.
var errClosed = errors.New("the stand-in is closed")

// maxGroup bounds how many writes share one commit.
const maxGroup = 64

// Store is the SQLite file of a stand-in. Reads see what is committed; writes
// are queued to one goroutine, which commits as many as are waiting with one
// fsync. A write function therefore runs alone, and what it did is on disk
// when Write returns.
type Store struct {
	writer     *sql.DB
	reader     *sql.DB
	statements map[string]string
	jobs       chan job
	closing    chan struct{}
	closeOnce  sync.Once
	done       chan struct{}
}

type job struct {
	fn   func(*Session) error
	done chan error
}

// querier is what both pools and transactions offer.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Session runs the named statements on one connection.
type Session struct {
	ctx        context.Context
	on         querier
	statements map[string]string
}

// Open opens the file, creating it and its folder when they are not there.
// schema is run at every opening, so that it must be repeatable; statements
// are sections that begin with "-- name: x".
func Open(path, schema, statements string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("cannot create the stand-in's folder: %w", err)
	}
	named, err := parseStatements(statements)
	if err != nil {
		return nil, err
	}
	writer, err := openPool(path, 1)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot create the tables in %s: %w", path, err), writer.Close())
	}
	reader, err := openPool(path, 8)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	st := &Store{
		writer: writer, reader: reader, statements: named,
		jobs: make(chan job), closing: make(chan struct{}), done: make(chan struct{}),
	}
	go st.run()
	return st, nil
}

func openPool(path string, conns int) (*sql.DB, error) {
	pragmas := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)",
	}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas.Encode())
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	if err := db.Ping(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open %s: %w", path, err), db.Close())
	}
	return db, nil
}

// parseStatements reads sections that begin with "-- name: x".
func parseStatements(text string) (map[string]string, error) {
	statements := map[string]string{}
	for _, section := range strings.Split(text, "-- name: ")[1:] {
		name, body, found := strings.Cut(section, "\n")
		name, body = strings.TrimSpace(name), strings.TrimSpace(body)
		if !found || name == "" || body == "" {
			return nil, fmt.Errorf("cannot read the SQL statement %q: it has no body", name)
		}
		if _, twice := statements[name]; twice {
			return nil, fmt.Errorf("cannot read the SQL statement %q: it is there twice", name)
		}
		statements[name] = body
	}
	return statements, nil
}

// Read returns a session on committed data.
func (st *Store) Read(ctx context.Context) *Session {
	return &Session{ctx: ctx, on: st.reader, statements: st.statements}
}

// Write runs fn alone and returns once its changes are on disk, or undone
// because fn or the commit failed. Once fn has started, a cancelled context
// no longer stops it: the caller must learn what became of it.
func (st *Store) Write(ctx context.Context, fn func(*Session) error) error {
	j := job{fn: fn, done: make(chan error, 1)}
	select {
	case st.jobs <- j:
		return <-j.done
	case <-st.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (st *Store) run() {
	defer close(st.done)
	for {
		select {
		case first := <-st.jobs:
			st.commit(first)
		case <-st.closing:
			return
		}
	}
}

// commit runs first and the jobs that are waiting behind it in one transaction.
func (st *Store) commit(first job) {
	ctx := context.Background()
	tx, err := st.writer.BeginTx(ctx, nil)
	if err != nil {
		first.done <- fmt.Errorf("cannot begin a transaction: %w", err)
		return
	}
	s := &Session{ctx: ctx, on: tx, statements: st.statements}
	var succeeded []job
	next, more := first, true
	for n := 0; more; n++ {
		if err := s.savepoint(next.fn); err != nil {
			next.done <- err
		} else {
			succeeded = append(succeeded, next)
		}
		if n == maxGroup {
			break
		}
		next, more = st.waiting()
	}
	if err = tx.Commit(); err != nil {
		err = fmt.Errorf("cannot commit: %w", err)
	}
	for _, j := range succeeded {
		j.done <- err
	}
}

func (st *Store) waiting() (job, bool) {
	select {
	case j := <-st.jobs:
		return j, true
	default:
		return job{}, false
	}
}

// savepoint runs fn so that its failure undoes nothing but its own changes.
func (s *Session) savepoint(fn func(*Session) error) error {
	if _, err := s.on.ExecContext(s.ctx, "SAVEPOINT one"); err != nil {
		return fmt.Errorf("cannot begin a savepoint: %w", err)
	}
	ending, result := "RELEASE one", fn(s)
	if result != nil {
		ending = "ROLLBACK TO one; RELEASE one"
	}
	if _, err := s.on.ExecContext(s.ctx, ending); err != nil {
		return errors.Join(result, fmt.Errorf("cannot end a savepoint: %w", err))
	}
	return result
}

// Close waits for the running commit. It may be called twice.
func (st *Store) Close() error {
	st.closeOnce.Do(func() { close(st.closing) })
	<-st.done
	return errors.Join(st.reader.Close(), st.writer.Close())
}

func (s *Session) statement(name string) (string, error) {
	query, known := s.statements[name]
	if !known {
		return "", fmt.Errorf("cannot find the SQL statement %q", name)
	}
	return query, nil
}

// Exec returns the number of rows changed.
func (s *Session) Exec(name string, args ...any) (int64, error) {
	query, err := s.statement(name)
	if err != nil {
		return 0, err
	}
	result, err := s.on.ExecContext(s.ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("cannot run %s: %w", name, err)
	}
	return result.RowsAffected()
}

// Row reads one row into dest and says whether there was one.
func (s *Session) Row(name string, args []any, dest ...any) (bool, error) {
	query, err := s.statement(name)
	if err != nil {
		return false, err
	}
	err = s.on.QueryRowContext(s.ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot run %s: %w", name, err)
	}
	return true, nil
}

// Rows calls each for every row; scan reads the row's columns.
func (s *Session) Rows(name string, args []any, each func(scan func(dest ...any) error) error) error {
	query, err := s.statement(name)
	if err != nil {
		return err
	}
	rows, err := s.on.QueryContext(s.ctx, query, args...)
	if err != nil {
		return fmt.Errorf("cannot run %s: %w", name, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return fmt.Errorf("cannot run %s: %w", name, err)
		}
	}
	return rows.Err()
}
