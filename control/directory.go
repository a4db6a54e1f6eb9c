package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sourceloop/schema"
)

// keepChanges is how long rows of the table changes are kept for people to
// read; following needs their highest number only, which is kept elsewhere.
const keepChanges = 7 * 24 * time.Hour

// Directory is the snapshot of what the hot path needs: workspaces, routes of
// providers, API keys. Its methods are safe for concurrent use, take no lock,
// and never ask the database. What they return must not be changed.
type Directory struct {
	store   *Store
	current atomic.Pointer[snapshot]
	loading sync.Mutex
	failure atomic.Pointer[error]
}

type snapshot struct {
	seq    int64
	bySite map[string]*schema.Workspace
	byID   map[uint32]*schema.Workspace
	routes map[providerApp]route
	keys   map[string]Principal // by the token's hash

	incoming map[string]schema.IncomingHook // by the token's hash

	erased     map[uint32]*erasures // by workspace
	erasureKey []byte
}

type providerApp struct{ provider, app string }

type route struct {
	workspace  uint32
	connection int64
}

// BySiteKey finds the workspace whose tracker uses a site key.
func (d *Directory) BySiteKey(key string) (*schema.Workspace, bool) {
	w, ok := d.current.Load().bySite[key]
	return w, ok
}

// Workspace finds a workspace by its number.
func (d *Directory) Workspace(id uint32) (*schema.Workspace, bool) {
	w, ok := d.current.Load().byID[id]
	return w, ok
}

// Workspaces are all workspaces, in no order.
func (d *Directory) Workspaces() []*schema.Workspace {
	byID := d.current.Load().byID
	all := make([]*schema.Workspace, 0, len(byID))
	for _, w := range byID {
		all = append(all, w)
	}
	return all
}

// Route finds whose connection a provider's workspace (Intercom's app_id) is.
// Only connected ones have a route.
func (d *Directory) Route(provider, app string) (workspace uint32, connection int64, ok bool) {
	r, ok := d.current.Load().routes[providerApp{provider, app}]
	return r.workspace, r.connection, ok
}

// APIKey finds whose API key a token is.
func (d *Directory) APIKey(token string) (Principal, bool) {
	p, ok := d.current.Load().keys[string(hashSecret(token))]
	return p, ok
}

// Refresh takes up what the settings are now. For who misses something and is
// not to miss what was saved a moment ago.
func (d *Directory) Refresh(ctx context.Context) error {
	return failed("read the settings anew", d.refresh(ctx))
}

// Err is the failure of the newest attempt to follow changes, or nil. While it
// is not nil, the snapshot may be out of date.
func (d *Directory) Err() error {
	if p := d.failure.Load(); p != nil {
		return *p
	}
	return nil
}

func (d *Directory) note(err error) {
	if err == nil {
		d.failure.Store(nil)
		return
	}
	err = failed("follow changes of the settings", err)
	d.failure.Store(&err)
}

// refresh reads the snapshot anew when something changed. The number is read
// before the tables: they are at least as new as it says.
func (d *Directory) refresh(ctx context.Context) error {
	d.loading.Lock()
	defer d.loading.Unlock()
	var seq int64
	if _, err := d.store.reader().one(ctx, "change_last", nil, &seq); err != nil {
		return err
	}
	if old := d.current.Load(); old != nil && old.seq == seq {
		return nil
	}
	next := &snapshot{
		seq: seq, bySite: map[string]*schema.Workspace{}, byID: map[uint32]*schema.Workspace{},
		routes: map[providerApp]route{}, keys: map[string]Principal{}, erased: map[uint32]*erasures{}, incoming: map[string]schema.IncomingHook{},
	}
	r := d.store.reader()
	for _, load := range []func(context.Context, runner) error{next.loadWorkspaces, next.loadSettings, next.loadGoals, next.loadRoutes, next.loadKeys, next.loadIncoming, next.loadErased} {
		if err := load(ctx, r); err != nil {
			return err
		}
	}
	if err := next.loadErasureKey(ctx, d.store, r); err != nil {
		return err
	}
	d.current.Store(next)
	return nil
}

