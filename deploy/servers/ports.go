package servers

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	// Below 32768, where Linux begins to give ports to outgoing connections.
	// (A client that tries a port of that range while nobody listens may even
	// meet itself there.)
	lowestPort  = 15_000
	highestPort = 32_000

	loopback = "127.0.0.1"
)

// FreePorts finds ports on loopback that nobody listens on, all different.
func FreePorts(n int) ([]int, error) {
	var ports []int
	for range 1000 {
		if len(ports) == n {
			return ports, nil
		}
		//nolint:gosec // Which port it is needs to be no secret.
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		l, err := net.Listen("tcp", address(port))
		if err != nil {
			continue
		}
		// Open until all are found, so that no port is found twice.
		defer l.Close()
		ports = append(ports, port)
	}
	return nil, errors.New("cannot find free ports on loopback: a thousand were tried")
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
