package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// ClickHouseConfig says how to run the embedded ClickHouse. Only Dir is needed.
type ClickHouseConfig struct {
	Dir      string // Folder of its own: configuration, data, lock.
	TCPPort  int    // Port of the native protocol on 127.0.0.1; 0 picks a free one.
	HTTPPort int    // Port of the HTTP interface on 127.0.0.1; 0 picks a free one.

	// Password of WriterUser; empty means a new one for every run, which guards against a server of another run on the same
	// port. A server that is started again under the same clients needs one that stays.
	Password string

	// Guests may read some tables beside the two users that there are, with settings of one of the Profiles. The engine knows
	// those that there are when it starts, and no others.
	Guests   []Guest
	Profiles []Profile

	MaxMemory int64 // Bytes the engine may use; 0 means 4 GiB.
	CacheSize int64 // Bytes of each of its caches of marks and primary keys; 0 means 128 MiB.

	Engine Engine // What to run; the zero value means what FindEngine finds.

	// Executable and Args start the child: a program that hands the arguments after Args to RunClickHouseChild. The
	// zero values mean this very binary with ChildCommand.
	Executable string
	Args       []string

	StartTimeout time.Duration // Longest time to the first answer; 0 means 2 minutes.
	StopTimeout  time.Duration // Longest time for a clean end before it is killed; 0 means 15 seconds.

	Log *slog.Logger // Nil logs nothing.

	// Output gets what the engine says: of a fatal error, also which queries ran then. Nil for nobody.
	Output io.Writer

	// RemoveDir makes the child delete Dir when it has ended, however this process ended. For tests.
	RemoveDir bool
}

// Guest is a user who reads some tables of one database, of each the rows that a filter lets through. Names are used as they
// are: letters, digits and underscores.
type Guest struct {
	Name         string
	PasswordHash string // SHA-256, hexadecimal.
	Profile      string
	Database     string
	Tables       []string // Those that the filter is for: all that the grants name.
	Filter       string   // A condition in SQL.
	Grants       []string // Statements without "TO".
}

// Profile is a set of settings.
type Profile struct {
	Name     string
	Settings []Setting
}

// Setting is one of them; Bound makes its value the most that a user may choose.
type Setting struct {
	Name  string
	Value int64
	Bound bool
}

const (
	defaultMaxMemory    = 4 << 30
	defaultCacheSize    = 128 << 20
	defaultStartTimeout = 2 * time.Minute
	defaultStopTimeout  = 15 * time.Second

	loopbackHost = "127.0.0.1"
	// retryPause is the time between two tries at a folder or a port that a former child still holds.
	retryPause = 100 * time.Millisecond
	// portPatience is how long a port that was asked for may be in use before that is an error: a former child whose
	// parent was killed needs a second or two to end.
	portPatience = 10 * time.Second
)