func (n *snapshot) loadWorkspaces(ctx context.Context, r runner) error {
	return r.each(ctx, "workspaces_all", nil, func(scan func(...any) error) error {
		var id int64
		var zone string
		w := new(schema.Workspace)
		if err := scan(&id, &w.Name, &w.SiteKey, &w.Currency, &zone); err != nil {
			return err
		}
		location, err := loadZone(zone)
		if err != nil {
			return fmt.Errorf("workspace %d: %w", id, err)
		}
		w.ID, w.Zone = uint32(id), location
		n.byID[w.ID], n.bySite[w.SiteKey] = w, w
		return nil
	})
}

// loadSettings skips a workspace made after the workspaces were read; its
// change has a higher number and will be read.
func (n *snapshot) loadSettings(ctx context.Context, r runner) error {
	return r.each(ctx, "settings_all", nil, func(scan func(...any) error) error {
		var workspace, version, from int64
		var body string
		if err := scan(&workspace, &version, &from, &body); err != nil {
			return err
		}
		w, ok := n.byID[uint32(workspace)]
		if !ok {
			return nil
		}
		set, err := decodeSettings(uint32(version), schema.Millis(from), body)
		w.Settings = superseded(w.Settings, set)
		return err
	})
}

// superseded adds a version to those before it. From its moment on it holds
// instead of all of them: one that was dated back changes the past.
func superseded(list []schema.Settings, next schema.Settings) []schema.Settings {
	for len(list) > 0 && list[len(list)-1].From >= next.From {
		list = list[:len(list)-1]
	}
	return append(list, next)
}

func (n *snapshot) loadRoutes(ctx context.Context, r runner) error {
	return r.each(ctx, "routes_all", nil, func(scan func(...any) error) error {
		var id, workspace int64
		var at providerApp
		if err := scan(&id, &workspace, &at.provider, &at.app); err != nil {
			return err
		}
		n.routes[at] = route{workspace: uint32(workspace), connection: id}
		return nil
	})
}

func (n *snapshot) loadKeys(ctx context.Context, r runner) error {
	return r.each(ctx, "api_keys_all", nil, func(scan func(...any) error) error {
		var id, workspace int64
		var hash []byte
		var role string
		if err := scan(&id, &workspace, &hash, &role); err != nil {
			return err
		}
		n.keys[string(hash)] = Principal{Key: id, Workspace: uint32(workspace), Role: Role(role)}
		return nil
	})
}

// follow keeps the Directory up to date until Close.
func (s *Store) follow(every time.Duration) {
	if every <= 0 {
		every = 250 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go func() {
		defer close(s.stopped)
		poll, tidy := time.NewTicker(every), time.NewTicker(time.Hour)
		defer poll.Stop()
		defer tidy.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-poll.C:
				s.directory.poll(ctx)
			case <-tidy.C:
				s.directory.note(s.tidy(ctx))
			}
		}
	}()
}

func (d *Directory) poll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := d.refresh(ctx); !errors.Is(err, context.Canceled) {
		d.note(err)
	}
}

// tidy deletes what has expired.
func (s *Store) tidy(ctx context.Context) error {
	return s.update(ctx, "tidy the settings database", func(t *tx) error {
		if _, err := t.exec(ctx, "changes_prune", int64(t.now.Add(-keepChanges))); err != nil {
			return err
		}
		for _, name := range []string{"sign_ins_prune", "sign_up_links_prune", "oauth_states_prune"} {
			if _, err := t.exec(ctx, name, int64(t.now)); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, "endpoint_forget_former", int64(t.now), []byte{}); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "tasks_prune", int64(t.now.Add(-keepTasks))); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "attempts_prune", int64(t.now.Add(-keepAttempts))); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "signals_prune", int64(t.now.Add(-keepSignals))); err != nil {
			return err
		}
		_, err := t.exec(ctx, "failures_prune", int64(t.now.Add(-forgetFailures)))
		return err
	})
}
