-- name: task_insert
INSERT INTO tasks (id, name, run, kind, workspace, body, phase, state, progress, created_at, created_by, finished_at, due, lease, leased_until)
VALUES ($1, $2, $3, $4, $5, $6, 0, 'open', '{}', $7, $8, 0, $9, $10, 0) ON CONFLICT (name) DO NOTHING;

-- The conditions stand twice: PostgreSQL checks the outer ones again on a row
-- that another process took meanwhile.
-- name: task_take
UPDATE tasks SET lease = $3, leased_until = $2
WHERE state = 'open' AND due <= $1 AND leased_until <= $1 AND id = (
    SELECT MIN(id) FROM tasks WHERE state = 'open' AND due <= $1 AND leased_until <= $1
)
RETURNING id, run, kind, workspace, body, phase, state, progress, created_at, finished_at;

-- name: task_save
UPDATE tasks SET phase = $3, state = $4, progress = $5, due = $6, finished_at = $7, lease = $8, leased_until = 0
WHERE id = $1 AND lease = $2;

-- name: task_hold
UPDATE tasks SET progress = $3, leased_until = $4 WHERE id = $1 AND lease = $2;

-- A name that was asked for before keeps its time: the number is a new one's.
-- name: task_delay
UPDATE tasks SET due = $2 WHERE id = $1;

-- name: task_get
SELECT id, run, kind, workspace, body, phase, state, progress, created_at, finished_at FROM tasks WHERE id = $1;

-- name: tasks_of
SELECT id, run, kind, workspace, body, phase, state, progress, created_at, finished_at FROM tasks
WHERE workspace = $1 AND kind = $2 ORDER BY id DESC LIMIT $3;

-- name: tasks_prune
DELETE FROM tasks WHERE state = 'done' AND kind IN ('late', 'journeys') AND finished_at < $1;
