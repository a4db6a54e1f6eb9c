package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sourceloop/deploy/embedded"
	"sourceloop/deploy/embedded/embeddedtest"
)

// patience bounds every wait. It is long: a loaded machine is slow, and a test
// that waits for something that never comes fails anyway.
const patience = time.Minute

// run is what all tests of one run share.
type run struct {
	dir    string
	binary func() (string, error)

	mu     sync.Mutex
	shared *demo
}

// theRun is set once, before any test.
var theRun *run

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sourceloop-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	theRun = &run{dir: dir, binary: sync.OnceValues(func() (string, error) { return build(dir) })}
	defer func() {
		if theRun.shared != nil {
			theRun.shared.kill()
		}
	}()
	return m.Run()
}

// build makes the binary as make build does.
func build(dir string) (string, error) {
	binary := filepath.Join(dir, "sourceloop")
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/sourceloop")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build the binary: %w\n%s", err, out)
	}
	return binary, nil
}

// process is one running sourceloop.
type process struct {
	cmd    *exec.Cmd
	stdout *transcript
	stderr *transcript
	ended  chan struct{} // closed when it is gone
	err    error         // set before ended is closed
}

// start runs the binary in a process group of its own, so that a signal to the
// tests is none to it.
func start(t testing.TB, arguments ...string) *process {
	t.Helper()
	return startIn(t, environment(embeddedtest.Engine(t)), arguments...)
}

// startIn is start in an environment.
func startIn(t testing.TB, environment []string, arguments ...string) *process {
	t.Helper()
	binary, err := theRun.binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(binary, arguments...), stdout: newTranscript(), stderr: newTranscript(), ended: make(chan struct{})}
	p.cmd.Env = environment
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard, err := watch(p.cmd.Process.Pid)
	if err != nil {
		_ = p.cmd.Process.Kill() // It was started a moment ago.
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		_ = guard.Process.Kill() // Before the number can belong to somebody else.
		_ = guard.Wait()         // Killed, as it was meant to be.
		close(p.ended)
	}()
	return p
}

// watch kills a process when the tests die without their clean-up, as at a
// time-out: a shell that waits for the end of a pipe that only we hold.
func watch(pid int) (*exec.Cmd, error) {
	guard := exec.Command("sh", "-c", `cat; kill -9 "$0"`, strconv.Itoa(pid))
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := guard.StdinPipe(); err != nil {
		return nil, fmt.Errorf("cannot watch over the process: %w", err)
	}
	if err := guard.Start(); err != nil {
		return nil, fmt.Errorf("cannot watch over the process: %w", err)
	}
	return guard, nil
}

// environment is ours without settings of the product, which would lead the
// process under test elsewhere.
func environment(engine embedded.Engine) []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SOURCELOOP_") {
			kept = append(kept, variable)
		}
	}
	if engine.Library != "" {
		kept = append(kept, embedded.LibraryVariable+"="+engine.Library)
	}
	return kept
}

// kill ends the process as a crash does: without a word. Its ClickHouse ends by
// itself.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // Gone already: nothing to kill.
	<-p.ended
}

// terminate asks the process to stop and waits until it has.
func (p *process) terminate(t testing.TB) error {
	t.Helper()
	p.tellToStop(t)
	select {
	case <-p.ended:
		return p.err
	case <-time.After(patience):
		t.Fatal("the process does not stop on SIGTERM")
		return nil
	}
}

// tellToStop sends the signal by which a process is asked to stop.
func (p *process) tellToStop(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// descendants are the processes below p, of any depth.
func (p *process) descendants(t testing.TB) []int {
	t.Helper()
	children := map[int][]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // It ended meanwhile.
		}
		// pid (name) state parent …; a name may hold anything.
		_, rest, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')'):]), " ")
		fields := strings.Fields(rest)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	var all []int
	for next := []int{p.cmd.Process.Pid}; len(next) > 0; next = next[1:] {
		all = append(all, children[next[0]]...)
		next = append(next, children[next[0]]...)
	}
	return all
}

// alive tells whether a process still runs.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// showOnFailure prints what a process wrote to stderr since now, when the test fails.
func (p *process) showOnFailure(t testing.TB) {
	from := p.stderr.size()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("stderr of %s:\n%s", strings.Join(p.cmd.Args[1:], " "), p.stderr.since(from))
		}
	})
}

// transcript keeps what a process writes.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func newTranscript() *transcript { return &transcript{} }

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string { return s.since(0) }

