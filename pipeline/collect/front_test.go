package collect_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sourceloop/pipeline/collect"
	"sourceloop/schema"
)

// patience bounds every wait.
const patience = time.Minute

func post(body string, headers ...string) string {
	return "POST /sl/hits?key=" + siteKey + " HTTP/1.1\r\nHost: sl.example\r\n" + strings.Join(append(headers, ""), "\r\n") +
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

// talk writes bytes to a server, in pieces, and reads answers until it has as many as are wanted or the server hangs up.
func talk(t *testing.T, address, input string, piece, answers int) []string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	go func() {
		for some := range slices.Chunk([]byte(input), piece) {
			if _, err := conn.Write(some); err != nil {
				return // The server hung up: the answers tell.
			}
		}
	}()
	var got []string
	in := bufio.NewReader(conn)
	for len(got) < answers {
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return append(got, "hung up")
		}
		body, err := io.ReadAll(response.Body)
		if errors.Is(err, syscall.ECONNRESET) { // It hung up on what it did not read, before this was read.
			return talk(t, address, input, piece, answers)
		}
		if err != nil {
			t.Fatal(err)
		}
		response.Header.Del("Date")
		var header bytes.Buffer
		if err := response.Header.Write(&header); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s close=%t\n%s%s", response.Status, response.Close, &header, body))
	}
	return got
}

// TestTheFrontAnswersAsTheServerBehindIt sends the same bytes to both.
func TestTheFrontAnswersAsTheServerBehindIt(t *testing.T) {
	one, many := "["+hit("")+"]", "["+strings.Repeat(hit("")+",", 4000)+hit("")+"]"
	chunked := "POST /sl/hits?key=" + siteKey + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(one), one)
	get := "GET /sl.js HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, test := range []struct {
		name, input string
		answers     int
		plain       int // requests that the front answers by itself
	}{
		{"one hit", post(one), 1, 1},
		{"several requests, the last ones at once", post(one) + post("x") + post(hit("")), 3, 3},
		{"an agent and much else", post(one, "User-Agent: curl/8", "Accept: */*", "Cookie: a=b; c=d", "X-Any_Thing: ä", "Referer: https://a.example/?b#c"), 1, 1},
		{"keep-alive", post(one, "Connection: keep-alive"), 1, 1},
		{"small letters and white space", post(one, "user-agent:   curl/8  ", "sec-gpc:0"), 1, 1},
		{"an opt-out", post(one, "Sec-GPC: 1"), 1, 1},
		{"gzip", post(zipped(t, one), "Content-Encoding: gzip"), 1, 1},
		{"an unknown encoding", post(one, "Content-Encoding: br"), 1, 1},
		{"a bad hit", post(`{"type":"purchase"}`), 1, 1},
		{"a bad hit among good ones", post("[" + hit("") + `,{"type":"purchase"},` + hit("") + "]"), 1, 1},
		{"nothing", post(""), 1, 1},
		{"a script after hits", post(one) + get + post(one), 3, 1},
		{"a preflight", "OPTIONS /sl/hits?key=a HTTP/1.1\r\nHost: a\r\n\r\n" + post(one), 2, 0},
		{"a large body", post(many), 1, 0},
		{"too large a body", post(hit(`"title":"` + strings.Repeat("a", 1<<20) + `"`)), 1, 0},
		{"large headers", post(one, "Cookie: "+strings.Repeat("a", 9<<10)), 1, 0},
		{"chunks", chunked, 1, 0},
		{"chunks and a length", strings.Replace(chunked, "Host: a", "Host: a\r\nContent-Length: 3", 1), 1, 0},
		{"an expectation", post(one, "Expect: 100-continue"), 2, 0},
		{"the end of the connection", post(one, "Connection: close") + post(one), 2, 0},
		{"an upgrade", post(one, "Connection: Upgrade", "Upgrade: websocket"), 1, 0},
		{"HTTP/1.0", strings.Replace(post(one), "HTTP/1.1", "HTTP/1.0", 1), 1, 0},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 1, 0},
		{"no host", strings.Replace(post(one), "Host: sl.example\r\n", "", 1), 1, 0},
		{"two hosts", post(one, "Host: b"), 1, 0},
		{"a host that is none", strings.Replace(post(one), "sl.example", "a b", 1), 1, 0},
		{"two lengths", post(one, fmt.Sprintf("Content-Length: %d", len(one))), 1, 0},
		{"two lengths that differ", post(one, "Content-Length: 3"), 1, 0},
		{"a length with a sign", strings.Replace(post(one), "Content-Length: ", "Content-Length: +", 1), 1, 0},
		{"no length", "POST /sl/hits?key=" + siteKey + " HTTP/1.1\r\nHost: a\r\n\r\n", 1, 0},
		{"a folded header", post(one, "X-A: b\r\n c"), 1, 0},
		{"a header without a colon", post(one, "X-A"), 1, 0},
		{"a header without a name", post(one, ": b"), 1, 0},
		{"a space before the colon", post(one, "X-A : b"), 1, 0},
		{"a NUL in a header", post(one, "X-A: b\x00"), 1, 0},
		{"a query with a space", strings.Replace(post(one), "?key=", "?a b&key=", 1), 1, 0},
		{"a query with a control character", strings.Replace(post(one), "?key=", "?\x01&key=", 1), 1, 0},
		{"a fragment", strings.Replace(post(one), " HTTP", "#a HTTP", 1), 1, 0},
		{"line ends without CR", strings.ReplaceAll(post(one), "\r", ""), 1, 0},
		{"one line end without CR", strings.Replace(post(one), "\r", "", 1), 1, 0},
		{"no query", strings.Replace(post(one), "?key="+siteKey, "", 1), 1, 0},
		{"another path", strings.Replace(post(one), "/sl/hits", "/sl/hitsx", 1), 1, 0},
		{"an absolute address", strings.Replace(post(one), "POST ", "POST http://sl.example", 1), 1, 0},
		{"no HTTP", "\x16\x03\x01 hello\r\n\r\n", 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, piece := range []int{1 << 30, 7} {
				if piece == 7 && len(test.input) > 16<<10 {
					continue // Read like the others, only slower.
				}
				p := start(t, unlimited)
				want := talk(t, p.behind, test.input, piece, test.answers)
				before := len(p.log.hits(t))
				got := talk(t, strings.TrimPrefix(p.url, "http://"), test.input, piece, test.answers)
				if !slices.Equal(got, want) {
					t.Errorf("in pieces of %d bytes the front says\n%s\nthe server behind it\n%s", piece, strings.Join(got, "\n--\n"), strings.Join(want, "\n--\n"))
				}
				if hits := p.log.hits(t); len(hits) != 2*before {
					t.Errorf("%d hits through the front, %d without", len(hits)-before, before)
				} else if before > 0 && hits[0].GetUserAgent() != hits[before].GetUserAgent() {
					t.Errorf("the front read the agent %q", hits[before].GetUserAgent())
				}
				if n := p.plain(t); n != test.plain {
					t.Errorf("in pieces of %d bytes the front answered %d by itself, want %d", piece, n, test.plain)
				}
			}
		})
	}
}

