package control

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sourceloop/schema"
)

// MostEndpoints is how many receivers of webhooks a workspace may have: product
// rule.
const MostEndpoints = 5

// The events that receivers are told of.
const (
	LeadCreated = "lead.created" // a contact with an email or a phone was seen first
	LeadChanged = "lead.changed" // of one that is known something changed that a receiver sees
	WebhookTest = "webhook.test" // somebody pressed the button; it is about nobody
)

// LeadEvents are those that a receiver can choose.
func LeadEvents() []string { return []string{LeadCreated, LeadChanged} }

// EndpointState is where a receiver stands.
type EndpointState string

// The states. While one is paused, what happens waits for it; one that is gone
// is told nothing until somebody switches it on again.
const (
	EndpointActive EndpointState = "active"
	EndpointPaused EndpointState = "paused" // by a person, or since it failed for FailingLimit
	EndpointGone   EndpointState = "gone"   // it answered 410
)

// FailingLimit is for how long a receiver may refuse everything before it is
// paused, and FormerSecret for how long a replaced secret signs along: what
// Standard Webhooks advises.
const (
	FailingLimit = 5 * 24 * time.Hour
	FormerSecret = 24 * time.Hour
)

// Endpoint is a receiver of outgoing webhooks.
type Endpoint struct {
	ID              int64
	Workspace       uint32
	Name            string
	URL             string   // checked by package outbound before it is saved
	Events          []string // of LeadEvents, at least one
	State           EndpointState
	Words           string        // why it is paused or gone; "" else
	FormerUntil     schema.Millis // until when the former secret signs along; 0: there is none
	FailingSince    schema.Millis // of the first failure since the last success; 0 for none
	CreatedAt       schema.Millis
	Waiting, Failed int // deliveries
}

func endpointOwner(workspace uint32, id int64) []string {
	return []string{"webhook", strconv.FormatUint(uint64(workspace), 10), strconv.FormatInt(id, 10)}
}

// newSigningSecret makes one as Standard Webhooks writes it.
func newSigningSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // Never fails: crypto/rand ends the process instead.
	return "whsec_" + base64.StdEncoding.EncodeToString(b[:])
}

func (e *Endpoint) check(op string) error {
	e.Name = strings.TrimSpace(e.Name)
	if e.Name == "" || len(e.Name) > 200 {
		return schema.E(op, schema.KindInvalid, "A webhook needs a name of at most 200 bytes, so that it can be told apart.")
	}
	slices.Sort(e.Events)
	e.Events = slices.Compact(e.Events)
	if len(e.Events) == 0 || slices.ContainsFunc(e.Events, func(event string) bool { return !slices.Contains(LeadEvents(), event) }) {
		return schema.E(op, schema.KindInvalid, "A webhook needs something to be told of: lead.created, lead.changed or both.")
	}
	return nil
}

// CreateEndpoint makes a receiver and returns the secret that its webhooks are
// signed with, which is shown this once.
func (s *Store) CreateEndpoint(ctx context.Context, who Principal, e Endpoint) (Endpoint, string, error) {
	const op = "make the webhook"
	if err := who.Require(op, ManageWebhooks); err != nil {
		return Endpoint{}, "", err
	}
	if err := e.check(op); err != nil {
		return Endpoint{}, "", err
	}
	secret := newSigningSecret()
	err := s.update(ctx, op, func(t *tx) (err error) {
		// Numbering first: it holds off whoever makes another one meanwhile.
		if e.ID, err = t.serial(ctx, "webhook_endpoints"); err != nil {
			return err
		}
		var there int
		if _, err = t.one(ctx, "endpoint_count", []any{int64(who.Workspace)}, &there); err != nil {
			return err
		}
		if there >= MostEndpoints {
			return schema.E(op, schema.KindConflict, "A workspace has at most %d webhooks, and this one has them. Delete one first.", MostEndpoints)
		}
		e.Workspace, e.State, e.CreatedAt = who.Workspace, EndpointActive, t.now
		sealed := s.keys.Seal([]byte(secret), endpointOwner(who.Workspace, e.ID)...)
		if _, err = t.exec(ctx, "endpoint_insert", e.ID, int64(who.Workspace), e.Name, e.URL, strings.Join(e.Events, " "), sealed, []byte{}, int64(t.now)); err != nil {
			return err
		}
		return t.audit(ctx, who, "webhook made", fmt.Sprintf("webhook %d", e.ID))
	})
	return e, secret, err
}

// Endpoints are the receivers of the principal's workspace, the oldest first.
func (s *Store) Endpoints(ctx context.Context, who Principal) ([]Endpoint, error) {
	const op = "list the webhooks"
	if err := who.Require(op, ManageWebhooks); err != nil {
		return nil, err
	}
	var all []Endpoint
	err := s.reader().each(ctx, "endpoints_of", []any{int64(who.Workspace)}, func(scan func(...any) error) error {
		var e Endpoint
		var workspace int64
		var events string
		err := scan(&e.ID, &workspace, &e.Name, &e.URL, &events, &e.State, &e.Words, &e.FormerUntil, &e.FailingSince, &e.CreatedAt, &e.Waiting, &e.Failed)
		e.Workspace, e.Events = uint32(workspace), strings.Fields(events)
		if e.FormerUntil <= s.clock() {
			e.FormerUntil = 0
		}
		all = append(all, e)
		return err
	})
	return all, failed(op, err)
}

