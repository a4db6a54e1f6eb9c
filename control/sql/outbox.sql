-- What stands between /*rows*/ and /*end*/ is there once for every row; #1, #2 …
-- are the row's own values.

-- name: push_find
SELECT id, destination, contact, conversion_name, at, stage, state, words, code, attempts, open, due, waits, wait_until, leased_until
FROM outbox WHERE id IN (/*rows*/#1/*end*/);

-- name: push_insert
INSERT INTO outbox (id, workspace, destination, conversion, contact, conversion_name, at, stage, state, words, code, due, waits, wait_until, note,
    created_at, updated_at, attempts, tries, open, open_since, alone, receipt, first_at, lease, leased_until, begun)
VALUES /*rows*/(#1, #2, #3, #4, #5, #6, #7, #8, #9, #10, #11, #12, #13, #14, #15, $1, $1, 0, 0, 0, 0, 0, '', 0, '', 0, '')/*end*/;

-- name: push_change
WITH given (id, destination, contact, conversion_name, at, stage, state, words, code, due, waits, wait_until) AS (
    VALUES /*rows*/(CAST(#1 AS TEXT), CAST(#2 AS BIGINT), CAST(#3 AS TEXT), CAST(#4 AS TEXT), CAST(#5 AS BIGINT), CAST(#6 AS TEXT),
        CAST(#7 AS TEXT), CAST(#8 AS TEXT), CAST(#9 AS TEXT), CAST(#10 AS BIGINT), CAST(#11 AS TEXT), CAST(#12 AS BIGINT))/*end*/
)
UPDATE outbox SET destination = given.destination, contact = given.contact, conversion_name = given.conversion_name, at = given.at,
    stage = given.stage, state = given.state, words = given.words, code = given.code, due = given.due, waits = given.waits,
    wait_until = given.wait_until, updated_at = $1
FROM given WHERE outbox.id = given.id;

-- How much is due, no more counted of each destination than anybody would take.
-- name: pushes_ready
SELECT d.id, (
    SELECT COUNT(*) FROM (
        SELECT 1 AS due FROM outbox o WHERE o.destination = d.id AND o.state = 'pending' AND o.due <= $1 LIMIT $2
    ) AS counted
)
FROM destinations d JOIN connections c ON c.id = d.connection
WHERE c.state = 'connected' AND d.paused = 0 AND d.removed_at = 0
    AND EXISTS (SELECT 1 FROM outbox o WHERE o.destination = d.id AND o.state = 'pending' AND o.due <= $1);

-- The ids alone say which: where a planner believes that almost nothing waits,
-- as it does until it counts again, more conditions would have it walk through
-- all that waits, and look for the ids anew at each.
-- name: pushes_take
UPDATE outbox SET lease = $3, leased_until = $4, due = $4
WHERE id IN (
    SELECT id FROM outbox WHERE destination = $1 AND state = 'pending' AND due <= $2 ORDER BY due LIMIT $5
)
RETURNING id, workspace, destination, conversion, contact, conversion_name, at, stage, state, words, code, attempts, tries, open, open_since, alone, receipt,
    first_at, due, created_at, updated_at, waits, wait_until, note;

-- The state is written so that it does not lead to the index of what waits, for
-- the same reason: the ids do.
-- name: pushes_begin
UPDATE outbox SET begun = $1, open = open + 1, open_since = CASE WHEN open = 0 THEN $2 ELSE open_since END,
    attempts = attempts + 1, tries = tries + 1, first_at = CASE WHEN first_at = 0 THEN $2 ELSE first_at END, updated_at = $2
WHERE id IN (/*rows*/#1/*end*/) AND lease = $1 AND begun <> $1 AND leased_until > $2 AND state || '' = 'pending'
RETURNING id, attempts, tries, open_since, first_at;

-- name: attempt_insert
INSERT INTO push_attempts (push, n, at, ended_at, outcome, code, words) VALUES /*rows*/(#1, #2, $1, 0, '', '', '')/*end*/;

-- What is said of a receipt is said of the attempt that it was given for.
-- name: attempts_end
WITH given (id, lease, outcome, code, words) AS (
    VALUES /*rows*/(CAST(#1 AS TEXT), CAST(#2 AS TEXT), CAST(#3 AS TEXT), CAST(#4 AS TEXT), CAST(#5 AS TEXT))/*end*/
)
UPDATE push_attempts SET ended_at = $1, outcome = given.outcome, code = given.code, words = given.words
FROM given, outbox WHERE outbox.id = given.id AND outbox.lease = given.lease AND (outbox.begun = given.lease OR outbox.receipt <> '')
    AND push_attempts.push = outbox.id AND push_attempts.n = outbox.attempts;

-- A push that was cancelled while somebody sent it takes their last word only.
-- Of the attempts without an outcome this one is none any more when its outcome
-- is known, and all are none when the platform has it.
-- name: pushes_end
WITH given (id, lease, state, words, code, due, receipt, alone, known, taken) AS (
    VALUES /*rows*/(CAST(#1 AS TEXT), CAST(#2 AS TEXT), CAST(#3 AS TEXT), CAST(#4 AS TEXT), CAST(#5 AS TEXT), CAST(#6 AS BIGINT), CAST(#7 AS TEXT),
        CAST(#8 AS BIGINT), CAST(#9 AS BIGINT), CAST(#10 AS BIGINT))/*end*/
)
UPDATE outbox SET
    state = CASE WHEN outbox.state = 'pending' OR given.state <> 'pending' THEN given.state ELSE outbox.state END,
    words = CASE WHEN outbox.state = 'pending' OR given.state <> 'pending' THEN given.words ELSE outbox.words END,
    code = CASE WHEN outbox.state = 'pending' OR given.state <> 'pending' THEN given.code ELSE outbox.code END,
    open = CASE WHEN given.taken = 1 THEN 0 WHEN given.known = 1 AND outbox.begun = given.lease THEN outbox.open - 1 ELSE outbox.open END,
    open_since = CASE WHEN given.taken = 1 OR given.known = 1 AND outbox.begun = given.lease AND outbox.open = 1 THEN 0 ELSE outbox.open_since END,
    due = given.due, receipt = given.receipt, alone = given.alone, updated_at = $1, lease = '', leased_until = 0, begun = ''
FROM given WHERE outbox.id = given.id AND outbox.lease = given.lease AND given.lease <> '';

-- name: pushes_cancel
UPDATE outbox SET state = CASE WHEN receipt <> '' THEN 'sent' ELSE 'error' END, code = '',
    words = CASE WHEN receipt <> '' THEN $2 WHEN open > 0 THEN $3 ELSE $4 END, updated_at = $1
WHERE destination = $5 AND state = 'pending';

-- name: pushes_cancel_some
UPDATE outbox SET state = CASE WHEN receipt <> '' THEN 'sent' ELSE 'error' END, code = '',
    words = CASE WHEN receipt <> '' THEN $2 WHEN open > 0 THEN $3 ELSE $4 END, updated_at = $1
WHERE id IN (/*rows*/#1/*end*/) AND state = 'pending';

-- Of several pushes of one conversion the one that waits comes first.
-- name: pushes_unsent
SELECT id, conversion, state, receipt, open, leased_until FROM outbox
WHERE destination = $1 AND state IN ('pending', 'pending_identity', 'skipped_consent', 'error') AND contact <> ''
ORDER BY CASE WHEN state = 'error' THEN 1 ELSE 0 END, created_at DESC, id;

-- Nobody holds it any more: whoever took it would send it under the former id.
-- name: pushes_readdress
WITH given (id, next) AS (VALUES /*rows*/(CAST(#1 AS TEXT), CAST(#2 AS TEXT))/*end*/)
UPDATE outbox SET id = given.next, due = CASE WHEN leased_until > 0 THEN $1 ELSE due END, updated_at = $1,
    tries = 0, open = 0, open_since = 0, first_at = 0, alone = 0, receipt = '', lease = '', leased_until = 0, begun = ''
FROM given WHERE outbox.id = given.id;

-- name: attempts_readdress
WITH given (id, next) AS (VALUES /*rows*/(CAST(#1 AS TEXT), CAST(#2 AS TEXT))/*end*/)
UPDATE push_attempts SET push = given.next FROM given WHERE push_attempts.push = given.id;

-- name: pushes_wake
UPDATE outbox SET due = $2
WHERE destination IN (SELECT id FROM destinations WHERE connection = $1) AND state = 'pending' AND due > $2 AND leased_until <= $2;

-- name: pushes_retry
UPDATE outbox SET state = 'pending', words = '', code = '', due = CASE WHEN leased_until > $1 THEN leased_until ELSE $1 END,
    tries = 0, open = 0, open_since = 0, first_at = 0, alone = 0, receipt = '', waits = '[]', wait_until = 0, updated_at = $1
WHERE id IN (/*rows*/#1/*end*/) AND state = 'error';

-- name: pushes_failed
SELECT id, conversion FROM outbox WHERE destination = $1 AND state = 'error' AND contact <> '';

-- name: pushes_note
UPDATE outbox SET note = $3, updated_at = $4 WHERE conversion = $2 AND workspace = $1 AND state IN ('sent', 'duplicate') AND note <> $3;

-- name: outbox_sizes
SELECT d.platform, COUNT(*),
    SUM(CASE WHEN o.due <= $1 AND c.state = 'connected' AND d.paused = 0 THEN 1 ELSE 0 END),
    MIN(CASE WHEN o.due <= $1 AND c.state = 'connected' AND d.paused = 0 THEN o.due ELSE $1 END)
FROM outbox o JOIN destinations d ON d.id = o.destination JOIN connections c ON c.id = d.connection
WHERE o.state = 'pending' GROUP BY d.platform ORDER BY d.platform;

-- name: pushes_withdraw
DELETE FROM outbox WHERE workspace = $1 AND conversion IN (/*rows*/#1/*end*/) AND attempts = 0;
