package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience bounds every wait for another process.
const patience = 2 * time.Minute

// process is a program that takes part: the product, or one of our own parts.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
	stderr *tail
	ended  chan struct{}
	err    error // set before ended is closed
	ending sync.Once
}

// launch runs a program with these settings besides our own environment, from which those of the product are taken: they
// would lead it to somebody's data.
func launch(name, executable string, arguments, settings []string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(executable, arguments...), stderr: &tail{}, ended: make(chan struct{})}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SOURCELOOP_") || strings.HasPrefix(variable, "SOURCELOOP_LIBCHDB=") {
			p.cmd.Env = append(p.cmd.Env, variable)
		}
	}
	p.cmd.Env = append(p.cmd.Env, settings...)
	p.cmd.Stderr = p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us; we end the others in order.
	stdin, errIn := p.cmd.StdinPipe()
	stdout, errOut := p.cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		return nil, fmt.Errorf("cannot make the pipes of %s: %w", name, err)
	}
	p.stdin, p.stdout = stdin, bufio.NewReader(stdout)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// line reads the next line of what the process prints.
func (p *process) line() (string, error) {
	text, err := p.stdout.ReadString('\n')
	if err != nil {
		return "", p.failure(err)
	}
	return strings.TrimSpace(text), nil
}

// failure adds to an error what the process said last.
func (p *process) failure(err error) error {
	return fmt.Errorf("%s does not go on: %w; it said: %s", p.name, err, p.stderr)
}

// close asks the process to end: by the end of its input, and by a signal.
func (p *process) close() error {
	p.ending.Do(func() {
		_ = p.stdin.Close()                       // It may be gone already.
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // The same.
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-p.ended:
		case <-timer.C:
			_ = p.cmd.Process.Kill() // It had its time.
			<-p.ended
		}
	})
	if p.err != nil {
		return p.failure(p.err)
	}
	return nil
}

// clockTick is the unit of CPU time in /proc, 1/100 s on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpu is the processor time that the process took so far.
func (p *process) cpu() (time.Duration, error) { return cpuOf(p.cmd.Process.Pid) }

// cpuOf is the processor time that a process took so far, its system calls included.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("cannot read a process's processor time, which needs Linux: %w", err)
	}
	// pid (name) state …; a name may hold anything. User and system time are fields 14 and 15.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, errUser := strconv.ParseInt(fields[11], 10, 64)
	system, errSystem := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(errUser, errSystem); err != nil {
		return 0, fmt.Errorf("cannot read a process's processor time: %w", err)
	}
	return time.Duration(user+system) * clockTick, nil
}

// memory is the resident memory of the process in MiB.
func (p *process) memory() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return 0
	}
	return kib / 1024
}

// load is how many programs wanted a processor during the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}

// tail keeps the end of what a process writes.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4 << 10

// Write keeps what fits.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// String is the end of it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}

// until waits for a condition.
func until(ctx context.Context, what string, every time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot go on, waited in vain for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}
