package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sourceloop/deploy/embedded"
	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/deploy/load"
)

// patience bounds every wait of a machine that may be busy.
const patience = 5 * time.Minute

// demo is a running demo of the built binary.
type demo struct {
	binary      string
	environment []string
	dir         string
	process     *os.Process
	ended       chan error
	file        struct {
		URL         string `json:"url"`
		IntercomURL string `json:"intercom_url"`
		SiteKey     string `json:"site_key"`
		APIKey      string `json:"api_key"`
	}
}

func startDemo(t *testing.T) *demo {
	t.Helper()
	engine := embeddedtest.Engine(t)
	d := &demo{binary: filepath.Join(t.TempDir(), "sourceloop")}
	build := exec.Command("go", "build", "-o", d.binary, "./cmd/sourceloop")
	build.Dir = filepath.Join("..", "..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the binary: %v\n%s", err, out)
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SOURCELOOP_") {
			d.environment = append(d.environment, variable)
		}
	}
	if engine.Library != "" {
		d.environment = append(d.environment, embedded.LibraryVariable+"="+engine.Library)
	}
	d.dir = filepath.Join(t.TempDir(), "demo")
	d.serve(t)
	return d
}

// serve starts the demo and waits until everything answers.
func (d *demo) serve(t *testing.T) {
	t.Helper()
	_ = os.Remove(d.announced()) // That of a process that was killed.
	var stderr lockedBuffer
	cmd := exec.Command(d.binary, "demo", "--connected", "--data", d.dir)
	cmd.Env, cmd.Stderr = d.environment, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	d.process, d.ended = cmd.Process, ended
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("stderr of the demo:\n%s", stderr.String())
		}
	})
	await(t, "the demo to come up", ended, func() bool {
		text, err := os.ReadFile(d.announced())
		return err == nil && json.Unmarshal(text, &d.file) == nil
	})
}

func (d *demo) announced() string { return filepath.Join(d.dir, "demo.json") }

// await waits for a condition, as long as a process lives.
func await(t *testing.T, what string, ended chan error, condition func() bool) {
	t.Helper()
	again, deadline := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case err := <-ended:
			ended <- err
			t.Fatalf("waiting for %s: the process ended by itself: %v", what, err)
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// killAndServe ends the demo as a loss of the machine's process would, and starts it again.
func (d *demo) killAndServe(t *testing.T) {
	t.Helper()
	if err := d.process.Kill(); err != nil {
		t.Fatal(err)
	}
	err := <-d.ended
	d.ended <- err
	d.serve(t)
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// run runs a subcommand to its end.
func (d *demo) run(t *testing.T, arguments ...string) (stdout []byte, code int) {
	t.Helper()
	return d.start(t, arguments...)()
}

// start starts a subcommand; what it returns waits for the end.
func (d *demo) start(t *testing.T, arguments ...string) (wait func() (stdout []byte, code int)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, d.binary, arguments...)
	cmd.Env, cmd.Stdout, cmd.Stderr = d.environment, &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() ([]byte, int) {
		defer cancel()
		_ = cmd.Wait() // The code says more.
		code := cmd.ProcessState.ExitCode()
		if code != 0 {
			t.Logf("sourceloop %s: %s", arguments[0], errs.String())
		}
		return out.Bytes(), code
	}
}

// The test's traffic.
const (
	hits     = 8000
	visitors = 800
	chats    = 40
)

// load sends the test's traffic and keeps what must come out. When interrupt is given, it is called in the middle.
func (d *demo) load(t *testing.T, into string, interrupt func()) *load.Account {
	t.Helper()
	acknowledged := into + ".acknowledged"
	wait := d.start(t, "load", "--to", d.file.URL, "--key", d.file.SiteKey, "--intercom", d.file.IntercomURL,
		"--hits", fmt.Sprint(hits), "--visitors", fmt.Sprint(visitors), "--chats", fmt.Sprint(chats), "--days", "30", "--seed", "42",
		"--batch", "100", "--acknowledged", acknowledged)
	if interrupt != nil {
		await(t, "the middle of the traffic", d.ended, func() bool {
			text, err := os.ReadFile(acknowledged)
			return err == nil && bytes.Count(text, []byte("\n")) > hits/3
		})
		interrupt()
	}
	out, code := wait()
	account := &load.Account{}
	if err := json.Unmarshal(out, account); err != nil || code != 0 {
		t.Fatalf("load ends with %d, %v", code, err)
	}
	if err := os.WriteFile(into, out, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Logf("sent %+v", account.Sent)
	return account
}

func (d *demo) check(t *testing.T, expected string) (words string, code int) {
	t.Helper()
	begun := time.Now()
	out, code := d.run(t, "check", "--to", d.file.URL, "--api-key", d.file.APIKey, "--expected", expected, "--patience", "30s")
	t.Logf("check: %d in %s\n%.4000s", code, time.Since(begun).Round(time.Millisecond), out)
	return string(out), code
}

// What was planned comes out, also when everything is killed while it is sent, and once however often it is sent; and a
// comparison sees whatever does not.
func TestWhatIsPlannedComesOut(t *testing.T) {
	d := startDemo(t)
	expected := filepath.Join(t.TempDir(), "expected.json")
	account := d.load(t, expected, func() { d.killAndServe(t) })
	if account.Sent.Retries == 0 {
		t.Error("the kill was not felt: nothing had to be sent again")
	}
	if words, code := d.check(t, expected); code != 0 || !strings.Contains(words, "values compared, 0 differences") {
		t.Fatal("what comes out is not what was planned")
	}
	again := d.load(t, filepath.Join(t.TempDir(), "again.json"), nil)
	again.Sent, account.Sent = load.Sent{}, load.Sent{}
	if one, other := written(t, account), written(t, again); !bytes.Equal(one, other) {
		t.Error("the same seed is to come out otherwise the second time")
	}
	if _, code := d.check(t, expected); code != 0 {
		t.Fatal("the same seed sent again changed something")
	}
	api := NewAPI(d.file.URL, d.file.APIKey)
	memory := &memory{known: make(map[string][]byte)}
	api.client.Transport = memory
	damageEverything(t, api, account)
	account.Contacts[0].Name = "Nobody"
	if err := os.WriteFile(expected, written(t, account), 0o600); err != nil {
		t.Fatal(err)
	}
	if words, code := d.run(t, "check", "--to", d.file.URL, "--api-key", d.file.APIKey, "--expected", expected, "--patience", "0s"); code != 1 || !strings.Contains(string(words), `must be "Nobody"`) {
		t.Errorf("a difference that stays ends with %d: %s", code, words)
	}
}

func written(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// memory asks the API once and remembers its answers, so that one state is looked at with many expectations.
type memory struct {
	mu    sync.Mutex
	known map[string][]byte
}

func (m *memory) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := r.Method + " " + r.URL.String() + " " + string(body)
	if _, known := m.known[key]; !known {
		r.Body = io.NopCloser(bytes.NewReader(body))
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %d, %w", key, response.StatusCode, err)
		}
		m.known[key] = answer
	}
	return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(m.known[key]))}, nil
}

