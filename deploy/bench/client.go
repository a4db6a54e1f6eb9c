package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// sender writes prepared requests to a server over connections that are kept. It is leaner than net/http's client, so
// that two cores are left to who is measured.
type sender struct {
	address     string
	status      []byte // of a good answer, "202"
	connections int
	every       time.Duration // between the starts of two requests, where the machine can keep up; 0 for as fast as it can
	begun       time.Time

	repeated atomic.Int64 // requests that the server could not take at first

	mu    sync.Mutex
	waits []float64 // milliseconds of every answer
}

func newSender(address, status string) *sender {
	return &sender{address: address, status: []byte(status), connections: connections}
}

// send sends all requests, each connection one at a time, and returns when the last is answered.
func (s *sender) send(ctx context.Context, requests [][]byte) error {
	var next atomic.Int64
	s.begun = time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range min(s.connections, len(requests)) {
		group.Go(func() error { return s.lane(ctx, requests, &next) })
	}
	return group.Wait()
}

func (s *sender) lane(ctx context.Context, requests [][]byte, next *atomic.Int64) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("cannot reach %s: %w", s.address, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var waits []float64
	defer func() {
		s.mu.Lock()
		s.waits = append(s.waits, waits...)
		s.mu.Unlock()
	}()
	in := bufio.NewReader(conn)
	for {
		i := int(next.Add(1)) - 1
		if i >= len(requests) {
			return nil
		}
		if err := s.wait(ctx, i); err != nil {
			return err
		}
		begun := time.Now()
		for taken := false; !taken; {
			if _, err := conn.Write(requests[i]); err != nil {
				return fmt.Errorf("cannot send a request: %w", err)
			}
			if taken, err = s.answer(in); err != nil {
				return err
			}
			if !taken { // Sent again, a hit still counts once.
				s.repeated.Add(1)
				if err := pause(ctx, againAfter); err != nil {
					return err
				}
			}
		}
		waits = append(waits, milliseconds(time.Since(begun)))
	}
}

// againAfter is the pause before a request is sent again that the server could not take.
const againAfter = 100 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait lets a request wait for its time.
func (s *sender) wait(ctx context.Context, i int) error {
	due := time.Until(s.begun.Add(time.Duration(i) * s.every))
	if s.every == 0 || due <= 0 {
		return nil
	}
	return pause(ctx, due)
}

// answer reads one answer to its end, and tells whether the request was taken.
func (s *sender) answer(in *bufio.Reader) (taken bool, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return false, fmt.Errorf("cannot read an answer: %w", err)
	}
	taken = len(line) >= 12 && bytes.Equal(line[9:12], s.status)
	if !taken && !bytes.HasPrefix(line, []byte("HTTP/1.1 503 ")) {
		return false, fmt.Errorf("cannot go on: the server answered %q instead of %s", bytes.TrimSpace(line), s.status)
	}
	return taken, skipAnswer(in)
}

// skipAnswer reads what follows the first line of an answer.
func skipAnswer(in *bufio.Reader) error {
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("cannot read an answer: %w", err)
		}
		if len(line) == 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return fmt.Errorf("cannot read an answer: %w", err)
			}
		}
	}
	if _, err := in.Discard(length); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read an answer: %w", err)
	}
	return nil
}
