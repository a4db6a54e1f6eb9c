-- The baseline of funnels: windowFunnel over raw hits, of which only those that are some step are read. The path / begins one, and
-- what follows counts for up to {window} milliseconds. One row a step: how many got there.
SELECT step, countIf(level >= step) AS reached
FROM (
    SELECT visitor, windowFunnel({window:UInt64})(toUInt64(toUnixTimestamp64Milli(at)),
        type = 'pageview' AND path = '/' AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC'),
        type = 'pageview' AND path = '/features',
        type = 'pageview' AND path = '/pricing',
        type = 'event' AND name = 'signup_started') AS level
    FROM plain.hits
    WHERE workspace = 1 AND date >= toDate(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND date <= toDate(fromUnixTimestamp64Milli({end:Int64} + {window:Int64}, 'UTC'))
        AND at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC')
        AND (type = 'pageview' AND path IN ('/', '/features', '/pricing') OR type = 'event' AND name = 'signup_started')
    GROUP BY visitor
)
ARRAY JOIN [1, 2, 3, 4] AS step
WHERE level > 0
GROUP BY step
ORDER BY step
