package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sourceloop/deploy/chaos/proxy"
)

// patience bounds every wait; short is how long something is watched not to happen.
const (
	patience = time.Minute
	short    = 50 * time.Millisecond
)

// echo answers every line with its name and the line.
type echo struct {
	net.Listener
	heard atomic.Int64 // lines
}

func startEcho(t *testing.T, name string) *echo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				lines := bufio.NewScanner(c)
				for lines.Scan() {
					e.heard.Add(1)
					fmt.Fprintf(c, "%s %s\n", name, lines.Text())
				}
			}()
		}
	}()
	return e
}

func startProxy(t *testing.T, targets ...string) *proxy.Proxy {
	t.Helper()
	p, err := proxy.Start("127.0.0.1:0", targets...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// client is one connection through a proxy.
type client struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, p *proxy.Proxy) *client {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) say(line string) { _, _ = fmt.Fprintln(c, line) } // An answer that fails to come tells enough.

func (c *client) hear(limit time.Duration) (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	line, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// ask expects an answer.
func (c *client) ask(line string) string {
	c.t.Helper()
	c.say(line)
	answer, err := c.hear(patience)
	if err != nil {
		c.t.Fatalf("no answer to %q: %v", line, err)
	}
	return answer
}

// isCut expects that the connection ends.
func (c *client) isCut() {
	c.t.Helper()
	if answer, err := c.hear(patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("the connection goes on: %q, %v", answer, err)
	}
}

// isSilent expects neither an answer nor an end for a moment.
func (c *client) isSilent() {
	c.t.Helper()
	if answer, err := c.hear(short); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("heard %q, %v; want nothing", answer, err)
	}
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	again, deadline := time.NewTicker(time.Millisecond), time.After(patience)
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestItPassesOnBothWaysAndEnds(t *testing.T) {
	server := startEcho(t, "a")
	p := startProxy(t, server.Addr().String())
	c := dial(t, p)
	if got := c.ask("one"); got != "a one" {
		t.Errorf("the answer is %q", got)
	}
	long := strings.Repeat("x", 60_000)
	if got := c.ask(long); got != "a "+long {
		t.Errorf("a long answer has %d bytes", len(got))
	}
	c.say("last")
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(c.lines)
	if err != nil || string(rest) != "a last\n" {
		t.Errorf("after the client has ended it hears %q, %v", rest, err)
	}
	until(t, "the connection to be forgotten", func() bool { return len(p.Connections()) == 0 })
}

func TestItCutsAllOrOne(t *testing.T) {
	p := startProxy(t, startEcho(t, "a").Addr().String())
	one := dial(t, p)
	one.ask("hello")
	mine := p.Connections()
	other := dial(t, p)
	other.ask("hello")
	mine[0].Cut()
	one.isCut()
	other.ask("still there?")
	if n := p.Cut(); n != 1 {
		t.Errorf("cut %d connections, want 1", n)
	}
	other.isCut()
	dial(t, p).ask("and again?")
}

func TestItDelays(t *testing.T) {
	p := startProxy(t, startEcho(t, "a").Addr().String())
	c := dial(t, p)
	c.ask("quick")
	p.All(proxy.Fault{Delay: time.Hour})
	c.say("slow")
	c.isSilent()
	p.Cut()
	c.isCut()
	p.All(proxy.Fault{Delay: short})
	late, begun := dial(t, p), time.Now()
	if got := late.ask("late"); got != "a late" {
		t.Errorf("the answer is %q", got)
	}
	if took := time.Since(begun); took < 2*short {
		t.Errorf("there and back took %s, want at least %s", took, 2*short)
	}
}

// Lost requests never arrive, also later, and the client is not told.
func TestItSwallowsRequests(t *testing.T) {
	server := startEcho(t, "a")
	p := startProxy(t, server.Addr().String())
	c := dial(t, p)
	c.ask("one")
	p.All(proxy.Fault{Requests: true})
	c.say("lost")
	c.isSilent()
	late := dial(t, p)
	late.say("lost, too")
	late.isSilent()
	if n := server.heard.Load(); n != 1 {
		t.Errorf("the server heard %d lines, want the first one only", n)
	}
	p.Heal()
	c.isCut()
	dial(t, p).ask("healed")
}

// Requests arrive of which the answers are lost.
func TestItSwallowsAnswers(t *testing.T) {
	server := startEcho(t, "a")
	p := startProxy(t, server.Addr().String())
	c := dial(t, p)
	c.ask("one")
	p.All(proxy.Fault{Answers: true})
	c.say("heard")
	until(t, "the server to hear what it is told", func() bool { return server.heard.Load() == 2 })
	c.isSilent()
	p.Heal()
	c.isCut()
}

// In a black hole nobody learns that the other side has gone.
func TestABlackHoleHidesTheEnd(t *testing.T) {
	p := startProxy(t, startEcho(t, "a").Addr().String())
	c := dial(t, p)
	c.ask("one")
	p.Connections()[0].Set(proxy.BlackHole())
	other := dial(t, p)
	other.ask("others are not concerned")
	c.say("lost")
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.isSilent()
	p.Heal()
	c.isCut()
	other.ask("still not")
}

func TestItRefuses(t *testing.T) {
	p := startProxy(t, startEcho(t, "a").Addr().String())
	p.Refuse(true)
	c := dial(t, p)
	c.say("hello")
	c.isCut()
	p.Heal()
	dial(t, p).ask("hello")
}

// Connections go round the servers; one that is away is passed over.
func TestItGoesRound(t *testing.T) {
	a, b := startEcho(t, "a"), startEcho(t, "b")
	p := startProxy(t, a.Addr().String(), b.Addr().String())
	count := map[string]int{}
	for range 10 {
		count[dial(t, p).ask("")]++
	}
	if count["a "] != 5 || count["b "] != 5 {
		t.Errorf("went round as %v", count)
	}
	a.Close()
	for range 4 {
		if got := dial(t, p).ask(""); got != "b " {
			t.Errorf("got %q of a server that is away", got)
		}
	}
	b.Close()
	c := dial(t, p)
	c.isCut()
}

func TestCloseLeavesNothing(t *testing.T) {
	server := startEcho(t, "a")
	before := goleak.IgnoreCurrent()
	p, err := proxy.Start("127.0.0.1:0", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	swallowed, delayed := dial(t, p), dial(t, p)
	swallowed.ask("one")
	delayed.ask("two")
	p.All(proxy.BlackHole())
	swallowed.say("lost")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	swallowed.isCut()
	delayed.isCut()
	server.Close()
	until(t, "all goroutines to end", func() bool { return goleak.Find(before) == nil })
}

func TestWhereToMayBeToldLater(t *testing.T) {
	p := startProxy(t)
	dial(t, p).isCut()
	p.To(startEcho(t, "a").Addr().String())
	if got := dial(t, p).ask("one"); got != "a one" {
		t.Errorf("the answer is %q", got)
	}
}
