-- name: stage_put
INSERT INTO contact_stages (workspace, node, stage, at, member) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workspace, node) DO UPDATE SET stage = excluded.stage, at = excluded.at, member = excluded.member;

-- name: stages_of
SELECT node, stage, at FROM contact_stages WHERE workspace = $1;

-- name: stage_first_put
INSERT INTO stage_firsts (workspace, node, stage, at) VALUES ($1, $2, $3, $4) ON CONFLICT (workspace, stage, node) DO NOTHING;

-- name: stage_firsts_of
SELECT node, at FROM stage_firsts WHERE workspace = $1 AND stage = $2;

-- name: stage_firsts_erase
DELETE FROM stage_firsts WHERE workspace = $1 AND node = $2;

-- name: stage_firsts_copy
INSERT INTO stage_firsts (workspace, node, stage, at)
SELECT workspace, node, $3, at FROM stage_firsts WHERE workspace = $1 AND stage = $2
ON CONFLICT (workspace, stage, node) DO NOTHING;

-- name: stage_firsts_drop
DELETE FROM stage_firsts WHERE workspace = $1 AND stage = $2;

-- name: stage_of
SELECT stage FROM contact_stages WHERE workspace = $1 AND node = $2;

-- name: stage_list
SELECT name FROM stages WHERE workspace = $1 ORDER BY place, name;

-- name: stage_list_clear
DELETE FROM stages WHERE workspace = $1;

-- name: stage_list_add
INSERT INTO stages (workspace, name, place) VALUES ($1, $2, $3) ON CONFLICT (workspace, name) DO NOTHING;

-- name: stage_facts_rename
UPDATE contact_stages SET stage = $3 WHERE workspace = $1 AND stage = $2;

-- name: stage_changes_rename
UPDATE stage_changes SET stage = $3 WHERE workspace = $1 AND stage = $2;

-- name: stage_changes_drop
DELETE FROM stage_changes WHERE workspace = $1 AND stage = $2;

-- name: stage_pushes_rename
UPDATE outbox SET stage = $3 WHERE workspace = $1 AND stage = $2;

-- name: stage_change_insert
INSERT INTO stage_changes (serial, workspace, node, stage, at, lease, leased_until) VALUES ($1, $2, $3, $4, $5, '', 0);

-- The conditions stand twice: PostgreSQL checks the outer ones again on a row
-- that another process took meanwhile.
-- name: stage_changes_take
UPDATE stage_changes SET lease = $2, leased_until = $3
WHERE leased_until <= $1 AND serial IN (SELECT serial FROM stage_changes WHERE leased_until <= $1 ORDER BY serial LIMIT $4)
RETURNING serial, workspace, node, stage, at;

-- name: stage_change_finish
DELETE FROM stage_changes WHERE serial = $1 AND lease = $2;

-- name: stage_changes_erase
DELETE FROM stage_changes WHERE workspace = $1 AND node = $2;

-- name: destination_stages
UPDATE destinations SET stage = $2, value = $3 WHERE id = $1;
