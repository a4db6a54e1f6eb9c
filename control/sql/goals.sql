-- name: goals_all
SELECT id, workspace, name, kind, stage, body, starts FROM goals ORDER BY id;

-- name: goals_of
SELECT id, workspace, name, kind, stage, body, starts FROM goals WHERE workspace = $1 ORDER BY id;

-- name: goal_insert
INSERT INTO goals (id, workspace, name, kind, stage, body, starts) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: goal_update
UPDATE goals SET name = $3, kind = $4, stage = $5, body = $6, starts = $7 WHERE workspace = $1 AND id = $2;

-- name: goal_delete
DELETE FROM goals WHERE workspace = $1 AND id = $2;

-- name: goal_at_stage
SELECT name FROM goals WHERE workspace = $1 AND stage = $2 ORDER BY id LIMIT 1;

-- name: goal_stages_rename
UPDATE goals SET stage = $3 WHERE workspace = $1 AND stage = $2;
