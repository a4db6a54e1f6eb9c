-- name: segments_of
SELECT id, name, filters FROM segments WHERE workspace = $1 ORDER BY name, id;

-- name: segment_put
INSERT INTO segments (id, workspace, name, filters) VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace, name) DO UPDATE SET filters = excluded.filters;

-- name: segment_delete
DELETE FROM segments WHERE workspace = $1 AND id = $2;
