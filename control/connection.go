package control

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sourceloop/schema"
)

// ConnectionState is where a connection stands.
type ConnectionState string

// The states. Pending is from the click until the callback has finished; only
// Connected ones are routed.
const (
	Pending      ConnectionState = "pending"
	Connected    ConnectionState = "connected"
	Failed       ConnectionState = "error"
	Disconnected ConnectionState = "disconnected"
)

// Connection is a workspace's account at a provider. A workspace has one per
// provider, which keeps its number when it is connected anew.
type Connection struct {
	ID          int64
	Workspace   uint32
	Provider    string // intercom, hubspot …
	State       ConnectionState
	Since       schema.Millis // when it came into this state
	Attempts    int           // of the setup, since the callback
	App         string        // the provider's id of its workspace, told by its webhooks
	Name        string        // the provider's name of its workspace
	Region      string
	LastEventAt schema.Millis     // the newest webhook; 0 for none
	LastError   string            // in words; "" for none
	Details     map[string]string // what else the provider's code keeps
}

// Sends tells whether it is one to an advertising platform.
func (c Connection) Sends() bool { return c.App == Setup{Sends: true}.Route(c.Workspace) }

// Connections are those of the principal's workspace, in every state.
func (s *Store) Connections(ctx context.Context, who Principal) ([]Connection, error) {
	const op = "list the connections"
	if err := who.Require(op, Read); err != nil {
		return nil, err
	}
	all, err := s.reader().connections(ctx, "connections_of", int64(who.Workspace))
	return all, failed(op, err)
}

// Connection finds a connection by its number, for programs that were given it
// by the Directory; people ask WorkspaceConnection.
func (s *Store) Connection(ctx context.Context, id int64) (Connection, error) {
	const op = "find the connection"
	c, err := s.reader().connection(ctx, op, id)
	return c, failed(op, err)
}

// WorkspaceConnection finds the connection of the principal's workspace to a
// provider, for a principal that may manage connections.
func (s *Store) WorkspaceConnection(ctx context.Context, who Principal, provider string) (Connection, error) {
	const op = "find the connection"
	if err := who.Require(op, ManageConnections); err != nil {
		return Connection{}, err
	}
	all, err := s.reader().connections(ctx, "connection_at", int64(who.Workspace), provider)
	if err != nil {
		return Connection{}, failed(op, err)
	}
	if len(all) == 0 {
		return Connection{}, noConnection(op)
	}
	return all[0], nil
}

func noConnection(op string) error {
	return schema.E(op, schema.KindUnknown, "There is no such connection in this workspace. Connect it first.")
}

func (r runner) connection(ctx context.Context, op string, id int64) (Connection, error) {
	all, err := r.connections(ctx, "connection_by_id", id)
	if err == nil && len(all) == 0 {
		return Connection{}, noConnection(op)
	}
	if err != nil {
		return Connection{}, err
	}
	return all[0], nil
}

func (r runner) connections(ctx context.Context, name string, args ...any) ([]Connection, error) {
	var all []Connection
	err := r.each(ctx, name, args, func(scan func(...any) error) error {
		var c Connection
		var workspace int64
		var details string
		err := scan(&c.ID, &workspace, &c.Provider, &c.State, &c.Since, &c.Attempts, &c.App, &c.Name, &c.Region, &c.LastEventAt, &c.LastError, &details)
		if err != nil {
			return err
		}
		c.Workspace = uint32(workspace)
		all = append(all, c)
		return json.Unmarshal([]byte(details), &all[len(all)-1].Details)
	})
	return all, err
}

// ensureConnection finds or makes the row of (workspace, provider).
func (t *tx) ensureConnection(ctx context.Context, workspace uint32, provider string) (Connection, error) {
	all, err := t.connections(ctx, "connection_at", int64(workspace), provider)
	if err != nil || len(all) > 0 {
		return append(all, Connection{})[0], err
	}
	id, err := t.serial(ctx, "connections")
	if err != nil {
		return Connection{}, err
	}
	_, err = t.exec(ctx, "connection_insert", id, int64(workspace), provider, string(Disconnected), int64(t.now))
	return Connection{ID: id, Workspace: workspace, Provider: provider, State: Disconnected}, err
}

