package farewell

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// TestAnswersThatNobodyWantsResetNothing: the server of a connection that is
// closed in the middle of an answer sees its end, and can say all of it.
func TestAnswersThatNobodyWantsResetNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ended := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			ended <- err
			return
		}
		defer conn.Close()
		_, written := conn.Write(bytes.Repeat([]byte("answer"), 1<<20))
		_, read := io.Copy(io.Discard, conn)
		ended <- errors.Join(written, read)
	}()
	conn, err := Dialer{}.DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.ReadFull(conn, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	reader := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn) // Is in the middle of it, too.
		reader <- err
	}()
	if err = conn.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err = <-ended:
		if err != nil {
			t.Errorf("the server saw %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("the server waits still")
	}
	if err = <-reader; err == nil {
		t.Error("who read did not learn that it was closed")
	}
	if _, err = conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading what is closed: %v", err)
	}
}
