package control

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite"

	"sourceloop/control/seal"
	"sourceloop/schema"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed sql/*.sql
var statements embed.FS

// Options are what Open needs besides the address.
type Options struct {
	// Keys seal the tokens of providers. Required.
	Keys *seal.Ring
	// Poll is how often other processes' changes are looked for. Default 250 ms.
	Poll time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log receives what an operator should know. Default: discarded.
	Log *slog.Logger
}

// Store is the open settings database. It is safe for concurrent use.
type Store struct {
	write     *sql.DB // on SQLite one connection, since it has one writer
	read      *sql.DB // the same pool as write on PostgreSQL
	sqlite    bool
	text      map[string]string // statements by name
	keys      *seal.Ring
	now       func() time.Time
	log       *slog.Logger
	directory *Directory
	hashing   chan struct{} // bounds the memory that password hashes take

	seenMu sync.Mutex
	seen   map[int64]schema.Millis // connection → last_event_at as written
	used   map[int64]schema.Millis // API key → last_used_at as written

	stop    context.CancelFunc
	stopped chan struct{}
}

// Open connects to the database at dsn, brings its tables up to date, reads the
// Directory and keeps following changes until Close. dsn is "sqlite:<path>" or
// an address beginning with "postgres://" or "postgresql://".
func Open(ctx context.Context, dsn string, opts Options) (*Store, error) {
	const op = "open the settings database"
	if opts.Keys == nil {
		return nil, schema.E(op, schema.KindInvalid, "There is no key to seal tokens with. Set SOURCELOOP_KEYS, or let the data folder hold a key file.")
	}
	s := newStore(opts)
	if err := s.loadStatements(); err != nil {
		return nil, failed(op, err)
	}
	if err := s.connect(dsn); err != nil {
		return nil, unreachable(op, err)
	}
	var err error
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		err = s.migrateSQLite(ctx, path)
	} else {
		err = s.migrate(ctx)
	}
	if err == nil {
		err = s.directory.refresh(ctx)
	}
	if err != nil {
		return nil, unreachable(op, errors.Join(err, s.closePools()))
	}
	s.follow(opts.Poll)
	return s, nil
}

func newStore(opts Options) *Store {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		keys: opts.Keys, now: opts.Now, log: opts.Log, text: map[string]string{},
		hashing: make(chan struct{}, parallelHashes), seen: map[int64]schema.Millis{}, used: map[int64]schema.Millis{}, stopped: make(chan struct{}),
	}
	s.directory = &Directory{store: s}
	return s
}

// unreachable words a failure at start; the address may hold a password, so
// that it is not repeated.
func unreachable(op string, err error) error {
	e := schema.E(op, schema.KindUnavailable, "The settings database cannot be opened, so nothing was started. Check SOURCELOOP_DATABASE, that the database runs, and that the data folder can be written.")
	e.Err = err
	return e
}

// openPostgres has every statement planned for the values that it runs with. A
// plan that the server keeps for all values may be of when a table had a few rows,
// and then reads all of it when it has many.
func openPostgres(dsn string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET plan_cache_mode = force_custom_plan")
		return err
	})), nil
}

func (s *Store) connect(dsn string) error {
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		return s.connectSQLite(path)
	}
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		db, err := openPostgres(dsn)
		if err != nil {
			return errors.New("cannot read the address of the PostgreSQL database")
		}
		db.SetMaxOpenConns(8)
		db.SetConnMaxIdleTime(5 * time.Minute)
		s.write, s.read = db, db
		return nil
	}
	return errors.New(`cannot use the database's address: it must begin with "sqlite:" or "postgres://"`)
}

// connectSQLite opens one connection that writes and a few that only read.
// secure_delete overwrites what is deleted: tokens and webhook bodies must not
// survive in free pages.
func (s *Store) connectSQLite(path string) error {
	if path == "" {
		return errors.New(`cannot use the database's address: "sqlite:" must be followed by a path`)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the settings database: %w", err)
	}
	// The file is made here for its mode; SQLite gives its companions the same.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("cannot make the settings database: %w", err)
	}
	if err = f.Close(); err != nil {
		return fmt.Errorf("cannot make the settings database: %w", err)
	}
	s.sqlite = true
	if s.write, err = sql.Open("sqlite", sqliteAddress(path, false)); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", sqliteAddress(path, true)); err != nil {
		return errors.Join(err, s.write.Close())
	}
	s.read.SetMaxOpenConns(4)
	return nil
}

func sqliteAddress(path string, readOnly bool) string {
	q := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", "foreign_keys(ON)", "temp_store(MEMORY)",
	}}
	if readOnly {
		q.Set("_query_only", "true")
	} else {
		q.Set("_txlock", "immediate")
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// migrateSQLite keeps other processes out while it runs, by a lock on a file
// beside the database; PostgreSQL has advisory locks for that.
func (s *Store) migrateSQLite(ctx context.Context, path string) (err error) {
	lockFile := flock.New(path+".lock", flock.SetPermissions(0o600))
	if _, err = lockFile.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return fmt.Errorf("cannot lock the settings database: %w", err)
	}
	defer func() { err = errors.Join(err, lockFile.Close()) }()
	return s.migrate(ctx)
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithSlog(s.log)}
	if !s.sqlite {
		// Several processes may start at once.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return err
		}
		dialect, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, s.write, files, options...)
	if err != nil {
		return fmt.Errorf("cannot read the migrations: %w", err)
	}
	if _, err = provider.Up(ctx); err != nil {
		return fmt.Errorf("cannot migrate the settings database: %w", err)
	}
	return nil
}

// Directory is the snapshot that the hot path asks.
func (s *Store) Directory() *Directory { return s.directory }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.PingContext(ctx); err != nil {
		return failed("ask the settings database", err)
	}
	return nil
}

// Close stops following changes and closes the database. Calls under way end
// first or fail.
func (s *Store) Close() error {
	s.stop()
	<-s.stopped
	return s.closePools()
}

func (s *Store) closePools() error {
	if s.read == s.write {
		return s.write.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

// Now is the store's clock, by which its leases and limits run.
func (s *Store) Now() time.Time { return s.now() }

func (s *Store) clock() schema.Millis { return schema.MillisOf(s.now()) }
