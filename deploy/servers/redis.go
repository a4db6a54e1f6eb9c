package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"

	"sourceloop/deploy/ports"
)

// RedisConfig says how to run a Redis. Nothing is needed.
type RedisConfig struct {
	Dir string // Folder of its own; a fresh temporary one when empty.

	// AppendOnly keeps what it holds over a stop and a kill. Without it a Redis
	// starts empty, unless a client had it SAVE: then it starts with what is in
	// dump.rdb in its folder, be that as old as it may.
	AppendOnly bool

	Args []string // More of redis-server's options, such as --maxmemory, 1mb.
}

// Redis is one redis-server.
type Redis struct {
	*Process
	Addr string // host:port
}

// StartRedis starts redis-server, or valkey-server where that is what there is.
func StartRedis(ctx context.Context, config RedisConfig) (*Redis, error) {
	program, err := lookUp("Debian's package redis-server brings it", "redis-server", "valkey-server")
	if err != nil {
		return nil, err
	}
	free, err := ports.Free(1)
	if err != nil {
		return nil, err
	}
	folder, err := newFolder(config.Dir, "redis")
	if err != nil {
		return nil, err
	}
	appendOnly := "no"
	if config.AppendOnly {
		appendOnly = "yes"
	}
	args := append([]string{
		"--port", strconv.Itoa(free[0]), "--bind", "127.0.0.1", "--dir", folder.path, "--daemonize", "no", "--loglevel", "warning",
		"--save", "", "--appendonly", appendOnly, "--maxmemory-policy", "noeviction",
	}, config.Args...)
	r := &Redis{Addr: address(free[0])}
	r.Process = &Process{spec: spec{
		name: "redis", folder: folder, stop: sigterm, ready: r.ping,
		command: func() *exec.Cmd { return exec.Command(program, args...) },
	}}
	return started(ctx, r, r.Process)
}

// ping speaks by itself: a client would log each refusal of a server that has
// yet to start.
func (r *Redis) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingPatience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(answer, "+PONG") {
		err = errors.New("it answers " + strings.TrimSpace(answer))
	}
	return err
}

// lookUp finds the first of these programs that is on the PATH.
func lookUp(remedy string, programs ...string) (string, error) {
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("cannot run %s, it is %w; %s", programs[0], ErrMissing, remedy)
}