func (s *transcript) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Len()
}

func (s *transcript) since(from int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text.Bytes()[from:])
}

// line finds the first line that contains a text.
func (s *transcript) line(containing string) string {
	lines := bufio.NewScanner(strings.NewReader(s.String()))
	for lines.Scan() {
		if strings.Contains(lines.Text(), containing) {
			return strings.TrimSpace(lines.Text())
		}
	}
	return ""
}

// demoFile is what demo.json promises to outside programs.
type demoFile struct {
	URL           string `json:"url"`
	SiteURL       string `json:"site_url"`
	IntercomURL   string `json:"intercom_url"`
	HubSpotURL    string `json:"hubspot_url"`
	GoogleURL     string `json:"google_url"`
	MetaURL       string `json:"meta_url"`
	LinkedInURL   string `json:"linkedin_url"`
	SiteKey       string `json:"site_key"`
	APIKey        string `json:"api_key"`
	OwnerEmail    string `json:"owner_email"`
	OwnerPassword string `json:"owner_password"`
}

// demo is a running demo, with its API as its key sees it.
type demo struct {
	*process
	*account
	dir  string
	file demoFile
	raw  map[string]string // demo.json, whatever it holds
}

// startDemo starts a demo on a folder and waits for its demo.json. It is killed
// when the test ends, unless it ended before.
func startDemo(t testing.TB, dir string, flags ...string) *demo {
	t.Helper()
	d := launchDemo(t, dir, flags...)
	t.Cleanup(d.kill)
	d.showOnFailure(t)
	d.await(t)
	return d
}

// launchDemo starts a demo without waiting, and without an end.
func launchDemo(t testing.TB, dir string, flags ...string) *demo {
	t.Helper()
	return &demo{process: start(t, append([]string{"demo", "--data", dir}, flags...)...), dir: dir}
}

// await waits for demo.json, which appears when everything answers.
func (d *demo) await(t testing.TB) {
	t.Helper()
	begun := time.Now()
	until(t, "demo.json", func() (bool, string) {
		select {
		case <-d.ended:
			t.Fatalf("the demo ended by itself: %v\n%s", d.err, d.stderr)
		default:
		}
		text, err := os.ReadFile(filepath.Join(d.dir, "demo.json"))
		// Until the process is past its lock, demo.json may be that of the start before.
		if err != nil || d.stdout.size() == 0 {
			return false, fmt.Sprint(err)
		}
		err = errors.Join(json.Unmarshal(text, &d.file), json.Unmarshal(text, &d.raw))
		return err == nil, fmt.Sprint(err)
	})
	t.Logf("ready after %s", time.Since(begun).Round(time.Millisecond))
	d.account = &account{url: d.file.URL, key: d.file.APIKey, siteKey: d.file.SiteKey}
}

// connected is the demo that tests share which need no more than a workspace
// with Intercom connected.
func connected(t testing.TB) *demo {
	t.Helper()
	theRun.mu.Lock()
	defer theRun.mu.Unlock()
	if theRun.shared == nil {
		d := launchDemo(t, filepath.Join(theRun.dir, "connected"), "--connected")
		theRun.shared = d
		d.await(t)
	}
	theRun.shared.showOnFailure(t)
	return theRun.shared
}

// until waits for a condition; it tells what it last saw when it gives up.
func until(t testing.TB, what string, condition func() (done bool, seen string)) {
	t.Helper()
	untilEvery(t, 25*time.Millisecond, what, condition)
}

// untilEvery asks no oftener than so: where each time many questions go to a
// vendor, who limits them.
func untilEvery(t testing.TB, pause time.Duration, what string, condition func() (done bool, seen string)) {
	t.Helper()
	again, deadline := time.NewTicker(pause), time.After(patience)
	defer again.Stop()
	for {
		done, seen := condition()
		if done {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited %s in vain for %s; last: %s", patience, what, seen)
		}
	}
}

// contain tells which files below a folder hold one of several byte strings.
func contain(t testing.TB, dir string, wanted map[string][]byte) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, os.ErrNotExist) {
				return nil // ClickHouse tidied up.
			}
			return err
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := readFile(path)
		if err != nil {
			return err
		}
		for name, bytesOf := range wanted {
			if bytes.Contains(content, bytesOf) {
				found = append(found, path+" holds "+name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// readFile reads a file that may be gone by now.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// within gives a context that ends with the test or after patience.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
