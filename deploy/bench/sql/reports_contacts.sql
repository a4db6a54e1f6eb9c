-- The people among the visitors {from} up to {to}: every 24th, known from a moment within the first of its visits on.
INSERT INTO contacts (workspace, id, version, is_deleted, redirect, email, name, emails, nodes, created_at)
SELECT 1, sipHash128('contact', v), 1, 0, toFixedString('', 16), concat('p', toString(v), '@shop.example') AS email, '', [email], [concat('user:', toString(v))], started_at + toIntervalSecond(5)
FROM (SELECT number AS v, UUIDNumToString(sipHash128('visitor', number)) AS visitor FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64}) WHERE number % 24 = 0) AS p
INNER JOIN (SELECT visitor, min(started_at) AS started_at FROM sessions WHERE workspace = 1 GROUP BY visitor) AS s ON s.visitor = p.visitor