func (c ClickHouseConfig) withDefaults() (ClickHouseConfig, error) {
	var err error
	if c.Engine == (Engine{}) {
		if c.Engine, err = FindEngine(); err != nil {
			return c, err
		}
	}
	if c.Executable == "" {
		if c.Executable, err = os.Executable(); err != nil {
			return c, fmt.Errorf("cannot find this program's own file: %w", err)
		}
		c.Args = []string{ChildCommand}
	}
	c.MaxMemory = orElse(c.MaxMemory, defaultMaxMemory)
	c.CacheSize = orElse(c.CacheSize, defaultCacheSize)
	c.StartTimeout = orElse(c.StartTimeout, defaultStartTimeout)
	c.StopTimeout = orElse(c.StopTimeout, defaultStopTimeout)
	c.Log = orElse(c.Log, slog.New(slog.DiscardHandler))
	return c, nil
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// ClickHouse is a running engine in a child process. It ends when Close is called, or when this process ends in any way.
type ClickHouse struct {
	tcpAddr, httpAddr string
	credentials       credentials

	cmd     *exec.Cmd
	stdin   io.Closer // The child's reason to live.
	output  *tail
	release func()
	stop    time.Duration

	closing   chan struct{} // Closed when the end is wanted.
	closeOnce sync.Once
	done      chan struct{} // Closed when the child has ended and err is set.
	freed     chan struct{} // Closed after that, when the folder is free.
	freeOnce  sync.Once
	err       error
}

// StartClickHouse starts the engine on cfg.Dir and returns when it answers. A former child that still holds the folder,
// because its parent was killed a moment ago, is waited for. ctx bounds the start only.
func StartClickHouse(ctx context.Context, cfg ClickHouseConfig) (*ClickHouse, error) {
	ch, err := startClickHouse(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot start the embedded ClickHouse: %w", err)
	}
	return ch, nil
}

func startClickHouse(ctx context.Context, cfg ClickHouseConfig) (_ *ClickHouse, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	release, err := LockFolder(cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	l := layout{dir: cfg.Dir}
	for _, dir := range []string{l.data(), l.empty()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("cannot create its folder: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()
	return launchUntilUp(ctx, cfg, l, release)
}

// launchUntilUp repeats what another moment can heal: a folder that a dying child holds, a free port that was lost
// between choosing and listening.
func launchUntilUp(ctx context.Context, cfg ClickHouseConfig, l layout, release func()) (*ClickHouse, error) {
	impatient := time.Now().Add(portPatience)
	for {
		ch, err := launch(ctx, cfg, l)
		if err == nil {
			ch.release = release
			cfg.Log.Info("embedded ClickHouse is up", "engine", cfg.Engine.String(), "tcp", ch.tcpAddr, "http", ch.httpAddr)
			go ch.watch()
			return ch, nil
		}
		heals := errors.Is(err, errFolderHeld) || errors.Is(err, errPortInUse) && time.Now().Before(impatient)
		if !heals {
			return nil, err
		}
		cfg.Log.Info("embedded ClickHouse can't start yet, trying again", "reason", err.Error())
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(retryPause):
		}
	}
}

// launch starts one child and waits until it answers, or ends it.
func launch(ctx context.Context, cfg ClickHouseConfig, l layout) (*ClickHouse, error) {
	tcp, http, err := choosePorts(cfg.TCPPort, cfg.HTTPPort)
	if err != nil {
		return nil, err
	}
	ch := &ClickHouse{
		tcpAddr:     net.JoinHostPort(loopbackHost, strconv.Itoa(tcp)),
		httpAddr:    net.JoinHostPort(loopbackHost, strconv.Itoa(http)),
		credentials: newCredentials(cfg.Password),
		output:      newTail(16 << 10),
		stop:        cfg.StopTimeout,
		release:     func() {},
		closing:     make(chan struct{}),
		done:        make(chan struct{}),
		freed:       make(chan struct{}),
	}
	if err := ch.configuration(cfg, l, tcp, http).write(l); err != nil {
		return nil, err
	}
	if err := ch.start(cfg, l); err != nil {
		return nil, err
	}
	if err := ch.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, ch.Close())
	}
	return ch, nil
}

func (c *ClickHouse) configuration(cfg ClickHouseConfig, l layout, tcp, http int) configuration {
	level := "fatal" // The library's words come as its result; a log of queries could hold personal data.
	if cfg.Engine.Server != "" {
		level = "error"
	}
	return configuration{
		Data: l.data(), Users: l.users(), Host: loopbackHost, TCPPort: tcp, HTTPPort: http,
		MaxMemory: cfg.MaxMemory, Cache: cfg.CacheSize, LogLevel: level, Local: cfg.Engine.Server == "",
		Writer: WriterUser, WriterHash: sha256Hex(c.credentials.writer),
		Reader: ReaderUser, ReaderHash: sha256Hex(c.credentials.reader), Guests: cfg.Guests, Profiles: cfg.Profiles,
	}
}

// start makes the child process: in its own process group, so that a Ctrl-C in the terminal reaches the parent alone,
// which then ends things in order.
func (c *ClickHouse) start(cfg ClickHouseConfig, l layout) error {
	child := childArgs{library: cfg.Engine.Library, server: cfg.Engine.Server, config: l.config(), data: l.data(), fifo: standardInput}
	if cfg.RemoveDir {
		child.remove = cfg.Dir
	}
	c.cmd = exec.Command(cfg.Executable, append(append([]string{}, cfg.Args...), child.list()...)...)
	c.cmd.Dir = l.empty()
	c.cmd.Env = append(os.Environ(), "TZ=UTC")
	c.cmd.Stderr = c.output
	if cfg.Output != nil {
		c.cmd.Stderr = io.MultiWriter(c.output, cfg.Output)
	}
	c.cmd.WaitDelay = time.Second
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("cannot make the child's pipe: %w", err)
	}
	c.stdin = stdin
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("cannot start the child process %s: %w", cfg.Executable, err)
	}
	go c.wait()
	return nil
}

// wait ends with the child.
func (c *ClickHouse) wait() {
	err := c.cmd.Wait()
	select {
	case <-c.closing:
	default:
		c.err = childError(c.output.String(), err)
	}
	close(c.done)
}

// watch frees the folder when the child has ended by itself.
func (c *ClickHouse) watch() {
	<-c.done
	c.free()
}

func (c *ClickHouse) free() {
	c.freeOnce.Do(func() {
		c.release()
		close(c.freed)
	})
}

// Addr is the host:port of the native protocol.
func (c *ClickHouse) Addr() string { return c.tcpAddr }

// HTTPAddr is the host:port of the HTTP interface.
func (c *ClickHouse) HTTPAddr() string { return c.httpAddr }

// Password is the password of WriterUser in this run.
func (c *ClickHouse) Password() string { return c.credentials.writer }

// DSN is what clickhouse-go's ParseDSN takes to work on a database as WriterUser, over the native protocol with LZ4.
func (c *ClickHouse) DSN(database string) string {
	return c.dsn(WriterUser, c.credentials.writer, database)
}

// ReaderDSN is as DSN, for ReaderUser.
func (c *ClickHouse) ReaderDSN(database string) string {
	return c.dsn(ReaderUser, c.credentials.reader, database)
}

func (c *ClickHouse) dsn(user, password, database string) string {
	u := url.URL{
		Scheme: "clickhouse", Host: c.tcpAddr, Path: "/" + database,
		User: url.UserPassword(user, password), RawQuery: "compress=lz4",
	}
	return u.String()
}

// Pid is the process id of the child.
func (c *ClickHouse) Pid() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended and its folder is free, whether Close was called or it died.
func (c *ClickHouse) Done() <-chan struct{} { return c.freed }

// Err says why the child ended by itself: nil while it runs, and nil after Close.
func (c *ClickHouse) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Close ends the engine cleanly, and kills it when it has not ended after the time to stop. Close the clients first. It
// may be called more than once.
func (c *ClickHouse) Close() error {
	var err error
	c.closeOnce.Do(func() {
		close(c.closing)
		err = c.end()
		c.free()
	})
	return err
}

func (c *ClickHouse) end() error {
	if err := c.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("cannot end ClickHouse: %w", err)
	}
	select {
	case <-c.done:
		return nil
	case <-time.After(c.stop):
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("cannot kill ClickHouse, which did not end in %s: %w", c.stop, err)
	}
	<-c.done
	return fmt.Errorf("cannot end ClickHouse cleanly: it was killed after %s; what it had acknowledged is on disk", c.stop)
}
