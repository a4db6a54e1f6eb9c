-- The funnel by joining hits with themselves: for every entry the next hit of each further step. One row a step: how many got there.
WITH
    steps AS (
        SELECT visitor, toUnixTimestamp64Milli(at) AS t, multiIf(type = 'event', 4, path = '/pricing', 3, path = '/features', 2, 1) AS step
        FROM plain.hits
        WHERE workspace = 1 AND date >= toDate(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND date <= toDate(fromUnixTimestamp64Milli({end:Int64} + {window:Int64}, 'UTC'))
            AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC')
            AND (type = 'pageview' AND path IN ('/', '/features', '/pricing') OR type = 'event' AND name = 'signup_started')
    ),
    first AS (SELECT visitor, t FROM steps WHERE step = 1 AND t < {end:Int64}),
    second AS (SELECT f.visitor AS visitor, f.t AS began, s.t AS t FROM first AS f ASOF JOIN (SELECT visitor, t FROM steps WHERE step = 2) AS s ON s.visitor = f.visitor AND s.t > f.t WHERE s.t <= f.t + {window:Int64}),
    third AS (SELECT f.visitor AS visitor, f.began AS began, s.t AS t FROM second AS f ASOF JOIN (SELECT visitor, t FROM steps WHERE step = 3) AS s ON s.visitor = f.visitor AND s.t > f.t WHERE s.t <= f.began + {window:Int64}),
    fourth AS (SELECT f.visitor AS visitor FROM third AS f ASOF JOIN (SELECT visitor, t FROM steps WHERE step = 4) AS s ON s.visitor = f.visitor AND s.t > f.t WHERE s.t <= f.began + {window:Int64})
SELECT step, uniqExact(visitor) AS reached
FROM (
    SELECT toUInt8(1) AS step, visitor FROM first
    UNION ALL SELECT toUInt8(2), visitor FROM second
    UNION ALL SELECT toUInt8(3), visitor FROM third
    UNION ALL SELECT toUInt8(4), visitor FROM fourth
)
GROUP BY step
ORDER BY step
