-- name: meta_delete
DELETE FROM meta WHERE name = ?;

-- name: code_insert
INSERT INTO codes (hash, redirect_uri, expires_ms) VALUES (?, ?, ?);

-- name: code_use
UPDATE codes SET used = 1 WHERE hash = ? AND used = 0 AND expires_ms > ?;

-- name: token_insert
INSERT INTO tokens (hash, created_ms) VALUES (?, ?);

-- name: token_live
SELECT count(*) FROM tokens WHERE hash = ? AND revoked_ms = 0;

-- name: token_any_live
SELECT count(*) FROM tokens WHERE revoked_ms = 0;

-- name: token_revoke_all
UPDATE tokens SET revoked_ms = ? WHERE revoked_ms = 0;

-- name: code_revoke_all
UPDATE codes SET used = 1 WHERE used = 0;

-- name: attribute_list
SELECT id, doc FROM attributes ORDER BY id;

-- name: attribute_get
SELECT id, doc FROM attributes WHERE id = ?;

-- name: attribute_by_name
SELECT id, doc FROM attributes WHERE model = ? AND name = ?;

-- name: attribute_count_live
SELECT count(*) FROM attributes WHERE json_extract(doc, '$.archived') = 0 AND json_extract(doc, '$.custom') = 1;

-- name: attribute_insert
INSERT INTO attributes (model, name, doc) VALUES (?, ?, ?);

-- name: attribute_delete
DELETE FROM attributes WHERE id = ?;

-- name: attribute_update
UPDATE attributes SET doc = ? WHERE id = ?;

-- name: contact_get
SELECT doc FROM contacts WHERE id = ?;

-- name: contact_list
SELECT doc FROM contacts ORDER BY seq DESC;

-- name: contact_by_external
SELECT doc FROM contacts WHERE external_id = ? ORDER BY seq;

-- name: contact_by_email
SELECT doc FROM contacts WHERE email = ? ORDER BY seq;

-- name: contact_put
INSERT INTO contacts (id, external_id, email, doc) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (id) DO UPDATE SET external_id = excluded.external_id, email = excluded.email, doc = excluded.doc;

-- name: visitor_get
SELECT contact_id, doc FROM visitors WHERE id = ?;

-- name: visitor_put
INSERT INTO visitors (id, contact_id, doc) VALUES (?1, ?2, ?3)
ON CONFLICT (id) DO UPDATE SET contact_id = excluded.contact_id, doc = excluded.doc;

-- name: conversation_get
SELECT doc FROM conversations WHERE id = ?;

-- name: conversation_list
SELECT doc FROM conversations ORDER BY seq DESC;

-- name: conversation_latest
SELECT doc FROM conversations WHERE contact_id = ? ORDER BY seq DESC LIMIT 1;

-- name: conversation_of_contact
SELECT doc FROM conversations WHERE contact_id = ? ORDER BY seq;

-- name: conversation_put
INSERT INTO conversations (id, contact_id, doc) VALUES (?1, ?2, ?3)
ON CONFLICT (id) DO UPDATE SET contact_id = excluded.contact_id, doc = excluded.doc;

-- name: webhook_insert
INSERT INTO webhooks (id, batch, topic, item, created_ms, due_ms) VALUES (?, ?, ?, ?, ?, ?);

-- name: webhook_due
SELECT seq, id, batch, topic, item, attempts, created_ms, first_ms FROM webhooks
WHERE state = 'pending' AND due_ms <= ? ORDER BY seq LIMIT ?;

-- name: webhook_next_due
SELECT coalesce(min(due_ms), 0) FROM webhooks WHERE state = 'pending' AND due_ms > ?;

-- name: webhook_batch_unanswered
SELECT count(*) FROM webhooks WHERE batch = ? AND state = 'pending' AND attempts = 0;

-- name: webhook_record
UPDATE webhooks SET state = ?, attempts = ?, first_ms = ?, due_ms = ?, outcome = ? WHERE seq = ?;

-- name: webhook_drop_all
UPDATE webhooks SET state = 'dropped', outcome = ? WHERE state = 'pending';

-- name: webhook_list
SELECT seq, id, topic, state, attempts, created_ms, outcome FROM webhooks WHERE seq > ? ORDER BY seq LIMIT ?;

