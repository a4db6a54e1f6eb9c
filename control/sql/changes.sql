-- name: serial_next
UPDATE serials SET last = last + 1 WHERE name = $1 RETURNING last;

-- name: change_insert
INSERT INTO changes (seq, at, workspace, what) VALUES ($1, $2, $3, $4);

-- name: change_last
SELECT last FROM serials WHERE name = 'changes';

-- name: changes_prune
DELETE FROM changes WHERE at < $1;

-- name: audit_insert
INSERT INTO audit_log (id, workspace, at, member, action, subject) VALUES ($1, $2, $3, $4, $5, $6);

-- name: audit_list
SELECT id, at, member, action, subject FROM audit_log WHERE workspace = $1 AND id < $2 ORDER BY id DESC LIMIT $3;
