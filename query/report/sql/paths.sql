-- What the data-driven models read: the paths of conversions, and of browsers that converted in none. A state is the place
-- of a touch's keys among the players, one more for all other keys; where there are filters, as many again for touches
-- that do not match them. Neighbours that are alike are one.
--
-- With sets: a row for each set of states, as bits: conversions that have it, their value, and browsers that did not convert.
-- Otherwise: how often each state follows which, 0 being the start, -1 a conversion and -2 none; and the value of these.
{{template "placed.sql" .}},
    converted AS (
        SELECT value, arrayCompact(arrayMap(place -> {{.State}}, places)) AS states
        FROM placed
        WHERE places[1] > 0
    ),
    -- Of those who did not convert one browser in so many stands for all.
    missed AS (
        SELECT arrayCompact(arraySlice(arrayMap(v -> v.3, arraySort(groupArray((started, session, state)))), -100)) AS states
        FROM (
            SELECT visitor, toUnixTimestamp64Milli(started_at) AS started, session, {{.SessionState}} AS state
            FROM sessions FINAL
            WHERE workspace = {workspace:UInt32}
                AND day >= toDate32(fromUnixTimestamp64Milli({begin:Int64}, 'UTC')) AND day <= toDate32(fromUnixTimestamp64Milli({end:Int64}, 'UTC'))
                AND started_at >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AND started_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
                AND NOT bot AND cityHash64(visitor) % {every:UInt64} = 0
                AND visitor NOT IN (SELECT arrayJoin(touches_visitor) FROM placed){{if .SessionExclusions}} AND NOT ({{.SessionExclusions}}){{end}}
        )
        GROUP BY visitor
    ),
    together AS (
        SELECT states, 1. AS conversions, value, 0. AS misses FROM converted
        UNION ALL
        SELECT states, 0. AS conversions, 0. AS value, toFloat64({every:UInt64}) AS misses FROM missed
    )
{{if .Sets}}
SELECT arrayReduce('groupBitOr', arrayMap(state -> bitShiftLeft(toUInt64(1), toUInt8(state - 1)), states)) AS members,
    sum(conversions), sum(value), sum(misses)
FROM together
GROUP BY members
{{else}}
SELECT step.1 AS origin, step.2 AS next, sum(conversions + misses), sum(if(step.2 = -1, value, 0))
FROM (
    SELECT conversions, value, misses,
        arrayJoin(arrayZip(arrayPushFront(states, toInt32(0)), arrayPushBack(states, if(conversions > 0, toInt32(-1), toInt32(-2))))) AS step
    FROM together
)
GROUP BY origin, next
{{end}}
