package control

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"sourceloop/schema"
)

const maxFunnel = 64 << 10

// Funnel is a saved funnel. Body is its query as the API takes it, JSON.
type Funnel struct {
	ID        int64
	Name      string
	Body      json.RawMessage
	CreatedAt schema.Millis
	UpdatedAt schema.Millis
}

// Funnels are those of the principal's workspace, the oldest first.
func (s *Store) Funnels(ctx context.Context, who Principal) ([]Funnel, error) {
	const op = "list the funnels"
	if err := who.Require(op, Read); err != nil {
		return nil, err
	}
	var all []Funnel
	err := s.reader().each(ctx, "funnels_of", []any{int64(who.Workspace)}, func(scan func(...any) error) error {
		var f Funnel
		var body string
		err := scan(&f.ID, &f.Name, &body, &f.CreatedAt, &f.UpdatedAt)
		f.Body = json.RawMessage(body)
		all = append(all, f)
		return err
	})
	return all, failed(op, err)
}

// SaveFunnel makes a funnel when ID is 0, and changes it otherwise. It returns
// the number.
func (s *Store) SaveFunnel(ctx context.Context, who Principal, f Funnel) (int64, error) {
	const op = "save the funnel"
	if err := who.Require(op, EditFunnels); err != nil {
		return 0, err
	}
	f.Name = strings.TrimSpace(f.Name)
	if f.Name == "" || len(f.Name) > 200 || len(f.Body) > maxFunnel || !json.Valid(f.Body) {
		return 0, schema.E(op, schema.KindInvalid, "A funnel needs a name of at most 200 bytes and a definition in JSON of at most 64 KB.")
	}
	err := s.update(ctx, op, func(t *tx) (err error) {
		if f.ID != 0 {
			return t.changeFunnel(ctx, op, who, f)
		}
		if f.ID, err = t.serial(ctx, "funnels"); err != nil {
			return err
		}
		made, err := t.exec(ctx, "funnel_insert", f.ID, int64(who.Workspace), f.Name, string(f.Body), int64(t.now))
		if err == nil && made == 0 {
			err = nameTaken(op)
		}
		return err
	})
	return f.ID, err
}

func (t *tx) changeFunnel(ctx context.Context, op string, who Principal, f Funnel) error {
	// The lock on the serial orders two who take the same name.
	if _, err := t.serial(ctx, "funnels"); err != nil {
		return err
	}
	var other int64
	found, err := t.one(ctx, "funnel_named", []any{int64(who.Workspace), f.Name}, &other)
	if err != nil {
		return err
	}
	if found && other != f.ID {
		return nameTaken(op)
	}
	changed, err := t.exec(ctx, "funnel_update", int64(who.Workspace), f.ID, f.Name, string(f.Body), int64(t.now))
	if err == nil && changed == 0 {
		err = noFunnel(op)
	}
	return err
}

func nameTaken(op string) error {
	return schema.E(op, schema.KindConflict, "A saved funnel has this name already. Choose another name.")
}

// DeleteFunnel deletes a funnel.
func (s *Store) DeleteFunnel(ctx context.Context, who Principal, id int64) error {
	const op = "delete the funnel"
	if err := who.Require(op, EditFunnels); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		gone, err := t.exec(ctx, "funnel_delete", int64(who.Workspace), id)
		if err != nil {
			return err
		}
		if gone == 0 {
			return noFunnel(op)
		}
		return t.audit(ctx, who, "funnel deleted", fmt.Sprintf("funnel %d", id))
	})
}

func noFunnel(op string) error {
	return schema.E(op, schema.KindUnknown, "There is no such funnel in this workspace. It may have been deleted.")
}
