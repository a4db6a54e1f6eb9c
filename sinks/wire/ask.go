package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxAnswer bounds what is read of an answer: the verdicts of 5,000 events have
// room in it.
const maxAnswer = 4 << 20

// timeout is how long a platform may take to answer. Meta suggests 1.5 seconds to
// sites whose visitors wait meanwhile; here nobody does, and who gives up early
// has more that is unclear.
const timeout = 15 * time.Second

// Question is one request. The body is JSON, or nil for a GET.
type Question struct {
	URL    string
	Token  string // sent as a bearer token
	Header map[string]string
	Body   []byte
}

// Answer is what came of a question.
type Answer struct {
	Status int           // 0 when there was no answer
	Body   []byte        // as much of it as came
	Begun  bool          // some of the body may have reached the other side
	After  time.Duration // as Retry-After says; 0 when it does not
}

// Client asks one platform. It is safe for concurrent use.
type Client struct {
	http *http.Client
	now  func() time.Time
}

// NewClient makes a client. now is the clock; nil is time.Now. fresh is for
// platforms that must not get a request twice: each one has a connection of its
// own, since an idle one that the other side closes at that moment leaves
// unclear what came of it.
func NewClient(now func() time.Time, fresh bool) *Client {
	if now == nil {
		now = time.Now
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableKeepAlives: fresh,
		MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}
	return &Client{now: now, http: &http.Client{
		Transport: transport, Timeout: timeout,
		// A redirect would carry token and data to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Now is the client's time.
func (c *Client) Now() time.Time { return c.now() }

// Ask sends one request, once. What went wrong below HTTP is not told: it may
// quote addresses, and what matters is in the answer.
func (c *Client) Ask(ctx context.Context, q Question) Answer {
	method, gate := http.MethodPost, &gate{content: q.Body}
	if q.Body == nil {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(ctx, method, q.URL, nil)
	if err != nil {
		return Answer{}
	}
	if q.Body != nil {
		request.ContentLength = int64(len(q.Body))
		request.Body, _ = gate.open()
		request.GetBody = gate.open
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Authorization", "Bearer "+q.Token)
	for name, value := range q.Header {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	begun := gate.shut()
	if err != nil {
		return Answer{Begun: begun}
	}
	return c.read(response, begun)
}

// read takes what comes. Where an answer breaks off its status stands; what must
// be read out of its body then is not there.
func (c *Client) read(response *http.Response, begun bool) Answer {
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // See above.
	_ = response.Body.Close()                                       // The same.
	return Answer{Status: response.StatusCode, Body: body, Begun: begun, After: c.after(response.Header.Get("Retry-After"))}
}

// after reads seconds, or a date.
func (c *Client) after(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 && seconds < 1<<22 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(c.now()) {
		return at.Sub(c.now())
	}
	return 0
}

// gate holds a body and knows whether somebody began to read it. Once it is
// shut nobody can begin.
type gate struct {
	content []byte
	mu      sync.Mutex
	begun   bool
	closed  bool
}

var errShut = errors.New("the request is over")

func (g *gate) open() (io.ReadCloser, error) {
	return &gated{gate: g, reader: bytes.NewReader(g.content)}, nil
}

// pass says whether reading may go on.
func (g *gate) pass() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed && !g.begun {
		return false
	}
	g.begun = true
	return true
}

// shut ends it, and says whether reading had begun.
func (g *gate) shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	return g.begun
}

// gated is one reading of a gate's content.
type gated struct {
	gate   *gate
	reader *bytes.Reader
}

// Read reads, unless the request is over already.
func (b *gated) Read(p []byte) (int, error) {
	if !b.gate.pass() {
		return 0, errShut
	}
	return b.reader.Read(p)
}

// Close does nothing: there is nothing to free.
func (b *gated) Close() error { return nil }
