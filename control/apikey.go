package control

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sourceloop/schema"
)

// minAPIKey is the least length of a given API key: that of 128 random bits in
// hexadecimal.
const minAPIKey = 32

// hintLength is how much of a key is shown: of 256 random bits far too little
// to search the rest.
const hintLength = 8

// APIKey describes a key; the key itself is shown once, when it is made.
type APIKey struct {
	ID         int64
	Name       string
	Role       Role
	Hint       string // how the key begins, to tell keys apart
	CreatedAt  schema.Millis
	LastUsedAt schema.Millis // to the minute; 0 for never
}

// NewAPIKey asks for a key.
type NewAPIKey struct {
	Name  string
	Role  Role   // at most that of who makes it
	Token string // the key, at least 32 random characters; made up when empty
}

// CreateAPIKey makes a key for the principal's workspace and returns it. Making
// a given token a second time for the same workspace changes nothing.
func (s *Store) CreateAPIKey(ctx context.Context, who Principal, in NewAPIKey) (token string, err error) {
	const op = "create an API key"
	if err = who.Require(op, ManageKeys); err != nil {
		return "", err
	}
	if in.Role.rank() == 0 || in.Role.rank() > who.Role.rank() {
		return "", schema.E(op, schema.KindInvalid, "A key needs a role: viewer, editor, admin or owner, and not above your own.")
	}
	in.Name = strings.TrimSpace(in.Name)
	if in.Name == "" || len(in.Name) > 200 {
		return "", schema.E(op, schema.KindInvalid, "A key needs a name of at most 200 bytes, so that it can be told apart.")
	}
	if in.Token == "" {
		in.Token = newSecret("slk_")
	}
	if len(in.Token) < minAPIKey {
		return "", schema.E(op, schema.KindInvalid, "A given key must have at least %d characters.", minAPIKey)
	}
	err = s.update(ctx, op, func(t *tx) error { return t.insertAPIKey(ctx, op, who, in) })
	return in.Token, err
}

func (t *tx) insertAPIKey(ctx context.Context, op string, who Principal, in NewAPIKey) error {
	id, err := t.serial(ctx, "api_keys")
	if err != nil {
		return err
	}
	hash := hashSecret(in.Token)
	made, err := t.exec(ctx, "api_key_insert", id, int64(who.Workspace), hash, in.Name, string(in.Role), int64(t.now), who.User, in.Token[:hintLength])
	if err != nil {
		return err
	}
	if made == 0 {
		var workspace int64
		if _, err = t.one(ctx, "api_key_workspace", []any{hash}, &workspace); err == nil && uint32(workspace) != who.Workspace {
			err = schema.E(op, schema.KindConflict, "This key is taken. Leave it empty to have one made.")
		}
		return err
	}
	if err = t.audit(ctx, who, "API key created", fmt.Sprintf("key %d as %s", id, in.Role)); err != nil {
		return err
	}
	return t.change(ctx, who.Workspace, "api key")
}

// APIKeys are the keys of the principal's workspace, the oldest first.
func (s *Store) APIKeys(ctx context.Context, who Principal) ([]APIKey, error) {
	const op = "list the API keys"
	if err := who.Require(op, ManageKeys); err != nil {
		return nil, err
	}
	var all []APIKey
	err := s.reader().each(ctx, "api_keys_of", []any{int64(who.Workspace)}, func(scan func(...any) error) error {
		var k APIKey
		err := scan(&k.ID, &k.Name, &k.Role, &k.Hint, &k.CreatedAt, &k.LastUsedAt)
		all = append(all, k)
		return err
	})
	return all, failed(op, err)
}

// DeleteAPIKey ends a key: here at once, in other processes within a second.
func (s *Store) DeleteAPIKey(ctx context.Context, who Principal, id int64) error {
	const op = "delete an API key"
	if err := who.Require(op, ManageKeys); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		gone, err := t.exec(ctx, "api_key_delete", int64(who.Workspace), id)
		if err != nil {
			return err
		}
		if gone == 0 {
			return schema.E(op, schema.KindUnknown, "There is no such key in this workspace.")
		}
		if err = t.audit(ctx, who, "API key deleted", fmt.Sprintf("key %d", id)); err != nil {
			return err
		}
		return t.change(ctx, who.Workspace, "api key")
	})
}

// APIKeyName is the name of the API key that a principal is.
func (s *Store) APIKeyName(ctx context.Context, who Principal) (string, error) {
	const op = "read the API key"
	var name string
	found, err := s.reader().one(ctx, "api_key_name", []any{int64(who.Workspace), who.Key}, &name)
	if err == nil && !found {
		err = schema.E(op, schema.KindUnknown, "There is no such key in this workspace. It may have been deleted.")
	}
	return name, failed(op, err)
}

// NoteKeyUse records that an API key was used. It writes once a minute at
// most.
func (s *Store) NoteKeyUse(ctx context.Context, id int64) error {
	now := s.clock()
	s.seenMu.Lock()
	fresh := now.Sub(s.used[id]) >= time.Minute
	if fresh {
		s.used[id] = now
	}
	s.seenMu.Unlock()
	if !fresh {
		return nil
	}
	return s.update(ctx, "note the use of an API key", func(t *tx) error {
		_, err := t.exec(ctx, "api_key_used", id, int64(now))
		return err
	})
}
