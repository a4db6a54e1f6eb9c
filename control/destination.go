package control

import (
	"context"
	"encoding/json"
	"fmt"

	"sourceloop/schema"
)

// When a destination sends.
const (
	OnConversion = "conversion" // when the conversion happens
	OnStage      = "stage"      // when its contact reaches a stage
)

// Whose conversions a destination sends.
const (
	OnlyGranted = "granted"    // of those who consented
	NotDenied   = "not_denied" // of all but those who refused
)

// Where the value of what is sent comes from.
const (
	NoValue         = "none"
	FixedValue      = "fixed"
	ConversionValue = "conversion" // as the conversion has it
	StageValue      = "stage"      // by the stage that the contact reached
)

// ValueRule says what a conversion is worth to a destination.
type ValueRule struct {
	Kind     string             `json:"kind"`
	Fixed    float64            `json:"fixed,omitempty"`
	Currency string             `json:"currency,omitempty"` // ISO 4217, of Fixed and ByStage; of a conversion without one
	ByStage  map[string]float64 `json:"by_stage,omitempty"`
}

// Destination is where conversions of a workspace go: a conversion action of
// Google Ads, an event of a dataset of Meta, a conversion rule of LinkedIn.
type Destination struct {
	ID         int64
	Workspace  uint32
	Connection int64
	State      ConnectionState // of its connection
	Platform   string          // google, meta, linkedin: the connection's provider
	Name       string          // for people

	Account    string // see schema.Target
	Action     string
	ActionName string // as the platform calls it
	Event      string

	Conversions []string // their names; empty: DefaultConversions
	Trigger     string   // OnConversion or OnStage
	Stage       string   // which, of OnStage
	Value       ValueRule
	Consent     string // OnlyGranted or NotDenied
	DryRun      bool
	TestCode    string
	Paused      bool
	From        schema.Millis // conversions before it are not sent
	CreatedAt   schema.Millis
}

// DefaultEvent is as what Meta gets conversions of a destination that names none:
// the standard event that fits a chat.
const DefaultEvent = "Lead"

// DefaultConversions are what a destination sends that names none.
func DefaultConversions() []string { return []string{"intercom_conversation", "hubspot_conversation"} }

// Sends tells whether conversions of a name go to the destination.
func (d *Destination) Sends(conversion string) bool {
	names := d.Conversions
	if len(names) == 0 {
		names = DefaultConversions()
	}
	for _, name := range names {
		if name == conversion {
			return true
		}
	}
	return false
}

// PushID is the id under which a conversion goes to the destination.
func (d *Destination) PushID(conversion schema.ID) schema.ID {
	return schema.PushID(d.Workspace, conversion, d.Platform, d.Account, d.Action, d.Event)
}

// CreateDestination makes a destination at a platform that the workspace is
// connected to.
func (s *Store) CreateDestination(ctx context.Context, who Principal, d Destination) (Destination, error) {
	const op = "add the destination"
	if err := who.Require(op, ManageConnections); err != nil {
		return Destination{}, err
	}
	d.Workspace = who.Workspace
	err := s.updateOutbox(ctx, op, func(t *tx) (err error) {
		if err = t.settle(ctx, op, &d); err != nil {
			return err
		}
		if d.ID, err = t.serial(ctx, "destinations"); err != nil {
			return err
		}
		d.CreatedAt = t.now
		if d.From == 0 {
			d.From = t.now
		}
		args := append([]any{d.ID, int64(d.Workspace), d.Connection, d.Platform}, d.columns()...)
		if _, err = t.exec(ctx, "destination_insert", append(args, int64(d.CreatedAt))...); err != nil {
			return err
		}
		return t.destinationChanged(ctx, who, "destination added", &d)
	})
	return d, err
}

// UpdateDestination changes a destination. Its platform stays. When it is given
// another target, what was not sent yet goes there, and of what was, nothing: From
// is now then, unless it is changed as well.
func (s *Store) UpdateDestination(ctx context.Context, who Principal, d Destination) (Destination, error) {
	const op = "change the destination"
	if err := who.Require(op, ManageConnections); err != nil {
		return Destination{}, err
	}
	d.Workspace = who.Workspace
	err := s.updateOutbox(ctx, op, func(t *tx) error {
		was, err := t.destination(ctx, op, who.Workspace, d.ID)
		if err != nil {
			return err
		}
		d.Platform, d.Connection, d.CreatedAt = was.Platform, was.Connection, was.CreatedAt
		if d.From == 0 {
			d.From = was.From
		}
		if err = t.settle(ctx, op, &d); err != nil {
			return err
		}
		elsewhere := d.Account != was.Account || d.Action != was.Action || d.Event != was.Event
		if elsewhere && d.From == was.From {
			d.From = t.now
		}
		if _, err = t.exec(ctx, "destination_update", append([]any{d.ID}, d.columns()...)...); err != nil {
			return err
		}
		if elsewhere {
			if err = t.readdress(ctx, &d); err != nil {
				return err
			}
		}
		return t.destinationChanged(ctx, who, "destination changed", &d)
	})
	return d, err
}

