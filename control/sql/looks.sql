-- name: look_ask
INSERT INTO looks (connection, kind, state, since, begun_at, position, found, total, finished_at, note, due, lease, leased_until)
VALUES ($1, $2, 'open', $3, 0, '', 0, 0, 0, '', $4, $5, 0) ON CONFLICT (connection, kind) DO NOTHING;

-- A finished backfill is asked for anew; one under way goes on.
-- name: look_again
UPDATE looks SET state = 'open', begun_at = 0, position = '', found = 0, total = 0, note = '', due = $3
WHERE connection = $1 AND kind = $2 AND state = 'done';

-- name: look_hurry
UPDATE looks SET due = $3 WHERE connection = $1 AND kind = $2 AND due > $3;

-- Another workspace of the provider has nothing to do with where looks stood.
-- name: looks_anew
UPDATE looks SET begun_at = 0, position = '', found = 0, total = 0, note = '', since = CASE WHEN kind = 'reconcile' THEN $2 ELSE since END
WHERE connection = $1;

-- The conditions stand twice: PostgreSQL checks the outer ones again on a row
-- that another process took meanwhile.
-- name: look_take
UPDATE looks SET lease = $3, leased_until = $2, begun_at = CASE WHEN begun_at = 0 THEN $1 ELSE begun_at END
WHERE state = 'open' AND due <= $1 AND leased_until <= $1 AND (connection, kind) = (
    SELECT l.connection, l.kind FROM looks l JOIN connections c ON c.id = l.connection
    WHERE l.state = 'open' AND l.due <= $1 AND l.leased_until <= $1 AND c.state = 'connected'
    ORDER BY l.due, l.connection, l.kind LIMIT 1
)
RETURNING connection, kind, state, since, begun_at, position, found, total, finished_at, note;

-- name: look_save
UPDATE looks SET state = $4, since = $5, begun_at = $6, position = $7, found = $8, total = $9, finished_at = $10, note = $11, due = $12, lease = $13, leased_until = 0
WHERE connection = $1 AND kind = $2 AND lease = $3;

-- name: looks_of
SELECT connection, kind, state, since, begun_at, position, found, total, finished_at, note FROM looks WHERE connection = $1;

-- name: looks_discard
DELETE FROM looks WHERE connection = $1;
