-- name: secret_put
INSERT INTO secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING;

-- name: secret_get
SELECT sealed FROM secrets WHERE name = $1;

-- name: secret_reseal
UPDATE secrets SET sealed = $2 WHERE name = $1;

-- name: erased_insert
INSERT INTO erased_nodes (task, workspace, hash, since, until, arrived) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (task, hash, since) DO NOTHING;

-- name: erased_all
SELECT workspace, hash, since, until, arrived FROM erased_nodes;

-- name: erasure_work_put
INSERT INTO erasure_work (task, sealed) VALUES ($1, $2) ON CONFLICT (task) DO UPDATE SET sealed = excluded.sealed;

-- name: erasure_work_get
SELECT sealed FROM erasure_work WHERE task = $1;

-- name: erasure_work_all
SELECT task, sealed FROM erasure_work;

-- name: erasure_work_delete
DELETE FROM erasure_work WHERE task = $1;

-- name: stage_delete
DELETE FROM contact_stages WHERE workspace = $1 AND node = $2;