// columns are those that a person may change, in the order of the statements.
func (d *Destination) columns() []any {
	return []any{d.Name, d.Account, d.Action, d.ActionName, d.Event, asJSON(d.Conversions), d.Trigger, d.Stage, asJSON(d.Value),
		d.Consent, flag(d.DryRun), d.TestCode, flag(d.Paused), int64(d.From)}
}

// DeleteDestination removes a destination. What waits for it is cancelled; what
// became of what was sent stays known.
func (s *Store) DeleteDestination(ctx context.Context, who Principal, id int64) error {
	const op = "remove the destination"
	if err := who.Require(op, ManageConnections); err != nil {
		return err
	}
	return s.updateOutbox(ctx, op, func(t *tx) error {
		d, err := t.destination(ctx, op, who.Workspace, id)
		if err != nil {
			return err
		}
		if _, err = t.exec(ctx, "destination_remove", id, int64(t.now)); err != nil {
			return err
		}
		if err = t.cancelPushes(ctx, id, "the destination was removed"); err != nil {
			return err
		}
		return t.destinationChanged(ctx, who, "destination removed", &d)
	})
}

// cancelAll cancels what waits for the destinations of a connection.
func (t *tx) cancelAll(ctx context.Context, connection int64) error {
	var all []int64
	err := t.each(ctx, "destinations_at", []any{connection}, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		all = append(all, id)
		return err
	})
	for _, id := range all {
		if err == nil {
			err = t.cancelPushes(ctx, id, "the platform was disconnected")
		}
	}
	return err
}

func (t *tx) destinationChanged(ctx context.Context, who Principal, action string, d *Destination) error {
	if err := t.audit(ctx, who, action, fmt.Sprintf("destination %d at %s", d.ID, d.Platform)); err != nil {
		return err
	}
	return t.change(ctx, d.Workspace, "destination")
}

// Destinations are those of the principal's workspace, the oldest first.
func (s *Store) Destinations(ctx context.Context, who Principal) ([]Destination, error) {
	const op = "list the destinations"
	if err := who.Require(op, Read); err != nil {
		return nil, err
	}
	all, err := s.reader().destinations(ctx, "destinations_of", int64(who.Workspace))
	return all, failed(op, err)
}

// ActiveDestinations are those of a workspace for which pushes are planned: all
// whose connection was not disconnected. Also while one is paused, or its
// connection does not work, conversions happen that are to be sent later.
func (s *Store) ActiveDestinations(ctx context.Context, workspace uint32) ([]Destination, error) {
	all, err := s.reader().destinations(ctx, "destinations_of", int64(workspace))
	if err != nil {
		return nil, failed("read the destinations", err)
	}
	active := all[:0]
	for _, d := range all {
		if d.State != Disconnected {
			active = append(active, d)
		}
	}
	return active, nil
}

func (r runner) destination(ctx context.Context, op string, workspace uint32, id int64) (Destination, error) {
	all, err := r.destinations(ctx, "destination_get", int64(workspace), id)
	if err == nil && len(all) == 0 {
		err = schema.E(op, schema.KindUnknown, "There is no such destination in this workspace. It may have been removed.")
	}
	if err != nil {
		return Destination{}, err
	}
	return all[0], nil
}

func (r runner) destinations(ctx context.Context, name string, args ...any) ([]Destination, error) {
	var all []Destination
	err := r.each(ctx, name, args, func(scan func(...any) error) error {
		var d Destination
		var workspace, dry, paused int64
		var conversions, value string
		var forgotten schema.Millis
		err := scan(&d.ID, &workspace, &d.Connection, &d.State, &d.Platform, &d.Name, &d.Account, &d.Action, &d.ActionName, &d.Event, &conversions,
			&d.Trigger, &d.Stage, &value, &d.Consent, &dry, &d.TestCode, &paused, &d.From, &forgotten, &d.CreatedAt)
		if err != nil {
			return err
		}
		d.Workspace, d.DryRun, d.Paused = uint32(workspace), dry != 0, paused != 0
		// What was sent before is no longer known, so that it could be sent twice.
		d.From = max(d.From, forgotten)
		if err = json.Unmarshal([]byte(conversions), &d.Conversions); err == nil {
			err = json.Unmarshal([]byte(value), &d.Value)
		}
		all = append(all, d)
		return err
	})
	return all, err
}

// asJSON is for values that always have a JSON form.
func asJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// flag is how truth is stored.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