// damageEverything changes one value of each kind after the other, and wants the difference told, each time.
func damageEverything(t *testing.T, api *API, account *load.Account) {
	t.Helper()
	if report, err := Once(t.Context(), api, account); err != nil || len(report.Differences) > 0 || report.Compared < 8_000 {
		t.Fatalf("undamaged: %d values compared, %q, %v", report.Compared, report.Differences, err)
	}
	original := written(t, account)
	for name, damage := range damages() {
		t.Run(name, func(t *testing.T) {
			damaged := &load.Account{}
			if err := json.Unmarshal(original, damaged); err != nil {
				t.Fatal(err)
			}
			damage(damaged)
			report, err := Once(t.Context(), api, damaged)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Differences) == 0 {
				t.Error("was not seen")
			}
			for _, words := range report.Differences {
				if !strings.Contains(words, ", and must be ") {
					t.Errorf("tells no reader what is wrong: %s", words)
				}
			}
		})
	}
}

// talker is the first contact that chatted in a browser.
func talker(a *load.Account) *load.Contact {
	for i := range a.Contacts {
		if c := &a.Contacts[i]; len(c.Conversions) > 0 && len(c.Conversions[0].Touches) > 0 {
			return c
		}
	}
	return &load.Contact{}
}

func damages() map[string]func(*load.Account) {
	const moment = time.Millisecond
	all := map[string]func(*load.Account){
		"traffic: sessions":     func(a *load.Account) { a.Traffic.Sessions++ },
		"traffic: visitors":     func(a *load.Account) { a.Traffic.Visitors-- },
		"traffic: page views":   func(a *load.Account) { a.Traffic.PageViews++ },
		"traffic: conversions":  func(a *load.Account) { a.Traffic.Conversions++ },
		"day: sessions":         func(a *load.Account) { a.Traffic.Trend[3].Sessions++ },
		"day: visitors":         func(a *load.Account) { a.Traffic.Trend[4].Visitors++ },
		"day: conversions":      func(a *load.Account) { a.Traffic.Trend[5].Conversions++ },
		"a day too many":        func(a *load.Account) { a.Traffic.Trend = a.Traffic.Trend[1:] },
		"credits: total":        func(a *load.Account) { a.Attribution[0].Total++ },
		"credits: attributed":   func(a *load.Account) { a.Attribution[1].Attributed++ },
		"row: sessions":         func(a *load.Account) { a.Attribution[2].Rows[0].Sessions++ },
		"row: too many":         func(a *load.Account) { a.Attribution[3].Rows = a.Attribution[3].Rows[1:] },
		"row: missing":          func(a *load.Account) { a.Attribution[3].Rows[0].Key = "nowhere" },
		"funnel: entered":       func(a *load.Account) { a.Funnels[0].Steps[0].Entered++ },
		"funnel: converted":     func(a *load.Account) { a.Funnels[1].Steps[0].Converted++ },
		"funnel: median":        func(a *load.Account) { *a.Funnels[0].Steps[1].Median += 0.001 },
		"funnel: p90":           func(a *load.Account) { *a.Funnels[0].Steps[2].P90 += 0.001 },
		"funnel: nobody":        func(a *load.Account) { a.Funnels[2].Steps[0].Median = nil },
		"breakdown: entered":    func(a *load.Account) { a.Funnels[2].Breakdown[0].Steps[0].Entered++ },
		"breakdown: too many":   func(a *load.Account) { a.Funnels[3].Breakdown = a.Funnels[3].Breakdown[1:] },
		"breakdown: missing":    func(a *load.Account) { a.Funnels[3].Breakdown[0].Key = "nowhere" },
		"contact: too many":     func(a *load.Account) { a.Contacts = a.Contacts[1:] },
		"contact: email":        func(a *load.Account) { talker(a).Email = "x@y.example" },
		"contact: phone":        func(a *load.Account) { talker(a).Phone += "1" },
		"contact: name":         func(a *load.Account) { talker(a).Name += "x" },
		"contact: created at":   func(a *load.Account) { talker(a).CreatedAt = talker(a).CreatedAt.Add(moment) },
		"contact: converted at": func(a *load.Account) { talker(a).ConvertedAt = nil },
		"contact: chain":        func(a *load.Account) { talker(a).ReferrerChain = append(talker(a).ReferrerChain, "x") },
		"contact: pages":        func(a *load.Account) { talker(a).PagesBefore++ },
		"contact: seconds":      func(a *load.Account) { talker(a).SecondsOnSite += 0.001 },
		"contact: visits":       func(a *load.Account) { talker(a).ReturnVisits++ },
		"contact: device":       func(a *load.Account) { talker(a).Device += "x" },
		"contact: country":      func(a *load.Account) { talker(a).Country += "x" },
		"contact: browser":      func(a *load.Account) { talker(a).Browser += "x" },
		"contact: first touch":  func(a *load.Account) { talker(a).FirstTouch.Source += "x" },
		"contact: last touch":   func(a *load.Account) { talker(a).LastTouch.At = talker(a).LastTouch.At.Add(moment) },
		"contact: link":         func(a *load.Account) { talker(a).Links = talker(a).Links[1:] },
		"conversation: id":      func(a *load.Account) { talker(a).Conversations[0].ID += "x" },
		"conversation: message": func(a *load.Account) { talker(a).Conversations[0].Message += "x" },
		"conversation: time": func(a *load.Account) {
			talker(a).Conversations[0].At = talker(a).Conversations[0].At.Add(moment)
		},
		"conversion: touch's source":  func(a *load.Account) { talker(a).Conversions[0].Touches[0].Source += "x" },
		"conversion: touch's browser": func(a *load.Account) { talker(a).Conversions[0].Touches[0].Visitor += "x" },
		"conversion: time":            func(a *load.Account) { talker(a).Conversions[0].At = talker(a).Conversions[0].At.Add(moment) },
		"journey: too many":           func(a *load.Account) { talker(a).Journey = talker(a).Journey[1:] },
		"journey: visitor":            func(a *load.Account) { talker(a).Journey[0].Visitor += "x" },
		"journey: reason":             func(a *load.Account) { talker(a).Journey[0].Reason = "midnight" },
		"journey: end":                func(a *load.Account) { talker(a).Journey[0].EndedAt = talker(a).Journey[0].EndedAt.Add(moment) },
		"journey: channel":            func(a *load.Account) { talker(a).Journey[0].Channel += "x" },
		"journey: landing page":       func(a *load.Account) { talker(a).Journey[0].LandingPage += "x" },
		"journey: device":             func(a *load.Account) { talker(a).Journey[0].Device += "x" },
		"item: page":                  func(a *load.Account) { talker(a).Journey[0].Items[0].URL += "x" },
		"item: name":                  func(a *load.Account) { talker(a).Journey[0].Items[0].Name += "x" },
		"item: type":                  func(a *load.Account) { talker(a).Journey[0].Items[0].Type = "event" },
		"item: missing":               func(a *load.Account) { talker(a).Journey[0].Items = talker(a).Journey[0].Items[1:] },
	}
	for _, pair := range models() {
		for _, model := range pair {
			all["row: "+model] = func(a *load.Account) { a.Attribution[4].Rows[0].Credits[model] += 2e-6 }
		}
	}
	return all
}
