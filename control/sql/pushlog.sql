-- name: pushes_of
SELECT o.id, o.workspace, o.destination, o.conversion, o.contact, o.conversion_name, o.at, o.stage, o.state, o.words, o.code, o.attempts, o.tries, o.open, o.open_since, o.alone, o.receipt,
    o.first_at, o.due, o.created_at, o.updated_at, o.waits, o.wait_until, o.note, d.platform, d.name
FROM outbox o JOIN destinations d ON d.id = o.destination
WHERE o.workspace = $1 AND ($2 = 0 OR o.destination = $2) AND ($3 = '' OR o.state = $3)
    AND (o.created_at < $4 OR o.created_at = $4 AND o.id < $5)
ORDER BY o.created_at DESC, o.id DESC LIMIT $6;

-- name: pushes_of_contact
SELECT o.id, o.workspace, o.destination, o.conversion, o.contact, o.conversion_name, o.at, o.stage, o.state, o.words, o.code, o.attempts, o.tries, o.open, o.open_since, o.alone, o.receipt,
    o.first_at, o.due, o.created_at, o.updated_at, o.waits, o.wait_until, o.note, d.platform, d.name
FROM outbox o JOIN destinations d ON d.id = o.destination
WHERE o.workspace = $1 AND o.contact = $7 AND ($2 = 0 OR o.destination = $2) AND ($3 = '' OR o.state = $3)
    AND (o.created_at < $4 OR o.created_at = $4 AND o.id < $5)
ORDER BY o.created_at DESC, o.id DESC LIMIT $6;

-- name: push_get
SELECT o.id, o.workspace, o.destination, o.conversion, o.contact, o.conversion_name, o.at, o.stage, o.state, o.words, o.code, o.attempts, o.tries, o.open, o.open_since, o.alone, o.receipt,
    o.first_at, o.due, o.created_at, o.updated_at, o.waits, o.wait_until, o.note, d.platform, d.name
FROM outbox o JOIN destinations d ON d.id = o.destination
WHERE o.workspace = $1 AND o.id = $2;

-- name: pushes_about
SELECT o.id, o.workspace, o.destination, o.conversion, o.contact, o.conversion_name, o.at, o.stage, o.state, o.words, o.code, o.attempts, o.tries, o.open, o.open_since, o.alone, o.receipt,
    o.first_at, o.due, o.created_at, o.updated_at, o.waits, o.wait_until, o.note, d.platform, d.name
FROM outbox o JOIN destinations d ON d.id = o.destination
WHERE o.workspace = $1 AND o.conversion IN (/*rows*/#1/*end*/);

-- name: push_counts
SELECT o.destination, o.state, COUNT(*) FROM outbox o JOIN destinations d ON d.id = o.destination
WHERE d.workspace = $1 GROUP BY o.destination, o.state;

-- name: attempts_of
SELECT n, at, ended_at, outcome, code, words FROM push_attempts WHERE push = $1 ORDER BY n;

-- name: attempts_prune
DELETE FROM push_attempts WHERE at < $1;

-- name: attempts_expire
DELETE FROM push_attempts WHERE push IN (
    SELECT o.id FROM outbox o JOIN destinations d ON d.id = o.destination JOIN connections c ON c.id = d.connection
    WHERE c.state = 'disconnected' AND c.since <= $1
);

-- name: pushes_expire
DELETE FROM outbox WHERE destination IN (
    SELECT d.id FROM destinations d JOIN connections c ON c.id = d.connection WHERE c.state = 'disconnected' AND c.since <= $1
);

-- name: pushes_forgotten
UPDATE connections SET pushes_forgotten = since WHERE state = 'disconnected' AND since <= $1 AND pushes_forgotten < since;

-- name: pushes_about_contacts
SELECT o.id, d.platform, o.state, o.open, o.receipt FROM outbox o JOIN destinations d ON d.id = o.destination
WHERE o.workspace = $1 AND o.contact IN (/*rows*/#1/*end*/);

-- name: pushes_about_conversions
SELECT o.id, d.platform, o.state, o.open, o.receipt FROM outbox o JOIN destinations d ON d.id = o.destination
WHERE o.workspace = $1 AND o.conversion IN (/*rows*/#1/*end*/);

-- name: pushes_delete
DELETE FROM outbox WHERE id IN (/*rows*/#1/*end*/);

-- name: attempts_delete
DELETE FROM push_attempts WHERE push IN (/*rows*/#1/*end*/);

-- What was being sent is not sent again, since nothing is left of what to send.
-- name: pushes_anonymise
UPDATE outbox SET contact = '', note = '', updated_at = $2, words = CASE WHEN state = 'pending' AND receipt = '' THEN $1 ELSE '' END,
    state = CASE WHEN state = 'pending' AND receipt = '' THEN 'error' ELSE state END
WHERE id IN (/*rows*/#1/*end*/);

-- name: attempts_anonymise
UPDATE push_attempts SET words = '' WHERE push IN (/*rows*/#1/*end*/);
