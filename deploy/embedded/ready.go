package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	// errFolderHeld says that another engine, as a rule a dying former child, has the data folder.
	errFolderHeld = errors.New("another ClickHouse still holds the data folder")
	errPortInUse  = errors.New("a port is in use")
)

// readyPause is the time between two looks at whether the engine answers.
const readyPause = 20 * time.Millisecond

// awaitReady returns when the engine answers to this run's password on HTTP and listens for the native protocol. Somebody
// else's server on the same port does not know the password.
func (c *ClickHouse) awaitReady(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	var last error
	for {
		if last = c.ask(ctx, client); last == nil {
			return nil
		}
		select {
		case <-c.done:
			return c.err
		case <-ctx.Done():
			return fmt.Errorf("it did not answer in time: %w; last: %w", ctx.Err(), last)
		case <-time.After(readyPause):
		}
	}
}

func (c *ClickHouse) ask(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.httpAddr, strings.NewReader("SELECT currentUser()"))
	if err != nil {
		return err
	}
	req.SetBasicAuth(WriterUser, c.credentials.writer)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || strings.TrimSpace(string(answer)) != WriterUser {
		return fmt.Errorf("it answered %s: %s", resp.Status, answer)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.tcpAddr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// stackFrame is a line of an address that means nothing to anybody without the library's symbols.
var stackFrame = regexp.MustCompile(`(?m)^\d+\. .*@ 0x[0-9a-f]+\n`)

// childError puts into words why a child ended by itself.
func childError(output string, exit error) error {
	words := strings.TrimSpace(stackFrame.ReplaceAllString(output, ""))
	if _, after, found := strings.Cut(words, childErrorPrefix); found {
		words = after
	}
	switch {
	case strings.Contains(words, "Cannot lock file"):
		return fmt.Errorf("%w: %s", errFolderHeld, words)
	case strings.Contains(words, "Address already in use"):
		return fmt.Errorf("%w, another program listens on it; end that program, or choose another port (0 picks a free one): %s", errPortInUse, words)
	case words != "" && exit != nil:
		return fmt.Errorf("ClickHouse ended by itself (%w): %s", exit, words)
	case words != "":
		return fmt.Errorf("ClickHouse ended by itself: %s", words)
	case exit != nil:
		return fmt.Errorf("ClickHouse ended by itself (%w) and left no words; if it was killed, look for a lack of memory in the system's log", exit)
	}
	return errors.New("ClickHouse ended by itself and left no words")
}

// portError names the address where net's own words are all there is.
func portError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: another program listens on %s; end that program, or choose another port (0 picks a free one)", errPortInUse, addr)
	}
	return err
}

// choosePorts keeps ports that were asked for, and finds free ones for those that are 0.
func choosePorts(wantTCP, wantHTTP int) (tcp, http int, err error) {
	var chosen [2]int
	for i, port := range [2]int{wantTCP, wantHTTP} {
		addr := net.JoinHostPort(loopbackHost, strconv.Itoa(port))
		// All listeners stay open until the end, so that two free ports are two different ones.
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return 0, 0, portError(addr, err)
		}
		defer l.Close()
		chosen[i] = l.Addr().(*net.TCPAddr).Port
	}
	return chosen[0], chosen[1], nil
}

// tail keeps the last bytes written to it.
type tail struct {
	mu    sync.Mutex
	bytes []byte
	limit int
}

func newTail(limit int) *tail { return &tail{limit: limit} }

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = append(t.bytes, p...)
	if extra := len(t.bytes) - t.limit; extra > 0 {
		t.bytes = append(t.bytes[:0], t.bytes[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.bytes)
}
