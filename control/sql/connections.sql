-- name: routes_all
SELECT id, workspace, provider, app FROM connections WHERE state = 'connected';

-- name: route_taken
SELECT id FROM connections WHERE state = 'connected' AND provider = $1 AND app = $2 AND id <> $3;

-- name: connections_of
SELECT id, workspace, provider, state, since, attempts, app, name, region, last_event_at, last_error, details
FROM connections WHERE workspace = $1 ORDER BY id;

-- name: connection_at
SELECT id, workspace, provider, state, since, attempts, app, name, region, last_event_at, last_error, details
FROM connections WHERE workspace = $1 AND provider = $2;

-- name: connection_by_id
SELECT id, workspace, provider, state, since, attempts, app, name, region, last_event_at, last_error, details
FROM connections WHERE id = $1;

-- name: connection_insert
INSERT INTO connections (id, workspace, provider, state, since, attempts, due, app, name, region, last_event_at, last_error, details, created_at)
VALUES ($1, $2, $3, $4, $5, 0, 0, '', '', '', 0, '', '{}', $5);

-- name: connection_pending
UPDATE connections SET state = $2, since = $3, attempts = 0, due = $3, last_error = '' WHERE id = $1;

-- name: connection_connected
UPDATE connections SET state = $2, since = $3, app = $4, name = $5, region = $6, details = $7, last_error = ''
WHERE id = $1 AND state <> 'disconnected' AND EXISTS (SELECT 1 FROM tokens WHERE connection = $1);

-- name: connection_failed
UPDATE connections SET state = $2, since = $3, last_error = $4 WHERE id = $1;

-- name: connection_healthy
UPDATE connections SET last_error = '' WHERE id = $1 AND state = 'connected';

-- name: connection_delayed
UPDATE connections SET due = $2, last_error = $3 WHERE id = $1 AND state = 'pending';

-- name: connection_granted
UPDATE connections SET due = $2 WHERE id = $1 AND state = 'pending';

-- name: connection_event
UPDATE connections SET last_event_at = $2 WHERE id = $1 AND last_event_at < $2;

-- name: connection_closed
UPDATE connections SET state = $2, since = $3, last_error = '' WHERE id = $1;

-- name: connections_abandoned
UPDATE connections SET state = 'error', since = $1, last_error = $3
WHERE state = 'pending' AND since < $2 AND NOT EXISTS (SELECT 1 FROM tokens t WHERE t.connection = connections.id);

-- name: setups_take
UPDATE connections SET due = $2, attempts = attempts + 1
WHERE state = 'pending' AND due <= $1 AND EXISTS (SELECT 1 FROM tokens t WHERE t.connection = connections.id)
RETURNING id, workspace, provider, state, since, attempts, app, name, region, last_event_at, last_error, details;

-- name: token_put
INSERT INTO tokens (connection, sealed, sealed_at, expires, lease, leased_until) VALUES ($1, $2, $3, $4, $5, 0)
ON CONFLICT (connection) DO UPDATE SET sealed = excluded.sealed, sealed_at = excluded.sealed_at, expires = excluded.expires, lease = excluded.lease, leased_until = 0;

-- name: token_reseal
UPDATE tokens SET sealed = $2, sealed_at = $3 WHERE connection = $1;

-- name: token_lease
UPDATE tokens SET lease = $3, leased_until = $4 WHERE connection = $1 AND expires = $2 AND leased_until <= $5;

-- name: token_state
SELECT expires, lease, leased_until FROM tokens WHERE connection = $1;

-- name: token_refreshed
UPDATE tokens SET sealed = $3, sealed_at = $4, expires = $5, lease = $6, leased_until = 0 WHERE connection = $1 AND lease = $2;

-- name: token_rest
UPDATE tokens SET lease = $3, leased_until = $4 WHERE connection = $1 AND lease = $2;

-- name: token_get
SELECT sealed FROM tokens WHERE connection = $1;

-- name: token_delete
DELETE FROM tokens WHERE connection = $1;

-- name: tokens_all
SELECT connection, sealed FROM tokens;

-- name: tokens_orphaned
SELECT c.id, c.workspace, c.provider, c.state, c.since, c.attempts, c.app, c.name, c.region, c.last_event_at, c.last_error, c.details
FROM connections c JOIN tokens t ON t.connection = c.id WHERE c.state = 'disconnected' AND c.since <= $1;

-- name: oauth_state_insert
INSERT INTO oauth_states (state, browser, provider, connection, workspace, member, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: oauth_state_find
SELECT o.connection, o.browser, o.provider, o.expires_at, m.role
FROM oauth_states o JOIN members m ON m.workspace = o.workspace AND m.member = o.member
WHERE o.state = $1;

-- name: oauth_state_use
DELETE FROM oauth_states WHERE state = $1;

-- name: oauth_states_discard
DELETE FROM oauth_states WHERE connection = $1;

-- name: oauth_states_prune
DELETE FROM oauth_states WHERE expires_at <= $1;

-- name: sqlite_vacuum
VACUUM;

-- name: sqlite_checkpoint
PRAGMA wal_checkpoint(TRUNCATE);
