package intercom

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kinds of faults. Each has a number of times it still happens.
const (
	faultSlow         = "slow"            // Requests wait before they are answered.
	fault429          = "429"             // Requests exceed the rate limit.
	fault500          = "500"             // Requests meet a server error.
	faultBadSignature = "bad_signature"   // Notifications are signed with another secret.
	faultDuplicate    = "duplicate"       // Notifications are sent twice.
	faultShuffle      = "shuffle"         // Batches are sent in the wrong order.
	faultMerge        = "merge"           // Chats end in a merge of their contact.
	faultRevoke       = "revoke"          // At once: the workspace removes the app.
	faultPlan         = "plan_restricted" // Conversations are refused by plan.
)

func faultKinds() []string {
	return []string{
		faultSlow, fault429, fault500, faultBadSignature, faultDuplicate, faultShuffle, faultMerge, faultRevoke, faultPlan,
	}
}

// defaultDelay of slow requests is longer than a cautious client waits.
const defaultDelay = 3 * time.Second

// fault is what is left of one kind.
type fault struct {
	times   int
	delayMS int64
}

func (f fault) delay() time.Duration { return time.Duration(f.delayMS) * time.Millisecond }

// faults are durable, so that a restart in the middle of a test keeps them.
type faults struct {
	store *store
	mu    sync.Mutex
	left  map[string]fault
}

func loadFaults(ctx context.Context, st *store) (*faults, error) {
	f := &faults{store: st, left: map[string]fault{}}
	err := st.read(ctx).rows("fault_list", nil, func(scan func(...any) error) error {
		var kind string
		var left fault
		if err := scan(&kind, &left.times, &left.delayMS); err != nil {
			return err
		}
		f.left[kind] = left
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the faults: %w", err)
	}
	return f, nil
}

// take uses a fault up once, and says whether there was one.
func (f *faults) take(ctx context.Context, kind string) (fault, bool, error) {
	f.mu.Lock()
	left := f.left[kind]
	if left.times <= 0 {
		f.mu.Unlock()
		return fault{}, false, nil
	}
	left.times--
	f.left[kind] = left
	f.mu.Unlock()
	return left, true, f.save(ctx, kind)
}

// set replaces what is left of a kind; 0 times ends it.
func (f *faults) set(ctx context.Context, kind string, value fault) error {
	f.mu.Lock()
	f.left[kind] = value
	f.mu.Unlock()
	return f.save(ctx, kind)
}

// save keeps the newest value, whoever saves last.
func (f *faults) save(ctx context.Context, kind string) error {
	return f.store.write(ctx, func(tx *session) error {
		f.mu.Lock()
		value := f.left[kind]
		f.mu.Unlock()
		_, err := tx.exec("fault_put", kind, value.times, value.delayMS)
		return err
	})
}

// faultRequest is the body of POST /standin/fault.
type faultRequest struct {
	Kind    string `json:"kind"`
	Times   *int   `json:"times"`
	DelayMS int64  `json:"delay_ms"`
}

func (r faultRequest) check() error {
	if !slices.Contains(faultKinds(), r.Kind) {
		return fmt.Errorf("unknown kind of fault %q; it is one of %s", r.Kind, strings.Join(faultKinds(), ", "))
	}
	if r.Times != nil && *r.Times < 0 || r.DelayMS < 0 {
		return fmt.Errorf("times and delay_ms must not be negative")
	}
	return nil
}

// value: one time unless told, and a delay that a cautious client does not wait for.
func (r faultRequest) value() fault {
	times := 1
	if r.Times != nil {
		times = *r.Times
	}
	if r.DelayMS == 0 {
		r.DelayMS = defaultDelay.Milliseconds()
	}
	return fault{times: times, delayMS: r.DelayMS}
}
