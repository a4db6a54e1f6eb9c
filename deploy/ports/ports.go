// Package ports finds free ports on loopback for servers that a program starts beside itself.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	// Below 32768, where Linux begins to give ports to outgoing connections and to who listens on port 0: a port from
	// there that is let go for a moment, or kept for the next start, is soon somebody else's. (A client that tries a
	// port of that range while nobody listens may even meet itself there.)
	lowest  = 15_000
	highest = 32_000

	attempts = 1000
)

// Listen listens on a free port of 127.0.0.1. Whoever hands the listener on, instead of its address, loses the port to nobody.
func Listen() (l net.Listener, err error) {
	for range attempts {
		//nolint:gosec // Which port it is needs to be no secret.
		port := lowest + rand.IntN(highest-lowest)
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("cannot find a free port on loopback; of the last of %d that were tried: %w", attempts, err)
}

// Free finds ports that nobody listens on, all different. They are free when it returns; nothing holds them.
func Free(n int) ([]int, error) {
	free := make([]int, 0, n)
	for range n {
		l, err := Listen()
		if err != nil {
			return nil, err
		}
		// Open until all are found, so that no port is found twice.
		defer l.Close()
		free = append(free, l.Addr().(*net.TCPAddr).Port)
	}
	return free, nil
}
