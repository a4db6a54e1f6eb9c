package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Report is what came out.
type Report struct {
	Seed         uint64
	Kills        int            // of processes that had handled a record since their start
	By           map[string]int // these, by process
	Idle         int            // other kills
	Ends         map[string]int // processes that ended by themselves
	Faults       map[string]int
	Unfired      []string // failpoints that never fired
	Acknowledged int
	Stored       int
	Lost         []string
	Twice        []string
	Panics       []string // what processes said that panicked
	Compared     string   // check's last line
}

// String is the last line.
func (r *Report) String() string {
	return fmt.Sprintf("kills %d, acknowledged %d, stored %d, lost %d, twice %d", r.Kills, r.Acknowledged, r.Stored, len(r.Lost), len(r.Twice))
}

// Run causes chaos. Its error says what was found; the report says as much as
// is known by then. The folder with all histories stays when there is an error.
func Run(ctx context.Context, config Config) (*Report, error) {
	report := &Report{}
	err := on(ctx, config, func(c *cluster) error {
		report.Seed = c.config.Seed
		if !c.config.Quiet {
			c.points.arm(c.dice(1 << 63))
		}
		err := c.try(ctx, report)
		report.count(c.tally, c.points)
		return errors.Join(err, report.panics(c), report.verdict())
	})
	return report, err
}

// on does something with a cluster of which all runs, and ends it.
func on(ctx context.Context, config Config, do func(*cluster) error) error {
	ours, err := config.complete()
	if err != nil {
		return err
	}
	history, err := os.Create(filepath.Join(config.Dir, "history.log"))
	if err != nil {
		return fmt.Errorf("cannot keep the history: %w", err)
	}
	defer history.Close()
	config.Log.Info("begins", "seed", config.Seed, "for", config.For, "rate", config.Rate, "folder", config.Dir)
	c, err := startCluster(ctx, config, slog.New(slog.NewTextHandler(history, nil)))
	if err == nil {
		stop := c.supervise(ctx)
		if err = c.connect(ctx); err == nil {
			err = do(c)
		}
		stop()
		err = errors.Join(err, c.close())
	}
	if err != nil {
		return fmt.Errorf("with the seed %d, and the history kept in %s: %w", config.Seed, config.Dir, err)
	}
	if ours {
		return os.RemoveAll(config.Dir)
	}
	return nil
}

// supervise starts the processes, again and again, until it is stopped.
func (c *cluster) supervise(ctx context.Context) (stop func()) {
	ctx, end := context.WithCancel(ctx)
	var members sync.WaitGroup
	for i, m := range c.members {
		members.Go(func() { m.supervise(ctx, c.dice(1<<62+uint64(i))) })
		c.closers = append(c.closers, m.Close)
	}
	members.Go(func() { c.tend(ctx) })
	return func() {
		end()
		members.Wait()
	}
}

// tend starts engines again that ended by themselves, which none should.
func (c *cluster) tend(ctx context.Context) {
	for pause(ctx, look) == nil {
		for _, s := range c.servers() {
			if s.Pid() != 0 || !c.busy.take(s.Name()) {
				continue
			}
			if s.Pid() == 0 {
				c.log.Error("ended by itself", "server", s.Name(), "words", s.Words())
				c.tally.end(s.Name())
				if err := s.Start(ctx); err != nil {
					c.log.Error("did not start", "server", s.Name(), "err", err)
				}
			}
			c.busy.give(s.Name())
		}
	}
}

// dice that fall the same at every run with a seed.
func (c *cluster) dice(number uint64) *rand.Rand {
	return rand.New(rand.NewPCG(c.config.Seed, number)) //nolint:gosec // That is the point.
}

