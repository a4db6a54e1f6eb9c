package servers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	// PostgreSQL is spoken to directly to make databases.
	_ "github.com/jackc/pgx/v5/stdlib"

	"sourceloop/deploy/ports"
)

// PostgresConfig says how to run a PostgreSQL. Nothing is needed.
type PostgresConfig struct {
	Dir string // Folder of its own; a fresh temporary one when empty.
}

// Postgres is one PostgreSQL server. It survives a kill, not a loss of power:
// it does not fsync.
type Postgres struct {
	*Process
	Addr string // host:port
}

// StartPostgres starts PostgreSQL, on a new cluster where the folder has none. It
// refuses to run as root; then the user postgres runs it and owns the folder.
func StartPostgres(ctx context.Context, config PostgresConfig) (*Postgres, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	free, err := ports.Free(1)
	if err != nil {
		return nil, err
	}
	folder, err := newFolder(config.Dir, "postgres")
	if err != nil {
		return nil, err
	}
	run, err := runAsOther(folder.path)
	if err != nil {
		return nil, errors.Join(err, folder.remove())
	}
	data := folder.in("data")
	if err := initPostgres(data, filepath.Join(bin, "initdb"), run); err != nil {
		return nil, errors.Join(err, folder.remove())
	}
	p := &Postgres{Addr: address(free[0])}
	p.Process = &Process{spec: spec{
		// SIGTERM would wait for clients to go, SIGINT sends them away.
		name: "postgres", folder: folder, stop: syscall.SIGINT, ready: p.ping,
		command: func() *exec.Cmd {
			return run(filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(free[0]),
				"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "log_min_messages=error", "-c", "max_connections=200")
		},
	}}
	return started(ctx, p, p.Process)
}

func initPostgres(data, initdb string, run func(name string, args ...string) *exec.Cmd) error {
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		return nil
	}
	out, err := run(initdb, "-D", data, "-U", "sourceloop", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot make the data folder of postgres: %w: %s", err, out)
	}
	return nil
}

// DSN is the address of a database on it.
func (p *Postgres) DSN(database string) string {
	return "postgres://sourceloop@" + p.Addr + "/" + database + "?sslmode=disable"
}

// NewDatabase makes an empty database and gives its address.
func (p *Postgres) NewDatabase(ctx context.Context) (dsn string, err error) {
	admin, err := sql.Open("pgx", p.DSN("postgres"))
	if err != nil {
		return "", fmt.Errorf("cannot make a database: %w", err)
	}
	defer admin.Close()
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("cannot make a database: %w", err)
	}
	return p.DSN(name), nil
}

func (p *Postgres) ping(ctx context.Context) error {
	admin, err := sql.Open("pgx", p.DSN("postgres"))
	if err != nil {
		return err
	}
	defer admin.Close()
	ctx, cancel := context.WithTimeout(ctx, pingPatience)
	defer cancel()
	return admin.PingContext(ctx)
}

// findPostgres gives the folder of PostgreSQL's programs, which Debian does not
// put on the PATH.
func findPostgres() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(fmt.Errorf("cannot run PostgreSQL, it is %w; Debian's package postgresql brings it", ErrMissing), err)
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// runAsOther makes commands that run as the user postgres when this is root, in
// a folder that becomes theirs.
func runAsOther(dir string) (func(name string, args ...string) *exec.Cmd, error) {
	var credential *syscall.Credential
	if os.Geteuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			return nil, fmt.Errorf("cannot run PostgreSQL as root, and as nobody else: %w", err)
		}
		uid, err1 := strconv.ParseUint(account.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(err1, err2, os.Chown(dir, int(uid), int(gid))); err != nil {
			return nil, fmt.Errorf("cannot run PostgreSQL as the user postgres: %w", err)
		}
		credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: credential}
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir}
		return cmd
	}, nil
}
