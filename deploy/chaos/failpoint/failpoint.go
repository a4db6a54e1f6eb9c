// Package failpoint makes a process die, stop or fail at named places, for tests that want to see what is left then. The
// stages call a function that they are given; nobody gives them one unless the environment asks for it:
//
//	SOURCELOOP_FAILPOINTS=sessionize.after-redis=kill@3,stitch.after-rows=error
//
// kills the process (SIGKILL) when it comes to the first place for the third time, and makes the second one fail once.
// "stop" stops it (SIGSTOP) until somebody continues it. Each fires once in a process. With SOURCELOOP_FAILPOINTS_LOG a
// line is appended to that file before anything happens, so that it can be counted over many processes what has fired:
//
//	sessionize.after-redis kill 4711
package failpoint

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// The variables that ask for failpoints.
const (
	Variable    = "SOURCELOOP_FAILPOINTS"
	LogVariable = "SOURCELOOP_FAILPOINTS_LOG"
)

// What can happen at a place.
const (
	Kill = "kill"
	Stop = "stop"
	Fail = "error"
)

// Connected is the role of a pipeline that sends to somebody: to an advertising platform, or to a receiver of webhooks.
const Connected = "pipeline, connected to a platform"

// ErrFired is what a place returns that was to fail.
var ErrFired = errors.New("a failpoint fired")

// Names lists all places, by the role of the process that comes to them.
func Names() map[string][]string {
	return map[string][]string{
		"collect": {
			"collect.before-append", // hits were read, and are not in the log
			"collect.after-append",  // hits are acknowledged by the log, and not answered
			"collect.before-hook",   // the same for a webhook
			"collect.after-hook",
			"spool.after-fsync", // records are on the disk instead of the log, and not answered
			"spool.after-drain", // the log has them, too, and they are still on the disk
		},
		"pipeline": {
			"sessionize.takeover",         // the epoch is taken, and the assignment not confirmed
			"sessionize.after-redis",      // states are in Redis
			"sessionize.after-clickhouse", // hits and sessions are in ClickHouse
			"sessionize.after-produce",    // what they mean for contacts is in the log
			"sessionize.before-commit",    // all of a stretch is durable, and its offset not committed
			"stitch.takeover",
			"stitch.after-redis",       // components are in Redis
			"stitch.after-rows",        // claims, identities and contacts are in ClickHouse
			"stitch.after-attribution", // and the conversions' touches
			"stitch.before-commit",
			"resolve.after-asking",  // Intercom has answered, and nothing is in the log
			"resolve.after-produce", // the evidence is in the log
			"resolve.before-commit",
			"inbox.after-lease", // webhooks were taken from the inbox, and none is finished
			"notify.after-plan", // it is planned what receivers are told, and the offset not committed
			"notify.before-commit",
			"deliver.after-plan",    // pushes are in the outbox
			"deliver.before-commit", // and the offset is not committed
		},
		// A pipeline that is connected to an advertising platform or has a receiver of webhooks, which the kill loop's is and
		// has not.
		Connected: {
			"deliver.before-send", // the outbox says that an attempt is open, and nothing went out
			"deliver.after-send",  // the platform has answered, and nothing is noted
			"deliver.after-note",  // its verdicts are in the outbox
			"notify.before-send",  // an attempt is noted, and nothing sent
			"notify.after-send",   // the receiver has answered, and it is not noted
		},
	}
}

// Set is the failpoints of one process.
type Set struct {
	log *os.File // nil for none

	mu    sync.Mutex
	armed map[string]*place
}

// place is one failpoint that has not fired.
type place struct {
	action string
	passes int // until it fires
}

// FromEnvironment gives what the environment asks for, nil when that is nothing.
func FromEnvironment() (*Set, error) { return Parse(os.Getenv(Variable), os.Getenv(LogVariable)) }

// Parse reads what Variable holds; logged is the file of LogVariable, "" for none.
func Parse(text, logged string) (*Set, error) {
	if text == "" {
		return nil, nil
	}
	s := &Set{armed: make(map[string]*place)}
	for _, one := range strings.Split(text, ",") {
		name, p, err := parse(one)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", Variable, err)
		}
		s.armed[name] = p
	}
	if logged != "" {
		f, err := os.OpenFile(logged, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, fmt.Errorf("cannot note which failpoints fire: %w", err)
		}
		s.log = f
	}
	return s, nil
}

func parse(text string) (name string, p *place, err error) {
	name, rest, _ := strings.Cut(text, "=")
	action, times, counted := strings.Cut(rest, "@")
	p = &place{action: action, passes: 1}
	if counted {
		if p.passes, err = strconv.Atoi(times); err != nil || p.passes < 1 {
			return "", nil, fmt.Errorf("%q does not end in a count of 1 or more", text)
		}
	}
	if !slices.Contains([]string{Kill, Stop, Fail}, action) {
		return "", nil, fmt.Errorf("%q must be of the form NAME=kill|stop|error[@COUNT]", text)
	}
	for _, known := range Names() {
		if slices.Contains(known, name) {
			return name, p, nil
		}
	}
	return "", nil, fmt.Errorf("there is no failpoint %q", name)
}

// Reach is called at a place. It may not return.
func (s *Set) Reach(name string) error {
	action := s.fires(name)
	if action == "" {
		return nil
	}
	if s.log != nil {
		if _, err := fmt.Fprintf(s.log, "%s %s %d\n", name, action, os.Getpid()); err != nil {
			return fmt.Errorf("cannot note that %s fires: %w", name, err)
		}
	}
	switch action {
	case Kill:
		return deliver(syscall.SIGKILL)
	case Stop:
		return deliver(syscall.SIGSTOP)
	}
	return fmt.Errorf("%s: %w", name, ErrFired)
}

// fires counts a pass, and tells what is to happen now.
func (s *Set) fires(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.armed[name]
	if p == nil {
		return ""
	}
	if p.passes--; p.passes > 0 {
		return ""
	}
	delete(s.armed, name)
	return p.action
}

// deliver sends this process a signal, which works before the call returns.
func deliver(signal syscall.Signal) error {
	if err := syscall.Kill(os.Getpid(), signal); err != nil {
		return fmt.Errorf("cannot send %s to this process: %w", signal, err)
	}
	if signal == syscall.SIGKILL {
		select {} // Another thread may have taken it, and this one must do nothing more.
	}
	return nil
}
