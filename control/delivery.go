package control

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sourceloop/schema"
)

// DeliveryState is where a delivery stands.
type DeliveryState string

// The states. Only pending ones are sent; the others are final until somebody
// has them sent again.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliverySent      DeliveryState = "sent"
	DeliveryFailed    DeliveryState = "failed"    // given up
	DeliveryCancelled DeliveryState = "cancelled" // its contact or its receiver is gone
)

// Delivery is one event on its way to one receiver. What it says is made when it
// is sent, and kept nowhere.
type Delivery struct {
	ID        schema.ID // the receiver is given it as webhook-id, at every attempt
	Endpoint  int64
	Event     string
	Contact   schema.ID // zero for a test
	State     DeliveryState
	Attempts  int
	Status    int    // of the last answer; 0 without one
	Words     string // of the last attempt
	Due       schema.Millis
	CreatedAt schema.Millis
	UpdatedAt schema.Millis
}

// LeadSeen is a lead as it is now: whose email or phone is known.
type LeadSeen struct {
	Contact     schema.ID
	Former      []schema.ID   // contacts that became part of it
	Fingerprint schema.ID     // of what a receiver sees
	Since       schema.Millis // when it became one
	Changed     schema.Millis // when the newest happened of what is known of it
}

// leadSlack is by how much the clocks of those who tell us of leads may be
// behind ours.
const leadSlack = time.Minute

// Listening tells whether a workspace has receivers.
func (s *Store) Listening(ctx context.Context, workspace uint32) (bool, error) {
	told, err := s.reader().told(ctx, workspace)
	return len(told) > 0, failed("find the webhooks", err)
}

// receiver is what planning needs of one.
type receiver struct {
	id     int64
	events []string
	since  schema.Millis
}

func (r runner) told(ctx context.Context, workspace uint32) ([]receiver, error) {
	var all []receiver
	err := r.each(ctx, "endpoints_told", []any{int64(workspace)}, func(scan func(...any) error) error {
		var one receiver
		var events string
		err := scan(&one.id, &events, &one.since)
		one.events = strings.Fields(events)
		all = append(all, one)
		return err
	})
	return all, err
}

// PlanDeliveries compares leads with what each receiver of their workspace was
// told of, and plans what it is to be told now, after settle. Repeating it
// changes nothing.
//
// A lead that a receiver does not know is new to it when it became one after the
// receiver was made; one from before is told of as changed when something of it
// happened since, and otherwise only remembered, so that an import of old
// conversations is no flood. While something about a lead waits that no attempt
// was made for, nothing is added: what is sent is made then.
func (s *Store) PlanDeliveries(ctx context.Context, workspace uint32, leads []LeadSeen, settle time.Duration) error {
	return s.update(ctx, "plan deliveries", func(t *tx) error {
		told, err := t.told(ctx, workspace)
		for _, r := range told {
			for i := range leads {
				if err == nil {
					err = t.plan(ctx, r, &leads[i], t.now.Add(settle))
				}
			}
		}
		return err
	})
}

func (t *tx) plan(ctx context.Context, r receiver, lead *LeadSeen, due schema.Millis) error {
	var print []byte
	var serial int64
	known, err := t.one(ctx, "lead_seen", []any{r.id, lead.Contact[:]}, &print, &serial)
	if err != nil || known && bytes.Equal(print, lead.Fingerprint[:]) {
		return err
	}
	event := LeadChanged
	if !known {
		if event, err = t.firstEvent(ctx, r, lead); err != nil {
			return err
		}
	}
	put, err := t.exec(ctx, "lead_put", r.id, lead.Contact[:], lead.Fingerprint[:], serial)
	if err != nil || put == 0 || !slices.Contains(r.events, event) {
		return err // Nobody put: another process was quicker.
	}
	var waits []byte
	waiting, err := t.one(ctx, "delivery_waiting", []any{r.id, lead.Contact[:]}, &waits)
	if err != nil || waiting {
		return err
	}
	id := schema.Derive("webhook", strconv.FormatInt(r.id, 10), lead.Contact.String(), strconv.FormatInt(serial+1, 10))
	_, err = t.exec(ctx, "delivery_put", id[:], r.id, event, lead.Contact[:], int64(due), int64(t.now))
	return err
}

// firstEvent is what a receiver is told of a lead that it does not know by its
// present id: "" for nothing.
func (t *tx) firstEvent(ctx context.Context, r receiver, lead *LeadSeen) (string, error) {
	for _, former := range lead.Former {
		var print []byte
		var serial int64
		known, err := t.one(ctx, "lead_seen", []any{r.id, former[:]}, &print, &serial)
		if known || err != nil {
			return LeadChanged, err
		}
	}
	switch since := r.since.Add(-leadSlack); {
	case lead.Since >= since:
		return LeadCreated, nil
	case lead.Changed >= since:
		return LeadChanged, nil
	}
	return "", nil
}

