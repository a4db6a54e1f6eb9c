package control

import (
	"context"

	"sourceloop/schema"
)

// PlanPushes says which conversions are to go where. What is new is added. Of a
// push that was never attempted, or that lacked an identity or consent, the plan
// changes what it says otherwise; a push that lacked something is pending again
// when it is planned as pending. Of any other only the contact follows, for the
// log, and the destination, when that was set up anew. So a plan that is repeated
// changes nothing.
//
// State may be pending (or ""), pending_identity, skipped_consent, or error for
// what is known to be impossible. Due 0 is at once.
func (s *Store) PlanPushes(ctx context.Context, pushes []Push) error {
	const op = "plan pushes"
	planned := map[string]Push{} // the last of an id
	order := make([]string, 0, len(pushes))
	for _, p := range pushes {
		switch p.State {
		case "":
			p.State = schema.PushPending
		case schema.PushPending, schema.PushPendingIdentity, schema.PushSkippedConsent, schema.PushError:
		case schema.PushSent, schema.PushDuplicate:
			return schema.E(op, schema.KindInternal, "A push cannot be planned as %s.", p.State)
		}
		id := p.ID.String()
		if _, known := planned[id]; !known {
			order = append(order, id)
		}
		planned[id] = p
	}
	if len(order) == 0 {
		return nil
	}
	return s.updateOutbox(ctx, op, func(t *tx) error {
		stored, err := t.findPushes(ctx, order)
		if err != nil {
			return err
		}
		var added, changed [][]any
		for _, id := range order {
			p := planned[id]
			if p.Due == 0 {
				p.Due = t.now
			}
			if was, there := stored[id]; !there {
				added = append(added, p.added(id))
			} else if next, differs := was.planned(&p, t.now); differs {
				changed = append(changed, next.changed(id))
			}
		}
		if err = t.many(ctx, "push_insert", []any{int64(t.now)}, added, nothing); err != nil {
			return err
		}
		return t.many(ctx, "push_change", []any{int64(t.now)}, changed, nothing)
	})
}

func (p *Push) added(id string) []any {
	return []any{id, int64(p.Workspace), p.Destination, p.Conversion.String(), p.Contact.String(), p.ConversionName, int64(p.At), p.Stage,
		string(p.State), p.Words, p.Code, int64(p.Due), marksJSON(p.Waits), int64(p.WaitUntil), p.Note}
}

// storedPush is what planning needs of a push that is there.
type storedPush struct {
	destination                 int64
	contact, name, stage, state string
	at                          schema.Millis
	words, code, waits          string
	attempts, open              int64
	due, waitUntil, leasedUntil schema.Millis
}

// findPushes reads the pushes that are there, by id.
func (t *tx) findPushes(ctx context.Context, ids []string) (map[string]storedPush, error) {
	all := make(map[string]storedPush, len(ids))
	err := t.many(ctx, "push_find", nil, column(ids, func(id string) any { return id }), func(scan func(...any) error) error {
		var id string
		var p storedPush
		err := scan(&id, &p.destination, &p.contact, &p.name, &p.at, &p.stage, &p.state, &p.words, &p.code, &p.attempts, &p.open, &p.due, &p.waits,
			&p.waitUntil, &p.leasedUntil)
		all[id] = p
		return err
	})
	return all, err
}

// planned is what a stored push becomes by a plan, and whether that differs. A
// push that somebody holds stays theirs until the lease ends; one that waits
// already does not wait longer because it is planned anew.
func (p storedPush) planned(plan *Push, now schema.Millis) (next storedPush, differs bool) {
	next = p
	next.destination = plan.Destination
	if p.erased() {
		return next, next != p
	}
	next.contact = plan.Contact.String()
	if !p.plannable() {
		return next, next != p
	}
	next.name, next.at, next.stage, next.state = plan.ConversionName, plan.At, plan.Stage, string(plan.State)
	if next == p {
		return next, false
	}
	next.words, next.code, next.waits, next.due = plan.Words, plan.Code, marksJSON(plan.Waits), plan.Due
	if p.leasedUntil > now {
		next.due = p.due
	}
	if p.state != string(schema.PushPending) || plan.WaitUntil < p.waitUntil {
		next.waitUntil = plan.WaitUntil
	}
	return next, true
}

// erased tells whether the push's person was erased: of it stays that it was sent.
func (p storedPush) erased() bool { return p.contact == "" }

func (p storedPush) plannable() bool {
	switch schema.PushState(p.state) {
	case schema.PushPending:
		return p.attempts == 0 && p.open == 0
	case schema.PushPendingIdentity, schema.PushSkippedConsent:
		return true
	case schema.PushSent, schema.PushDuplicate, schema.PushError:
	}
	return false
}

func (p storedPush) changed(id string) []any {
	return []any{id, p.destination, p.contact, p.name, int64(p.at), p.stage, p.state, p.words, p.code, int64(p.due), p.waits, int64(p.waitUntil)}
}

// WithdrawPushes forgets pushes of conversions that count no longer: those that
// were never attempted.
func (s *Store) WithdrawPushes(ctx context.Context, workspace uint32, conversions []schema.ID) error {
	rows := column(conversions, func(id schema.ID) any { return id.String() })
	return s.updateOutbox(ctx, "withdraw pushes", func(t *tx) error {
		return t.many(ctx, "pushes_withdraw", []any{int64(workspace)}, rows, nothing)
	})
}
