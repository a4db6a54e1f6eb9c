-- name: inbox_open
UPDATE connections SET due = due WHERE id = $1 AND state <> 'disconnected';

-- name: inbox_put
INSERT INTO inbox (id, connection, payload, state, received, due, attempts, lease, leased_until, last_error)
VALUES ($1, $2, $3, 'waiting', $4, $5, 0, $6, 0, $7) ON CONFLICT (id) DO NOTHING;

-- The conditions stand twice: PostgreSQL checks the outer ones again on a row
-- that another process took meanwhile.
-- name: inbox_take
UPDATE inbox SET lease = $3, leased_until = $2, attempts = attempts + 1
WHERE state = 'waiting' AND due <= $1 AND leased_until <= $1 AND id IN (
    SELECT id FROM (
        SELECT id, due, ROW_NUMBER() OVER (PARTITION BY connection ORDER BY due, received) AS place
        FROM inbox WHERE state = 'waiting' AND due <= $1 AND leased_until <= $1
    ) AS ready WHERE place <= $4 ORDER BY due, place LIMIT $5
)
RETURNING id, payload, attempts;

-- name: inbox_finish
DELETE FROM inbox WHERE id = $1 AND lease = $2;

-- name: inbox_delay
UPDATE inbox SET due = $3, lease = $4, leased_until = 0, last_error = $5 WHERE id = $1 AND lease = $2;

-- name: inbox_back_off
UPDATE inbox SET due = $2 WHERE connection = $1 AND due < $2;

-- name: inbox_wake
UPDATE inbox SET due = $2 WHERE connection = $1 AND due > $2;

-- name: inbox_discard
DELETE FROM inbox WHERE connection = $1;

-- name: inbox_size
SELECT COUNT(*) FROM inbox;
