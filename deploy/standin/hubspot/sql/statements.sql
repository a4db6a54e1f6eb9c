-- name: code_insert
INSERT INTO codes (hash, redirect_uri, scopes, expires_ms) VALUES (?, ?, ?, ?);

-- name: code_find
SELECT redirect_uri, scopes FROM codes WHERE hash = ? AND used = 0 AND expires_ms > ?;

-- name: code_use
UPDATE codes SET used = 1 WHERE hash = ?;

-- name: code_use_all
UPDATE codes SET used = 1 WHERE used = 0;

-- name: token_insert
INSERT INTO tokens (hash, kind, family, scopes, expires_ms) VALUES (?, ?, ?, ?, ?);

-- name: token_find
SELECT kind, family, scopes, expires_ms FROM tokens WHERE hash = ? AND revoked_ms = 0;

-- name: token_revoke_family
UPDATE tokens SET revoked_ms = ? WHERE family = ? AND revoked_ms = 0;

-- name: token_revoke_all
UPDATE tokens SET revoked_ms = ? WHERE revoked_ms = 0;

-- name: token_expire_access
UPDATE tokens SET expires_ms = ? WHERE kind = 'access' AND revoked_ms = 0;

-- name: property_get
SELECT doc FROM properties WHERE name = ?;

-- name: property_list
SELECT doc FROM properties ORDER BY name;

-- name: property_put
INSERT INTO properties (name, doc) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc;

-- name: property_delete
DELETE FROM properties WHERE name = ?;

-- name: contact_get
SELECT doc FROM contacts WHERE id = ?;

-- name: contact_changed
SELECT doc FROM contacts WHERE json_extract(doc, '$.updated_at') >= ? ORDER BY json_extract(doc, '$.updated_at') DESC, seq DESC;

-- name: contact_by_email
SELECT doc FROM contacts WHERE email = ? ORDER BY seq LIMIT 1;

-- name: contact_put
INSERT INTO contacts (id, email, doc) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET email = excluded.email, doc = excluded.doc;

-- name: visitor_get
SELECT doc FROM visitors WHERE utk = ?;

-- name: visitor_by_id
SELECT doc FROM visitors WHERE id = ?;

-- name: visitor_by_contact
SELECT doc FROM visitors WHERE contact_id = ? ORDER BY rowid DESC LIMIT 1;

-- name: visitor_put
INSERT INTO visitors (utk, id, contact_id, doc) VALUES (?, ?, ?, ?)
ON CONFLICT (utk) DO UPDATE SET contact_id = excluded.contact_id, doc = excluded.doc;

-- name: visitor_move
UPDATE visitors SET contact_id = ?, doc = json_set(doc, '$.contact_id', ?) WHERE contact_id = ?;

-- name: thread_get
SELECT doc FROM threads WHERE id = ?;

-- name: thread_latest
SELECT doc FROM threads WHERE whose = ? ORDER BY seq DESC LIMIT 1;

-- name: thread_list
SELECT seq, doc FROM threads WHERE (? = '' OR whose = ?) AND seq > ? ORDER BY seq LIMIT ?;

-- name: thread_put
INSERT INTO threads (id, whose, doc) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET whose = excluded.whose, doc = excluded.doc;

-- name: thread_move
UPDATE threads SET whose = ?, doc = json_set(doc, '$.whose', ?) WHERE whose = ?;

-- name: event_insert
INSERT INTO events (batch, type, doc, created_ms, due_ms) VALUES (?, ?, ?, ?, ?);

-- name: event_due
SELECT seq, batch, doc, attempts FROM events WHERE state = 'pending' AND due_ms <= ? ORDER BY seq LIMIT ?;

-- name: event_next_due
SELECT coalesce(min(due_ms), 0) FROM events WHERE state = 'pending' AND due_ms > ?;

-- name: event_unanswered
SELECT count(*) FROM events WHERE batch = ? AND state = 'pending' AND attempts = 0;

-- name: event_record
UPDATE events SET state = ?, attempts = ?, due_ms = ?, outcome = ? WHERE seq = ? AND state = 'pending';

-- name: event_drop_all
UPDATE events SET state = 'dropped', outcome = ? WHERE state = 'pending';

-- name: event_list
SELECT seq, type, state, attempts, created_ms, outcome, doc FROM events WHERE seq > ? ORDER BY seq LIMIT ?;
