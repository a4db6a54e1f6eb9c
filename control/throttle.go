package control

import (
	"context"
	"net/netip"
	"time"

	"sourceloop/schema"
)

// forgetFailures is how long failed sign-ins count.
const forgetFailures = time.Hour

// subject is what failures are counted for.
type subject struct {
	key     []byte
	allowed int64 // failures before waiting begins
}

// throttled counts an account from one address, so that nobody can lock
// somebody else out, and an address (for IPv6 its /64) over all accounts.
func throttled(email, address string) [2]subject {
	if ip, err := netip.ParseAddr(address); err == nil {
		ip = ip.Unmap()
		if ip.Is6() {
			if prefix, err := ip.Prefix(64); err == nil {
				ip = prefix.Addr()
			}
		}
		address = ip.WithZone("").String()
	}
	return [2]subject{
		{hashSecret("account\x00" + email + "\x00" + address), 5},
		{hashSecret("address\x00" + address), 50},
	}
}

// wait is how long after the last of n failures the next try is heard: a
// second, doubled for each further failure, a quarter of an hour at most.
func wait(failures, allowed int64) time.Duration {
	const longest = 15 * time.Minute
	if failures < allowed {
		return 0
	}
	over := failures - allowed
	if over > 10 {
		return longest
	}
	return min(time.Second<<over, longest)
}

func (s *Store) checkThrottle(ctx context.Context, op string, subjects [2]subject) error {
	now := s.clock()
	for _, subject := range subjects {
		var failures, last int64
		if _, err := s.reader().one(ctx, "failures_find", []any{subject.key}, &failures, &last); err != nil {
			return failed(op, err)
		}
		until := schema.Millis(last).Add(wait(failures, subject.allowed))
		if until > now {
			seconds := int(until.Sub(now).Seconds()) + 1
			return schema.E(op, schema.KindLimited, "Too many wrong passwords were given. Wait %d seconds, then try again.", seconds)
		}
	}
	return nil
}

func (s *Store) recordFailure(ctx context.Context, op string, subjects [2]subject) error {
	return s.update(ctx, op, func(t *tx) error {
		for _, subject := range subjects {
			if _, err := t.exec(ctx, "failure_add", subject.key, int64(t.now), int64(t.now.Add(-forgetFailures))); err != nil {
				return err
			}
		}
		return nil
	})
}
