package report

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
)

// silent is a server that greets, and calls asked when a question comes, which it never answers.
func silent(t *testing.T, asked func()) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		some := make([]byte, 4096)
		if _, err := conn.Read(some); err != nil {
			return
		}
		var hello proto.Buffer
		greeting := proto.ServerHello{Name: "silent", Major: 1, Revision: 54_400}
		greeting.EncodeAware(&hello, proto.Version) // as a client reads it
		if _, err := conn.Write(hello.Buf); err != nil {
			return
		}
		if _, err := conn.Read(some); err == nil {
			asked()
		}
		_, _ = io.Copy(io.Discard, conn)
	}()
	return listener.Addr().String()
}

// TestWhoGoesAwayNeedNotWaitForAnAnswer: a question that is given up ends though nothing comes, which is so if it was given up before it was sent.
func TestWhoGoesAwayNeedNotWaitForAnAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := newColumnar(&clickhouse.Options{Addr: []string{silent(t, cancel)}}, time.Hour)
	if err := c.do(ctx, ch.Query{Body: "SELECT 1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("who goes away is told %v", err)
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
}
