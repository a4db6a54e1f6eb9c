package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sourceloop/deploy/chaos/proxy"
)

// longestPause is how long a process or a server stays stopped at most: twice
// the session timeout of the consumer groups, so that others take over.
const longestPause = 12 * time.Second

// longestCut is how long a server, or the way to it, is away at most.
const longestCut = 8 * time.Second

// fault is one thing that can go wrong. It happens within apply, which returns
// when it is over, or when the context has ended: then it ends it first.
type fault struct {
	name   string // what it happens to comes after a space; one at a time
	weight int
	apply  func(ctx context.Context, random *rand.Rand) error
}

// target is what must not be in two faults at once.
func (f *fault) target() string { return f.name[strings.LastIndexByte(f.name, ' ')+1:] }

// faults lists everything that can go wrong.
func (c *cluster) faults() []fault {
	var all []fault
	for _, m := range c.members {
		all = append(all, c.memberFaults(m)...)
	}
	for _, s := range c.servers() {
		all = append(all, c.serverFaults(s)...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.proxies)) {
		all = append(all, proxyFaults(name, c.proxies[name])...)
	}
	return append(append(all, c.redisFaults()...), c.intercomFaults()...)
}

func (c *cluster) memberFaults(m *member) []fault {
	kill, stop := map[string]int{roleCollect: 12, rolePipeline: 12}[m.role], 2
	if kill == 0 {
		kill = 2
	}
	return []fault{
		{"kill " + m.name, kill, func(ctx context.Context, random *rand.Rand) error {
			if !m.up.Load() || !m.worth(ctx) && random.IntN(4) > 0 {
				return errNotNow
			}
			return m.kill(ctx)
		}},
		{"stop " + m.name, stop, func(ctx context.Context, random *rand.Rand) error {
			if !m.up.Load() || m.Pid() == 0 {
				return errNotNow
			}
			return paused(ctx, m, within(random, longestPause))
		}},
	}
}

// errNotNow says that a fault found nothing to happen to.
var errNotNow = errors.New("not now")

// pausable is what can be stopped and continued.
type pausable interface {
	Pause() error
	Resume() error
}

// paused stops something for a while. Killed meanwhile, it has nothing to go on
// with.
func paused(ctx context.Context, p pausable, d time.Duration) error {
	if err := p.Pause(); err != nil {
		return errNotNow
	}
	_ = pause(ctx, d) // Also at the end it must go on.
	if err := p.Resume(); err != nil {
		return errNotNow
	}
	return nil
}

func (c *cluster) serverFaults(s server) []fault {
	list := []fault{{"stop " + s.Name(), 2, func(ctx context.Context, random *rand.Rand) error {
		return paused(ctx, s, within(random, longestPause))
	}}}
	if s == server(c.redis) {
		return list // Its kills differ in what it has afterwards.
	}
	return append(list, fault{"kill " + s.Name(), 4, func(ctx context.Context, random *rand.Rand) error {
		return c.killServer(ctx, s, within(random, longestCut), nil)
	}})
}

// killServer kills a server and starts it again after a while. It counts when
// records were handled since its start, which is when it was killed before.
func (c *cluster) killServer(ctx context.Context, s server, away time.Duration, between func() error) error {
	c.tally.killServer(s.Name())
	if err := s.Kill(); err != nil {
		return err
	}
	_ = pause(ctx, away) // Also at the end it must come back.
	if between != nil {
		if err := between(); err != nil {
			return err
		}
	}
	// Not ctx: what was killed is started also when time is up. A busy machine may take longer than anybody waits;
	// then it is started again like one that ended by itself.
	if err := s.Start(context.WithoutCancel(ctx)); err != nil {
		c.log.Error("did not start", "server", s.Name(), "err", err)
		return nil
	}
	c.tally.serverStarted(s.Name())
	return nil
}

func proxyFaults(name string, p *proxy.Proxy) []fault {
	during := func(f proxy.Fault) func(context.Context, *rand.Rand) error {
		return func(ctx context.Context, random *rand.Rand) error {
			if f.Delay > 0 {
				f.Delay = within(random, f.Delay)
			}
			p.All(f)
			defer p.Heal()
			_ = pause(ctx, within(random, longestCut)) // Also at the end it must heal.
			return nil
		}
	}
	way := " way-to-" + name
	return []fault{
		{"cut" + way, 2, func(context.Context, *rand.Rand) error { p.Cut(); return nil }},
		{"cut-some" + way, 2, func(_ context.Context, random *rand.Rand) error {
			for _, c := range p.Connections() {
				if random.IntN(3) == 0 {
					c.Cut()
				}
			}
			return nil
		}},
		{"refuse" + way, 1, func(ctx context.Context, random *rand.Rand) error {
			p.Refuse(true)
			defer p.Heal()
			p.Cut()
			_ = pause(ctx, within(random, longestCut)) // Also at the end it must heal.
			return nil
		}},
		{"delay" + way, 1, during(proxy.Fault{Delay: 300 * time.Millisecond})},
		{"lose-answers" + way, 1, during(proxy.Fault{Answers: true})},
		{"lose-requests" + way, 1, during(proxy.Fault{Requests: true})},
		{"black-hole" + way, 1, during(proxy.BlackHole())},
	}
}

// redisFaults are about what Redis has when it comes back.
func (c *cluster) redisFaults() []fault {
	dump, old := filepath.Join(c.redis.Dir(), "dump.rdb"), filepath.Join(c.redis.Dir(), "old.rdb")
	kill := func(then func() error) func(context.Context, *rand.Rand) error {
		return func(ctx context.Context, random *rand.Rand) error {
			return c.killServer(ctx, c.redis, within(random, longestCut), then)
		}
	}
	empty := func() error { return absent(os.Remove(dump)) }
	return []fault{
		{"kill-to-nothing redis", 2, kill(empty)},
		{"kill-to-old redis", 2, kill(func() error {
			return absent(errors.Join(empty(), copyFile(old, dump)))
		})},
		{"kill-to-present redis", 2, func(ctx context.Context, random *rand.Rand) error {
			if err := c.state.Save(ctx).Err(); err != nil {
				return errNotNow
			}
			return kill(nil)(ctx, random)
		}},
		{"remember redis", 4, func(ctx context.Context, _ *rand.Rand) error {
			if err := c.state.Save(ctx).Err(); err != nil {
				return errNotNow
			}
			return copyFile(dump, old)
		}},
		{"flush redis", 3, func(ctx context.Context, _ *rand.Rand) error {
			if err := c.state.FlushAll(ctx).Err(); err != nil {
				return errNotNow
			}
			return nil
		}},
	}
}

// intercomFaults are what an Intercom does to its clients. They are over when
// they have happened a few times.
func (c *cluster) intercomFaults() []fault {
	var all []fault
	for _, kind := range []string{"slow", "429", "500", "duplicate", "shuffle"} {
		all = append(all, fault{kind + " answers-of-intercom", 1, func(ctx context.Context, random *rand.Rand) error {
			body := fmt.Sprintf(`{"kind":%q,"times":%d}`, kind, 1+random.IntN(4))
			if err := post(ctx, "http://"+c.members[0].addr+"/standin/fault", body); err != nil {
				return errNotNow
			}
			return nil
		}})
	}
	return all
}

// absent takes a missing file for no error: there was nothing to remember yet.
func absent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

// within is a time of up to most, short ones more often.
func within(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Float64() * random.Float64() * float64(most))
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
