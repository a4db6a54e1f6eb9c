-- A funnel in order, with anything between the steps.
--
-- Events that match a step are folded per entity, from the last back to the first. The fold's state holds, for every
-- step, the times of the earliest chain that begins with the nearest later event of that step and goes on through the
-- following ones; an event of step k in front of it makes a longer chain. Taking the nearest event is never worse than
-- taking a later one, so a chain that begins at a step 1 holds, for every further step, the earliest possible time, and
-- whatever lies beyond the window is cut off. Of an entity's step-1 events the one that gets furthest counts, the earliest of
-- equals. Position, not time alone, orders events: two at one time are ordered by the hit's id, conversions come last.
WITH
    {window:Int64} AS window_ms,
    fromUnixTimestamp64Milli({begin:Int64}, 'UTC') AS begins,
    fromUnixTimestamp64Milli({end:Int64}, 'UTC') AS ends,
    fromUnixTimestamp64Milli({end:Int64} + {window:Int64}, 'UTC') AS last_event,
    toFixedString('', 16) AS nobody,
{{- if .Contacts}}
    people AS (
        SELECT id
        FROM contacts FINAL
        WHERE workspace = {workspace:UInt32} AND redirect = nobody
            AND (email != '' OR phone != '' OR arrayExists(n -> startsWith(n, 'user:'), nodes))
    ),
{{- end}}
    events AS (
        SELECT entity, (happened, tie, mask, key) AS event
        FROM (
            SELECT
                toUnixTimestamp64Milli(started_at) AS started,
                arrayJoin(arrayFilter(e -> e.3 != 0, arrayMap((offset, type, url, name, hit) ->
                    (started + offset, hit, toUInt16({{.ItemMask}})), items_at, items_type, items_url, items_name, items_hit))) AS item,
                item.1 AS happened, concat(item.2, '') AS tie, item.3 AS mask,
                {{.ItemEntity}} AS entity,
                {{.SessionKey}} AS key
            FROM sessions AS s FINAL
{{- if .Contacts}}
            INNER JOIN (
                SELECT substring(node, 9) AS browser, since, contacts
                FROM identities FINAL
                WHERE workspace = {workspace:UInt32} AND startsWith(node, 'visitor:')
            ) AS i ON i.browser = s.visitor
{{- end}}
            WHERE workspace = {workspace:UInt32} AND day <= toDate32(last_event) AND started_at <= last_event AND ended_at >= begins
        )
        WHERE happened >= {begin:Int64} AND happened < {end:Int64} + {window:Int64} + 1
{{- if .Contacts}}
            AND entity IN (SELECT id FROM people)
{{- end}}
        UNION ALL
        SELECT {{.ConversionEntity}} AS entity,
            (toUnixTimestamp64Milli(at), repeat('\xff', 17), toUInt16({{.ConversionMask}}) AS mask, {{.ConversionKey}})
        FROM (
            SELECT *
            FROM conversions
            WHERE workspace = {workspace:UInt32} AND at >= begins AND at <= last_event
            ORDER BY version DESC, known_at DESC
            LIMIT 1 BY at, id
        )
        WHERE NOT deleted AND mask != 0 AND ({{.ConversionCounts}})
    ),
    entities AS (
        SELECT
            arrayReverseSort(groupArray(event)) AS backwards,
            arrayFold(
                (state, e) -> (
                    arrayMap((step, own, next) -> if(bitTest(e.3, step - 1), arrayPushFront(next, e.1), own),
                        arrayEnumerate(state.1), state.1, arrayPushBack(arrayPopFront(state.1), [] :: Array(Int64))),
                    arrayFilter(t -> t <= e.1 + window_ms, arrayPushFront(state.1[2], e.1)) AS chain,
                    if(bitTest(e.3, 0) AND e.1 >= {begin:Int64} AND e.1 < {end:Int64} AND length(chain) >= length(state.3), chain, state.3),
                    if(bitTest(e.3, 0) AND e.1 >= {begin:Int64} AND e.1 < {end:Int64} AND length(chain) >= length(state.3), e.4, state.4)
                ),
                backwards,
                (arrayWithConstant({steps:UInt8}, [] :: Array(Int64)), [] :: Array(Int64), [] :: Array(Int64), '')
            ) AS folded,
            folded.3 AS best,
            folded.4 AS entry
        FROM events
        GROUP BY entity
        HAVING notEmpty(best)
    )
SELECT
    key, grouping(key) = 1 AS whole, step, count() AS entered,
    quantileExactInclusive(0.5)(after) AS median, quantileExactInclusive(0.9)(after) AS p90
FROM (
    SELECT entry AS key, best[1] AS first, arrayJoin(arrayMap((t, i) -> (i, t - first), best, arrayEnumerate(best))) AS reached,
        reached.1 AS step, reached.2 / 1000 AS after
    FROM entities
)
GROUP BY GROUPING SETS ((step), (key, step))
ORDER BY whole DESC, key, step
