-- name: incoming_all
SELECT id, workspace, token, name, conversion, has_value, value, currency, id_path, email_path, phone_path, value_path, created_at
FROM incoming_hooks;

-- name: incoming_of
SELECT id, workspace, token, name, conversion, has_value, value, currency, id_path, email_path, phone_path, value_path, created_at
FROM incoming_hooks WHERE workspace = $1 ORDER BY id;

-- name: incoming_count
SELECT COUNT(*) FROM incoming_hooks WHERE workspace = $1;

-- name: incoming_insert
INSERT INTO incoming_hooks (id, workspace, token, name, conversion, has_value, value, currency, id_path, email_path, phone_path, value_path, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: incoming_change
UPDATE incoming_hooks SET name = $3, conversion = $4, has_value = $5, value = $6, currency = $7, id_path = $8, email_path = $9, phone_path = $10, value_path = $11
WHERE workspace = $1 AND id = $2;

-- name: incoming_token
UPDATE incoming_hooks SET token = $3 WHERE workspace = $1 AND id = $2;

-- name: incoming_delete
DELETE FROM incoming_hooks WHERE workspace = $1 AND id = $2;
