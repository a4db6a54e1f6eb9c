-- name: workspace_insert
INSERT INTO workspaces (id, name, site_key, currency, zone, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (site_key) DO NOTHING;

-- name: workspaces_all
SELECT id, name, site_key, currency, zone FROM workspaces ORDER BY id;

-- name: settings_insert
INSERT INTO settings (workspace, version, in_force, body, saved_at, saved_by) VALUES ($1, $2, $3, $4, $5, $6);

-- name: settings_last
SELECT version, in_force FROM settings WHERE workspace = $1 ORDER BY version DESC LIMIT 1;

-- name: settings_of
SELECT version, in_force, body FROM settings WHERE workspace = $1 ORDER BY version;

-- name: zone_set
UPDATE workspaces SET zone = $2 WHERE id = $1;

-- name: settings_all
SELECT workspace, version, in_force, body FROM settings ORDER BY workspace, version;

-- name: workspace_currency
SELECT currency FROM workspaces WHERE id = $1;
