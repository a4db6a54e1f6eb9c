package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrMissing says that a server's program is not on this machine. Errors that
// wrap it tell what brings it.
var ErrMissing = errors.New("not on this machine")

// A machine with too much to do takes long for everything.
const (
	// startPatience is the longest time to a server's first answer.
	startPatience = 5 * time.Minute
	// healPatience is how long a server that ends while it starts again is given
	// one more start: what a killed one left may hold its port or folder for a
	// moment.
	healPatience = time.Minute
	// stopPatience is how long a server may take to end when asked to.
	stopPatience = 2 * time.Minute

	readyPause = 50 * time.Millisecond
	tailSize   = 4 << 10
)

// spec says what a process is.
type spec struct {
	name    string
	folder  *folder
	command func() *exec.Cmd            // anew for every start
	ready   func(context.Context) error // nil when it answers
	stop    syscall.Signal
}

// Process is a server that can be started again and again. Its methods are safe
// for concurrent use; one waits for the other.
type Process struct {
	spec
	mu  sync.Mutex
	run *run // nil before the first start, and after an end that was asked for
	ran bool // it has answered once
}

// run is one life of a process.
type run struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, once done is closed
}

// Name is what the server is, for logs: kafka, redis, postgres, clickhouse.
func (p *Process) Name() string { return p.name }

// Dir is the folder that holds the server's data and, in output.log, its words.
func (p *Process) Dir() string { return p.folder.path }

// Pid is the process id, or 0 while it is not running.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil || p.run.over() {
		return 0
	}
	return p.run.cmd.Process.Pid
}

// Words are the last that the server said.
func (p *Process) Words() string { return p.folder.words() }

// Start starts the server on its port and its folder and returns when it
// answers. The context bounds the start only. Started already, it stays.
func (p *Process) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil && !p.run.over() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	heal := time.Now().Add(healPatience)
	for {
		err := p.launch(ctx)
		if err == nil {
			p.ran = true
			return nil
		}
		if p.run != nil && !p.run.over() {
			return errors.Join(err, p.end(syscall.SIGKILL))
		}
		if !p.ran || time.Now().After(heal) || wait(ctx, 4*readyPause) != nil {
			return err
		}
	}
}

// launch starts the process once and waits until it answers or has ended.
func (p *Process) launch(ctx context.Context) error {
	r, err := p.spawn()
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", p.name, err)
	}
	p.run = r
	for {
		err := p.ready(ctx)
		switch {
		case r.over():
			return fmt.Errorf("cannot start %s: it ended by itself (%w); its last words: %s", p.name, r.err, p.folder.words())
		case err == nil:
			return nil
		case wait(ctx, readyPause) != nil:
			return fmt.Errorf("cannot start %s: it does not answer in time: %w; its last words: %s", p.name, err, p.folder.words())
		}
	}
}

// spawn starts the process from a thread that stays until it has ended: a
// process that dies with its parent dies with the thread that made it.
func (p *Process) spawn() (*run, error) {
	output, err := os.OpenFile(p.folder.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	r := &run{cmd: p.command(), done: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = output, output
	r.cmd.SysProcAttr = childOf(r.cmd.SysProcAttr)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := r.cmd.Start()
		started <- err
		if err == nil {
			r.err = r.cmd.Wait()
			close(r.done)
		}
	}()
	return r, <-started
}

func (r *run) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Stop asks the server to end cleanly and waits until it has.
func (p *Process) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end(p.stop)
}

// Kill ends the server as a crash does, and waits until it has ended.
func (p *Process) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end(syscall.SIGKILL)
}

// end is nothing when the server is not running.
func (p *Process) end(signal syscall.Signal) error {
	if p.run == nil || p.run.over() {
		p.run = nil
		return nil
	}
	pid := p.run.cmd.Process.Pid
	// A paused process takes no signal but SIGKILL.
	err := errors.Join(signalAll(family(pid), syscall.SIGCONT), signalAll([]int{pid}, signal))
	if err != nil {
		return fmt.Errorf("cannot end %s: %w", p.name, err)
	}
	late := time.NewTimer(stopPatience)
	defer late.Stop()
	select {
	case <-p.run.done:
	case <-late.C:
		if err := signalAll([]int{pid}, syscall.SIGKILL); err != nil {
			return fmt.Errorf("cannot end %s: %w", p.name, err)
		}
		<-p.run.done
		p.run = nil
		return fmt.Errorf("cannot end %s cleanly: it was killed after %s; its last words: %s", p.name, stopPatience, p.folder.words())
	}
	p.run = nil
	return nil
}

// Pause stops the server's clock: it takes connections and answers nothing.
func (p *Process) Pause() error {
	return p.signal(func(pid int) error { return pause(family(pid)) })
}

// Paused tells whether the server is stopped, by Pause or by itself.
func (p *Process) Paused() bool {
	pid := p.Pid()
	return pid != 0 && stopped(pid)
}

// Resume lets a paused server go on.
func (p *Process) Resume() error {
	return p.signal(func(pid int) error { return signalAll(family(pid), syscall.SIGCONT) })
}

func (p *Process) signal(send func(pid int) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil || p.run.over() {
		return fmt.Errorf("cannot pause or resume %s: it is not running", p.name)
	}
	return send(p.run.cmd.Process.Pid)
}

// pause returns when the processes have stopped: the threads of one take a
// moment each.
func pause(pids []int) error {
	if err := signalAll(pids, syscall.SIGSTOP); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	for _, pid := range pids {
		for !stopped(pid) {
			if err := wait(ctx, time.Millisecond); err != nil {
				return fmt.Errorf("cannot pause process %d: %w", pid, err)
			}
		}
	}
	return nil
}

// Close stops the server and removes the folder that was made for it.
func (p *Process) Close() error { return errors.Join(p.Stop(), p.folder.remove()) }

func signalAll(pids []int, signal syscall.Signal) error {
	var all []error
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			all = append(all, fmt.Errorf("cannot send %s to process %d: %w", signal, pid, err))
		}
	}
	return errors.Join(all...)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// folder is where a server keeps what it has.
type folder struct {
	path string
	ours bool // made by us, and removed by us
}

// newFolder makes a fresh temporary folder when no path is given.
func newFolder(path, name string) (*folder, error) {
	if path != "" {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("cannot make the folder of %s: %w", name, err)
		}
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, fmt.Errorf("cannot make the folder of %s: %w", name, err)
		}
		return &folder{path: path}, nil
	}
	path, err := os.MkdirTemp("", "sourceloop-"+name+"-")
	if err != nil {
		return nil, fmt.Errorf("cannot make the folder of %s: %w", name, err)
	}
	return &folder{path: path, ours: true}, nil
}

func (f *folder) in(name string) string { return filepath.Join(f.path, name) }
func (f *folder) log() string           { return f.in("output.log") }

func (f *folder) remove() error {
	if !f.ours {
		return nil
	}
	return os.RemoveAll(f.path)
}

// words are the last that the server said.
func (f *folder) words() string {
	file, err := os.Open(f.log())
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > tailSize {
		if _, err := file.Seek(-tailSize, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}
