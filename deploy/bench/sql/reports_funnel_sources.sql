-- The funnel broken down by the source with which people entered, by window functions over raw hits: for every hit that is some
-- step, when the further steps were next reached. Of a visitor's entries the one that gets furthest counts, the earliest of equals.
WITH
    steps AS (
        SELECT visitor, toUnixTimestamp64Milli(at) AS t, source, multiIf(type = 'event', 4, path = '/pricing', 3, path = '/features', 2, 1) AS step
        FROM plain.hits
        WHERE workspace = 1 AND date >= toDate(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND date <= toDate(fromUnixTimestamp64Milli({end:Int64} + {window:Int64}, 'UTC'))
            AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC')
            AND (type = 'pageview' AND path IN ('/', '/features', '/pricing') OR type = 'event' AND name = 'signup_started')
    ),
    fourth AS (
        SELECT *, minIf(t, step = 4) OVER (PARTITION BY visitor ORDER BY t ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS t4
        FROM steps
    ),
    third AS (
        SELECT *, minIf((t, t4), step = 3) OVER (PARTITION BY visitor ORDER BY t ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS t3
        FROM fourth
    ),
    second AS (
        SELECT *, minIf((t, t3), step = 2) OVER (PARTITION BY visitor ORDER BY t ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS t2
        FROM third
    ),
    entries AS (
        SELECT visitor, t, source,
            arrayFirstIndex(x -> x = 0 OR x > t + {window:Int64}, [t2.1, t2.2.1, t2.2.2, 0]) AS level
        FROM second
        WHERE step = 1 AND t < {end:Int64}
    )
SELECT source, step, countIf(deepest >= step) AS reached
FROM (SELECT visitor, max(level) AS deepest, argMin(source, (-toInt64(level), t)) AS source FROM entries GROUP BY visitor)
ARRAY JOIN [1, 2, 3, 4] AS step
GROUP BY source, step
HAVING reached > 0
ORDER BY source, step
