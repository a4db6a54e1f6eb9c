-- What there is to copy: the months of the sessions that rest, which began more than two days ago; what of each was changed
-- since a moment of its own, from which its copy is; and the clock.
SELECT s.month AS month, s.sessions AS sessions, c.changed AS changed, toDate32(now('UTC')) - 2 AS rests, toUnixTimestamp64Milli(now64(3, 'UTC')) AS clock
FROM (
    SELECT toYYYYMM(day) AS month, count() AS sessions
    FROM sessions
    WHERE day < toDate32(now('UTC')) - 2
    GROUP BY month
) AS s
LEFT JOIN (
    SELECT toYYYYMM(day) AS month, uniq(workspace, day, visitor) AS changed
    FROM journey_changes
    WHERE toUnixTimestamp64Milli(noted) > transform(toYYYYMM(day), {months:Array(UInt32)}, {noted:Array(Int64)}, toInt64(0))
    GROUP BY month
) AS c ON c.month = s.month
ORDER BY month
SETTINGS max_threads = 1