// try sends load while faults happen, and compares what comes out.
func (c *cluster) try(ctx context.Context, report *Report) error {
	expected, log := filepath.Join(c.dir, "expected.json"), filepath.Join(c.dir, "acknowledged.log")
	ctx, cancel := context.WithTimeout(ctx, c.config.For+loadPatience)
	defer cancel()
	loaded := make(chan error, 1)
	go func() { loaded <- c.load(ctx, c.config.For, expected, log) }()
	if err := c.blow(ctx); err != nil {
		cancel()
		return errors.Join(err, <-loaded)
	}
	c.points.arm(nil)
	c.config.Log.Info("the last fault is over; waiting for what is not sent yet")
	if err := <-loaded; err != nil {
		return err
	}
	c.config.Log.Info("all is sent; comparing")
	var err error
	report.Compared, err = c.check(ctx, expected)
	sent, errSent := acknowledged(log)
	stored, errStored := c.stored(ctx)
	report.judge(sent, stored)
	return errors.Join(err, errSent, errStored)
}

// blow lets faults happen for as long as was asked for.
func (c *cluster) blow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.For)
	defer cancel()
	if c.config.Quiet {
		<-ctx.Done()
		return nil
	}
	return newStorm(c).blow(ctx)
}

// load sends as much as takes so long when nothing holds it up.
func (c *cluster) load(ctx context.Context, how time.Duration, expected, log string) error {
	hits := max(1000, int(how.Seconds())*c.config.Rate)
	out, err := os.Create(expected)
	if err != nil {
		return fmt.Errorf("cannot keep what must come out: %w", err)
	}
	defer out.Close()
	return c.command(ctx, "load", out,
		"load", "--to", c.address(roleCollect), "--key", c.siteKey, "--intercom", c.address(roleIntercom),
		"--hits", strconv.Itoa(hits), "--visitors", strconv.Itoa(hits/8), "--chats", strconv.Itoa(hits/100),
		"--rate", strconv.Itoa(c.config.Rate), "--batch", "10", "--seed", strconv.FormatUint(c.config.Seed, 10), "--acknowledged", log)
}

// check compares, and gives its last line.
func (c *cluster) check(ctx context.Context, expected string) (last string, err error) {
	var out bytes.Buffer
	err = c.command(ctx, "check", &out,
		"check", "--to", c.address(roleQuery), "--api-key", c.apiKey, "--expected", expected, "--patience", checkPatience.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if err != nil {
		err = errors.Join(err, os.WriteFile(filepath.Join(c.dir, "differences.txt"), out.Bytes(), 0o600))
	}
	return lines[len(lines)-1], err
}

// command runs a subcommand to its end.
func (c *cluster) command(ctx context.Context, name string, out io.Writer, arguments ...string) error {
	words, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		return fmt.Errorf("cannot keep what %s says: %w", name, err)
	}
	defer words.Close()
	cmd := exec.CommandContext(ctx, c.config.Binary, arguments...)
	cmd.Env, cmd.Stdout, cmd.Stderr = settings(), out, words
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s failed; its words are in %s: %w", name, words.Name(), err)
	}
	return nil
}

func (r *Report) count(t *tally, p *points) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.By, r.Idle, r.Ends, r.Faults = t.kills, t.idle, t.ends, t.faults
	for _, n := range t.kills {
		r.Kills += n
	}
	r.Unfired = p.missing("")
}

// panics looks through what the processes said.
func (r *Report) panics(c *cluster) error {
	for _, m := range c.members {
		text, err := os.ReadFile(m.words())
		if err != nil {
			return fmt.Errorf("cannot read what %s said: %w", m.name, err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") || strings.Contains(line, "panicked") {
				r.Panics = append(r.Panics, m.name+": "+strings.TrimSpace(line))
			}
		}
	}
	return nil
}

func (r *Report) verdict() error {
	var all []error
	for what, list := range map[string][]string{
		"acknowledged and not stored": r.Lost, "stored more than once": r.Twice, "panics": r.Panics,
	} {
		if len(list) > 0 {
			all = append(all, fmt.Errorf("%d %s, such as %s", len(list), what, strings.Join(list[:min(len(list), 5)], ", ")))
		}
	}
	return errors.Join(all...)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line[:min(len(line), 500)]
}
