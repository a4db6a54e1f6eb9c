-- name: destination_insert
INSERT INTO destinations (id, workspace, connection, platform, name, account, action, action_name, event, conversions, fires, stage, value, consent, dry_run, test_code, paused, since, created_at, removed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 0);

-- name: destination_update
UPDATE destinations SET name = $2, account = $3, action = $4, action_name = $5, event = $6, conversions = $7, fires = $8, stage = $9, value = $10,
    consent = $11, dry_run = $12, test_code = $13, paused = $14, since = $15
WHERE id = $1;

-- name: destination_remove
UPDATE destinations SET removed_at = $2 WHERE id = $1;

-- name: destination_get
SELECT d.id, d.workspace, d.connection, c.state, d.platform, d.name, d.account, d.action, d.action_name, d.event, d.conversions, d.fires, d.stage, d.value, d.consent, d.dry_run, d.test_code, d.paused, d.since, c.pushes_forgotten, d.created_at
FROM destinations d JOIN connections c ON c.id = d.connection
WHERE d.workspace = $1 AND d.id = $2 AND d.removed_at = 0;

-- name: destinations_of
SELECT d.id, d.workspace, d.connection, c.state, d.platform, d.name, d.account, d.action, d.action_name, d.event, d.conversions, d.fires, d.stage, d.value, d.consent, d.dry_run, d.test_code, d.paused, d.since, c.pushes_forgotten, d.created_at
FROM destinations d JOIN connections c ON c.id = d.connection
WHERE d.workspace = $1 AND d.removed_at = 0 ORDER BY d.id;

-- name: destination_target
SELECT id FROM destinations WHERE workspace = $1 AND platform = $2 AND account = $3 AND action = $4 AND event = $5 AND removed_at = 0 AND id <> $6;

-- name: destinations_at
SELECT id FROM destinations WHERE connection = $1 AND removed_at = 0;
