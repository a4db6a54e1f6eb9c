// Package adstest plays the product against the stand-ins of advertising
// platforms, in their tests.
package adstest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/deploy/standin/ads"
)

// The app, and who it asks to go back to.
const (
	ClientID     = "client-1"
	ClientSecret = "the client secret of the tests"
	Redirect     = "http://127.0.0.1/callback"
)

var update = flag.Bool("update", false, "write the goldens anew")

// Vendor is one stand-in.
type Vendor interface {
	Handler() http.Handler
	Close() error
}

// Bench is a stand-in on loopback, its clock at noon of 2026-11-25, UTC.
type Bench struct {
	T      *testing.T
	URL    string
	Token  string      // Presented when it is not "".
	Header http.Header // Sent with every request of Do.
	Dir    string

	open func(ads.Config) (Vendor, error)
	stop func()
	mu   sync.Mutex
	now  time.Time
}

// Start opens a stand-in in a folder of its own, with an access token for all
// scopes.
func Start(t *testing.T, open func(ads.Config) (Vendor, error)) *Bench {
	t.Helper()
	b := &Bench{T: t, Header: http.Header{}, Dir: t.TempDir(), open: open, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	b.stop = func() {}
	b.Restart()
	t.Cleanup(func() { b.stop() })
	b.Token = b.NewToken("")
	return b
}

// Restart closes the stand-in and opens it again on its folder.
func (b *Bench) Restart() {
	b.T.Helper()
	b.stop()
	vendor, err := b.open(ads.Config{Dir: b.Dir, ClientID: ClientID, ClientSecret: ClientSecret, RedirectURIs: []string{Redirect}, Now: b.Now})
	if err != nil {
		b.T.Fatal(err)
	}
	server := httptest.NewServer(vendor.Handler())
	b.URL = server.URL
	b.stop = func() {
		b.stop = func() {}
		server.Close()
		if err := vendor.Close(); err != nil {
			b.T.Error(err)
		}
	}
}

// Now is the stand-in's clock.
func (b *Bench) Now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// Advance moves the clock.
func (b *Bench) Advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// NewToken is an access token for these scopes, separated by spaces; "" is all.
func (b *Bench) NewToken(scopes string) string {
	b.T.Helper()
	var made struct {
		Token string `json:"access_token"`
	}
	b.JSON(http.MethodPost, "/standin/token", fmt.Sprintf(`{"scopes":%q}`, scopes), http.StatusOK, &made)
	return made.Token
}

// Reply is an answer that was read.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request with the bench's token and header.
func (b *Bench) Do(method, path, contentType, body string) (Reply, error) {
	request, err := http.NewRequest(method, b.URL+path, strings.NewReader(body))
	if err != nil {
		return Reply{}, err
	}
	request.Header = b.Header.Clone()
	request.Header.Set("Content-Type", contentType)
	if b.Token != "" {
		request.Header.Set("Authorization", "Bearer "+b.Token)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return Reply{}, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return Reply{response.StatusCode, response.Header, answer}, err
}

// JSON sends a body and wants a status; into receives the answer, unless nil.
func (b *Bench) JSON(method, path, body string, status int, into any) {
	b.T.Helper()
	reply, err := b.Do(method, path, "application/json", body)
	if err != nil {
		b.T.Fatal(err)
	}
	b.want(path, reply, status, into)
}

// Form sends a form and wants a status.
func (b *Bench) Form(path string, form url.Values, status int, into any) {
	b.T.Helper()
	reply, err := b.Do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
	if err != nil {
		b.T.Fatal(err)
	}
	b.want(path, reply, status, into)
}

func (b *Bench) want(path string, reply Reply, status int, into any) {
	b.T.Helper()
	if reply.Status != status {
		b.T.Fatalf("%s: %d %s, not %d", path, reply.Status, reply.Body, status)
	}
	if into != nil {
		if err := json.Unmarshal(reply.Body, into); err != nil {
			b.T.Fatalf("%s: %v", reply.Body, err)
		}
	}
}

// Fault asks for a fault.
func (b *Bench) Fault(kind string, times int) {
	b.T.Helper()
	b.JSON(http.MethodPost, "/standin/fault", fmt.Sprintf(`{"kind":%q,"times":%d,"delay_ms":1}`, kind, times), http.StatusOK, nil)
}

// Grant is what the token endpoint tells.
type Grant struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
}

// Authorize walks the consent page and exchanges the code. form adds to what
// is sent, or replaces it.
func (b *Bench) Authorize(authorize, token string, form url.Values) (g Grant) {
	b.T.Helper()
	sent := url.Values{
		"client_id": {ClientID}, "redirect_uri": {Redirect}, "response_type": {"code"}, "state": {"s t"}, "decision": {"authorize"},
	}
	for name, values := range form {
		sent[name] = values
	}
	page, err := b.Do(http.MethodGet, authorize+"?"+sent.Encode(), "", "")
	if err != nil || page.Status != http.StatusOK || !bytes.Contains(page.Body, []byte(`id="authorize"`)) {
		b.T.Fatalf("the consent page: %v %s", err, page.Body)
	}
	reply, err := b.Do(http.MethodPost, authorize, "application/x-www-form-urlencoded", sent.Encode())
	if err != nil {
		b.T.Fatal(err)
	}
	location, err := url.Parse(reply.Header.Get("Location"))
	if err != nil || location.Query().Get("state") != "s t" {
		b.T.Fatalf("%d %s, sent to %v", reply.Status, reply.Body, location)
	}
	exchange := url.Values{
		"client_id": {ClientID}, "client_secret": {ClientSecret}, "redirect_uri": {Redirect},
		"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")},
	}
	b.Form(token, exchange, http.StatusOK, &g)
	b.Form(token, exchange, http.StatusBadRequest, nil) // A code is good once.
	return g
}

