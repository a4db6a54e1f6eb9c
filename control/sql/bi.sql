-- name: bi_users_of
SELECT login, hash, details, applied, leaving, added_at FROM bi_users WHERE workspace = $1 ORDER BY added_at, login;

-- name: bi_user_insert
INSERT INTO bi_users (workspace, login, hash, details, applied, added_at) VALUES ($1, $2, $3, $4, 0, $5)
ON CONFLICT (workspace, login) DO NOTHING;

-- name: bi_user_applied
UPDATE bi_users SET applied = 1 WHERE workspace = $1 AND login = $2;

-- name: bi_user_leaving
UPDATE bi_users SET leaving = 1 WHERE workspace = $1 AND login = $2 AND leaving = 0;

-- name: bi_user_delete
DELETE FROM bi_users WHERE workspace = $1 AND login = $2 AND leaving = 1;
