-- What a process that has ended still holds is given back.

-- name: leases_outbox
UPDATE outbox SET lease = '', leased_until = 0, begun = '', due = $1 WHERE state = 'pending' AND leased_until > $1;

-- name: leases_stages
UPDATE stage_changes SET lease = '', leased_until = 0 WHERE leased_until > $1;

-- name: leases_inbox
UPDATE inbox SET lease = $2, leased_until = 0 WHERE leased_until > $1;

-- name: leases_tasks
UPDATE tasks SET lease = $2, leased_until = 0 WHERE leased_until > $1;

-- name: leases_looks
UPDATE looks SET lease = $2, leased_until = 0 WHERE leased_until > $1;

-- name: leases_tokens
UPDATE tokens SET lease = $2, leased_until = 0 WHERE leased_until > $1;
