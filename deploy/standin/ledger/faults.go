package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"sourceloop/deploy/standin/front"
)

// defaultDelay of slow requests is longer than a cautious client waits.
const defaultDelay = 3 * time.Second

// Fault is what is left of one kind.
type Fault struct {
	Times   int
	DelayMS int64
}

// Delay is how long something slow takes.
func (f Fault) Delay() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

// Faults are the ways in which a stand-in was told to fail. They are durable,
// so that a restart in the middle of a test keeps them.
type Faults struct {
	store *Store
	kinds []string
	mu    sync.Mutex
	left  map[string]Fault
}

// LoadFaults reads what was left. kinds are all that can be asked for.
func LoadFaults(ctx context.Context, st *Store, kinds []string) (*Faults, error) {
	f := &Faults{store: st, kinds: kinds, left: map[string]Fault{}}
	err := st.Read(ctx).Rows("fault_list", nil, func(scan func(...any) error) error {
		var kind string
		var left Fault
		if err := scan(&kind, &left.Times, &left.DelayMS); err != nil {
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

// Take uses a fault up once, and says whether there was one.
func (f *Faults) Take(ctx context.Context, kind string) (Fault, bool, error) {
	f.mu.Lock()
	left := f.left[kind]
	if left.Times <= 0 {
		f.mu.Unlock()
		return Fault{}, false, nil
	}
	left.Times--
	f.left[kind] = left
	f.mu.Unlock()
	return left, true, f.save(ctx, kind)
}

// Wait takes as long as a fault of a kind says, if there is one, and no longer
// than ctx.
func (f *Faults) Wait(ctx context.Context, kind string) error {
	slow, on, err := f.Take(ctx, kind)
	if err != nil || !on {
		return err
	}
	timer := time.NewTimer(slow.Delay())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// Set replaces what is left of a kind; 0 times ends it.
func (f *Faults) Set(ctx context.Context, kind string, value Fault) error {
	f.mu.Lock()
	f.left[kind] = value
	f.mu.Unlock()
	return f.save(ctx, kind)
}

// save keeps the newest value, whoever saves last.
func (f *Faults) save(ctx context.Context, kind string) error {
	return f.store.Write(ctx, func(tx *Session) error {
		f.mu.Lock()
		value := f.left[kind]
		f.mu.Unlock()
		_, err := tx.Exec("fault_put", kind, value.Times, value.DelayMS)
		return err
	})
}

// maxBody bounds what tells of a fault.
const maxBody = 1 << 20

// Post answers POST /standin/fault. begin does what happens at once, and Sets
// the others.
func (f *Faults) Post(begin func(ctx context.Context, kind string, value Fault) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, status, err := front.ReadBody(r, maxBody)
		if err != nil {
			front.WriteJSON(w, status, front.Problem(err))
			return
		}
		kind, value, err := f.parse(body)
		if err != nil {
			front.WriteJSON(w, http.StatusBadRequest, front.Problem(err))
			return
		}
		if err := begin(r.Context(), kind, value); err != nil {
			front.WriteJSON(w, http.StatusInternalServerError, front.Problem(err))
			return
		}
		front.WriteJSON(w, http.StatusOK, map[string]any{"kind": kind, "times": value.Times})
	}
}

// parse reads a fault: one time unless told, and a
// delay that a cautious client does not wait for.
func (f *Faults) parse(body []byte) (kind string, value Fault, err error) {
	var r struct {
		Kind    string `json:"kind"`
		Times   *int   `json:"times"`
		DelayMS int64  `json:"delay_ms"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return "", value, fmt.Errorf("cannot read the fault: %w", err)
	}
	if !slices.Contains(f.kinds, r.Kind) {
		return "", value, fmt.Errorf("unknown kind of fault %q; it is one of %s", r.Kind, strings.Join(f.kinds, ", "))
	}
	if r.Times != nil && *r.Times < 0 || r.DelayMS < 0 {
		return "", value, fmt.Errorf("times and delay_ms must not be negative")
	}
	value = Fault{Times: 1, DelayMS: r.DelayMS}
	if r.Times != nil {
		value.Times = *r.Times
	}
	if value.DelayMS == 0 {
		value.DelayMS = defaultDelay.Milliseconds()
	}
	return r.Kind, value, nil
}