// Kept is a conversion as the stand-in tells it.
type Kept struct {
	Place, ID, Why string
	Event          json.RawMessage
}

// Accepted are the conversions that count, and those that do not.
func (b *Bench) Accepted() (counted, others []Kept) {
	b.T.Helper()
	var told struct {
		Accepted   []Kept
		NotCounted []Kept `json:"not_counted"`
	}
	b.JSON(http.MethodGet, "/standin/accepted", "", http.StatusOK, &told)
	return told.Accepted, told.NotCounted
}

var random = regexp.MustCompile(`"(requestId|fbtrace_id)": "[^"]*"`)

// Golden compares an answer with testdata/name.txt: status and JSON, what is
// made up each time taken out.
func (b *Bench) Golden(name, method, path, body string) {
	b.T.Helper()
	reply, err := b.Do(method, path, "application/json", body)
	if err != nil {
		b.T.Fatal(err)
	}
	var pretty bytes.Buffer
	fmt.Fprintln(&pretty, reply.Status)
	if len(reply.Body) > 0 {
		if err := json.Indent(&pretty, reply.Body, "", "  "); err != nil {
			b.T.Fatalf("%s: %v", reply.Body, err)
		}
	}
	got := random.ReplaceAll(pretty.Bytes(), []byte(`"$1": "…"`))
	file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".txt")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			b.T.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		b.T.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		b.T.Errorf("%s is answered with\n%s\nnot\n%s", name, got, want)
	}
}

// NothingPlain fails when one of the texts is in a file of the stand-in, which
// it stops.
func (b *Bench) NothingPlain(texts ...string) {
	b.T.Helper()
	b.stop()
	files, err := filepath.Glob(filepath.Join(b.Dir, "*"))
	if err != nil || len(files) == 0 {
		b.T.Fatalf("%v %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			b.T.Fatal(err)
		}
		for _, text := range texts {
			if text == "" || bytes.Contains(content, []byte(text)) {
				b.T.Errorf("%s has %q in it", filepath.Base(file), text)
			}
		}
	}
}
