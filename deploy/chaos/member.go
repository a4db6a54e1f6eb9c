package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sourceloop/deploy/chaos/failpoint"
	"sourceloop/deploy/servers"
)

// Member is one process of the product, which is started again whenever it has
// ended.
type member struct {
	*servers.Process
	name, role string
	addr       string // where it listens
	log        *slog.Logger
	tally      *tally
	points     *points
	up         atomic.Bool // it has answered, and was not seen to have ended

	mu      sync.Mutex
	handled float64 // records since its start, as it said last
	armed   string  // the failpoint it was started with
	pid     int
	killed  bool // by us
}

// newMember makes a process that is not started yet.
func newMember(c *cluster, role string, number int) (*member, error) {
	m := &member{
		name: fmt.Sprintf("%s-%d", role, number), role: role, addr: c.ports.next(),
		log: c.log, tally: c.tally, points: c.points,
	}
	arguments := []string{"serve", "--roles", role, "--listen", m.addr, "--data", filepath.Join(c.dir, m.name, "data")}
	return m, m.prepare(c, "/healthz", arguments)
}

func (m *member) prepare(c *cluster, probe string, arguments []string) (err error) {
	environment := c.environment()
	m.Process, err = servers.NewProgram(servers.ProgramConfig{
		Name: m.name, Dir: filepath.Join(c.dir, m.name),
		Command: func() *exec.Cmd {
			cmd := exec.Command(c.config.Binary, arguments...)
			cmd.Env = append(environment[:len(environment):len(environment)], m.arm(c.points)...)
			return cmd
		},
		Ready: func(ctx context.Context) error { return answers(ctx, "http://"+m.addr+probe) },
	})
	return err
}

// arm gives the next life of the process a failpoint.
func (m *member) arm(p *points) []string {
	spec := p.draw(m.role)
	m.mu.Lock()
	m.armed, m.handled, m.killed = spec, 0, false
	m.mu.Unlock()
	if spec == "" {
		return nil
	}
	return []string{failpoint.Variable + "=" + spec, failpoint.LogVariable + "=" + p.file}
}

// look is how often a member is asked what it did.
const look = 500 * time.Millisecond

// supervise starts the process whenever it is not running, until the context
// ends. It lets one that stopped itself go on, after a while.
func (m *member) supervise(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		if err := m.Start(ctx); err != nil {
			if ctx.Err() == nil {
				m.log.Warn("did not start; trying again", "process", m.name, "err", firstLine(err))
				_ = pause(ctx, time.Second) // The loop sees that the context has ended.
			}
			continue
		}
		m.begin()
		m.watch(ctx, random)
		m.up.Store(false)
		_ = pause(ctx, time.Duration(random.Int64N(int64(time.Second))))
	}
}

// begin notes that the process runs.
func (m *member) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pid = m.Pid()
	m.log.Info("started", "process", m.name, "pid", m.pid, "failpoint", m.armed)
	m.up.Store(true)
}

// watch returns when the process has ended.
func (m *member) watch(ctx context.Context, random *rand.Rand) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pid := m.Pid()
		if pid == 0 {
			m.over(ctx)
			return
		}
		if m.points.stopped(pid) {
			wait := time.Duration(random.Int64N(int64(longestPause)))
			m.log.Info("stopped itself", "process", m.name, "for", wait.Round(time.Millisecond))
			_ = pause(ctx, wait) // Also at the end it must go on.
			if err := m.Resume(); err != nil {
				m.log.Warn("cannot let a process go on", "process", m.name, "err", err)
			}
			continue
		}
		if !m.Paused() {
			m.ask(ctx)
		}
	}
}

// ask reads how many records the process has handled.
func (m *member) ask(ctx context.Context) {
	handled, err := handledBy(ctx, m.addr)
	if err != nil {
		return // It is busy, or gone.
	}
	m.mu.Lock()
	more := handled - m.handled
	m.handled = handled
	m.mu.Unlock()
	m.tally.progress(m.role, more)
}

// kill ends the process as a crash does.
func (m *member) kill(ctx context.Context) error {
	counts := m.worth(ctx)
	m.mu.Lock()
	m.killed = true
	m.mu.Unlock()
	m.tally.kill(m.name, counts)
	return m.Kill()
}

// worth tells whether a kill would count.
func (m *member) worth(ctx context.Context) bool {
	if !m.Paused() {
		m.ask(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.handled > 0
}

// over counts an end that nobody but a failpoint caused.
func (m *member) over(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.killed || ctx.Err() != nil {
		return
	}
	if name := m.points.killer(m.pid); name != "" {
		m.log.Info("killed at a failpoint", "process", m.name, "failpoint", name, "handled", m.handled)
		m.tally.kill(m.name, m.handled > 0)
		return
	}
	m.log.Warn("ended by itself", "process", m.name)
	m.tally.end(m.name)
}

// words are everything the process ever said.
func (m *member) words() string { return filepath.Join(m.Dir(), "output.log") }

func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

func post(ctx context.Context, url, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

// settings is our environment without the product's own settings.
func settings() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SOURCELOOP_") {
			kept = append(kept, variable)
		}
	}
	return kept
}