// SendTurn is a receiver that this process alone sends to, until its lease ends.
type SendTurn struct {
	Endpoint  int64
	Workspace uint32
	URL       string
	Secrets   []string // that sign, the present one first; in no log
	active    bool
	lease     []byte
}

// TakeTurns takes receivers for whom something is due.
func (s *Store) TakeTurns(ctx context.Context, limit int, lease time.Duration) ([]SendTurn, error) {
	const op = "take webhooks to send"
	mark := []byte(newSecret(""))
	var turns []SendTurn
	err := s.update(ctx, op, func(t *tx) error {
		args := []any{int64(t.now), int64(t.now.Add(lease)), mark, int64(limit)}
		return t.each(ctx, "endpoints_take", args, func(scan func(...any) error) error {
			turn := SendTurn{lease: mark}
			var workspace, until int64
			var state string
			var sealed [2][]byte
			if err := scan(&turn.Endpoint, &workspace, &turn.URL, &state, &sealed[0], &sealed[1], &until); err != nil {
				return err
			}
			turn.Workspace, turn.active = uint32(workspace), state == string(EndpointActive)
			for i, secret := range sealed {
				if i > 0 && schema.Millis(until) <= t.now {
					continue
				}
				plain, err := s.keys.Open(secret, endpointOwner(turn.Workspace, turn.Endpoint)...)
				if err != nil {
					s.log.Warn("a webhook's secret does not open with the keys at hand", "webhook", turn.Endpoint)
					continue
				}
				turn.Secrets = append(turn.Secrets, string(plain))
			}
			turns = append(turns, turn)
			return nil
		})
	})
	return turns, err
}

// ReleaseTurn lets others send to the receiver, after rest.
func (s *Store) ReleaseTurn(ctx context.Context, turn SendTurn, rest time.Duration) error {
	return s.update(ctx, "release a webhook", func(t *tx) error {
		_, err := t.exec(ctx, "endpoint_release", turn.Endpoint, turn.lease, int64(t.now.Add(rest)))
		return err
	})
}

// DueDeliveries are what is to be sent to a receiver now, the longest due first.
func (s *Store) DueDeliveries(ctx context.Context, turn SendTurn, limit int) ([]Delivery, error) {
	active := 0
	if turn.active {
		active = 1
	}
	all, err := s.reader().deliveries(ctx, "deliveries_due", turn.Endpoint, int64(s.clock()), int64(active), int64(limit))
	return all, failed("find what is due", err)
}

func (r runner) deliveries(ctx context.Context, name string, args ...any) ([]Delivery, error) {
	var all []Delivery
	err := r.each(ctx, name, args, func(scan func(...any) error) error {
		var d Delivery
		var id, contact []byte
		if err := scan(&id, &d.Endpoint, &d.Event, &contact, &d.State, &d.Attempts, &d.Status, &d.Words, &d.Due, &d.CreatedAt, &d.UpdatedAt); err != nil {
			return err
		}
		if len(id) != len(d.ID) || len(contact) != len(d.Contact) {
			return fmt.Errorf("cannot read a delivery of the webhook %d: an id has another length", d.Endpoint)
		}
		d.ID, d.Contact = schema.ID(id), schema.ID(contact)
		all = append(all, d)
		return nil
	})
	return all, err
}

// leased tells whether the turn is still this process's.
func (t *tx) leased(ctx context.Context, turn SendTurn) (bool, error) {
	n, err := t.exec(ctx, "endpoint_leased", turn.Endpoint, turn.lease, int64(t.now))
	return n > 0, err
}

// BeginDelivery notes an attempt before its first byte goes out. It is false
// when the delivery, or the turn, is this process's no more.
func (s *Store) BeginDelivery(ctx context.Context, turn SendTurn, id schema.ID) (mine bool, err error) {
	err = s.update(ctx, "begin a delivery", func(t *tx) error {
		held, err := t.leased(ctx, turn)
		if err != nil || !held {
			return err
		}
		n, err := t.exec(ctx, "delivery_begin", id[:], int64(t.now))
		mine = n > 0
		return err
	})
	return mine, err
}

// DeliveryResult is what came of an attempt.
type DeliveryResult struct {
	State       DeliveryState
	Status      int
	Words       string
	After       time.Duration // of a pending one: when it is tried again
	Fingerprint schema.ID     // of a sent one: of what the receiver saw; zero for a test
	Gone        bool          // the receiver wants no more
}

// EndDelivery notes what came of an attempt. A receiver that has failed for
// FailingLimit is paused, one that is gone is told nothing any more.
func (s *Store) EndDelivery(ctx context.Context, turn SendTurn, d Delivery, r DeliveryResult) error {
	return s.update(ctx, "note a delivery", func(t *tx) error {
		held, err := t.leased(ctx, turn)
		if err != nil || !held {
			return err
		}
		if _, err = t.exec(ctx, "delivery_end", d.ID[:], string(r.State), int64(r.Status), r.Words, int64(t.now.Add(r.After)), int64(t.now)); err != nil {
			return err
		}
		switch {
		case r.Gone:
			return t.endpointGone(ctx, turn)
		case d.Event == WebhookTest || r.State == DeliveryCancelled:
			return nil
		case r.State == DeliverySent:
			if _, err = t.exec(ctx, "lead_sent", turn.Endpoint, d.Contact[:], r.Fingerprint[:]); err != nil {
				return err
			}
			_, err = t.exec(ctx, "endpoint_healthy", turn.Endpoint)
			return err
		}
		return t.endpointFailing(ctx, turn, r)
	})
}

