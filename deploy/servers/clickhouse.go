package servers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"sync"
	"syscall"

	"sourceloop/deploy/embedded"
	"sourceloop/deploy/ports"
)

// ClickHouseConfig says how to run a ClickHouse as a server that is not ours.
// Nothing is needed in a program that hands embedded.ChildCommand to
// embedded.ChildMain, as sourceloop does.
type ClickHouseConfig struct {
	Dir    string          // Folder of its own; a fresh temporary one when empty.
	Engine embedded.Engine // What to run; what embedded.FindEngine finds when zero.

	// Executable and Args start the child, as in embedded.ClickHouseConfig.
	Executable string
	Args       []string

	MaxMemory int64 // Bytes it may use; 2 GiB when 0.
}

// ClickHouse is one ClickHouse server. Its user has the same password in every
// run. Its methods are those of a Process; it is none, since package embedded
// starts it.
type ClickHouse struct {
	Addr     string // host:port of the native protocol
	HTTPAddr string // host:port of the HTTP interface
	config   embedded.ClickHouseConfig
	folder   *folder
	words    io.Closer

	mu  sync.Mutex
	run *embedded.ClickHouse // nil while it is not running
}

// StartClickHouse starts a ClickHouse, which takes a second or two.
func StartClickHouse(ctx context.Context, config ClickHouseConfig) (*ClickHouse, error) {
	if config.Engine == (embedded.Engine{}) {
		engine, err := embedded.FindEngine()
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", err, ErrMissing)
		}
		config.Engine = engine
	}
	free, err := ports.Free(2)
	if err != nil {
		return nil, err
	}
	folder, err := newFolder(config.Dir, "clickhouse")
	if err != nil {
		return nil, err
	}
	if config.MaxMemory == 0 {
		config.MaxMemory = 2 << 30
	}
	words, err := os.OpenFile(folder.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot keep what clickhouse says: %w", err), folder.remove())
	}
	c := &ClickHouse{Addr: address(free[0]), HTTPAddr: address(free[1]), folder: folder, config: embedded.ClickHouseConfig{
		Dir: folder.path, TCPPort: free[0], HTTPPort: free[1], Password: rand.Text(), MaxMemory: config.MaxMemory,
		Engine: config.Engine, Executable: config.Executable, Args: config.Args, Output: words,
		StartTimeout: startPatience, StopTimeout: stopPatience,
	}, words: words}
	if err := c.Start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Name is clickhouse.
func (c *ClickHouse) Name() string { return "clickhouse" }

// Dir is the folder that holds its data.
func (c *ClickHouse) Dir() string { return c.folder.path }

// DSN is the address of a database on it, which need not be there yet.
func (c *ClickHouse) DSN(database string) string {
	u := url.URL{Scheme: "clickhouse", Host: c.Addr, Path: "/" + database, User: url.UserPassword(embedded.WriterUser, c.config.Password)}
	return u.String()
}

// Pid is the process id, or 0 while it is not running.
func (c *ClickHouse) Pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running() {
		return 0
	}
	return c.run.Pid()
}

// running needs the lock.
func (c *ClickHouse) running() bool {
	if c.run == nil {
		return false
	}
	select {
	case <-c.run.Done():
		return false
	default:
		return true
	}
}

// Words are how it ended, when it ended by itself.
func (c *ClickHouse) Words() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == nil || c.run.Err() == nil {
		return ""
	}
	return c.run.Err().Error()
}

// Start starts it on its ports and its folder and returns when it answers.
// Started already, it stays.
func (c *ClickHouse) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running() {
		return nil
	}
	run, err := embedded.StartClickHouse(ctx, c.config)
	if err != nil {
		return err
	}
	c.run = run
	return nil
}

// Stop ends it cleanly and waits until it has ended.
func (c *ClickHouse) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running() {
		return nil
	}
	return errors.Join(c.send(syscall.SIGCONT), c.run.Close())
}

// Kill ends it as a crash does, and waits until it has ended.
func (c *ClickHouse) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running() {
		return nil
	}
	err := c.send(syscall.SIGKILL)
	if err == nil {
		<-c.run.Done()
	}
	return err
}

// Pause stops its clock: it takes connections and answers nothing.
func (c *ClickHouse) Pause() error {
	return c.signal(func(pid int) error { return pause(family(pid)) })
}

// Resume lets it go on.
func (c *ClickHouse) Resume() error {
	return c.signal(func(int) error { return c.send(syscall.SIGCONT) })
}

func (c *ClickHouse) signal(send func(pid int) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running() {
		return errors.New("cannot pause or resume clickhouse: it is not running")
	}
	return send(c.run.Pid())
}

// send reaches the whole process group: with a server's binary the child has a
// child of its own.
func (c *ClickHouse) send(signal syscall.Signal) error { return signalAll([]int{-c.run.Pid()}, signal) }

// Close stops it and removes the folder that was made for it.
func (c *ClickHouse) Close() error {
	return errors.Join(c.Stop(), c.words.Close(), c.folder.remove())
}