// Endpoint is one receiver of the principal's workspace.
func (s *Store) Endpoint(ctx context.Context, who Principal, id int64) (Endpoint, error) {
	all, err := s.Endpoints(ctx, who)
	if err != nil {
		return Endpoint{}, err
	}
	i := slices.IndexFunc(all, func(e Endpoint) bool { return e.ID == id })
	if i < 0 {
		return Endpoint{}, noEndpoint("find the webhook")
	}
	return all[i], nil
}

func noEndpoint(op string) error {
	return schema.E(op, schema.KindUnknown, "There is no such webhook in this workspace. It may have been deleted.")
}

// onEndpoint does something with a receiver of the principal's workspace, and
// notes who did what to it.
func (s *Store) onEndpoint(ctx context.Context, op string, who Principal, id int64, action string, do func(t *tx) error) error {
	if err := who.Require(op, ManageWebhooks); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		var sealed []byte
		found, err := t.one(ctx, "endpoint_secret", []any{int64(who.Workspace), id}, &sealed)
		if err != nil {
			return err
		}
		if !found {
			return noEndpoint(op)
		}
		if err = do(t); err != nil {
			return err
		}
		return t.audit(ctx, who, action, fmt.Sprintf("webhook %d", id))
	})
}

// UpdateEndpoint changes a receiver's name, address and events.
func (s *Store) UpdateEndpoint(ctx context.Context, who Principal, e Endpoint) error {
	const op = "change the webhook"
	if err := e.check(op); err != nil {
		return err
	}
	return s.onEndpoint(ctx, op, who, e.ID, "webhook changed", func(t *tx) error {
		_, err := t.exec(ctx, "endpoint_change", int64(who.Workspace), e.ID, e.Name, e.URL, strings.Join(e.Events, " "))
		return err
	})
}

// PauseEndpoint stops sending to a receiver, or goes on; what waited meanwhile
// is sent then.
func (s *Store) PauseEndpoint(ctx context.Context, who Principal, id int64, paused bool) error {
	state, words, action := EndpointActive, "", "webhook resumed"
	if paused {
		state, words, action = EndpointPaused, "A person paused it. What happens meanwhile waits for up to 30 days.", "webhook paused"
	}
	return s.onEndpoint(ctx, "pause the webhook", who, id, action, func(t *tx) error {
		_, err := t.exec(ctx, "endpoint_state", id, string(state), words)
		return err
	})
}

// RotateEndpoint gives a receiver a new secret, which is shown this once. For
// FormerSecret the former one signs along.
func (s *Store) RotateEndpoint(ctx context.Context, who Principal, id int64) (string, error) {
	secret := newSigningSecret()
	err := s.onEndpoint(ctx, "renew the secret", who, id, "webhook secret renewed", func(t *tx) error {
		sealed := s.keys.Seal([]byte(secret), endpointOwner(who.Workspace, id)...)
		_, err := t.exec(ctx, "endpoint_rotate", id, sealed, int64(t.now.Add(FormerSecret)))
		return err
	})
	return secret, err
}

// DeleteEndpoint ends a receiver; its secret and the log of its deliveries go
// with it.
func (s *Store) DeleteEndpoint(ctx context.Context, who Principal, id int64) error {
	const op = "delete the webhook"
	err := s.onEndpoint(ctx, op, who, id, "webhook deleted", func(t *tx) error {
		for _, step := range []string{"endpoint_delete_deliveries", "endpoint_delete_leads", "endpoint_delete"} {
			if _, err := t.exec(ctx, step, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return failed(op, s.scrub(ctx))
}

// resealEndpoints seals the receivers' secrets with the ring's first key.
func (t *tx) resealEndpoints(ctx context.Context, s *Store) (int, error) {
	type sealed struct {
		workspace      int64
		secret, former []byte
	}
	all, count := map[int64]sealed{}, 0
	err := t.each(ctx, "endpoint_secrets_all", nil, func(scan func(...any) error) error {
		var id int64
		var e sealed
		err := scan(&id, &e.workspace, &e.secret, &e.former)
		all[id] = e
		return err
	})
	for id, e := range all {
		if err != nil {
			return count, err
		}
		owner := endpointOwner(uint32(e.workspace), id)
		again := func(old []byte) []byte {
			if plain, opens := s.keys.Open(old, owner...); opens == nil && s.keys.Stale(old) {
				count++
				return s.keys.Seal(plain, owner...)
			}
			return append([]byte{}, old...) // One that does not open says so when it is its turn; none is empty, not null.
		}
		_, err = t.exec(ctx, "endpoint_reseal", id, again(e.secret), again(e.former))
	}
	return count, err
}
