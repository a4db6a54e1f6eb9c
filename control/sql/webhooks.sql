-- name: endpoint_insert
INSERT INTO webhook_endpoints (id, workspace, name, url, events, state, words, secret, former, former_until, failing_since, created_at, lease, leased_until)
VALUES ($1, $2, $3, $4, $5, 'active', '', $6, $7, 0, 0, $8, $7, 0);

-- name: endpoint_count
SELECT COUNT(*) FROM webhook_endpoints WHERE workspace = $1;

-- name: endpoints_of
SELECT id, workspace, name, url, events, state, words, former_until, failing_since, created_at,
    (SELECT COUNT(*) FROM webhook_deliveries d WHERE d.endpoint = e.id AND d.state = 'pending'),
    (SELECT COUNT(*) FROM webhook_deliveries d WHERE d.endpoint = e.id AND d.state = 'failed')
FROM webhook_endpoints e WHERE workspace = $1 ORDER BY id;

-- name: endpoint_change
UPDATE webhook_endpoints SET name = $3, url = $4, events = $5 WHERE workspace = $1 AND id = $2;

-- name: endpoint_state
UPDATE webhook_endpoints SET state = $2, words = $3, failing_since = 0 WHERE id = $1;

-- name: endpoint_failing
UPDATE webhook_endpoints SET failing_since = $2 WHERE id = $1 AND failing_since = 0;

-- name: endpoint_healthy
UPDATE webhook_endpoints SET failing_since = 0 WHERE id = $1 AND failing_since <> 0;

-- name: endpoint_secret
SELECT secret FROM webhook_endpoints WHERE workspace = $1 AND id = $2;

-- name: endpoint_rotate
UPDATE webhook_endpoints SET former = secret, former_until = $3, secret = $2 WHERE id = $1;

-- name: endpoint_secrets_all
SELECT id, workspace, secret, former FROM webhook_endpoints;

-- name: endpoint_reseal
UPDATE webhook_endpoints SET secret = $2, former = $3 WHERE id = $1;

-- name: endpoint_forget_former
UPDATE webhook_endpoints SET former = $2, former_until = 0 WHERE former_until <> 0 AND former_until <= $1;

-- name: endpoint_delete_deliveries
DELETE FROM webhook_deliveries WHERE endpoint = $1;

-- name: endpoint_delete_leads
DELETE FROM webhook_leads WHERE endpoint = $1;

-- name: endpoint_delete
DELETE FROM webhook_endpoints WHERE id = $1;

-- name: endpoints_told
SELECT id, events, created_at FROM webhook_endpoints WHERE workspace = $1 AND state <> 'gone' ORDER BY id;

-- The conditions stand twice: PostgreSQL checks the outer ones again on a row
-- that another process took meanwhile.
-- name: endpoints_take
UPDATE webhook_endpoints SET lease = $3, leased_until = $2
WHERE leased_until <= $1 AND id IN (
    SELECT e.id FROM webhook_endpoints e
    WHERE e.leased_until <= $1 AND EXISTS (
        SELECT 1 FROM webhook_deliveries d
        WHERE d.endpoint = e.id AND d.state = 'pending' AND d.due <= $1 AND (e.state = 'active' OR d.event = 'webhook.test'))
    ORDER BY e.leased_until LIMIT $4
)
RETURNING id, workspace, url, state, secret, former, former_until;

-- name: endpoint_release
UPDATE webhook_endpoints SET leased_until = $3 WHERE id = $1 AND lease = $2;

-- name: endpoint_leased
UPDATE webhook_endpoints SET lease = lease WHERE id = $1 AND lease = $2 AND leased_until > $3;

-- name: endpoint_health
SELECT state, failing_since FROM webhook_endpoints WHERE id = $1;

-- name: lead_seen
SELECT fingerprint, serial FROM webhook_leads WHERE endpoint = $1 AND contact = $2;

-- name: lead_put
INSERT INTO webhook_leads (endpoint, contact, fingerprint, serial) VALUES ($1, $2, $3, 1)
ON CONFLICT (endpoint, contact) DO UPDATE SET fingerprint = excluded.fingerprint, serial = webhook_leads.serial + 1
WHERE webhook_leads.serial = $4;

-- name: lead_sent
UPDATE webhook_leads SET fingerprint = $3 WHERE endpoint = $1 AND contact = $2;

-- name: lead_delete
DELETE FROM webhook_leads WHERE contact = $1;

-- name: delivery_waiting
SELECT id FROM webhook_deliveries WHERE endpoint = $1 AND contact = $2 AND state = 'pending' AND attempts = 0 LIMIT 1;

-- name: delivery_put
INSERT INTO webhook_deliveries (id, endpoint, event, contact, state, attempts, status, words, due, created_at, updated_at)
VALUES ($1, $2, $3, $4, 'pending', 0, 0, '', $5, $6, $6) ON CONFLICT (id) DO NOTHING;

-- name: deliveries_due
SELECT id, endpoint, event, contact, state, attempts, status, words, due, created_at, updated_at
FROM webhook_deliveries WHERE endpoint = $1 AND state = 'pending' AND due <= $2 AND ($3 = 1 OR event = 'webhook.test')
ORDER BY due, id LIMIT $4;

-- name: delivery_begin
UPDATE webhook_deliveries SET attempts = attempts + 1, updated_at = $2 WHERE id = $1 AND state = 'pending';

-- name: delivery_end
UPDATE webhook_deliveries SET state = $2, status = $3, words = $4, due = $5, updated_at = $6 WHERE id = $1 AND state = 'pending';

-- name: deliveries_of
SELECT id, endpoint, event, contact, state, attempts, status, words, due, created_at, updated_at
FROM webhook_deliveries WHERE endpoint = $1 AND (created_at < $2 OR created_at = $2 AND id < $3)
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: delivery_replay
UPDATE webhook_deliveries SET state = 'pending', attempts = 0, words = '', due = $3, updated_at = $3
WHERE endpoint = $1 AND id = $2 AND state <> 'pending';

-- name: delivery_hurry
UPDATE webhook_deliveries SET due = $3 WHERE endpoint = $1 AND id = $2 AND state = 'pending';

-- name: deliveries_replay
UPDATE webhook_deliveries SET state = 'pending', attempts = 0, words = '', due = $3, updated_at = $3
WHERE endpoint = $1 AND state = 'failed' AND created_at >= $2;

-- name: deliveries_cancel
UPDATE webhook_deliveries SET state = 'cancelled', words = $2, updated_at = $3 WHERE endpoint = $1 AND state = 'pending';

-- name: deliveries_erase
DELETE FROM webhook_deliveries WHERE contact = $1;

-- name: deliveries_expire
DELETE FROM webhook_deliveries WHERE updated_at <= $1;
