-- name: funnels_of
SELECT id, name, body, created_at, updated_at FROM funnels WHERE workspace = $1 ORDER BY id;

-- name: funnel_insert
INSERT INTO funnels (id, workspace, name, body, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (workspace, name) DO NOTHING;

-- name: funnel_named
SELECT id FROM funnels WHERE workspace = $1 AND name = $2;

-- name: funnel_update
UPDATE funnels SET name = $3, body = $4, updated_at = $5 WHERE workspace = $1 AND id = $2;

-- name: funnel_delete
DELETE FROM funnels WHERE workspace = $1 AND id = $2;