// plain is how many requests the front answered by itself.
func (p *place) plain(t *testing.T) int {
	t.Helper()
	families, err := p.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "sourceloop_collect_plain_requests_total" {
			return int(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	t.Fatal("the counter is gone")
	return 0
}

// TestTheFrontBelievesTrustedProxiesOnly compares whom a country header is believed from.
func TestTheFrontBelievesTrustedProxiesOnly(t *testing.T) {
	for _, proxies := range [][]netip.Prefix{nil, {netip.MustParsePrefix("127.0.0.0/8")}} {
		p := start(t, func(c *collect.Config) { c.TrustedProxies, c.CountryHeader = proxies, "CF-IPCountry" })
		input := post("["+hit("")+"]", "X-Forwarded-For: 203.0.113.7", "CF-IPCountry: NO") + post("["+hit("")+"]") +
			post("["+hit("")+"]", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 203.0.113.8", "CF-IPCountry: SE")
		talk(t, p.behind, input, 1<<30, 3)
		talk(t, strings.TrimPrefix(p.url, "http://"), input, 1<<30, 3)
		hits := p.log.hits(t)
		if len(hits) != 6 {
			t.Fatalf("%d hits", len(hits))
		}
		for i := range 3 {
			if got, want := hits[i+3].GetCountry(), hits[i].GetCountry(); got != want {
				t.Errorf("with proxies %v request %d is from %q, behind the front from %q", proxies, i, got, want)
			}
		}
		if believed := hits[3].GetCountry() == "NO"; believed != (proxies != nil) {
			t.Errorf("with proxies %v the country is %q", proxies, hits[3].GetCountry())
		}
	}
}

// TestClosingTheFront ends idle connections, and lets a request under way be answered.
func TestClosingTheFront(t *testing.T) {
	p := start(t, nil)
	address := strings.TrimPrefix(p.url, "http://")
	idle, busy := dial(t, address), dial(t, address)
	p.log.hold = make(chan struct{})
	if _, err := io.WriteString(busy, post("["+hit("")+"]")); err != nil {
		t.Fatal(err)
	}
	p.log.awaitHeld(t)
	if err := p.front.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := idle.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the idle connection is not ended: %d %v", n, err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- p.front.Drain(context.WithoutCancel(short)) }()
	close(p.log.hold)
	response, err := http.ReadResponse(bufio.NewReader(busy), nil)
	if err != nil || response.StatusCode != 202 || !response.Close {
		t.Errorf("the request under way: %v, %v", response, err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if _, err := p.front.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("afterwards Accept gives %v", err)
	}
	if n := len(p.log.topics[schema.TopicHits]); n != 1 {
		t.Errorf("%d hits", n)
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}