// Setup is what a provider said of its workspace.
type Setup struct {
	App     string
	Name    string
	Region  string
	Details map[string]string
	Sends   bool // an advertising platform: conversions go there, no webhooks come, and nothing is looked for
}

// Route is what the provider's webhooks name. Of an advertising platform nothing
// comes, and one account may take the conversions of several workspaces; so there
// it is each workspace's own, and names nothing at the platform.
func (s Setup) Route(workspace uint32) string {
	if s.Sends {
		return fmt.Sprint("workspace-", workspace)
	}
	return s.App
}

// MarkConnected ends the setup of a connection: from now on its webhooks are
// routed. It is refused when the connection was closed meanwhile, or when the
// provider's workspace is connected to another workspace. Webhooks that wait
// in the inbox become due, and so do pushes that wait.
func (s *Store) MarkConnected(ctx context.Context, id int64, setup Setup) error {
	const op = "finish the connection"
	if setup.App == "" && !setup.Sends {
		return schema.E(op, schema.KindInvalid, "The provider did not tell which of its workspaces this is. Try again.")
	}
	if setup.Details == nil {
		setup.Details = map[string]string{}
	}
	details, err := json.Marshal(setup.Details)
	if err != nil {
		return failed(op, err)
	}
	return s.updateOutbox(ctx, op, func(t *tx) error {
		c, err := t.connection(ctx, op, id)
		if err != nil {
			return err
		}
		setup.App = setup.Route(c.Workspace)
		var other int64
		taken, err := t.one(ctx, "route_taken", []any{c.Provider, setup.App, id}, &other)
		if err != nil {
			return err
		}
		if taken {
			return schema.E(op, schema.KindConflict, "The provider's workspace %q is connected to another workspace here, and its chats can go to one only. Disconnect it there first, or choose another one.", setup.Name)
		}
		return t.markConnected(ctx, op, c, setup, string(details))
	})
}

func (t *tx) markConnected(ctx context.Context, op string, c Connection, setup Setup, details string) error {
	done, err := t.exec(ctx, "connection_connected", c.ID, string(Connected), int64(t.now), setup.App, setup.Name, setup.Region, details)
	if err != nil {
		return err
	}
	if done == 0 {
		return schema.E(op, schema.KindConflict, "The connection was closed while it was being set up. Connect again.")
	}
	for _, step := range []string{"inbox_wake", "pushes_wake"} {
		if _, err = t.exec(ctx, step, c.ID, int64(t.now)); err != nil {
			return err
		}
	}
	if c.App != "" && c.App != setup.App {
		if _, err = t.exec(ctx, "looks_anew", c.ID, int64(t.now)); err != nil {
			return err
		}
	}
	if !setup.Sends {
		if err = t.keepReconciling(ctx, c.ID); err != nil {
			return err
		}
	}
	if err = t.audit(ctx, Principal{Workspace: c.Workspace}, "connection connected", c.Provider); err != nil {
		return err
	}
	return t.change(ctx, c.Workspace, "connection")
}

// MarkFailed moves a connection to Error with words for its card. One that is
// disconnected stays so.
func (s *Store) MarkFailed(ctx context.Context, id int64, words string) error {
	const op = "note the connection's error"
	return s.update(ctx, op, func(t *tx) error {
		c, err := t.connection(ctx, op, id)
		if err != nil || c.State == Disconnected || (c.State == Failed && c.LastError == words) {
			return err
		}
		if _, err = t.exec(ctx, "connection_failed", id, string(Failed), int64(t.now), words); err != nil {
			return err
		}
		if c.State != Failed {
			if err = t.audit(ctx, Principal{Workspace: c.Workspace}, "connection failed", c.Provider); err != nil {
				return err
			}
		}
		return t.change(ctx, c.Workspace, "connection")
	})
}

