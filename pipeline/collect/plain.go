package collect

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// Limits of a request that the front reads. Others are net/http's.
const (
	frontHead = 8 << 10  // bytes up to the empty line
	frontMost = 64 << 10 // bytes in all
)

// kind is what the front makes of the bytes it has.
type kind uint8

const (
	isPart    kind = iota // of a request that may be ours
	isOurs                // a whole request
	isForeign             // whatever it is, it is not ours
)

// plain is a request for hits as the front reads it. The slices are parts of
// the connection's buffer.
type plain struct {
	query, host, agent, optOut, length   []byte
	encoding, forwarded, country, body   []byte
	hosts, agents, optOuts, lengths      int // how often a header came
	encodings, forwardeds, countriesSaid int
}

// read looks for a request of ours at the beginning of the input and gives its
// size. It takes what net/http would take in the same way, and not all of that;
// a test holds it to this.
func (f *Front) read(in []byte, p *plain) (size int, k kind) {
	if n := min(len(in), len(f.post)); !bytes.Equal(in[:n], f.post[:n]) {
		return 0, isForeign
	}
	end := bytes.Index(in[:min(len(in), frontHead)], []byte("\r\n\r\n"))
	if end < 0 {
		if len(in) >= frontHead || looseLineEnd(in) {
			return 0, isForeign
		}
		return 0, isPart
	}
	if !f.readHead(in[len(f.post):end+2], p) {
		return 0, isForeign
	}
	length, ok := decimal(p.length)
	size = end + 4 + length
	switch {
	case !ok || size > frontMost:
		return 0, isForeign
	case len(in) < size:
		return 0, isPart
	}
	p.body = in[end+4 : size]
	return size, isOurs
}

// readHead reads the rest of the first line and the headers, each with its line
// end.
func (f *Front) readHead(head []byte, p *plain) bool {
	*p = plain{}
	line, head, _ := bytes.Cut(head, []byte("\r\n"))
	query, ok := bytes.CutSuffix(line, []byte(" HTTP/1.1"))
	if !ok || !visible(query) {
		return false
	}
	p.query = query
	for len(head) > 0 {
		line, head, _ = bytes.Cut(head, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte{':'})
		value = bytes.Trim(value, " ")
		if !ok || !token(name) || !printable(value) || !f.note(p, name, value) {
			return false
		}
	}
	return p.hosts == 1 && p.lengths == 1 && hostName(p.host) &&
		max(p.agents, p.optOuts, p.encodings, p.forwardeds, p.countriesSaid) <= 1
}

// note keeps a header that matters, and tells whether the request may still be
// ours: not with one that changes how it is read.
func (f *Front) note(p *plain, name, value []byte) bool {
	switch len(name) {
	case len("Host"):
		keep(name, "host", value, &p.host, &p.hosts)
	case len("Expect"):
		if is(name, "expect") {
			return false
		}
	case len("Sec-GPC"):
		if is(name, "trailer") || is(name, "upgrade") {
			return false
		}
		keep(name, "sec-gpc", value, &p.optOut, &p.optOuts)
	case len("Connection"):
		if is(name, "connection") && !is(value, "keep-alive") {
			return false
		}
		keep(name, "user-agent", value, &p.agent, &p.agents)
	case len("Content-Length"):
		keep(name, "content-length", value, &p.length, &p.lengths)
	case len("Content-Encoding"):
		keep(name, "content-encoding", value, &p.encoding, &p.encodings)
	case len("Transfer-Encoding"):
		if is(name, "transfer-encoding") {
			return false
		}
	}
	if len(f.edge.trust.proxies) > 0 {
		keep(name, "x-forwarded-for", value, &p.forwarded, &p.forwardeds)
		keep(name, f.country, value, &p.country, &p.countriesSaid)
	}
	return true
}

// keep keeps the value of a header of this name, and counts it.
func keep(name []byte, small string, value []byte, into *[]byte, times *int) {
	if is(name, small) {
		*into = value
		*times++
	}
}

// is compares a name with one in small letters, blind to case.
func is(name []byte, small string) bool {
	if len(name) != len(small) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != small[i] {
			return false
		}
	}
	return true
}

func decimal(text []byte) (n int, ok bool) {
	if len(text) == 0 || len(text) > 6 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// looseLineEnd tells whether a line ends without CR, which net/http takes too.
func looseLineEnd(text []byte) bool {
	for i, c := range text {
		if c == '\n' && (i == 0 || text[i-1] != '\r') {
			return true
		}
	}
	return false
}

// visible tells whether text is what a query may be made of, and no fragment.
func visible(text []byte) bool {
	for _, c := range text {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return true
}

func printable(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func token(name []byte) bool {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return len(name) > 0
}

func hostName(text []byte) bool {
	for _, c := range text {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == ':' || c == '[' || c == ']') {
			return false
		}
	}
	return len(text) > 0
}

// memory is a body that is in memory.
type memory struct{ bytes.Reader }

// Close has nothing to free.
func (*memory) Close() error { return nil }

func newFrontRequest(address string, header http.Header, body io.ReadCloser) *http.Request {
	return &http.Request{
		Method: http.MethodPost, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, URL: new(url.URL),
		RemoteAddr: address, Header: header, Body: body,
	}
}

// into makes of it the request that the edge handles. A connection's agent is
// the same for all of its requests, nearly always.
func (p *plain) into(c *caller) {
	r := &c.request
	r.URL.RawQuery = string(p.query)
	r.ContentLength = int64(len(p.body))
	c.body.Reset(p.body)
	if string(p.agent) != c.agent || len(c.header) != 1 {
		clear(c.header)
		c.agent = string(p.agent)
		c.header["User-Agent"] = []string{c.agent}
	}
	for _, h := range [...]struct {
		name  string
		value []byte
	}{
		{"Sec-Gpc", p.optOut}, {"Content-Encoding", p.encoding}, {"X-Forwarded-For", p.forwarded}, {c.front.edge.trust.header, p.country},
	} {
		if len(h.value) > 0 {
			c.header[h.name] = []string{string(h.value)}
		}
	}
}

// answerBuffer is the answer to a request, used again and again.
type answerBuffer struct {
	header http.Header
	status int
	body   []byte
	out    []byte
}

func (a *answerBuffer) reset() {
	clear(a.header)
	a.status, a.body = http.StatusOK, a.body[:0]
}

// Header implements http.ResponseWriter.
func (a *answerBuffer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answerBuffer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answerBuffer) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

// bytes is the answer as it is sent.
func (a *answerBuffer) bytes(d *date) []byte {
	out := append(a.out[:0], "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(a.status), 10)
	out = append(append(out, ' '), http.StatusText(a.status)...)
	for name, values := range a.header {
		for _, v := range values {
			out = append(append(append(append(out, "\r\n"...), name...), ": "...), v...)
		}
	}
	out = append(append(out, "\r\nDate: "...), d.now()...)
	out = strconv.AppendInt(append(out, "\r\nContent-Length: "...), int64(len(a.body)), 10)
	a.out = append(append(out, "\r\n\r\n"...), a.body...)
	return a.out
}

// date is the time as HTTP writes it, made once a second.
type date struct{ current atomic.Pointer[second] }

type second struct {
	unix int64
	text string
}

func (d *date) now() string {
	now := time.Now()
	if s := d.current.Load(); s != nil && s.unix == now.Unix() {
		return s.text
	}
	s := &second{now.Unix(), now.UTC().Format(http.TimeFormat)}
	d.current.Store(s)
	return s.text
}
