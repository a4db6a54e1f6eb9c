package ports_test

import (
	"net"
	"slices"
	"strconv"
	"testing"

	"sourceloop/deploy/ports"
)

func TestFreePortsAreFreeAndDifferent(t *testing.T) {
	free, err := ports.Free(20)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(free); len(slices.Compact(free)) != 20 {
		t.Errorf("not twenty different ports: %v", free)
	}
	for _, port := range free {
		if port >= 32768 {
			t.Errorf("%d is one of those that outgoing connections get", port)
		}
	}
}

func TestAListenerHoldsItsPort(t *testing.T) {
	l, err := ports.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if other, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
		_ = other.Close()
		t.Errorf("a second one listens on %d", port)
	}
}
