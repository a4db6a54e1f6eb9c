package chaos

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/chaos/failpoint"
	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/deploy/servers"
	"sourceloop/deploy/servers/serverstest"
)

// configure builds the product.
func configure(t *testing.T) Config {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sourceloop")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/sourceloop")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the program: %v\n%s", err, out)
	}
	return Config{Binary: binary, Engine: embeddedtest.Engine(t)}
}

// TestAway has an engine away for 20 seconds, or for as long as CHAOS_AWAY says.
func TestAway(t *testing.T) {
	config := configure(t)
	config.For, config.Rate = 20*time.Second, 300
	if text := os.Getenv("CHAOS_AWAY"); text != "" {
		var err error
		if config.For, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, engine := range []string{"clickhouse", "redis"} {
		t.Run(engine, func(t *testing.T) {
			seen, err := Away(t.Context(), config, engine)
			t.Logf("%+v", *seen)
			if errors.Is(err, servers.ErrMissing) && !serverstest.Required("kafka") {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			const room = 400 << 20 // what a pipeline may hold of records that wait, and more
			switch {
			case seen.Refused > 0 || seen.Sent.Retries > 0:
				t.Errorf("%v were refused at the front door, and sent again %d times", seen.Refused, seen.Sent.Retries)
			case seen.Lag < float64(seen.Sent.Hits)/4:
				t.Errorf("of %d hits at most %.0f were seen to wait", seen.Sent.Hits, seen.Lag)
			case seen.Left > 0:
				t.Errorf("%.0f still wait", seen.Left)
			case seen.Memory > seen.MemoryBefore+room:
				t.Errorf("memory went from %.0f to %.0f bytes", seen.MemoryBefore, seen.Memory)
			}
		})
	}
}

// The same seed picks the same faults in the same order.
func TestASeedIsAPlan(t *testing.T) {
	plan := func(seed uint64) []string {
		c := &cluster{config: Config{Seed: seed}}
		s := &storm{cluster: c, faults: []fault{{"kill a", 3, nil}, {"stop a", 1, nil}, {"cut way-to-b", 2, nil}}, weights: 6}
		var names []string
		dice := c.dice(0)
		for range 200 {
			names = append(names, s.pick(dice).name)
		}
		return names
	}
	one, again, other := plan(1), plan(1), plan(2)
	if !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Errorf("the same seed plans the same: %t, another seed too: %t", slices.Equal(one, again), slices.Equal(one, other))
	}
	for _, name := range []string{"kill a", "stop a", "cut way-to-b"} {
		if !slices.Contains(one, name) {
			t.Errorf("%s never happens", name)
		}
	}
}

// What is lost, and what is there twice, is found: by a log of load's and by rows
// that do not fit.
func TestLossAndDoublesAreSeen(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("hit a\nhit b\nhit a\nconversation 1\nconversation 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sent, err := acknowledged(log)
	if err != nil {
		t.Fatal(err)
	}
	good := &Report{Kills: 7}
	good.judge(sent, ids{"hit a": 1, "hit b": 1, "hit c": 1, "conversation 1": 1, "conversation 2": 1})
	if got := good.String(); got != "kills 7, acknowledged 4, stored 4, lost 0, twice 0" || good.verdict() != nil {
		t.Errorf("%s: %v", got, good.verdict())
	}
	bad := &Report{Kills: 7}
	bad.judge(sent, ids{"hit a": 1, "hit c": 2, "conversation 1": 1, "conversation 2": 1})
	if got := bad.String(); got != "kills 7, acknowledged 4, stored 3, lost 1, twice 1" {
		t.Error(got)
	}
	if err := bad.verdict(); err == nil || !strings.Contains(err.Error(), "hit b") || !strings.Contains(err.Error(), "hit c") {
		t.Errorf("the verdict is %v", err)
	}
}

// A kill counts only if something was handled since the start.
func TestOnlyKillsOfWhatHandledSomethingCount(t *testing.T) {
	tally := newTally()
	tally.kill("collect-1", true)
	tally.kill("collect-1", false)
	tally.killServer("kafka") // Nothing was collected yet.
	tally.progress(roleCollect, 5)
	tally.killServer("kafka")
	tally.killServer("redis") // Nothing was processed yet.
	tally.killServer("postgres")
	tally.serverStarted("kafka")
	tally.killServer("kafka") // Nothing since.
	report := &Report{}
	report.count(tally, newPoints(filepath.Join(t.TempDir(), "none")))
	if report.Kills != 2 || report.Idle != 5 || report.By["kafka"] != 1 {
		t.Errorf("%d kills count, %d do not: %v", report.Kills, report.Idle, report.By)
	}
}

// What fired is read from what processes noted; what did not is known by name.
func TestFailpointsAreFollowed(t *testing.T) {
	p := newPoints(filepath.Join(t.TempDir(), "log"))
	if len(p.missing("")) == 0 || p.killer(12) != "" || p.draw(rolePipeline) != "" {
		t.Error("something fired before anything could")
	}
	if err := os.WriteFile(p.file, []byte("stitch.after-rows kill 12\nstitch.takeover stop 13\nstitch.after-redis"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p.killer(12) != "stitch.after-rows" || p.killer(13) != "" || !p.stopped(13) || p.stopped(13) || p.stopped(12) {
		t.Error("what fired was not read as it was noted")
	}
	if missing := p.missing(rolePipeline); slices.Contains(missing, "stitch.after-rows") || !slices.Contains(missing, "stitch.after-redis") {
		t.Errorf("missing are %q", missing)
	}
	p.arm((&cluster{}).dice(1))
	drawn := make(map[string]bool)
	for range 2000 {
		if spec := p.draw(rolePipeline); spec != "" {
			if _, err := failpoint.Parse(spec, ""); err != nil {
				t.Fatal(err)
			}
			for one := range strings.SplitSeq(spec, ",") {
				drawn[one[:strings.IndexByte(one, '=')]] = true
			}
		}
	}
	if len(drawn) != len(failpoint.Names()[rolePipeline]) {
		t.Errorf("only %v are drawn", drawn)
	}
}
