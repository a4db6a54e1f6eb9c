-- name: chore_begin
INSERT INTO chores (name, last_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING;

-- name: chore_take
UPDATE chores SET last_at = $2 WHERE name = $1 AND last_at <= $3;

-- name: inbox_expire
DELETE FROM inbox WHERE received <= $1;

-- name: connections_expire
UPDATE connections SET attempts = 0, app = '', name = '', region = '', last_event_at = 0, last_error = '', details = '{}'
WHERE state = 'disconnected' AND since <= $1;
