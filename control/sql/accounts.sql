-- name: users_count
SELECT COUNT(*) FROM users;

-- name: user_by_email
SELECT id, password FROM users WHERE email = $1;

-- name: user_insert
INSERT INTO users (id, email, password, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING;

-- name: user_password
UPDATE users SET password = $2 WHERE id = $1;

-- name: sign_up_links_clear
DELETE FROM sign_up_links;

-- name: sign_up_link_insert
INSERT INTO sign_up_links (token, expires_at) VALUES ($1, $2);

-- name: sign_up_link_find
SELECT expires_at FROM sign_up_links WHERE token = $1;

-- name: sign_up_link_use
DELETE FROM sign_up_links WHERE token = $1 AND expires_at > $2;

-- name: sign_up_links_prune
DELETE FROM sign_up_links WHERE expires_at <= $1;

-- name: sign_in_insert
INSERT INTO sign_ins (token, member, workspace, created_at, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: sign_in_delete
DELETE FROM sign_ins WHERE token = $1;

-- name: sign_ins_delete
DELETE FROM sign_ins WHERE member = $1;

-- name: sign_ins_leave
DELETE FROM sign_ins WHERE workspace = $1 AND member = $2;

-- name: sign_ins_prune
DELETE FROM sign_ins WHERE expires_at <= $1;

-- name: session_find
SELECT u.id, u.email, m.workspace, m.role
FROM sign_ins s
JOIN users u ON u.id = s.member
JOIN members m ON m.workspace = s.workspace AND m.member = s.member
WHERE s.token = $1 AND s.expires_at > $2;

-- name: session_switch
UPDATE sign_ins SET workspace = $2
WHERE token = $1 AND expires_at > $3
AND EXISTS (SELECT 1 FROM members m WHERE m.workspace = $2 AND m.member = sign_ins.member);

-- name: failures_find
SELECT failures, last_at FROM sign_in_failures WHERE subject = $1;

-- name: failure_add
INSERT INTO sign_in_failures (subject, failures, last_at) VALUES ($1, 1, $2)
ON CONFLICT (subject) DO UPDATE SET
    failures = CASE WHEN sign_in_failures.last_at < $3 THEN 1 ELSE sign_in_failures.failures + 1 END,
    last_at = excluded.last_at;

-- name: failures_clear
DELETE FROM sign_in_failures WHERE subject = $1;

-- name: failures_prune
DELETE FROM sign_in_failures WHERE last_at < $1;

-- name: member_insert
INSERT INTO members (workspace, member, role, since) VALUES ($1, $2, $3, $4) ON CONFLICT (workspace, member) DO NOTHING;

-- name: member_first
SELECT workspace, role FROM members WHERE member = $1 ORDER BY since, workspace LIMIT 1;

-- name: member_find
SELECT m.role, (SELECT COUNT(*) FROM members o WHERE o.workspace = $1 AND o.role = 'owner')
FROM members m WHERE m.workspace = $1 AND m.member = $2;

-- name: member_role
UPDATE members SET role = $3 WHERE workspace = $1 AND member = $2;

-- name: member_delete
DELETE FROM members WHERE workspace = $1 AND member = $2;

-- name: members_of
SELECT u.id, u.email, m.role, m.since FROM members m JOIN users u ON u.id = m.member
WHERE m.workspace = $1 ORDER BY m.since, u.id;

-- name: memberships_of
SELECT w.id, w.name, m.role FROM members m JOIN workspaces w ON w.id = m.workspace
WHERE m.member = $1 ORDER BY m.since, w.id;

-- name: workspace_lock
UPDATE workspaces SET name = name WHERE id = $1;

-- name: api_key_insert
INSERT INTO api_keys (id, workspace, token, name, role, created_at, created_by, hint) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (token) DO NOTHING;

-- name: api_key_workspace
SELECT workspace FROM api_keys WHERE token = $1;

-- name: api_key_delete
DELETE FROM api_keys WHERE workspace = $1 AND id = $2;

-- name: api_keys_of
SELECT id, name, role, hint, created_at, last_used_at FROM api_keys WHERE workspace = $1 ORDER BY id;

-- name: api_key_name
SELECT name FROM api_keys WHERE workspace = $1 AND id = $2;

-- name: api_key_used
UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2;

-- name: api_keys_all
SELECT id, workspace, token, role FROM api_keys;
