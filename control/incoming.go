package control

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sourceloop/schema"
)

// MostIncoming is how many addresses for incoming webhooks a workspace has at
// most: more than a company has programs that tell of sales.
const MostIncoming = 20

// IncomingSignals is the provider under which it is counted what came to
// addresses of incoming webhooks; the app is the address's number.
const IncomingSignals = "incoming"

// hookPath tells whether a text is a place in JSON: names and numbers with dots
// between them. A name may have blanks in it, as those of forms do.
func hookPath(text string) bool {
	blank := func(name string) bool { return name == "" || name != strings.TrimSpace(name) }
	return text == "" || len(text) <= 200 && !slices.ContainsFunc(strings.Split(text, "."), blank)
}

func checkIncoming(op string, h *schema.IncomingHook) error {
	for _, text := range []*string{&h.Name, &h.Conversion, &h.IDPath, &h.EmailPath, &h.PhonePath, &h.ValuePath} {
		*text = strings.TrimSpace(*text)
	}
	h.Currency = strings.ToUpper(strings.TrimSpace(h.Currency))
	switch {
	case h.Name == "" || len(h.Name) > 200 || h.Conversion == "" || len(h.Conversion) > 120:
		return schema.E(op, schema.KindInvalid, "An address needs a name of at most 200 bytes, and its conversions one of at most 120.")
	case slices.Contains([]string{"contact", "intercom_conversation", "hubspot_conversation"}, h.Conversion):
		return schema.E(op, schema.KindInvalid, "The name %s is that of what SourceLoop finds by itself. Choose another one for the conversions.", h.Conversion)
	case h.Currency != "" && !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(h.Currency):
		return schema.E(op, schema.KindInvalid, "The currency is none. Write it with three letters, as EUR, or leave it out for the workspace's.")
	case math.IsNaN(h.Value) || math.IsInf(h.Value, 0):
		return schema.E(op, schema.KindInvalid, "The value is no number. Give one, or leave it out.")
	}
	for _, path := range []string{h.IDPath, h.EmailPath, h.PhonePath, h.ValuePath} {
		if !hookPath(path) {
			return schema.E(op, schema.KindInvalid, "%q is no place in JSON. Write it with dots, as data.customer.email or items.0.price.", path)
		}
	}
	return nil
}

func (r runner) incoming(ctx context.Context, name string, args []any, visit func(token []byte, h schema.IncomingHook)) error {
	return r.each(ctx, name, args, func(scan func(...any) error) error {
		var h schema.IncomingHook
		var workspace, hasValue int64
		var token []byte
		err := scan(&h.ID, &workspace, &token, &h.Name, &h.Conversion, &hasValue, &h.Value, &h.Currency, &h.IDPath, &h.EmailPath, &h.PhonePath, &h.ValuePath, &h.CreatedAt)
		h.Workspace, h.HasValue = uint32(workspace), hasValue != 0
		visit(token, h)
		return err
	})
}

// IncomingHooks are those of the principal's workspace, the oldest first.
func (s *Store) IncomingHooks(ctx context.Context, who Principal) ([]schema.IncomingHook, error) {
	const op = "list the addresses"
	if err := who.Require(op, ManageWebhooks); err != nil {
		return nil, err
	}
	var all []schema.IncomingHook
	err := s.reader().incoming(ctx, "incoming_of", []any{int64(who.Workspace)}, func(_ []byte, h schema.IncomingHook) { all = append(all, h) })
	return all, failed(op, err)
}

// IncomingSignalsOf tells what came to an address in the last 30 days.
func (s *Store) IncomingSignalsOf(ctx context.Context, id int64) ([]Signal, error) {
	return s.SignalsOf(ctx, IncomingSignals, strconv.FormatInt(id, 10))
}

func hasValue(h schema.IncomingHook) int64 {
	if h.HasValue {
		return 1
	}
	return 0
}