func (t *tx) endpointGone(ctx context.Context, turn SendTurn) error {
	const words = "It answered 410 Gone, which asks to be told nothing any more. Switch it on again when it is back."
	if _, err := t.exec(ctx, "endpoint_state", turn.Endpoint, string(EndpointGone), words); err != nil {
		return err
	}
	if _, err := t.exec(ctx, "deliveries_cancel", turn.Endpoint, "Not sent: the receiver answered 410 Gone.", int64(t.now)); err != nil {
		return err
	}
	return t.audit(ctx, Principal{Workspace: turn.Workspace}, "webhook gone", fmt.Sprintf("webhook %d", turn.Endpoint))
}

func (t *tx) endpointFailing(ctx context.Context, turn SendTurn, r DeliveryResult) error {
	if _, err := t.exec(ctx, "endpoint_failing", turn.Endpoint, int64(t.now)); err != nil {
		return err
	}
	var state string
	var since schema.Millis
	if _, err := t.one(ctx, "endpoint_health", []any{turn.Endpoint}, &state, &since); err != nil {
		return err
	}
	if state != string(EndpointActive) || t.now.Sub(since) < FailingLimit {
		return nil
	}
	words := "Nothing was taken for five days, so it was paused. What happens meanwhile waits for up to 30 days. The last attempt: " + r.Words
	if _, err := t.exec(ctx, "endpoint_state", turn.Endpoint, string(EndpointPaused), words); err != nil {
		return err
	}
	return t.audit(ctx, Principal{Workspace: turn.Workspace}, "webhook paused since it failed", fmt.Sprintf("webhook %d", turn.Endpoint))
}

// Deliveries are a page of a receiver's log, the newest first; before is the
// last one of the page before, or nil.
func (s *Store) Deliveries(ctx context.Context, who Principal, endpoint int64, before *Delivery, limit int) ([]Delivery, error) {
	if _, err := s.Endpoint(ctx, who, endpoint); err != nil {
		return nil, err
	}
	at, id := schema.Millis(math.MaxInt64), schema.ID{}
	if before != nil {
		at, id = before.CreatedAt, before.ID
	}
	all, err := s.reader().deliveries(ctx, "deliveries_of", endpoint, int64(at), id[:], int64(limit))
	return all, failed("list deliveries", err)
}

// TestEndpoint sends a receiver something about nobody, also when it is paused.
func (s *Store) TestEndpoint(ctx context.Context, who Principal, id int64) (Delivery, error) {
	d := Delivery{ID: schema.Derive("webhook test", newSecret("")), Endpoint: id, Event: WebhookTest, State: DeliveryPending}
	err := s.onEndpoint(ctx, "test the webhook", who, id, "webhook tested", func(t *tx) error {
		d.Due, d.CreatedAt, d.UpdatedAt = t.now, t.now, t.now
		_, err := t.exec(ctx, "delivery_put", d.ID[:], id, d.Event, d.Contact[:], int64(t.now), int64(t.now))
		return err
	})
	return d, err
}

// ReplayDelivery sends something again under the same id, or now what waits.
func (s *Store) ReplayDelivery(ctx context.Context, who Principal, endpoint int64, id schema.ID) error {
	const op = "send a delivery again"
	return s.onEndpoint(ctx, op, who, endpoint, "webhook delivery sent again", func(t *tx) error {
		for _, step := range []string{"delivery_replay", "delivery_hurry"} {
			n, err := t.exec(ctx, step, endpoint, id[:], int64(t.now))
			if err != nil || n > 0 {
				return err
			}
		}
		return schema.E(op, schema.KindUnknown, "There is no such delivery any more. They are kept for 30 days, and go when their contact is erased.")
	})
}

// ReplayFailed sends everything again that failed and happened since a moment.
func (s *Store) ReplayFailed(ctx context.Context, who Principal, endpoint int64, since schema.Millis) (n int64, err error) {
	err = s.onEndpoint(ctx, "send what failed again", who, endpoint, "webhook failures sent again", func(t *tx) error {
		n, err = t.exec(ctx, "deliveries_replay", endpoint, int64(since), int64(t.now))
		return err
	})
	return n, err
}

// eraseDeliveries takes away what was or is to be told of contacts.
func (t *tx) eraseDeliveries(ctx context.Context, contacts [][]byte) error {
	for _, c := range contacts {
		for _, step := range []string{"deliveries_erase", "lead_delete"} {
			if _, err := t.exec(ctx, step, c); err != nil {
				return err
			}
		}
	}
	return nil
}
