-- What the people did that counts: everybody a conversation in one of the visits, every fourth another one, and every third an
-- order, which has a value.
INSERT INTO conversion_facts (workspace, id, version, name, provider, external_id, node, visitor, at, value, currency, updated, visitor_since, received)
WITH
    visits AS (
        SELECT v, p.visitor AS visitor, starts
        FROM (SELECT number AS v, UUIDNumToString(sipHash128('visitor', number)) AS visitor FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64}) WHERE number % 24 = 0) AS p
        INNER JOIN (SELECT visitor, arraySort(groupArray(toUnixTimestamp64Milli(started_at))) AS starts FROM sessions WHERE workspace = 1 GROUP BY visitor) AS s ON s.visitor = p.visitor
    ),
    facts AS (
        SELECT v, visitor, arrayJoin(arrayFilter(i -> i = 1 OR i = 2 AND v % 96 = 0 OR i = 3 AND v % 72 = 0, [1, 2, 3])) AS i,
            starts[1 + sipHash64('visit', v, i) % length(starts)] + 1000 * (10 + toInt64(sipHash64('when', v, i) % 1200)) + 999 AS happened
        FROM visits
    )
SELECT 1, sipHash128('fact', v, i), 1, if(i = 3, 'order', 'intercom_conversation'), if(i = 3, 'api', 'intercom'), concat(toString(v), '/', toString(i)),
    concat('user:', toString(v)), visitor, fromUnixTimestamp64Milli(happened, 'UTC'), if(i = 3, round(10 + 200 * sipHash64('value', v) / 18446744073709551616., 2), 0),
    'EUR', fromUnixTimestamp64Milli(happened, 'UTC'), fromUnixTimestamp64Milli(happened, 'UTC'), fromUnixTimestamp64Milli(happened, 'UTC')
FROM facts