// CreateIncomingHook makes an address and returns the secret part of it, which
// is shown this once.
func (s *Store) CreateIncomingHook(ctx context.Context, who Principal, h schema.IncomingHook) (schema.IncomingHook, string, error) {
	const op = "make the address"
	if err := who.Require(op, ManageWebhooks); err != nil {
		return h, "", err
	}
	if err := checkIncoming(op, &h); err != nil {
		return h, "", err
	}
	token := newSecret("in_")
	err := s.update(ctx, op, func(t *tx) (err error) {
		// Numbering first: it holds off whoever makes another one meanwhile.
		if h.ID, err = t.serial(ctx, "incoming_hooks"); err != nil {
			return err
		}
		var there int
		if _, err = t.one(ctx, "incoming_count", []any{int64(who.Workspace)}, &there); err != nil {
			return err
		}
		if there >= MostIncoming {
			return schema.E(op, schema.KindConflict, "A workspace has at most %d of these addresses, and this one has them. Delete one first.", MostIncoming)
		}
		h.Workspace, h.CreatedAt = who.Workspace, t.now
		if _, err = t.exec(ctx, "incoming_insert", h.ID, int64(who.Workspace), hashSecret(token), h.Name, h.Conversion, hasValue(h), h.Value, h.Currency,
			h.IDPath, h.EmailPath, h.PhonePath, h.ValuePath, int64(t.now)); err != nil {
			return err
		}
		return t.changedIncoming(ctx, who, h.ID, "incoming webhook made")
	})
	return h, token, err
}

func (t *tx) changedIncoming(ctx context.Context, who Principal, id int64, action string) error {
	if err := t.audit(ctx, who, action, fmt.Sprintf("incoming webhook %d", id)); err != nil {
		return err
	}
	return t.change(ctx, who.Workspace, "incoming webhook")
}

func (s *Store) onIncoming(ctx context.Context, op string, who Principal, id int64, action, statement string, args ...any) error {
	if err := who.Require(op, ManageWebhooks); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		n, err := t.exec(ctx, statement, append([]any{int64(who.Workspace), id}, args...)...)
		if err != nil {
			return err
		}
		if n == 0 {
			return schema.E(op, schema.KindUnknown, "There is no such address in this workspace. It may have been deleted.")
		}
		return t.changedIncoming(ctx, who, id, action)
	})
}

// UpdateIncomingHook changes what an address does; its secret stays.
func (s *Store) UpdateIncomingHook(ctx context.Context, who Principal, h schema.IncomingHook) error {
	const op = "change the address"
	if err := checkIncoming(op, &h); err != nil {
		return err
	}
	return s.onIncoming(ctx, op, who, h.ID, "incoming webhook changed", "incoming_change",
		h.Name, h.Conversion, hasValue(h), h.Value, h.Currency, h.IDPath, h.EmailPath, h.PhonePath, h.ValuePath)
}

// RenewIncomingHook gives an address another secret; the former one is nobody's
// at once.
func (s *Store) RenewIncomingHook(ctx context.Context, who Principal, id int64) (string, error) {
	token := newSecret("in_")
	return token, s.onIncoming(ctx, "renew the address", who, id, "incoming webhook renewed", "incoming_token", hashSecret(token))
}

// DeleteIncomingHook ends an address; what came to it stays.
func (s *Store) DeleteIncomingHook(ctx context.Context, who Principal, id int64) error {
	return s.onIncoming(ctx, "delete the address", who, id, "incoming webhook deleted", "incoming_delete")
}

func (n *snapshot) loadIncoming(ctx context.Context, r runner) error {
	return r.incoming(ctx, "incoming_all", nil, func(token []byte, h schema.IncomingHook) { n.incoming[string(token)] = h })
}

// IncomingHook finds the address that has a secret in it.
func (d *Directory) IncomingHook(token string) (schema.IncomingHook, bool) {
	h, ok := d.current.Load().incoming[string(hashSecret(token))]
	return h, ok
}