// MarkHealthy clears the words of an error that has passed.
func (s *Store) MarkHealthy(ctx context.Context, id int64) error {
	return s.update(ctx, "clear the connection's error", func(t *tx) error {
		_, err := t.exec(ctx, "connection_healthy", id)
		return err
	})
}

// DelaySetup keeps a connection pending: its setup is tried again later.
func (s *Store) DelaySetup(ctx context.Context, id int64, after time.Duration, words string) error {
	return s.update(ctx, "delay the setup", func(t *tx) error {
		_, err := t.exec(ctx, "connection_delayed", id, int64(t.now.Add(after)), words)
		return err
	})
}

// TakeSetups returns pending connections that hold a token and whose setup is
// due, each to one caller: for as long as lease it is due for nobody else. It
// counts as an attempt.
func (s *Store) TakeSetups(ctx context.Context, lease time.Duration) ([]Connection, error) {
	const op = "take pending setups"
	var taken []Connection
	err := s.update(ctx, op, func(t *tx) (err error) {
		taken, err = t.connections(ctx, "setups_take", int64(t.now), int64(t.now.Add(lease)))
		return err
	})
	return taken, err
}

// FailAbandoned moves pending connections without a token, whose consent page
// was left more than limit ago, to Error.
func (s *Store) FailAbandoned(ctx context.Context, limit time.Duration, words string) error {
	return s.update(ctx, "end abandoned connections", func(t *tx) error {
		_, err := t.exec(ctx, "connections_abandoned", int64(t.now), int64(t.now.Add(-limit)), words)
		return err
	})
}

// NoteEvent records when a connection's newest webhook arrived. It writes once
// a second at most, since nobody reads the card more precisely.
func (s *Store) NoteEvent(ctx context.Context, id int64, at schema.Millis) error {
	s.seenMu.Lock()
	last := s.seen[id]
	fresh := at.Sub(last) >= time.Second
	if fresh {
		s.seen[id] = at
	}
	s.seenMu.Unlock()
	if !fresh {
		return nil
	}
	return s.update(ctx, "note a webhook", func(t *tx) error {
		_, err := t.exec(ctx, "connection_event", id, int64(at))
		return err
	})
}

// CloseRoute is the first step of disconnecting: from now on no webhook of the
// connection is processed, here at once and in other processes within a second.
// Those that wait in the inbox are deleted, and pushes that wait are cancelled.
// Its destinations stay, for when it is connected again.
func (s *Store) CloseRoute(ctx context.Context, who Principal, id int64) (Connection, error) {
	const op = "disconnect"
	if err := who.Require(op, ManageConnections); err != nil {
		return Connection{}, err
	}
	var c Connection
	err := s.updateOutbox(ctx, op, func(t *tx) (err error) {
		if c, err = t.connection(ctx, op, id); err != nil {
			return err
		}
		if c.Workspace != who.Workspace {
			return noConnection(op)
		}
		if err = t.cancelAll(ctx, id); err != nil {
			return err
		}
		for _, step := range []string{"inbox_discard", "oauth_states_discard", "looks_discard"} {
			if _, err = t.exec(ctx, step, id); err != nil {
				return err
			}
		}
		if _, err = t.exec(ctx, "connection_closed", id, string(Disconnected), int64(t.now)); err != nil {
			return err
		}
		if err = t.audit(ctx, who, "connection disconnected", c.Provider); err != nil {
			return err
		}
		return t.change(ctx, c.Workspace, "connection")
	})
	return c, err
}

// describe names a connection in seals and logs.
func (c Connection) describe() []string {
	return []string{fmt.Sprint(c.Workspace), c.Provider, fmt.Sprint(c.ID)}
}
