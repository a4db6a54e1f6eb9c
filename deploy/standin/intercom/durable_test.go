package intercom

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A child of the tests is a stand-in in a process of its own, so that it can
// be killed like one.
const childEnv = "STANDIN_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

func child(dir string) {
	server, err := New(Config{
		Dir: dir, ClientID: testClientID, ClientSecret: testClientSecret, WebhookURL: os.Getenv("STANDIN_TEST_HOOK"),
		RedirectURIs: []string{"http://127.0.0.1/back"}, AnswerWithin: time.Minute,
	})
	if err != nil {
		panic(err)
	}
	listening := httptest.NewServer(server.Handler())
	_, _ = os.Stdout.WriteString(listening.URL + "\n")
	if err := server.Run(context.Background()); err != nil {
		panic(err)
	}
}

// spawn starts a child; kill ends it with SIGKILL.
func spawn(t *testing.T, dir, hook string) (address string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir, "STANDIN_TEST_HOOK="+hook)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), kill
}

func TestKilledInTheMiddleOfANotification(t *testing.T) {
	dir := t.TempDir()
	var holding atomic.Bool
	holding.Store(true)
	arrived := make(chan string, 16)
	release := make(chan struct{})
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			return
		}
		arrived <- r.Header.Get("X-Hub-Signature")
		if holding.Load() {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	}))
	defer hook.Close()
	defer close(release)

	address, kill := spawn(t, dir, hook.URL)
	b := &bench{t: t, http: &httptest.Server{URL: address}, config: Config{RedirectURIs: []string{"http://127.0.0.1/back"}}}
	b.connect()
	before := b.get("/")
	answered := make(chan error, 1)
	go func() {
		response, err := http.Post(address+"/standin/chat", "application/json", strings.NewReader(`{"id":"k","email":"k@example.com"}`))
		if err == nil {
			_ = response.Body.Close()
		}
		answered <- err
	}()
	<-arrived // The notification is on its way; its answer is not.
	kill()
	if err := <-answered; err == nil {
		t.Error("the chat was answered before its webhooks were")
	}
	holding.Store(false)

	address, _ = spawn(t, dir, hook.URL)
	b.http = &httptest.Server{URL: address}
	for _, want := range []string{"the lead again", "the conversation"} {
		select {
		case <-arrived:
		case <-time.After(patience):
			t.Fatalf("%s did not arrive after the restart", want)
		}
	}
	contactID, _ := b.chat(map[string]any{"id": "k", "email": "k@example.com"})
	status, body := fetchWithToken(t, address+"/contacts/"+contactID, b.token)
	if status != http.StatusOK || !strings.Contains(body, "k@example.com") {
		t.Errorf("the old token reads %d %s", status, body)
	}
	if after := b.get("/"); after["app_id"] != before["app_id"] {
		t.Errorf("the app id was %v and is %v", before["app_id"], after["app_id"])
	}
	if chats := b.get("/standin/accepted")["chats"].([]any); len(chats) != 1 {
		t.Errorf("%d chats were taken", len(chats))
	}
}

func fetchWithToken(t *testing.T, address, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body := new(strings.Builder)
	if _, err := bufio.NewReader(response.Body).WriteTo(body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body.String()
}

func TestAMadeUpAppIDAndFaultsSurviveARestart(t *testing.T) {
	b := newBench(t, func(c *Config) { c.AppID = "" })
	b.connect()
	before := b.server.AppID()
	b.fault("500", 1)
	b.restart()
	if got := b.server.AppID(); got != before || len(got) < 6 {
		t.Errorf("the app id was %q and is %q", before, got)
	}
	if r := b.api("GET", "/me", nil); r.status != 500 {
		t.Errorf("the fault is forgotten: %d", r.status)
	}
	if r := b.api("GET", "/me", nil); r.status != 200 || r.at("app.id_code") != before {
		t.Errorf("/me: %d %v", r.status, r.body)
	}
}
